"""The ledger of a sweep: an Optuna study that proposes ratios and remembers what came of them.

Samplers work on a study in memory; every finished trial is written to `study.db` in one
transaction. So asking costs no disk access, a killed process leaves no half-written trial behind,
and optuna-dashboard reads the same file.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.pool import NullPool

from paretoprune.config import Target
from paretoprune.results import Direction, GroupInfo, Proposal, TrialResult
from paretoprune.search.front import objective_values
from paretoprune.targets import build

Ratios = Mapping[str, float]

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Ledger:
    """One study: `ask` for a proposal, `tell` what it led to. Used by one process at a time."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        groups: Sequence[GroupInfo],
        objectives: Mapping[str, Direction],
        sampler: Target | None,
        max_ratio: float,
        seed: int,
    ) -> None:
        _use_write_ahead_log(path)
        self._objectives = objectives
        directions = list(objectives.values())
        # Without a pool, connections are closed as soon as they have been used.
        storage = RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs={"poolclass": NullPool})
        self._stored = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=directions,
            load_if_exists=True,
        )
        with _experimental():
            self._stored.set_metric_names(list(objectives))
        self._working = optuna.create_study(directions=directions)
        stored = self._stored.get_trials(deepcopy=False)
        self._working.add_trials(stored)
        self.told = {int(trial.user_attrs["trial"]) for trial in stored}  # trials on disk
        self._most = {f"ratio/{g.name}": min(max_ratio, g.max_ratio) for g in groups}
        self._space: dict[str, BaseDistribution] = {
            name: FloatDistribution(0, most) for name, most in self._most.items()
        }
        self._running: dict[int, optuna.Trial] = {}
        self._sampler = sampler
        self._seed = seed

    def ask(self, number: int, *, repair: Callable[[Ratios], Ratios]) -> Proposal:
        """The sampler's idea for trial `number`, made to fit the limits by `repair`, and started.

        The sampler is seeded by (seed, number): a fixed seed would make a resumed sweep propose
        again what it proposed at its start.
        """
        assert self._sampler is not None, "only a strategy with a sampler asks"
        seed = int(np.random.SeedSequence((self._seed, number)).generate_state(1)[0])
        with _experimental():
            self._working.sampler = build(self._sampler, seed=seed)
        trial = self._working.ask(self._space)
        ratios = {name.removeprefix("ratio/"): value for name, value in trial.params.items()}
        repaired = repair(ratios)
        proposal = Proposal(ratios=repaired, origin="sampler")
        if repaired == ratios:
            self._running[number] = trial
        else:
            self._working.tell(trial, state=TrialState.FAIL)
            self.start(number, proposal)
        return proposal

    def start(self, number: int, proposal: Proposal) -> None:
        """Note that trial `number` runs, if it was not asked for: a baseline, for example."""
        if number in self._running:
            return
        # A ratio beyond the cap of its group removes no more than the cap.
        asked = {f"ratio/{name}": ratio for name, ratio in proposal.ratios.items()}
        self._working.enqueue_trial({n: min(ratio, self._most[n]) for n, ratio in asked.items()})
        self._running[number] = self._working.ask(self._space)

    def tell(self, result: TrialResult) -> None:
        """Remember a finished trial, in memory and on disk."""
        trial = self._running.pop(result.number)
        attributes = {"trial": result.number, "origin": result.origin, "state": result.state}
        for key, value in attributes.items():
            trial.set_user_attr(key, value)
        values = objective_values(result.metrics, self._objectives)
        if values is None or result.state == "failed":
            self._working.tell(trial, state=TrialState.FAIL)
        else:
            trial.set_constraint("limits", 1.0 if result.state == "infeasible" else 0.0)
            self._working.tell(trial, values)
        if result.number not in self.told:
            self.told.add(result.number)
            self._stored.add_trial(self._working.get_trials(deepcopy=False)[trial.number])


def _use_write_ahead_log(path: Path) -> None:
    """Have SQLite append instead of rewriting pages: a third of the time per trial."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _experimental() -> Iterator[None]:
    """Without Optuna's warnings that a part of it is experimental; our version range is fixed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
