"""`executor=...`: where trials run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, Seconds, strict
from paretoprune.config.variants import Of, without_effect


@dataclass(frozen=True, kw_only=True, config=strict)
class ExecutorSettings:
    """Where trials run, and what one may cost."""

    name: Literal["inline", "processes", "ray", "slurm"] = "inline"
    workers: Positive = 1  # trials under way at once
    time_limit: Seconds | None = None  # of a trial; one that takes longer has failed
    retries: Annotated[int, Field(ge=0)] = 2  # of a trial whose process died
    gpus_per_worker: Annotated[float, Field(ge=0), Of("ray", "slurm")] = 0.0
    # Of a cluster, or `auto`; null: this machine.
    address: Annotated[str | None, Of("ray")] = None
    # `local` tries it without Slurm.
    cluster: Annotated[Literal["slurm", "local"], Of("slurm")] = "slurm"
    partition: Annotated[str | None, Of("slurm")] = None

    @model_validator(mode="after")
    def _fits_the_name(self) -> ExecutorSettings:
        mistakes = without_effect(self, "executor")
        if self.name == "inline" and self.workers > 1:
            mistakes.append(
                f"`executor.workers={self.workers}` needs other processes; "
                "choose `executor=processes`, `executor=ray` or `executor=slurm`"
            )
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self
