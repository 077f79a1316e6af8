"""How the proof looks for what fails, and what its change of weights must not leave behind."""

from __future__ import annotations

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.graph import discover_groups
from paretoprune.pruning.dependency.proof import apart
from tests.kits import families, networks


def test_failing_groups_are_looked_for_in_the_module_that_failed() -> None:
    """Blame gives a part that holds what fails, where it can; halves where it cannot."""
    groups = discover_groups(networks.build("resnet"), networks.example()).prunable
    first, rest = apart(groups, "layer1.1.conv2")
    assert {g.name for g in first} == {"conv1", "layer1.1.conv1"}  # its outputs and its inputs
    assert [*first, *rest] != list(groups) and {*first, *rest} == {*groups}
    assert apart(groups, "") == (groups[: len(groups) // 2], groups[len(groups) // 2 :])
    assert apart(groups[:1] * 2, "nowhere") == (groups[:1], groups[:1])


def test_what_is_worked_out_from_weights_once_follows_their_size() -> None:
    """The proof makes its weights larger half-way; a bias kept from before would be another."""
    model = networks.lively(families.Transformer(families.Biased()))
    groups = find_groups(model, networks.example())
    assert {g.name: g.width for g in groups.prunable} == {"attention.qkv": 4, "mlp.0": 20}
