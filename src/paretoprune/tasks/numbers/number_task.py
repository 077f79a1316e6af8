"""Tasks whose targets are numbers: the loss on a common scale, and errors in the target's unit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from paretoprune.errors import DataError, SettingsError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Outputs
from paretoprune.tasks.numbers.errors import R2, MeanError
from paretoprune.tasks.output_task import OutputTask, described, has_pairs

_CRITERIA: Mapping[str, Callable[..., Tensor]] = {
    "mse": mse_loss,
    "mae": l1_loss,
    "huber": huber_loss,
}
# by quality: the error of single samples that it is made of
_ERRORS = {"mae": l1_loss, "mse": mse_loss, "rmse": mse_loss}
_log = logging.getLogger(__name__)
_FAR = 3  # standard deviations of the mean from 0, from which a network learns slowly
_SMALL = 0.1  # standard deviation, from which on the same
_DIGITS = 6  # of a scale: sums of another order have other last digits


@dataclass(frozen=True, kw_only=True)
class NumberTask(OutputTask):
    """A task of batches (inputs, numbers), with outputs of the shape of these numbers.

    The loss is that of numbers divided by `scale`, so that it says how much of the variance is
    left: by default their standard deviation in the training data, one for each entry of the last
    axis. Errors are in the unit of the targets. Networks learn numbers near 0 to 1 best, so data
    should give standardised targets.
    """

    criterion: str = "mse"  # mse, mae or huber
    scale: tuple[float, ...] | None = None  # None: from the training targets
    quality: str | None = None  # the quality of the front; None: the first of `names`
    shape: tuple[int, ...] | None = None  # of a target without the batch axis; from the data

    names: ClassVar[tuple[str, ...]] = ("rmse", "mae", "r2", "loss")
    largest_rate: ClassVar[float] = 0.02

    def __post_init__(self) -> None:
        mistakes = []
        if self.criterion not in _CRITERIA:
            mistakes.append(
                f"`task.criterion` must be one of {', '.join(_CRITERIA)}, got {self.criterion}"
            )
        if self.quality is not None and self.quality not in self.names:
            mistakes.append(
                f"`task.quality` must be one of {', '.join(self.names)}, got {self.quality}"
            )
        if any(not one > 0 for one in self.scale or ()):
            mistakes.append(f"`task.scale` must be above 0, got {list(self.scale or ())}")
        if mistakes:
            raise SettingsError(mistakes)

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """Errors in the unit of the targets, and the loss on their scale."""
        first = self.quality or self.names[0]
        return tuple(QUANTITIES[name] for name in dict.fromkeys((first, *self.names)))

    def predicted(self, outputs: Outputs, targets: Tensor) -> Tensor:
        """Return the outputs in the shape of the targets, from which they may differ by a 1."""
        found: Tensor = outputs.reshape(targets.shape)
        return found

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the loss of each sample, its mean over the numbers of the sample."""
        return self._apart(self.predicted(outputs, targets), targets)

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return the loss of the student's numbers against the teacher's."""
        return self._apart(student, teacher).mean()

    def _apart(self, numbers: Tensor, wanted: Tensor) -> Tensor:
        """Return the loss of each sample, (N,), on the common scale."""
        scale = torch.tensor(self.scale or (1.0,), device=numbers.device, dtype=numbers.dtype)
        own, others = numbers / scale, wanted.to(numbers.dtype) / scale
        found = _CRITERIA[self.criterion](own, others, reduction="none")
        return found.flatten(1).mean(1) if found.ndim > 1 else found

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return the metrics of all qualities besides the loss."""
        known = {
            "rmse": lambda: MeanError(2, is_root=True),
            "mae": lambda: MeanError(1),
            "mse": lambda: MeanError(2),
            "r2": R2,
        }
        return {name: self.shaped(known[name]()) for name in self.names if name in known}

    def shaped(self, metric: Any) -> Any:
        """Return a metric that is given the outputs in the shape of the targets."""
        return _Shaped(self, metric)

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor | None:
        """Return the mean absolute or squared error of each sample, where the quality is of it."""
        error = _ERRORS.get(self.qualities[0].name)
        if error is None:
            return None
        found: Tensor = error(self.predicted(outputs, targets), targets, reduction="none")
        return found.flatten(1).mean(1) if found.ndim > 1 else found

    def from_scores(self, scores: Tensor) -> Tensor:
        """Return the mean error, for `rmse` its square root."""
        mean = scores.mean()
        return mean.sqrt() if self.qualities[0].name == "rmse" else mean

    def naive(self, train: Iterable[Batch], asked: Sequence[Batch]) -> Iterator[Tensor]:
        """Yield the trivial predictor's answer to each batch of `asked`, for the first quality.

        By default there is none.
        """
        return iter(())

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return the errors of the trivial predictor's answers on each sample of `test`."""
        asked = [*map(unkeyed, test)]
        scores = []
        for answer, batch in zip(self.naive(map(unkeyed, train), asked), asked, strict=False):
            targets = self.targets(batch)
            found = self.per_sample(answer.to(targets).expand_as(targets), targets)
            if found is not None:
                scores.append(found)
        return torch.cat(scores) if scores else None

    def columns(self, targets: Tensor) -> Tensor:
        """Return the targets as (numbers, columns); each column has a scale of its own."""
        return targets.reshape(-1, targets.shape[-1]) if targets.ndim > 1 else targets[:, None]

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with shape and scale of the training targets.

        Raises:
            DataError: inputs or targets are not finite numbers of one shape, or all targets equal.
        """
        shapes = {tuple(y.shape[1:]) for _, y in self._checked(loaders)}
        if len(shapes) > 1:
            given = " and ".join(map(str, sorted(shapes)[:2]))
            raise DataError(f"all targets must have one shape, got samples of {given}")
        mean, std = self._spread(loaders["train"] or ())
        _warn_of_unit(mean, std)
        return replace(self, shape=shapes.pop(), scale=self.scale or std)

    def _checked(self, loaders: Loaders) -> Iterator[tuple[str, Tensor]]:
        """Yield the targets of all batches, with the name of their part."""
        for part, loader in loaders.items():
            found = 0
            for batch in loader or ():
                found += 1
                yield part, self._numbers(unkeyed(batch), f"{LOADERS[part]}()")
            if loader is not None and not found:
                raise DataError(f"{LOADERS[part]}() yields no batches")

    def _numbers(self, batch: Batch, where: str) -> Tensor:
        """Return the targets of a batch. Raises DataError for a batch of another form."""
        if not self.has_form(batch):
            raise DataError(f"{where}: batches must be (inputs, targets), got {described(batch)}")
        targets: Any = self.targets(batch)
        count = len(self.inputs(batch))
        floating = isinstance(targets, Tensor) and targets.is_floating_point()
        if not floating or targets.ndim < 1 or len(targets) != count:
            kind = (
                f"{targets.dtype} of shape {tuple(targets.shape)}"
                if isinstance(targets, Tensor)
                else described(targets)
            )
            raise DataError(
                f"{where}: targets must be floating-point numbers of shape ({count}, ...), got "
                f"{kind}; convert whole numbers by `.float()`"
            )
        for name, tensor in (
            *(("inputs", one) for one in self.inputs(batch)),
            ("targets", targets),
        ):
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise DataError(f"{where}: {name} hold NaN or infinite values; remove or fill them")
        found: Tensor = targets
        return found

    def has_form(self, batch: Batch) -> bool:
        """Return True for a batch with inputs and targets."""
        return has_pairs(batch)

    def _spread(self, batches: Iterable[Batch]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the mean and the standard deviation of each column of the targets."""
        count, total, squares = 0, torch.zeros(()).double(), torch.zeros(()).double()
        origin: Tensor | None = None
        for batch in batches:
            y = self.columns(self.targets(unkeyed(batch)).double().cpu())
            origin = y.mean(0) if origin is None else origin
            count += len(y)
            total, squares = total + (y - origin).sum(0), squares + (y - origin).square().sum(0)
        found = (squares / count - (total / count).square()).clamp_min(0).sqrt()
        if not (found > 0).any():
            raise DataError("all training targets are equal: there is nothing to predict")
        assert origin is not None
        # A column without spread is left in its unit.
        std = tuple(float(f"{one:.{_DIGITS}g}") or 1.0 for one in found.tolist())
        return tuple((origin + total / count).tolist()), std

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require the shape of the targets."""
        if self.shape is None:
            return None
        expected, outputs = (count, *self.shape), self.answer(outputs)
        fits = isinstance(outputs, Tensor) and tuple(outputs.shape) in (expected, (*expected, 1))
        return None if fits else f"have the shape {expected}, that of the targets"

    def of_constants(
        self, constants: Mapping[str, Tensor], validation: Iterable[Batch]
    ) -> dict[str, dict[str, float]]:
        """Return, by the name of a constant answer for each sample, its qualities."""
        meters = {name: self.meter(torch.device("cpu")) for name in constants}
        for batch in validation:
            targets = self.targets(batch)
            for name, meter in meters.items():
                meter.update(constants[name].to(targets).expand_as(targets), batch)
        return {name: meter.compute() for name, meter in meters.items()}


def _warn_of_unit(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Warn of targets that networks learn slowly or not at all."""
    is_far = any(abs(own) > _FAR * spread for own, spread in zip(mean, std, strict=True))
    if is_far or not _SMALL <= min(std) <= max(std) <= 1 / _SMALL:
        _log.warning(
            "targets have the mean %.3g and the standard deviation %.3g, and networks learn "
            "numbers near 0 to 1 best: give (targets - mean) / standard deviation in the data",
            mean[0],
            std[0],
        )


class _Shaped:
    """A metric that is given the outputs in the shape of the targets."""

    def __init__(self, task: NumberTask, metric: Any) -> None:
        self._task, self._metric = task, metric

    def to(self, device: torch.device) -> _Shaped:
        self._metric = self._metric.to(device)
        return self

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        self._metric.update(self._task.predicted(outputs, targets), targets)

    def compute(self) -> Tensor:
        found: Tensor = self._metric.compute()
        return found
