"""Agreement of a network's outputs between training and evaluation mode, and with the task."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from paretoprune.errors import SettingsError
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.nest import tensors_in

_log = logging.getLogger(__name__)

_SAME = 1e-3  # tolerated relative difference of the modes, without dropout and batch statistics
# The last operation of a network, by the name of its node in the graph of autograd.
_ACTIVATIONS = {
    "SoftmaxBackward0": "softmax",
    "LogSoftmaxBackward0": "log_softmax",
    "SigmoidBackward0": "sigmoid",
    "LogSigmoidBackward0": "logsigmoid",
}
_TRANSPARENT = (  # operations that only move values
    *("Alias", "Clone", "Contiguous", "Permute", "Reshape", "Squeeze", "ToCopy", "Transpose"),
    *("UnsafeView", "Unsqueeze", "View"),
)
# Packages whose layers differ between the modes as they are meant to: dropout, batch statistics.
_LIBRARIES = ("torch", "torchvision", "timm", "transformers")


def check_activation(model: nn.Module, samples: TaskBatch) -> None:
    """Check that the outputs are of the same kind in both modes, and of the kind that is expected.

    Outputs that differ between the modes in another way than by dropout and batch statistics are
    accepted with a warning. A model that cannot run without targets in training mode is not
    checked. The model's buffers may change: give a copy.

    Raises:
        SettingsError: the model applies a softmax or sigmoid in one mode only, or in both where the
            task expects logits.
    """
    in_evaluation = _first(model.eval(), samples)
    try:
        in_training = _first(_without_layers_of_libraries(model.train()), samples)
        again = _first(model, samples)
    except Exception:
        return  # `check_network` reports the reason
    if in_evaluation is None or in_training is None or again is None:
        return
    expected = samples.task.activation
    found = [_activation(one, expected) for one in (in_evaluation, in_training)]
    _refuse_activations(found[0], found[1], expected)
    own, other, repeated = (_comparable(o, expected) for o in (in_evaluation, in_training, again))
    if _differ(other, repeated) > _SAME:
        return  # random in training mode, and so without a value to compare
    difference = _differ(own, other)
    if difference > _SAME:
        _log.warning(
            "the model's outputs in training mode differ from those in evaluation mode by more "
            "than dropout and batch normalisation (relative difference %.2g): the loss is that of "
            "other outputs than what is measured",
            difference,
        )


def _refuse_activations(in_evaluation: str, in_training: str, expected: str) -> None:
    if in_evaluation != in_training:
        mode = "evaluation" if in_evaluation else "training"
        raise SettingsError(
            [
                f"the model applies {in_evaluation or in_training} to its outputs in {mode} mode, "
                f"and {in_training if in_evaluation and in_training else 'nothing'} in the other "
                "mode; return the same in both"
                + (f", logits without {expected}" if expected else "")
            ]
        )
    if expected and in_evaluation == expected:
        raise SettingsError(
            [
                f"the model applies {expected} to its outputs, and the task, which takes logits, "
                f"would apply it again; return logits, without {expected}"
            ]
        )


def _first(model: nn.Module, samples: TaskBatch) -> Tensor | None:
    """Return the first tensor of floats of the outputs, with the graph of its computation."""
    with torch.enable_grad():
        outputs = samples.inputs.run(model)
    return next(_floats(outputs), None)


def _floats(outputs: Any) -> Iterator[Tensor]:
    return (one for one in tensors_in(outputs) if one.is_floating_point())


def _without_layers_of_libraries(model: nn.Module) -> nn.Module:
    """Put layers of libraries, and those derived from dropout and normalisation, in evaluation."""
    for module in model.modules():
        package = type(module).__module__.partition(".")[0]
        derived = nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase
        if package in _LIBRARIES or isinstance(module, derived):
            module.training = False
    return model


def _activation(outputs: Tensor, expected: str) -> str:
    """Return the name of the output activation, by the graph or by the sum of the outputs; "" if
    unknown."""
    node = outputs.grad_fn
    while node is not None and node.name().removesuffix("Backward0") in _TRANSPARENT:
        node = next((one for one, _ in node.next_functions if one is not None), None)
    found = _ACTIVATIONS.get(node.name(), "") if node is not None else ""
    if not found and expected == "softmax" and _is_distribution(outputs):
        found = "softmax"
    # The loss of log-probabilities is that of the logits.
    return "" if found == "log_softmax" and expected == "softmax" else found


def _is_distribution(outputs: Tensor) -> bool:
    if outputs.ndim < 2 or outputs.shape[1] < 2 or bool((outputs < 0).any()):
        return False
    return bool(((outputs.sum(1) - 1).abs() < 1e-4).all())


def _comparable(outputs: Tensor, expected: str) -> Tensor:
    outputs = outputs.detach()
    return outputs.log_softmax(1) if expected == "softmax" and outputs.ndim > 1 else outputs


def _differ(one: Tensor, other: Tensor) -> float:
    """Return max|a - b| / max|a|; 0 if the shapes differ or a value is not finite."""
    if not one.numel() or one.shape != other.shape:
        return 0.0
    largest, difference = float(one.abs().max()), float((one - other).abs().max())
    return difference / largest if largest and difference < float("inf") else 0.0
