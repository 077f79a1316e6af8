"""`python -m src.train`: a sweep with `+sweep=NAME`, else one prune-then-fine-tune run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paretoprune.cli.compose import run_hydra
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings


def main() -> None:
    """Entry point of the command."""
    run_hydra(load_settings, _run)


def _run(settings: Settings, config: Mapping[str, Any]) -> None:
    # The large libraries are imported once the settings are known to be right.
    from paretoprune.cli.launch import launch

    launch(settings, config)
