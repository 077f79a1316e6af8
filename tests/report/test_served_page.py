"""The page of a running sweep reloads itself where it is served."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from paretoprune.report.report import write_report
from paretoprune.report.serve import serve_report
from paretoprune.report.sweep_facts import SweepFacts
from paretoprune.report.watchers.progress import Progress
from tests.kits.browser import open_browser, watch
from tests.report.kit import DENSE, OBJECTIVES, trial


def write(folder: Path, *, running: bool, name: str) -> None:
    dense = replace(trial(0, 98.3, 41_000_000, origin="dense"), metrics=DENSE)
    facts = SweepFacts(name=name, objectives=OBJECTIVES, results=[dense], front=[0], groups=[])
    progress = Progress(1, 3, 60.0) if running else None
    write_report(folder, replace(facts, progress=progress))


def test_it_shows_what_was_written_since(tmp_path: Path) -> None:
    write(tmp_path, running=True, name="first")
    ready = threading.Event()
    found: list[str] = []

    def tell(address: str) -> None:
        found.append(address)
        ready.set()

    threading.Thread(
        target=serve_report, args=(tmp_path,), kwargs={"port": 0, "ready": tell}, daemon=True
    ).start()
    with open_browser() as browser:
        assert ready.wait(30)
        page = browser.new_page()
        errors = watch(page)
        page.goto(f"{found[0]}#trial=0")
        assert "The page reloads itself." in page.locator("#progress").inner_text()
        write(tmp_path, running=False, name="later")
        page.get_by_role("heading", name="later", exact=True).wait_for(timeout=60_000)
        assert page.url.endswith("#trial=0") and page.locator("#progress").count() == 0
        assert errors == []
