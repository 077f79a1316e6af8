"""A tour of the pages with an installed wheel: every command, and the messages of the first hour.

    python tests/wheel_tour.py                      # everything, about an hour
    python tests/wheel_tour.py README.md int8.md    # these pages alone; `messages` for the messages

The wheel is built and installed into a fresh environment, with the dependencies of the running
interpreter, or with `--download` with its own. Each page runs in a fresh folder that has the sweep
of the quick start. Searches are made short. What cannot run here is listed with its reason.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.kits.first_hour import LISTED, OF_DATA  # noqa: E402
from tests.kits.servers import free_port, listens, stop  # noqa: E402

MESSAGES = "messages"
PAGES = (ROOT / "README.md", ROOT / "docs/tutorial.md", *sorted((ROOT / "docs/how-to").glob("*")))
_COMMAND = re.compile(r"^    (?=(python|paretoprune|mlflow|pip|docker|optuna)\S* )(.*)$")
_FENCE = re.compile(r'^```(\w*)(?: title="(.*)")?$')
_COMMENT = re.compile(r"\s+# .*$")
# Parts of commands that are not run, with the reason.
NOT_RUN = {
    "pip install": "the wheel is installed already",
    "data=cifar10": "needs CIFAR-10",
    "data.train=[train.npz]": "needs CIFAR-10",
    "ETTh1.csv": "needs a data set of others",
    "ratings.csv": "needs a data set of others",
    "model.name=FOLDER": "needs a pretrained model",
    "my_data.Streets": "needs images of streets",
}
# Commands that need a package which a page names, and which is not among the dependencies.
NEEDS = {
    "my_hub_data": "datasets",
    "TensorBoardLogger": "tensorboard",
    "WandbLogger": "wandb",
    "+sweep=detect": "faster_coco_eval",
}
SHORT = (
    "model.train.epochs=1",
    "finetune.epochs=1",
    "finetune.tune_learning_rate=false",
    "measure.latency_repeats=10",
    "threads=1",
)
SHORT_SEARCH = ("search.n_trials=6", "search.baseline_ratios=[0.5]", "search.budget=null")
# Files of another page that a page's commands need.
BORROWED = {"README.md": "tutorial.md"}


@dataclass(frozen=True)
class Page:
    """The files that a page shows, and its commands, in the order of the page."""

    files: list[tuple[str, str]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


def read_page(path: Path) -> Page:
    """Return the files and the commands of a page."""
    page, fence, title, lines = Page(), None, None, list[str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        start = _FENCE.match(line)
        if fence is None and start:
            fence, title, lines = start[1], start[2], []
        elif fence is not None and line == "```":
            if title:
                page.files.append((title, "\n".join(lines) + "\n"))
            page.commands.extend(lines if fence == "sh" else [])
            fence = None
        elif fence is not None:
            lines.append(line)
        elif found := _COMMAND.match(line):
            page.commands.append(_COMMENT.sub("", found[2]).strip())
    return page


def reason_not_to_run(command: str) -> str | None:
    """Return the reason why a command is not run here; None if it is."""
    missing = {part: f"needs {name}" for part, name in NEEDS.items() if find_spec(name) is None}
    return next(
        (reason for part, reason in {**NOT_RUN, **missing}.items() if part in command), None
    )


def installed_form(command: str) -> list[str]:
    """Return the words of a command, with `paretoprune train` for a checkout's
    `python -m src.train`."""
    words = shlex.split(command)
    if words[:2] == ["python", "-m"] and words[2].startswith("src."):
        words = ["paretoprune", words[2].removeprefix("src."), *words[3:]]
    for ours in ("train", "inspect", "pick"):
        if words[0] == f"paretoprune-{ours}":
            words = ["paretoprune", ours, *words[1:]]
    return words


def shortened(words: Sequence[str]) -> list[str]:
    """Return the words of a command with settings that keep a training short."""
    if list(words[:2]) != ["paretoprune", "train"] or "--help" in words:
        return list(words)
    is_search = any(word.startswith(("+sweep=", "search=")) for word in words)
    return [*words, *SHORT, *(SHORT_SEARCH if is_search else ())]


class Tour:
    """The environment with the wheel, and the failures in it."""

    def __init__(self, folder: Path, *, download: bool) -> None:
        self.folder = folder
        self.failures: list[str] = []
        self.num_run = 0
        self._bin = _installed(folder / "venv", folder / "dist", download=download)
        paths = [str(self._bin), os.environ["PATH"]]
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": os.pathsep.join(paths),
            "XDG_STATE_HOME": str(folder / "state"),
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self._start = folder / "start"

    def walk(self, path: Path) -> None:
        """Run the commands of a page in a fresh folder."""
        page = read_page(path)
        place = self._fresh(path.stem, page)
        borrowed = (
            read_page(ROOT / "docs" / BORROWED[path.name]) if path.name in BORROWED else Page()
        )
        for name, content in [*borrowed.files, *page.files]:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(content, encoding="utf-8")
        servers: list[subprocess.Popen[bytes]] = []
        port = free_port()
        try:
            for command in [*_makers(borrowed), *page.commands]:
                if reason := reason_not_to_run(command):
                    print(f"  not run, {reason}: {command}")
                elif re.search(r"src\.ui|paretoprune ui|serve=true|models serve", command):
                    servers += self._served(command, place, port)
                else:
                    self._run_shown(command, place, port)
        finally:
            for server in servers:
                stop(server)

    def hear(self) -> None:
        """Have the installed commands say the messages of the first hour."""
        for command, files, sentence in [*LISTED, *OF_DATA]:
            place = Path(tempfile.mkdtemp(dir=self.folder))
            files(place)
            before = {*place.rglob("*")}
            done = self._run(["paretoprune", *command.split()], place)
            written = {one for one in place.rglob("*") if "__pycache__" not in str(one)} - before
            right = done.returncode == 2 and sentence in done.stderr and not written
            self._note(command, right and "Traceback" not in done.stderr, done.stderr)

    def _fresh(self, name: str, page: Page) -> Path:
        """Return a fresh folder; with the sweep of the quick start where the page speaks of it."""
        place = self.folder / name
        place.mkdir()
        uses = [one for one in page.commands if re.search(r"(pick|report|latency) \S*resnet", one)]
        if uses and not self._start.exists():
            self._start.mkdir()
            first = shortened(["paretoprune", "train", "+sweep=resnet"])
            done = self._run(first, self._start)
            self._note("the quick start, for other pages", done.returncode == 0, done.stderr)
        if uses:
            shutil.copytree(self._start, place, dirs_exist_ok=True)
        return place

    def _run_shown(self, command: str, place: Path, port: int) -> None:
        words = shortened(_with_trials_of(place, installed_form(command)))
        redirected = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if redirected else words
        if words[0] == "python" and (file := place / words[1]).is_file():
            file.write_text(file.read_text().replace("5001", str(port)))
        done = self._run(words, place)
        if redirected:
            (place / redirected).write_text(done.stdout)
        self._note(command, done.returncode == 0, done.stdout[-500:] + done.stderr)

    def _served(self, command: str, place: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
        line = " ".join(installed_form(command)).replace("5001", str(port))
        line += f" port={port}" if "models serve" not in line else ""
        line = line.replace(" open=true", "")
        log = (place / "server.log").open("wb")
        server = subprocess.Popen(
            line, shell=True, cwd=place, env=self._environment, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        end = time.monotonic() + 180
        while not listens(port) and server.poll() is None and time.monotonic() < end:
            time.sleep(0.5)
        self._note(command, listens(port), (place / "server.log").read_text()[-1500:])
        yield server

    def _run(self, words: Sequence[str], place: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=place, env=self._environment, capture_output=True, text=True, timeout=1200
        )

    def _note(self, command: str, right: bool, output: str) -> None:
        self.num_run += 1
        print(f"  {'ok    ' if right else 'FAILED'} {command}", flush=True)
        if not right:
            print("\n".join(f"         {line}" for line in output.splitlines()[-25:]), flush=True)
            self.failures.append(command)


def _installed(place: Path, dist: Path, *, download: bool) -> Path:
    """Build the wheel, install it into a fresh environment, and return the folder of commands."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    source = dist.parent / "source"  # a copy, in which the build leaves its files
    skipped = shutil.ignore_patterns(".git", "sweeps", "mlruns", "__pycache__", ".venv", "build")
    shutil.copytree(ROOT, source, ignore=skipped)
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", str(dist), str(source)], check=True)
    [wheel] = dist.glob("*.whl")
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    wanted = [f"{wheel}[onnx]", *NEEDS.values()] if download else ["--no-deps", str(wheel)]
    command = [*pip, "--python", str(python), "install", "-q", *wanted]
    subprocess.run(command, check=True)
    if not download:
        [packages] = (place / "lib").glob("python*/site-packages")
        borrowed = [path for path in sys.path if path.endswith("site-packages")]
        (packages / "borrowed.pth").write_text("\n".join(borrowed))
        _borrow_commands(place / "bin")
    shown = "import paretoprune; print(paretoprune.__file__)"
    found = subprocess.run([python, "-c", shown], check=True, capture_output=True, text=True).stdout
    assert found.startswith(str(place)), f"the checkout is imported: {found}"
    return place / "bin"


def _borrow_commands(folder: Path) -> None:
    """Make the commands that pages use of packages that are borrowed."""
    for name, module in (("mlflow", "mlflow"), ("uvicorn", "uvicorn")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{folder / "python"}" -m {module} "$@"\n')
        script.chmod(0o755)


def _makers(page: Page) -> list[str]:
    """Return the commands of a page that make data."""
    return [one for one in page.commands if one.startswith("python my_")]


def _with_trials_of(place: Path, words: Sequence[str]) -> list[str]:
    """Return the words with trials that the short sweep has in place of those of the page."""
    if words[:2] != ["paretoprune", "pick"] or not any(one.startswith("trial=") for one in words):
        picked = sorted(place.glob("sweeps/resnet/picked/*"))
        return [str(picked[-1].relative_to(place)) if "/picked/" in one else one for one in words]
    lines = (place / "sweeps" / words[2] / "front.csv").read_text().splitlines()
    rows = list(csv.DictReader(lines))
    assert all(row["state"] == "complete" for row in rows)
    kind = words[3].partition("-")[2]  # of a quantized model: 17-int8, 17-4bit
    there = [
        f"{row['number']}-{kind}" if kind else row["number"]
        for row in rows
        if (row["origin"] == kind if kind else not row.get("quantization"))
    ]
    assert there, f"no model of the kind of `{words[3]}` on the front"
    wanted = len(words[3].split(","))
    return [
        f"trial={','.join(there[:wanted])}" if one.startswith("trial=") else one for one in words
    ]


def main(arguments: Sequence[str]) -> int:
    """Run the tour; return the number of commands that went wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended, too
    wanted = [one for one in arguments if not one.startswith("--")]
    with tempfile.TemporaryDirectory() as folder:
        tour = Tour(Path(folder), download="--download" in arguments)
        for path in PAGES:
            if not wanted or path.name in wanted:
                print(path.relative_to(ROOT), flush=True)
                tour.walk(path)
        if not wanted or MESSAGES in wanted:
            print(MESSAGES, flush=True)
            tour.hear()
    print(f"{tour.num_run} commands, {len(tour.failures)} wrong")
    return len(tour.failures)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
