"""`report NAME send=true`: sends MLflow the runs and files of a sweep that it does not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.errors import SettingsError, SweepError
from paretoprune.report.summary_data import facts_of
from paretoprune.report.watchers.mlflow_watcher import MlflowWatcher
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.storage.sweep_settings import flat

# The tags of a sweep's own run, and the settings that they are taken from.
_TAGS = {
    "model": "model._target_",
    "data": "data._target_",
    "scorer": "scorer._target_",
    "schedule": "schedule._target_",
    "granularity": "granularity._target_",
    "seed": "seed",
}


def send(folder: SweepFolder, *, uri: str | None) -> None:
    """Send the missing trials and files of a sweep to MLflow; `uri` is for one that is kept
    without its password.

    Raises SweepError where another process works on the sweep or MLflow does not take everything,
    SettingsError if no setting says where MLflow is.
    """
    config = folder.read_config()
    settings = TrackingSettings(uri=uri or _kept_uri(config))
    with folder.locked():
        results = folder.read_results()
        facts = facts_of(folder, results)
        groups = [group.name for group in facts.groups]
        with MlflowWatcher(
            settings, folder, facts.objectives, sweep_tags(config), groups
        ) as tracked:
            tracked.begun(results)
    if not tracked.is_complete:
        raise SweepError("MLflow did not take everything; the same command sends what is missing")


def sweep_tags(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags that identify a sweep in MLflow beside its name, as its config has them."""
    settings = flat(config)
    return {tag: settings[name] for tag, name in _TAGS.items() if name in settings}


def _kept_uri(config: Mapping[str, Any]) -> str | None:
    """The URI in a sweep's config; None: that of the environment, or the default."""
    kept: str | None = (config.get("tracking") or {}).get("uri")
    if kept is None or "***" not in kept:
        return kept
    if "MLFLOW_TRACKING_URI" in os.environ:
        return None
    raise SettingsError(
        [f"the sweep keeps `tracking.uri={kept}` without its password; add `tracking.uri=...`"]
    )
