"""The report and the comparison as a user sees them: in a real browser, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from paretoprune.numerics import LayerError, NumericalErrors
from paretoprune.report.comparison.page import (
    ComparedGroup,
    ComparedSweep,
    SweepComparison,
    write_comparison,
)
from paretoprune.report.published import Published
from paretoprune.report.report import write_report
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.report.tables import write_tables
from paretoprune.report.watchers.progress import Progress
from paretoprune.results import EpochRecord, GroupInfo, TrialResult
from tests.kits.browser import open_browser, watch
from tests.report.kit import DENSE, OBJECTIVES, front_of, sweep, trial

GROUPS = (GroupInfo("layer1", 16), GroupInfo("layer2", 32))
LAYER = LayerError("<b>conv", 8, 100, own_db=40.0, accumulated_db=20.0, input_db=30.0, crest=9.0)
CURVE = tuple(EpochRecord(epoch, 1 / epoch, 90.0 + epoch, 0.5, 0.1, 1.0) for epoch in range(1, 5))


def results() -> list[TrialResult]:
    """A dense model, a likely sweep without collapse, a failure, and text that wants to be code."""
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    searched = [replace(r, number=r.number + 1, curve=CURVE) for r in sweep(30, collapse=0.0)]
    searched = [replace(r, metrics=replace(r.metrics, dense_latency_ms=8.0)) for r in searched]
    failed = trial(31, None, None, state="failed", reason="</script><img src=x onerror=alert(1)>")
    return [dense, *searched, failed]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep's folder with its tables and pages."""
    folder = tmp_path_factory.mktemp("sweep")
    found = results()
    front = front_of(found, OBJECTIVES)
    facts = SweepFacts(
        name="digits",
        objectives=OBJECTIVES,
        results=found,
        front=front,
        groups=GROUPS,
        settings={"scorer._target_": "paretoprune.pruning.scorers.gradient.taylor.Taylor"},
        pick="python -m src.pick digits",
        scores={"layer1": [1.0, 3.0], "layer2": [2.0, 2.0]},
        sensitivity={"layer1": 0.4, "layer2": 0.1},
        repeats={front[1]: [90.5, 91.5]},
        numerics={f"{front[1]}-int8": NumericalErrors((LAYER, replace(LAYER, accumulated_db=5.0)))},
        published=[Published("SmallNet", {"accuracy": 97.0, "macs": 9e6})],
    )
    write_report(folder, facts)
    write_tables(folder, found, front=front, dense=DENSE, objectives=OBJECTIVES)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests here."""
    with open_browser() as found:
        yield found


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that fails the test if it logged an error or asked the network for anything."""
    with browser.new_context(viewport={"width": 1200, "height": 800}) as context:
        page = context.new_page()
        errors = watch(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        yield page
        assert errors == []
        assert [url for url in asked if not url.startswith("file:")] == []


def drawn(page: Any, series: str) -> list[tuple[int, float, float]]:
    """(trial, x, y) of each point of a series."""
    return [
        (int(point["trial"]), float(point["x"]), float(point["y"]))
        for point in page.eval_on_selector_all(
            f'.point[data-series="{series}"]', "points => points.map(point => ({...point.dataset}))"
        )
    ]


def click(page: Any, number: int) -> None:
    """Click where the trial's point is drawn."""
    box = page.locator(f'.chart [data-trial="{number}"]').last.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_numerical_errors_are_bars_beside_their_figures(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    rows = page.locator("#numerics tbody tr")
    assert rows.count() == 2
    assert rows.nth(0).inner_text().split() == ["<b>conv", "40.0", "20.0", "8", "0", "9"]
    bars = rows.nth(1).locator(".bar > span")
    widths = [bars.nth(place).bounding_box()["width"] for place in (0, 1)]
    assert widths[1] == pytest.approx(widths[0] / 8, rel=0.1)
    assert "below 10 dB" in page.locator("#numerics .reason").inner_text()


@pytest.mark.parametrize("name", ["report.html", "front.html"])
def test_the_points_are_those_of_the_front_csv(page: Any, folder: Path, name: str) -> None:
    page.goto((folder / name).as_uri())
    table = pd.read_csv(folder / "front.csv")
    expected = [*zip(table["number"], table["macs"], table["accuracy"], strict=True)]
    assert sorted(drawn(page, "front")) == sorted(expected)
    assert drawn(page, "dense model") == [(0, 41_000_000, 98.3)]
    uniform = [r for r in results() if r.origin == "uniform"]
    assert [number for number, _, _ in drawn(page, "uniform")] == [r.number for r in uniform]
    assert page.locator('.point[data-series="published"]').count() == 1
    # Where a point stands is where its values say: to the right is larger, upwards is better.
    boxes = [page.locator(f'.chart [data-trial="{n}"]').last.bounding_box() for n, _, _ in expected]
    assert [box["x"] for box in boxes] == sorted((box["x"] for box in boxes), reverse=True)
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)


def test_what_other_seeds_gave_is_drawn_and_written(page: Any, folder: Path) -> None:
    number = int(front_of(results(), OBJECTIVES)[1])
    accuracy = next(r for r in results() if r.number == number).metrics.quality["accuracy"]
    page.goto(f"{(folder / 'report.html').as_uri()}#trial={number}")
    sentence = page.locator("#trial").get_by_text("Trained with 3 seeds").inner_text()
    assert sentence == f"Trained with 3 seeds: accuracy (%) 90.50 % to {accuracy:.2f} %."


def test_a_click_shows_the_plan_the_curve_and_the_command(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    number = int(pd.read_csv(folder / "front.csv")["number"].iloc[2])
    click(page, number)
    panel = page.locator("#trial")
    assert panel.locator("h3").inner_text() == f"Trial {number}"
    assert panel.locator("code").inner_text() == f"python -m src.pick digits trial={number}"
    assert panel.locator(".widths li").all_inner_texts() == ["layer1\n8 / 16", "layer2\n24 / 32"]
    latency = next(r for r in results() if r.number == number).metrics.latency_ms
    assert latency is not None
    cells = panel.get_by_role("row", name="latency (ms)").first.inner_text().split("\t")
    # Beside the dense model's of the same run, 8 ms, not beside its own trial's, 4.1 ms.
    assert cells[1:] == [f"{latency:.4g} ms", "8 ms", f"{100 * latency / 8:.3g} %"]
    assert panel.locator(".curve .point").count() == len(CURVE)
    assert page.url.endswith(f"#trial={number}")
    assert page.locator(f'[data-row="{number}"]').get_attribute("class") == "chosen"


def test_a_command_is_shown_whole_on_a_usual_screen(browser: Any, folder: Path) -> None:
    number = int(pd.read_csv(folder / "front.csv")["number"].iloc[2])
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{(folder / 'report.html').as_uri()}#trial={number}")
        code = page.locator("#trial code")
        code.evaluate("it => { it.textContent = 'python -m src.pick ' + 'a_long_name_'.repeat(9) }")
        assert code.evaluate("it => it.scrollWidth <= it.clientWidth")


def test_an_axis_of_percent_ends_at_100(page: Any, tmp_path: Path) -> None:
    found = [trial(0, 99.9, 41_000_000, origin="dense"), trial(1, 80.0, 1_000_000)]
    facts = SweepFacts("s", OBJECTIVES, found, front_of(found, OBJECTIVES), GROUPS)
    write_report(tmp_path, facts)
    page.goto((tmp_path / "report.html").as_uri())
    page.uncheck("#log-x")
    top = page.locator(".axis").get_attribute("d").split(",")[1].split("V")[0]
    ends = page.locator(".grid").evaluate_all(
        "found => found.map(one => [one.getAttribute('y1'), one.getAttribute('y2')])"
    )
    assert [top, top] in ends, "100 is the last tick, at the upper end"
    assert page.locator(".tick").all_text_contents()[-1] == "100"


def test_the_front_is_saved_as_csv_and_json(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    table = pd.read_csv(folder / "front.csv")
    for kind, read in (("CSV", pd.read_csv), ("JSON", pd.read_json)):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"save the front as {kind}").click()
        saved = read(download.value.path())
        assert download.value.suggested_filename == f"digits-front.{kind.lower()}"
        for name in ("number", "accuracy", "macs"):
            assert sorted(saved[name]) == pytest.approx(sorted(table[name]))


def test_the_dense_model_is_the_first_row_even_beside_the_front(page: Any, tmp_path: Path) -> None:
    found = [trial(0, 90.0, 41_000_000, origin="dense"), trial(1, 93.0, 50_000_000)]
    found.append(trial(2, 91.0, 1_000_000))
    facts = SweepFacts("s", OBJECTIVES, found, front_of(found, OBJECTIVES), GROUPS)
    write_report(tmp_path, facts)
    page.goto((tmp_path / "report.html").as_uri())
    rows = page.locator(".members tbody th").all_inner_texts()
    assert [row.split()[0] for row in rows] == ["0", "1", "2"]


def test_a_running_sweep_says_how_far_it_is_and_its_age(page: Any, tmp_path: Path) -> None:
    found = results()
    facts = SweepFacts("s", OBJECTIVES, found, front_of(found, OBJECTIVES), GROUPS)
    write_report(tmp_path, replace(facts, progress=Progress(14, 30, 118.0)))
    page.goto((tmp_path / "report.html").as_uri())
    line = page.locator("#progress").inner_text()
    assert line.startswith("running, 14 of 30 trials, about 2 min left; written ")
    write_report(tmp_path, facts)
    page.reload()
    assert page.locator("#progress").count() == 0


def test_the_keyboard_reaches_and_shows_every_point(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    page.locator('.chart [tabindex="0"]').focus()
    visited = []
    for _ in range(32):
        visited.append(int(page.evaluate("document.activeElement.dataset.trial ?? -1")))
        page.keyboard.press("ArrowRight")
    with_models = {r.number for r in results() if r.state == "complete"}
    assert {*visited} - {-1} == with_models
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    smallest = min(drawn(page, "front"), key=lambda point: point[1])[0]
    assert page.locator("#trial h3").inner_text() == f"Trial {smallest}"
    before = page.locator(".tick").all_inner_texts()
    page.keyboard.press("+")
    assert page.locator(".tick").all_inner_texts() != before
    assert page.evaluate("document.activeElement.dataset.trial") == str(smallest)
    page.keyboard.press("0")
    assert page.locator(".tick").all_inner_texts() == before


def test_axes_and_their_scale_are_chosen_among_all_quantities(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    options = page.locator("#axis-x option").evaluate_all("found => found.map(o => o.value)")
    measured = {name for result in results() for name in result.metrics.measured()}
    assert {*options} == measured
    page.select_option("#axis-x", "latency_ms")
    found = {number: x for number, x, _ in drawn(page, "front")}
    by_number = {r.number: r for r in results()}
    assert found == {n: by_number[n].metrics.latency_ms for n in found}
    logarithmic = page.locator(".tick").all_inner_texts()
    page.uncheck("#log-x")
    assert page.locator(".tick").all_inner_texts() != logarithmic


def test_series_can_be_hidden(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    page.click('[data-legend="uniform"]')
    assert drawn(page, "uniform") == []
    page.click('[data-legend="uniform"]')
    assert len(drawn(page, "uniform")) == 4


def test_layers_time_and_failures_are_reported(page: Any, folder: Path) -> None:
    page.goto((folder / "report.html").as_uri())
    table = pd.read_csv(folder / "front.csv")
    heat = page.locator("#layers tbody tr").first.locator("td").all_inner_texts()
    assert heat == ["0.25", "0.4", *["50"] * len(table)]
    assert "32 trials: finetune 83.3 %, measure 16.7 %" in page.locator("#time").inner_text()
    assert "</script><img src=x onerror=alert(1)>" in page.locator("#failed").inner_text()
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read_in_the_dark(
    browser: Any, folder: Path, scheme: str
) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    with browser.new_context(**phone) as context:
        page = context.new_page()
        page.goto((folder / "report.html").as_uri() + "#trial=0")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        style = "name => getComputedStyle(document.body)[name]"
        ink, paper = (page.evaluate(style, name) for name in ("color", "backgroundColor"))
        assert contrast(ink, paper) >= 7
        assert (luminance(paper) < 0.1) == (scheme == "dark")


def luminance(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`, by the Web Content Accessibility Guidelines."""
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_comparison_draws_every_front_and_the_seeds_band(page: Any, tmp_path: Path) -> None:
    fronts = [[trial(1, 95.0 + seed, 1000), trial(2, 98.0, 9000)] for seed in range(3)]
    sweeps = [
        ComparedSweep(f"s{seed}", str(seed), "pick", 9, front, 0.5 + seed / 10, 0.6)
        for seed, front in enumerate(fronts)
    ]
    surfaces = {0.25: [(1000, 97.0), (9000, 98.0)], 0.5: [(1000, 96.0), (9000, 98.0)]}
    groups = [ComparedGroup(sweeps, {**surfaces, 0.75: [(1000, 95.0), (9000, 98.0)]})]
    groups.append(ComparedGroup([replace(sweeps[0], name="other")], {}))
    notes = ["what it means"]
    write_comparison(tmp_path / "c.html", SweepComparison(groups, "macs", "accuracy", notes))
    page.goto((tmp_path / "c.html").as_uri())
    assert page.locator('.point[data-series="s0 and 2 more"]').count() == 6
    assert page.locator('.point[data-series="other"]').count() == 2
    assert page.locator(".band").count() == 1
    assert "0.600 (0.500 to 0.700)" in page.locator(".members").inner_text()
    page.locator('.point[data-trial="s1/2"]').focus()
    page.keyboard.press("Enter")
    assert page.locator("#trial code").inner_text() == "pick trial=2"


def test_a_comparison_has_other_axes(page: Any, tmp_path: Path) -> None:
    front = [trial(1, 95.0, 1000), trial(2, 98.0, 9000)]
    sweeps = [ComparedSweep("s", "0", "pick", 9, front, 0.5, 0.6)]
    comparison = SweepComparison([ComparedGroup(sweeps, {})], "macs", "accuracy", [])
    write_comparison(tmp_path / "c.html", comparison)
    page.goto((tmp_path / "c.html").as_uri())
    assert page.locator(".line").count() == 1
    page.select_option("#axis-x", "accuracy")
    page.select_option("#axis-y", "macs")
    shown = page.eval_on_selector_all(
        ".point[data-series='s']", "points => points.map((p) => [p.dataset.x, p.dataset.y])"
    )
    assert sorted(shown) == [["95", "1000"], ["98", "9000"]]
    assert page.locator(".line").count() == 0, "steps are those of the objectives"
    page.select_option("#axis-x", "macs")
    page.select_option("#axis-y", "accuracy")
    assert page.locator(".line").count() == 1


def kept_in(folder: Path, quality: float) -> Path:
    """A report in which trial 1 has this quality, and a curve from 91 to 94 %."""
    kept = replace(trial(1, quality, 9000), curve=CURVE)
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    facts = SweepFacts(
        name="digits",
        objectives=OBJECTIVES,
        results=[dense, kept],
        front=[0, 1],
        groups=GROUPS,
        pick=f"paretoprune pick {'a-long-name-' * 6}",
    )
    write_report(folder, facts)
    return folder / "report.html"


def test_the_kept_epoch_is_marked_and_percent_end_at_100(page: Any, tmp_path: Path) -> None:
    page.goto(f"{kept_in(tmp_path, 93.0).as_uri()}#trial=1")
    curve = page.locator("svg.curve")
    assert curve.locator(".ring").count() == 1
    assert "kept epoch 3" in curve.get_attribute("aria-label")
    ticks = [float(text) for text in curve.locator("text.tick").all_text_contents()]
    assert max(ticks) <= 100
    page.goto(f"{kept_in(tmp_path, 92.9).as_uri()}#trial=1")
    page.reload()
    assert page.locator("svg.curve .ring").count() == 0, "measured on other samples"


@pytest.mark.parametrize("width", [1440, 1200, 360])
def test_a_command_is_whole(browser: Any, tmp_path: Path, width: int) -> None:
    file = kept_in(tmp_path, 93.0)
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.goto(f"{file.as_uri()}#trial=1")
        code = page.locator("#trial code")
        assert code.inner_text().endswith("trial=1")
        assert code.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
        assert code.evaluate("box => box.scrollHeight <= box.clientHeight + 1")
