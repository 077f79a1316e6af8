"""Adaptive grid of layer widths: a coarse grid by halving, refined where the time is not linear.

All layers are refined together, round by round, so that their points are timed interleaved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence

import numpy as np

from paretoprune.measure.latency.layers import Layer, LayerShape, Place
from paretoprune.measure.latency.surface import Curve, Surface, without_noise

Point = tuple[LayerShape, int, int]  # a layer with input and output width
TimePoints = Callable[[Sequence[Point]], Sequence[float]]  # milliseconds of each
Asking = Generator[list[int], Sequence[float], Curve]  # yields widths, is sent their times
Surveying = Generator[list[Point], Sequence[float], Surface]

_HALVINGS = 5  # of the dense width; the minimum width is added
_STRAIGHT = 0.03  # relative distance from the line below which intervals are not refined
_MOST_WIDTHS = 40  # per curve


def survey(
    layers: Iterable[Layer], prunable: Collection[Place], step: int, time_points: TimePoints
) -> dict[LayerShape, Surface]:
    """Return the surface of every layer shape; widths that no group can change stay dense.

    Widths are multiples of `step`, to which groups are rounded.
    """
    shrinking = {(layer.shape, 0) for layer in layers if layer.place_in in prunable}
    shrinking |= {(layer.shape, 1) for layer in layers if layer.place_out in prunable}
    shapes = dict.fromkeys(layer.shape for layer in layers)
    surveys = {
        shape: _survey_one(
            shape,
            halved(shape.width_in, step) if (shape, 0) in shrinking else (shape.width_in,),
            halved(shape.width_out, _step_out(shape, step))
            if (shape, 1) in shrinking
            else (shape.width_out,),
            step,
        )
        for shape in shapes
    }
    return _in_lockstep(surveys, time_points)


def halved(width: int, step: int) -> tuple[int, ...]:
    """Return the coarse widths, rising to the dense one: repeated halves, and the minimum."""
    powers = range(1, _HALVINGS + 1)
    smaller = {max(step, round(width / 2**power / step) * step) for power in powers}
    return tuple(sorted(w for w in {*smaller, step, width} if w <= width))


def _step_out(shape: LayerShape, step: int) -> int:
    """Return the step of the output width; a grouped convolution loses whole groups of outputs."""
    return max(step, shape.width_out // shape.groups) if shape.grouped else step


def _survey_one(
    shape: LayerShape, widths_in: tuple[int, ...], widths_out: tuple[int, ...], step: int
) -> Surveying:
    """Request the grid, then refine the curves along its dense edges."""

    def point(width_in: int, width_out: int) -> Point:
        if shape.grouped:
            width_in = width_out * shape.width_in // shape.width_out
        return shape, width_in, width_out

    if shape.grouped:
        widths_in = (shape.width_in,)
    asked = yield [point(i, o) for i in widths_in for o in widths_out]
    grid = without_noise(np.reshape(asked, (len(widths_in), len(widths_out))))
    grid = without_noise(grid.T).T
    refine_in = _refine(Curve(widths_in, tuple(grid[:, -1].tolist())), step)
    along_in = yield from _as_points(refine_in, lambda width: point(width, shape.width_out))
    refine_out = _refine(Curve(widths_out, tuple(grid[-1].tolist())), _step_out(shape, step))
    along_out = yield from _as_points(refine_out, lambda width: point(shape.width_in, width))
    return Surface(widths_in, widths_out, tuple(map(tuple, grid.tolist())), along_in, along_out)


def _refine(curve: Curve, step: int) -> Asking:
    """Probe between neighbours, and on both sides of a probe that is off the straight line."""
    open_pairs = list(zip(curve.widths, curve.widths[1:], strict=False))
    while True:
        open_pairs = [pair for pair in open_pairs if pair[1] - pair[0] > step]
        open_pairs = open_pairs[: max(0, _MOST_WIDTHS - len(curve.widths))]
        if not open_pairs:
            return curve
        probes = [_probe(*pair, step) for pair in open_pairs]
        times_ms = yield probes
        found = dict(zip(probes, times_ms, strict=True))
        missed = {p: abs(found[p] - curve.at(p)) / curve.at(p) for p in probes}
        halves = [
            (missed[p], half)
            for p, (low, high) in zip(probes, open_pairs, strict=True)
            if missed[p] > _STRAIGHT
            for half in ((low, p), (p, high))
        ]
        open_pairs = [half for _, half in sorted(halves, reverse=True)]
        curve = curve.joined(found)


def _probe(low: int, high: int, step: int) -> int:
    """Return a width near the middle at an odd number of steps: even ones may all be step edges."""
    steps = (low + high) // 2 // step
    odd = steps if steps % 2 else steps + 1
    return odd * step if low < odd * step < high else (low // step + 1) * step


def _as_points(
    asking: Asking, point: Callable[[int], Point]
) -> Generator[list[Point], Sequence[float], Curve]:
    """Convert requested widths to points."""
    try:
        widths = next(asking)
        while True:
            times_ms = yield [point(width) for width in widths]
            widths = asking.send(times_ms)
    except StopIteration as end:
        curve: Curve = end.value
        return curve


def _in_lockstep(
    surveys: Mapping[LayerShape, Surveying], time_points: TimePoints
) -> dict[LayerShape, Surface]:
    """Answer the requests of all surveys together until each has its surface."""
    surfaces: dict[LayerShape, Surface] = {}
    asked = {shape: next(one) for shape, one in surveys.items()}
    while asked:
        points = [point for wanted in asked.values() for point in wanted]
        times = iter(time_points(points))
        answers = {shape: [next(times) for _ in wanted] for shape, wanted in asked.items()}
        asked = {}
        for shape, answer in answers.items():
            try:
                asked[shape] = surveys[shape].send(answer)
            except StopIteration as end:
                surfaces[shape] = end.value
    return surfaces
