"""The Optuna study of a sweep: proposes ratios by a sampler, and records results.

Samplers work on a study in memory; results are also written to `study.db`. So a proposal needs no
disk access, a killed process leaves no half-written trial, and optuna-dashboard can read the file.
The authoritative record is the results in the sweep's folder.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseGASampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from paretoprune.config.instantiate import factory
from paretoprune.config.target import Target
from paretoprune.metrics import Direction
from paretoprune.results import GroupInfo, Job, Proposal, TrialResult
from paretoprune.search.front.front import objective_values
from paretoprune.search.study.fixed_space import FixedSpace, example_of
from paretoprune.search.study.generations import Generations, choose_parents
from paretoprune.search.study.history import LatestAndFront, WindowStorage
from paretoprune.search.study.open_study import without_experimental_warnings
from paretoprune.search.study.stored_study import StoredStudy

Ratios = Mapping[str, float]

optuna.logging.set_verbosity(optuna.logging.WARNING)

_LATEST = 60  # trials visible to a sampler, and as many of the front
_READ_EVERY_S = 5.0  # interval for reading the trials of other sweeps in a shared study
_MOST_OF_A_JOB = 60_000  # characters: a text of MySQL holds 65,535 bytes
_SAMPLED = ("sampler", "halving")  # origins of trials that a sampler proposed


class SweepStudy:
    """The study of one sweep, with the ask-and-tell interface of Optuna. Used by one process only.

    `restore` is called once with the results of an earlier run, `ask` for each proposal of a
    sampler and `tell` for each finished trial, whichever strategy proposed it. Parameters are named
    `ratio/GROUP`, within [0, maximum ratio of the group]. Objectives are given by name with their
    directions. Trials that failed or lack an objective are recorded as failed; infeasible ones
    violate a constraint.

    Raises SweepError if the database stays locked or cannot be reached, DiskFullError if the disk
    has no space left.
    """

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
        storage: str | None = None,
        owner: str = "",
    ) -> None:
        """Open or create the study in the file `path`, or at the database URL `storage`.

        `owner` distinguishes this sweep's trials in a shared database; the sampler learns from all
        trials.
        """
        self._objectives, self._owner, self._seed = objectives, owner, seed
        self._stored = StoredStudy(path, name, objectives, storage=storage, owner=owner)
        self._shared = storage is not None
        self._others: set[int] = set()  # trials of other sweeps, by their number in the study
        self._next_read = 0.0
        self._make_sampler = factory(sampler) if sampler else None
        self._most = {f"ratio/{g.name}": g.most(max_ratio) for g in groups}
        self._space: dict[str, BaseDistribution] = {
            name: FloatDistribution(0, most) for name, most in self._most.items()
        }
        directions = list(objectives.values())
        self._example = example_of(self._space, directions)
        self._working = optuna.create_study(storage=self._window(), directions=directions)
        self._asked: dict[int, optuna.Trial] = {}  # proposed trials without a result yet

    def restore(self, results: Sequence[TrialResult]) -> None:
        """Continue after the results of an earlier run; results missing in `study.db` are written.

        Trials that exist in the study only, because their result was damaged, are ignored.
        """
        stored = self._stored.ours()
        for result in results:
            ours, notes = stored.get(result.number, ({}, {}))
            if ours.get("state") == result.state:  # a failed trial may have been run again
                if isinstance(sampler := self._sampler_for(result.number), BaseGASampler):
                    choose_parents(self._working, sampler, notes)
                self._working.add_trial(self._finished(result, notes))
            else:
                self.tell(result)

    def jobs(self) -> dict[int, Job | None]:
        """Return the jobs of this sweep's trials in the study, by number; None if not stored."""
        return {number: _job_in(ours) for number, (ours, _) in self._stored.ours().items()}

    def ask(self, number: int, *, repair: Callable[[Ratios], Ratios]) -> Proposal:
        """Return the sampler's proposal for trial `number`, moved within the limits by `repair`.

        The sampler is seeded by (seed, number): with a fixed seed, a resumed sweep would repeat its
        first proposals.
        """
        if self._shared and time.monotonic() >= self._next_read:
            self._take_in_others()
        if (sampler := self._sampler_for(number)) is not None:
            self._working.sampler = FixedSpace(sampler, self._example)
        trial = self._working.ask(self._space)
        ratios = {name.removeprefix("ratio/"): value for name, value in trial.params.items()}
        repaired = repair(ratios)
        if repaired != ratios:
            notes = self._working.tell(trial, state=TrialState.FAIL).system_attrs
            trial = self._started(repaired, notes)
        self._asked[number] = trial
        return Proposal(ratios=repaired, origin="sampler")

    def tell(self, result: TrialResult) -> None:
        """Record a finished trial in memory and, when time permits, on disk."""
        if self._evolves and result.number not in self._asked and _was_sampled(result):
            # Proposed in an earlier run. The same seed gives the same attributes, such as a
            # generation.
            self.ask(result.number, repair=lambda ratios: result.ratios)
        trial = self._asked.pop(result.number, None)
        finished = self._finished(result, {})
        if trial is None:
            self._working.add_trial(finished)
        else:
            for name, value in finished.constraints.items():
                trial.set_constraint(name, value)
            finished = self._working.tell(trial, finished.values, state=finished.state)
            finished.user_attrs = self._attributes(result)
        self._stored.put(finished)

    def flush(self, *, patience_s: float) -> None:
        """Write pending trials to `study.db`; give up with a warning if it stays
        locked that long."""
        self._stored.flush(patience_s=patience_s)

    def _window(self) -> WindowStorage:
        sampler = self._sampler_for(0)
        self._evolves = isinstance(sampler, BaseGASampler)
        if isinstance(sampler, BaseGASampler):
            return WindowStorage(Generations(sampler))
        return WindowStorage(LatestAndFront(self._objectives, most=_LATEST))

    def _sampler_for(self, number: int) -> optuna.samplers.BaseSampler | None:
        if self._make_sampler is None:
            return None
        seed = int(np.random.SeedSequence((self._seed, number)).generate_state(1)[0])
        with without_experimental_warnings():
            sampler: optuna.samplers.BaseSampler = self._make_sampler(seed=seed)
        return sampler

    def _started(self, ratios: Ratios, notes: Mapping[str, Any]) -> optuna.Trial:
        """Start a trial with given ratios, and the sampler's attributes of the proposal they stem
        from."""
        fixed = {"fixed_params": self._params(ratios), **notes}
        self._working.add_trial(create_trial(state=TrialState.WAITING, system_attrs=fixed))
        return self._working.ask(self._space)

    def _finished(self, result: TrialResult, notes: Mapping[str, Any]) -> FrozenTrial:
        """Convert a result into an Optuna trial."""
        values = objective_values(result.metrics, self._objectives)
        failed = values is None or result.state == "failed"
        broken = 1.0 if result.state == "infeasible" else 0.0
        with without_experimental_warnings():
            return create_trial(
                state=TrialState.FAIL if failed else TrialState.COMPLETE,
                values=None if failed else values,
                params=self._params(result.ratios),
                distributions=self._space,
                user_attrs=self._attributes(result),
                system_attrs=dict(notes),
                # Optuna stores constraints among the system attributes.
                constraints=None if failed or notes else {"limits": broken},
            )

    def _params(self, ratios: Ratios) -> dict[str, Any]:
        """Return the parameters; ratios are limited by the cap of their group."""
        asked = {f"ratio/{name}": ratio for name, ratio in ratios.items()}
        return {name: min(asked.get(name, 0.0), most) for name, most in self._most.items()}

    def _attributes(self, result: TrialResult) -> dict[str, Any]:
        job = asdict(result.job)
        whole = len(json.dumps(job)) <= _MOST_OF_A_JOB
        return {
            "trial": result.number,
            "origin": result.origin,
            "state": result.state,
            "owner": self._owner,
            **({"job": job} if whole else {}),
        }

    def _take_in_others(self) -> None:
        """Add the trials of other sweeps from the shared study."""
        self._next_read = time.monotonic() + _READ_EVERY_S
        for trial in self._stored.others():
            if trial.number not in self._others:
                self._others.add(trial.number)
                self._working.add_trial(trial)


def _was_sampled(result: TrialResult) -> bool:
    return result.origin in _SAMPLED and result.rung == 0


def _job_in(attributes: Mapping[str, Any]) -> Job | None:
    """Return the job among the attributes of a trial; earlier versions did not store it."""
    try:
        job = Job.from_json(attributes["job"])
    except (KeyError, TypeError, ValueError):
        return None
    return job if job.number == attributes["trial"] else None
