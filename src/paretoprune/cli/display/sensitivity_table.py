"""Scores and sensitivity of the groups of a trained network, as tables and panels."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from torch import Tensor

from paretoprune.report.pictures.curves_png import Panel
from paretoprune.search.allocation.sensitivity import Sensitivity


def show_scores(console: Console, scores: Mapping[str, Tensor]) -> Panel:
    """Print a row for each group, and give the curves of its channels from the least score up."""
    table = Table(title="Scores of the channels")
    table.add_column("group", overflow="fold")
    for heading in ("least", "a quarter below", "median", "most"):
        table.add_column(heading, justify="right")
    lines = {}
    for name, score in scores.items():
        rising = score.double().sort().values
        marks = rising[[0, len(rising) // 4, len(rising) // 2, -1]].tolist()
        table.add_row(name, *(f"{mark:.3g}" for mark in marks))
        shares = [channel / len(rising) for channel in range(len(rising))]
        lines[name] = (shares, rising.tolist())
    console.print(table)
    return Panel("Scores, sorted", "share of the group's channels", "score", lines)


def show_sensitivity(console: Console, found: Sensitivity) -> Panel:
    """Print what removing a share of one group alone does, and give it as curves."""
    table = Table(
        title="Sensitivity",
        caption="KL divergence from the dense model's answers, nats, nothing trained",
    )
    table.add_column("group", overflow="fold")
    for level in found.levels[1:]:
        table.add_column(f"{level:.0%} removed", justify="right")
    lines = {}
    for name, damage in found.damage.items():
        table.add_row(name, *(f"{one:.3g}" for one in damage[1:]))
        lines[name] = (found.levels, damage)
    console.print(table)
    return Panel("Sensitivity", "share of the group's channels removed", "KL divergence", lines)
