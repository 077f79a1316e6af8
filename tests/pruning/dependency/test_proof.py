"""How the proof looks for what fails, and what its change of weights must not leave behind."""

from __future__ import annotations

import pytest
import torch

from paretoprune.errors import PruningError
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.graph import discover_groups
from paretoprune.pruning.dependency.proof import Proof, apart
from tests.kits import families, networks


def test_failing_groups_are_looked_for_in_the_module_that_failed() -> None:
    """Blame gives a part that holds what fails, where it can; halves where it cannot."""
    groups = discover_groups(networks.build("resnet"), networks.example()).prunable
    first, rest = apart(groups, "layer1.1.conv2")
    assert {g.name for g in first} == {"conv1", "layer1.1.conv1"}  # its outputs and its inputs
    assert [*first, *rest] != list(groups) and {*first, *rest} == {*groups}
    assert apart(groups, "") == (groups[: len(groups) // 2], groups[len(groups) // 2 :])
    assert apart(groups[:1] * 2, "nowhere") == (groups[:1], groups[:1])


@pytest.mark.parametrize(
    ("share", "dtype"), [(1e-6, None), (1e-2, torch.float32)], ids=["double", "single"]
)
def test_a_group_that_changes_the_outputs_a_little_is_refused(
    share: float, dtype: torch.dtype | None
) -> None:
    """Just over what rounding may do, in the precision in which the network runs."""
    model = networks.Leak(share, dtype)
    for thorough in (False, True):
        proof = Proof.of(model, networks.example())
        if thorough:
            proof.make_thorough()
        fault = proof.fault([networks.leaky_group()])
        assert fault is not None and "changes the outputs" in fault.reason
        assert proof.split([networks.leaky_group()]) == []
        assert proof.reasons == {"conv": fault.reason}
    with pytest.raises(PruningError, match="nothing in this model can be pruned"):
        find_groups(model, networks.example())


@pytest.mark.parametrize("dtype", [None, torch.float32], ids=["double", "single"])
def test_a_right_group_passes(dtype: torch.dtype | None) -> None:
    model = networks.Leak(0.0, dtype)
    proof = Proof.of(model, networks.example())
    assert proof.split([networks.leaky_group()]) == [networks.leaky_group()]
    proof.make_thorough()
    assert proof.fault([networks.leaky_group()]) is None


def test_what_is_worked_out_from_weights_once_follows_their_size() -> None:
    """The proof makes its weights larger half-way; a bias kept from before would be another."""
    model = networks.lively(families.Transformer(families.Biased()))
    groups = find_groups(model, networks.example())
    assert {g.name: g.width for g in groups.prunable} == {"attention.qkv": 4, "mlp.0": 20}
