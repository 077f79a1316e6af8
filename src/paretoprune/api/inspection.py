"""`paretoprune.inspect`: the groups of a network, and what each could save."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from torch import nn

from paretoprune.measure.macs import macs_per_layer
from paretoprune.models.requirements import refuse_unsupported
from paretoprune.problem.savings import layers_of, savings_of
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.rounding import widths_for
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.tasks.inputs import Example


@dataclass(frozen=True)
class Inspection:
    """The prunable groups of a network and the layers that are kept whole. A table in notebooks."""

    groups: pd.DataFrame  # group, layers, width, least_width, macs_saved, params_saved (shares)
    kept: pd.DataFrame  # group, width, reason
    macs: int  # of the dense model, for one sample
    params: int
    least_macs: int  # with every group at its least width
    least_params: int

    def _repr_html_(self) -> str:
        shown = self.groups.assign(layers=self.groups["layers"].map(", ".join))
        percent = dict.fromkeys(("macs_saved", "params_saved"), "{:.1%}".format)
        tables = [shown.to_html(index=False, formatters=percent)]
        if len(self.kept):
            tables.append(self.kept.to_html(index=False))
        return "".join(tables)


def inspect(
    model: nn.Module, example: Example, *, divisor: int = 4, min_channels: int = 1
) -> Inspection:
    """Find the groups of channels that can be pruned, and prove them on the example.

    Nothing is trained, and the model is not changed.

    Args:
        model: the network.
        example: an input of it with its batch axis, `(n, channels, height, width)`; a tuple with a
            tensor for each argument; or `paretoprune.tasks.inputs.Inputs`, for keywords.
        divisor: channels of every layer are rounded to multiples of it.
        min_channels: no group becomes narrower.

    Raises:
        SettingsError: the model has parts that are not supported.
        PruningError: the model does not run on the example, its graph cannot be read, or nothing
            in it can be pruned.
    """
    refuse_unsupported(model)
    groups = find_groups(model, example)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    size = SizeModel(groups.prunable, shapes, macs_per_layer(model, example))
    most = {group.name: 1.0 for group in groups.prunable}
    least = widths_for(groups.prunable, most, divisor=divisor, min_channels=min_channels)
    dense, smallest = size.cost({}), size.cost(least)
    return Inspection(
        _prunable(groups, size, least),
        pd.DataFrame(
            [(kept.name, kept.width, kept.reason) for kept in groups.kept],
            columns=["group", "width", "reason"],
        ),
        dense.macs,
        dense.params,
        smallest.macs,
        smallest.params,
    )


def _prunable(groups: Groups, size: SizeModel, least: dict[str, int]) -> pd.DataFrame:
    rows = [
        (s.group.name, layers_of(s.group), s.group.width, s.least_width, s.macs, s.params)
        for s in savings_of(groups.prunable, size, least)
    ]
    columns = ["group", "layers", "width", "least_width", "macs_saved", "params_saved"]
    return pd.DataFrame(rows, columns=columns)
