"""The contract of a task, asserted on a model and batches of its own."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from paretoprune.tasks.bound import TaskBatch
from paretoprune.tasks.interface import Batch, Task
from paretoprune.tasks.nest import tensors_in

_CPU = torch.device("cpu")


def check_task(task: Task, model: nn.Module, batches: Sequence[Batch]) -> None:
    """Raise AssertionError where a task does not keep its contract.

    `batches` are at least two; the first has several samples, the last one may be shorter. The loss
    and the distance are differentiable scalars, the loss a mean over samples; the meter gives the
    same numbers for any division into batches; batches can be split and joined; the trivial
    predictor's scores of samples combine to its quality.
    """
    batch = batches[0]
    _check_plain(task)
    _check_loss(task, model, batch)
    _check_distance(task, model, batch)
    _check_meter(task, model, batches)
    _check_parts(task, batches)
    _check_trivial(task, model, batches)


def _check_plain(task: Task) -> None:
    assert task.qualities, "a task has a quality"
    assert repr(pickle.loads(pickle.dumps(task))) == repr(task), "a task can be pickled"


def _check_loss(task: Task, model: nn.Module, batch: Batch) -> None:
    """A scalar, differentiable, the mean over the samples; the same from both methods."""
    model = copy.deepcopy(model).eval()
    loss = task.loss(model, batch)
    assert loss.shape == () and torch.isfinite(loss)
    torch.autograd.backward(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    again, outputs = task.loss_and_outputs(model, batch)
    assert torch.equal(again, loss), "both methods give the same loss"
    expected = task.outputs(model, batch)
    for one, other in zip(tensors_in(outputs), tensors_in(expected), strict=True):
        torch.testing.assert_close(one, other)
    each = [sample.loss(model) for sample in TaskBatch(task, batch).samples()]
    torch.testing.assert_close(torch.stack(each).mean(), loss, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def _check_distance(task: Task, model: nn.Module, batch: Batch) -> None:
    """At least 0, and 0 for equal outputs, at any temperature."""
    outputs = task.outputs(model.eval(), batch)
    other = copy.deepcopy(model).eval()
    for parameter in other.parameters():
        parameter.mul_(1.5)
    for temperature in (1.0, 3.0):
        none = task.distance(outputs, outputs, batch, temperature=temperature)
        some = task.distance(task.outputs(other, batch), outputs, batch, temperature=temperature)
        assert none.shape == () and abs(float(none)) <= 1e-6, "equal outputs have a distance"
        assert float(some) > 1e-6


@torch.no_grad()
def _check_meter(task: Task, model: nn.Module, batches: Sequence[Batch]) -> None:
    """The same numbers by batch, by sample, and of all samples at once."""
    model = model.eval()
    whole = task.join(batches)
    each = [one.batch for one in TaskBatch(task, whole).samples()]
    found = [_measured(task, model, parts) for parts in (batches, [whole], each)]
    names = [quality.name for quality in task.qualities]
    assert task.qualities[0].name in found[0] and set(found[0]) <= set(names)
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        assert all(_close(other[name], found[0][name]) for name in other), "batches matter"
    samples = task.measure(model, batches, _CPU).per_sample()
    if samples is not None:
        assert 0 < len(samples) <= len(task.inputs(whole))
        first = found[0][task.qualities[0].name]
        assert _close(float(task.from_scores(samples.double())), first)


def _check_parts(task: Task, batches: Sequence[Batch]) -> None:
    """Batches can be split and joined."""
    sizes = [len(task.inputs(batch)) for batch in batches]
    joined = TaskBatch.joined([TaskBatch(task, batch) for batch in batches])
    assert len(joined) == sum(sizes)
    last = joined[sum(sizes[:-1]) :]
    wanted = [
        tensor[:, : tensor.shape[1]] for tensor in task.inputs(batches[-1]) if tensor.dim() > 1
    ]
    for one, other in zip((t for t in last.inputs if t.dim() > 1), wanted, strict=True):
        corner = tuple(slice(size) for size in other.shape)
        assert torch.equal(one[corner], other)


@torch.no_grad()
def _check_trivial(task: Task, model: nn.Module, batches: Sequence[Batch]) -> None:
    """Scores of the trivial predictor are of the samples that a model's are of."""
    name = task.qualities[0].name
    whole = (task.trivial(batches, batches) or {}).get(name)
    scores = task.trivial_scores(batches, batches)
    if scores is None:
        return
    own = task.measure(model.eval(), batches, _CPU).per_sample()
    assert own is not None and own.shape == scores.shape
    assert whole is None or _close(float(task.from_scores(scores.double())), whole)


def _measured(task: Task, model: nn.Module, batches: Sequence[Any]) -> dict[str, float]:
    return task.measure(model, batches, _CPU).compute()


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
