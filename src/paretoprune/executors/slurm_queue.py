"""States of Slurm jobs by `squeue`, which needs no accounting database; cancelling of jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

GONE = "no longer known to Slurm"
_LIVE = {  # states of jobs that run or will run
    "PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING",
    "SIGNALING", "STAGE_OUT", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT",
    "RESV_DEL_HOLD",
}  # fmt: skip
_ENDED_BY_CLUSTER = {"PREEMPTED", "NODE_FAIL", "BOOT_FAIL"}  # not by the trial that ran
_ASK_S = 60.0  # time limit of a command of Slurm; a busy controller needs long
_POLL_S = 0.5


class Cluster(Protocol):
    """The system that runs the jobs."""

    def states(self, job_ids: Collection[str]) -> Mapping[str, str] | None:
        """Return the states of jobs by id, without unknown jobs; None if it does not answer."""

    def cancel(self, job_id: str) -> None:
        """Cancel a job without waiting for its end."""


class Slurm:
    """Slurm, by its own commands."""

    def states(self, job_ids: Collection[str]) -> Mapping[str, str] | None:
        """Ask `squeue`, which knows ended jobs for some minutes."""
        if not job_ids:
            return {}
        command = ["squeue", "--states=all", "--array", "--noheader", "--format=%i|%T"]
        try:
            asked = subprocess.run(
                [*command, f"--jobs={','.join(sorted(job_ids))}"],
                capture_output=True, text=True, timeout=_ASK_S,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
        if asked.returncode and "Invalid job id" not in asked.stderr:
            return None
        lines = [line.strip().partition("|") for line in asked.stdout.splitlines()]
        return {job_id: state for job_id, _, state in lines if job_id in job_ids}

    def cancel(self, job_id: str) -> None:
        """Cancel by `scancel`."""
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["scancel", job_id], capture_output=True, timeout=_ASK_S)


class LocalProcesses:
    """Jobs of `cluster=local`, submitit's stand-in for Slurm: processes of this machine."""

    def states(self, job_ids: Collection[str]) -> Mapping[str, str]:
        """Return the jobs whose process runs; its number may have been reused since."""
        return {job_id: "RUNNING" for job_id in job_ids if _runs_submitit(job_id)}

    def cancel(self, job_id: str) -> None:
        """Interrupt the process, as submitit does."""
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(job_id), signal.SIGINT)


def is_live(state: str) -> bool:
    """Return True if a job in this state runs, waits or will be started again."""
    return state in _LIVE


def ended_without_fault(state: str) -> bool:
    """Return True if a job that ran no trial ended in this state, and another may take its place.

    Any other state may be that of each new job, too: of one that cannot start Python, for example.
    """
    return was_ended_by_cluster(state) or state in ("COMPLETED", "TIMEOUT")


def was_ended_by_cluster(state: str) -> bool:
    """Return True if a job ended in this state for a reason outside of itself."""
    return state in _ENDED_BY_CLUSTER


def wait_for_end(cluster: Cluster, job_ids: Collection[str], *, patience_s: float) -> bool:
    """Return True if all jobs end in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        states = cluster.states(job_ids)
        if states is not None and not any(map(is_live, states.values())):
            return True
        time.sleep(_POLL_S)
    return False


def _runs_submitit(job_id: str) -> bool:
    try:
        command = Path(f"/proc/{job_id}/cmdline").read_bytes()
    except OSError:
        return False
    return b"submitit" in command  # a process that has ended has no command line
