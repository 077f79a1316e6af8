"""`tracking=...`: logging of sweeps to MLflow, and to loggers of Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from pydantic.dataclasses import dataclass

from paretoprune.config.target import Target
from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class TrackingSettings:
    """MLflow's tracking store, and the loggers that get every trial beside it."""

    enabled: bool = True  # of MLflow
    uri: str | None = None  # default: mlflow.db in the project's root, as plain `mlflow ui` reads
    loggers: Mapping[str, Target] = field(default_factory=dict)  # by names of the user's
