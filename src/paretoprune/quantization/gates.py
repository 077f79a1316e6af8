"""Checks before int8 delivery: each step computes the same as the one before it.

Where integer kernels round ties differently, the difference propagates. Hence a file is compared
with the module in the median, and kernels by predicted classes and by Kullback-Leibler divergence:
classes alone do not reveal a lost scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from paretoprune.errors import EquivalenceError, ExportError

SAME = 1e-4  # relative to the largest output: kernels differ in summation order
LEAST_AGREEMENT = 99.0  # percent of samples with the same predicted class
LEAST_KL = 1e-3  # nats, or a relative squared error; smaller ones are always accepted


@dataclass(frozen=True)
class Distance:
    """Difference between the outputs of two models on the same samples."""

    median: float  # over samples, of the largest output difference
    largest: float  # output difference
    agreement: float | None  # percent of the samples with the same class; None: no classes
    # Mean Kullback-Leibler divergence from the first model, in nats; without classes, the mean
    # squared difference relative to the variance of the first model's outputs.
    kl: float


def by_sample(outputs: Mapping[str, Tensor]) -> Tensor:
    """Return all outputs of each sample in one row, (N, ...)."""
    return torch.cat([one.reshape(len(one), -1).float() for one in outputs.values()], 1)


def distance(expected: Tensor, found: Tensor, *, has_classes: bool = True) -> Distance:
    """Compare outputs (N, K) of two models, logits of K classes if it `has_classes`."""
    apart = (found - expected).abs().amax(1)
    median, largest = apart.median().item(), apart.max().item()
    if not has_classes:
        variance = expected.double().var(correction=0).clamp(min=1e-30)
        error = (found - expected).double().square().mean() / variance
        return Distance(median, largest, None, error.item())
    same = (found.argmax(1) == expected.argmax(1)).float().mean()
    wanted = expected.double().log_softmax(1)
    kl = (wanted.exp() * (wanted - found.double().log_softmax(1))).sum(1).mean()
    return Distance(median, largest, 100 * same.item(), kl.item())


def check_graph(rounded: Tensor, graph: Tensor) -> None:
    """Check that the graph with int8 weights computes the model with rounded weights.

    Raises:
        EquivalenceError: it does not.
    """
    _check_close(
        rounded,
        graph,
        "the graph with int8 weights",
        distance(rounded, graph, has_classes=False).largest,
    )


def check_simulation(simulated: Tensor, module: Tensor) -> None:
    """Check that the integer module computes the simulation, except for ties.

    Raises:
        EquivalenceError: it does not.
    """
    _check_close(
        simulated,
        module,
        "the integer module",
        distance(simulated, module, has_classes=False).median,
    )


def check_file(module: Tensor, file: Tensor, engine: str) -> None:
    """Check that a file without optimisations computes the integer module, except for ties.

    Raises:
        ExportError: it does not.
    """
    found = distance(module, file, has_classes=False).median
    if not found <= SAME * _size(module):
        raise ExportError(
            f"the int8 file in {engine} without optimisations is not the integer module: outputs "
            f"differ by {found:.3g} in the median"
        )


def check_kernels(
    reference: Tensor, module: Tensor, kernels: Tensor, engine: str, *, has_classes: bool = True
) -> Distance:
    """Check that an engine's integer kernels compute nearly the same as the integer module.

    `reference` are the outputs of the float model: the kernels may diverge as far from the module
    as the module does from it.

    Raises:
        ExportError: fewer than 99 % of the predicted classes agree, or the divergence is larger.
    """
    found = distance(module, kernels, has_classes=has_classes)
    allowed = distance(reference, module, has_classes=has_classes).kl
    if found.agreement is not None and not found.agreement >= LEAST_AGREEMENT:
        raise ExportError(
            f"{engine}'s integer kernels predict another class than the integer module for "
            f"{100 - found.agreement:.1f} % of {len(module)} samples, more than "
            f"{100 - LEAST_AGREEMENT:g} %"
        )
    if not found.kl <= max(allowed, LEAST_KL):
        unit = " nats" if has_classes else ""
        raise ExportError(
            f"{engine}'s integer kernels diverge from the integer module by {found.kl:.3g}{unit}, "
            f"more than the module from the float model ({allowed:.3g})"
        )
    return found


def check_integer(kernels: dict[str, int], engine: str) -> None:
    """Check that no convolution is computed in floating point.

    Raises:
        ExportError: one is.
    """
    if left := kernels.get("Conv", 0) + kernels.get("FusedConv", 0):
        raise ExportError(
            f"{engine} computes {left} convolution{'s' if left > 1 else ''} of the int8 file in "
            "floating point on this processor"
        )


def _check_close(expected: Tensor, found: Tensor, what: str, difference: float) -> None:
    if not difference <= SAME * _size(expected):
        raise EquivalenceError(
            f"{what} is not the model with rounded weights: outputs differ by {difference:.3g}"
        )


def _size(outputs: Tensor) -> float:
    return max(1.0, outputs.abs().max().item())
