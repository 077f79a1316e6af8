"""What is on record of Slurm jobs: which run, and what they answered. No pickle is read back.

A driver that is killed leaves its jobs in the queue. The next one finds them here.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from paretoprune.results import Job, TrialResult
from paretoprune.storage.atomic import read_sealed, write_sealed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SlurmRecord:
    """A folder with a note for each job whose answer was not collected yet, by trial number."""

    folder: Path  # of the sweep; all machines see it under this path

    def note(self, job: Job, job_id: str) -> None:
        """A trial was submitted as this Slurm job."""
        write_sealed(self._note(job.number), {"job": asdict(job), "job_id": job_id})

    def jobs(self) -> list[tuple[Job, str]]:
        """The trials on record, each with its Slurm job; a damaged note is left out."""
        found = []
        for path in sorted(self._path.glob("*.job.json")):
            try:
                data = read_sealed(path)
                found.append((Job.from_json(data["job"]), str(data["job_id"])))
            except (OSError, ValueError, TypeError, KeyError) as error:
                _log.warning("%s is damaged (%s); its Slurm job is not known", path, error)
        return found

    def answer(self, number: int, answer: TrialResult | Path) -> None:
        """Called in the job: its result, or the folder on a disk that is full."""
        full = str(answer) if isinstance(answer, Path) else None
        result = answer.to_json() if isinstance(answer, TrialResult) else None
        write_sealed(self._answer(number), {"result": result, "full_disk": full})

    def read_answer(self, number: int) -> TrialResult | Path | None:
        """What the job said; None where it ended without a word."""
        try:
            data = read_sealed(self._answer(number))
            full, result = data["full_disk"], data["result"]
            return Path(full) if full else TrialResult.from_json(result)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def forget(self, number: int) -> None:
        """The answer was collected, or the job is gone."""
        self._answer(number).unlink(missing_ok=True)
        self._note(number).unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self.folder / "slurm" / "trials"

    def _note(self, number: int) -> Path:
        return self._path / f"{number:04d}.job.json"

    def _answer(self, number: int) -> Path:
        return self._path / f"{number:04d}.answer.json"
