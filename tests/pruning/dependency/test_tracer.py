"""Products without parameters, and the tensors that take part."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.tracer import trace


class Products(nn.Module):
    """A batched product (6 x 4) (4 x 3) of what a layer gives, and a parameter that has no part."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(5, 4)
        self.idle = nn.Parameter(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        return y @ y[:, :3].transpose(1, 2)


def test_the_work_of_a_product_is_counted_once() -> None:
    traced = trace(Products().eval(), [torch.randn(1, 6, 5)])
    assert [work.macs for work in traced.work] == [6 * 4 * 3]
    assert "fc.weight" in traced.weights and "fc.bias" not in traced.weights
    assert {"fc.weight", "fc.bias"} <= traced.used and "idle" not in traced.used


def test_two_channels_are_the_least_of_which_one_can_be_removed() -> None:
    def network(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 4), nn.Linear(4, 5))

    widths = {
        width: [group.width for group in find_groups(network(width), torch.randn(2, 3)).prunable]
        for width in (1, 2, 3)
    }
    assert widths == {1: [4], 2: [2, 4], 3: [3, 4]}


class Switches(nn.Module):
    """Notes which fused operations may run."""

    def forward(self, x: Tensor) -> Tensor:
        self.seen = fused()
        return x * 1.0


def fused() -> tuple[bool, ...]:
    return (
        torch.backends.mha.get_fastpath_enabled(),
        torch.backends.mkldnn.enabled,
        torch.backends.cuda.flash_sdp_enabled(),
        torch.backends.cuda.mem_efficient_sdp_enabled(),
    )


def test_fused_operations_are_off_in_the_pass_and_as_before_after_it() -> None:
    before = fused()
    assert before[:2] == (True, True)
    model = Switches()
    trace(model, [torch.randn(1, 3)])
    assert not any(model.seen) and fused() == before
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        trace(model, [torch.randn(1, 3)])
        assert not torch.backends.mha.get_fastpath_enabled()
    finally:
        torch.backends.mha.set_fastpath_enabled(True)


def test_dimensions_of_one_index_have_no_channels() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2, 1))
    traced = trace(network.eval(), [torch.randn(1, 1, 1, 1)])
    assert [(name, dim) for name, dim, _ in traced.places] == [
        ("0.weight", 0),
        ("0.bias", 0),
        ("2.weight", 1),
    ]
