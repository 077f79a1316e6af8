"""The pictures of a real front in the documentation: docs/front.png and docs/report.png.

    python benchmarks/pictures.py sweeps/cifar10

`front.png` is the sweep's own picture, `report.png` a screenshot of its report in Chromium. The
sweep is described in docs/how-to/photographs.md.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd
from playwright.sync_api import ViewportSize, sync_playwright

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_WINDOW = ViewportSize(width=1180, height=760)


def photograph(sweep: Path, picture: Path) -> None:
    """Take a screenshot of the report, with the middle of the front selected."""
    members = pd.read_csv(sweep / "front.csv").sort_values("macs")["number"]
    chosen = members.iloc[len(members) // 2]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=_WINDOW)
        page.goto(f"{(sweep / 'report.html').absolute().as_uri()}#trial={chosen}")
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sweep", type=Path)
    sweep = parser.parse_args().sweep
    shutil.copyfile(sweep / "front.png", _DOCS / "front.png")
    photograph(sweep, _DOCS / "report.png")


if __name__ == "__main__":
    main()
