"""The kit of all schedules, with channels and with weights; and what is special to each."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.compose import targets_of
from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.problem.problem import fresh_model
from paretoprune.pruning.candidate import MaskedCandidate, PrunedCandidate
from paretoprune.results import Job
from paretoprune.testing import check_schedule
from paretoprune.testing.schedules import carry_out, check_trials
from paretoprune.trial.context import TrialContext
from paretoprune.trial.dense_model import early_model
from paretoprune.trial.run import run_trial
from paretoprune.trial.schedules.interface import Schedule
from paretoprune.trial.schedules.one_by_one import least_important
from paretoprune.trial.schedules.parts.grow_penalty import train_before_pruning
from tests.config.test_load import CONF, composed
from tests.trial.test_run import prepared_with

OURS = "paretoprune.trial.schedules."
SMALLER = ("channels", "depth", "channels_depth")
GRANULARITIES = [*targets_of("granularity")]
FOUND = sorted({file.stem for file in (CONF / "schedule").glob("*.yaml")} - {"own"})
# Options with which a schedule takes few steps, here; of others the defaults.
OPTIONS = {
    "iterative": ("schedule.steps=2", "schedule.spacing=geometric"),
    "one_by_one": ("schedule.units=3", "schedule.recovery=1", "schedule.steps=99"),
    "lottery": ("schedule.steps=2", "schedule.rewind_epoch=1"),
    "regrow": ("schedule.every=3", "schedule.overgrow=1.5"),
    "overgrow": ("schedule.every=3",),
    "at_init": ("schedule.steps=2",),
}


def accepts(schedule: str, granularity: str) -> bool:
    """False if the schedule itself refuses the granularity."""
    with suppress(SettingsError):
        load_settings(composed(f"schedule={schedule}", f"granularity={granularity}"))
        return True
    return False


CASES = [(name, unit) for name in FOUND for unit in GRANULARITIES if accepts(name, unit)]

Make = Callable[..., TrialContext]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Prepared tasks that share one trained dense model."""
    folder = tmp_path_factory.mktemp("cache")

    def context(schedule: str, granularity: str, *more: str) -> TrialContext:
        overrides = [f"granularity={granularity}", *OPTIONS.get(schedule, ())]
        if granularity == "block":
            overrides.append("granularity.columns=2")
        if "depth" in granularity:
            overrides.append("model._target_=tests.kits.own_model.OwnResidual")
        few = "finetune.recalibration_batches=1"
        return prepared_with(folder, f"schedule={schedule}", few, *overrides, *more)

    return context


def job(context: TrialContext, ratio: float = 0.5) -> Job:
    """The same ratio everywhere; of residual blocks the first is removed, beyond a half all."""
    groups = context.problem.groups.prunable
    ratios = {group.name: ratio for group in groups}
    ratios |= {group.name: 0.9 for group in [g for g in groups if g.block][:1]}
    return Job(1, "test", ratios, context.problem.costs.widths_of(ratios), 3)


@pytest.mark.parametrize(("schedule", "granularity"), CASES)
def test_the_kit(make: Make, schedule: str, granularity: str) -> None:
    """The requested widths are left, twice the same, and the dense model is as it was: its tensors,
    its mode, no gradients and no hooks; nor are there hooks on the model that was trained."""
    context = make(schedule, granularity)
    check_trials(context, job(context))
    candidate = carry_out(context, job(context)).candidate
    if isinstance(candidate, PrunedCandidate):
        shapes = candidate.of(context.dense.model).model.state_dict()
        state = candidate.model.state_dict()
        assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in shapes.items()}


def test_every_schedule_has_a_config() -> None:
    """So that the tests of the contract and the reference find it."""
    named = {path.rpartition(".")[2] for path in targets_of("schedule").values()}
    assert named == {
        one.__name__ for one in Schedule.__subclasses__() if one.__module__.startswith(OURS)
    }


@pytest.mark.parametrize("name", ["one_shot", "gradual"])
def test_the_kit_for_users_takes_a_schedule_by_its_path(name: str, tmp_path: Path) -> None:
    check_schedule(Target(path=targets_of("schedule")[name]), tmp_path)


@pytest.mark.parametrize("fault", ["Wide", "Careless", "Restless"])
def test_the_kit_notices_a_schedule_that_breaks_the_contract(fault: str, tmp_path: Path) -> None:
    schedule = Target(path=f"tests.kits.own_schedule.{fault}", trust=["tests.kits"])
    with pytest.raises(AssertionError):
        check_schedule(schedule, tmp_path)


def test_a_schedule_of_the_users_own_is_a_class_and_a_config_line(tmp_path: Path) -> None:
    named = ("schedule._target_=tests.kits.own_schedule.Halves", "+schedule.rounds=2")
    settings = load_settings(composed(*named), trust=["tests.kits"])
    check_schedule(settings.schedule, tmp_path)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_a_trial_is_measured_by_what_is_left(make: Make, granularity: str, tmp_path: Path) -> None:
    """Sizes fall as ratios rise, and what is measured is what was known before."""
    context = make("one_shot", granularity, "finetune.epochs=0")
    problem, last = context.problem, context.dense.metrics
    for number, ratio in enumerate((0.3, 0.6), start=1):
        asked = replace(job(context, ratio), number=number)
        metrics = run_trial(context, asked, folder=tmp_path / str(number)).metrics
        cost = problem.costs.cost_of(asked.ratios)
        assert (metrics.params, metrics.macs) == (cost.params, cost.macs)
        assert metrics.params < last.params and metrics.macs < last.macs
        size = metrics.size_bytes if granularity in SMALLER else metrics.compressed_bytes
        assert abs(size - problem.costs.quantity_of(asked.ratios, "bytes")) < 0.1 * size
        if granularity not in SMALLER:
            assert metrics.size_bytes == context.dense.metrics.size_bytes
        last = metrics


def test_a_lottery_ticket_rewinds_to_early_weights(make: Make) -> None:
    """Without training after the rewind, what is left are the weights of that epoch."""
    context = make("lottery", "weights", "model.train.epochs=1", "schedule.rewind_epoch=0")
    trained = carry_out(context, job(context))
    assert len(trained.curve) == 2  # two rounds of the dense model's one epoch
    early = early_model(context.problem, 0)
    fresh = fresh_model(context.problem)
    assert all(
        torch.equal(a, b) for a, b in zip(early.parameters(), fresh.parameters(), strict=True)
    )
    assert not torch.equal(early.classifier.weight, context.dense.model.classifier.weight)


def test_early_weights_are_those_of_the_dense_models_own_training(make: Make) -> None:
    context = make("lottery", "channels")  # of two epochs
    first, again = (early_model(context.problem, 1) for _ in range(2))
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )
    assert not torch.equal(first.classifier.weight, context.dense.model.classifier.weight)


def test_pruning_at_init_begins_with_untrained_weights(make: Make) -> None:
    context = make("at_init", "channels")
    fresh = fresh_model(context.problem)
    start = context.start.candidate.model
    assert all(
        torch.equal(a, b) for a, b in zip(start.parameters(), fresh.parameters(), strict=True)
    )


@pytest.mark.parametrize("bound", ["schedule.min_accuracy=100", "schedule.min_quality=100"])
def test_one_by_one_stops_at_the_worst_quality(make: Make, bound: str) -> None:
    context = make("one_by_one", "channels", bound, "finetune.epochs=0")
    trained = carry_out(context, job(context))
    assert trained.candidate.widths() == context.start.candidate.widths()


def test_one_by_one_stops_at_the_number_of_steps_and_at_the_target(make: Make) -> None:
    more = ("finetune.epochs=0", "schedule.units=1")
    context = make("one_by_one", "channels", *more, "schedule.steps=5")
    widths = carry_out(context, job(context, 0.9)).candidate.widths()
    assert sum(context.start.candidate.widths().values()) - sum(widths.values()) == 5
    context = make("one_by_one", "channels", *more, "sparsity.params=0.8")
    problem = context.problem
    widths = carry_out(context, job(context, 0.9)).candidate.widths()
    least = 0.8 * problem.costs.size_at({}, "params")
    assert problem.costs.size_at(widths, "params") <= least
    wider = [{**widths, name: width + 1} for name, width in widths.items()]
    assert any(problem.costs.size_at(one, "params") > least for one in wider)


def test_the_least_important_unit_of_all_is_removed() -> None:
    scores = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([9.0, 1.0, 2.0])}
    widths = {"a": 2, "b": 3}
    # Divided by the means 2 and 4: 0.5 against 0.25.
    kwargs = {"units": 1, "steps": {"a": 1, "b": 1}}
    assert least_important(scores, widths, {"a": 1, "b": 1}, **kwargs) == {"b": 2}
    assert least_important(scores, widths, {"a": 1, "b": 3}, **kwargs) == {"a": 1}
    assert least_important(scores, widths, widths, **kwargs) is None


@pytest.mark.parametrize("granularity", ["channels", "weights"])
def test_compensation_is_reported(make: Make, granularity: str) -> None:
    context = make("one_shot", granularity, "compensation=least_squares", "finetune.epochs=0")
    gains = carry_out(context, job(context, 0.6)).compensation
    assert gains["loss_after"] < gains["loss_before"]


@pytest.mark.parametrize(
    "phase",
    [
        "sparse_training=l1",
        "sparse_training=bn_scale",
        "sparse_training=group_lasso",
        "sparse_training=dropout",
    ],
)
def test_sparse_training_comes_before_the_scores(make: Make, phase: str) -> None:
    strength = () if "dropout" in phase else ("sparse_training.strength=0.01",)
    strong = ("sparse_training.epochs=2", *strength)
    context = make("one_shot", "channels", phase, *strong)
    trained, dense = context.start.candidate.model, context.dense.model
    assert not torch.equal(trained.classifier.weight, dense.classifier.weight)
    again = make("one_shot", "channels", phase, *strong).start.candidate.model  # from the cache
    assert torch.equal(trained.classifier.weight, again.classifier.weight)


def test_growing_regularisation_shrinks_what_is_removed(make: Make) -> None:
    phase = ("sparse_training=growing", "sparse_training.epochs=2", "finetune.epochs=0")
    context = make("one_shot", "weights", *phase, "sparse_training.strength=5")
    asked = job(context)
    grown, curve = train_before_pruning(
        context, context.start.candidate, context.start.scores, asked.widths, asked
    )
    assert len(curve) == 2
    masks = context.start.candidate.masks(context.start.scores, asked.widths)

    def size_of_removed(model: nn.Module) -> Tensor:
        tensors = dict(model.named_parameters())
        return sum((tensors[n].detach() * ~m).square().sum() for n, m in masks.items())

    assert size_of_removed(grown.model) < 0.5 * size_of_removed(context.dense.model)


@pytest.mark.usefixtures("light_heap")
def test_nothing_is_left_behind_by_two_hundred_trials(make: Make) -> None:
    context = make("one_shot", "weights", "finetune.epochs=0")
    narrow = make("one_shot", "channels", "finetune.epochs=0")
    assert_nothing_is_left_behind([context, narrow], times=100)


@pytest.mark.usefixtures("light_heap")
@pytest.mark.parametrize("schedule", FOUND)
def test_nothing_is_left_behind_by_any_schedule(make: Make, schedule: str) -> None:
    granularity = "weights" if schedule in ("regrow", "overgrow") else "channels"
    assert_nothing_is_left_behind([make(schedule, granularity)], times=4)


def assert_nothing_is_left_behind(tasks: Sequence[TrialContext], *, times: int) -> None:
    """No tensor or module, though each task is carried out many times."""

    def call() -> int:
        for context in tasks:
            carry_out(context, job(context))
        gc.collect()
        return sum(issubclass(type(thing), Tensor | nn.Module) for thing in gc.get_objects())

    call()
    before = call()
    for _ in range(times - 1):
        for context in tasks:
            carry_out(context, job(context))
    assert call() <= before


def test_zeroed_models_are_identified_by_their_weights(make: Make) -> None:
    context = make("one_shot", "weights")
    trained = carry_out(context, job(context))
    assert isinstance(trained.candidate, MaskedCandidate)
    fixed_masks = trained.candidate.fixed_masks
    assert {*fixed_masks} == {"features.0.weight", "features.3.weight", "classifier.weight"}


@pytest.mark.parametrize("schedule", FOUND)
def test_some_schedules_retrain_from_scratch(schedule: str) -> None:
    more = ("granularity=weights",) if schedule in ("regrow", "overgrow") else ()
    settings = load_settings(composed(f"schedule={schedule}", *more))
    assert settings.retrains_from_scratch == (schedule in ("lottery", "at_init"))
    epochs = {"lottery": 3 * settings.model.train.epochs, "at_init": settings.model.train.epochs}
    assert settings.trial_epochs == epochs.get(schedule, settings.finetune.epochs)
