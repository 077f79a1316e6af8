"""References between settings, `${seed}`: how large the values are that they stand for.

OmegaConf writes them out, so that some lines that refer to each other can fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from paretoprune.errors import SettingsError

# `${seed}`, `${data.size}`, `${.size}`, `${search.sizes[0]}`
REFERENCE = re.compile(r"\$\{(\.*)([A-Za-z_][\w.]*(?:\[\d+\][\w.]*)*)\}")
_MOST_VALUES = 100_000  # of a config with its references written out
_MOST_DEPTH = 50  # of references to references

Place = tuple[str | int, ...]


def refuse_endless_references(config: Mapping[str, object]) -> None:
    """Raise SettingsError where a reference leads to itself, or all are larger than any config.

    `config` is plain data in which the references are still texts.
    """
    _Sizes(config).of(())


class _Sizes:
    """The number of values at each place of a config, with references written out."""

    def __init__(self, config: Mapping[str, object]) -> None:
        self._config = config
        self._known: dict[Place, int] = {}
        self._holders: list[Place] = []

    def of(self, place: Place) -> int:
        """Return the number of values at a place, with those inside it."""
        if place in self._known:
            return self._known[place]
        if place in self._holders:
            raise SettingsError([f"`{_written(place)}` refers to itself; write the value itself"])
        if len(self._holders) > _MOST_DEPTH + len(place):
            raise SettingsError(
                [
                    f"`{_written(place)}` is reached by more than {_MOST_DEPTH} references, one "
                    "leading to the next; write the value itself"
                ]
            )
        self._holders.append(place)
        size = 1 + sum(self.of(inner) for inner in self._inside(place))
        self._holders.pop()
        if size > _MOST_VALUES:
            raise SettingsError(
                [
                    f"`{_written(place)}` stands for more than {_MOST_VALUES:,} values, with all "
                    "`${...}` written out; write the values themselves"
                ]
            )
        self._known[place] = size
        return size

    def _inside(self, place: Place) -> Iterator[Place]:
        value = self._at(place)
        if isinstance(value, Mapping):
            yield from ((*place, key) for key in value)
        elif isinstance(value, list):
            yield from ((*place, index) for index in range(len(value)))
        elif isinstance(value, str):
            for found in REFERENCE.finditer(value):
                if (target := self._target(place, found)) is not None:
                    yield target

    def _target(self, place: Place, found: re.Match[str]) -> Place | None:
        """Return the place that a reference names; None if there is none, which OmegaConf tells."""
        dots, path = found.groups()
        steps: list[str | int] = [
            int(step) if step.isdecimal() else step for step in re.findall(r"\w+", path)
        ]
        base = place[: len(place) - len(dots)] if dots else ()
        return self._followed(base, steps)

    def _followed(self, base: Place, steps: Sequence[str | int]) -> Place | None:
        """Return the place behind some steps; on the way a reference leads elsewhere."""
        for step in steps:
            value = self._at(base)
            if isinstance(value, str) and (found := REFERENCE.fullmatch(value)):
                self.of(base)  # raises for a cycle
                target = self._target(base, found)
                if target is None:
                    return None
                base = target
            base = (*base, step)
            if self._at(base) is None:
                return None
        return base

    def _at(self, place: Place) -> object:
        value: object = self._config
        for step in place:
            if isinstance(value, Mapping):
                value = value.get(step, value.get(str(step)))
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


def _written(place: Place) -> str:
    return ".".join(str(step) for step in place) or "the config"
