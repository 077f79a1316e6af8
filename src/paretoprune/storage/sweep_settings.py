"""The settings that a sweep was made with: which may change later, and which have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paretoprune.config.defaults import with_defaults
from paretoprune.config.instantiate import argument_defaults

# Settings that may change when a sweep goes on: they say where, not what.
_FREE = {
    "tracking",
    "executor",
    "threads",
    "cache_dir",
    "sweeps_dir",
    "search.extend",
    "search.storage",
    "trust",
}
# Settings that may change with `search.extend=true`: what is on record stays true.
HARMLESS = {"search.n_trials", "search.budget", "search.strategy.min_gain"}


def changed_settings(
    there: Mapping[str, Any], here: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    """The decisive settings in which two configs differ, by name: what each says.

    A setting that one of them lacks has its default: it may be another version's. What a
    `_target_` takes by default counts where both name the same. `here` has been checked; `there`
    may be anybody's.
    """
    one, other = _with_defaults(there, here)
    return {
        key: (one.get(key, "-"), other.get(key, "-"))
        for key in sorted({*one, *other})
        if _number(one.get(key)) != _number(other.get(key))
    }


def decisive(config: Mapping[str, Any]) -> dict[str, str]:
    """The settings that decide what a sweep finds, by dotted name."""
    return {
        key: value for key, value in flat(config).items() if not {key, key.split(".")[0]} & _FREE
    }


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Every setting by its dotted name, as text."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = str(value)
    return found


def _with_defaults(
    there: Mapping[str, Any], here: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    one, other = decisive(with_defaults(there)), decisive(with_defaults(here))
    for key, path in [*other.items()]:
        holder, separator, _ = key.rpartition("_target_")
        if separator and one.get(key) == path:
            for name, default in argument_defaults(path).items():
                for settings in (one, other):
                    _set_default(settings, f"{holder}{name}", default)
    return one, other


def _set_default(settings: dict[str, str], name: str, default: object) -> None:
    if not any(key.startswith(f"{name}.") for key in settings):
        value = list(default) if isinstance(default, tuple) else default
        settings.setdefault(name, str(value))


def _number(text: str | None) -> str | float | None:
    """What is written, or the number that it means: `4` and `4.0` are one setting."""
    try:
        return float(text or "")
    except ValueError:
        return text
