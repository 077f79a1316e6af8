"""Nests of tensors and inputs: moved, indexed and joined, whatever their form."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paretoprune.tasks.inputs import Inputs, Keyed, inputs_of, key_of, unkeyed
from paretoprune.tasks.nest import floats, map_tensors, tensors_in

Pair = namedtuple("Pair", ["x", "y"])


class Masked(nn.Module):
    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        return ids if mask is None else ids * mask


@pytest.mark.parametrize(
    "value",
    [
        torch.ones(2),
        [torch.ones(2), "a"],
        (torch.ones(2), [torch.ones(1)]),
        Pair(torch.ones(2), torch.zeros(1)),
        {"ids": torch.ones(2), "text": ["a", "b"]},
        OrderedDict(logits=torch.ones(2)),
    ],
)
def test_a_nest_keeps_its_form(value: Any) -> None:
    doubled = map_tensors(value, lambda tensor: 2 * tensor)
    assert type(doubled) is type(value)
    pairs = zip(tensors_in(doubled), tensors_in(value), strict=True)
    assert all(torch.equal(two, 2 * one) for two, one in pairs)


def test_only_narrow_floats_become_float32() -> None:
    found = floats({"a": torch.ones(1, dtype=torch.bfloat16), "b": torch.ones(1).double()})
    assert [tensor.dtype for tensor in found.values()] == [torch.float32, torch.float64]


def test_arguments_by_position_and_keyword() -> None:
    ids, mask = torch.arange(6).reshape(3, 2), torch.tensor([[1, 0], [1, 1], [0, 0]])
    inputs = Inputs((ids,), {"mask": mask})
    assert len(inputs) == 3
    assert torch.equal(inputs.run(Masked()), ids * mask)
    assert torch.equal(inputs[1:].run(Masked()), (ids * mask)[1:])
    assert torch.equal(inputs[torch.tensor([2, 0])].run(Masked()), (ids * mask)[[2, 0]])
    assert list(inputs.tensors) == ["0", "mask"]
    assert list(inputs.tensors_of(Masked())) == ["ids", "mask"]
    with pytest.raises(TypeError, match="the model has 2"):
        _ = inputs.only


def test_a_list_is_one_entry_for_each_sample() -> None:
    images = [torch.ones(3, size, size) for size in (4, 5, 6)]
    inputs = Inputs((images,))
    assert len(inputs) == 3
    [chosen] = inputs[1:].args
    assert [image.shape[1] for image in chosen] == [5, 6]
    [joined] = Inputs.joined([inputs, inputs[:1]]).args
    assert len(joined) == 4


def test_inputs_of_other_lengths_are_joined_with_zeros_behind() -> None:
    short, long = inputs_of(torch.ones(1, 2)), inputs_of(torch.ones(2, 3))
    joined = Inputs.joined([short, long]).only
    assert joined.tolist() == [[1, 1, 0], [1, 1, 1], [1, 1, 1]]


def test_a_tensor_of_all_samples_is_not_indexed() -> None:
    inputs = Inputs((torch.ones(3, 2), torch.tensor(0.5)))
    assert [tensor.shape for tensor in inputs[:2]] == [(2, 2), ()]


def test_only_our_own_keys_are_keys() -> None:
    x, key = torch.ones(2), torch.arange(2)
    assert key_of((x, x, key)) is None and unkeyed((x, x, key)) == (x, x, key)
    batch = Keyed((x, x), key)
    assert key_of(batch) is key and unkeyed(batch) == (x, x)
