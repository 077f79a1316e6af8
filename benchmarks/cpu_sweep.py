"""A sweep in this process with CPU time as its clock, and the evaluation of its front."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from front_scores import Member

from paretoprune.executors.inline import Inline
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.forms import rebuild_trial
from paretoprune.problem.problem import Problem
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.search.front.front import front_of
from paretoprune.search.phases.links import Links
from paretoprune.search.phases.nested_trunk import NestedTrunk
from paretoprune.search.phases.sequence import Phase, StrategySequence
from paretoprune.search.strategies.interface import Strategy
from paretoprune.search.study.study import SweepStudy
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import first_proposals, group_infos, search_settings
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.search_problem import SearchProblem
from paretoprune.sweep.strategies import sensitivity_of, strategy_of
from paretoprune.trial.comparable_scores import comparable_scores
from paretoprune.trial.context import TrialContext, make_context, with_gate_scores
from paretoprune.trial.learning_rate import with_tuned_rate
from paretoprune.trial.run import run_trial


class CpuSweep:
    """A sweep in this process, whose clock is the CPU time of the process."""

    def __init__(self, problem: Problem, folder: SweepFolder) -> None:
        self.problem, self.folder = problem, folder
        self.started = time.process_time()
        self.inside = 0.0  # seconds of training and evaluation
        self.finished_at: dict[int, float] = {}
        self.context: TrialContext | None = None

    def clock(self) -> float:
        """Return the seconds since the sweep began."""
        return time.process_time() - self.started

    def run(self) -> list[TrialResult]:
        """Prepare and search."""
        settings = self.problem.settings
        search = search_settings(settings)
        context = make_context(self.problem)
        if settings.uses_gate_scores:
            context = with_gate_scores(context)
        self.context = context
        self.inside = self.clock()
        study = SweepStudy(
            self.folder.study,
            name="benchmark",
            groups=group_infos(self.problem),
            objectives=search.objectives,
            sampler=search.sampler,
            max_ratio=search.max_ratio,
            seed=settings.seed,
        )
        scores = comparable_scores(context)
        sensitivity = sensitivity_of(context, self.folder.dense / "sensitivity.json")
        first = first_proposals(self.problem, scores, sensitivity)
        strategy = self._watched(
            strategy_of(
                context,
                study,
                scores,
                sensitivity,
                self._epoch_time,
                num_first=len(first),
                trials=self.folder.trials,
            )
        )
        self.least_share = _least_share(self.problem, search.max_ratio)
        results = run_sweep(
            SearchProblem(
                self.problem.widths_of,
                self.problem.cost_of,
                epochs=context.finetune.epochs,
                epoch_time=self._epoch_time,
            ),
            first,
            strategy,
            study=study,
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
    def ready(self) -> TrialContext:
        """The context with the learning rate of the trainings, tuned before the first one."""
        assert self.context is not None
        begun, budget = self.clock(), search_settings(self.problem.settings).budget
        tuned = with_tuned_rate(self.context, budget, clock=self.clock)
        self.inside += self.clock() - begun
        return tuned

    def _watched(self, strategy: Strategy) -> Strategy:
        """Count proxy evaluations as evaluation time, although they happen between trials."""
        if isinstance(strategy, StrategySequence):
            return replace(strategy, parts=tuple(self._timed(part) for part in strategy.parts))
        return self._timed_links(strategy) if isinstance(strategy, Links) else strategy

    def _timed(self, part: Phase) -> Phase:
        if isinstance(part, NestedTrunk):
            return replace(part, links=self._timed_links(part.links))
        return self._timed_links(part) if isinstance(part, Links) else part

    def _timed_links(self, links: Links) -> Links:
        def proxy(parent: int | None, ratios: Mapping[str, float]) -> float:
            begun = time.process_time()
            found = links.context.proxy(parent, ratios)
            self.inside += time.process_time() - begun
            return found

        return replace(links, context=replace(links.context, proxy=proxy))

    def _evaluate(self, job: Job) -> TrialResult:
        """Run a trial, with its times in CPU seconds."""
        assert self.context is not None
        context = self.context if job.epochs == 0 else self.ready
        begun, wall = time.process_time(), time.perf_counter()
        result = run_trial(context, job, folder=self.folder.trial(job.number))
        seconds = time.process_time() - begun
        rate = seconds / (time.perf_counter() - wall)
        result = replace(result, seconds={k: v * rate for k, v in result.seconds.items()})
        self.inside += seconds - result.seconds.get("prune", 0.0)
        self.finished_at[job.number] = self.clock()
        return result

    def front(self, results: Sequence[TrialResult], *, test: bool = True) -> list[Member]:
        """Return all trials; with `test`, those of the front are evaluated on the test data."""
        assert self.context is not None
        objectives = search_settings(self.problem.settings).objectives
        front = front_of(results, objectives) if test else ()
        dense_macs = self.problem.cost_of({}).macs
        dense = Member(
            share=1.0,
            validation=self.context.dense_metrics.quality.get("accuracy", 0.0),
            test=self._test_accuracy(None) if test else None,
            seconds=0.0,
        )
        trials = [
            Member(
                share=(result.metrics.macs or 0) / dense_macs,
                validation=result.metrics.quality.get("accuracy", 0.0),
                test=self._test_accuracy(result.number) if result.number in front else None,
                seconds=self.finished_at[result.number],
            )
            for result in results
            if result.state == "complete" and result.origin != "dense"
        ]
        return [dense, *trials]

    def _test_accuracy(self, number: int | None) -> float:
        assert self.context is not None
        model = self.context.dense
        if number is not None:
            folder = self.folder.trial(number)
            plan = Plan.from_json(read_json(folder / "plan.json"))
            weights = folder / "model.safetensors"
            model = rebuild_trial(self.problem.model, self.problem.groups, plan, weights).eval()
        return measure_quality(
            model,
            self.problem.data.test_dataloader(),
            num_classes=self.problem.info.num_classes,
            device=self.problem.device,
        )["accuracy"]


def _least_share(problem: Problem, max_ratio: float) -> float:
    """Return the smallest candidate's share of the dense MACs, the lower end of the area."""
    smallest = {group.name: max_ratio for group in group_infos(problem)}
    return problem.cost_of(smallest).macs / problem.cost_of({}).macs
