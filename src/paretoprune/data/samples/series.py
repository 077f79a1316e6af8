"""Windows of time series: of a file of numbers, or seeded sums of seasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from paretoprune.config.values import Positive
from paretoprune.data.samples.module import Samples, SampleTensors
from paretoprune.errors import DataError

_SYNTHETIC = (3_000, 4)  # steps and series
_DAY = 24
_SHARES = (0.6, 0.2)  # of training and validation; the rest is the test part


def series(
    *,
    path: str | None = None,
    columns: list[str] | None = None,
    past: Positive = 96,
    horizon: Positive = 24,
    stride: Positive = 1,
    max_steps: Positive | None = None,
    batch_size: Positive = 64,
    seed: int = 0,
) -> SampleTensors:
    """Return windows (past, series) with the next `horizon` values, split 60 / 20 / 20 percent in
    time.

    `path` is a CSV file with a line of names; columns that are no numbers, such as dates, are left
    out, and `columns` chooses some of the others. Each series is standardised by its training
    values. Without a path there are four hourly series: seeded sums of a day and a week, a trend,
    and noise. Windows begin every `stride` steps. No future is in two parts; the past of the first
    windows of a part lies in the part before.

    Raises:
        DataError: the file is not as described, or there are too few rows.
    """
    values = _of_file(Path(path), columns) if path else seasons(*_SYNTHETIC)
    values = values[:max_steps]
    ends = [round(sum(_SHARES[:count]) * len(values)) for count in (1, 2)]
    bounds = [(0, ends[0]), (ends[0] - past, ends[1]), (ends[1] - past, len(values))]
    if any(stop - start < past + horizon for start, stop in bounds) or ends[0] < past:
        raise DataError(
            f"{len(values)} steps are too few for windows of {past} + {horizon}; give a longer "
            "series, or smaller `data.past` and `data.horizon`"
        )
    mean, std = values[: ends[0]].mean(0), values[: ends[0]].std(0)
    values = (values - mean) / np.where(std > 0, std, 1)
    parts = [_windows(values[start:stop], past, horizon, stride) for start, stop in bounds]
    return SampleTensors(
        *parts,
        split=f"60 / 20 / 20 percent of {len(values)} steps, in the order of time",
        batch_size=batch_size,
        seed=seed,
    )


def seasons(num_steps: int, num_series: int) -> np.ndarray:
    """Return seeded series (steps, series): a day, a week, a slow trend and noise."""
    generator = np.random.default_rng(0)
    time = np.arange(num_steps)[:, None]
    day, week, phase = generator.uniform(0.5, 1.5, (3, num_series))
    noise = generator.normal(0, 0.3, (num_steps, num_series))
    for step in range(1, num_steps):  # noise with a memory, which a forecaster can use
        noise[step] += 0.7 * noise[step - 1]
    trend = np.cumsum(generator.normal(0, 0.01, (num_steps, num_series)), axis=0)
    daily = day * np.sin(2 * np.pi * time / _DAY + phase) ** 3
    weekly = week * np.cos(2 * np.pi * time / (7 * _DAY) + phase)
    found: np.ndarray = daily + weekly + trend + noise
    return found


def _windows(values: np.ndarray, past: int, horizon: int, stride: int) -> Samples:
    """Return all windows of (steps, series)."""
    steps = torch.from_numpy(values).float().unfold(0, past + horizon, stride).transpose(1, 2)
    return Samples((steps[:, :past].contiguous(),), steps[:, past:].contiguous())


def _of_file(path: Path, columns: list[str] | None) -> np.ndarray:
    try:
        head, *rows = path.read_text(encoding="utf-8").strip().split("\n")
        names = head.strip().split(",")
        if not rows:
            raise ValueError("there are no rows below the line of names")
        values = np.genfromtxt(rows, delimiter=",", dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"`data.path={path}` cannot be read: {error}") from error
    known = {
        name: column
        for name, column in zip(names, values.T, strict=False)
        if not np.isnan(column).all()
    }
    if missing := [name for name in columns or () if name not in known]:
        raise DataError(f"`data.path={path}` has no numbers in {missing[0]}, but in {[*known]}")
    chosen = [known[name] for name in columns or known]
    if not chosen:
        raise DataError(f"`data.path={path}` has no columns of numbers below a line of names")
    found = np.stack(chosen, axis=1)
    if not np.isfinite(found).all():
        raise DataError(f"`data.path={path}` has gaps among its numbers; fill them")
    return found
