"""A sweep's folder: what lies where, who may write to it, and what is there already."""

from __future__ import annotations

import fcntl
import logging
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from paretoprune.errors import SweepError
from paretoprune.files import read_json, write_json, write_text
from paretoprune.results import TrialResult

# Settings that may change when a sweep goes on: they say where, not what.
_FREE = {"tracking", "executor", "threads", "cache_dir", "sweeps_dir"}

_log = logging.getLogger(__name__)


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
    def finetune(self) -> Path:
        """How trials are trained: the settings with the learning rate that was found."""
        return self.path / "finetune.json"

    def trial(self, number: int) -> Path:
        """The folder of a trial."""
        return self.path / "trials" / f"{number:04d}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder against a second driver; the kernel frees it when the process dies.

        Raises SweepError if another process holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "driver.lock").open("a+") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SweepError(
                    f"another process is working on {self.path}; "
                    "wait for it, or give this sweep another `name`"
                ) from None
            yield

    def check_config(self, config: Mapping[str, Any]) -> None:
        """Raises SweepError, with the difference, if the folder was made with other settings."""
        if not self.config.is_file():
            return
        there, here = _flat(self.read_config()), _flat(config)
        changed = [
            f"  {key}: {there.get(key, '-')} there, {here.get(key, '-')} now"
            for key in sorted({*there, *here})
            if there.get(key) != here.get(key) and key.split(".")[0] not in _FREE
        ]
        if changed:
            raise SweepError(
                "\n".join([f"{self.path} was made with other settings:", *changed])
                + "\ngive this sweep another `name`, or remove the folder"
            )

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Keep the resolved config with the sweep."""
        write_text(self.config, yaml.safe_dump(dict(config), sort_keys=False))

    def identity(self) -> str:
        """A name that stays when the sweep is resumed and changes when it is started anew."""
        path = self.path / "identity"
        if not path.is_file():
            write_text(path, uuid.uuid4().hex)
        return path.read_text(encoding="utf-8")

    def read_config(self) -> dict[str, Any]:
        """The config that the sweep was made with. Raises SweepError where there is none."""
        try:
            config = yaml.safe_load(self.config.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise SweepError(f"there is no sweep in {self.path}: {error}") from error
        if not isinstance(config, dict):
            raise SweepError(f"{self.config} is damaged: it holds no settings")
        return config

    def read_results(self) -> list[TrialResult]:
        """All finished trials by number. A damaged result is dropped, so its trial runs again."""
        results = []
        for path in sorted((self.path / "trials").glob("*/result.json")):
            try:
                results.append(TrialResult.from_json(read_json(path)))
            except (ValueError, TypeError, KeyError) as error:
                _log.warning("%s is damaged (%s); its trial is run again", path, error)
        return results

    def write_result(self, result: TrialResult) -> None:
        """Put a trial on record."""
        write_json(self.trial(result.number) / "result.json", asdict(result))

    def drop_weights(self, number: int) -> None:
        """Remove the weights of a trial; its plan and result stay."""
        (self.trial(number) / "model.safetensors").unlink(missing_ok=True)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Every setting by its dotted name, as text."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = str(value)
    return found
