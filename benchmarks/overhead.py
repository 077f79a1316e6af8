"""The orchestration overhead per trial, compared with bare training of the same models.

    python benchmarks/overhead.py

Part 1 runs a sweep (digits, ResNet-20). Then each of its architectures is run as a trial and, in
pairs, by a plain loop: slice, train, evaluate the same quantities. Part 2 runs 1,000 stub trials
and prints how the time for ask, tell and record grows. On a shared machine processor time is more
reliable than wall time.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from stub_sweep import result_of, sweep
from torch import nn
from torch.nn.functional import cross_entropy

from paretoprune.config.compose import CONF
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.executors.inline import Inline
from paretoprune.finetune.batchnorm import recalibrate_batchnorm
from paretoprune.finetune.numerics.memory_format import channels_last
from paretoprune.problem.problem import make_problem
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.report.watchers.open import report_watchers
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep.run import BegunSweep, Watch, run
from paretoprune.trial.context import TrialContext, make_context, measure
from paretoprune.trial.run import run_trial

NUM_TRIALS = 12
NUM_PAIRS = 2
NUM_STUBS = 1000


def main() -> None:
    """Print both parts."""
    with tempfile.TemporaryDirectory() as folder:
        compare_with_bare_training(Path(folder))
    show_growth()


def compare_with_bare_training(folder: Path) -> None:
    """Compare a real sweep with plain PyTorch for the same architectures, epochs and batches."""
    overrides = [
        "+sweep=resnet",
        f"search.n_trials={NUM_TRIALS}",
        "finetune.distillation=0",
        "compensation=none",  # a kind of training, which the bare loop lacks
        f"sweeps_dir={folder / 'sweeps'}",
        f"cache_dir={folder / 'cache'}",
        f"tracking.uri=sqlite:///{folder / 'mlflow.db'}",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", overrides), resolve=True)
    assert isinstance(config, dict)
    settings = load_settings({str(key): value for key, value in config.items()})
    torch.set_num_threads(settings.threads or torch.get_num_threads())
    context = make_context(make_problem(settings))  # the dense model is then cached
    began, ended = _watched(settings, yaml.safe_load(yaml.safe_dump(config)))
    results = SweepFolder(folder / "sweeps" / "resnet").read_results()
    trained = [result for result in results if result.curve]
    pairs = [_pair(context, result, folder) for result in trained for _ in range(NUM_PAIRS)]
    ours, bare = (_median(times) for times in zip(*pairs, strict=True))
    within = _median([own - plain for own, plain in pairs])
    around = _median([begin - end for end, begin in zip(ended[:-1], began[1:], strict=True)])
    threads = torch.get_num_threads()
    print(f"\n{len(trained)} architectures, {len(pairs)} pairs, {threads} thread(s)")
    print("median seconds                                         wall    processor")
    print(f"  bare: train with a plain loop, evaluate the same   {bare}")
    print(f"  a trial: prune, prove, train, evaluate, save       {ours}")
    print(f"  difference of the pairs                            {within}")
    print(f"  between two trials: record, tables, ask            {around}")
    print(f"  orchestration per trial, the sum of both           {within + around}")


@dataclass(frozen=True)
class Moment:
    """A time or duration in seconds: wall time and processor time."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Moment:
        """Return the current time; processor time includes all threads of this process."""
        return cls(time.perf_counter(), time.process_time())

    def __add__(self, other: Moment) -> Moment:
        return Moment(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: Moment) -> Moment:
        return Moment(self.wall - other.wall, self.cpu - other.cpu)

    def __str__(self) -> str:
        return f"{self.wall:8.3f} {self.cpu:8.3f}"


def _median(spans: Iterable[Moment]) -> Moment:
    spans = list(spans)
    walls, cpus = ([getattr(span, name) for span in spans] for name in ("wall", "cpu"))
    return Moment(statistics.median(walls), statistics.median(cpus))


def _watched(settings: Settings, config: dict[str, object]) -> tuple[list[Moment], list[Moment]]:
    """Run the sweep; return when each trial began and ended. MLflow runs in the background."""
    began: list[Moment] = []
    ended: list[Moment] = []

    def timed(context: TrialContext, job: Job, *, folder: Path) -> TrialResult:
        began.append(Moment.now())
        result = run_trial(context, job, folder=folder)
        ended.append(Moment.now())
        return result

    with mock.patch("paretoprune.sweep.run.run_trial", timed):
        run(settings, config, watch=_watch)
    return began, ended


@contextmanager
def _watch(begun: BegunSweep) -> Iterator[Watch]:
    """The pages and MLflow, as a command has them."""
    with report_watchers(
        begun.folder,
        begun.config,
        begun.settings.tracking,
        objectives=begun.objectives,
        groups=begun.groups,
    ) as watchers:
        yield Watch(watchers)


def _pair(context: TrialContext, result: TrialResult, folder: Path) -> tuple[Moment, Moment]:
    """Run a trial, then bare training of the same architecture."""
    job = Job(result.number, result.origin, result.ratios, result.widths, result.seed)
    started = Moment.now()
    run_trial(context, job, folder=folder / "again")
    return Moment.now() - started, _bare(context, result)


def _bare(context: TrialContext, result: TrialResult) -> Moment:
    """Slice, train with a plain loop, and evaluate like a trial, including latency."""
    problem = context.problem
    groups = problem.groups.prunable
    plan = make_plan(groups, context.start.scores, result.widths)
    started = Moment.now()
    model = apply_plan(context.dense.model, groups, plan)
    batches = problem.data.training_batches(problem.settings.finetune.recalibration_batches)
    recalibrate_batchnorm(model, (batch.inputs for batch in batches))
    with channels_last(model, problem.device):
        _train_bare(context, model)
    measure(problem, model.eval(), dense=(context.dense.model, context.dense.metrics))
    return Moment.now() - started


def _train_bare(context: TrialContext, model: nn.Module) -> None:
    problem, settings = context.problem, context.settings.finetune
    loader = problem.data.train_dataloader()
    optimizer = torch.optim.SGD(
        model.parameters(), settings.learning_rate, momentum=settings.momentum, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * len(loader)
    )
    for _ in range(settings.epochs):
        model.train()
        for (x, y), _ in loader:
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(model(x), y))
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            for x, y in problem.data.val_dataloader():
                (model(x).argmax(1) == y).float().mean()


def show_growth() -> None:
    """Print milliseconds per trial for each hundred of 1,000 consecutive stub trials."""
    course = sweep(Inline(result_of), n_trials=NUM_STUBS, sampler="tpe")
    print(f"\n{NUM_STUBS} stub trials on 12 groups, TPE: ask, tell and record one trial")
    print("milliseconds                 wall processor")
    for first in range(0, NUM_STUBS, 100):
        last = min(first + 100, NUM_STUBS - 1)
        wall_ms = 1e3 * (course.recorded[last] - course.recorded[first]) / (last - first)
        cpu_ms = course.cpu_ms_per_trial(first, last)
        print(f"  trials {first:4d} to {first + 99:4d}   {wall_ms:8.3f} {cpu_ms:8.3f}")


if __name__ == "__main__":
    logging.getLogger("optuna").setLevel(logging.WARNING)
    main()
