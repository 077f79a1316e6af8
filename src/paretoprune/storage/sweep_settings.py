"""Comparison of a sweep's stored settings with the current ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paretoprune.config.defaults import with_defaults
from paretoprune.config.targets.signatures import argument_defaults

# Settings that may change when a sweep is resumed: they do not affect its results.
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
# Settings that may change with `search.extend=true`: existing results remain valid.
HARMLESS = {"search.n_trials", "search.budget", "search.strategy.min_gain"}


def changed_settings(
    there: Mapping[str, Any], here: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    """Return the decisive settings in which two configs differ, by name: both values.

    Settings missing on either side have their default, since the config may come from another
    version. Default arguments of a `_target_` count if both configs name the same target. `here` is
    validated; `there` is untrusted.
    """
    one, other = _with_defaults(there, here)
    return {
        key: (one.get(key, "-"), other.get(key, "-"))
        for key in sorted({*one, *other})
        if _number(one.get(key)) != _number(other.get(key))
    }


def decisive(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that affect a sweep's results, by dotted name."""
    return {
        key: value for key, value in flat(config).items() if not {key, key.split(".")[0]} & _FREE
    }


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return every setting by its dotted name, as text."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:  # a group without settings, such as `quantization=none`, is None to its class
            found[f"{prefix}{key}"] = str(value if value != {} else None)
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
    """Return the value as a number if it is one, so that `4` and `4.0` compare equal."""
    try:
        return float(text or "")
    except ValueError:
        return text
