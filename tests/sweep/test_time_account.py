"""The seconds of a sweep by use: they add up, over runs, and are reported at the end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from paretoprune.results import Job
from paretoprune.stopwatch import Stopwatch
from paretoprune.storage.atomic import read_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.sweep import run as sweep_run
from paretoprune.sweep.time_account import TimeAccount, in_words, learning_share
from paretoprune.testing import formula
from tests.kits.commands import TINY, run_train


class Hand:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_dense_training_is_no_part_of_a_budget() -> None:
    clock = Hand()
    account = TimeAccount(Path("nowhere"), watch := Stopwatch(clock))
    with watch.on("train_dense"):
        clock.now += 100
    with watch.on("score"):
        clock.now += 2
    clock.now += 1
    assert account.by_use() == {"other": 1, "score": 2}
    assert account.spent() == 3


def test_a_later_run_continues_with_the_seconds_of_the_earlier(tmp_path: Path) -> None:
    for _ in range(2):
        clock = Hand()
        account = TimeAccount(tmp_path, watch := Stopwatch(clock))
        with watch.on("finetune"):
            clock.now += 5
        account.save()
    assert account.spent() == 10
    assert TimeAccount(tmp_path, Stopwatch(Hand())).by_use()["finetune"] == 10


def test_a_sweep_of_an_earlier_version_has_the_seconds_of_its_trials(tmp_path: Path) -> None:
    trial = formula.evaluate(Job(0, "test", {}, formula.widths_of({}), 0))
    account = TimeAccount(tmp_path, Stopwatch(Hand()))
    account.begun([trial])
    assert account.spent() == sum(trial.seconds.values())


def test_the_sentence_has_all_uses_and_the_share_that_learns() -> None:
    seconds = {"finetune": 60.0, "validate": 10.0, "measure": 10.0, "score": 15.0, "other": 5.0}
    assert learning_share(seconds) == 0.8
    assert in_words(seconds, 100.0) == (
        "100 of 100 s: fine-tuning 60 (60%), scoring 15 (15%), validation 10 (10%), "
        "measuring 10 (10%), other 5 (5%); 80% trained or validated"
    )


def test_a_sweep_in_a_budget_of_time_tells_its_plan_and_its_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The time of the process, so that other programs do not disturb it.
    monkeypatch.setattr(sweep_run, "Stopwatch", lambda: Stopwatch(time.process_time))
    budget = 8.0
    run = run_train(
        tmp_path,
        *TINY,
        "search=auto",
        "search.baseline_ratios=[]",
        f"search.budget={budget:g}s",
        "measure.latency=false",
        "name=timed",
    )
    assert run.code == 0, run.err
    folder = tmp_path / "sweeps" / "timed"
    log = (folder / "sweep.log").read_text()
    assert "the plan: " in log and "trained or validated" in log
    assert sum(read_json(folder / "seconds.json").values()) == pytest.approx(budget, rel=0.2)
    results = SweepFolder(folder).read_results()
    links = [result for result in results if result.origin == "auto" and result.epochs]
    assert len(links) > 1
    for link in links:
        given = read_json(folder / "trials" / f"{link.number:04d}" / "job.json")["seconds"]
        used = sum(link.seconds.get(use, 0.0) for use in ("finetune", "validate", "teacher"))
        assert used == pytest.approx(given, rel=0.1, abs=0.15)
