"""Meaning of the states of Slurm."""

from __future__ import annotations

import pytest

from paretoprune.executors.slurm_queue import (
    GONE,
    Slurm,
    ended_without_fault,
    is_live,
    was_ended_by_cluster,
)


@pytest.mark.parametrize(
    ("state", "live", "by_cluster", "without_fault"),
    [
        ("PENDING", True, False, False),
        ("RUNNING", True, False, False),
        ("REQUEUED", True, False, False),
        ("COMPLETED", False, False, True),
        ("TIMEOUT", False, False, True),
        ("PREEMPTED", False, True, True),
        ("NODE_FAIL", False, True, True),
        ("FAILED", False, False, False),
        ("OUT_OF_MEMORY", False, False, False),
        ("CANCELLED", False, False, False),
        (GONE, False, False, False),
    ],
)
def test_states(state: str, live: bool, by_cluster: bool, without_fault: bool) -> None:
    assert is_live(state) is live
    assert was_ended_by_cluster(state) is by_cluster
    assert ended_without_fault(state) is without_fault


def test_a_machine_without_slurm_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert Slurm().states({"1"}) is None
    Slurm().cancel("1")  # which there is no need to say twice
