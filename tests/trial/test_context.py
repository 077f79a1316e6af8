"""Warnings about data and dense model before anything is searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file
from torch import nn

from paretoprune.config.target import Target
from paretoprune.errors import PruningError, WeightsError
from paretoprune.problem.problem import make_problem
from paretoprune.pruning.groups import Group
from paretoprune.trial.context import make_context
from paretoprune.trial.dense_model import dense_model
from tests.kits.messages import messages_of
from tests.kits.own_task import DATA, own_task, settings_of


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with own_task(tmp_path):
        yield tmp_path


def warnings_of(folder: Path, *overrides: str) -> list[str]:
    problem = make_problem(settings_of(folder, *overrides))
    with messages_of("paretoprune.trial.context") as messages:
        make_context(problem)
    first, *others = messages
    assert first.startswith("task: classification (labels are int64 of (")
    return others


def change(folder: Path, **arrays: np.ndarray | None) -> None:
    found = {**np.load(folder / DATA), **arrays}
    np.savez(folder / DATA, **{name: value for name, value in found.items() if value is not None})


def test_a_dense_model_as_good_as_the_trivial_predictor_is_reported(folder: Path) -> None:
    change(folder, y_val=np.array([0] * 12 + [1] * 4))
    [message] = warnings_of(folder, "model.train.epochs=1", "model.train.learning_rate=1e-9")
    assert "no better than the trivial predictor" in message
    assert "(75.00 %)" in message


@dataclass(frozen=True)
class OfTrainedLayersOnly:
    """A user's scorer that cannot score this network."""

    def __call__(self, model: nn.Module, groups: Sequence[Group], batches: object) -> Any:
        raise PruningError(f"`{groups[0].name}` has no layer that this scorer knows")


def test_a_scorer_that_cannot_be_applied_fails_before_the_training(folder: Path) -> None:
    settings = settings_of(folder)
    scorer = Target(path=f"{__name__}.{OfTrainedLayersOnly.__name__}", trust=("tests",))
    problem = make_problem(replace(settings, scorer=scorer))
    with messages_of() as messages, pytest.raises(PruningError, match="has no layer that this"):
        make_context(problem)
    assert not any("training" in message for message in messages)


def test_a_dense_model_that_learnt_something_is_not(folder: Path) -> None:
    assert warnings_of(folder, "model.train.epochs=10", "data.batch_size=8") == []


def test_samples_in_two_parts_are_reported(folder: Path) -> None:
    arrays = dict(np.load(folder / DATA))
    arrays["x_val"][3] = arrays["x_train"][5]
    change(folder, **arrays)
    messages = warnings_of(folder)
    assert messages[0].startswith("data: 1 of the 16 validation samples are also training samples")


def test_samples_that_given_weights_may_have_seen_are_reported(folder: Path) -> None:
    weights = dense_model(make_problem(settings_of(folder))).state_dict()
    save_file(weights, folder / "w.safetensors")
    given = f"model.weights={folder / 'w.safetensors'}"
    assert not any("trained on" in message for message in warnings_of(folder, given))
    change(folder, x_test=None, y_test=None)
    # Half of the validation part, which is clean, is the test part.
    assert make_problem(settings_of(folder, given)).info.num_test == 8
    assert not any("trained on" in message for message in warnings_of(folder, given))
    message = warnings_of(folder, given, "data.test_from=train")[0]
    assert message.startswith("data: the test samples are split off from the training part")
    assert "x_test and y_test in `data.path`" in message


def test_weights_that_are_not_finite_are_refused(folder: Path) -> None:
    weights = dense_model(make_problem(settings_of(folder))).state_dict()
    weights["head.bias"][1] = float("nan")
    save_file(weights, folder / "w.safetensors")
    with pytest.raises(WeightsError, match=r"NaN or infinite values, in head\.bias"):
        make_problem(settings_of(folder, f"model.weights={folder / 'w.safetensors'}"))
