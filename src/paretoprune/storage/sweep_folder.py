"""The folder of a sweep: its layout, and access to its configs, jobs and results."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from paretoprune.config.moved import modernised
from paretoprune.errors import SweepError
from paretoprune.results import Job, TrialResult
from paretoprune.storage.atomic import digest_of, read_sealed, write_sealed, write_text
from paretoprune.storage.foreign.bounded import read_yaml
from paretoprune.storage.foreign.layout import check_sweep
from paretoprune.storage.lock import driver_lock, refuse_a_second_driver
from paretoprune.storage.sweep_identity import kept_identity
from paretoprune.storage.sweep_settings import HARMLESS, changed_settings

_MOST_LETTERS = 300  # of the cause of an error
_WEIGHTS = "model.safetensors"
_KEPT_WITH_A_RESULT = ("plan.json", _WEIGHTS)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobNote:
    """The record of a started trial, kept in its `job.json`."""

    job: Job
    attempts: int  # number of runs so far, including this one
    parent: Job | None = None  # the job of the trial whose weights this one starts from


@dataclass(frozen=True)
class SweepFolder:
    """The files of one sweep; the folder is the authoritative record from which a sweep resumes.

    Layout: `config.yaml`, `study.db` (Optuna), `dense/` (dense model), and `trials/NNNN/` with
    `job.json`, `result.json`, `plan.json` and `model.safetensors`. All writes are atomic, and
    results carry checksums of the plan and the weights. A damaged file is logged and treated as
    missing, so that its trial is run again. A driver holds `locked` while it writes; reading needs
    no lock.

    Raises SweepError if the folder is locked, belongs to other settings or holds no sweep.
    """

    path: Path

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return self.path.name

    @property
    def study(self) -> Path:
        """The Optuna study."""
        return self.path / "study.db"

    @property
    def config(self) -> Path:
        """The resolved config that the sweep was made with."""
        return self.path / "config.yaml"

    @property
    def dense(self) -> Path:
        """The dense model: its weights, groups and metrics."""
        return self.path / "dense"

    @property
    def published(self) -> Path:
        """Published results to show beside the front, copied here by `report published=`."""
        return self.path / "published.csv"

    def absolute(self) -> SweepFolder:
        """Return the same folder with an absolute path."""
        return SweepFolder(self.path.resolve())

    @property
    def trials(self) -> Path:
        """The folders of all trials."""
        return self.path / "trials"

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.trials / f"{number:04d}"

    def locked(self) -> AbstractContextManager[None]:
        """Return a context manager that holds the sweep lock.

        Raises SweepError if another process holds it.
        """
        return driver_lock(self.path / "driver.lock")

    def refuse_a_second_driver(self) -> None:
        """Raise SweepError if another process holds the sweep lock."""
        refuse_a_second_driver(self.path / "driver.lock")

    def check_layout(self) -> None:
        """Raise SweepError for a file in the place of a folder, or a link that leads out."""
        check_sweep(self.path)

    def remove_leftovers(self) -> None:
        """Remove the temporary files of killed processes."""
        for path in self.path.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    def check_config(self, config: Mapping[str, Any], *, extend: bool = False) -> None:
        """Raise SweepError, listing the differences, if the folder was made with other settings.

        Settings missing on either side have their default: the sweep may come from another version.
        With `extend`, changes of the number of trials, budget and minimum gain are allowed.
        """
        changes = self.changes(config)
        if not changes or (extend and changes.keys() <= HARMLESS):
            return
        shown = [f"  {key}: {there} there, {here} now" for key, (there, here) in changes.items()]
        advice = "give this sweep another `name`, or remove the folder"
        if changes.keys() <= HARMLESS:
            advice = f"add `search.extend=true` to go on with it, or {advice}"
        raise SweepError("\n".join([f"{self.path} was made with other settings:", *shown, advice]))

    def changes(self, config: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
        """Return the decisive settings that differ, by name: the folder's value, and that of
        `config`."""
        if not self.config.is_file():
            return {}
        return changed_settings(self.read_config(), config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write the resolved config of the sweep."""
        write_text(self.config, yaml.safe_dump(dict(config), sort_keys=False))

    def identity(self) -> str:
        """Return an identifier that survives resuming and changes when the sweep is started from
        scratch.

        Two copies are kept, because with another identity all trials would be sent to MLflow again.
        """
        return kept_identity(self.path / "identity", self.dense / "identity")

    def read_config(self) -> dict[str, Any]:
        """Return the config that the sweep was made with, in this version's form.

        Raises SweepError if there is none.
        """
        self.check_layout()
        try:
            config = read_yaml(self.config)
        except OSError as error:
            raise SweepError(f"there is no sweep in {self.path}: {error}") from error
        except (ValueError, RecursionError, yaml.YAMLError) as error:
            cause = " ".join(str(error).split())[:_MOST_LETTERS]
            raise SweepError(f"{self.config} is damaged: {cause}") from error
        if not isinstance(config, dict):
            raise SweepError(f"{self.config} is damaged: it holds no settings")
        return modernised(config)

    def read_results(self) -> list[TrialResult]:
        """Return all finished trials by number. Damaged results are dropped, so their trials run
        again. Raises what `check_layout` raises."""
        self.check_layout()
        results = []
        for path in sorted(self.trials.glob("*/result.json")):
            try:
                result = _result_in(path)
            except (OSError, ValueError, TypeError, KeyError) as error:
                _log.warning("%s is damaged (%s); its trial is run again", path, error)
            else:
                results.append(result)
        return sorted(results, key=lambda result: result.number)

    def write_result(self, result: TrialResult) -> None:
        """Write a trial's result, with the checksums of its plan and weights."""
        folder = self.trial(result.number)
        files = [folder / name for name in _KEPT_WITH_A_RESULT]
        digests = {path.name: digest_of(path) for path in files if path.is_file()}
        write_sealed(folder / "result.json", {**result.to_json(), "files": digests})

    def is_whole(self, number: int) -> bool:
        """Return True if a finished trial's plan and weights match their checksums."""
        folder = self.trial(number)
        try:
            digests = read_sealed(folder / "result.json")["files"]
            return all(digest_of(folder / name) == digest for name, digest in digests.items())
        except (OSError, ValueError, KeyError):
            return False

    def finished_numbers(self) -> set[int]:
        """Return the numbers of the trials that have a result, readable or not."""
        names = [path.parent.name for path in self.trials.glob("*/result.json")]
        return {int(name) for name in names if name.isdecimal()}

    def write_note(self, note: JobNote) -> None:
        """Record that an attempt of a trial starts.

        The write is not durable: after a power failure the trial is proposed again, as nothing of
        it exists.
        """
        job, parent = asdict(note.job), note.parent and asdict(note.parent)
        path = self.trial(note.job.number) / "job.json"
        data = {**job, "attempts": note.attempts, "parent_job": parent}
        write_sealed(path, data, durable=False)

    def read_notes(self) -> dict[int, JobNote]:
        """Return the records of all started trials, finished ones included, by number."""
        notes = {}
        for path in sorted(self.trials.glob("*/job.json")):
            try:
                data = read_sealed(path)
                attempts, parent = data.pop("attempts"), data.pop("parent_job", None)
                job = Job.from_json(data)
                notes[job.number] = JobNote(job, attempts, parent and Job.from_json(parent))
            except (OSError, ValueError, TypeError, KeyError) as error:
                _log.warning("%s is damaged (%s)", path, error)
        return notes

    def was_begun(self, number: int) -> bool:
        """Return True if the trial has a `job.json`, readable or not."""
        return (self.trial(number) / "job.json").exists()

    def drop_weights(self, number: int) -> None:
        """Remove a trial's weights; its plan and result are kept."""
        (self.trial(number) / _WEIGHTS).unlink(missing_ok=True)


def _result_in(path: Path) -> TrialResult:
    data = read_sealed(path)
    del data["files"]
    result = TrialResult.from_json(data)
    if path.parent.name != f"{result.number:04d}":
        raise ValueError(f"it is the result of trial {result.number}")
    return result
