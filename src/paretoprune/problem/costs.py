"""Widths and costs of candidates, computed without building a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from paretoprune.config.groups.sparsity import SparsitySettings
from paretoprune.measure.latency.forecast import Forecast
from paretoprune.problem.search_space import SearchSpace
from paretoprune.problem.widths import Rounding, cap_of, rounding_of
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.results import Cost


@dataclass(frozen=True)
class Costs:
    """Widths and costs of candidates of a search space.

    A candidate is given as ratios (share to remove, in [0, 1)) or widths (channels to keep), both
    by group name. Parameters and MACs are exact; the latency, in milliseconds, is a prediction.
    """

    space: SearchSpace
    sparsity: SparsitySettings
    forecast: Forecast | None = None  # latency table, if the settings need one

    def widths_of(self, ratios: Mapping[str, float]) -> dict[str, int]:
        """Return the channels to keep in each group, rounded according to the settings."""
        return self._rounding(ratios)

    @cached_property
    def _rounding(self) -> Rounding:
        return rounding_of(self.space, self.sparsity)

    def cap_of(self, name: str) -> float:
        """Return the maximum ratio of a group; rounding never exceeds it."""
        return cap_of(self.sparsity.caps, name)

    def cost_of(self, ratios: Mapping[str, float]) -> Cost:
        """Return the exact parameters and MACs of a candidate, and its predicted latency if
        available."""
        return self.cost_at(self.widths_of(ratios))

    def cost_at(self, widths: Mapping[str, int]) -> Cost:
        """Return the cost for given widths; absent groups are complete."""
        size, forecast = self.space.size, self.forecast
        cost = size.cost(widths)
        if forecast is None or not isinstance(size, SizeModel):
            return cost
        return replace(
            cost,
            latency_ms=forecast.latency_ms(size.sizes(widths), size.blocks_gone(widths)),
            latency_error=forecast.check.worst_error,
        )

    def quantity_of(self, ratios: Mapping[str, float], name: str) -> float:
        """Return `params`, `macs`, `bytes` or `latency` of a candidate.

        Bytes are exact to within a few bytes of the file header.
        """
        return self.size_at(self.widths_of(ratios), name)

    def size_at(self, widths: Mapping[str, int], name: str) -> float:
        """Return the same quantities for given widths; absent groups are complete."""
        if name == "bytes":
            return self.space.file.bytes_of(widths)
        quantity = "latency_ms" if name == "latency" else name
        return float(getattr(self.cost_at(widths), quantity))
