"""`task=forecasting`: the next values of one or several series from the past ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from paretoprune.errors import DataError, SettingsError
from paretoprune.metrics import QUANTITIES
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import Batch, Loaders, Outputs
from paretoprune.tasks.numbers.errors import MeanError
from paretoprune.tasks.numbers.number_task import NumberTask
from paretoprune.tasks.output_task import has_pairs


@dataclass(frozen=True, kw_only=True)
class Forecasting(NumberTask):
    """Batches (past, future), (N, past, columns) and (N, horizon, series); outputs like the future.

    Both may lack the last axis. The series to forecast are the first columns of the past; further
    columns are covariates. MASE is the mean absolute error divided by the mean difference of values
    one season apart in the training data, for each series (Hyndman and Koehler 2006). The trivial
    predictor repeats the last value or the last season, whichever is better. Parts should follow
    each other in time: futures that are in two parts flatter every model.
    """

    season: int = 1  # steps after which the series repeat, such as 24 hours; 1: no season
    steps: tuple[float, ...] | None = None  # mean seasonal difference of each series, from the data
    num_past: int | None = None  # from the data

    offers = ("horizon", "num_series", "num_columns", "past")
    form = "forecasting (past (N, past, columns) and future (N, horizon, series), floating-point)"
    names: ClassVar[tuple[str, ...]] = ("mase", "mae", "rmse", "loss")
    optimizer = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.season < 1:
            raise SettingsError([f"`task.season` must be 1 or more steps, got {self.season}"])

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return the metrics of all qualities besides the loss."""
        scaled = self.shaped(MeanError(1, scale=self.steps or (1.0,)))
        return {"mase": scaled, **super().metrics(outputs)}

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor | None:
        """Return the error of each sample that is the quality of the front, if it is absolute."""
        if self.qualities[0].name != "mase":
            return super().per_sample(outputs, targets)
        errors = (self.predicted(outputs, targets) - targets).abs()
        scaled: Tensor = errors / errors.new_tensor(self.steps or (1.0,))
        return scaled.flatten(1).mean(1)

    def columns(self, targets: Tensor) -> Tensor:
        """Return the future as (steps, series)."""
        return targets.reshape(-1, targets.shape[2] if targets.ndim > 2 else 1)

    def recognises(self, batch: Batch) -> str | None:
        """Recognise two floating-point tensors with three axes."""
        if not has_pairs(batch) or not isinstance(future := self.targets(batch), Tensor):
            return None
        pasts = [*self.inputs(batch)]
        both = [pasts[0], future] if len(pasts) == 1 else []
        if both and all(one.is_floating_point() and one.ndim == 3 for one in both):
            return f"past and future are {tuple(pasts[0].shape)} and {tuple(future.shape)}"
        return None

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with shapes, scale and seasonal differences of the training data.

        Raises:
            DataError: a batch has another form, or there is no window as long as a season.
        """
        found = super().fitted(loaders)
        windows = [self._past_and_future(unkeyed(batch)) for batch in loaders["train"] or ()]
        past, future = windows[0]
        if past.shape[2] < future.shape[2]:
            raise DataError(
                f"the past must begin with the {future.shape[2]} series of the future, got "
                f"{past.shape[2]} columns"
            )
        if self.season > past.shape[1]:
            raise DataError(
                f"`task.season={self.season}` is longer than the past of {past.shape[1]} steps; "
                "give longer windows, or set `task.season=1`"
            )
        steps = torch.cat([self._step(*window) for window in windows]).mean(0).tolist()
        scale = tuple(float(f"{step:.6g}") or 1.0 for step in steps)
        return replace(found, steps=self.steps or scale, num_past=past.shape[1])

    def _past_and_future(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return both with an axis for the series, in float64."""
        future = self.targets(batch).double()
        [past, *others] = [*self.inputs(batch)]
        if others or past.ndim not in (2, 3) or future.ndim not in (2, 3):
            raise DataError(
                "batches must be (past, future) of shapes (N, past, columns) and (N, horizon, "
                f"series), got {tuple(past.shape)} and {tuple(future.shape)}"
                + (f" and {len(others)} more inputs" if others else "")
            )
        both = (past.double(), future)
        past, future = (one if one.ndim == 3 else one[:, :, None] for one in both)
        return past, future

    def _step(self, past: Tensor, future: Tensor) -> Tensor:
        """Return the mean seasonal difference of each window and series, (N, series)."""
        series = torch.cat([past[:, :, : future.shape[2]], future], dim=1)
        return (series[:, self.season :] - series[:, : -self.season]).abs().mean(1)

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the steps of past and future, the series to forecast, and the columns of the
        past."""
        if self.shape is None or self.num_past is None:
            return {}
        series = self.shape[1] if len(self.shape) > 1 else 1
        columns = info.input_shape[1] if len(info.input_shape) > 1 else 1
        known = {"past": self.num_past, "num_columns": columns}
        return {"horizon": self.shape[0], "num_series": series, **known}

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the last value or the last season, each of the better one."""
        asked = [*validation]
        if not asked:
            return None
        found = []
        for season in sorted({1, self.season}):
            meter = self.meter(torch.device("cpu"))
            for batch in asked:
                meter.update(self._repeating(season, batch).to(self.targets(batch)), batch)
            found.append(meter.compute())
        better = {"maximize": max, "minimize": min}
        return {
            name: better[QUANTITIES[name].direction](one[name] for one in found)
            for name in found[0]
        }

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return the errors of the last value or the last season, of the one with the smaller."""
        asked, found = [*map(unkeyed, test)], []
        for season in sorted({1, self.season}):
            answers = [(self._repeating(season, batch), self.targets(batch)) for batch in asked]
            errors = [self.per_sample(answer.to(wanted), wanted) for answer, wanted in answers]
            scores = [one for one in errors if one is not None]
            found += [torch.cat(scores)] if scores else []
        return min(found, key=lambda one: float(one.mean()), default=None)

    def _repeating(self, season: int, batch: Batch) -> Tensor:
        """Return the last `season` values of the past again, in the shape of the targets."""
        past, future = self._past_and_future(batch)
        naive = _repeated(past[:, -season:, : future.shape[2]], future.shape[1])
        return naive.reshape(self.targets(batch).shape)


def _repeated(season: Tensor, horizon: int) -> Tensor:
    """Repeat the steps of a season, (N, steps, series), up to the horizon."""
    times = -(-horizon // season.shape[1])
    return season.repeat(1, times, 1)[:, :horizon]
