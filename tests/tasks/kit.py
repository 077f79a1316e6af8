"""The contract of every task, for any batches: loss, qualities, distance, slices, padding.

A file of tests gives `TaskCase`s, and runs each through `check_all`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from paretoprune.pruning.compensation.compensate import compensate
from paretoprune.pruning.compensation.methods.least_squares import LeastSquares
from paretoprune.pruning.compensation.updatable import updatable_layers
from paretoprune.pruning.groups import Block
from paretoprune.pruning.scorers.activation.obs import Obs
from paretoprune.pruning.scorers.parts.block_influence import block_influence
from paretoprune.pruning.scorers.parts.inputs import means_at
from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Batch, Outputs, Task

CPU = torch.device("cpu")


@dataclass(frozen=True)
class TaskCase:
    """A task with batches, the last of them shorter, and its values by a plain loop."""

    task: Task
    model: nn.Module
    batches: Sequence[Batch]
    loss: Callable[[nn.Module, Batch], Tensor]  # of a batch
    qualities: Callable[[nn.Module, Sequence[Batch]], Mapping[str, float]]
    # of the outputs of two models for a batch, at a temperature
    distance: Callable[[Outputs, Outputs, Batch, float], Tensor]
    padded: Callable[[Batch], Batch] | None = None  # the same batch with more padding


def check_all(case: TaskCase) -> None:
    """Check the task of a case against its plain loops."""
    case.model.eval()
    check_loss(case)
    check_meter(case)
    check_distance(case)
    check_samples(case)
    if case.padded is not None:
        check_padding(case, case.padded)


def check_loss(case: TaskCase) -> None:
    """The loss is that of a plain loop, and differentiable."""
    for batch in case.batches:
        loss, outputs = case.task.loss_and_outputs(case.model, batch)
        torch.testing.assert_close(loss, case.loss(case.model, batch))
        torch.testing.assert_close(outputs, case.task.outputs(case.model, batch))
    torch.autograd.backward(loss)
    gradients = [one.grad for one in case.model.parameters() if one.grad is not None]
    assert any(bool(one.abs().sum() > 0) for one in gradients)
    case.model.zero_grad()


@torch.no_grad()
def check_meter(case: TaskCase) -> None:
    """Qualities of all batches together are those of a plain loop, also with a short last one."""
    found = measured(case.task, case.model, case.batches)
    assert found == pytest.approx(dict(case.qualities(case.model, case.batches)), rel=1e-5)
    assert next(iter(found)) == case.task.qualities[0].name
    assert found.keys() <= {one.name for one in case.task.qualities}
    assert "loss" in found


@torch.no_grad()
def check_distance(case: TaskCase) -> None:
    """The distance is 0 for equal outputs, and that of a plain loop for others."""
    batch, other = case.batches[0], perturbed(case.model)
    teacher, student = (case.task.outputs(one, batch) for one in (case.model, other))
    assert float(case.task.distance(teacher, teacher, batch)) == pytest.approx(0.0, abs=1e-6)
    for temperature in (1.0, 3.0):
        found = case.task.distance(student, teacher, batch, temperature=temperature)
        wanted = case.distance(student, teacher, batch, temperature)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
        assert float(found) > 0


@torch.no_grad()
def check_samples(case: TaskCase) -> None:
    """Batches of one sample give what the batch gives, and together they are the batch."""
    bound = TaskBatch(case.task, case.batches[0])
    singles = list(bound.samples())
    assert len(singles) == len(bound) > 1 and all(len(one) == 1 for one in singles)
    alone = measured(case.task, case.model, [one.batch for one in singles])
    whole = measured(case.task, case.model, [bound.batch])
    assert alone == pytest.approx(whole, rel=1e-4)
    joined = TaskBatch.joined(singles)
    torch.testing.assert_close(joined.loss(case.model), bound.loss(case.model))


def check_padding(case: TaskCase, padded: Callable[[Batch], Batch]) -> None:
    """More padding changes no loss, quality or distance, and not what compensation does."""
    batch, task = case.batches[0], case.task
    longer, other = padded(batch), perturbed(case.model)
    with torch.no_grad():
        torch.testing.assert_close(task.loss(case.model, longer), task.loss(case.model, batch))
        assert measured(task, case.model, [longer]) == pytest.approx(
            measured(task, case.model, [batch]), rel=1e-5
        )
        distances = [
            task.distance(task.outputs(other, one), task.outputs(case.model, one), one)
            for one in (batch, longer)
        ]
    torch.testing.assert_close(distances[0], distances[1], rtol=1e-4, atol=1e-6)
    short, long = deepcopy(other), deepcopy(other)
    compensate(LeastSquares(), short, case.model, {}, TaskBatch(task, batch))
    compensate(LeastSquares(), long, case.model, {}, TaskBatch(task, longer))
    for name, tensor in short.state_dict().items():
        torch.testing.assert_close(long.state_dict()[name], tensor, rtol=1e-3, atol=1e-4)
    before, after = other.state_dict(), short.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in after)
    check_calibration(case.model, TaskBatch(task, batch), TaskBatch(task, longer))


def check_calibration(model: nn.Module, batch: TaskBatch, longer: TaskBatch) -> None:
    """Check that scorers read the same from a batch with any padding."""
    paths = [path for path, one in updatable_layers(model).items() if isinstance(one, nn.Linear)]
    short, long = (
        means_at(model, paths, [one], limit=1, reading=Tensor.square) for one in (batch, longer)
    )
    torch.testing.assert_close(long, short, rtol=1e-4, atol=1e-6)
    scorer = Obs()
    short, long = (scorer._inverses(model, paths, [one]) for one in (batch, longer))
    torch.testing.assert_close(long, short, rtol=1e-3, atol=1e-4)
    inner = [path for path, one in model.named_modules() if type(one).__name__ == "Block"]
    blocks = [Block(path, "Identity", ()) for path in inner]
    short_rates, long_rates = (block_influence(model, blocks, [one]) for one in (batch, longer))
    assert long_rates == pytest.approx(short_rates, rel=1e-3, abs=1e-6)


def measured(task: Task, model: nn.Module, batches: Sequence[Batch]) -> dict[str, float]:
    """Return the qualities of a model on batches."""
    meter = task.meter(CPU)
    for batch in batches:
        meter.update(task.outputs(model, batch), batch)
    return meter.compute()


def perturbed(model: nn.Module) -> nn.Module:
    """Return a copy of a model with other weights."""
    torch.manual_seed(1)
    other = deepcopy(model).eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return other
