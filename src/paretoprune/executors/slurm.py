"""`executor=slurm`: trials as Slurm jobs."""

from __future__ import annotations

from typing import Literal

from paretoprune.config.values import Amount
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.packages import needs


@needs("submitit", extra="slurm")
def slurm(
    context: ExecutorContext,
    *,
    gpus_per_worker: Amount = 0.0,
    partition: str | None = None,
    cluster: Literal["slurm", "local"] = "slurm",
) -> Executor:
    """Submit to a partition of Slurm, or with `cluster=local` to processes of this machine."""
    from paretoprune.executors.slurm_jobs import SlurmJobs

    return SlurmJobs(context, gpus_per_worker=gpus_per_worker, partition=partition, cluster=cluster)
