"""front.html: the same picture to explore, in one file that works without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from paretoprune.delivery.front_png import BASELINE_STYLES, DENSE, FRONT, ORIGIN_COLOURS
from paretoprune.delivery.picture import BASELINES, Picture, baseline, front_line, in_view, points
from paretoprune.delivery.quantities import LOGARITHMIC, label, written
from paretoprune.results import Metrics, TrialResult

_LINE = ", line"
_MOST_RATIOS = 24  # in one hover; more would not fit a screen


def front_html(picture: Picture) -> str:
    """The picture as a page of its own, with everything it needs inside."""
    page: str = draw(picture).to_html(include_plotlyjs=True, full_html=True, div_id="front")
    return page


def draw(picture: Picture) -> Any:
    """The figure: one panel for each pair of objectives."""
    panels = picture.panels()
    figure = make_subplots(rows=1, cols=len(panels), horizontal_spacing=0.08)
    for column, panel in enumerate(panels, start=1):
        for trace in _traces(picture, panel):
            group = trace.name.removesuffix(_LINE)  # a line comes and goes with its points
            shown = column == 1 and group == trace.name
            trace.update(showlegend=shown, legendgroup=group)
            figure.add_trace(trace, row=1, col=column)
        _dress(figure, picture, panel, column)
    figure.update_layout(title=picture.title, template="plotly_white", hoverlabel={"align": "left"})
    return figure


def _traces(picture: Picture, panel: tuple[str, str]) -> list[Any]:
    traces = [
        _markers(f"trials: {origin}", picture.of_origin(origin), panel, colour, size=8)
        for origin, colour in zip(picture.origins(), ORIGIN_COLOURS * 9, strict=False)
    ]
    for name in BASELINES:
        drawn, colour = baseline(picture, name, panel), BASELINE_STYLES[name][0]
        if drawn.x:
            dashes = {"color": colour, "dash": "dash", "width": 1.5}
            traces.append(_line(name + _LINE, drawn.x, drawn.y, dashes))
            traces.append(_markers(name, picture.of_origin(name), panel, colour, size=10))
    if len(picture.objectives) == 2:
        drawn = front_line(picture, panel)
        shape = "hv" if picture.objectives[panel[0]] == "minimize" else "vh"
        steps = {"color": FRONT, "shape": shape, "width": 2.5}
        traces.append(_line("front" + _LINE, drawn.x, drawn.y, steps))
    traces.append(_markers("front", picture.front, panel, FRONT, size=11))
    dense = points([picture.dense], panel)
    star = {"symbol": "star", "size": 16, "color": DENSE}
    traces.append(
        go.Scatter(
            x=dense.x,
            y=dense.y,
            name="dense model",
            mode="markers",
            marker=star,
            text=["<b>dense model</b><br>" + _metrics(picture.dense)] * len(dense.x),
            hoverinfo="text",
        )
    )
    return traces


def _markers(
    name: str, trials: Sequence[TrialResult], panel: tuple[str, str], colour: str, *, size: int
) -> Any:
    drawn = points([trial.metrics for trial in trials], panel)
    return go.Scatter(
        x=drawn.x,
        y=drawn.y,
        name=name,
        mode="markers",
        marker={"color": colour, "size": size},
        text=[_hover(trial) for trial in trials],
        hoverinfo="text",
    )


def _line(name: str, x: list[float], y: list[float], style: dict[str, Any]) -> Any:
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=style, hoverinfo="skip")


def _hover(trial: TrialResult) -> str:
    ratios = [f"{group}: {ratio:.3g}" for group, ratio in trial.ratios.items()]
    if len(ratios) > _MOST_RATIOS:
        ratios = [*ratios[:_MOST_RATIOS], f"and {len(ratios) - _MOST_RATIOS} more"]
    head = f"<b>trial {trial.number}</b>, {trial.origin}, {trial.state}"
    return "<br>".join([head, _metrics(trial.metrics), "<b>ratios</b>", *ratios])


def _metrics(metrics: Metrics) -> str:
    return "<br>".join(
        f"{name}: {written(name, value)}" for name, value in metrics.measured().items()
    )


def _dress(figure: Any, picture: Picture, panel: tuple[str, str], column: int) -> None:
    for update, name in ((figure.update_xaxes, panel[0]), (figure.update_yaxes, panel[1])):
        kind = {"type": "log", "tickformat": "~s"} if name in LOGARITHMIC else {}
        update(title_text=label(name), row=1, col=column, **kind)
    view = in_view(picture, panel[1])
    if view:
        figure.update_yaxes(range=list(view), row=1, col=column)
