"""`executor=slurm`: trials on workers that are Slurm jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from paretoprune.config.parsing import parse_seconds
from paretoprune.config.values import Amount, Seconds
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.packages import needs


@needs("submitit", extra="slurm")
def slurm(
    context: ExecutorContext,
    *,
    gpus_per_worker: Amount = 0.0,
    partition: str | None = None,
    cluster: Literal["slurm", "local"] = "slurm",
    job_time: Seconds = 24 * 3600.0,
    sbatch: Mapping[str, Any] | None = None,
) -> Executor:
    """Submit to a partition of Slurm, or with `cluster=local` to processes of this machine."""
    from paretoprune.executors.slurm_jobs import SlurmJobs

    return SlurmJobs(
        context,
        gpus_per_worker=gpus_per_worker,
        partition=partition,
        cluster=cluster,
        job_time_s=float(parse_seconds(job_time)),  # type: ignore[arg-type]
        sbatch=sbatch,
    )
