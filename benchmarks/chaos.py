"""Fault injection: a sweep with random kills of workers and driver, database locks and torn files.

    python benchmarks/chaos.py [--trials 200] [--workers 4] [--seed 0]

A trial evaluates a formula and sleeps briefly; everything else is real: driver, worker processes,
folder, Optuna study. Prints the injected faults, and the number of finished and lost trials. Lost
are results that existed before a fault and differ at the end, and numbers without a result.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from paretoprune.results import TrialResult
from paretoprune.search.front.front import front_of
from paretoprune.storage.atomic import read_sealed
from paretoprune.storage.sweep_folder import SweepFolder

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for the formula and the driver of the tests

from paretoprune.testing import formula  # noqa: E402
from tests.faults.driver import command, weights_of  # noqa: E402


def main() -> None:
    """Inject faults until the sweep has finished, then report what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two faults")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder) / "sweep", options)
        chaos.run()


class Chaos:
    """One sweep and the faults injected into it."""

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        self.path, self.options = path, options
        self.dice = random.Random(options.seed)
        self.injected: Counter[str] = Counter()
        self.seen: dict[int, str] = {}  # results that have been written at some time
        self.starts = 0
        self.log = (path.parent / "said").open("ab")  # output of the drivers

    def run(self) -> None:
        """Start the driver repeatedly, with a fault about every second."""
        begun = time.monotonic()
        while True:
            self.starts += 1
            driver = self._start()
            while driver.poll() is None:
                time.sleep(self.dice.uniform(0.5, 1.5) * self.options.pause)
                self._note_results()
                self._fault(driver)
            if driver.returncode == 0:
                break
            if driver.returncode != -signal.SIGKILL:
                said = (self.path.parent / "said").read_text()
                sys.exit(f"the driver ended with code {driver.returncode}: {said[-3000:]}")
        self._report(time.monotonic() - begun)

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = command(
            self.path,
            trials=self.options.trials,
            workers=self.options.workers,
            executor="processes",
            seconds=0.2,
            retries=50,  # the kills here are not caused by the trials
        )
        return subprocess.Popen(arguments, cwd=ROOT, stderr=self.log)

    def _fault(self, driver: subprocess.Popen[bytes]) -> None:
        faults = [self._kill_worker] * 4 + [self._tear_file] * 4 + [self._lock, self._kill_driver]
        self.dice.choice(faults)(driver)

    def _kill_worker(self, driver: subprocess.Popen[bytes]) -> None:
        workers = _workers_of(driver.pid)
        if workers:
            with contextlib.suppress(ProcessLookupError):
                _kill(self.dice.choice(workers))
                self.injected["workers killed"] += 1

    def _kill_driver(self, driver: subprocess.Popen[bytes]) -> None:
        if driver.poll() is None:
            driver.kill()
            driver.wait()
            self.injected["drivers killed"] += 1

    def _tear_file(self, driver: subprocess.Popen[bytes]) -> None:
        """Truncate, or change a byte of, a file of a finished or running trial."""
        files = [f for f in sorted(self.path.glob("trials/*/*")) if not f.name.startswith(".")]
        if not files:
            return
        path = self.dice.choice(files)
        with contextlib.suppress(OSError):
            data = bytearray(path.read_bytes())
            if self.dice.random() < 0.5 or not data:
                data = data[: len(data) // 2]
            else:
                data[self.dice.randrange(len(data))] ^= 255
            path.write_bytes(data)
            self.injected["files torn"] += 1

    def _lock(self, driver: subprocess.Popen[bytes]) -> None:
        """Lock the study for three seconds, three times the timeout of a write."""
        study = self.path / "study.db"
        if study.is_file():
            threading.Thread(target=_hold, args=(study, 3.0)).start()
            self.injected["study locked"] += 1

    def _note_results(self) -> None:
        for path in self.path.glob("trials/*/result.json"):
            with contextlib.suppress(OSError, ValueError):
                data = read_sealed(path)
                del data["files"]
                self.seen.setdefault(int(data["number"]), _essence(data))

    def _report(self, seconds: float) -> None:
        # One more run detects and repairs files that were torn after their last use.
        subprocess.run(
            command(self.path, trials=self.options.trials, retries=50, seconds=0),
            cwd=ROOT, check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        folder = SweepFolder(self.path)
        results = folder.read_results()
        by_number = {result.number: result for result in results}
        changed = [
            number
            for number, essence in self.seen.items()
            if number not in by_number or essence != _essence_of(by_number[number])
        ]
        missing = set(range(max(by_number) + 1)) - set(by_number)
        failed = [result.number for result in results if result.state == "failed"]
        front = front_of(results, formula.search_settings().objectives)
        torn = [
            number
            for number in by_number
            if number in front and not _has_its_weights(folder, number)
        ]
        states = Counter(result.state for result in results)
        print(f"seed {self.options.seed}, {self.options.workers} workers, {seconds:.0f} s")
        faults = ", ".join(f"{count} {name}" for name, count in self.injected.items())
        print(f"  injected: {sum(self.injected.values())} ({faults}); {self.starts} starts")
        print(f"  finished: {len(results)} ({dict(states)})")
        lost = {*changed, *missing, *failed, *torn}
        print(f"  lost:     {len(lost)} {sorted(lost) or ''}")
        sys.exit(1 if lost else 0)


def _essence(data: dict[str, object]) -> str:
    """Return the immutable part of a result: a repeated trial may become a duplicate instead."""
    return json.dumps([data["ratios"], data["widths"], data["metrics"]], sort_keys=True)


def _essence_of(result: TrialResult) -> str:
    return _essence(result.to_json())


def _has_its_weights(folder: SweepFolder, number: int) -> bool:
    path = folder.trial(number) / "model.safetensors"
    return path.is_file() and path.read_bytes() == weights_of(number)


def _hold(database: Path, seconds: float) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection = sqlite3.connect(database, isolation_level=None, timeout=1)
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
        connection.close()


def _workers_of(driver: int) -> Sequence[int]:
    """Return the processes that `multiprocessing` has spawned for the driver."""
    listed = subprocess.run(
        ["ps", "--ppid", str(driver), "-o", "pid=,args="], capture_output=True, text=True
    )
    lines = [line for line in listed.stdout.splitlines() if "spawn_main" in line]
    return [int(line.split()[0]) for line in lines]


def _kill(pid: int) -> None:
    import os

    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
