"""The quality of a LightningModule: the logged value to monitor, and its direction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lightning import LightningModule

from paretoprune.errors import SettingsError
from paretoprune.metrics import QUANTITIES, Direction, Quantity
from paretoprune.tasks.own.units import quality_of

Mode = Literal["max", "min"]
_DIRECTIONS: Mapping[str, Direction] = {"max": "maximize", "min": "minimize"}
# Parts of the names of errors and losses, in which smaller is better.
_ERRORS = re.compile(r"loss|error|mae|mse|rmse|nll|perplexity|(^|[_/])(wer|cer|ece)($|[_/])", re.I)


def stated(monitor: str, mode: Mode) -> Quantity:
    """Return the quality of a logged value; of a known name, the record of the registry."""
    return quality_of(monitor, _DIRECTIONS[mode])


def logged_quality(name: str, better: Mapping[str, bool]) -> Quantity:
    """Return the record of another logged value, whose direction is that of its metric, or of its
    name."""
    higher = better.get(name, not _ERRORS.search(name))
    return quality_of(name, "maximize" if higher else "minimize")


def chosen(
    model: LightningModule,
    monitor: str | None,
    mode: Mode | None,
    logged: Sequence[str],
    better: Mapping[str, bool],
) -> tuple[str, Mode]:
    """Return the name and the direction of the first quality.

    They are those of the settings, of a callback that `configure_callbacks` gives (ModelCheckpoint,
    EarlyStopping), or for the direction of the torchmetrics metric or of the name of a loss.

    Raises:
        SettingsError: they are unknown, or the value is not logged.
    """
    owner, names = type(model).__name__, ", ".join(logged) or "nothing"
    callbacks = _monitored(model)
    if monitor is None:
        monitor = next(iter(callbacks), None)
    if monitor is None:
        raise SettingsError(
            [
                f"the quality of {owner} is unknown: set `task=lightning task.monitor=...` to one "
                f"of the values that its validation logs ({names}), and `task.mode=max` or `min`"
            ]
        )
    if monitor not in logged:
        raise SettingsError(
            [
                f"`task.monitor={monitor}` is not logged in the validation of {owner}; logged: "
                f"{names}"
            ]
        )
    mode = mode or callbacks.get(monitor) or _known_mode(monitor, better)
    if mode is None:
        raise SettingsError(
            [f"set `task.mode=max` or `task.mode=min`, the better direction of `{monitor}`"]
        )
    return monitor, mode


def _monitored(model: LightningModule) -> dict[str, Mode]:
    """Return the quantities that the module's own callbacks monitor, with their modes."""
    configured: Any = model.configure_callbacks()
    callbacks = configured if isinstance(configured, list | tuple) else [configured]
    found: dict[str, Mode] = {}
    for one in callbacks:
        monitor, mode = getattr(one, "monitor", None), getattr(one, "mode", None)
        if monitor and (mode == "max" or mode == "min"):
            found.setdefault(monitor, mode)
    return found


def _known_mode(monitor: str, better: Mapping[str, bool]) -> Mode | None:
    if monitor in better:
        return "max" if better[monitor] else "min"
    if known := QUANTITIES.get(monitor):
        return "max" if known.direction == "maximize" else "min"
    return "min" if _ERRORS.search(monitor) else None
