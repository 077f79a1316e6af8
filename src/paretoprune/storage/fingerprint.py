"""The fingerprint of a cached thing: everything that it depends on, as named digests.

Two fingerprints can be compared part by part, so a message can name what has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

VERSION = 1  # of the JSON form; raised when the digests of equal things change
_TOLERANCE = 1e-3  # of the largest output: kernels and threads change the last digits only

Parts = Mapping[str, str]


@dataclass(frozen=True)
class Fingerprint:
    """Named digests. The names are plain words, such as "training labels"."""

    settings: Parts = field(default_factory=dict)
    data: Parts = field(default_factory=dict)
    code: Parts = field(default_factory=dict)  # module -> digest of its source file
    network: Parts = field(default_factory=dict)  # given weights, groups
    versions: Parts = field(default_factory=dict)  # package -> version
    outputs: tuple[float, ...] | None = None  # of the network on real inputs; None: unknown

    @property
    def family(self) -> str:
        """A name that fingerprints with the same settings share."""
        return digest_json(dict(self.settings))

    @property
    def key(self) -> str:
        """A name for all parts except `outputs`, which are equal only up to rounding."""
        return digest_json({name: value for name, value in asdict(self).items() if name in _EXACT})

    def extended(self, **more: Parts) -> Fingerprint:
        """The same with further parts: `extended(settings={"epoch": "3"})`."""
        parts: dict[str, Any] = {name: {**getattr(self, name), **more[name]} for name in more}
        return replace(self, **parts)

    def changes(self, earlier: Fingerprint) -> list[str]:
        """Names of the data, code, weights and outputs that differ from an earlier fingerprint."""
        changed = [f"the {name}" for name in _differing(self.data, earlier.data)]
        changed += [f"the code of `{name}`" for name in _differing(self.code, earlier.code)]
        changed += [f"the {name}" for name in _differing(self.network, earlier.network)]
        if not changed and not _close(self.outputs, earlier.outputs):
            changed.append("the network's outputs")
        return changed

    def version_changes(self, earlier: Fingerprint) -> list[str]:
        """Packages whose versions differ, such as "torch (2.13.0, now 2.14.1)"."""
        return [
            f"{name} ({earlier.versions.get(name, 'absent')}, now "
            f"{self.versions.get(name, 'absent')})"
            for name in _differing(self.versions, earlier.versions)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, with the version of its form."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fingerprint:
        """The inverse of `to_json`. Raises ValueError, TypeError or KeyError for anything else."""
        if data["version"] != VERSION:
            raise ValueError(f"it is a fingerprint of version {data['version']}, not {VERSION}")
        outputs = data["outputs"]
        return cls(
            **{name: _parts_in(data[name]) for name in _EXACT},
            outputs=None if outputs is None else tuple(float(value) for value in outputs),
        )


_EXACT = ("settings", "data", "code", "network", "versions")


def digest_bytes(*chunks: bytes) -> str:
    """32 hex digits of the chunks one after the other (BLAKE2b)."""
    state = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def digest_json(content: object) -> str:
    """16 hex digits of plain data; what is not plain counts as its text."""
    return digest_bytes(json.dumps(content, sort_keys=True, default=str).encode())[:16]


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """`a, b and c`; the names after the first few are counted."""
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _differing(one: Parts, other: Parts) -> list[str]:
    names = {**one, **other}
    return [name for name in names if one.get(name) != other.get(name)]


def _close(one: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    if one is None or other is None:
        return True
    if len(one) != len(other):
        return False
    most = _TOLERANCE * max(map(abs, [*one, *other]), default=0.0)
    return all(abs(a - b) <= most for a, b in zip(one, other, strict=True))


def _parts_in(data: object) -> Parts:
    if not isinstance(data, Mapping):
        raise TypeError("its parts must be mappings")
    parts = {str(name): str(value) for name, value in data.items()}
    if not all(text.isprintable() for pair in parts.items() for text in pair):
        raise ValueError("its parts must be printable text")
    return parts
