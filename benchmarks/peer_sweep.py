"""Models of other tools, trained one after the other in equal parts of the CPU seconds."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace

from cpu_sweep import CpuSweep, test_accuracy
from front_scores import Member
from torch import nn

from paretoprune.finetune.fit import fit
from paretoprune.finetune.loader import FirstBatches
from paretoprune.finetune.training_run import TrainingRun
from paretoprune.measure.macs import count_macs
from paretoprune.problem.problem import Problem, seed_all
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.trial.context import measure
from paretoprune.trial.schedules.parts.steps import recalibrate

_GROWTH = 0.75  # of the peak learning rate as models shrink
_START_BATCHES = 2  # for BatchNorm statistics, as before the trainings of a sweep
_VALIDATED = 0.1  # validation samples per training sample, as in the trainings of a sweep
_LEAST_TRAINED = 0.05  # of a model's part, where measuring takes nearly all of it
_MOST_EPOCHS = 60  # of one model; the seconds end its training before


def even_shares(least: float, count: int) -> list[float]:
    """Return `count` shares of the MACs below 1, evenly spaced in their logarithm, to `least`."""
    return [least ** (index / count) for index in range(1, count + 1)]


def peak_rate(base: float, share: float) -> float:
    """Return the peak learning rate for a model with this share of the dense MACs."""
    return base * math.pow(share, -_GROWTH)


def training_seconds(left: float, *, models_left: int, measuring: float) -> float:
    """Return the seconds of training of the next of `models_left` models, which are then measured.

    All get the same part of the seconds that are left.
    """
    part = left / models_left
    return max(part - measuring, _LEAST_TRAINED * part)


class PeerSweep:
    """The trainings, measurements and seconds of models that another tool has made smaller."""

    def __init__(
        self, problem: Problem, folder: SweepFolder, *, budget_seconds: float, learning_rate: float
    ) -> None:
        """Prepare the dense model. The clock is the CPU time of the process."""
        self.sweep = CpuSweep(problem, folder)
        self.problem, self.context = problem, self.sweep.context
        self.learning_rate = learning_rate
        self.dense_macs = count_macs(self.context.dense.model, problem.example)
        self.epochs = 0.0  # really trained, of all models
        self._budget_seconds = budget_seconds
        self._measuring = self.context.watch.seconds().get("dense", 0.0)
        self._trained: list[tuple[nn.Module, Member]] = []

    @property
    def num_trials(self) -> int:
        """The number of models, with the dense one, as in a sweep."""
        return 1 + len(self._trained)

    def dense_copy(self) -> nn.Module:
        """Return a copy of the dense model whose parameters have gradients."""
        return copy.deepcopy(self.context.dense.model).requires_grad_(True)

    def share_of(self, model: nn.Module) -> float:
        """Return the model's share of the dense MACs, by the counter of this project."""
        return count_macs(model, self.problem.example) / self.dense_macs

    def train(self, model: nn.Module, *, models_left: int) -> None:
        """Train a model in place for its part of the seconds; measure and keep it."""
        with self.context.watch.on("prune"):
            recalibrate(self.context, model, most=_START_BATCHES)
            share = self.share_of(model)
        self._fit(model, share, models_left)
        begun = self.sweep.account.spent()
        with self.context.watch.on("measure"):
            validation = measure(self.problem, model, dense=None).quality["accuracy"]
        now = self.sweep.account.spent()
        self._measuring = now - begun
        self._trained.append(
            (copy.deepcopy(model), Member(share, validation, test=None, seconds=now))
        )

    def _fit(self, model: nn.Module, share: float, models_left: int) -> None:
        context, data = self.context, self.problem.data
        left = max(0.0, self._budget_seconds - self.sweep.account.spent())
        rate = peak_rate(self.learning_rate, share)
        seed_all(self.problem.settings.seed)
        run = TrainingRun(
            train_loader=data.train_dataloader(),
            val_loader=self._validated_batches(),
            settings=replace(context.finetune, learning_rate=rate),
            epochs=_MOST_EPOCHS,
            seed=self.problem.settings.seed + len(self._trained),
            device=self.problem.device,
            seconds=training_seconds(left, models_left=models_left, measuring=self._measuring),
            teacher=context.training.teacher,
            watch=context.watch,
        )
        curve = fit(model, self.problem.task, run).curve
        self.epochs += sum(record.steps for record in curve) / len(data.train_dataloader())

    def _validated_batches(self) -> FirstBatches:
        info, loader = self.problem.data.info, self.problem.data.val_dataloader()
        share = min(1.0, _VALIDATED * info.num_train / info.num_validation)
        return FirstBatches(loader, max(1, math.ceil(len(loader) * share)))

    def members(self) -> Sequence[Member]:
        """Return the dense model and all others, evaluated on the test data, which takes time."""
        return [
            self.sweep.dense_member(),
            *(
                replace(member, test=test_accuracy(self.problem, model))
                for model, member in self._trained
            ),
        ]
