"""The watchers of a sweep that need no terminal: its pages and MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.metrics import Direction
from paretoprune.report.live import LiveReport
from paretoprune.report.sent import sweep_tags
from paretoprune.report.watchers.mlflow_watcher import MlflowWatcher
from paretoprune.storage.sweep_folder import SweepFolder


@contextmanager
def report_watchers(
    folder: SweepFolder,
    config: Mapping[str, Any],
    tracking: TrackingSettings,
    *,
    objectives: Mapping[str, Direction],
    groups: Sequence[str],
) -> Iterator[tuple[LiveReport, MlflowWatcher]]:
    """The watchers, open; they write and send the rest when the block ends."""
    with (
        MlflowWatcher(tracking, folder, objectives, sweep_tags(config), groups) as tracked,
        LiveReport(folder) as views,
    ):
        yield views, tracked
