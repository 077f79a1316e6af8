"""A sweep in this process with CPU time as its clock, and the evaluation of its front."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import cached_property

from front_scores import Member
from torch import nn

from paretoprune.executors.inline import Inline
from paretoprune.measure.quality import measure_quality
from paretoprune.problem.forms import load_delivered
from paretoprune.problem.problem import Problem
from paretoprune.pruning.structured.plan import Plan
from paretoprune.results import EpochTime, Job, TrialResult
from paretoprune.results.trials import models_of
from paretoprune.search.front.front import front_of
from paretoprune.search.search_problem import SearchProblem
from paretoprune.search.study.study import SweepStudy
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.baselines import first_proposals, search_settings
from paretoprune.sweep.candidates.dimensions import group_infos
from paretoprune.sweep.loop import run_sweep
from paretoprune.sweep.strategies import least_epochs, sensitivity_of, strategy_of
from paretoprune.sweep.time_account import TimeAccount
from paretoprune.trial.comparable_scores import comparable_scores
from paretoprune.trial.context import TrialContext, make_context
from paretoprune.trial.gate_scores import with_gate_scores
from paretoprune.trial.learning_rate import with_tuned_rate
from paretoprune.trial.quantized import makers_of
from paretoprune.trial.run import run_trial

_log = logging.getLogger(__name__)


class CpuSweep:
    """A sweep in this process, whose clock is the CPU time of the process."""

    def __init__(self, problem: Problem, folder: SweepFolder) -> None:
        self.problem, self.folder = problem, folder
        self.context = make_context(problem, Stopwatch(time.process_time))
        if problem.settings.uses_gate_scores:
            self.context = with_gate_scores(self.context)
        self.account = TimeAccount(folder.path, self.context.watch)
        self.finished_at: dict[int, float] = {}

    def run(self) -> list[TrialResult]:
        """Search; the seconds count since the context was made, without the dense training."""
        settings, context = self.problem.settings, self.context
        search = search_settings(settings)
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
        strategy = strategy_of(
            context,
            study,
            scores,
            sensitivity,
            lambda: self.ready,
            num_first=len(first),
            trials=self.folder.trials,
        )
        return run_sweep(
            SearchProblem(
                self.problem.costs.widths_of,
                self.problem.costs.cost_of,
                epochs=context.finetune.epochs,
                least_epochs=least_epochs(self.problem.data),
                epoch_time=self._epoch_time,
                bytes_of_bits=settings.bytes_of_bits,
            ),
            first,
            strategy,
            study=study,
            folder=self.folder,
            executor=Inline(self._evaluate),
            search=search,
            sparsity=settings.sparsity,
            seed=settings.seed,
            clock=self.account.spent,
        )

    @property
    def least_share(self) -> float:
        """The smallest uniform candidate's share of the dense MACs, the lower end of the area.

        It is the same whether ranks are searched or not.
        """
        ratio = search_settings(self.problem.settings).max_ratio
        smallest = {group.name: group.uniform(ratio) for group in group_infos(self.problem)}
        costs = self.problem.costs
        return costs.cost_of(smallest).macs / costs.cost_of({}).macs

    def _epoch_time(self) -> EpochTime | None:
        return self.ready.training.epoch_time

    @cached_property
    def ready(self) -> TrialContext:
        """The context with the learning rate of the trainings, tuned before the first one."""
        return with_tuned_rate(self.context, search_settings(self.problem.settings).budget)

    def _evaluate(self, job: Job) -> TrialResult:
        """Run a trial; log what it was given and what it used, in CPU seconds."""
        context = self.context if job.epochs == 0 else self.ready
        result = run_trial(context, job, folder=self.folder.trial(job.number))
        self.finished_at[job.number] = self.account.spent()
        _log.info("%s", _in_words(job, result, self.problem, self.finished_at[job.number]))
        return result

    def front(
        self, results: Sequence[TrialResult], *, test: bool = True, size: str = "macs"
    ) -> list[Member]:
        """Return all models; with `test`, those of the front are evaluated on the test data.

        Shares are those of the dense model's `size`, a quantity of the registry.
        """
        objectives = search_settings(self.problem.settings).objectives
        models = models_of(results)
        front = front_of(models, objectives) if test else ()
        whole = self.context.dense.metrics.get(size) or 1
        found = [
            Member(
                share=(model.metrics.get(size) or 0) / whole,
                validation=model.metrics.quality.get("accuracy", 0.0),
                test=self._test_accuracy(model) if model.key in front else None,
                seconds=self.finished_at[model.number],
            )
            for model in models
            if model.state == "complete" and (model.origin != "dense" or model.quantization)
        ]
        return [self.dense_member(test=test), *found]

    def dense_member(self, *, test: bool = True) -> Member:
        """Return the dense model, evaluated on the test data if asked for."""
        dense = self.context.dense
        return Member(
            share=1.0,
            validation=dense.metrics.quality.get("accuracy", 0.0),
            test=test_accuracy(self.problem, dense.model) if test else None,
            seconds=0.0,
        )

    def _test_accuracy(self, trial: TrialResult) -> float:
        folder = self.folder.trial(trial.number)
        plan = Plan.from_json(read_json(folder / "plan.json"))
        weights = folder / "model.safetensors"
        model = load_delivered(self.problem.model, self.problem.groups, plan, weights).eval()
        if trial.quantization:
            model = makers_of(self.context, model)[trial.quantization]().model
        return test_accuracy(self.problem, model)


def test_accuracy(problem: Problem, model: nn.Module) -> float:
    """Return the accuracy of a model on the test data, in percent."""
    loader = problem.data.test_dataloader()
    return measure_quality(problem.task, model, loader, device=problem.device)["accuracy"]


def _in_words(job: Job, result: TrialResult, problem: Problem, now: float) -> str:
    """Describe a trial: size, seconds of training that were given and used, epochs, all uses."""
    given = "    -" if job.seconds is None else f"{job.seconds:5.1f}"
    trained = sum(result.seconds.get(use, 0.0) for use in ("finetune", "validate", "teacher"))
    uses = " ".join(f"{use} {seconds:.1f}" for use, seconds in result.seconds.items())
    share = (result.metrics.macs or 0) / problem.costs.cost_of({}).macs
    return (
        f"{now:6.1f} s {job.origin:13} {share:6.1%} of the MACs, "
        f"given {given} used {trained:5.1f}, {result.epochs:5.2f} epochs, "
        f"{result.metrics.quality['accuracy']:.1f} %; {uses}"
    )
