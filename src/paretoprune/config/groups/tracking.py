"""`tracking=...`: logging of sweeps to MLflow."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class TrackingSettings:
    """Location of the MLflow tracking store."""

    enabled: bool = True
    uri: str | None = None  # default: mlflow.db in the project's root, as plain `mlflow ui` reads
