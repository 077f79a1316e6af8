"""Settings by pattern of group names: `layer1.*` is all that begins with `layer1.`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase


def matches(values: Mapping[str, float], name: str) -> list[float]:
    """The values of all patterns that the name matches, in their order."""
    return [value for pattern, value in values.items() if fnmatchcase(name, pattern)]


def unmatched(values: Mapping[str, float], names: Iterable[str]) -> list[str]:
    """The patterns that match none of the names."""
    known = list(names)
    return [p for p in values if not any(fnmatchcase(name, p) for name in known)]
