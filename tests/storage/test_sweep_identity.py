"""A sweep's identity outlives damage to its file, and changes with a new sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from paretoprune.storage.sweep_folder import SweepFolder


def prune(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def scramble(path: Path) -> None:
    path.write_bytes(b"\xff\xfex")


@pytest.mark.parametrize("damage", [prune, flip, scramble, Path.unlink])
@pytest.mark.parametrize("name", ["identity", "dense/identity"])
def test_one_damaged_file_changes_nothing(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    folder = SweepFolder(tmp_path)
    identity = folder.identity()
    damage(tmp_path / name)
    assert folder.identity() == identity
    other = {"identity": "dense/identity", "dense/identity": "identity"}[name]
    (tmp_path / other).unlink()  # what was damaged is whole again
    assert folder.identity() == identity


def test_a_sweep_that_is_started_anew_has_another(tmp_path: Path) -> None:
    one, other = SweepFolder(tmp_path / "a"), SweepFolder(tmp_path / "b")
    assert one.identity() != other.identity()


def test_a_loss_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = SweepFolder(tmp_path)
    identity = folder.identity()
    prune(tmp_path / "identity")
    scramble(tmp_path / "dense" / "identity")
    assert folder.identity() != identity
    assert "MLflow gets the trials again" in caplog.text


def test_one_of_an_earlier_version_stays(tmp_path: Path) -> None:
    (tmp_path / "identity").write_text("0123456789abcdef" * 2)
    assert SweepFolder(tmp_path).identity() == "0123456789abcdef" * 2
    (tmp_path / "identity").write_text("0123")
    assert SweepFolder(tmp_path).identity() == "0123456789abcdef" * 2
