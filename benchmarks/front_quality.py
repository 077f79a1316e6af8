"""Comparison of strategies at equal compute: quality of the fronts over time.

    python benchmarks/front_quality.py --tasks digits-hard --seeds 0,1,2
    python benchmarks/front_quality.py --tasks cifar10,fashion-mnist --data FOLDER --budget 100

Compute is the CPU time of this process on one thread, so that other load on the machine has little
effect. The dense model is given; everything else counts against the budget: scores, learning-rate
range test, sensitivity, training, evaluation. Results are appended to a file, one line per run;
runs that exist there are skipped, and the summary and the picture include all of them.

FOLDER holds cifar10/cifar10-{train-a,train-b,test}.npz (WebP strips), fashion-mnist/*.gz (the
official idx files) and weights/cifar10-chenyaofo-resnet20.safetensors.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from cpu_sweep import CpuSweep
from front_scores import BASELINES, Member, Run, read_runs, summarise, write_run
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from tasks import TASKS, Task

from paretoprune.config.compose import CONF
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.problem.problem import Problem, make_problem
from paretoprune.pruning.structured.checkpoint import save_state
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.time_account import in_words, learning_share
from paretoprune.trial.context import make_context

STRATEGIES = ("auto", "chain", "shared", "halving", *BASELINES)

Measure = Callable[..., Run]  # of a task, a strategy, and the keywords of `measure`

# Common practice without this tool: distillation and recalibrated BatchNorm statistics, but no
# compensation by the remaining channels.
_PLAIN = {"uniform_plain": "uniform"}

# Few trials fit into these budgets; with Optuna's default of start-up trials all would be random.
_STARTS = {
    "tpe": ["search.strategy.sampler.n_startup_trials=4"],
    "nsga2": ["search.strategy.sampler.population_size=4"],
    "nsga2_log": ["search.strategy.sampler.population_size=4"],
}


def main() -> None:
    """Execute the selected runs that do not exist yet, then print the summary of all runs."""
    execute(options_of(__doc__ or "", STRATEGIES).parse_args(), measure)


def execute(options: argparse.Namespace, measure: Measure) -> None:
    """Execute the selected runs by `measure` if they do not exist yet, then print the summary."""
    logging.basicConfig(format="%(message)s", level=logging.ERROR)
    logging.getLogger("cpu_sweep").setLevel(logging.INFO if options.trials else logging.ERROR)
    logging.getLogger("paretoprune.search").setLevel(logging.INFO)
    logging.getLogger("paretoprune.trial.learning_rate").setLevel(logging.INFO)
    torch.set_num_threads(1)
    known = {run.key for run in read_runs(options.runs)}
    for name in options.tasks.split(","):
        problem = TASKS[name]
        budget = options.budget or problem.budget_seconds
        for seed in map(int, options.seeds.split(",")):
            for strategy in options.strategies.split(","):
                if (name, strategy, seed, budget) in known:
                    continue
                run = measure(problem, strategy, seed=seed, budget_seconds=budget, options=options)
                write_run(options.runs, run)
                print(f"{name} {strategy} seed {seed}: shortfall {run.shortfall:.4f}", flush=True)
                print(f"    {run.epochs:.1f} epochs; test at {run.at_sizes()}", flush=True)
    runs = [run for run in read_runs(options.runs) if run.problem in options.tasks.split(",")]
    summarise(runs, picture=options.runs.with_suffix(".png"))


def measure(
    problem: Task, strategy: str, *, seed: int, budget_seconds: float, options: argparse.Namespace
) -> Run:
    """Execute one sweep within the budget, then evaluate its front on test data, which is not
    timed."""
    overrides = [
        f"search={_PLAIN.get(strategy, strategy)}",
        *common_overrides(problem, budget_seconds),
        *(["compensation=none"] if strategy in _PLAIN else []),
        *_STARTS.get(strategy, []),
        *options.override,
    ]
    outlined = prepared(problem, seed, overrides, options)
    with tempfile.TemporaryDirectory() as folder:
        sweep = CpuSweep(outlined, SweepFolder(Path(folder)))
        results = sweep.run()
        seconds = sweep.account.by_use()
        members = sweep.front(results)
    return run_of(
        problem,
        strategy,
        seed,
        budget_seconds,
        sweep,
        seconds=seconds,
        members=members,
        learning_rate=sweep.ready.training.finetune.learning_rate,
        num_trials=len(results),
        epochs=sum(result.epochs for result in results),
    )


def run_of(
    problem: Task,
    strategy: str,
    seed: int,
    budget_seconds: float,
    sweep: CpuSweep,
    *,
    seconds: Mapping[str, float],
    members: Sequence[Member],
    learning_rate: float,
    num_trials: int,
    epochs: float,
) -> Run:
    """Return the record of a finished run, and print where its seconds went.

    `members` begin with the dense model; `sweep` knows the dense model and the range of sizes.
    """
    print(in_words(seconds, budget_seconds), flush=True)
    dense = members[0]
    return Run(
        problem=problem.name,
        strategy=strategy,
        seed=seed,
        budget_seconds=budget_seconds,
        spent_seconds=sum(seconds.values()),
        outside_share=1 - learning_share(seconds),
        seconds=seconds,
        learning_rate=learning_rate,
        num_trials=num_trials,
        epochs=epochs,
        least_share=sweep.least_share,
        trivial=sweep.context.dense.trivial["accuracy"],
        dense_validation=dense.validation,
        dense_test=dense.test or 0.0,
        members=tuple(members),
    )


def common_overrides(problem: Task, budget_seconds: float) -> list[str]:
    """Return the settings that all runs of a task share."""
    return [
        f"search.budget={budget_seconds:g}s",
        f"search.max_ratio={problem.max_ratio}",
        "search.baseline_ratios=[]",  # `uniform` and `global` are separate runs here
        f"finetune.epochs={problem.trial_epochs}",
        "finetune.distillation=0.5",
    ]


def prepared(
    problem: Task, seed: int, overrides: Sequence[str], options: argparse.Namespace
) -> Problem:
    """Return the problem of a run, after the dense model is trained if it is not cached."""
    outlined = make_problem(task_settings(problem, options.data, options.cache, seed, overrides))
    make_context(outlined)
    return make_problem(outlined.settings)


def task_settings(
    problem: Task, data: Path, cache: Path, seed: int, overrides: Sequence[str]
) -> Settings:
    """Return the settings of the task with overrides; trains a dense model shared by all seeds."""
    own = problem.overrides(data, cache, seed)
    if problem.trained_once is not None:
        path = cache / problem.trained_once
        if not path.is_file():
            first = make_context(make_problem(compose_settings(problem.overrides(data, cache, 0))))
            save_state(path, first.dense.model)
        own.append(f"model.weights={path}")
    return compose_settings([*own, *overrides])


def compose_settings(overrides: Sequence[str]) -> Settings:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    named = {str(key): value for key, value in config.items()}
    return load_settings(named, trust=named["trust"])  # the benchmark's own networks


def options_of(description: str, strategies: Sequence[str]) -> argparse.ArgumentParser:
    """Return the options of a command that executes `strategies` by default."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", default="digits-hard", help=f"of {', '.join(TASKS)}")
    add("--strategies", default=",".join(strategies))
    add("--seeds", default="0,1,2")
    add("--budget", type=float, help="CPU seconds of each run; by default the task's own")
    add("--data", type=Path, default=Path("data"), help="where real data and weights lie")
    add("--cache", type=Path, default=Path(".cache/front_quality"), help="of dense models")
    add("--runs", type=Path, default=Path(".cache/front_quality/runs.jsonl"), help="is added to")
    add("--trials", action="store_true", help="print what each trial was given and used")
    add("--override", action="append", default=[], help="any setting, for all runs")
    return parser


if __name__ == "__main__":
    main()
