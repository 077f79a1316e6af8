"""Every origin of trials has a mark of its own, in the picture and on the page, in light and dark,
also for readers who do not tell all colours apart."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from paretoprune.report.pictures.front_png import ORIGIN_COLOURS, origin_styles
from paretoprune.report.report import write_report
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.results import GroupInfo
from tests.kits.browser import open_browser, watch
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

CSS = (Path(__file__).resolve().parents[2] / "src/paretoprune/report/page/page.css").read_text()
LIGHT, DARK = CSS.split("@media (prefers-color-scheme: dark)")
ORIGINS = ("auto", "chain", "int8", "refill", "sampler", "untrained", "weights")
# Machado, Oliveira, Fernandes, "A physiologically-based model for simulation of color vision
# deficiency" (2009), at full severity, on linear sRGB.
VISION = {
    "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css.partition("}")[0]))


def linear(colour: str) -> np.ndarray:
    """Linear sRGB of a colour."""
    part = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(colour: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB."""
    xyz = TO_XYZ @ np.clip(colour, 0, 1) / np.array([0.95047, 1.0, 1.08883])
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("css", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_of_origins_differ_visibly(css: str, vision: str) -> None:
    found = colours(css)
    seen = [
        lab(np.array(VISION[vision]) @ linear(found[f"origin-{number}"]))
        for number in range(len(ORIGIN_COLOURS))
    ]
    assert min(np.linalg.norm(one - other) for one, other in combinations(seen, 2)) > 15


def test_colours_of_origins_stand_out_from_the_page_and_are_those_of_the_picture() -> None:
    light, dark = colours(LIGHT), colours(DARK)
    assert tuple(light[f"origin-{number}"] for number in range(5)) == ORIGIN_COLOURS
    assert f"const ORIGIN_COLOURS = {len(ORIGIN_COLOURS)};" in (
        Path(__file__).resolve().parents[2] / "src/paretoprune/report/page/front.js"
    ).read_text(encoding="utf-8")
    for found, least in ((light, 2.0), (dark, 3.0)):
        for number in range(len(ORIGIN_COLOURS)):
            assert contrast(found[f"origin-{number}"], found["paper"]) > least


def test_no_two_origins_are_drawn_alike() -> None:
    styles = origin_styles([f"origin {number:02}" for number in range(20)])
    assert len(set(styles.values())) == 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_draws_no_two_origins_alike(tmp_path: Path, scheme: str) -> None:
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    found = [dense, *(replace(one, number=one.number + 1) for one in sweep(30, collapse=0.0))]
    found += [trial(31 + k, 60.0, 30_000_000 + k, origin=name) for k, name in enumerate(ORIGINS)]
    facts = SweepFacts(
        name="digits",
        objectives=OBJECTIVES,
        results=found,
        front=front_of(found, OBJECTIVES),
        groups=(GroupInfo("layer1", 16), GroupInfo("layer2", 32)),
        settings={},
        pick="paretoprune pick digits",
    )
    write_report(tmp_path, facts)
    with open_browser() as browser, browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        errors = watch(page)
        page.goto((tmp_path / "report.html").as_uri())
        marks = page.eval_on_selector_all(
            ".legend button",
            "buttons => buttons.map(one => { const mark = one.querySelector('.point path');"
            " const style = getComputedStyle(mark);"
            " return [one.innerText, style.fill, style.stroke, mark.getAttribute('d')]; })",
        )
        assert errors == []
    names = [name for name, *_ in marks]
    assert [f"trials: {name}" for name in ORIGINS] == names[: len(ORIGINS)]
    assert len({tuple(mark) for _, *mark in marks}) == len(marks)
