"""Every example of the pages on own data runs as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kits.commands import run_train

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("own-data", "own-texts-and-masks")
TEXTS = [(ROOT / f"docs/how-to/{name}.md").read_text(encoding="utf-8") for name in PAGES]
SECTIONS = {
    text.partition("\n")[0]: text
    for page in TEXTS
    for text in page.split("\n## ")[1:]
    if "```sh" in text
}
pytestmark = pytest.mark.timeout(300)  # commands in fresh processes


def test_the_pages_have_every_kind_of_data() -> None:
    assert len(SECTIONS) == 9
    assert all("```python" in text for text in SECTIONS.values())


@pytest.mark.parametrize("title", SECTIONS)
def test_the_example_runs(tmp_path: Path, title: str) -> None:
    if "Hugging Face" in title:
        pytest.importorskip("datasets", reason="needs `pip install datasets`")
    if "Parquet" in title:
        pytest.importorskip("pyarrow", reason="needs `pip install pyarrow`")
    for name, code in re.findall(r'```python title="(.*?)"\n(.*?)```', SECTIONS[title], re.DOTALL):
        (tmp_path / name).write_text(code)
    [commands] = re.findall(r"```sh\n(.*?)```", SECTIONS[title], re.DOTALL)
    for command in commands.splitlines():
        _run(shlex.split(command), tmp_path)
    assert list((tmp_path / "sweeps").glob("*/report.html"))


def _run(words: list[str], folder: Path) -> None:
    if words[:2] == ["paretoprune", "train"]:
        done = run_train(folder, *words[2:], "tracking=none", "measure=fast", "threads=1")
        assert done.code == 0, done.err
        return
    assert words[0] == "python"
    path = os.pathsep.join([str(ROOT / "src"), str(folder)])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
