"""Quantized models of a trial: made from its trained model without training, and measured."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.data.data_info import first_batch
from paretoprune.errors import EquivalenceError, ExportError, QuantizationError, SettingsError
from paretoprune.measure.bit_operations import bit_operations
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.params import count_params
from paretoprune.measure.quality import measure_quality
from paretoprune.metrics import Quantity, quantity_of
from paretoprune.numerics import NumericalErrors, warnings_of
from paretoprune.objectives import first_quality, objectives_of_task
from paretoprune.problem.problem import Problem
from paretoprune.pruning.unstructured.compressed import count_compressed_bytes
from paretoprune.quantization.allocation import predicted_bytes
from paretoprune.quantization.called import IntegerModule
from paretoprune.quantization.quantizers.interface import QuantizedModel, SearchedBits
from paretoprune.quantization.weights import RoundedModel, weights_of
from paretoprune.results import Metrics
from paretoprune.results.trials import QuantizedResult
from paretoprune.retained import retained
from paretoprune.tasks.bound import TaskBatch
from paretoprune.trial.context import TrialContext
from paretoprune.trial.numerics import numerical_errors

_log = logging.getLogger(__name__)

REFUSED = (QuantizationError, ExportError, EquivalenceError)
_FLOAT_BITS = 32.0
_NUM_CHECKED = 8  # validation samples for the check of the network before training
_LEAST_RETAINED = 0.9  # of the trained model's quality; below, fewer bits are of no use


def makers_of(context: TrialContext, model: nn.Module) -> dict[str, Callable[[], QuantizedModel]]:
    """Return functions that make the quantized models of a trained model, by name.

    Empty without `quantization`.
    """
    quantization = context.settings.quantization
    if quantization is None or context.calibration is None:
        return {}
    return dict(build(quantization).models(model, context.calibration))


def reject_unquantizable(problem: Problem) -> None:
    """Check on the untrained network that it can be quantized as the settings ask.

    Raises:
        SettingsError: an operator has no integer kernels, or the network cannot be exported.
    """
    if problem.settings.quantization is None:
        return
    mistakes = []
    samples = TaskBatch(problem.task, first_batch(problem.data.module))[:_NUM_CHECKED].to(
        problem.device
    )
    models = build(problem.settings.quantization).models(problem.model, samples)
    for name, make in models.items():
        try:
            make()
        except (QuantizationError, ExportError) as reason:
            mistakes.append(f"the network has no {name} model ({reason}); set `quantization=none`")
        except EquivalenceError:  # of random weights; trained ones are checked again
            continue
    if mistakes:
        raise SettingsError(mistakes)


def quantized_models(
    context: TrialContext,
    model: nn.Module,
    metrics: Metrics,
    *,
    rivals: Sequence[tuple[float, float]] = (),
) -> tuple[tuple[QuantizedResult, ...], dict[str, NumericalErrors]]:
    """Return the measurements of the quantized models, and their numerical errors by name.

    `metrics` are those of the float model. A model that cannot be quantized gives a failed result
    with the reason: the trial is kept. Where bits are searched, models are left out that cannot be
    on the front with `rivals`, which are (bytes, first quality) of models.
    """
    found: list[QuantizedResult] = []
    errors: dict[str, NumericalErrors] = {}
    for name, make in makers_of(context, model).items():
        if isinstance(make, SearchedBits) and not _may_win(
            context, model, make, metrics, found, rivals
        ):
            continue
        started = time.perf_counter()
        try:
            quantized = make()
            measured = _measured(context, model, quantized, metrics)
            result = QuantizedResult(name, quantized.bits, measured, 0.0)
            if noise := _errors(context.problem, model, quantized, name):
                errors[name] = noise
        except Exception as error:  # whatever it is, the trained model is kept
            expected = isinstance(error, REFUSED)
            _log.warning("no %s model: %s", name, error, exc_info=not expected)
            reason = str(error) if expected else f"{type(error).__name__}: {error}"
            result = QuantizedResult(
                name, _FLOAT_BITS, Metrics(), 0.0, state="failed", reason=reason
            )
        found.append(replace(result, seconds=time.perf_counter() - started))
    return tuple(found), errors


def _may_win(
    context: TrialContext,
    model: nn.Module,
    make: SearchedBits,
    metrics: Metrics,
    before: Sequence[QuantizedResult],
    rivals: Sequence[tuple[float, float]],
) -> bool:
    """Return False if a rival of at most its size is as good as the float model, or if the model of
    the next more bits has lost much of the quality."""
    first = _first_quality(context)
    sign = 1.0 if first.direction == "maximize" else -1.0
    quality, params = metrics.quality[first.name], metrics.params or 0
    zeros = max(0, count_params(model) - params)
    size = predicted_bytes(params, make.bits, zeros=zeros)
    if any(bytes_ <= size and sign * other >= sign * quality for bytes_, other in rivals):
        return False
    trivial, last = context.dense.trivial.get(first.name), before[-1] if before else None
    if trivial is None or last is None or last.state != "complete":
        return True
    return retained(last.metrics.quality[first.name], trivial, quality) >= _LEAST_RETAINED


def _first_quality(context: TrialContext) -> Quantity:
    """Return the quality of the front: the first among the objectives, else the task's first."""
    qualities, search = context.problem.task.qualities, context.settings.search
    objectives = objectives_of_task(search.objectives, qualities) if search else {}
    name = first_quality(objectives)
    return qualities[0] if name is None else quantity_of(name)


def _errors(
    problem: Problem, model: nn.Module, quantized: QuantizedModel, name: str
) -> NumericalErrors | None:
    """Return the numerical errors by layer, and log warnings; None for a model of another kind."""
    made = quantized.rounded or quantized.model
    if not isinstance(made, IntegerModule | RoundedModel):
        return None
    found = numerical_errors(problem, model, made)
    for warning in warnings_of(found) if found else ():
        _log.warning("%s model: %s", name, warning)
    return found


def _measured(
    context: TrialContext, model: nn.Module, quantized: QuantizedModel, metrics: Metrics
) -> Metrics:
    """Parameters and MACs are those of the float model; times depend on an engine, and are left
    out."""
    size, compressed, problem = quantized.size_bytes, None, context.problem
    bits = quantized.rounded.bits if quantized.rounded else None
    if metrics.compressed_bytes is not None:
        compressed = count_compressed_bytes(quantized.model.state_dict())
    return Metrics(
        quality=quality_of(context, quantized.model),
        params=metrics.params,
        macs=metrics.macs,
        bops=bit_operations(
            model,
            problem.example,
            bits or dict.fromkeys(weights_of(model), round(quantized.bits)),
            activation_bits=quantized.activation_bits,
            macs=metrics.macs or 0,
        ),
        size_bytes=count_bytes(quantized.model) if size is None else size,
        compressed_bytes=compressed,
        stored_bytes=metrics.stored_bytes if size is None else size,
        compression_ratio=metrics.compression_ratio,
        theoretical_speedup=metrics.theoretical_speedup,
    )


def quality_of(context: TrialContext, model: nn.Module) -> dict[str, float]:
    """Return the qualities of a quantized model on validation data."""
    problem, loader = context.problem, context.data.val_dataloader()
    return measure_quality(problem.task, model.to(problem.device), loader, device=problem.device)
