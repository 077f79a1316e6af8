"""Findings are made once, and written only when they are to be kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from paretoprune.storage.cache import DiskCache


@dataclass(frozen=True)
class Sum:
    value: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sum:
        return cls(**data)


def found(folder: Path, value: int) -> tuple[DiskCache, Sum]:
    """What is under `sums/one`, where `value` would be found now."""
    disk_cache = DiskCache(folder)
    return disk_cache, disk_cache.get_or_compute(
        "sums/one", read=Sum.from_json, find=lambda: Sum(value)
    )


def test_nothing_is_written_before_it_is_kept(tmp_path: Path) -> None:
    disk_cache, first = found(tmp_path, 1)
    assert first == Sum(1)
    assert not any(tmp_path.iterdir())
    disk_cache.commit()
    assert found(tmp_path, 2)[1] == Sum(1)
    other, _ = found(tmp_path, 2)
    stamp = (tmp_path / "sums" / "one.json").stat().st_mtime_ns
    other.commit()
    assert (tmp_path / "sums" / "one.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"value": 7}'])
def test_what_is_damaged_is_found_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    found(tmp_path, 1)[0].commit()
    (tmp_path / "sums" / "one.json").write_text(damage)
    logger = logging.getLogger("paretoprune")
    logger.addHandler(caplog.handler)
    try:
        disk_cache, again = found(tmp_path, 2)
    finally:
        logger.removeHandler(caplog.handler)
    assert again == Sum(2)
    assert "sums/one.json is damaged" in caplog.text
    disk_cache.commit()
    assert found(tmp_path, 3)[1] == Sum(2)
