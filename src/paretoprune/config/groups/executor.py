"""`executor=...`: where trials run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from paretoprune.config.values import Positive, Seconds, strict


@dataclass(frozen=True, kw_only=True, config=strict)
class ExecutorSettings:
    """Where trials run, and what one may cost."""

    name: Literal["inline", "processes", "ray", "slurm"] = "inline"
    workers: Positive = 1  # trials under way at once
    time_limit: Seconds | None = None  # of a trial; one that takes longer has failed
    retries: Annotated[int, Field(ge=0)] = 2  # of a trial whose process died
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0.0
    address: str | None = None  # ray: of a cluster, or `auto`; null: this machine
    cluster: Literal["slurm", "local"] = "slurm"  # slurm: `local` tries it without Slurm
    partition: str | None = None  # slurm

    @model_validator(mode="after")
    def _fits_the_name(self) -> ExecutorSettings:
        mistakes = []
        if self.name == "inline" and self.workers > 1:
            mistakes.append(
                f"`executor.workers={self.workers}` needs other processes; "
                "choose `executor=processes`, `executor=ray` or `executor=slurm`"
            )
        if self.gpus_per_worker and self.name not in ("ray", "slurm"):
            mistakes.append("`executor.gpus_per_worker` needs `executor=ray` or `executor=slurm`")
        if self.address and self.name != "ray":
            mistakes.append("`executor.address` needs `executor=ray`")
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self
