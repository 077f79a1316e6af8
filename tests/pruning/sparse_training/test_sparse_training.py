"""The contract of sparse trainings, of every config and of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from paretoprune.config.compose import compose_options, targets_of
from paretoprune.config.instantiate import build
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.pruning.sparse_training.gradients import grad_of
from paretoprune.pruning.sparse_training.interface import Group, Penalty, SparseTraining
from paretoprune.pruning.sparse_training.l1 import L1
from paretoprune.testing import check_sparse_training
from tests.config.test_load import composed

FOUND = targets_of("sparse_training")


@pytest.mark.parametrize("name", FOUND)
def test_the_kit(name: str) -> None:
    check_sparse_training(build(Target(path=FOUND[name])))


@dataclass(frozen=True, kw_only=True)
class Decay(SparseTraining):
    """The sum of the squares of all parameters, times `strength`."""

    strength: float = 0.01

    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        @torch.no_grad()
        def add(_progress: float) -> None:
            for parameter in model.parameters():
                grad_of(parameter).add_(parameter, alpha=2 * self.strength)

        return add


class Overwriting(Decay):
    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        def add(_progress: float) -> None:
            for parameter in model.parameters():
                parameter.grad = self.strength * parameter.detach()

        return add


class Shrinking(Decay):
    def penalty(self, model: nn.Module, groups: Sequence[Group], /) -> Penalty:
        inner = super().penalty(model, groups)

        @torch.no_grad()
        def add(progress: float) -> None:
            inner(progress)
            for parameter in model.parameters():
                parameter.mul_(0.99)

        return add


class InTrials(SparseTraining):
    traits: ClassVar = ("before_each_pruning",)


def test_ones_own_keeps_the_contract() -> None:
    check_sparse_training(Decay())


@pytest.mark.parametrize(
    ("sparse_training", "message"),
    [
        (SparseTraining(), "neither a penalty nor dropout"),
        (InTrials(), "`penalty_on` returned None"),
        (Decay(strength=0.0), "without effect"),
        (Decay(strength=-1.0), "makes the weights larger"),
        (Overwriting(), "must be added to"),
        (Shrinking(), "not deterministic"),
        (L1(epochs=0), "`epochs` must be positive"),
    ],
)
def test_the_kit_finds_what_is_wrong(sparse_training: SparseTraining, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_sparse_training(sparse_training)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("+sparse_training._target_=collections.OrderedDict",), "outside the trusted packages"),
        (
            ("+sparse_training._target_=paretoprune.trial.schedules.one_shot.OneShot",),
            "is no sparse training, which has the methods penalty, penalty_on; "
            "see docs/how-to/add-a-sparse-training.md",
        ),
        (("+sparse_training.epochs=2",), "`sparse_training=l1`, for example, names one of ours"),
        (("sparse_training=l1", "sparse_training.epochs=0"), "`sparse_training.epochs` must be"),
        (("sparse_training=l1", "sparse_training.strength=0"), "`sparse_training.strength` must"),
        (("sparse_training=dropout", "sparse_training.dropout=0"), "`sparse_training.dropout`"),
        (
            ("sparse_training=l1", "+sparse_training.targeted=0.5"),
            "`sparse_training.targeted` is the share of weights that dropout may drop",
        ),
        (
            ("sparse_training=dropout", "+sparse_training.strength=1"),
            "`sparse_training.strength` needs `sparse_training=bn_scale`",
        ),
        (
            ("sparse_training=growing", "schedule=gradual"),
            "`sparse_training=growing` trains before a trial prunes, which `schedule=gradual`",
        ),
        (
            ("sparse_training=dropout", "trainer.accumulate_grad_batches=2"),
            "set `trainer.accumulate_grad_batches=1`",
        ),
    ],
)
def test_what_has_no_effect_or_cannot_be_one_is_reported(
    overrides: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(composed(*overrides))
    assert len(error.value.mistakes) == 1 and sentence in error.value.mistakes[0]


def test_a_sparse_training_is_named_from_python_as_on_the_command_line() -> None:
    settings = load_settings(compose_options({"sparse_training": "l1"}))
    assert settings.sparse_training is not None and settings.sparse_training.path == FOUND["l1"]
