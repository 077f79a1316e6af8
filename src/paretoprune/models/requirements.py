"""Requirements on a network, checked on a copy before any work, with one sentence per failure."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from paretoprune.config.own.code import described
from paretoprune.errors import SettingsError
from paretoprune.models.output_activation import check_activation
from paretoprune.results import DataInfo
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Outputs
from paretoprune.tasks.nest import join, tensors_in

_log = logging.getLogger(__name__)

_SAME = 1e-4  # tolerated relative difference of two passes on the same input
_SAME_IN_BATCHES = 1e-2  # the same between batch sizes, whose kernels sum in another order


def check_network(model: nn.Module, samples: TaskBatch, info: DataInfo) -> None:
    """Check that the model can be trained, pruned and compared on a batch like `samples`.

    A network whose outputs for a sample depend on the other samples of the batch is accepted with a
    warning. The model is not changed.

    Raises:
        SettingsError: the model has unsupported parts, cannot process the data, has other outputs
            than the task needs in evaluation or in training mode, changes its own parameters or
            buffers in evaluation mode, is random there, cannot be trained, or applies a softmax or
            sigmoid where the task expects logits.
    """
    refuse_unsupported(model)
    device = samples.inputs.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        probe = _copied(model).eval()
        outputs = _evaluated(probe, samples, info)
        _check_repeatable(_copied(model).eval(), samples.inputs)
        _check_singles(probe, samples.inputs, outputs)
        _check_training(_copied(model), samples, info)
        check_activation(_copied(model), samples)


def refuse_unsupported(model: nn.Module) -> None:
    """Check for compiled parts, weights computed by hooks, complex or uninitialised parameters.

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
        if hook := _reparametrization(module):
            raise _refused(
                f"a weight of {_part(path)} (a {type(module).__name__}) is computed by "
                f"torch.nn.utils.{hook}, and such a layer cannot be copied; make the weight plain "
                "again (`remove_weight_norm`, `remove_spectral_norm`, `prune.remove`), or use "
                "`torch.nn.utils.parametrizations`"
            )
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


def initialise_lazy(model: nn.Module, example: Inputs) -> nn.Module:
    """Initialise layers that get their parameters in the first forward pass.

    The pass runs on two samples of zeros like those of `example`, and on a copy first, so that a
    model without such layers is not changed. Returns the model.

    Raises:
        SettingsError: the forward pass fails.
    """
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        return model
    inputs = example[torch.arange(2) % len(example)].map(torch.zeros_like)
    lazy = any(map(nn.parameter.is_lazy, model.parameters()))
    if lazy or _gains_parameters(model, inputs):
        was_training = model.training
        try:
            with torch.no_grad():
                inputs.run(model.eval())
        except Exception as error:
            raise _refused(
                "layers of the model are initialised by its first forward pass, which fails on an "
                f"input of shape {_shapes(inputs)}: {described(error)}"
            ) from error
        model.train(was_training)
    return model


def _gains_parameters(model: nn.Module, inputs: Inputs) -> bool:
    try:
        probe = copy.deepcopy(model).eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            inputs.run(probe)
    except Exception:
        return False  # `check_network` reports the reason, on real inputs
    return len(list(probe.parameters())) > len(list(model.parameters()))


def _reparametrization(module: nn.Module) -> str:
    """Return what of torch.nn.utils computes a weight in a hook before each pass, or ""."""
    hooks = (type(one).__module__ for one in module._forward_pre_hooks.values())
    kinds = ("weight_norm", "spectral_norm", "prune")
    return next((k for one in hooks for k in kinds if one == f"torch.nn.utils.{k}"), "")


def _copied(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:
        raise _refused(f"the model cannot be copied: {described(error)}") from error


@torch.no_grad()
def _evaluated(probe: nn.Module, samples: TaskBatch, info: DataInfo) -> Outputs:
    try:
        outputs = samples.inputs.run(probe)
    except Exception as error:
        raise _refused(
            f"the model cannot take inputs of shape {_shapes(samples.inputs)}: {described(error)}"
            f"{_other_precision(probe, samples.inputs)}"
        ) from error
    if wanted := samples.task.check_outputs(outputs, len(samples), info):
        raise _refused(f"the model's output must {wanted}, got {_described(outputs)}")
    if next(tensors_in(outputs), None) is None:
        raise _refused(f"the model's output must be tensors, got {_described(outputs)}")
    return outputs


def _other_precision(model: nn.Module, inputs: Inputs) -> str:
    """Return the advice for floating-point inputs of another precision than the weights."""
    weights = {one.dtype for one in model.parameters() if one.is_floating_point()}
    given = {one.dtype for one in inputs if one.is_floating_point()}
    if not weights or given <= weights:
        return ""
    [wanted, *_] = weights
    return f"; the data are {', '.join(map(str, given - weights))}, convert them by `.to({wanted})`"


@torch.no_grad()
def _check_repeatable(probe: nn.Module, inputs: Inputs) -> None:
    """Check that two passes give equal outputs and change no parameter or buffer."""
    before = {name: tensor.clone() for name, tensor in _tensors(probe)}
    first, second = inputs.run(probe), inputs.run(probe)
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
def _check_singles(probe: nn.Module, inputs: Inputs, outputs: Outputs) -> None:
    """Check that single samples run; warn if outputs differ from those in a batch."""
    try:
        each = [inputs[number : number + 1].run(probe) for number in range(len(inputs))]
        singles = join(each, lambda values: True)
    except Exception as error:
        raise _refused(f"the model cannot take a single sample: {described(error)}") from error
    expected = [tuple(tensor.shape) for tensor in tensors_in(outputs)]
    # A list has one entry for each sample, such as the boxes found, whose number may vary.
    free = isinstance(outputs, list)
    if not free and [tuple(tensor.shape) for tensor in tensors_in(singles)] != expected:
        alone = ", ".join(str((1, *shape[1:])) for shape in expected)
        raise _refused(f"the model's output for a single sample must have the shape {alone}")
    difference = _difference(outputs, singles)
    if difference > _SAME_IN_BATCHES:
        _log.warning(
            "the model's outputs for a sample depend on the other samples of the batch (relative "
            "difference %.2g between a batch of %d and single samples): its accuracy holds for "
            "batches of the size in `data.batch_size` alone",
            difference,
            len(inputs),
        )


def _check_training(probe: nn.Module, samples: TaskBatch, info: DataInfo) -> None:
    """Check that a training step runs, with outputs of the form of evaluation mode."""
    samples = samples if len(samples) > 1 else samples[torch.tensor([0, 0])]
    seen: list[Outputs] = []
    handle = probe.register_forward_hook(lambda _module, _args, outputs: seen.append(outputs))
    try:
        loss = samples.loss(probe.train())
    except Exception as error:
        _refuse_outputs(seen, samples, info)
        raise _refused(f"the model does not run in training mode: {described(error)}") from error
    finally:
        handle.remove()
    _refuse_outputs(seen, samples, info)
    if not loss.requires_grad:
        raise _refused(
            "no parameter of the model can be trained: all that its output depends on are frozen "
            "(`requires_grad=False`) or detached"
        )
    try:
        torch.autograd.backward(loss)
    except Exception as error:
        raise _refused(f"the model cannot be trained: {described(error)}") from error


def _refuse_outputs(seen: Sequence[Outputs], samples: TaskBatch, info: DataInfo) -> None:
    """Raise SettingsError if the last outputs in training mode are not those of the task."""
    wanted = samples.task.check_outputs(seen[-1], len(samples), info) if seen else None
    if wanted:
        raise _refused(
            f"in training mode the model's output must {wanted}, as in evaluation mode, got "
            f"{_described(seen[-1])}; build it without auxiliary outputs"
        )


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _difference(one: Outputs, other: Outputs) -> float:
    """Return max|a - b| / max|a| over the tensors, or 0 if a value is not finite."""
    pairs = zip(tensors_in(one), tensors_in(other), strict=True)
    return max((_apart(a, b) for a, b in pairs if a.is_floating_point()), default=0.0)


def _apart(one: Tensor, other: Tensor) -> float:
    if not one.numel() or one.shape != other.shape:
        return 0.0
    largest = float(one.abs().max())
    difference = float((one - other).abs().max())
    return difference / largest if largest and difference < float("inf") else 0.0


def _shapes(inputs: Inputs) -> str:
    return ", ".join(str(tuple(tensor.shape)) for tensor in inputs)


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
