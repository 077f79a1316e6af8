"""Smaller networks that a trial trains in its weights: those that later cuts of it leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.finetune.nested import num_at_once
from paretoprune.pruning.candidate import PrunedCandidate
from paretoprune.results import Job
from paretoprune.trial.context import TrialContext
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.run import run_trial, start_from
from paretoprune.trial.schedules.parts.nested import slices_of
from tests.trial.test_run import prepared_with

PASSES = 8.0


@pytest.fixture(scope="module", params=["channels", "channels_depth"])
def context(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> TrialContext:
    """Cuts leave the weights as they are, so that they can be compared."""
    unchanged = ("compensation=none", "finetune.recalibration_batches=0")
    of_blocks = [f"granularity={request.param}"]
    if request.param == "channels_depth":
        of_blocks.append("model._target_=tests.kits.own_model.OwnResidual")
    folder = tmp_path_factory.mktemp("cache")
    found = prepared_with(folder, "search=shared", "name=x", *unchanged, *of_blocks)
    return with_gate_scores(found)


def job(context: TrialContext, number: int, ratio: float, *nested: float) -> Job:
    """Ratios of the trunk and of what is nested in it; blocks are gone where it is over a half."""

    def ratios_of(one: float) -> dict[str, float]:
        groups = context.problem.groups.prunable
        ratios = {g.name: one if index % 2 else one / 2 for index, g in enumerate(groups)}
        return ratios | {g.name: 0.9 if one > 0.5 else 0.0 for g in groups if g.block}

    widths = [context.problem.costs.widths_of(ratios_of(one)) for one in (ratio, *nested)]
    ratios = ratios_of(ratio)
    return Job(number, "shared", ratios, widths[0], 7, epochs=PASSES, nested=tuple(widths[1:]))


def test_what_is_cut_out_of_the_trunk_was_trained_in_it(
    context: TrialContext, tmp_path: Path
) -> None:
    trunk = job(context, 1, 0.2, 0.8, 0.6, 0.4)
    result = run_trial(context, trunk, folder=tmp_path / "0001")
    assert result.nested == trunk.nested
    start = start_from(context, 1, trials=tmp_path)
    for widths, one in zip(
        trunk.nested, slices_of(context, start.candidate, trunk.nested), strict=True
    ):
        child = replace(trunk, number=2, widths=widths, parent=1, epochs=0.0, nested=())
        run_trial(context, child, folder=tmp_path / "0002")
        prune = start_from(context, 2, trials=tmp_path).candidate
        assert isinstance(prune, PrunedCandidate)
        one.network.load_state_dict(dict(prune.model.named_buffers()), strict=False)
        inputs = context.problem.example.only
        with torch.no_grad():
            answer = one.network.eval() and one.within(start.candidate.model)(inputs)
            assert torch.equal(answer, prune.model(inputs))


def test_the_data_of_each_of_them_is_a_pass_of_training(
    context: TrialContext, tmp_path: Path
) -> None:
    trunk = job(context, 1, 0.2, 0.8, 0.6, 0.4)
    together = run_trial(context, trunk, folder=tmp_path / "0001")
    assert together.epochs == PASSES
    assert len(together.curve) == PASSES / num_at_once(3)
    assert not (tmp_path / "0001" / "scores.json").exists()
    alone = run_trial(context, replace(trunk, number=2, nested=()), folder=tmp_path / "0002")
    assert len(alone.curve) == PASSES
    assert (tmp_path / "0002" / "scores.json").exists()  # which would be another order
