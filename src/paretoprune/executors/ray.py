"""`executor=ray`: trials on Ray, on this machine or on a cluster."""

from __future__ import annotations

import os
from pathlib import Path

from paretoprune.config.values import Amount
from paretoprune.executors.interface import Executor, ExecutorContext
from paretoprune.executors.packages import needs

_TOKEN = Path.home() / ".ray" / "auth_token"  # where Ray puts it


@needs("ray", extra="ray")
def ray(
    context: ExecutorContext,
    *,
    gpus_per_worker: Amount = 0.0,
    address: str | None = None,
) -> Executor:
    """Connect to the cluster at `address` (or `auto`), or start Ray on this machine if None.

    A share of a GPU per worker lets several workers use one. Raises SweepError if there is no
    cluster at the address.
    """
    if address is not None and _TOKEN.is_file():
        # Ray reads it on import. With this file `ray start --head` asks for the token in it.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    from paretoprune.executors.ray_actors import RayActors

    return RayActors(context, gpus_per_worker=gpus_per_worker, address=address)
