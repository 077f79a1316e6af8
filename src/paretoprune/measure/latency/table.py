"""Latency table: the time of every layer at any width, measured on this device."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any

import torch

from paretoprune.measure.latency.adaptive_grid import Point, survey
from paretoprune.measure.latency.calibration import Parts
from paretoprune.measure.latency.clocks import clock_for
from paretoprune.measure.latency.layers import Layer, LayerShape, Place, layer_pass
from paretoprune.measure.latency.surface import Surface
from paretoprune.measure.latency.timing import threads_set, time_in_turn

_AT_ONCE = 24  # points timed interleaved: enough to evict each other from the caches
_WARMUP = 2
_LEAST_ROUNDS, _MOST_ROUNDS = 5, 20
_ENOUGH_MS = 30.0  # per point, within these rounds


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of every layer of a network at any widths."""

    layers: tuple[Layer, ...]
    surfaces: Mapping[LayerShape, Surface]

    @cached_property
    def _rows(self) -> list[tuple[Layer, Callable[[int, int], float], float]]:
        """Cached surface lookups by layer, since a search makes thousands of requests."""
        at = {shape: cache(surface.at) for shape, surface in self.surfaces.items()}
        return [(layer, at[layer.shape], layer.shape.per_output) for layer in self.layers]

    def parts(self, sizes: Mapping[Place, int], gone: Collection[str] = ()) -> Parts:
        """Return the features of a model with tensors of these sizes, without removed modules.

        `sizes` are dense where absent; `gone` has the paths of the removed modules.
        """
        total_ms, elements, num_layers = 0.0, 0.0, 0
        for layer, at, per_output in self._rows:
            if layer.lies_in(gone):
                continue
            width_in, width_out = layer.widths(sizes)
            total_ms += at(width_in, width_out)
            elements += per_output * width_out
            num_layers += 1
        return Parts(total_ms, elements, num_layers)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the surfaces as plain data."""
        return [
            {"shape": asdict(shape), "surface": asdict(surface)}
            for shape, surface in self.surfaces.items()
        ]

    @classmethod
    def from_json(
        cls, layers: tuple[Layer, ...], data: Sequence[Mapping[str, Any]]
    ) -> LatencyTable:
        """Inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: the data are not such a table.
        """
        surfaces = {
            LayerShape.from_json(each["shape"]): Surface.from_json(each["surface"]) for each in data
        }
        missing = [layer for layer in layers if layer.shape not in surfaces]
        if missing:
            raise ValueError(f"it lacks {missing[0].place_out[0]}")
        return cls(layers, surfaces)


def measure_table(
    layers: tuple[Layer, ...],
    prunable: Collection[Place],
    *,
    step: int,
    device: torch.device,
    threads: int,
) -> LatencyTable:
    """Time the layers on this device at the widths that `survey` requests."""

    def time_all(points: Sequence[Point]) -> list[float]:
        return time_points(points, device=device, threads=threads)

    return LatencyTable(layers, survey(layers, prunable, step, time_all))


def time_points(points: Sequence[Point], *, device: torch.device, threads: int) -> list[float]:
    """Return the milliseconds of layers at these widths, timed interleaved in batches."""
    times: list[float] = []
    with threads_set(threads), torch.inference_mode():
        for start in range(0, len(points), _AT_ONCE):
            times += _time_some(points[start : start + _AT_ONCE], device, threads)
    return times


def _time_some(points: Sequence[Point], device: torch.device, threads: int) -> list[float]:
    """Return the minimum time of each point: disturbances only lengthen a pass."""
    passes = [layer_pass(*point, device=device) for point in points]
    clock = clock_for(device, threads)
    slowest_ms = time_in_turn(passes, _WARMUP, clock=clock).ms[-1].max()
    rounds = min(_MOST_ROUNDS, max(_LEAST_ROUNDS, int(_ENOUGH_MS / slowest_ms)))
    times = time_in_turn(passes, rounds, clock=clock)
    return [times.least_ms(index) for index in range(len(points))]
