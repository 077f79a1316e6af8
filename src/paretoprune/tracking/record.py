"""Conversion of a trial into MLflow parameters, metrics and tags, within MLflow's limits."""

from __future__ import annotations

import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretoprune.config.redact import redact
from paretoprune.metrics import is_rate
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey

_MAX_KEY = 250
_HASH = 8  # hexadecimal digits appended to names that would collide in MLflow
_MAX_PARAM = 6000
_MAX_TAG = 8000
_SHORT = {"accuracy": "acc"}  # in the names of runs
_DIGITS = 6  # of a metric: MLflow's table shows every digit
_BASELINES = ("dense", "uniform", "global")
_CURVE = {  # field of an epoch's record -> name in MLflow
    "train_loss": "train_loss",
    "quality": "validation_{}",  # of the quality's name
    "validation_loss": "validation_loss",
    "learning_rate": "learning_rate",
}


@dataclass(frozen=True)
class Point:
    """One value of one metric. `step` is the epoch for curves and 0 otherwise."""

    name: str
    value: float
    step: int


@dataclass(frozen=True)
class TrialRecord:
    """The complete content of a trial's run. Times are in milliseconds since 1970."""

    key: ModelKey
    run_name: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...]
    artifacts: tuple[Path, ...]
    start_ms: int
    end_ms: int


def trial_record(
    result: TrialResult, *, commit: str | None, artifacts: Sequence[Path]
) -> TrialRecord:
    """Return the MLflow record of a finished trial."""
    end_ms = int(time.time() * 1000)
    seconds = sum(result.seconds.values())
    return TrialRecord(
        key=result.key,
        run_name=run_name(result),
        status="FAILED" if result.state == "failed" else "FINISHED",
        tags=fit_tags({n: redact(text) for n, text in _tags(result, commit).items()}),
        params=fit_params(_params(result)),
        points=tuple(_points(result)),
        artifacts=tuple(artifacts),
        start_ms=end_ms - int(seconds * 1000),
        end_ms=end_ms,
    )


def run_name(result: TrialResult) -> str:
    """Return the run's name, short enough for MLflow's table: `017 macs 31% acc 97.2`."""
    words = [f"{result.number:03d}"]
    if result.quantization:
        words.append(result.quantization)
    if result.state != "complete":
        words.append(result.state)
    if result.origin == "dense":
        words.append("dense")
    if result.metrics.theoretical_speedup:
        words.append(f"macs {100 / result.metrics.theoretical_speedup:.0f}%")
    for name, value in [*result.metrics.quality.items()][:1]:  # the first is the task's
        words.append(
            f"{_SHORT.get(name, name)} " + (f"{value:.1f}" if is_rate(name) else f"{value:.3g}")
        )
    return " ".join(words)


def fit_params(params: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters with names and values that MLflow accepts."""
    fitted = fit_names(params)
    return {fitted[name]: value[:_MAX_PARAM] for name, value in params.items()}


def fit_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags with names and values that MLflow accepts."""
    return {fit_name(name): value[:_MAX_TAG] for name, value in tags.items()}


def fit_names(names: Iterable[str]) -> dict[str, str]:
    """Return a unique accepted name for each name.

    Names that would collide get a hash of the original appended. Comparison is case-insensitive, as
    in MySQL and SQL Server.
    """
    fitted = {name: fit_name(name) for name in names}
    count = Counter(name.casefold() for name in fitted.values())
    return {
        name: short if count[short.casefold()] == 1 else _with_hash(short, name)
        for name, short in fitted.items()
    }


def fit_name(name: str) -> str:
    """Replace what MLflow refuses in a name (other characters, empty path parts) by `_`."""
    parts = re.sub(r"[^\w/.\- ]", "_", name).split("/")
    whole = "/".join("_" if part in ("", ".", "..") else part for part in parts)
    return whole if len(whole) <= _MAX_KEY else whole[:_MAX_KEY].rstrip("/.")


def ratio_name(group: str) -> str:
    """Return the name of the parameter with a group's ratio, before `fit_names`."""
    return f"ratio/{group}"


def _with_hash(short: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH]
    return f"{short[: _MAX_KEY - _HASH - 1]}-{digest}"


def _tags(result: TrialResult, commit: str | None) -> dict[str, str]:
    optional = {
        "commit": commit,
        "reason": result.reason,
        "duplicate_of": None if result.duplicate_of is None else str(result.duplicate_of),
    }
    return {
        "trial": str(result.key),
        "state": result.state,
        "origin": result.origin,
        "baseline": "true" if result.origin in _BASELINES else "false",
        "seed": str(result.seed),
        **{name: value for name, value in optional.items() if value},
    }


def _params(result: TrialResult) -> dict[str, str]:
    ratios = {ratio_name(group): f"{ratio:g}" for group, ratio in result.ratios.items()}
    return ratios | {f"width/{group}": str(width) for group, width in result.widths.items()}


def _points(result: TrialResult) -> Iterator[Point]:
    for name, value in result.metrics.measured().items():
        yield Point(fit_name(name), _rounded(value), 0)
    for phase, seconds in result.seconds.items():
        yield Point(fit_name(f"seconds/{phase}"), _rounded(seconds), 0)
    if result.seconds:
        yield Point("seconds_total", _rounded(sum(result.seconds.values())), 0)
    quality = next(iter(result.metrics.quality), "quality")
    for epoch in result.curve:
        for field, name in _CURVE.items():
            yield Point(fit_name(name.format(quality)), getattr(epoch, field), epoch.epoch)


def _rounded(value: float) -> float:
    """Round the value for display; the sweep's folder keeps full precision."""
    return float(value) if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")
