"""Curves of many groups in one picture: their scores, and the damage of removing their channels."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_DPI = 100
_MOST_NAMED = 10  # lines in a legend; more would cover the curves, and repeat colours
_WIDE = 30  # times the least value is the most: then their axis is logarithmic


@dataclass(frozen=True)
class Panel:
    """One set of axes; each line is its x and y values by the name of its group."""

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]]


def curves_png(panels: Sequence[Panel]) -> bytes:
    """The panels side by side, as a PNG."""
    figure = Figure(figsize=(6.5 * len(panels), 5), layout="constrained")
    FigureCanvasAgg(figure)
    for index, panel in enumerate(panels):
        _draw(figure.add_subplot(1, len(panels), index + 1), panel)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()


def _draw(axes: Axes, panel: Panel) -> None:
    """All lines; where they are many, those that reach highest have colours and names."""
    named = sorted(panel.lines, key=lambda name: -max(panel.lines[name][1]))[:_MOST_NAMED]
    for name, (x, y) in panel.lines.items():
        if name not in named:
            axes.plot(x, y, lw=0.8, color="0.75")
    for name, (x, y) in panel.lines.items():
        if name in named:
            axes.plot(x, y, lw=1.4, marker="o", ms=3, label=name)
    few = len(named) == len(panel.lines)
    title = panel.title if few else f"{panel.title} (of {len(panel.lines)}, the highest named)"
    axes.set(title=title, xlabel=panel.x_label, ylabel=panel.y_label)
    values = [value for _, y in panel.lines.values() for value in y]
    if min(values) > 0 and max(values) > _WIDE * min(values):
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
