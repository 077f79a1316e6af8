"""Bias correction: BatchNorm statistics and biases shifted by the difference that rounding makes.

Rounded weights change the mean and variance of outputs. The difference to the float model on the
same samples is removed; the statistics are not re-estimated from so few samples, which costs more
quality than rounding does. For biases: Nagel et al., Data-Free Quantization Through Weight
Equalization and Bias Correction (2019), section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from paretoprune.errors import QuantizationError
from paretoprune.tasks.inputs import Example, inputs_of

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_LEAST_VARIANCE = 1e-12  # of a channel; below, its scale is unchanged

_Statistics = tuple[Tensor, Tensor]  # mean and variance of each channel
Visit = Callable[[str, nn.Module, Tensor], Tensor]


@torch.no_grad()
def shift_statistics(rounded: nn.Module, reference: nn.Module, samples: Example) -> None:
    """Update the BatchNorm layers and biases of `rounded` in place, in forward order.

    With means and variances of a BatchNorm's input on the samples (N, ...) in both models,
    `running_mean = mean_rounded + s (running_mean - mean_reference)` and `running_var *= s^2`,
    where `s^2 = var_rounded / var_reference`; the bias of a convolution or linear layer is lowered
    by the difference of the means of its output. Layers that run more than once in a pass are
    unchanged. Both models run in evaluation mode, and are restored to their modes.

    Raises:
        QuantizationError: the samples hold NaN or infinity.
    """
    inputs = inputs_of(samples)
    check_finite(inputs)
    wanted: dict[str, list[_Statistics]] = {}

    def note(path: str, module: nn.Module, values: Tensor) -> Tensor:
        wanted.setdefault(path, []).append(_statistics(module, values))
        return values

    def correct(path: str, module: nn.Module, values: Tensor) -> Tensor:
        if len(wanted.get(path, ())) != 1:
            return values
        change = _shift_norm if isinstance(module, _BatchNorm) else _shift_bias
        return change(module, values, wanted[path][0])

    with _evaluating(reference), _observed(reference, note):
        inputs.run(reference)
    with _evaluating(rounded), _observed(rounded, correct):
        inputs.run(rounded)


def check_finite(samples: Example) -> None:
    """Check that calibration samples are finite.

    Raises:
        QuantizationError: a sample holds NaN or infinity.
    """
    inputs = inputs_of(samples)
    bad = torch.zeros(len(inputs), dtype=torch.bool, device=inputs.device)
    for tensor in inputs:
        if inputs.is_ragged or not tensor.dim():  # it has no batch axis
            if not torch.isfinite(tensor).all():
                raise QuantizationError(
                    "a calibration sample holds NaN or infinity; repair the training data"
                )
        else:
            bad |= ~torch.isfinite(tensor).reshape(len(tensor), -1).all(1)
    if bad.any():
        raise QuantizationError(
            f"{int(bad.sum())} of {len(inputs)} calibration samples hold NaN or infinity (the "
            f"first is number {int(bad.nonzero()[0])}); repair the training data"
        )


def _channel_axis(module: nn.Module) -> int:
    return -1 if isinstance(module, nn.Linear) else 1


def _statistics(module: nn.Module, values: Tensor) -> _Statistics:
    """Return mean and variance of each channel."""
    channels = values.movedim(_channel_axis(module), 0).flatten(1)
    return channels.mean(1), channels.var(1, correction=0)


def _shift_norm(module: nn.Module, values: Tensor, wanted: _Statistics) -> Tensor:
    (mean_f, var_f), (mean_q, var_q) = wanted, _statistics(module, values)
    live = (var_f > _LEAST_VARIANCE) & (var_q > _LEAST_VARIANCE)
    scale = torch.where(live, var_q / var_f, 1.0).sqrt()
    mean = module.get_buffer("running_mean")
    mean.add_(mean_q - mean_f + (scale - 1) * (mean - mean_f))
    module.get_buffer("running_var").mul_(scale.square())
    return values


def _shift_bias(module: nn.Module, values: Tensor, wanted: _Statistics) -> Tensor:
    excess = _statistics(module, values)[0] - wanted[0]
    module.get_parameter("bias").sub_(excess)
    axis = _channel_axis(module) % values.dim()
    return values - excess.view([-1 if dim == axis else 1 for dim in range(values.dim())])


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def _observed(model: nn.Module, visit: Visit) -> Iterator[None]:
    """Inside, `visit` may replace inputs of BatchNorm and outputs of layers with a bias."""

    def before(path: str) -> Callable[..., tuple[Tensor, ...]]:
        return lambda module, args: (visit(path, module, args[0]), *args[1:])

    def after(path: str) -> Callable[..., Tensor]:
        return lambda module, args, output: visit(path, module, output)

    handles = []
    for path, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            handles.append(module.register_forward_pre_hook(before(path)))
        elif isinstance(module, _LAYERS) and module.bias is not None:
            handles.append(module.register_forward_hook(after(path)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
