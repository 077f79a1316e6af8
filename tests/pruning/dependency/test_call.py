"""Operations by name: in-place variants are the same operation."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from paretoprune.pruning.dependency.call import Call
from paretoprune.pruning.dependency.symbols import Symbols

ATEN = torch.ops.aten


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (ATEN.relu.default, "relu"),
        (ATEN.relu_.default, "relu"),
        (ATEN.add_.Tensor, "add"),
        (ATEN._softmax.default, "_softmax"),
    ],
)
def test_a_name_has_no_trailing_underscore(function: Any, name: str) -> None:
    assert Call(Symbols(), function, (), {}, None, "", {}, ()).name == name


def test_an_argument_is_what_was_given_or_its_default() -> None:
    values = torch.zeros(2, 3)
    call = Call(Symbols(), ATEN.slice.Tensor, (values, 1), {"end": 2}, values, "", {}, ())
    named = {name: call.argument(name) for name in ("dim", "start", "end", "step", "other")}
    assert named == {"dim": 1, "start": None, "end": 2, "step": 1, "other": None}
