"""Reading energy counters, from files as Linux has them."""

from __future__ import annotations

from pathlib import Path

import torch

from paretoprune.measure.energy import energy_meter

CPU = torch.device("cpu")


def package(powercap: Path, name: str, microjoules: int) -> Path:
    folder = powercap / name
    folder.mkdir()
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text("1000000\n")
    return folder / "energy_uj"


def test_packages_are_added_and_their_parts_are_not(tmp_path: Path) -> None:
    first = package(tmp_path, "intel-rapl:0", 5000)
    package(tmp_path, "intel-rapl:0:0", 777)  # the cores of package 0, counted there already
    package(tmp_path, "intel-rapl:1", 1000)
    meter = energy_meter(CPU, powercap=tmp_path)
    assert meter is not None
    before = meter()
    first.write_text("9000\n")
    assert meter() - before == 4.0  # millijoules


def test_a_counter_that_starts_again_continues(tmp_path: Path) -> None:
    counter = package(tmp_path, "intel-rapl:0", 999_000)
    meter = energy_meter(CPU, powercap=tmp_path)
    assert meter is not None
    before = meter()
    counter.write_text("3000\n")
    assert meter() - before == 4.0


def test_without_a_counter_there_is_no_meter(tmp_path: Path) -> None:
    assert energy_meter(CPU, powercap=tmp_path) is None
    assert energy_meter(CPU, powercap=tmp_path / "none") is None


def test_a_counter_that_cannot_be_read_gives_no_meter(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 1).unlink()
    assert energy_meter(CPU, powercap=tmp_path) is None
