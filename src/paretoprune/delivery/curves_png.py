"""Curves of many groups in one picture: their scores, and what removing their channels does."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_DPI = 100
_MOST_NAMED = 12  # lines in a legend; more would cover the curves


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
        axes = figure.add_subplot(1, len(panels), index + 1)
        for name, (x, y) in panel.lines.items():
            axes.plot(x, y, lw=1.4, marker="o", ms=3, label=name)
        axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        axes.grid(alpha=0.3)
        if len(panel.lines) <= _MOST_NAMED:
            axes.legend(frameon=False, fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    return content.getvalue()
