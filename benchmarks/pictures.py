"""The pictures of a real front in the documentation: docs/front.png and docs/report.png.

    python benchmarks/pictures.py --data DATA --work FOLDER

`DATA` holds `cifar10/` and `weights/` as `tasks.py` reads them. The sweep is `+sweep=resnet` with
the published ResNet-20 on 4,000 CIFAR-10 images, two epochs a trial; it is kept in FOLDER, and goes
on there. `front.png` is the sweep's own picture, `report.png` its report in Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
from playwright.sync_api import ViewportSize, sync_playwright
from tasks import TASKS

ROOT = Path(__file__).resolve().parents[1]
_NAME = "cifar10"
_WINDOW = ViewportSize(width=1180, height=760)


def search(data: Path, work: Path) -> Path:
    """Run the sweep, or what is missing of it; the folder where it is."""
    task = [each for each in TASKS[_NAME].overrides(data, work, 0) if each[:5] != "name="]
    own = [
        "data.max_train=4000",
        f"name={_NAME}",
        f"sweeps_dir={work / 'sweeps'}",
        "finetune.epochs=2",
    ]
    command = [sys.executable, "-m", "src.train", "+sweep=resnet", *task, *own]
    subprocess.run(command, cwd=ROOT, check=True)
    return work / "sweeps" / _NAME


def photograph(sweep: Path, picture: Path) -> None:
    """The report in a window, with the middle of the front chosen."""
    members = pd.read_csv(sweep / "front.csv").sort_values("macs")["number"]
    address = (
        f"{(sweep / 'report.html').absolute().as_uri()}#trial={members.iloc[len(members) // 2]}"
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=_WINDOW)
        page.goto(address)
        page.screenshot(path=picture)
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    sweep = search(options.data.absolute(), options.work.absolute())
    shutil.copyfile(sweep / "front.png", ROOT / "docs" / "front.png")
    photograph(sweep, ROOT / "docs" / "report.png")


if __name__ == "__main__":
    main()
