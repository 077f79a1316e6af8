"""Evaluation of fronts, and the record of all runs: arithmetic, a CSV, a table, a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from paretoprune.retained import retained
from paretoprune.sweep.time_account import in_words

BASELINES = (
    "uniform",
    "uniform_chain",
    "uniform_plain",
    "global",
    "tpe",
    "nsga2",
    "nsga2_log",
    "random",
    "random_log",
)
PEERS = ("tp_l2", "tp_taylor", "fastnas")  # other tools, see `peers.py`
_OTHERS = (*BASELINES, *PEERS)

SIZES = (0.6, 0.4, 0.2, 0.1, 0.05, 0.03)  # shares of the MACs at which accuracies are printed


@dataclass(frozen=True)
class Member:
    """One model of a run."""

    share: float  # of the dense MACs, or of the size that the benchmark is about
    validation: float  # percent
    test: float | None  # percent; None: never the best on validation data, so never chosen
    seconds: float  # of the budget, at the time it was finished


@dataclass(frozen=True)
class Run:
    """The result of one strategy with one budget. The dense model is the first member."""

    problem: str
    strategy: str
    seed: int
    budget_seconds: float
    spent_seconds: float
    outside_share: float  # share of the spent seconds that neither train nor validate
    learning_rate: float  # tuned peak, for a model of dense size
    num_trials: int
    epochs: float
    least_share: float  # the smallest candidate's share of the dense MACs
    trivial: float  # validation quality of the trivial predictor
    dense_validation: float
    dense_test: float
    members: tuple[Member, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)  # by use
    most_share: float = 1.0  # the largest of the sizes over which the front is judged

    @property
    def key(self) -> tuple[str, str, int, float]:
        """The identity of a run."""
        return (self.problem, self.strategy, self.seed, self.budget_seconds)

    @property
    def shares(self) -> np.ndarray:
        """The sizes over which the area is averaged: evenly spaced on a log scale."""
        return np.exp(np.linspace(np.log(self.least_share), np.log(self.most_share), 200))

    @property
    def shortfall(self) -> float:
        """1 - normalised area under the accuracy/log-size front (lower is better).

        Models are chosen on validation data and scored on test data.
        """
        return 1 - float(np.mean([self._retained_test(share) for share in self.shares]))

    def _retained_test(self, share: float) -> float:
        fitting = [m for m in self.members if m.share <= share * 1.0001 and m.test is not None]
        if not fitting:
            return 0.0
        chosen = max(fitting, key=lambda m: (m.validation, -m.share))
        return max(0.0, retained(chosen.test or 0, self.trivial, self.dense_test))

    def test_at(self, share: float) -> float:
        """Return the test accuracy of the chosen model of at most this share of the MACs."""
        return self.trivial + (self.dense_test - self.trivial) * self._retained_test(share)

    def at_sizes(self, shares: Sequence[float] = SIZES) -> str:
        """Return the test accuracy at these shares of the dense size."""
        return ", ".join(f"{share:.0%} {self.test_at(share):.1f}" for share in shares)

    def validation_at(self, share: float, *, until: float = np.inf) -> float:
        """Return the best validation accuracy at this size among models finished by then; else
        the trivial predictor's."""
        fitting = [m for m in self.members if m.share <= share * 1.0001 and m.seconds <= until]
        return max((member.validation for member in fitting), default=self.trivial)

    def validation_area(self, *, until: float = np.inf) -> float:
        """Return the area on validation data after `until` seconds."""
        values = [
            retained(self.validation_at(share, until=until), self.trivial, self.dense_validation)
            for share in self.shares
        ]
        return float(np.mean(np.maximum(values, 0)))

    @property
    def hypervolume(self) -> float:
        """Hypervolume of (log size, test error) from the trivial predictor at dense size.

        1: perfect at minimum size.
        """
        gain, possible = self.dense_test - self.trivial, 100 - self.trivial
        errors = [1 - self._retained_test(share) * gain / possible for share in self.shares]
        return 1 - float(np.mean(errors))

    def seconds_to(self, area: float) -> float:
        """Return the time at which the validation area first reached `area`; infinite if it never
        did."""
        for moment in sorted({member.seconds for member in self.members}):
            if self.validation_area(until=moment) >= area:
                return moment
        return float("inf")

    def worse_than(self, other: Run) -> float:
        """Return the largest deficit in validation accuracy at a size of the other run's models."""
        return max(
            (other.validation_at(m.share) - self.validation_at(m.share) for m in other.members),
            default=0.0,
        )


def write_run(path: Path, run: Run) -> None:
    """Append a run to the record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(run)) + "\n")


def read_runs(path: Path) -> list[Run]:
    """Return all recorded runs."""
    if not path.is_file():
        return []
    runs = []
    for line in path.read_text(encoding="utf-8").splitlines():
        known = json.loads(line)
        known.setdefault("trivial", known.pop("chance", None))  # its name in earlier records
        known["members"] = tuple(Member(**member) for member in known["members"])
        runs.append(Run(**known))
    return runs


def summarise(runs: Sequence[Run], *, picture: Path) -> None:
    """Print a table for each task and budget, and draw the median fronts."""
    groups: dict[tuple[str, float], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.problem, run.budget_seconds), []).append(run)
    for (problem, budget), members in groups.items():
        print(f"\n{problem}, {budget:g} CPU seconds a run, median over seeds")
        _print_table(_by_strategy(members))
        _print_sizes(_by_strategy(members))
        _print_seconds(_by_strategy(members))
    if groups:
        _draw(groups, picture)


def _by_strategy(runs: Iterable[Run]) -> dict[str, dict[int, Run]]:
    found: dict[str, dict[int, Run]] = {}
    for run in runs:
        found.setdefault(run.strategy, {})[run.seed] = run
    return dict(sorted(found.items(), key=lambda item: _median(item[1], lambda r: r.shortfall)))


def _print_table(strategies: Mapping[str, Mapping[int, Run]]) -> None:
    print(
        f"{'strategy':14}{'seeds':>6}{'trials':>7}{'shortfall':>11}{'(all seeds)':>28}{'area':>7}"
        f"{'hypervol.':>10}{'outside':>9}{'spent':>8}{'below uniform':>15}"
    )
    uniform = strategies.get("uniform", {})
    for name, runs in strategies.items():
        each = " ".join(f"{runs[seed].shortfall:.3f}" for seed in sorted(runs))
        shortfall = _median(runs, lambda r: r.shortfall)
        worst = [run.worse_than(uniform[s]) for s, run in runs.items() if s in uniform]
        print(
            f"{name:14}{len(runs):6}{_median(runs, lambda r: r.num_trials):7.0f}{shortfall:11.4f}"
            f"{each:>28}{1 - shortfall:7.3f}{_median(runs, lambda r: r.hypervolume):10.3f}"
            f"{_median(runs, lambda r: r.outside_share):9.1%}"
            f"{_median(runs, lambda r: r.spent_seconds / r.budget_seconds):8.1%}"
            f"{max([0.0, *worst]):13.1f} p"
        )
    for baseline in (name for name in _OTHERS if name in strategies):
        print(f"time to the final front of {baseline}, as a share of the budget:")
        for name, runs in strategies.items():
            shares = [
                run.seconds_to(strategies[baseline][seed].validation_area()) / run.budget_seconds
                for seed, run in runs.items()
                if seed in strategies[baseline]
            ]
            if name not in _OTHERS and shares:
                print(f"    {name:10} {median(shares):.2f}")


def _print_sizes(strategies: Mapping[str, Mapping[int, Run]]) -> None:
    """Print the epochs really trained, and the test accuracy at the fixed sizes."""
    print(f"test accuracy at a share of the MACs\n{'':16}{'epochs':>7}", end="")
    print(*(f"{share:7.0%}" for share in SIZES), sep="")
    for name, runs in strategies.items():
        print(f"{name:16}{_median(runs, lambda r: r.epochs):7.1f}", end="")
        print(*(f"{median(r.test_at(s) for r in runs.values()):7.1f}" for s in SIZES), sep="")


def _print_seconds(strategies: Mapping[str, Mapping[int, Run]]) -> None:
    """Print where the seconds went, mean over seeds; they add up to those spent."""
    for name, runs in strategies.items():
        known = [run.seconds for run in runs.values() if run.seconds]
        if known:
            uses = {use for seconds in known for use in seconds}
            mean = {use: sum(one.get(use, 0.0) for one in known) / len(known) for use in uses}
            print(f"{name:16}{in_words(mean, next(iter(runs.values())).budget_seconds)}")


def _median(runs: Mapping[int, Run], value: Callable[[Run], float]) -> float:
    return float(median(value(run) for run in runs.values()))


def _draw(groups: Mapping[tuple[str, float], Sequence[Run]], path: Path) -> None:
    """Draw the test accuracy of the chosen model by maximum size, median over seeds."""
    figure, axes = plt.subplots(1, len(groups), figsize=(5.5 * len(groups), 4), squeeze=False)
    for axis, ((problem, budget), runs) in zip(axes[0], groups.items(), strict=True):
        for name, by_seed in _by_strategy(runs).items():
            shares = next(iter(by_seed.values())).shares
            curves = [[run.test_at(share) for share in shares] for run in by_seed.values()]
            style = "-" if name not in _OTHERS else "--"
            axis.plot(shares, np.median(curves, axis=0), style, label=name)
        axis.set(xscale="log", xlabel="share of the dense MACs", ylabel="test accuracy, %")
        axis.set_title(f"{problem}, {budget:g} CPU s, {len(by_seed)} seeds")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
    print(f"\npicture: {path}")
