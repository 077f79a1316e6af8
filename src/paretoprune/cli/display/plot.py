"""A front in the terminal, drawn with letters."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.text import Text

from paretoprune.metrics import LOGARITHMIC, label, scaled
from paretoprune.number_format import short_count
from paretoprune.report.pictures.picture import Picture, Points, in_view, points

_HEIGHT = 13
_MARGIN = 8  # columns for the figures of the vertical axis

# From the bottom layer to the top one: letter, meaning, style.
_LAYERS = (
    (".", "trials", "dim"),
    ("g", "global", "green"),
    ("u", "uniform", "yellow"),
    ("O", "front", "bold blue"),
    ("*", "dense model", "bold"),
)


def front_plot(picture: Picture, *, width: int) -> Text:
    """The first two objectives of a sweep as `width` columns and a few lines of text."""
    panel = picture.panels()[0]
    series = _series(picture, panel)
    across = _range([x for drawn in series for x in drawn.x], panel[0])
    up = in_view(picture, panel[1]) or _range([y for drawn in series for y in drawn.y], panel[1])
    columns = width - _MARGIN - 1
    canvas: list[list[tuple[str, str]]] = [[(" ", "")] * columns for _ in range(_HEIGHT)]
    for drawn, (letter, _, style) in zip(series, _LAYERS, strict=True):
        for x, y in zip(drawn.x, drawn.y, strict=True):
            row, column = _place(y, up, _HEIGHT, panel[1]), _place(x, across, columns, panel[0])
            if row is not None and column is not None:
                canvas[_HEIGHT - 1 - row][column] = (letter, style)
    return _assemble(canvas, series, panel, across, up)


def _series(picture: Picture, panel: tuple[str, str]) -> list[Points]:
    """Return the points that each layer draws, in the layers' order."""
    groups = [picture.trials, picture.of_origin("global"), picture.of_origin("uniform")]
    drawn = [points([trial.metrics for trial in some], panel) for some in [*groups, picture.front]]
    return [*drawn, points([picture.dense], panel)]


def _range(values: Sequence[float], name: str) -> tuple[float, float]:
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    if low < high:
        return low, high
    return (low / 2, high * 2) if name in LOGARITHMIC and low > 0 else (low - 1, high + 1)


def _place(value: float, ends: tuple[float, float], cells: int, name: str) -> int | None:
    """The cell of a value; None outside of the ends."""
    low, high = (scaled(name, end) for end in ends)
    share = (scaled(name, value) - low) / (high - low)
    return round(share * (cells - 1)) if 0 <= share <= 1 else None


def _assemble(
    canvas: Sequence[Sequence[tuple[str, str]]],
    series: Sequence[Points],
    panel: tuple[str, str],
    across: tuple[float, float],
    up: tuple[float, float],
) -> Text:
    text = Text(f"{label(panel[1])}\n")
    for index, row in enumerate(canvas):
        share = 1 - index / (_HEIGHT - 1)
        figure = _figure(panel[1], share, up) if index % 4 == 0 else ""
        text.append(f"{figure:>{_MARGIN - 1}} |")
        for letter, style in row:
            text.append(letter, style=style)
        text.append("\n")
    columns = len(canvas[0])
    text.append(" " * _MARGIN + "+" + "-" * columns + "\n")
    figures = [_figure(panel[0], share, across) for share in (0, 0.5, 1)]
    left, right = columns // 2, columns - columns // 2
    middle = f"{figures[0]:<{left}}{figures[1]:<{right - len(figures[2])}}{figures[2]}"
    text.append(" " * (_MARGIN + 1) + middle + f"\n{label(panel[0]):>{columns + _MARGIN + 1}}\n")
    for drawn, (letter, name, style) in zip(series, _LAYERS, strict=True):
        if drawn.x:
            text.append(f"  {letter}", style=style)
            text.append(f" {name}")
    return text


def _figure(name: str, share: float, ends: tuple[float, float]) -> str:
    """The value at a share of an axis, in few letters."""
    low, high = (scaled(name, end) for end in ends)
    value = low + share * (high - low)
    value = math.exp(value) if name in LOGARITHMIC and ends[0] > 0 else value
    return short_count(value) if name in LOGARITHMIC else f"{value:.4g}"
