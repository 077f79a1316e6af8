"""`python -m src.inspect`: what can be pruned in a network, and what that could save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paretoprune.cli.compose import run_hydra
from paretoprune.mistakes import load_settings


def main() -> None:
    """Entry point of the command. It takes the settings of `train`, and trains nothing."""
    run_hydra(_run)


def _run(config: Mapping[str, Any]) -> None:
    settings = load_settings(config)
    # The large libraries are imported once the settings are known to be right.
    import torch

    from paretoprune.cli.terminal import make_console
    from paretoprune.cli.what_can_go import print_groups
    from paretoprune.outline import outline

    console = make_console()
    if settings.threads:
        torch.set_num_threads(settings.threads)
    task = outline(settings)
    least = task.widths_of({group.name: 1.0 for group in task.groups.prunable})
    sparsity = settings.sparsity
    rounding = f"sparsity.divisor={sparsity.divisor}, sparsity.min_channels={sparsity.min_channels}"
    print_groups(console, task.groups, task.removable.size, least, rounding=rounding)
