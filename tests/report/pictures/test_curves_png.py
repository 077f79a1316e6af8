"""The curves of groups: all are drawn, those that reach highest are named."""

from __future__ import annotations

from matplotlib.figure import Figure

from paretoprune.report.pictures.curves_png import Panel, _draw, curves_png


def panel(count: int, *, least: float = 0.0) -> Panel:
    lines = {f"group{k}": ([0.0, 1.0], [least, 1.0 + k]) for k in range(count)}
    return Panel("Scores", "share", "score", lines)


def names(panel: Panel) -> set[str]:
    axes = Figure().add_subplot()
    _draw(axes, panel)
    assert len(axes.lines) == len(panel.lines)
    return {text.get_text() for text in axes.get_legend().get_texts()}


def test_few_groups_are_all_named_and_of_many_the_highest() -> None:
    assert names(panel(3)) == {"group0", "group1", "group2"}
    assert names(panel(30)) == {f"group{k}" for k in range(20, 30)}


def test_values_far_apart_get_a_logarithmic_axis() -> None:
    axes = [Figure().add_subplot() for _ in range(3)]
    for one, least in zip(axes, (0.0, 0.01, 0.5), strict=True):
        _draw(one, panel(3, least=least))
    assert [one.get_yscale() for one in axes] == ["linear", "log", "linear"]


def test_the_picture_is_a_png() -> None:
    assert curves_png([panel(2), panel(20)]).startswith(b"\x89PNG")
