"""A study proposes the same after an interruption, however much of its study is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from paretoprune.config.target import Target
from paretoprune.results import Job, Metrics, TrialResult
from paretoprune.search.study import study
from paretoprune.search.study.study import SweepStudy
from paretoprune.testing import formula

SAMPLERS = {
    "random": Target(path="optuna.samplers.RandomSampler"),
    "tpe": Target(
        path="optuna.samplers.TPESampler", arguments={"n_startup_trials": 5, "multivariate": True}
    ),
    "nsga2": Target(path="optuna.samplers.NSGAIISampler", arguments={"population_size": 4}),
}
NUM = 30  # several generations, and several times what a sampler sees


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler sees the front and six more, so that most trials are out of sight."""
    monkeypatch.setattr(study, "_LATEST", 6)


def open_study(path: Path, sampler: str, *, seed: int = 0) -> SweepStudy:
    path.mkdir(exist_ok=True)
    return SweepStudy(
        path / "study.db",
        name="formula",
        groups=formula.GROUPS,
        objectives=formula.search_settings().objectives,
        sampler=SAMPLERS[sampler],
        max_ratio=0.9,
        seed=seed,
    )


def halved(ratios: Mapping[str, float]) -> Mapping[str, float]:
    """Return half the ratios: the repair of every third proposal."""
    return {name: ratio / 2 for name, ratio in ratios.items()}


def trial(book: SweepStudy, number: int) -> TrialResult:
    """One trial by the sampler: every third is repaired, every seventh fails or breaks a limit."""
    repair: Callable[[Mapping[str, float]], Mapping[str, float]]
    repair = halved if number % 3 == 0 else lambda ratios: ratios
    ratios = book.ask(number, repair=repair).ratios
    widths = formula.widths_of(ratios)
    result = formula.evaluate(Job(number, "sampler", ratios, widths, seed=number))
    if number % 14 == 6:
        return replace(result, state="failed", metrics=Metrics(), reason="no luck")
    return replace(result, state="infeasible") if number % 14 == 13 else result


def go_on(book: SweepStudy, results: list[TrialResult]) -> list[TrialResult]:
    for number in range(len(results), NUM):
        results = [*results, trial(book, number)]
        book.tell(results[-1])
    return results


@pytest.fixture(scope="module", params=SAMPLERS)
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[TrialResult]]:
    """A sampler, and what it led to without an interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "_LATEST", 6)
        book = open_study(tmp_path_factory.mktemp("whole"), request.param)
        return request.param, go_on(book, [])


def test_a_seed_is_a_sequence_of_proposals(
    whole: tuple[str, list[TrialResult]], tmp_path: Path
) -> None:
    sampler, expected = whole
    assert go_on(open_study(tmp_path / "same", sampler), []) == expected
    assert go_on(open_study(tmp_path / "other", sampler, seed=1), []) != expected


@pytest.mark.parametrize("flushed", [True, False], ids=["written", "late"])
def test_a_killed_study_continues_as_if_nothing_had_been(
    whole: tuple[str, list[TrialResult]], tmp_path: Path, flushed: bool
) -> None:
    """Killed after trial 17 was asked for; its study holds all finished trials, or what it has."""
    sampler, expected = whole
    book = open_study(tmp_path, sampler)
    results: list[TrialResult] = []
    for number in range(17):
        results.append(trial(book, number))
        book.tell(results[-1])
    begun = trial(book, 17)
    if flushed:
        book.flush(patience_s=10)
    else:
        (tmp_path / "study.db").unlink()
    resumed = open_study(tmp_path, sampler)
    resumed.restore(results)
    resumed.tell(begun)  # run again, without being asked for
    assert go_on(resumed, [*results, begun]) == expected
    resumed.flush(patience_s=10)
    assert set(open_study(tmp_path, sampler)._stored.ours()) == set(range(NUM))


def test_evolution_learns_from_what_was_repaired(tmp_path: Path) -> None:
    """Its generations fill up with repaired proposals; without them it would draw at random."""
    book = open_study(tmp_path, "nsga2")
    for number in range(NUM):
        ratios = book.ask(number, repair=halved).ratios
        widths = formula.widths_of(ratios)
        book.tell(formula.evaluate(Job(number, "sampler", ratios, widths, seed=0)))
    book.flush(patience_s=10)
    notes = [notes for _, notes in open_study(tmp_path, "nsga2")._stored.ours().values()]
    generations = [note["NSGAIISampler:generation"] for note in notes]
    assert generations == [number // 4 for number in range(NUM)]


def test_the_jobs_of_all_trials_are_in_the_study(tmp_path: Path) -> None:
    book = open_study(tmp_path, "random")
    results = [trial(book, number) for number in range(4)]
    for result in results:
        book.tell(result)
    book.flush(patience_s=10)
    assert open_study(tmp_path, "random").jobs() == {one.number: one.job for one in results}
