"""Files between a sweep's driver and its Slurm workers: jobs and answers, without pickle.

If a driver is killed, its workers go on, and the next driver finds them here.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from paretoprune.results import Job, TrialResult
from paretoprune.storage.atomic import read_sealed, write_sealed

_KINDS = ("worker", "task", "begun", "answer")  # of a worker's files
_BAD = (OSError, ValueError, TypeError, KeyError)  # of a file that is missing or damaged


@dataclass(frozen=True)
class Task:
    """A trial assigned to a worker. The same trial assigned again is another task."""

    job: Job
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True)
class Answer:
    """The outcome of a task: exactly one of the fields is set."""

    result: TrialResult | None = None
    full_disk: Path | None = None  # a folder on it
    stopped: str | None = None  # why the worker cannot run any trial
    requeued: bool = False  # Slurm ended the worker in the middle and started it again


@dataclass(frozen=True)
class WorkerFiles:
    """The files of one worker in the folder of its sweep, which all machines see."""

    folder: Path  # of the files of all workers
    worker: str

    @classmethod
    def all_in(cls, folder: Path) -> list[WorkerFiles]:
        """Return the workers whose files are in the folder, also those of earlier drivers."""
        return [cls(folder, path.name.split(".")[0]) for path in folder.glob("*.worker.json")]

    def note(self, job_id: str) -> None:
        """Record the Slurm job that is this worker."""
        self._write("worker", {"job_id": job_id})

    def job_id(self) -> str | None:
        """Return the Slurm job that is this worker; None if the record is damaged."""
        data = self._read("worker")
        return None if data is None else str(data.get("job_id"))

    def assign(self, task: Task) -> None:
        """Make the task the worker's next one."""
        self._write("task", {"job": asdict(task.job), "id": task.id})

    def task(self) -> Task | None:
        """Return the latest task of the worker."""
        data = self._read("task")
        try:
            return None if data is None else Task(Job.from_json(data["job"]), str(data["id"]))
        except _BAD:
            return None

    def begin(self, task: Task) -> None:
        """Record that the worker begins the task."""
        self._write("begun", {"id": task.id})

    def has_begun(self, task: Task) -> bool:
        """Return True if the worker has begun the task."""
        return (self._read("begun") or {}).get("id") == task.id

    def answer(self, task: Task, answer: Answer) -> None:
        """Write the outcome of the task."""
        result = answer.result.to_json() if answer.result else None
        full = str(answer.full_disk) if answer.full_disk else None
        outcome: dict[str, Any] = {"result": result, "full_disk": full}
        outcome |= {"stopped": answer.stopped, "requeued": answer.requeued}
        self._write("answer", {"id": task.id, **outcome})

    def answer_to(self, task: Task) -> Answer | None:
        """Return the outcome of the task; None if there is none yet, or it is damaged."""
        data = self._read("answer")
        if data is None or data.get("id") != task.id:
            return None
        try:
            return _answer(data)
        except _BAD:
            return None

    def forget(self) -> None:
        """Delete the files of a worker that has ended."""
        for kind in _KINDS:
            self._path(kind).unlink(missing_ok=True)

    def _path(self, kind: str) -> Path:
        return self.folder / f"{self.worker}.{kind}.json"

    def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        write_sealed(self._path(kind), data)

    def _read(self, kind: str) -> dict[str, Any] | None:
        try:
            return read_sealed(self._path(kind))
        except _BAD:
            return None


def _answer(data: Mapping[str, Any]) -> Answer:
    return Answer(
        result=TrialResult.from_json(data["result"]) if data["result"] else None,
        full_disk=Path(data["full_disk"]) if data["full_disk"] else None,
        stopped=data["stopped"],
        requeued=bool(data["requeued"]),
    )
