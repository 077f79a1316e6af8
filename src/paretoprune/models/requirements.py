"""Requirements on a network, checked on a copy before any work, with one sentence per failure."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from paretoprune.config.own.code import described
from paretoprune.errors import SettingsError

_log = logging.getLogger(__name__)

_SAME = 1e-4  # tolerated relative difference of two passes on the same input
_SAME_IN_BATCHES = 1e-2  # the same between batch sizes, whose kernels sum in another order


def check_network(model: nn.Module, example: Tensor, num_classes: int) -> None:
    """Check that the model can be trained, pruned and compared on inputs like `example` (N, ...).

    A network whose outputs for a sample depend on the other samples of the batch is accepted with a
    warning. The model is not changed.

    Raises:
        SettingsError: the model has unsupported parts, cannot process the data, has outputs of
            another shape than (N, num_classes) in evaluation or in training mode, changes its own
            parameters or buffers in evaluation mode, is random there, or cannot be trained.
    """
    refuse_unsupported(model)
    cuda = [example.device] if example.is_cuda else []
    with torch.random.fork_rng(devices=cuda):
        probe = _copied(model).eval()
        outputs = _evaluated(probe, example, num_classes)
        _check_repeatable(_copied(model).eval(), example)
        _check_singles(probe, example, outputs)
        _check_training(_copied(model), example, num_classes)


def refuse_unsupported(model: nn.Module) -> None:
    """Check that the model has no compiled parts, complex parameters, or uninitialised parameters.

    Raises:
        SettingsError: it has some.
    """
    for path, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise _refused(
                f"{_part(path)} is compiled by TorchScript, and its channels cannot be traced or "
                "pruned; build it as a plain torch.nn.Module, without torch.jit"
            )
        if hasattr(module, "_orig_mod"):
            raise _refused(f"{_part(path)} is wrapped by torch.compile; give the original module")
    for name, parameter in model.named_parameters():
        if nn.parameter.is_lazy(parameter):
            raise _refused(
                f"`{name}` has no shape yet, even after a forward pass; give its layer all sizes"
            )
        if parameter.is_complex():
            raise _refused(
                f"`{name}` is complex ({parameter.dtype}), and complex parameters are not "
                "supported; hold its real and imaginary parts in real parameters"
            )


def initialise_lazy(model: nn.Module, input_shape: tuple[int, ...]) -> nn.Module:
    """Initialise layers that get their parameters in the first forward pass.

    The pass runs on two samples of zeros of shape `input_shape`, and on a copy first, so that a
    model without such layers is not changed. Returns the model.

    Raises:
        SettingsError: the forward pass fails.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        return model
    inputs = torch.zeros(2, *input_shape)
    lazy = any(map(nn.parameter.is_lazy, model.parameters()))
    if lazy or _gains_parameters(model, inputs):
        was_training = model.training
        try:
            with torch.no_grad():
                model.eval()(inputs)
        except Exception as error:
            raise _refused(
                "layers of the model are initialised by its first forward pass, which fails on an "
                f"input of shape {tuple(inputs.shape)}: {described(error)}"
            ) from error
        model.train(was_training)
    return model


def _gains_parameters(model: nn.Module, inputs: Tensor) -> bool:
    try:
        probe = copy.deepcopy(model).eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            probe(inputs)
    except Exception:
        return False  # `check_network` reports the reason, on real inputs
    return len(list(probe.parameters())) > len(list(model.parameters()))


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise _refused(f"the model cannot be copied: {described(error)}") from error


@torch.no_grad()
def _evaluated(probe: nn.Module, example: Tensor, num_classes: int) -> Tensor:
    try:
        output = probe(example)
    except Exception as error:
        shape = tuple(example.shape)
        raise _refused(
            f"the model cannot take inputs of shape {shape}: {described(error)}"
        ) from error
    expected = (len(example), num_classes)
    if not isinstance(output, Tensor) or tuple(output.shape) != expected:
        raise _refused(
            f"the model's output must have the shape {expected}, got {_described(output)}"
        )
    return output


@torch.no_grad()
def _check_repeatable(probe: nn.Module, example: Tensor) -> None:
    """Check that two passes give equal outputs and change no parameter or buffer."""
    before = {name: tensor.clone() for name, tensor in _tensors(probe)}
    first, second = probe(example), probe(example)
    changed = [
        name
        for name, tensor in _tensors(probe)
        if name in before
        and before[name].shape == tensor.shape
        and not torch.equal(before[name].nan_to_num(), tensor.nan_to_num())
    ]
    if changed:
        raise _refused(
            f"a forward pass in evaluation mode changes the model's `{changed[0]}`, so that no "
            "pruned model can be compared with it; change it in training mode alone"
        )
    difference = _difference(first, second)
    if difference > _SAME:
        raise _refused(
            "the model gives different outputs for the same input even in evaluation mode "
            f"(relative difference {difference:.2g}), so that no pruned model can be compared with "
            "it; make its random parts and its memory depend on `self.training`"
        )


@torch.no_grad()
def _check_singles(probe: nn.Module, example: Tensor, outputs: Tensor) -> None:
    """Check that single samples run; warn if outputs differ from those in a batch."""
    try:
        singles = torch.cat([probe(sample) for sample in torch.split(example, 1)])
    except Exception as error:
        raise _refused(f"the model cannot take a single sample: {described(error)}") from error
    if singles.shape != outputs.shape:
        raise _refused(
            f"the model's output for a single sample must have the shape {(1, outputs.shape[1])}"
        )
    difference = _difference(outputs, singles)
    if difference > _SAME_IN_BATCHES:
        _log.warning(
            "the model's outputs for a sample depend on the other samples of the batch (relative "
            "difference %.2g between a batch of %d and single samples): its accuracy holds for "
            "batches of the size in `data.batch_size` alone",
            difference,
            len(example),
        )


def _check_training(probe: nn.Module, example: Tensor, num_classes: int) -> None:
    """Check that a training step runs, with outputs of the shape of evaluation mode."""
    inputs = example if len(example) > 1 else torch.cat([example, example])
    expected = (len(inputs), num_classes)
    try:
        output = probe.train()(inputs)
    except Exception as error:
        raise _refused(f"the model does not run in training mode: {described(error)}") from error
    if not isinstance(output, Tensor) or tuple(output.shape) != expected:
        raise _refused(
            f"in training mode the model's output must have the shape {expected}, as in evaluation "
            f"mode, got {_described(output)}; build it without auxiliary outputs"
        )
    if not output.requires_grad:
        raise _refused(
            "no parameter of the model can be trained: all that its output depends on are frozen "
            "(`requires_grad=False`) or detached"
        )
    try:
        torch.autograd.backward(output.float().sum())
    except Exception as error:
        raise _refused(f"the model cannot be trained: {described(error)}") from error


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _difference(one: Tensor, other: Tensor) -> float:
    """Return max|a - b| / max|a|, or 0 if a value is not finite."""
    largest = float(one.abs().max())
    difference = float((one - other).abs().max())
    return difference / largest if largest and difference < float("inf") else 0.0


def _described(output: object) -> str:
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"


def _part(path: str) -> str:
    return f"the model's part `{path}`" if path else "the model"


def _refused(sentence: str) -> SettingsError:
    return SettingsError([sentence])
