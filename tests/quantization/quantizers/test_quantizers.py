"""The contract of quantizers, of every config and of one's own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from paretoprune.config.compose import targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.quantization.quantizers.weights import Weights
from paretoprune.testing import check_quantizer

FOUND = targets_of("quantization")


@pytest.mark.parametrize("name", FOUND)
def test_the_kit(name: str) -> None:
    check_quantizer(build(Target(path=FOUND[name])))


class Noisy(Weights):
    """Other models in every call."""

    def models(self, model, samples, /):  # type: ignore[no-untyped-def]
        made = super().models(model, samples)
        return {name: partial(self.noisy, make) for name, make in made.items()}

    @torch.no_grad()
    def noisy(self, make):  # type: ignore[no-untyped-def]
        found = make()
        for parameter in found.model.parameters():
            parameter.add_(torch.randn_like(parameter))
        return found


class InTraining(Weights):
    def models(self, model, samples, /):  # type: ignore[no-untyped-def]
        made = super().models(model, samples)
        return {name: partial(self.training, make) for name, make in made.items()}

    def training(self, make):  # type: ignore[no-untyped-def]
        return replace(make(), model=make().model.train())


class Nothing(Weights):
    def models(self, model: nn.Module, samples: object, /) -> dict[str, object]:  # type: ignore[override]
        return {}


@pytest.mark.parametrize(
    ("quantizer", "message"),
    [(Noisy(), "not deterministic"), (InTraining(), "is training"), (Nothing(), "the same models")],
)
def test_the_kit_finds_what_is_wrong(quantizer: Weights, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_quantizer(quantizer)
