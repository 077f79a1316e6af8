"""Peak learning rates by the size of a model, against their formula."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.schedules.parts.steps import settings_for_size
from tests.trial.test_run import prepared_with


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    return prepared_with(tmp_path_factory.mktemp("cache"), "model.train.epochs=1")


@pytest.mark.parametrize("growth", [0.5, 0.25, 0.0])
@pytest.mark.parametrize("tuned", [True, False])
@pytest.mark.parametrize("ratio", [0.0, 0.3, 0.6, 0.95])
def test_the_peak_grows_as_the_share_of_the_macs_falls(
    context: TrialContext, ratio: float, tuned: bool, growth: float
) -> None:
    """A tuned one twice as fast above a twentieth of them."""
    finetune = replace(
        context.training.finetune,
        learning_rate=0.01,
        rate_growth=growth,
        tune_learning_rate=tuned,
    )
    changed = replace(context, training=replace(context.training, finetune=finetune))
    costs = context.problem.costs
    widths = costs.widths_of({g.name: ratio for g in context.problem.groups.prunable})
    share = costs.cost_at(widths).macs / costs.cost_of({}).macs
    expected = 0.01 * share**-growth
    if tuned and share > 0.05:
        expected *= (0.05 / share) ** growth
    found = settings_for_size(changed, Job(1, "auto", {}, widths, 0))
    assert found.learning_rate == pytest.approx(expected)
    assert (share < 0.05) == (ratio == 0.95)
