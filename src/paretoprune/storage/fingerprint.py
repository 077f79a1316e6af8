"""Fingerprints: named digests of everything that a cached value depends on.

Fingerprints are compared part by part, so that messages can name what has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

VERSION = 1  # of the JSON form; raised when the digests of equal things change
_TOLERANCE = 1e-3  # relative to the largest output: kernels and threads change the last digits only

Parts = Mapping[str, str]


@dataclass(frozen=True)
class Fingerprint:
    """The inputs of a computation as named digests, in plain words such as "training labels".

    Made by `problem.fingerprint.fingerprint_of` and narrowed or extended for each cached value. All
    parts except `outputs` are compared exactly and make up the `key` of a cache entry. Outputs are
    equal only up to rounding, so they are compared with a tolerance of 1e-3 of the largest output;
    they detect changes of a network that its source code and weights do not show. Changes of
    package versions are reported separately (`version_changes`).
    """

    settings: Parts = field(default_factory=dict)
    data: Parts = field(default_factory=dict)
    code: Parts = field(default_factory=dict)  # module -> digest of its source file
    network: Parts = field(default_factory=dict)  # weights that were given, shapes, groups
    versions: Parts = field(default_factory=dict)  # package -> version
    outputs: tuple[float, ...] | None = None  # of the network on real inputs; None: unknown

    @property
    def family(self) -> str:
        """A digest shared by all fingerprints with the same settings."""
        return digest_json(dict(self.settings))

    @property
    def key(self) -> str:
        """A digest of all parts except `outputs`, which are equal only up to rounding."""
        return digest_json({name: value for name, value in asdict(self).items() if name in _EXACT})

    def extended(self, **more: Parts) -> Fingerprint:
        """Return a copy with further parts: `extended(settings={"epoch": "3"})`."""
        parts: dict[str, Any] = {name: {**getattr(self, name), **more[name]} for name in more}
        return replace(self, **parts)

    def changes(self, earlier: Fingerprint) -> list[str]:
        """Return names of the data, code, weights and outputs that differ from an earlier
        fingerprint."""
        changed = [f"the {name}" for name in _differing(self.data, earlier.data)]
        changed += [f"the code of `{name}`" for name in _differing(self.code, earlier.code)]
        changed += [f"the {name}" for name in _differing(self.network, earlier.network)]
        if not changed and not _close(self.outputs, earlier.outputs):
            changed.append("the network's outputs")
        return changed

    def version_changes(self, earlier: Fingerprint) -> list[str]:
        """Return the packages whose versions differ, such as "torch (2.13.0, now 2.14.1)"."""
        return [
            f"{name} ({earlier.versions.get(name, 'absent')}, now "
            f"{self.versions.get(name, 'absent')})"
            for name in _differing(self.versions, earlier.versions)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return plain data, with the version of this format."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fingerprint:
        """Inverse of `to_json`. Raises ValueError, TypeError or KeyError for invalid data."""
        if data["version"] != VERSION:
            raise ValueError(f"it is a fingerprint of version {data['version']}, not {VERSION}")
        outputs = data["outputs"]
        return cls(
            **{name: _parts_in(data[name]) for name in _EXACT},
            outputs=None if outputs is None else tuple(float(value) for value in outputs),
        )


_EXACT = ("settings", "data", "code", "network", "versions")


def digest_bytes(*chunks: bytes) -> str:
    """Return 32 hex digits of the concatenated chunks (BLAKE2b, 128 bits)."""
    state = hashlib.blake2b(digest_size=16)
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def digest_json(content: object) -> str:
    """Return 16 hex digits of plain data; other objects count as their text."""
    return digest_bytes(json.dumps(content, sort_keys=True, default=str).encode())[:16]


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """Join names as `a, b and c`; only the number is given of those after the first `most`."""
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
