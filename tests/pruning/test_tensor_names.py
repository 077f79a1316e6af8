"""Names of layers and of shared tensors, and sizes that channels may have."""

from __future__ import annotations

import pytest
from torch import nn
from torch.nn.utils import parametrizations

from paretoprune.pruning.tensor_names import aliases_in, layer_of, sizes_of_channels, tied_names


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("a.b.weight", "a.b"),
        ("weight", ""),
        ("a.parametrizations.weight.original0", "a"),
        ("parametrizations.weight.original0", ""),
        ("a.0.parametrizations.weight.0.base", "a.0"),
    ],
)
def test_the_layer_of_a_tensor(tensor: str, layer: str) -> None:
    assert layer_of(tensor) == layer


@pytest.mark.parametrize(
    ("module", "sizes"),
    [
        (nn.Conv2d(3, 8, 5), {3, 8}),
        (nn.Conv2d(1, 8, 5), {8}),
        (nn.Conv2d(12, 8, 5, groups=4), {3, 8, 12}),
        (nn.ConvTranspose1d(6, 10, 7), {6, 10}),
        (nn.ConvTranspose1d(6, 10, 7, groups=2), {5, 6, 10}),
        (nn.Linear(3, 8), {3, 8}),
        (nn.Linear(1, 1), set()),
        (nn.LayerNorm((4, 5)), {4, 5}),
    ],
    ids=str,
)
def test_sizes_of_kernels_and_of_one_are_no_channels(module: nn.Module, sizes: set[int]) -> None:
    assert sizes_of_channels(module, module.weight) == sizes  # type: ignore[arg-type]


class Shared(nn.Module):
    """A module under two names, two of one weight, and a parameter beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.alias = nn.ModuleList([self.a])
        self.c.weight = self.b.weight


def test_aliases_are_other_names_of_one_module_and_ties_of_one_memory() -> None:
    model = Shared()
    aliases = aliases_in(model)
    assert aliases == {"a.weight": ("alias.0.weight",), "a.bias": ("alias.0.bias",)}
    assert tied_names(model, aliases) == {"b.weight": "c.weight", "c.weight": "b.weight"}
    assert aliases_in(nn.Sequential(nn.Linear(2, 2))) == {}
    assert tied_names(nn.Sequential(parametrizations.weight_norm(nn.Linear(2, 2))), {}) == {}
