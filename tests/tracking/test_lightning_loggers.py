"""Loggers of Lightning, the real ones, as trackers of a sweep."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import pytest
import yaml
from lightning.pytorch.loggers.logger import DummyLogger

from paretoprune.config.groups.tracking import TrackingSettings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.tracking import lightning_loggers
from paretoprune.tracking.lightning_loggers import LoggerTracker, check_loggers
from paretoprune.tracking.several import SeveralTrackers
from paretoprune.tracking.tracker import NullTracker
from tests.tracking.kit import trial

LOGGERS = "lightning.pytorch.loggers"
OWN = "tests.tracking.test_lightning_loggers"


class Broken(DummyLogger):
    """A logger whose service is down."""

    def log_metrics(self, *args: object, **kwargs: object) -> None:
        raise OSError("no route to postgresql://me:secret@host")


def tracker(folder: Path, path: str, name: str = "mine", **arguments: object) -> LoggerTracker:
    target = Target(path=path, arguments=arguments, trust=["tests"])
    return LoggerTracker(name, target, sweep_name="digits", folder=folder)


def test_csv_files_hold_parameters_the_curve_and_the_figures(tmp_path: Path) -> None:
    log = tracker(tmp_path, f"{LOGGERS}.CSVLogger")
    log.log_trial(trial(3))
    assert log.close("FINISHED")
    folder = tmp_path / "mine" / "trial-3"
    params = yaml.safe_load((folder / "hparams.yaml").read_text())
    assert params["ratio/fc"] == "0.25" and params["origin"] == "sampler"
    rows = [*csv.DictReader((folder / "metrics.csv").read_text().splitlines())]
    assert float(rows[0]["macs"]) == 310 and rows[0]["step"] == "0"
    assert [row["validation_accuracy"] for row in rows[1:]] == ["40.0", "80.0"]


def test_a_resumed_sweep_logs_what_is_missing(tmp_path: Path) -> None:
    tracker(tmp_path, f"{LOGGERS}.CSVLogger").log_trial(trial(1))
    (tmp_path / "mine/trial-1/metrics.csv").unlink()
    again = tracker(tmp_path, f"{LOGGERS}.CSVLogger")
    for number in (1, 2):
        again.log_trial(trial(number))
    assert not (tmp_path / "mine/trial-1/metrics.csv").exists()
    assert (tmp_path / "mine/trial-2/metrics.csv").exists()


def test_tensorboard_reads_its_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoardLogger needs tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tracker(tmp_path, f"{LOGGERS}.TensorBoardLogger").log_trial(trial(0))
    events = EventAccumulator(str(tmp_path / "mine" / "trial-0"))
    events.Reload()
    curve = [(e.step, e.value) for e in events.Scalars("validation_accuracy")]
    assert curve == [(1, 40.0), (2, 80.0)]


def test_wandb_writes_runs_of_its_own_offline(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="WandbLogger needs wandb")
    log = tracker(tmp_path, f"{LOGGERS}.WandbLogger", offline=True)
    for number in (0, 1):
        log.log_trial(trial(number))
    assert log.close("FINISHED")
    assert len([*tmp_path.rglob("offline-run-*/*.wandb")]) == 2


def test_comet_takes_what_is_logged_and_offline_use_is_refused(tmp_path: Path) -> None:
    """Lightning's CometLogger disables the experiment where it is not online."""
    offline = Target(path=f"{LOGGERS}.CometLogger", arguments={"online": False})
    with pytest.raises(SettingsError, match=r"comet\.online=false`: CometLogger of Lightning then"):
        check_loggers(TrackingSettings(loggers={"comet": offline}))
    pytest.importorskip("comet_ml", reason="CometLogger needs comet-ml")
    log = tracker(tmp_path, f"{LOGGERS}.CometLogger", online=False)
    log.log_trial(trial(0))
    assert log.close("FINISHED")
    assert not [*tmp_path.rglob("*.zip")]


def test_an_outage_costs_one_warning_and_no_trial(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tracker(tmp_path, f"{OWN}.Broken")
    both = SeveralTrackers([broken, tracker(tmp_path, f"{LOGGERS}.CSVLogger", "csv")])
    with caplog.at_level(logging.WARNING, logger="paretoprune"):
        for number in (0, 1):
            both.log_trial(trial(number))
    [warning] = caplog.messages
    assert "the logger `mine` failed" in warning and "secret" not in warning
    assert (tmp_path / "csv" / "trial-1" / "metrics.csv").is_file()
    assert not both.close("FINISHED")
    assert not SeveralTrackers([NullTracker()]).close("FINISHED")


def test_a_missing_library_is_reported_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lightning_loggers._LIBRARIES, "CometLogger", "no_such_library")
    missing = {"comet": Target(path=f"{LOGGERS}.CometLogger")}
    with pytest.raises(
        SettingsError, match=r"`tracking\.loggers\.comet`.*pip install no-such-library"
    ):
        check_loggers(TrackingSettings(loggers=missing))
    check_loggers(TrackingSettings(loggers={"csv": Target(path=f"{LOGGERS}.CSVLogger")}))
