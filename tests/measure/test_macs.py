"""MACs against closed forms, by layer and in total."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from paretoprune.measure.macs import count_macs, macs_per_layer


class Net(nn.Module):
    """A convolution that is called twice, a grouped one, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"twice": nn.Conv2d(4, 4, 3, padding=1), "bn": nn.BatchNorm2d(4)})
        self.grouped = nn.Conv2d(4, 8, 3, stride=2, padding=1, groups=2)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body["bn"](self.body["twice"](self.body["twice"](x)))
        return self.head(self.grouped(x).mean((2, 3)))


def test_each_layer_has_its_closed_form() -> None:
    layers = macs_per_layer(Net(), torch.rand(7, 4, 10, 6))
    assert layers == {
        "body.twice": 2 * (4 * 4 * 9) * (10 * 6),
        "grouped": (8 * 2 * 9) * (5 * 3),
        "head": 8 * 5,
    }
    assert count_macs(Net(), torch.rand(7, 4, 10, 6)) == sum(layers.values())


@settings(max_examples=25, deadline=None)
@given(
    channels=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    size=st.integers(4, 9),
    batch=st.integers(1, 3),
)
def test_convolutions(
    channels: tuple[int, int], kernel: int, stride: int, size: int, batch: int
) -> None:
    conv = nn.Conv2d(*channels, kernel, stride=stride)
    side = (size - kernel) // stride + 1
    expected = channels[0] * channels[1] * kernel**2 * side**2
    assert count_macs(conv, torch.rand(batch, channels[0], size, size)) == expected
    assert macs_per_layer(conv, torch.rand(batch, channels[0], size, size)) == {"": expected}


def test_attention_is_counted_and_its_fast_path_is_restored() -> None:
    tokens, width = 6, 8
    layer = nn.TransformerEncoderLayer(width, 2, dim_feedforward=16, batch_first=True)
    assert torch.backends.mha.get_fastpath_enabled()
    layers = macs_per_layer(layer, torch.rand(3, tokens, width))
    assert layers == {
        "self_attn.in_proj_weight": 3 * tokens * width**2,
        "self_attn": 2 * tokens**2 * width,
        "self_attn.out_proj": tokens * width**2,
        "linear1": tokens * width * 16,
        "linear2": tokens * width * 16,
    }
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_no_trace(training: bool) -> None:
    model = Net().train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_macs(model, torch.rand(1, 4, 5, 5))
    assert all(module.training is training for module in model.modules())
    assert all(tensor.equal(before[name]) for name, tensor in model.state_dict().items())
