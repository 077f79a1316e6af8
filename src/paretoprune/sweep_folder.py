"""A sweep's folder: what lies where, who may write to it, and what is there already."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from paretoprune.errors import SweepError
from paretoprune.files import read_json, write_json, write_text
from paretoprune.results import TrialResult

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

    def check_config(self, resolved: str) -> None:
        """Raises SweepError, with the difference, if the folder was made with other settings."""
        if not self.config.is_file():
            return
        there = self.config.read_text(encoding="utf-8").splitlines()
        here = resolved.splitlines()
        if there != here:
            changed = [f"- {line}" for line in there if line not in here]
            changed += [f"+ {line}" for line in here if line not in there]
            raise SweepError(
                f"{self.path} was made with other settings (- there, + now):\n"
                + "\n".join(changed)
                + "\nGive this sweep another `name`, or remove the folder."
            )

    def write_config(self, resolved: str) -> None:
        """Keep the resolved config with the sweep."""
        write_text(self.config, resolved)

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

    def keep_weights_of(self, numbers: set[int]) -> None:
        """Remove the weights of all other trials: who left the front never comes back."""
        for path in (self.path / "trials").glob("*/model.safetensors"):
            if int(path.parent.name) not in numbers:
                path.unlink()
