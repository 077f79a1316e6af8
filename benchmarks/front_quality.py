"""Strategies side by side at equal compute: how good a front does each find, and how soon?

    python benchmarks/front_quality.py --tasks digits-hard --seeds 0,1,2
    python benchmarks/front_quality.py --tasks cifar10,fashion-mnist --data FOLDER --budget 100

Compute is the CPU time of this process on one thread, so that a loaded machine changes nothing. The
dense model is given; all else that a sweep does counts against the budget: scores, the search for a
learning rate, sensitivity, training, evaluation. What is measured is added to a file, a line a run;
runs that it holds already are not run again, and the summary and the picture are of all of it.

FOLDER holds cifar10/cifar10-{train-a,train-b,test}.npz (WebP strips), fashion-mnist/*.gz (the
official idx files) and weights/cifar10-chenyaofo-resnet20.safetensors.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from front_scores import BASELINES, Member, Run, read_runs, summarise, write_run
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tasks import TASKS, Task

from paretoprune.cli.command_line import CONF
from paretoprune.cli.first import first_proposals, group_infos, search_of
from paretoprune.cli.launch import comparable_scores
from paretoprune.cli.strategy import sensitivity_of, strategy_of
from paretoprune.config import Settings
from paretoprune.executors import Inline
from paretoprune.files import read_json
from paretoprune.learning_rate import with_tuned_rate
from paretoprune.measure import measure_quality
from paretoprune.mistakes import load_settings
from paretoprune.outline import Outline, outline
from paretoprune.prepare import Prepared, prepare, with_gate_scores
from paretoprune.pruning import Plan, rebuild, save_state
from paretoprune.results import Job, TrialResult
from paretoprune.search import Chain, InTurn, Ledger, Refill, Sketch, Strategy, front_of
from paretoprune.sweep import Problem, run_sweep
from paretoprune.sweep_folder import SweepFolder
from paretoprune.trial import run_trial

STRATEGIES = ("auto", "chain", "halving", *BASELINES)

# As people do it without this tool: with distillation and renewed BatchNorm statistics, but the
# channels that stay make up for nothing.
_PLAIN = {"uniform_plain": "uniform"}

# Few trials fit into these budgets; with Optuna's own start-up they would all be drawn at random.
_STARTS = {
    "tpe": ["search.sampler.n_startup_trials=4"],
    "nsga2": ["search.sampler.population_size=4"],
    "nsga2_log": ["search.sampler.population_size=4"],
}


def main() -> None:
    """Run what is asked for and not on record yet, then print the summary of all that is."""
    options = _options()
    logging.getLogger("paretoprune").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    known = {run.key for run in read_runs(options.runs)}
    for name in options.tasks.split(","):
        task = TASKS[name]
        budget = options.budget or task.budget_seconds
        for seed in map(int, options.seeds.split(",")):
            for strategy in options.strategies.split(","):
                if (name, strategy, seed, budget) in known:
                    continue
                run = measure(task, strategy, seed=seed, budget_seconds=budget, options=options)
                write_run(options.runs, run)
                print(f"{name} {strategy} seed {seed}: shortfall {run.shortfall:.4f}", flush=True)
    runs = [run for run in read_runs(options.runs) if run.task in options.tasks.split(",")]
    summarise(runs, picture=options.runs.with_suffix(".png"))


def measure(
    task: Task, strategy: str, *, seed: int, budget_seconds: float, options: argparse.Namespace
) -> Run:
    """One sweep within the budget, then its front on the test split, which costs nothing."""
    overrides = [
        f"search={_PLAIN.get(strategy, strategy)}",
        f"search.budget={budget_seconds:g}s",
        f"search.max_ratio={task.max_ratio}",
        "search.baseline_ratios=[]",  # `uniform` and `global` are runs of their own here
        f"finetune.epochs={task.trial_epochs}",
        "finetune.distillation=0.5",
        *(["compensation=none"] if strategy in _PLAIN else []),
        *_STARTS.get(strategy, []),
        *options.override,
    ]
    outlined = outline(task_settings(task, options.data, options.cache, seed, overrides))
    prepare(outlined)  # trains the dense model where it is not in the cache yet
    outlined = outline(outlined.settings)
    with tempfile.TemporaryDirectory() as folder:
        sweep = _Sweep(outlined, SweepFolder(Path(folder)), budget_seconds)
        results = sweep.run()
        members = sweep.front(results)
    dense = members[0]
    return Run(
        task=task.name,
        strategy=strategy,
        seed=seed,
        budget_seconds=budget_seconds,
        spent_seconds=sweep.spent,
        outside_share=1 - sweep.inside / sweep.spent,
        learning_rate=sweep.learning_rate,
        num_trials=len(results),
        epochs=sum(result.epochs for result in results),
        least_share=sweep.least_share,
        chance=100 / outlined.info.num_classes,
        dense_validation=dense.validation,
        dense_test=dense.test or 0.0,
        members=tuple(members),
    )


def task_settings(
    task: Task, data: Path, cache: Path, seed: int, overrides: Sequence[str]
) -> Settings:
    """Those of the task and of the caller; one dense model for all seeds is trained if missing."""
    own = task.overrides(data, cache, seed)
    if task.trained_once is not None:
        path = cache / task.trained_once
        if not path.is_file():
            first = prepare(outline(_settings(task.overrides(data, cache, 0))))
            save_state(path, first.dense)
        own.append(f"model.weights={path}")
    return _settings([*own, *overrides])


def _settings(overrides: Sequence[str]) -> Settings:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return load_settings({str(key): value for key, value in config.items()})


class _Sweep:
    """A sweep in this process whose clock is the CPU's."""

    def __init__(self, task: Outline, folder: SweepFolder, budget_seconds: float) -> None:
        self.task, self.folder, self.budget_seconds = task, folder, budget_seconds
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
        if search.strategy == "auto":
            prepared = with_gate_scores(prepared)
        if settings.finetune.tune_learning_rate:
            prepared = with_tuned_rate(prepared, search.budget, clock=self.clock)
        self.prepared = prepared
        self.learning_rate = prepared.finetune.learning_rate
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
                num_first=len(first),
                trials=self.folder.trials,
            )
        )
        self.least_share = strategy_sizes_least(self.task, search.max_ratio)
        results = run_sweep(
            Problem(
                self.task.widths_of,
                self.task.cost_of,
                epochs=prepared.finetune.epochs,
                epoch_time=prepared.epoch_time,
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

    def _watched(self, strategy: Strategy) -> Strategy:
        """Looks at candidates are evaluation, though they happen between trials."""
        if isinstance(strategy, InTurn):
            return replace(strategy, parts=tuple(self._timed(part) for part in strategy.parts))
        return strategy

    def _timed(self, part: Chain | Sketch | Refill) -> Chain | Sketch | Refill:
        if not isinstance(part, Chain):
            return part

        def look(parent: int | None, ratios: Mapping[str, float]) -> float:
            begun = time.process_time()
            found = part.look(parent, ratios)
            self.inside += time.process_time() - begun
            return found

        return replace(part, look=look)

    def _evaluate(self, job: Job) -> TrialResult:
        """A trial, with its seconds in CPU time."""
        assert self.prepared is not None
        begun, wall = time.process_time(), time.perf_counter()
        result = run_trial(self.prepared, job, folder=self.folder.trial(job.number))
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


def strategy_sizes_least(task: Outline, max_ratio: float) -> float:
    """The smallest candidate's share of the dense MACs: where the area begins."""
    smallest = {group.name: max_ratio for group in group_infos(task)}
    return task.cost_of(smallest).macs / task.cost_of({}).macs


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", default="digits-hard", help=f"of {', '.join(TASKS)}")
    add("--strategies", default=",".join(STRATEGIES))
    add("--seeds", default="0,1,2")
    add("--budget", type=float, help="CPU seconds of each run; by default the task's own")
    add("--data", type=Path, default=Path("data"), help="where real data and weights lie")
    add("--cache", type=Path, default=Path(".cache/front_quality"), help="of dense models")
    add("--runs", type=Path, default=Path(".cache/front_quality/runs.jsonl"), help="is added to")
    add("--override", action="append", default=[], help="any setting, for all runs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
