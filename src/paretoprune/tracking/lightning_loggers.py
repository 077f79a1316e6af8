"""Loggers of Lightning as trackers: a logger for each trial, with its curve and its figures."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.config.instantiate import build
from paretoprune.config.redact import redact
from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import argument_names
from paretoprune.errors import SettingsError
from paretoprune.results import TrialResult
from paretoprune.results.trials import ModelKey
from paretoprune.tracking.record import TrialRecord, trial_record
from paretoprune.tracking.tracker import Status

_log = logging.getLogger(__name__)

_LIBRARIES = {  # that Lightning's loggers need
    "TensorBoardLogger": "tensorboard",
    "WandbLogger": "wandb",
    "CometLogger": "comet_ml",
    "LitLogger": "litlogger",
}
_ENDS = ("finish", "end")  # methods of experiments that stay open after `finalize`


class LoggerTracker:
    """Logs every trial once, to a logger of its own that `target` builds.

    `folder` keeps what was logged, so that a resumed sweep does not log it again, and is where
    loggers of files write unless the target says otherwise.
    """

    def __init__(self, name: str, target: Target, *, sweep_name: str, folder: Path) -> None:
        self._name, self._target, self._sweep_name = name, target, sweep_name
        self._folder = folder / name
        self._list = folder / f"{name}.txt"  # of the trials that were logged
        self._logged = set(_lines(self._list))
        self._failed = False

    def log_trial(self, result: TrialResult, *, artifacts: Sequence[Path] = ()) -> None:
        """Log a trial's parameters, curve and figures."""
        if str(result.key) in self._logged:
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the libraries, not actionable for users
                self._write(trial_record(result, commit=None, artifacts=artifacts))
            self._remember(result.key)
        except Exception as error:  # of a library: an outage must not cost a trial
            if not self._failed:
                _log.warning(
                    "the logger `%s` failed (%s); the sweep continues, and the same command logs "
                    "what is missing",
                    self._name,
                    redact(str(error)),
                )
            self._failed = True

    def mark_front(self, keys: Collection[ModelKey]) -> None:
        """Do nothing: a trial's log is complete once it is written."""

    def log_summary(
        self, *, note: str, files: Sequence[Path] = (), figures: Mapping[str, float] | None = None
    ) -> None:
        """Do nothing: these loggers know runs alone."""

    def close(self, status: Status) -> bool:
        """Return True if every trial was logged."""
        return not self._failed

    def _write(self, record: TrialRecord) -> None:
        logger = build(self._target, **self._provided(record))
        try:
            logger.log_hyperparams({**record.params, **record.tags})
            for step, values in _by_step(record).items():
                logger.log_metrics(values, step=step)
            logger.save()
        finally:
            logger.finalize("success" if record.status == "FINISHED" else "failed")
            _end(logger)

    def _provided(self, record: TrialRecord) -> dict[str, object]:
        """Return what loggers take by these names; those with a `project` number no versions."""
        place = {"save_dir": self._folder, "root_dir": self._folder}
        if "project" in argument_names(self._target):
            return {**place, "project": self._sweep_name, "name": record.run_name}
        return {**place, "name": "", "version": f"trial {record.key}".replace(" ", "-")}

    def _remember(self, key: ModelKey) -> None:
        self._logged.add(str(key))
        self._list.parent.mkdir(parents=True, exist_ok=True)
        with self._list.open("a") as file:
            file.write(f"{key}\n")


def check_loggers(settings: TrackingSettings) -> None:
    """Raises SettingsError if a library is missing that a logger needs, or if it logs nothing."""
    mistakes = []
    for name, target in settings.loggers.items():
        kind = target.path.rpartition(".")[2]
        library = _LIBRARIES.get(kind)
        if kind == "CometLogger" and target.arguments.get("online") is False:
            mistakes.append(
                f"`tracking.loggers.{name}.online=false`: CometLogger of Lightning then logs "
                "nothing, not even to a file; leave it out, or choose another logger"
            )
        if library and importlib.util.find_spec(library) is None:
            mistakes.append(
                f"`tracking.loggers.{name}` needs a package that is not installed ({library}): "
                f"pip install {library.replace('_', '-')}"
            )
    if mistakes:
        raise SettingsError(mistakes)


def _by_step(record: TrialRecord) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for point in record.points:
        found[point.step][point.name] = point.value
    return dict(sorted(found.items()))


def _end(logger: Any) -> None:
    experiment = getattr(logger, "experiment", None)
    for name in _ENDS:
        end = getattr(experiment, name, None)
        if callable(end):
            end()
            return


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.is_file() else []
