"""The groups of a network as a table: possible savings, and layers that are kept, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from paretoprune.number_format import short_count
from paretoprune.problem.savings import Saving, layers_of, savings_of
from paretoprune.problem.search_space import AnySize
from paretoprune.pruning.groups import Groups
from paretoprune.results import Cost
from paretoprune.results.groups import KeptGroup

_MAX_LAYERS = 3  # that a row names


def print_groups(
    console: Console,
    groups: Groups,
    size: AnySize,
    least: Mapping[str, int],
    *,
    rounding: str,
) -> None:
    """Print the groups that can be pruned, those kept whole, and the smallest possible model.

    `least` has the least width of each group; `rounding` says in words what sets it.
    """
    console.print(_prunable_table(savings_of(groups.prunable, size, least)))
    if groups.kept:
        console.print(_kept_table(groups.kept))
    dense, smallest = size.cost({}), size.cost(least)
    for line in (
        f"{len(groups.prunable)} groups can be pruned, {len(groups.kept)} are kept whole",
        f"smallest reachable: {_beside(dense, smallest)}",
        f"the least widths come from {rounding}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _prunable_table(savings: Iterable[Saving]) -> Table:
    table = Table(
        title="Prunable groups",
        caption="saved: of the dense model's, with this group alone at its least width",
    )
    for heading in ("group", "layers"):
        table.add_column(heading, overflow="fold")
    for heading in ("width", "least", "MACs saved", "parameters saved"):
        table.add_column(heading, justify="right")
    for saving in savings:
        group = saving.group
        table.add_row(
            group.name,
            shortened(layers_of(group)),
            str(group.width),
            str(saving.least_width),
            f"{saving.macs:.1%}",
            f"{saving.params:.1%}",
        )
    return table


def _kept_table(kept: Iterable[KeptGroup]) -> Table:
    table = Table(title="Groups that are kept whole")
    table.add_column("group", overflow="fold")
    table.add_column("width", justify="right")
    table.add_column("why", overflow="fold")
    for group in kept:
        table.add_row(group.name, str(group.width), group.reason)
    return table


def shortened(layers: Sequence[str]) -> str:
    """The first few paths, and how many more there are."""
    more = len(layers) - _MAX_LAYERS
    return ", ".join(layers[:_MAX_LAYERS]) + (f" and {more} more" if more > 0 else "")


def _beside(dense: Cost, smallest: Cost) -> str:
    """Both quantities, from dense to smallest, with the share that stays."""
    pairs = (
        ("MACs", dense.macs, smallest.macs),
        ("parameters", dense.params, smallest.params),
    )
    return ", ".join(
        f"{short_count(least)} of {short_count(most)} {name} ({least / most:.1%})"
        for name, most, least in pairs
    )
