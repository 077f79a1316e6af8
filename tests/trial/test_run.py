"""A trial of real networks: what it starts from, what it leaves, how it fails."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.config.load import load_settings
from paretoprune.errors import TrainingError
from paretoprune.problem.forms import load_delivered
from paretoprune.problem.problem import make_problem
from paretoprune.pruning.structured.coordinates import remaining, restrict_groups
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import Job
from paretoprune.storage.atomic import read_json
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.run import run_trial
from tests.config.test_load import composed
from tests.kits.commands import OWN, TINY


def prepared_with(folder: Path, *overrides: str) -> TrialContext:
    values = [*TINY, f"cache_dir={folder}", "measure.latency=false", *overrides]
    names = ("tracking=none", "search=shared")
    options = ("schedule=", "granularity=", "compensation=", "sparse_training=")
    groups = [v for v in values if v in names or v.startswith(options)]
    config = composed(*groups, *(f"++{value}" for value in values if value not in groups))
    return make_context(make_problem(load_settings(config, trust=[OWN])))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    """Trials that prune and measure without any fine-tuning."""
    folder = tmp_path_factory.mktemp("cache")
    unchanged = ("finetune.epochs=0", "finetune.recalibration_batches=0", "compensation=none")
    return prepared_with(folder, *unchanged)


def job(context: TrialContext, number: int, ratio: float, parent: int | None = None) -> Job:
    ratios = {group.name: ratio for group in context.problem.groups.prunable}
    return Job(number, "test", ratios, context.problem.costs.widths_of(ratios), 0, parent)


def test_ratio_zero_is_the_dense_model_to_the_bit(untrained: TrialContext, tmp_path: Path) -> None:
    result = run_trial(untrained, job(untrained, 0, 0.0), folder=tmp_path / "0000")
    assert result.metrics == untrained.dense.metrics
    assert Plan.from_json(read_json(tmp_path / "0000" / "plan.json")) == Plan({})


def test_a_child_is_its_parent_without_more_channels(
    untrained: TrialContext, tmp_path: Path
) -> None:
    run_trial(untrained, job(untrained, 1, 0.25), folder=tmp_path / "0001")
    run_trial(untrained, job(untrained, 2, 0.5, parent=1), folder=tmp_path / "0002")
    groups = untrained.problem.groups.prunable
    plans = [Plan.from_json(read_json(tmp_path / n / "plan.json")) for n in ("0001", "0002")]
    for name, gone in plans[0].removed.items():
        assert set(gone) <= set(plans[1].removed[name])
    models = [
        load_delivered(
            untrained.dense.model, untrained.groups, plan, tmp_path / n / "model.safetensors"
        ).eval()
        for plan, n in zip(plans, ("0001", "0002"), strict=True)
    ]
    kept = remaining(groups, plans[0])
    more = {
        name: tuple(i for i, c in enumerate(kept[name]) if c in set(plans[1].removed[name]))
        for name in kept
    }
    silent = masked_model(models[0], restrict_groups(groups, plans[0]), Plan(more))
    inputs = untrained.problem.example.only
    with torch.inference_mode():
        torch.testing.assert_close(silent.eval()(inputs), models[1](inputs))


def test_a_trial_that_diverges_says_so(tmp_path: Path) -> None:
    context = prepared_with(tmp_path, "finetune.learning_rate=1e30")
    with pytest.raises(TrainingError, match="the loss was NaN or infinite"):
        run_trial(context, job(context, 1, 0.5), folder=tmp_path / "0001")


def test_frozen_layers_and_unused_outputs_have_gate_scores(tmp_path: Path) -> None:
    """The search uses gradients, which neither has in a training."""
    target = "model._target_=tests.kits.own_model.HalfFrozen"
    context = prepared_with(tmp_path, target, "search=shared", "name=frozen")
    assert not context.dense.model.first.weight.requires_grad
    gates = with_gate_scores(context).gates
    assert gates is not None and (gates["first"] > 0).any() and (gates["unused.0"] == 0).all()
    assert all(not p.requires_grad for p in context.dense.model.first.parameters())


def test_a_trial_ends_by_its_time_and_accounts_for_all_of_it(tmp_path: Path) -> None:
    context = prepared_with(tmp_path, "finetune.distillation=0.5")
    limited = replace(job(context, 1, 0.5), epochs=100.0, seconds=0.5)
    begun = time.perf_counter()
    result = run_trial(context, limited, folder=tmp_path / "0001")
    whole = time.perf_counter() - begun
    assert sum(result.seconds.values()) == pytest.approx(whole, rel=0.02, abs=0.01)
    training = sum(result.seconds[use] for use in ("finetune", "validate", "teacher"))
    assert training >= 0.3
    assert 0 < result.epochs < 100
    assert result.asked_epochs == result.epochs  # so that a repetition trains as long
    steps = sum(record.steps for record in result.curve)
    assert result.epochs == steps / len(context.data.train_dataloader())


def test_a_training_of_limited_time_does_no_harm(tmp_path: Path) -> None:
    context = prepared_with(tmp_path, "compensation=least_squares", "finetune.learning_rate=30")
    start = run_trial(context, replace(job(context, 1, 0.1), epochs=0.0), folder=tmp_path / "0001")
    wild = replace(job(context, 2, 0.1), epochs=1.0, seconds=60.0)
    kept = run_trial(context, wild, folder=tmp_path / "0002")
    assert kept.curve[-1].quality < start.metrics.quality["accuracy"] - 20
    assert kept.metrics.quality == start.metrics.quality
