"""`task=own`: a task of two or three functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from paretoprune.config.own.code import described
from paretoprune.errors import ParetopruneError, SettingsError
from paretoprune.metrics import QUANTITIES, Direction, Quantity
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs, Task
from paretoprune.tasks.nest import floats
from paretoprune.tasks.output_task import without_labels
from paretoprune.tasks.own.units import in_unit, quality_of

Function = Callable[..., Any]
_MODEL = "model"  # first parameter of a function that takes the model instead of its outputs


class Own(Task):
    """A loss, a score and the model's inputs, each a function.

    In a config the functions are dotted paths (`task.loss=my.loss trust=[my]`).

    Args:
        loss: `loss(outputs, batch)`, or `loss(model, batch)` if its first parameter has that name;
            returns the mean over the samples, a differentiable scalar.
        score: `score(outputs, batch)`, for a batch, a number or one number for each sample, (N,),
            which are averaged over the samples; or `score(model, loader)` or `score(model)`, a
            number for all of the data. `loader` yields the batches on the model's device; the
            model is in evaluation mode.
        inputs: `inputs(batch)`: a tensor, a tuple of arguments, a mapping of keywords, or
            `Inputs`. By default the first part of a batch; of a mapping all but the labels.
        direction: "maximize" or "minimize" the score.
        name: of the score; under a registered name of a rate, such as accuracy, it must be a share
            from 0 to 1.
        trivial_quality: the score of a predictor that ignores the input, if that is known.
    """

    def __init__(
        self,
        loss: Callable[..., Any],
        score: Callable[..., Any],
        inputs: Callable[..., Any] | None = None,
        direction: Direction = "maximize",
        name: str = "score",
        trivial_quality: float | None = None,
    ) -> None:
        self._loss, self._score, self._inputs = loss, score, inputs
        self._quality = quality_of(name, direction)
        self._trivial = trivial_quality

    @classmethod
    def known_qualities(
        cls, name: str = "score", direction: Direction = "maximize", **_: object
    ) -> list[Quantity]:
        """Return the qualities that options alone define, for objectives that name them."""
        return [quality_of(name, direction)]

    @property
    def functions(self) -> tuple[Function, ...]:
        """The user's functions."""
        return tuple(filter(None, (self._loss, self._score, self._inputs)))

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """The score and the loss."""
        return (self._quality, QUANTITIES["loss"])

    def for_model(self, build: Callable[[], nn.Module], loaders: Loaders) -> Own:
        """Call every function once, on the first batches."""
        with isolate_rng(include_cuda=False):
            model = build().eval()
            for part in ("train", "validation"):
                batch = unkeyed(next(iter(loaders[part] or ()), None))
                if batch is not None:
                    self._check(model, batch, LOADERS[part])
        return self

    def inputs(self, batch: Batch) -> Inputs:
        """Return the arguments of the model for a batch."""
        if self._inputs is not None:
            return _as_inputs(self._inputs(batch))
        return _as_inputs(without_labels(batch) if isinstance(batch, Mapping) else batch[0])

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the user's loss, and the outputs in float32."""
        outputs = floats(self.inputs(batch).run(model))
        return self._loss_of(model, outputs, batch), outputs

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the user's loss."""
        if _takes_model(self._loss):
            return self._loss_of(model, None, batch)
        return self.loss_and_outputs(model, batch)[0]

    def measure(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        device: torch.device,
        *,
        bfloat16: bool = False,
    ) -> Meter:
        """Return the mean loss and the score over all batches."""
        meter, whole = ScoreMeter(self._quality), _takes_model(self._score)
        for batch in batches:
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                loss, outputs = self.loss_and_outputs(model, batch)
            score = None if whole else self._score(outputs, batch)
            meter.add(loss, score, len(self.inputs(batch)))
        if whole:
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                meter.total = float(self._scored(model, batches))
        return meter

    def meter(self, device: torch.device) -> Meter:
        """Return an empty meter, which `measure` fills."""
        return ScoreMeter(self._quality)

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return `trivial_quality` as the score."""
        return None if self._trivial is None else {self._quality.name: self._trivial}

    def _loss_of(self, model: nn.Module, outputs: Outputs, batch: Batch) -> Tensor:
        loss = self._loss(model if _takes_model(self._loss) else outputs, batch)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            found = f"the shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise SettingsError(
                [f"`{_name(self._loss)}` must return a tensor with one value, got {found[:80]}"]
            )
        return loss.reshape(())

    def _scored(self, model: nn.Module, batches: Iterable[Batch]) -> Any:
        alone = len(inspect.signature(self._score).parameters) == 1
        return self._score(model) if alone else self._score(model, batches)

    def _check(self, model: nn.Module, batch: Batch, loader: str) -> None:
        """Raise SettingsError, one sentence, for a function that fails or returns no number."""
        if self._inputs is not None:
            with _reported(self._inputs, loader):
                self.inputs(batch)
        with _reported(self._loss, loader):
            _, outputs = self.loss_and_outputs(model, batch)
        with torch.no_grad(), _reported(self._score, loader):
            whole = _takes_model(self._score)
            score = self._scored(model, [batch]) if whole else self._score(outputs, batch)
            _check_score(self._score, score, None if whole else len(self.inputs(batch)))

    def __repr__(self) -> str:
        names = ", ".join(map(_name, self.functions))
        return f"Own({names}, {self._quality!r}, trivial_quality={self._trivial})"


class ScoreMeter:
    """The mean loss and the score over the samples."""

    def __init__(self, quality: Quantity) -> None:
        self.total: float | None = None  # the score of all of the data, if it is known at once
        self._quality = quality
        self._losses: list[Tensor] = []
        self._scores: list[Tensor] = []
        self._counts: list[int] = []

    def add(self, loss: Tensor, score: Any, count: int) -> None:
        """Take in the mean loss and the score of `count` samples."""
        self._losses.append(loss.detach().double())
        self._counts.append(count)
        if score is not None:
            found = torch.as_tensor(score, device=loss.device).detach().double()
            self._scores.append(found)

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Raise: a score may need the model."""
        raise TypeError("a task of functions is measured by `Own.measure`")

    def compute(self) -> dict[str, float]:
        """Return the score and the loss by name.

        Raises:
            DataError: a score with the name of a rate is not a share from 0 to 1.
        """
        score = self._mean(self._scores) if self.total is None else self.total
        return {
            self._quality.name: in_unit(self._quality, score),
            "loss": self._mean(self._losses),
        }

    def per_sample(self) -> Tensor | None:
        """Return the score of each sample (N,), if the function gives it."""
        pairs = zip(self._scores, self._counts, strict=False)
        if not self._scores or not all(one.dim() == 1 and len(one) == n for one, n in pairs):
            return None
        scores = torch.cat(self._scores)
        return 100.0 * scores if self._quality.is_rate else scores

    def _mean(self, values: list[Tensor]) -> float:
        total = sum(float(one.mean()) * n for one, n in zip(values, self._counts, strict=True))
        return total / max(1, sum(self._counts))


def _as_inputs(found: Any) -> Inputs:
    if isinstance(found, Inputs):
        return found
    if isinstance(found, Mapping):
        return Inputs((), dict(found))
    return Inputs(tuple(found) if isinstance(found, tuple | list) else (found,))


def _takes_model(function: Function) -> bool:
    return next(iter(inspect.signature(function).parameters), None) == _MODEL


def _check_score(function: Function, score: Any, count: int | None) -> None:
    """Check that a score is a number, or, for a batch of `count` samples, a number for each."""
    try:
        found = torch.as_tensor(score)
    except (TypeError, ValueError, RuntimeError):
        found = torch.empty(0)
    if found.numel() == 1 or (count is not None and tuple(found.shape) == (count,)):
        return
    each = "" if count is None else f", or one for each of the {count} samples"
    raise SettingsError([f"`{_name(function)}` must return a number{each}, got {score!r:.80}"])


def _name(function: Function) -> str:
    module, name = (getattr(function, part, "") for part in ("__module__", "__qualname__"))
    return f"{module}.{name}" if name else type(function).__qualname__


@contextmanager
def _reported(function: Function, loader: str) -> Iterator[None]:
    """Inside, errors of the user's function become one sentence with file and line."""
    try:
        yield
    except ParetopruneError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise SettingsError(
            [f"`{_name(function)}` fails on the first batch of {loader}(): {described(error)}"]
        ) from error
