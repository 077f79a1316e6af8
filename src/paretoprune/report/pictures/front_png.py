"""front.png: the front against the baselines and the dense model, for a page or a report."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from paretoprune.metrics import LOGARITHMIC, label
from paretoprune.number_format import short_count
from paretoprune.report.pictures.picture import (
    BASELINES,
    Picture,
    baseline,
    front_line,
    in_view,
    points,
)

FRONT = "#1f5fa8"
DENSE = "#222222"
BASELINE_STYLES = {"uniform": ("#d9822b", "s"), "global": ("#3a8f5c", "^")}
# The k-th origin has the k-th colour and the k-th mark, each counted in a circle: the page does the
# same (page.css, front.js). The marks differ where colours look alike.
ORIGIN_COLOURS = ("#8ba9cc", "#b736e2", "#879b4b", "#e29c9c", "#73c91d")
_ORIGIN_MARKS = ("o", "v", "P", "X")
_DPI = 100  # 800 points wide: MLflow shows the picture in a note as wide as it is
_MOST_NUMBERED = 15  # with more members of the front their numbers would cover each other


def front_png(picture: Picture) -> bytes:
    """The picture as a PNG."""
    content = io.BytesIO()
    draw(picture).savefig(content, format="png", dpi=_DPI)
    return content.getvalue()


def draw(picture: Picture) -> Figure:
    """The figure, without pyplot's global state."""
    panels = picture.panels()
    figure = Figure(figsize=(2.2 + 5.8 * len(panels), 5.2), layout="constrained")
    FigureCanvasAgg(figure)
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1)
        _draw_panel(axes, picture, panel)
        if index == 0:
            axes.legend(frameon=False, fontsize=9, loc="best")
    figure.suptitle(picture.title, fontsize=13)
    return figure


def origin_styles(origins: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the colour and the mark of each origin."""
    styles = zip(cycle(ORIGIN_COLOURS), cycle(_ORIGIN_MARKS), strict=False)
    return dict(zip(origins, styles, strict=False))


def _draw_panel(axes: Axes, picture: Picture, panel: tuple[str, str]) -> None:
    for origin, (colour, mark) in origin_styles(picture.origins()).items():
        drawn = points([trial.metrics for trial in picture.of_origin(origin)], panel)
        axes.scatter(
            *(drawn.x, drawn.y),
            s=26,
            color=colour,
            marker=mark,
            label=f"trials: {origin}",
            zorder=2,
        )
    for name in BASELINES:
        drawn = baseline(picture, name, panel)
        colour, marker = BASELINE_STYLES[name]
        if drawn.x:
            axes.plot(
                drawn.x, drawn.y, color=colour, marker=marker, ms=6, lw=1.4, ls="--", label=name
            )
    _draw_front(axes, picture, panel)
    dense = points([picture.dense], panel)
    axes.scatter(dense.x, dense.y, s=190, marker="*", color=DENSE, label="dense model", zorder=6)
    _dress(axes, picture, panel)


def _draw_front(axes: Axes, picture: Picture, panel: tuple[str, str]) -> None:
    drawn = front_line(picture, panel)
    if len(picture.objectives) == 2:
        # At each size the front reaches the value of its best smaller member, hence steps.
        steps = "steps-post" if picture.objectives[panel[0]] == "minimize" else "steps-pre"
        axes.plot(drawn.x, drawn.y, color=FRONT, lw=2, drawstyle=steps, zorder=4)
    axes.plot(drawn.x, drawn.y, color=FRONT, ls="", marker="o", ms=7, label="front", zorder=5)
    quantized = points([m.metrics for m in picture.front if m.quantization], panel)
    if quantized.x:
        axes.plot(
            quantized.x,
            quantized.y,
            color="white",
            ls="",
            marker="D",
            ms=3.5,
            mec=FRONT,
            label="front, quantized",
            zorder=6,
        )
    if len(picture.front) <= _MOST_NUMBERED:
        for member in picture.front:
            place = points([member.metrics], panel)
            axes.annotate(
                str(member.key),
                (place.x[0], place.y[0]),
                xytext=(-5, 6),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                color=FRONT,
                annotation_clip=True,
            )


def _dress(axes: Axes, picture: Picture, panel: tuple[str, str]) -> None:
    axes.set_xlabel(label(panel[0]))
    axes.set_ylabel(label(panel[1]))
    axes.grid(color="#e6e6e6", lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if panel[0] in LOGARITHMIC:
        _logarithmic(axes, "x")
    if panel[1] in LOGARITHMIC:
        _logarithmic(axes, "y")
    view = in_view(picture, panel[1])
    if view:
        axes.set_ylim(*view)
        _draw_outside(axes, picture, panel, view)


def _draw_outside(
    axes: Axes, picture: Picture, panel: tuple[str, str], view: tuple[float, float]
) -> None:
    """Small marks on the edge for trials out of view, which are not missing."""
    drawn = points([trial.metrics for trial in picture.trials], panel)
    low, high = view
    below = [x for x, y in zip(drawn.x, drawn.y, strict=True) if y < low]
    above = [x for x, y in zip(drawn.x, drawn.y, strict=True) if y > high]
    for places, edge, marker in ((below, low, "v"), (above, high, "^")):
        if places:
            axes.plot(
                places,
                [edge] * len(places),
                ls="",
                marker=marker,
                ms=6,
                color="#888888",
                clip_on=False,
                label=f"out of view: {len(places)}",
                zorder=7,
            )


def _logarithmic(axes: Axes, which: str) -> None:
    if math.isinf(axes.dataLim.minposx if which == "x" else axes.dataLim.minposy):
        return  # nothing positive is drawn, as when every trial failed
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis.set_major_locator(FixedLocator(round_ticks(low, high)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))


def round_ticks(low: float, high: float) -> list[float]:
    """Round numbers between the two, about four to nine, for a logarithmic axis."""
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [step * 10.0**power for power in powers for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 4:
            return inside
    return inside if len(inside) >= 2 else [low, math.sqrt(low * high), high]
