"""State of all picks of one command: the sweep, its data, the dense model, the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from torch import nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.config.settings import Settings
from paretoprune.data.data_info import first_batch
from paretoprune.errors import ExportError, SweepError
from paretoprune.formats.format import Contents
from paretoprune.formats.registry import FORMATS
from paretoprune.formats.tracing import tracer
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.test_metrics import TestResult, measure_test
from paretoprune.problem.problem import Problem
from paretoprune.results import Metrics, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.inputs import Example, Inputs
from paretoprune.trial.context import TrialContext
from paretoprune.trial.context_folder import load_context

_NUM_INPUTS = 64  # real ones, on which every exported file is compared with the model


def is_plain(problem: Problem) -> bool:
    """Return True for a classifier of one floating-point tensor, such as images.

    Its files have the input `input` and the output `logits`.
    """
    tensors = [*problem.example]
    return (
        isinstance(problem.task, Classification)
        and len(problem.example.args) == len(tensors) == 1
        and not problem.example.kwargs
        and tensors[0].is_floating_point()
    )


@dataclass(frozen=True)
class PickSession:
    """State that all picks of one command share."""

    folder: SweepFolder
    problem: Problem
    results: Sequence[TrialResult]
    options: ExportOptions

    @cached_property
    def context(self) -> TrialContext:
        """The context of the sweep's trials.

        Raises SweepError if it is not there whole, or was made from another model or other data.
        """
        context = load_context(self.problem, self.folder.dense)
        if context is None:
            raise SweepError(
                f"{self.folder.dense} is incomplete; the sweep's command, run again, restores it"
            )
        return context

    @property
    def settings(self) -> Settings:
        """The settings of the sweep."""
        return self.problem.settings

    @property
    def dense(self) -> nn.Module:
        """The dense model with the weights that the sweep used."""
        return self.context.dense.model

    @property
    def dense_metrics(self) -> Metrics:
        """Its metrics on validation data."""
        return self.context.dense.metrics

    @property
    def trivial(self) -> Mapping[str, float]:
        """The qualities of the trivial predictor on validation data, by name."""
        return self.context.dense.trivial

    @property
    def given_architecture(self) -> nn.Module | None:
        """The dense architecture, where no other process can build it from an exported config."""
        problem, sources = self.problem, self.problem.sources
        return sources.model(problem.task.fits(problem.info)) if sources.is_given else None

    @cached_property
    def dense_test(self) -> TestResult:
        """Its test metrics."""
        return measure_test(self.problem.data, self.dense)

    @cached_property
    def dense_in(self) -> Callable[[str, bool], Contents | None]:
        """Files of the dense model in a format, for any length of sequences or the inputs' alone.

        Each is made once; None if it cannot be converted.
        """
        trace = tracer(self.dense, self.graph_inputs)

        @cache
        def encoded(name: str, any_length: bool) -> Contents | None:
            try:
                return FORMATS[name].encode(trace(FORMATS[name].samples, any_length))
            except ExportError:
                return None

        return encoded

    @property
    def longer(self) -> FinetuneSettings | None:
        """The settings for training before the export; None: it is not trained further."""
        options, used = self.options, self.context.finetune
        if not options.trains_longer:
            return None
        chosen = options.finetune or used
        if options.finetune and options.finetune.tune_learning_rate:
            chosen = replace(chosen, learning_rate=used.learning_rate)
        return replace(chosen, epochs=options.epochs or chosen.epochs)

    @cached_property
    def inputs(self) -> Inputs:
        """Real inputs, on the CPU."""
        task, data = self.problem.task, self.problem.data
        batch = TaskBatch(task, first_batch(data.module))
        return batch[:_NUM_INPUTS].inputs.cpu().contiguous()

    @property
    def graph_inputs(self) -> Example:
        """The inputs as graphs take them: the tensor `input` of a classifier, or by name."""
        return self.inputs.only if is_plain(self.problem) else self.inputs

    def trained(self, trial: TrialResult) -> TrialResult:
        """The trial itself, of a quantized model of it."""
        return next(result for result in self.results if result.number == trial.number)

    def target(self, trial: TrialResult) -> Path:
        """Return the folder of an export."""
        quantized = f"-{trial.quantization}" if trial.quantization else ""
        longer = f"-{self.longer.epochs}-epochs" if self.longer else ""
        return self.folder.path / "picked" / f"{trial.number:04d}{quantized}{longer}"
