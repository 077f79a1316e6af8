"""Which widths of a layer are timed: a coarse grid by halving, then finer where stairs show.

All layers are surveyed together, round by round, so that their points are timed in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence

import numpy as np

from paretoprune.measure.latency.layers import Layer, LayerShape, Place
from paretoprune.measure.latency.surface import Curve, Surface, without_noise

Point = tuple[LayerShape, int, int]  # a layer with these widths in and out
TimePoints = Callable[[Sequence[Point]], Sequence[float]]  # milliseconds of each
Asking = Generator[list[int], Sequence[float], Curve]  # widths to be timed; their times come back
Surveying = Generator[list[Point], Sequence[float], Surface]

_HALVINGS = 5  # of the dense width; below, the least width follows
_STRAIGHT = 0.03  # where a probe lies nearer to the line than this, nothing is looked at closer
_MOST_WIDTHS = 40  # of one curve


def survey(
    layers: Iterable[Layer], prunable: Collection[Place], step: int, time_points: TimePoints
) -> dict[LayerShape, Surface]:
    """The surface of every shape among the layers; widths that no group can change stay dense.

    Widths are looked at in multiples of `step`, to which groups are rounded.
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
    """The coarse widths, rising to the dense one: halved a few times, and the least."""
    powers = range(1, _HALVINGS + 1)
    smaller = {max(step, round(width / 2**power / step) * step) for power in powers}
    return tuple(sorted(w for w in {*smaller, step, width} if w <= width))


def _step_out(shape: LayerShape, step: int) -> int:
    """A grouped convolution loses whole groups of outputs."""
    return max(step, shape.width_out // shape.groups) if shape.grouped else step


def _survey_one(
    shape: LayerShape, widths_in: tuple[int, ...], widths_out: tuple[int, ...], step: int
) -> Surveying:
    """Ask for the grid, then for the stairs along its dense edges."""

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
    """Probe between neighbours, and on both sides of a probe that lies off the straight line."""
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
    """A width near the middle, an odd number of steps: even ones may all be edges of stairs."""
    steps = (low + high) // 2 // step
    odd = steps if steps % 2 else steps + 1
    return odd * step if low < odd * step < high else (low // step + 1) * step


def _as_points(
    asking: Asking, point: Callable[[int], Point]
) -> Generator[list[Point], Sequence[float], Curve]:
    """Widths asked for, as points."""
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
    """Serve the questions of all surveys together until each has its surface."""
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
