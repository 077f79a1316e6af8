"""Memory of the machine, of control groups and of the process."""

from __future__ import annotations

from pathlib import Path

from paretoprune.models.available_memory import group_bytes, machine_bytes

MB = 2**20


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_what_can_be_freed_is_available(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  9000 kB\nMemFree:  10 kB\nMemAvailable:  2048 kB\n")
    assert machine_bytes(meminfo) == 2 * MB
    assert machine_bytes(tmp_path / "none") > 100 * MB  # all of this machine


def test_limits_of_control_groups_hold_for_the_groups_below(tmp_path: Path) -> None:
    write(tmp_path / "process", cgroup="0::/slice/job")
    root = tmp_path / "cgroup"
    stat = f"anon 5\ninactive_file {MB}"
    write(root / "slice", memory__max=9 * MB, memory__current=4 * MB, memory__stat=stat)
    write(root / "slice/job", memory__max="max", memory__current=MB, memory__stat=stat)
    assert list(group_bytes(tmp_path / "process", root)) == [6 * MB]


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    write(tmp_path / "process", cgroup="0::/docker/0123")
    write(tmp_path / "cgroup", memory__max=9 * MB, memory__current=4 * MB)
    assert list(group_bytes(tmp_path / "process", tmp_path / "cgroup")) == [5 * MB]


def test_groups_of_the_first_version(tmp_path: Path) -> None:
    write(tmp_path / "process", cgroup="5:cpu,cpuacct:/job\n4:memory:/job\n0::/")
    root = tmp_path / "cgroup"
    files = {"memory__limit_in_bytes": 9 * MB, "memory__usage_in_bytes": 4 * MB}
    write(root / "memory/job", **files, memory__stat=f"total_inactive_file {2 * MB}")
    write(root / "cpu/job", **files)
    assert list(group_bytes(tmp_path / "process", root)) == [7 * MB]


def test_without_groups_there_is_no_limit_by_them(tmp_path: Path) -> None:
    assert list(group_bytes(tmp_path, tmp_path)) == []
