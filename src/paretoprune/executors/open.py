"""The executor that the settings name; its library is imported only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.errors import SettingsError
from paretoprune.executors.attempt import Evaluate
from paretoprune.executors.inline import Inline
from paretoprune.executors.interface import Executor


def open_executor(
    settings: ExecutorSettings,
    *,
    evaluate: Evaluate,
    open_worker: Callable[[], Evaluate],
    threads: int,
    folder: Path,
) -> Executor:
    """An executor; whoever opens it closes it.

    Args:
        settings: which one, and its limits.
        evaluate: runs a trial in this process.
        open_worker: called once in every other process, gives what runs a trial there.
        threads: CPU threads of each worker, for executors that hand out cores.
        folder: where an executor may keep files of its own; all its machines must see it.

    Raises SettingsError if a library that is needed is not installed.
    """
    if settings.name == "inline":
        return Inline(evaluate, time_limit_s=settings.time_limit)
    if settings.name == "processes":
        from paretoprune.executors.processes import Processes

        return Processes(open_worker, workers=settings.workers, time_limit_s=settings.time_limit)
    try:
        if settings.name == "ray":
            from paretoprune.executors.ray_actors import RayActors

            return RayActors(open_worker, settings, threads=threads)
        from paretoprune.executors.slurm_jobs import SlurmJobs

        return SlurmJobs(open_worker, settings, threads=threads, folder=folder)
    except ModuleNotFoundError as error:
        raise SettingsError(
            [
                f"`executor={settings.name}` needs a package that is not installed ({error.name}): "
                f'pip install "paretoprune[{settings.name}]"'
            ]
        ) from error
