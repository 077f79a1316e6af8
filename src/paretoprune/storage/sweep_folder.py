"""A sweep's folder: what lies where, and what is there already."""

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
from paretoprune.storage.lock import driver_lock, refuse_a_second_driver
from paretoprune.storage.sweep_identity import kept_identity
from paretoprune.storage.sweep_settings import HARMLESS, changed_settings

_WEIGHTS = "model.safetensors"
_KEPT_WITH_A_RESULT = ("plan.json", _WEIGHTS)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobNote:
    """What is noted of a trial when it begins."""

    job: Job
    attempts: int  # how often it has been run, this time included
    parent: Job | None = None  # the job of the trial that it starts from


@dataclass(frozen=True)
class SweepFolder:
    """The paths of a sweep. All writes are atomic."""

    path: Path

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
        """Results of others that the user wants beside the front; `report published=` puts it."""
        return self.path / "published.csv"

    def absolute(self) -> SweepFolder:
        """The same folder, by a path that holds from every working directory."""
        return SweepFolder(self.path.resolve())

    @property
    def trials(self) -> Path:
        """The folders of all trials."""
        return self.path / "trials"

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.trials / f"{number:04d}"

    def locked(self) -> AbstractContextManager[None]:
        """Hold the folder; what a killed process was writing at its end is removed.

        Raises SweepError if another process holds it.
        """
        return driver_lock(self.path / "driver.lock")

    def refuse_a_second_driver(self) -> None:
        """Raises SweepError if another process works on the sweep."""
        refuse_a_second_driver(self.path / "driver.lock")

    def remove_leftovers(self) -> None:
        """Remove what killed processes were writing when they died."""
        for path in self.path.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    def check_config(self, config: Mapping[str, Any], *, extend: bool = False) -> None:
        """Raises SweepError, with the difference, if the folder was made with other settings.

        A setting that one of them lacks has its default: the sweep may be of another version. With
        `extend`, more trials and a longer budget are no such difference.
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
        """The decisive settings that differ from the folder's, by name: there, and in `config`."""
        if not self.config.is_file():
            return {}
        return changed_settings(self.read_config(), config)

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep the resolved config with the sweep."""
        write_text(self.config, yaml.safe_dump(dict(config), sort_keys=False))

    def identity(self) -> str:
        """A name that stays when the sweep is resumed and changes when it is started anew.

        It is kept twice, since without it MLflow would get all trials again.
        """
        return kept_identity(self.path / "identity", self.dense / "identity")

    def read_config(self) -> dict[str, Any]:
        """The config that the sweep was made with, in this version's form.

        Raises SweepError where there is none.
        """
        try:
            config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise SweepError(f"there is no sweep in {self.path}: {error}") from error
        if not isinstance(config, dict):
            raise SweepError(f"{self.config} is damaged: it holds no settings")
        return modernised(config)

    def read_results(self) -> list[TrialResult]:
        """All finished trials by number. A damaged result is dropped, so its trial runs again."""
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
        """Put a trial on record, with the checksums of its plan and weights."""
        folder = self.trial(result.number)
        files = [folder / name for name in _KEPT_WITH_A_RESULT]
        digests = {path.name: digest_of(path) for path in files if path.is_file()}
        write_sealed(folder / "result.json", {**asdict(result), "files": digests})

    def is_whole(self, number: int) -> bool:
        """Whether a finished trial's plan and weights are what they were when it finished."""
        folder = self.trial(number)
        try:
            digests = read_sealed(folder / "result.json")["files"]
            return all(digest_of(folder / name) == digest for name, digest in digests.items())
        except (OSError, ValueError, KeyError):
            return False

    def finished_numbers(self) -> set[int]:
        """The trials that have a result, readable or not."""
        names = [path.parent.name for path in self.trials.glob("*/result.json")]
        return {int(name) for name in names if name.isdecimal()}

    def write_note(self, note: JobNote) -> None:
        """Note that a trial is being run.

        A power cut may take the note: the trial is then chosen anew, as nothing of it is lost.
        """
        job, parent = asdict(note.job), note.parent and asdict(note.parent)
        path = self.trial(note.job.number) / "job.json"
        data = {**job, "attempts": note.attempts, "parent_job": parent}
        write_sealed(path, data, durable=False)

    def read_notes(self) -> dict[int, JobNote]:
        """The notes of the trials that were begun, by number; of finished ones, too."""
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
        """Whether there is a note, readable or not, that the trial was run."""
        return (self.trial(number) / "job.json").exists()

    def drop_weights(self, number: int) -> None:
        """Remove the weights of a trial; its plan and result stay."""
        (self.trial(number) / _WEIGHTS).unlink(missing_ok=True)


def _result_in(path: Path) -> TrialResult:
    data = read_sealed(path)
    del data["files"]
    result = TrialResult.from_json(data)
    if path.parent.name != f"{result.number:04d}":
        raise ValueError(f"it is the result of trial {result.number}")
    return result
