"""A chain in a budget of time, on a clock that the test advances: shares, lengths, total."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from paretoprune.results import Budget, EpochTime, Job, TrialResult
from paretoprune.search.allocation.baselines import uniform_ratios
from paretoprune.search.budget.budget import RemainingBudget, Training
from paretoprune.search.budget.training_time import TrialTimes
from paretoprune.search.budget.trial_time import TrialTime
from paretoprune.search.context import Ratios, SearchContext
from paretoprune.search.phases import link_allocation
from paretoprune.search.phases.gap_filling import GapFilling
from paretoprune.search.phases.link_allocation import Step, least_divergent
from paretoprune.search.phases.links import Links
from paretoprune.search.strategies.auto import auto
from paretoprune.search.strategies.uniform_chain import uniform_chain
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import SIZES, search_context
from tests.search.front.test_gaps import trial

DENSE_MACS = 64
LEAST_EPOCHS = 0.8


@dataclass
class Machine:
    """Trains formulas on a clock of its own; predicts its speed only roughly."""

    budget_s: float
    epoch_s: float  # of the dense model
    teacher_s: float = 0.0  # of an epoch of new inputs
    views: float = 2.0
    fixed_s: float = 0.5  # of a trial beside its training
    proxy_s: float = 0.05  # of an evaluation of the proxy
    misjudged: float = 1.3  # factor of the predicted epoch time
    now: float = 0.0
    cached: float = 0.0  # epochs

    def left(self, results: Sequence[TrialResult]) -> RemainingBudget:
        """The remaining budget as the sweep passes it to a strategy."""
        times = TrialTimes()
        for result in results:
            times.add(result)
        known = EpochTime(
            DENSE_MACS,
            self.epoch_s * self.misjudged,
            teacher_seconds=self.teacher_s,
            teacher_epochs=self.views,
        )

        def read() -> Budget:
            return Budget(self.budget_s - self.now, "seconds")

        return RemainingBudget(read(), 4.0, lambda macs: times.at(macs, known), read)

    def run(self, job: Job) -> TrialResult:
        """Train until the job's time is over or its epochs are complete."""
        macs = sum(job.widths.values())
        each = self.epoch_s * (macs / DENSE_MACS) ** 0.4
        epochs = self._epochs(job, each)
        uses = {
            "finetune": epochs * each,
            "teacher": self._teacher(epochs),
            "prune": self.fixed_s,
        }
        if not math.isinf(self.views):
            self.cached = max(self.cached, min(epochs, self.views))
        self.now += sum(uses.values())
        return replace(formula.evaluate(replace(job, epochs=epochs, seconds=None)), seconds=uses)

    def _epochs(self, job: Job, each: float) -> float:
        assert job.epochs is not None and job.seconds is not None
        low, high = 0.0, job.epochs
        for _ in range(60):
            middle = (low + high) / 2
            if middle * each + self._teacher(middle) < job.seconds:
                low = middle
            else:
                high = middle
        return high

    def _teacher(self, epochs: float) -> float:
        return self.teacher_s * max(0.0, min(epochs, self.views) - self.cached)


def chain(machine: Machine, kind: str) -> list[tuple[float, TrialResult]]:
    """Run a strategy; return its trained trials with the seconds of each, proxies included."""

    def proxy(_parent: int | None, ratios: object) -> float:
        machine.now += machine.proxy_s
        return 100 - formula.accuracy_of(formula.widths_of(ratios))  # type: ignore[arg-type]

    context = replace(search_context(), proxy=proxy, least_epochs=LEAST_EPOCHS)
    context = replace(context, affordable_sizes=lambda most: min(most, 6))
    strategy = (auto if kind == "auto" else uniform_chain)(context)
    dense = formula.evaluate(Job(0, "dense", ZERO, formula.widths_of(ZERO), 0, epochs=0.0))
    results: list[TrialResult] = [replace(dense, seconds={})]
    found = []
    while machine.now < machine.budget_s:
        begun = machine.now
        number = len(results)
        proposal = strategy.propose(number, results, [], machine.left(results))
        if proposal is None:
            break
        job = Job(
            number,
            proposal.origin,
            proposal.ratios,
            formula.widths_of(proposal.ratios),
            0,
            parent=proposal.parent,
            epochs=proposal.epochs,
            seconds=proposal.seconds,
        )
        results.append(machine.run(job))
        found.append((machine.now - begun, results[-1]))
    return found


ZERO = {group.name: 0.0 for group in formula.GROUPS}
MACHINES = {
    "slow network": Machine(0, epoch_s=20.0),
    "fast network": Machine(0, epoch_s=0.2),
    "slow teacher": Machine(0, epoch_s=2.0, teacher_s=6.0),
    "teacher never cached": Machine(0, epoch_s=2.0, teacher_s=4.0, views=math.inf),
    "many views": Machine(0, epoch_s=2.0, teacher_s=2.0, views=30.0),
    "misjudged": Machine(0, epoch_s=2.0, misjudged=0.6),
    "slow proxy": Machine(0, epoch_s=2.0, proxy_s=0.4, fixed_s=1.5),
}


@pytest.mark.parametrize("kind", ["auto", "uniform_chain"])
@pytest.mark.parametrize("seconds", [30, 60, 150, 600, 3600, 36000])
@pytest.mark.parametrize("name", MACHINES)
def test_links_get_their_share_and_the_budget_holds(name: str, seconds: float, kind: str) -> None:
    machine = replace(MACHINES[name], budget_s=seconds)
    trials = chain(machine, kind)
    own = [(spent, result) for spent, result in trials if result.origin == kind]
    assert machine.now <= 1.02 * seconds + 2 * machine.fixed_s
    # A trained model is trained for a useful time, to the error of the first prediction.
    least = LEAST_EPOCHS * min(1.0, machine.misjudged) * 0.6
    assert all(result.epochs >= least for _, result in trials)
    # At three epochs in all, what the first link tells of the time adds another link.
    edge = seconds <= 3 * machine.epoch_s
    if len(own) > 1 and name not in ("slow teacher", "many views") and not edge:
        times = [spent for spent, _ in own]
        mean = sum(times) / len(times)
        assert all(abs(time - mean) <= 0.1 * mean + 2 * machine.fixed_s for time in times), times
    if len(own) > 1 and name == "slow teacher" and seconds >= 600:
        trained = [result.seconds["finetune"] for _, result in own]
        assert min(trained) >= 0.85 * max(trained)  # the first one pays for all, from the whole


@pytest.mark.parametrize("kind", ["auto", "uniform_chain"])
def test_what_cannot_be_trained_is_not_begun(kind: str) -> None:
    assert not chain(Machine(10, epoch_s=20.0), kind)


@pytest.mark.parametrize(("seconds", "at_least"), [(60, 1), (150, 3), (600, 5)])
def test_there_are_fewer_links_in_a_short_budget(seconds: float, at_least: int) -> None:
    trials = chain(Machine(seconds, epoch_s=20.0), "uniform_chain")
    assert at_least <= len(trials) <= 6


def test_the_plan_is_logged_before_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        chain(Machine(600, epoch_s=20.0), "uniform_chain")
    assert "the plan: 5 models, about" in caplog.messages[0]
    assert "epochs each" in caplog.messages[0]


def test_refills_are_trained_or_not_made() -> None:
    context = replace(search_context(), least_epochs=1.0)
    phase = GapFilling(context, min_gain=0.001)
    assert isinstance(Links(context, "auto", 3), Links)
    machine = Machine(3, epoch_s=2.0)
    dense = formula.evaluate(Job(0, "dense", ZERO, formula.widths_of(ZERO), 0, epochs=0.0))
    proposal = phase.propose(1, [dense], [], machine.left([dense]))
    assert proposal is not None and proposal.seconds and proposal.seconds >= 0.8
    machine = Machine(1, epoch_s=20.0)
    assert phase.propose(1, [dense], [], machine.left([dense])) is None


@pytest.mark.parametrize(
    ("factor", "rung", "taken"),
    [
        (0.5, Training(1.0, 1.0), "best"),
        (2.0, Training(1.0, 1.0), "uniform"),
        (0.5, None, "uniform"),
    ],
    ids=["better after training", "worse after training", "no time to train"],
)
def test_below_a_tenth_the_uniform_one_must_be_beaten_by_training(
    factor: float, rung: Training | None, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loss(_parent: int | None, ratios: Mapping[str, float], _training: Training) -> float:
        return 1.0 if len(set(ratios.values())) == 1 else factor

    context = replace(search_context(), rung=loss)
    target = 0.5 * DENSE_MACS
    step = Step(1, None, ZERO, target, lambda r: SIZES.size_of(r) <= target, 12, rung)
    by_proxy = least_divergent(context, step)
    assert len(set(by_proxy.values())) > 1
    monkeypatch.setattr(link_allocation, "_MISLEADING", 0.6)
    found = least_divergent(context, step)
    assert found == by_proxy if taken == "best" else len(set(found.values())) == 1


def made(number: int, origin: str, ratio: float, **more: object) -> TrialResult:
    ratios = {group.name: ratio for group in formula.GROUPS}
    result = formula.evaluate(Job(number, origin, ratios, formula.widths_of(ratios), 0, epochs=1.0))
    return replace(result, **{"curve": ({},), **more})  # type: ignore[arg-type]


def test_the_last_link_is_needed_and_smaller_trials_that_are_none() -> None:
    """A link may come to repeat one of them."""
    own = Links(search_context(), "chain", 4)
    assert own.needed([]) == set()
    first, last = made(1, "chain", 0.25), made(2, "chain", 0.5)
    larger, smaller = made(3, "uniform", 0.25), made(4, "uniform", 0.75)
    untrained = made(5, "uniform", 0.75, curve=())
    others = [larger, smaller, untrained]
    assert own.needed(others) == {3, 4}  # any of them may be repeated by the first link
    assert own.needed([first, last, *others]) == {2, 4}
    repeats = made(6, "chain", 0.625, curve=(), state="duplicate", duplicate_of=4)
    assert own.needed([first, last, *others, repeats]) == {4}
    failed = made(7, "chain", 0.75, curve=(), state="failed")
    assert own.needed([first, last, *others, failed]) == {2, 4}


@pytest.mark.parametrize("least", [0.999, 1.0, 1.001])
def test_a_rung_has_the_least_useful_epochs_or_is_not_run(least: float) -> None:
    """A tenth of the next link's share; exactly the least number of epochs is enough."""
    left = RemainingBudget(Budget(40, "seconds"), 4.0, lambda macs: TrialTime(1.0, 0.0))
    rungs: list[Training | None] = []

    def note(context: SearchContext, step: Step) -> Ratios:
        rungs.append(step.rung)
        return uniform_ratios(context.groups, step.enough, max_ratio=context.max_ratio)

    def propose(least_epochs: float) -> Training | None:
        context = replace(search_context(), least_epochs=least_epochs)
        Links(context, "auto", 4, allocate=note).propose(1, [], [], left)
        return rungs.pop()

    whole = propose(1e-9)
    assert whole is not None
    epochs = left.epochs(0.1 / 4, macs=1.0)
    assert epochs == 1.0
    assert (propose(least * epochs) is not None) == (least <= 1)


def test_a_chain_has_fewer_sizes_where_bits_have_come_a_part_of_the_way() -> None:
    """Half of the way by its logarithm: half of the sizes, trained twice as long."""
    context = search_context()
    middle = math.sqrt(SIZES.dense * SIZES.least)
    quality = replace(context.quality, trivial=0.0, quantized=lambda _: [(middle, 95.0)])
    first = replace(trial(0, 0.0, 100.0, origin="dense"), curve=())
    budget = RemainingBudget(Budget(1000.0, "epochs"), 4.0, lambda _: TrialTime(1.0, 0.0))
    plain = Links(context, "auto", 4).propose(1, [first], [], budget)
    joint = Links(replace(context, quality=quality), "auto", 4).propose(1, [first], [], budget)
    assert plain is not None and joint is not None
    assert (plain.epochs, joint.epochs) == (1000 / 4, 1000 / 2)
    assert SIZES.size_of(joint.ratios) < middle


@pytest.mark.parametrize(("count", "reaches_least"), [(1, False), (2, False), (3, True), (4, True)])
def test_of_one_or_two_models_none_is_the_smallest(count: int, reaches_least: bool) -> None:
    """That would take the most training."""
    links = Links(search_context(), "auto", count)
    budget = RemainingBudget(Budget(1000.0, "epochs"), 4.0, lambda _: TrialTime(1.0, 0.0))
    results = [replace(trial(0, 0.0, 100.0, origin="dense"), curve=())]
    while proposal := links.propose(len(results), results, [], budget):
        widths = formula.widths_of(proposal.ratios)
        job = Job(len(results), "auto", proposal.ratios, widths, 0, proposal.parent, epochs=1.0)
        results.append(replace(formula.evaluate(job), curve=({},)))  # type: ignore[arg-type]
    sizes = [SIZES.size_of(result.ratios) for result in results[1:]]
    assert len(sizes) == count
    assert (sizes[-1] == SIZES.least) == reaches_least
