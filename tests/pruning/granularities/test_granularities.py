"""The contract of granularities, of every config and of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.compose import targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.pruning.granularities.channels import Channels
from paretoprune.pruning.unstructured.layers import MaskedLayers, find_layers
from paretoprune.pruning.unstructured.patterns import Weights
from paretoprune.testing import check_granularity
from tests.config.test_load import composed

FOUND = targets_of("granularity")


@pytest.mark.parametrize("name", FOUND)
def test_the_kit(name: str) -> None:
    check_granularity(build(Target(path=FOUND[name])))


class Reversed(Weights):
    """Keeps the worst weights of what is left of the best: masks are not nested."""

    def mask(self, scores: Tensor, keep: int) -> Tensor:
        return super().mask(scores if keep % 2 else -scores, keep)


class OneTooMany(Weights):
    def mask(self, scores: Tensor, keep: int) -> Tensor:
        return super().mask(scores, keep + 1)


@dataclass(frozen=True)
class Own:
    """An unstructured granularity with a pattern."""

    pattern: Weights
    traits: ClassVar = ("is_unstructured",)

    def find(self, model: nn.Module, example: object, /) -> MaskedLayers:
        return find_layers(model, self.pattern)


class Untold(Own):
    traits: ClassVar = ()


class Changed(Channels):
    def find(self, model, example, /):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            next(model.parameters()).mul_(2.0)
        return super().find(model, example)


@pytest.mark.parametrize(
    ("granularity", "message"),
    [
        (Own(Reversed()), "not nested"),
        (Own(OneTooMany()), "another share"),
        (Untold(Weights()), "must name"),
        (Changed(), "weights changed"),
    ],
)
def test_the_kit_finds_what_is_wrong(granularity: Own | Channels, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_granularity(granularity)


def test_ones_own_keeps_the_contract() -> None:
    check_granularity(Own(Weights()))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("granularity._target_=collections.OrderedDict",), "outside the trusted packages"),
        (
            ("granularity._target_=paretoprune.trial.schedules.one_shot.OneShot",),
            "is no granularity, which has the method find",
        ),
        (("granularity=nm", "granularity.m=1"), "`granularity.m`"),
        (("granularity=block", "granularity.rows=x"), "`granularity.rows`"),
    ],
)
def test_what_cannot_be_one_is_reported(overrides: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(composed(*overrides))
    assert len(error.value.mistakes) == 1 and sentence in error.value.mistakes[0]
