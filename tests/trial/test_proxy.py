"""Looks at cuts that nothing is trained after."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from paretoprune.trial.context import Prepared
from paretoprune.trial.proxy import dense_divergence, glances
from paretoprune.trial.schedules.steps import Start
from tests.trial.test_run import prepared_with


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared_with(tmp_path_factory.mktemp("cache"), "model.train.epochs=4")


def ratios(prepared: Prepared, ratio: float) -> dict[str, float]:
    return {group.name: ratio for group in prepared.outline.groups.prunable}


def test_it_is_zero_for_the_dense_model_and_grows(prepared: Prepared) -> None:
    divergence = dense_divergence(prepared)
    found = [divergence(ratios(prepared, ratio)) for ratio in (0.0, 0.01, 0.25, 0.75)]
    assert found[0] == found[1] == 0 < found[2] < found[3]  # 1 % of so few channels is none


def test_kept_weights_that_make_up_for_it_hurt_less(prepared: Prepared) -> None:
    start = Start(prepared.start, prepared.scores)
    plain, compensated = glances(prepared, compensated=False), glances(prepared)
    for ratio in (0.25, 0.5):
        cut = ratios(prepared, ratio)
        assert compensated(start, cut) < 0.7 * plain(start, cut)


def test_it_says_the_same_again_and_changes_nothing(prepared: Prepared) -> None:
    before = {name: value.clone() for name, value in prepared.dense.state_dict().items()}
    start, cut = Start(prepared.start, prepared.scores), ratios(prepared, 0.5)
    assert glances(prepared)(start, cut) == glances(prepared)(start, cut)
    after = prepared.dense.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_search_without_compensation_looks_without_it(tmp_path: Path) -> None:
    plain = prepared_with(tmp_path, "compensation=none")
    start, cut = Start(plain.start, plain.scores), ratios(plain, 0.5)
    assert glances(plain)(start, cut) == dense_divergence(plain)(cut)
