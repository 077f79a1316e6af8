"""Sweeps whose trainings are simulated: the search is real, its clock and its trials are not.

The driver, queue, budget, strategy and folder are those of a sweep. The network is one of 12 layers
whose MACs are products of widths. The loss of a model is the share of the quality that it lost, 1 -
retained quality, and follows three rules:

- *pruning*: a model cut out of another, whose loss is `p`, has `p + DAMAGE * log(size ratio)^1.5`,
  at most 1;
- *training* for t epochs lowers that to `limit + (start - limit) * (1 + t / EPOCHS)^-RATE`;
- the *limit* is `LIMIT * ((dense size / size)^SLOPE - 1)`.

An allocation multiplies damage and limit by its damage relative to that of the uniform one. The
constants were chosen so that uniform candidates of ResNet-20 on CIFAR-10, trained for 1.5 to 2.5
epochs, have the accuracies of docs/research/search.md: of .85, .64 and .42 retained at 36, 13.5 and
5 % of the MACs the rules give .84, .58 and .51. An epoch of the dense model takes a minute, one of
a smaller model (MACs)^.34 of that, a trial ten seconds beside, and an evaluation of the proxy, for
which the driver and thereby all free workers wait, a second.
"""

from __future__ import annotations

import heapq
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from paretoprune.config.groups.search import SearchSettings
from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target
from paretoprune.executors.interface import Executor
from paretoprune.results import (
    Budget,
    Cost,
    EpochRecord,
    EpochTime,
    GroupInfo,
    Job,
    Metrics,
    TrialResult,
)
from paretoprune.search.allocation.baselines import baselines, global_ratios, uniform_ratios
from paretoprune.search.allocation.sensitivity import ChannelDamage, Damage, distinct_ratios
from paretoprune.search.allocation.sizes import Sizes, affordable_sizes
from paretoprune.search.budget.training_time import predicted_seconds
from paretoprune.search.context import SearchContext
from paretoprune.search.front.gaps import FrontAxis
from paretoprune.search.front.metrics import Yardstick, retained_area
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.loop import run_sweep
from paretoprune.testing.formula_sweep import no_sampler

Ratios = Mapping[str, float]

GROUPS = tuple(GroupInfo(f"g{index}", 64) for index in range(12))
DIVISOR = 4  # of widths
MAX_RATIO = 0.9
BASELINE_RATIOS = (0.2, 0.4, 0.6, 0.8)

DAMAGE, LIMIT, SLOPE, EPOCHS, RATE = 0.35, 0.1, 0.35, 1.0, 0.9
NOISE = 0.003  # standard deviation of a measured loss
EPOCH_S, FIXED_S, PROXY_S, PACE = 60.0, 10.0, 1.0, 0.34
TRIAL_EPOCHS, LEAST_EPOCHS = 10.0, 0.3


@dataclass(frozen=True)
class Outcome:
    """The area of a simulated sweep's front, and the use of its time."""

    area: float  # retained-quality area of its front
    wall_s: float  # on the simulated clock
    busy: float  # share of the workers' time in which they ran trials
    num_trained: int
    num_twice: int  # trainings of an architecture that had been trained


def simulate(strategy: str, *, workers: int, budget_s: float, seed: int) -> Outcome:
    """Run a sweep of a strategy of the package, such as `auto.auto`, in simulated time."""
    machine = Machine(workers, seed)
    target = Target(path=f"paretoprune.search.strategies.{strategy}")
    budget = Budget(budget_s, "seconds")
    search = SearchSettings(strategy=target, budget=budget, baseline_ratios=BASELINE_RATIOS)
    first = baselines(GROUPS, machine.scores, cost_of, ratios=BASELINE_RATIOS, max_ratio=MAX_RATIO)
    known = EpochTime(macs=cost_of({}).macs, seconds=EPOCH_S)
    context = _context(machine, search, num_first=len(first), known=known, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = SweepFolder(Path(name))
        study = SweepStudy(
            folder.study,
            name="simulated",
            groups=GROUPS,
            objectives=search.objectives,
            sampler=None,
            max_ratio=MAX_RATIO,
            seed=seed,
        )
        results = run_sweep(
            SearchProblem(
                widths_of,
                cost_of,
                epochs=TRIAL_EPOCHS,
                least_epochs=LEAST_EPOCHS,
                epoch_time=lambda: known,
            ),
            first,
            build(target, context=context),
            study=study,
            folder=folder,
            executor=machine,
            search=search,
            sparsity=SparsitySettings(),
            seed=seed,
            clock=lambda: machine.now,
        )
    trained = [tuple(r.widths.values()) for r in results if r.epochs and r.state == "complete"]
    return Outcome(
        area_of(results),
        machine.now,
        machine.busy_s / (workers * machine.now),
        len(trained),
        len(trained) - len(set(trained)),
    )


class Machine(Executor):
    """Workers whose trials end on a simulated clock."""

    def __init__(self, workers: int, seed: int) -> None:
        self.slots, self.now, self.busy_s = workers, 0.0, 0.0
        random = np.random.default_rng(seed)
        weights = random.uniform(0.5, 2, len(GROUPS))
        self._weights = {g.name: float(w) for g, w in zip(GROUPS, weights, strict=True)}
        self._seed = seed
        self._losses: dict[int, float] = {}  # of finished and running trials
        self._sizes: dict[int, float] = {}
        self._due: list[tuple[float, int, TrialResult]] = []

    @property
    def scores(self) -> dict[str, list[float]]:
        """Scores of channels, whose sums are the damage of their removal."""
        ranks = np.arange(1, 65) / 64
        return {name: (weight * 2 * ranks).tolist() for name, weight in self._weights.items()}

    def submit(self, job: Job) -> None:
        """Start a trial on a free worker."""
        size = float(cost_of(job.ratios).macs)
        each = EPOCH_S * (size / cost_of({}).macs) ** PACE
        epochs = TRIAL_EPOCHS if job.epochs is None else job.epochs
        if job.seconds is not None:
            epochs = min(epochs, job.seconds / each)
        loss = self.trained(self.pruned(job.parent, job.ratios), job.ratios, epochs)
        self._losses[job.number], self._sizes[job.number] = loss, size
        uses = {"finetune": epochs * each, "prune": FIXED_S}
        end = self.now + sum(uses.values())
        self.busy_s += sum(uses.values())
        heapq.heappush(self._due, (end, job.number, self._result(job, epochs, loss, uses)))

    def collect(self) -> TrialResult:
        """Advance the clock to the end of the trial that ends first."""
        end, _, result = heapq.heappop(self._due)
        self.now = max(self.now, end)
        return result

    def close(self) -> None:
        """No work is done outside the clock."""

    def evaluate_proxy(self, parent: int | None, ratios: Ratios) -> float:
        """Return the proxy of a candidate: its loss before training, with an error."""
        self.now += PROXY_S
        return self.pruned(parent, ratios) * (1 + 0.1 * self._error("look", ratios))

    def pruned(self, parent: int | None, ratios: Ratios) -> float:
        """Return the loss of a candidate before training."""
        size, dense = float(cost_of(ratios).macs), float(cost_of({}).macs)
        before = 0.0 if parent is None else self._losses[parent]
        steps = math.log((dense if parent is None else self._sizes[parent]) / size)
        damage: float = self._factor(ratios) * DAMAGE * max(0.0, steps) ** 1.5
        return min(1.0, before + damage)

    def trained(self, loss: float, ratios: Ratios, epochs: float) -> float:
        """Return the loss after training."""
        if not epochs:
            return loss
        size, dense = float(cost_of(ratios).macs), float(cost_of({}).macs)
        limit: float = self._factor(ratios) * LIMIT * ((dense / size) ** SLOPE - 1)
        noise = NOISE * self._error("train", ratios)
        found: float = limit + (loss - limit) * (1 + epochs / EPOCHS) ** -RATE + noise
        return found

    def _factor(self, ratios: Ratios) -> float:
        """Return the damage of an allocation relative to that of the uniform one of its size."""
        removed = {name: ratio**2 for name, ratio in ratios.items()}
        whole = sum(removed.values())
        if not whole:
            return 1.0
        mean = sum(self._weights.values()) / len(self._weights)
        own = sum(self._weights[name] * each for name, each in removed.items()) / whole / mean
        return min(2.0, max(0.5, own))

    def _error(self, use: str, ratios: Ratios) -> float:
        """Return a standard normal number that depends on the architecture and the seed only."""
        widths = [self._seed, len(use), *widths_of(ratios).values()]
        return float(np.random.default_rng(widths).normal())

    def _result(
        self, job: Job, epochs: float, loss: float, uses: Mapping[str, float]
    ) -> TrialResult:
        quality, macs = 100 * (1 - loss), cost_of(job.ratios).macs
        return TrialResult(
            number=job.number,
            state="complete",
            origin=job.origin,
            ratios=dict(job.ratios),
            widths=dict(job.widths),
            metrics=Metrics({"accuracy": quality}, macs=macs, params=macs),
            seed=job.seed,
            curve=(EpochRecord(1, loss, quality, loss, 0.0, 0.0),) if epochs else (),
            seconds=dict(uses),
            parent=job.parent,
            epochs=epochs,
            asked_epochs=job.epochs,
            scores={name: tuple(self.scores[name][-width:]) for name, width in job.widths.items()},
        )


def widths_of(ratios: Ratios) -> dict[str, int]:
    """Return widths rounded to multiples of `DIVISOR`, at least one of them."""
    return {group.name: _width(ratios.get(group.name, 0.0)) for group in GROUPS}


@cache
def _width(ratio: float) -> int:
    return max(DIVISOR, DIVISOR * round(64 * (1 - ratio) / DIVISOR))


def cost_of(ratios: Ratios) -> Cost:
    """Return the sum of the products of neighbouring widths."""
    return _cost(tuple(_width(ratios.get(group.name, 0.0)) for group in GROUPS))


@cache
def _cost(widths: tuple[int, ...]) -> Cost:
    macs = sum(a * b for a, b in zip((16, *widths), (*widths, 16), strict=True))
    return Cost(params=macs, macs=macs)


def size_of(ratios: Ratios) -> float:
    """Return the MACs."""
    return float(cost_of(ratios).macs)


def area_of(results: list[TrialResult]) -> float:
    """Return the retained-quality area of the front of the results."""
    yardstick = Yardstick({"accuracy": 100.0, "macs": size_of({})}, 0.0, "macs", "accuracy")
    done = [r for r in results if r.state == "complete"]
    return retained_area(
        [(float(r.metrics.macs or 0), r.metrics.quality["accuracy"]) for r in done], yardstick
    )


def _context(
    machine: Machine, search: SearchSettings, *, num_first: int, known: EpochTime, seed: int
) -> SearchContext:
    budget = search.budget
    assert budget is not None
    whole = replace(budget, amount=machine.slots * budget.amount)
    sizes = Sizes(
        choices=distinct_ratios(GROUPS, widths_of, max_ratio=MAX_RATIO),
        size_of=size_of,
        macs_of=size_of,
    )

    def damage(parent: TrialResult | None) -> Damage:
        scores = (parent.scores if parent else None) or machine.scores
        return ChannelDamage.of(scores, widths_of)

    return SearchContext(
        groups=GROUPS,
        objectives=search.objectives,
        sizes=sizes,
        quality=FrontAxis(lambda result: result.metrics.quality.get("accuracy"), 0.0),
        max_ratio=MAX_RATIO,
        seed=seed,
        num_first=num_first,
        fits=lambda ratios: True,
        damage=damage,
        proxy=machine.evaluate_proxy,
        uniform_of_size=cache(
            lambda size: uniform_ratios(GROUPS, lambda r: size_of(r) <= size, max_ratio=MAX_RATIO)
        ),
        global_of_size=lambda size: global_ratios(
            GROUPS, machine.scores, lambda r: size_of(r) <= size, max_ratio=MAX_RATIO
        ),
        affordable_sizes=lambda most: affordable_sizes(
            most, whole, predicted_seconds(known, known.macs / 4)
        ),
        has_untrained_front=True,
        ask=no_sampler,
        least_epochs=LEAST_EPOCHS,
    )
