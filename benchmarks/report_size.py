"""A report of a large sweep: its size, the time to write it, and the time to open it.

    python benchmarks/report_size.py [--trials 10000] [--groups 12] [--epochs 10]

The trials are made up: groups of 64 channels, accuracy and MACs by the formula of `stub_sweep.py`.
The page is opened in a headless Chromium until its script has drawn it.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from paretoprune.report.live import write_views
from paretoprune.results import EpochRecord, Metrics, TrialResult
from paretoprune.storage.sweep_folder import SweepFolder

WIDTH = 64


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=10)
    options = parser.parse_args()
    results = made_up(options.trials, options.groups, options.epochs)
    with tempfile.TemporaryDirectory() as name:
        folder = SweepFolder(Path(name) / "large")
        folder.path.mkdir()
        folder.write_config({"name": "large"})
        begun = time.process_time()
        write_views(folder, results)
        written_s = time.process_time() - begun
        page = folder.path / "report.html"
        print(f"{options.trials} trials, {options.groups} groups, {options.epochs} epochs")
        size_mb = page.stat().st_size / 1e6
        print(f"  report.html of {size_mb:.2f} MB, written in {written_s:.1f} s of processor time")
        print(f"  opened in {min(opened(page)):.2f} s (the shortest of three)")


def made_up(count: int, groups: int, epochs: int) -> Sequence[TrialResult]:
    """Return the dense model and trials with random widths."""
    dice = random.Random(0)
    return [
        _trial(n, [WIDTH if n == 0 else dice.randint(4, WIDTH) for _ in range(groups)], epochs)
        for n in range(count)
    ]


def _trial(number: int, widths: Sequence[int], epochs: int) -> TrialResult:
    groups = {f"layer{index}.conv": width for index, width in enumerate(widths)}
    lost: float = sum((WIDTH - width) ** 1.5 for width in widths)
    accuracy, macs = 100 - lost / (8 * len(widths)), sum(widths)
    speedup = WIDTH * len(widths) / macs
    curve = (EpochRecord(e, 1 / e, accuracy - 1 / e, 1 / e, 0.1, 3.0) for e in range(1, epochs + 1))
    return TrialResult(
        number=number,
        state="complete",
        origin="dense" if number == 0 else "sampler",
        ratios={name: 1 - width / WIDTH for name, width in groups.items()},
        widths=groups,
        metrics=Metrics(
            {"accuracy": accuracy}, macs=macs, params=macs, theoretical_speedup=speedup
        ),
        seed=number,
        curve=tuple(curve),
        seconds={"finetune": 6.0, "measure": 1.5},
    )


def opened(page: Path, *, times: int = 3) -> list[float]:
    """Return the seconds to load the page and run its scripts, each in a new tab."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        for _ in range(times):
            tab = browser.new_page()
            begun = time.monotonic()
            tab.goto(page.as_uri(), wait_until="load")
            tab.evaluate("() => new Promise(requestAnimationFrame)")
            found.append(time.monotonic() - begun)
            tab.close()
        browser.close()
    return found


if __name__ == "__main__":
    main()
