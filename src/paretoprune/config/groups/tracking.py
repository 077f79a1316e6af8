"""`tracking=...`: the view in MLflow."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from paretoprune.config.values import strict


@dataclass(frozen=True, kw_only=True, config=strict)
class TrackingSettings:
    """Where MLflow keeps its view of the sweep."""

    enabled: bool = True
    uri: str | None = None  # default: mlflow.db in the project's root, as plain `mlflow ui` reads
