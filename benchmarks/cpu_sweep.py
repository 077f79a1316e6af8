"""A sweep in this process whose clock is the CPU's, and what its front is worth."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from front_scores import Member

from paretoprune.cli.launch import comparable_scores
from paretoprune.executors.inline import Inline
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.problem import Outline
from paretoprune.pruning.structured.checkpoint import rebuild
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.search.front.front import front_of
from paretoprune.search.strategies.chain import Chain
from paretoprune.search.strategies.gap_filling import Refill
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.strategies.sequence import InTurn
from paretoprune.search.strategies.shared import Shared
from paretoprune.search.strategies.untrained_front import Sketch
from paretoprune.search.study.study import Ledger
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import first_proposals, group_infos, search_of
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.search_problem import Problem
from paretoprune.sweep.strategies import sensitivity_of, strategy_of
from paretoprune.trial.context import Prepared, prepare, with_gate_scores
from paretoprune.trial.learning_rate import with_tuned_rate
from paretoprune.trial.run import run_trial


class CpuSweep:
    """A sweep in this process whose clock is the CPU's."""

    def __init__(self, task: Outline, folder: SweepFolder) -> None:
        self.task, self.folder = task, folder
        self.started = time.process_time()
        self.inside = 0.0  # seconds of training and evaluation
        self.finished_at: dict[int, float] = {}
        self.prepared: Prepared | None = None

    def clock(self) -> float:
        """Seconds since the sweep began."""
        return time.process_time() - self.started

    def run(self) -> list[TrialResult]:
        """Prepare and search."""
        settings = self.task.settings
        search = search_of(settings)
        prepared = prepare(self.task)
        if settings.goes_by_gates:
            prepared = with_gate_scores(prepared)
        self.prepared = prepared
        self.inside = self.clock()
        ledger = Ledger(
            self.folder.study,
            name="benchmark",
            groups=group_infos(self.task),
            objectives=search.objectives,
            sampler=search.sampler,
            max_ratio=search.max_ratio,
            seed=settings.seed,
        )
        scores = comparable_scores(prepared)
        sensitivity = sensitivity_of(prepared, self.folder.dense / "sensitivity.json")
        first = first_proposals(self.task, scores, sensitivity)
        strategy = self._watched(
            strategy_of(
                prepared,
                ledger,
                scores,
                sensitivity,
                self._epoch_time,
                num_first=len(first),
                trials=self.folder.trials,
            )
        )
        self.least_share = _least_share(self.task, search.max_ratio)
        results = run_sweep(
            Problem(
                self.task.widths_of,
                self.task.cost_of,
                epochs=prepared.finetune.epochs,
                epoch_time=self._epoch_time,
            ),
            first,
            strategy,
            ledger=ledger,
            folder=self.folder,
            executor=Inline(self._evaluate),
            search=search,
            sparsity=settings.sparsity,
            seed=settings.seed,
            clock=self.clock,
        )
        self.spent = self.clock()
        return results

    def _epoch_time(self) -> EpochTime | None:
        return self.ready.epoch_time

    @cached_property
    def ready(self) -> Prepared:
        """With the learning rate that trainings take, looked for before the first."""
        assert self.prepared is not None
        begun, budget = self.clock(), search_of(self.task.settings).budget
        tuned = with_tuned_rate(self.prepared, budget, clock=self.clock)
        self.inside += self.clock() - begun
        return tuned

    def _watched(self, strategy: Strategy) -> Strategy:
        """Looks at candidates are evaluation, though they happen between trials."""
        if isinstance(strategy, InTurn):
            return replace(strategy, parts=tuple(self._timed(part) for part in strategy.parts))
        return strategy

    def _timed(self, part: Chain | Shared | Sketch | Refill) -> Chain | Shared | Sketch | Refill:
        if isinstance(part, Shared):
            return replace(part, chain=self._timed_chain(part.chain))
        return self._timed_chain(part) if isinstance(part, Chain) else part

    def _timed_chain(self, chain: Chain) -> Chain:
        def look(parent: int | None, ratios: Mapping[str, float]) -> float:
            begun = time.process_time()
            found = chain.look(parent, ratios)
            self.inside += time.process_time() - begun
            return found

        return replace(chain, look=look)

    def _evaluate(self, job: Job) -> TrialResult:
        """A trial, with its seconds in CPU time."""
        assert self.prepared is not None
        prepared = self.prepared if job.epochs == 0 else self.ready
        begun, wall = time.process_time(), time.perf_counter()
        result = run_trial(prepared, job, folder=self.folder.trial(job.number))
        seconds = time.process_time() - begun
        rate = seconds / (time.perf_counter() - wall)
        result = replace(result, seconds={k: v * rate for k, v in result.seconds.items()})
        self.inside += seconds - result.seconds.get("prune", 0.0)
        self.finished_at[job.number] = self.clock()
        return result

    def front(self, results: Sequence[TrialResult]) -> list[Member]:
        """All trials as they stand; those of the front are scored on the test split."""
        assert self.prepared is not None
        objectives = search_of(self.task.settings).objectives
        front = front_of(results, objectives)
        dense_macs = self.task.cost_of({}).macs
        dense = Member(
            share=1.0,
            validation=self.prepared.dense_metrics.accuracy or 0.0,
            test=self._test_accuracy(None),
            seconds=0.0,
        )
        trials = [
            Member(
                share=(result.metrics.macs or 0) / dense_macs,
                validation=result.metrics.accuracy or 0.0,
                test=self._test_accuracy(result.number) if result.number in front else None,
                seconds=self.finished_at[result.number],
            )
            for result in results
            if result.state == "complete" and result.origin != "dense"
        ]
        return [dense, *trials]

    def _test_accuracy(self, number: int | None) -> float:
        assert self.prepared is not None
        model = self.prepared.dense
        if number is not None:
            folder = self.folder.trial(number)
            plan = Plan.from_json(read_json(folder / "plan.json"))
            groups = self.task.groups.prunable
            model = rebuild(model, groups, plan, folder / "model.safetensors").eval()
        return measure_quality(
            model,
            self.task.data.test_dataloader(),
            num_classes=self.task.info.num_classes,
            device=self.task.device,
        ).accuracy


def _least_share(task: Outline, max_ratio: float) -> float:
    """The smallest candidate's share of the dense MACs: where the area begins."""
    smallest = {group.name: max_ratio for group in group_infos(task)}
    return task.cost_of(smallest).macs / task.cost_of({}).macs
