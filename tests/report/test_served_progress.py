"""The report of a running sweep, served on localhost, in a real browser: it reloads by itself."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from paretoprune.report.live import write_views
from paretoprune.report.serve import serve_report
from paretoprune.report.watchers.progress import Progress
from paretoprune.storage.sweep_folder import SweepFolder
from tests.cli.test_report import make_sweep
from tests.kits.browser import open_browser, watch

_PAUSE_MS = 5000  # between two reloads of the page


def test_the_page_follows_the_sweep_to_its_end(tmp_path: Path) -> None:
    make_sweep(tmp_path, "formula", seed=0)
    folder = SweepFolder(tmp_path / "sweeps/formula")
    results = folder.read_results()
    write_views(folder, results[:1], Progress(1, 7))
    ready: queue.Queue[str] = queue.Queue()
    served = {"port": 0, "ready": ready.put}
    threading.Thread(target=serve_report, args=(folder.path,), kwargs=served, daemon=True).start()
    with open_browser() as browser, browser.new_context() as context:
        page = context.new_page()
        errors = watch(page)
        page.clock.install()
        page.goto(ready.get(timeout=30))
        assert page.locator("#progress").inner_text().startswith("running, 1 of 7 trials; written ")
        assert "The page reloads itself." in page.locator("#progress").inner_text()
        write_views(folder, results[:4], Progress(4, 7, left_s=90))
        page.clock.run_for(_PAUSE_MS)
        # Locators, since the policy of the page forbids a function to be evaluated within it.
        page.locator("#progress", has_text="running, 4 of 7 trials").wait_for()
        assert ", about 90 s left;" in page.locator("#progress").inner_text()
        assert "4 trials (" in page.locator("header").inner_text()
        write_views(folder, results)
        page.clock.run_for(_PAUSE_MS)
        page.locator("#progress").wait_for(state="detached")
        assert f"{len(results)} trials (" in page.locator("header").inner_text()
        loads: list[str] = []
        page.on("request", lambda request: loads.append(request.url))
        page.clock.run_for(4 * _PAUSE_MS)
        assert loads == [] and errors == []
