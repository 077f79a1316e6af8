"""Findings are made once, and written only when they are to be kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from paretoprune.storage.cache import DiskCache
from paretoprune.storage.fingerprint import Fingerprint
from tests.kits.messages import messages_of


@dataclass(frozen=True)
class Sum:
    value: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sum:
        return cls(**data)


ONE = Fingerprint(settings={"name": "one"}, code={"net": "a"}, outputs=(1.0, 2.0))


def found(folder: Path, value: int, key: Fingerprint = ONE) -> tuple[DiskCache, Sum]:
    """The sum in the cache, where `value` would be found now."""
    disk_cache = DiskCache(folder)
    return disk_cache, disk_cache.get_or_compute(
        "sums", key, read=Sum.from_json, find=lambda: Sum(value)
    )


def path_of(folder: Path) -> Path:
    return folder / "sums" / f"{ONE.family}-{ONE.key}.json"


def test_nothing_is_written_before_it_is_kept(tmp_path: Path) -> None:
    disk_cache, first = found(tmp_path, 1)
    assert first == Sum(1)
    assert not any(tmp_path.iterdir())
    disk_cache.commit()
    assert found(tmp_path, 2)[1] == Sum(1)
    other, _ = found(tmp_path, 2)
    stamp = path_of(tmp_path).stat().st_mtime_ns
    other.commit()
    assert path_of(tmp_path).stat().st_mtime_ns == stamp


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"value": 7}'])
def test_what_is_damaged_is_found_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    found(tmp_path, 1)[0].commit()
    path_of(tmp_path).write_text(damage)
    logger = logging.getLogger("paretoprune")
    logger.addHandler(caplog.handler)
    try:
        disk_cache, again = found(tmp_path, 2)
    finally:
        logger.removeHandler(caplog.handler)
    assert again == Sum(2)
    assert f"{path_of(tmp_path).name} is damaged" in caplog.text
    disk_cache.commit()
    assert found(tmp_path, 3)[1] == Sum(2)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (replace(ONE, code={"net": "b"}), "recomputed, since the code of `net` changed"),
        (replace(ONE, outputs=(1.0, 2.1)), "recomputed, since the network's outputs changed"),
        (replace(ONE, versions={"torch": "3"}), "since torch (absent, now 3) changed"),
    ],
)
def test_what_depends_on_something_else_is_found_again(
    tmp_path: Path, key: Fingerprint, reason: str
) -> None:
    found(tmp_path, 1)[0].commit()
    with messages_of() as messages:
        disk_cache, again = found(tmp_path, 2, key)
    assert again == Sum(2)
    assert reason in messages[0]
    disk_cache.commit()
    assert found(tmp_path, 3, key)[1] == Sum(2)


def test_rounding_changes_nothing(tmp_path: Path) -> None:
    found(tmp_path, 1)[0].commit()
    assert found(tmp_path, 2, replace(ONE, outputs=(1.0005, 2.0)))[1] == Sum(1)
