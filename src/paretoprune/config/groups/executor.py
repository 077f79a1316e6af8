"""`executor=...`: where trials run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.target import Target
from paretoprune.config.targets.signatures import has_trait
from paretoprune.config.values import Positive, Seconds, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class ExecutorSettings:
    """The executor, with its own options, and the limits of each trial."""

    # Its options stand beside `executor._target_`.
    target: Target = Target(path="paretoprune.executors.inline.inline")
    workers: Positive = 1  # number of trials that run at once
    time_limit: Seconds | None = None  # of a trial; one that takes longer fails
    retries: Annotated[int, Field(ge=0)] = 2  # of a trial whose process died

    @property
    def runs_in_process(self) -> bool:
        """True if trials run in the sweep's own process, one after another."""
        return has_trait(self.target, "runs_in_process")

    @model_validator(mode="after")
    def _workers_are_processes(self) -> ExecutorSettings:
        if self.workers > 1 and self.runs_in_process:
            raise ValueError(
                f"`executor.workers={self.workers}` needs other processes; "
                "choose `executor=processes`, `executor=ray` or `executor=slurm`"
            )
        return self
