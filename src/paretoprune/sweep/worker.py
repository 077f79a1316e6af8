"""Worker processes: the context of a sweep is loaded once, before trials are run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paretoprune.config.redact import redact
from paretoprune.executors.attempt import Evaluate
from paretoprune.results import Job, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder


@dataclass(frozen=True)
class OpenWorker:
    """Opens a worker when called in its process; plain data, picklable for other machines.

    The sweep's folder, the user's own code and data must be there under the same paths.
    """

    config: Mapping[str, Any]
    folder: SweepFolder  # holds the prepared dense model, and receives the files of the trials
    cwd: Path  # where the user's command was given
    threads: int
    trust: tuple[str, ...] = ()  # as given to the driver; the config's own entry does not count

    def __call__(self) -> Evaluate:
        """Load data, dense model and scores; return the function that runs a trial with them."""
        os.chdir(self.cwd)
        if self.trust:
            sys.path.insert(0, str(self.cwd))
        # Here, once the path is set, and only where trials run.
        import torch

        from paretoprune.config.load import load_settings
        from paretoprune.problem.problem import make_problem
        from paretoprune.trial.context_folder import load_context
        from paretoprune.trial.run import run_trial

        torch.set_num_threads(self.threads)
        log_to(self.folder.path / "sweep.log")
        problem = make_problem(load_settings(self.config, trust=self.trust))
        context = load_context(problem, self.folder.dense)
        if context is None:
            raise FileNotFoundError(f"{self.folder.dense} holds no prepared dense model")

        def evaluate(job: Job) -> TrialResult:
            result = run_trial(context, job, folder=self.folder.trial(job.number))
            # Before it is reported: the result outlives a sweep's process that has died.
            self.folder.write_result(result)
            return result

        return evaluate


def log_to(path: Path) -> logging.Handler:
    """Write the package's messages to the file too; a full disk loses only messages."""
    handler = _PatientFileHandler(path, encoding="utf-8")
    handler.setFormatter(_Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("paretoprune").addHandler(handler)
    return handler


class _Discreet(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the line, tracebacks included, without passwords."""
        return redact(super().format(record))


class _PatientFileHandler(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: messages that cannot be written are on the console."""
