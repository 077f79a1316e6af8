"""The contract of compensations, of every config and of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.compose import compose_options, targets_of
from paretoprune.config.groups.compensation import AUTO, LEAST_SQUARES
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.pruning.compensation.methods.interface import Compensation, Moments
from paretoprune.pruning.compensation.methods.least_squares import LeastSquares
from paretoprune.pruning.compensation.updatable import add_to, matrix_of
from paretoprune.testing import check_compensation
from tests.config.test_load import composed

FOUND = {name: path for name, path in targets_of("compensation").items() if path != AUTO.path}


@pytest.mark.parametrize("name", FOUND)
def test_the_kit(name: str) -> None:
    check_compensation(build(Target(path=FOUND[name])))


@dataclass(frozen=True)
class Rescaled(Compensation):
    """The rows of a weight are scaled so that the mean outputs are those before pruning."""

    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        weight, x = matrix_of(layer).double(), moments.inputs[:-1, :-1]
        given, missing = weight @ x, moments.missing[:, :-1]
        factor = (missing * weight).sum(1) / (given * weight).sum(1).clamp(min=1e-9)
        add_to(layer, weight * factor[:, None])


class Worse(LeastSquares):
    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        super().update(layer, dense, replace(moments, missing=-moments.missing))


class Unmasked(LeastSquares):
    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        super().update(layer, dense, moments)
        add_to(layer, torch.full_like(matrix_of(layer), 1e-6))


class Changed(LeastSquares):
    traits: ClassVar = ("keeps_weights",)


class Drifting(LeastSquares):
    calls: list[int] = []  # noqa: RUF012

    def update(self, layer: nn.Module, dense: Tensor, moments: Moments, /) -> None:
        self.calls.append(1)
        LeastSquares(ridge=0.1 + len(self.calls) / 100).update(layer, dense, moments)


def test_ones_own_keeps_the_contract() -> None:
    check_compensation(Rescaled())


@pytest.mark.parametrize(
    ("compensation", "message"),
    [
        (Worse(), "the squared error of the outputs"),
        (Unmasked(), "zeros of .* were changed"),
        (Changed(), "changed, but `traits` names"),
        (Drifting(), "not deterministic"),
    ],
)
def test_the_kit_finds_what_is_wrong(compensation: Compensation, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_compensation(compensation)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("compensation._target_=collections.OrderedDict",), "outside the trusted packages"),
        (
            ("compensation._target_=paretoprune.trial.schedules.one_shot.OneShot",),
            "is no compensation, which has the method update; "
            "see docs/how-to/add-a-compensation.md",
        ),
        (("compensation=none", "+compensation.ridge=1"), "`compensation._target_` is missing"),
        (("+compensation.ridge=1",), "`compensation.ridge` needs `compensation=least_squares`"),
        (("compensation=least_squares", "compensation.ridge=-1"), "`compensation.ridge` must be"),
        (
            ("compensation=obs", "granularity=weights", "compensation.damping=0"),
            "`compensation.damping` must be greater than 0",
        ),
        (
            ("compensation=bias", "schedule=gradual"),
            "`compensation=bias` has no effect with `schedule=gradual`",
        ),
    ],
)
def test_what_has_no_effect_or_cannot_be_one_is_reported(
    overrides: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(composed(*overrides))
    assert len(error.value.mistakes) == 1 and sentence in error.value.mistakes[0]


@pytest.mark.parametrize(
    ("overrides", "method"),
    [
        ((), LEAST_SQUARES),
        (("granularity=depth",), LEAST_SQUARES),
        (("granularity=weights",), None),
        (("schedule=at_init", "scorer=snip"), None),
        (("compensation=none",), None),
        (("granularity=weights", "compensation=least_squares"), LEAST_SQUARES),
    ],
)
def test_auto_is_least_squares_of_trained_channels(
    overrides: tuple[str, ...], method: Target | None
) -> None:
    found = load_settings(composed(*overrides)).compensation_method
    assert (found and found.path) == (method and method.path)


def test_a_compensation_is_named_in_python_and_in_a_file_as_on_the_command_line(
    tmp_path: Path,
) -> None:
    settings = load_settings(compose_options({"compensation": "none"}))
    assert settings.compensation is None
