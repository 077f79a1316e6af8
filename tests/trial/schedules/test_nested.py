"""Smaller networks that a trial trains in its weights: those that later cuts of it leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.finetune.nested import num_at_once
from paretoprune.pruning.candidate import Narrowed
from paretoprune.results import Job
from paretoprune.trial.context import Prepared, with_gate_scores
from paretoprune.trial.run import run_trial, start_from
from paretoprune.trial.schedules.nested import slices_of
from tests.trial.test_run import prepared_with

PASSES = 8.0


@pytest.fixture(scope="module", params=["channels", "channels_depth"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Cuts leave the weights as they are, so that they can be compared."""
    unchanged = ("compensation=none", "finetune.recalibration_batches=0")
    of_blocks = [f"granularity.name={request.param}"]
    if request.param == "channels_depth":
        of_blocks.append("model._target_=tests.kits.own_model.OwnResidual")
    folder = tmp_path_factory.mktemp("cache")
    found = prepared_with(folder, "search=shared", "name=x", *unchanged, *of_blocks)
    return with_gate_scores(found)


def job(prepared: Prepared, number: int, ratio: float, *nested: float) -> Job:
    """Ratios of the trunk and of what is nested in it; blocks are gone where it is over a half."""

    def ratios_of(one: float) -> dict[str, float]:
        groups = prepared.outline.groups.prunable
        ratios = {g.name: one if index % 2 else one / 2 for index, g in enumerate(groups)}
        return ratios | {g.name: 0.9 if one > 0.5 else 0.0 for g in groups if g.block}

    widths = [prepared.outline.widths_of(ratios_of(one)) for one in (ratio, *nested)]
    ratios = ratios_of(ratio)
    return Job(number, "shared", ratios, widths[0], 7, epochs=PASSES, nested=tuple(widths[1:]))


def test_what_is_cut_out_of_the_trunk_was_trained_in_it(prepared: Prepared, tmp_path: Path) -> None:
    trunk = job(prepared, 1, 0.2, 0.8, 0.6, 0.4)
    result = run_trial(prepared, trunk, folder=tmp_path / "0001")
    assert result.nested == trunk.nested
    start = start_from(prepared, 1, trials=tmp_path)
    for widths, one in zip(
        trunk.nested, slices_of(prepared, start.candidate, trunk.nested), strict=True
    ):
        child = replace(trunk, number=2, widths=widths, parent=1, epochs=0.0, nested=())
        run_trial(prepared, child, folder=tmp_path / "0002")
        cut = start_from(prepared, 2, trials=tmp_path).candidate
        assert isinstance(cut, Narrowed)
        one.network.load_state_dict(dict(cut.model.named_buffers()), strict=False)
        inputs = prepared.outline.example
        with torch.no_grad():
            answer = one.network.eval() and one(start.candidate.model, inputs)
            assert torch.equal(answer, cut.model(inputs))


def test_what_goes_through_each_of_them_is_a_pass_of_training(
    prepared: Prepared, tmp_path: Path
) -> None:
    trunk = job(prepared, 1, 0.2, 0.8, 0.6, 0.4)
    together = run_trial(prepared, trunk, folder=tmp_path / "0001")
    assert together.epochs == PASSES
    assert len(together.curve) == PASSES / num_at_once(3)
    assert not (tmp_path / "0001" / "scores.json").exists()
    alone = run_trial(prepared, replace(trunk, number=2, nested=()), folder=tmp_path / "0002")
    assert len(alone.curve) == PASSES
    assert (tmp_path / "0002" / "scores.json").exists()  # which would be another order
