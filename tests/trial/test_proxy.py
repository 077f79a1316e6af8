"""The proxy of candidates that are not trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from paretoprune.trial.context import TrialContext
from paretoprune.trial.proxy import dense_divergence, proxy_divergences
from paretoprune.trial.schedules.interface import Start
from tests.trial.test_run import prepared_with


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    return prepared_with(tmp_path_factory.mktemp("cache"), "model.train.epochs=4")


def ratios(context: TrialContext, ratio: float) -> dict[str, float]:
    return {group.name: ratio for group in context.problem.groups.prunable}


def test_it_is_zero_for_the_dense_model_and_grows(context: TrialContext) -> None:
    divergence = dense_divergence(context)
    found = [divergence(ratios(context, ratio)) for ratio in (0.0, 0.01, 0.25, 0.75)]
    assert found[0] == found[1] == 0 < found[2] < found[3]  # 1 % of so few channels is none


def test_kept_weights_that_make_up_for_it_hurt_less(context: TrialContext) -> None:
    start = context.start
    plain, compensated = proxy_divergences(context, compensated=False), proxy_divergences(context)
    for ratio in (0.25, 0.5):
        prune = ratios(context, ratio)
        assert compensated(start, prune) < 0.7 * plain(start, prune)


def test_it_says_the_same_again_and_changes_nothing(context: TrialContext) -> None:
    before = {name: value.clone() for name, value in context.dense.model.state_dict().items()}
    start, prune = context.start, ratios(context, 0.5)
    assert proxy_divergences(context)(start, prune) == proxy_divergences(context)(start, prune)
    after = context.dense.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_search_without_compensation_looks_without_it(tmp_path: Path) -> None:
    plain = prepared_with(tmp_path, "compensation=none")
    start, prune = Start(plain.start.candidate, plain.start.scores), ratios(plain, 0.5)
    assert proxy_divergences(plain)(start, prune) == dense_divergence(plain)(prune)
