"""`sweep.run`: values in, values out; stopped by its watch and continued."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from paretoprune.api.objects import Job, job_of
from paretoprune.results import TrialResult
from paretoprune.sweep.run import BegunSweep, Watch, run
from tests.kits.objects import QUICK, digit_loaders, trained_net


class Stopper:
    """A watcher that wants no more after two trials."""

    def __init__(self, *, interrupts: bool = False) -> None:
        self.finished_numbers: list[int] = []
        self._interrupts = interrupts

    def begun(self, results: Sequence[TrialResult]) -> None:
        """The sweep starts."""

    def finished(self, result: TrialResult, results: Sequence[TrialResult]) -> None:
        self.finished_numbers.append(result.number)
        if self._interrupts and self.stop():
            raise KeyboardInterrupt

    def stop(self) -> bool:
        return len(self.finished_numbers) >= 2

    @contextmanager
    def watch(self, begun: BegunSweep) -> Iterator[Watch]:
        yield Watch((self,), self.stop)


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder, loaders = tmp_path_factory.mktemp("run"), digit_loaders()
    places = {"sweeps_dir": str(folder / "sweeps"), "cache_dir": str(folder / "cache")}
    options = {**QUICK, **places, "search": "random", "search.n_trials": 7, "name": "stopped"}
    return job_of(trained_net(loaders[0], epochs=1), loaders, options)


def test_it_stops_when_it_is_asked_and_continues_where_it_stopped(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A command of another test may have left its console among the handlers.
    monkeypatch.setattr(logging.getLogger("paretoprune"), "handlers", [])
    stopper = Stopper()
    first = run(job.settings, job.config, sources=job.sources, watch=stopper.watch)
    assert first.stopped
    assert [result.number for result in first.results] == stopper.finished_numbers
    whole = run(job.settings, job.config, sources=job.sources)
    assert not whole.stopped
    assert whole.results[:2] == first.results
    assert sum(not result.was_settled for result in whole.results) == 7
    assert capsys.readouterr().out == ""


def test_an_interrupt_is_in_the_log_of_the_sweep(job: Job) -> None:
    stopper = Stopper(interrupts=True)
    config = {**job.config, "name": "interrupted"}
    settings = replace(job.settings, name="interrupted")
    with pytest.raises(KeyboardInterrupt):
        run(settings, config, sources=job.sources, watch=stopper.watch)
    log = settings.sweeps_dir / "interrupted" / "sweep.log"
    assert "stopped; what finished is kept" in log.read_text()
