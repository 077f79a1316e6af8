"""`python -m src.report`: everything again, from the sweep's folder alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from paretoprune.report.summary_data import facts_of
from paretoprune.results import Job
from paretoprune.search.allocation.baselines import baselines
from paretoprune.storage.atomic import write_json
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.testing import formula
from tests.kits.commands import run_report

WRITTEN = ("report.html", "front.html", "front.png", "front.csv", "trials.csv")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the sweep `formula`, whose model cannot be imported here."""
    make_sweep(tmp_path, "formula", seed=0)
    return tmp_path


def make_sweep(project: Path, name: str, *, seed: int, shift: float = 0.0) -> None:
    """Return recorded results; `shift` is added to every accuracy but the dense one."""
    folder = SweepFolder(project / "sweeps" / name)
    config = {
        "name": name,
        "seed": seed,
        "model": {"_target_": "nowhere.Net"},
        "data": {"_target_": "nowhere.data"},
        "search": {"objectives": {"accuracy": "maximize", "macs": "minimize"}},
    }
    folder.path.mkdir(parents=True)
    folder.config.write_text(yaml.safe_dump(config))
    write_json(folder.dense / "data.json", {"num_classes": 10})
    groups = [{"name": g.name, "width": g.width} for g in formula.GROUPS]
    write_json(folder.dense / "groups.json", {"prunable": groups})
    scores = {name: np.array(values) for name, values in formula.SCORES.items()}
    save_file(scores, folder.dense / "scores.safetensors")
    damage = {g.name: [0.0, 0.1, 0.2 + i] for i, g in enumerate(formula.GROUPS)}
    write_json(folder.dense / "sensitivity.json", {"levels": [0, 0.25, 0.6], "damage": damage})
    proposals = baselines(
        formula.GROUPS, formula.SCORES, formula.cost_of, ratios=(0.25, 0.5, 0.75), max_ratio=0.9
    )
    for number, proposal in enumerate(proposals):
        widths = formula.widths_of(proposal.ratios)
        job = Job(number, proposal.origin, proposal.ratios, widths, seed=seed)
        result = formula.evaluate(job)
        accuracy = result.metrics.quality.get("accuracy", 0.0) + (shift if number else 0.0)
        folder.write_result(
            replace(result, metrics=replace(result.metrics, quality={"accuracy": accuracy}))
        )


def test_everything_is_rebuilt_without_the_users_model(project: Path) -> None:
    done = run_report(project, "formula")
    assert (done.code, done.err) == (0, "")
    folder = project / "sweeps" / "formula"
    assert all((folder / name).stat().st_size > 100 for name in WRITTEN)
    before = {name: (folder / name).read_bytes() for name in WRITTEN}
    for name in WRITTEN:
        (folder / name).unlink()
    assert run_report(project, "formula").code == 0
    assert {name: (folder / name).read_bytes() for name in WRITTEN} == before


@pytest.mark.timeout(600)
def test_what_mlflow_lacks_is_sent(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("paretoprune.tracking.open.git_commit", lambda folder: None)
    for _ in range(2):
        done = run_report(project, "formula", "send=true")
        assert (done.code, done.err) == (0, "")
        assert "MLflow has all trials" in done.out
    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("formula")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    results = SweepFolder(project / "sweeps" / "formula").read_results()
    sent = sorted(int(run.data.tags["trial"]) for run in runs if "trial" in run.data.tags)
    assert sent == [result.number for result in results]
    [parent] = [run for run in runs if "trial" not in run.data.tags]
    assert parent.info.status == "FINISHED"
    assert (parent.data.tags["model"], parent.data.tags["seed"]) == ("nowhere.Net", "0")


def test_a_sweep_that_mlflow_did_not_take_whole_is_no_success(project: Path) -> None:
    done = run_report(project, "formula", "send=true", "tracking.uri=http://127.0.0.1:9")
    assert done.code == 2
    assert "the same command sends what is missing" in done.err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["send=yes"], "`send=yes` must be true or false"),
        (["send=true"], "without its password; add `tracking.uri=...`"),
    ],
)
def test_what_cannot_be_sent_is_reported(
    project: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], error: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    config = project / "sweeps" / "formula" / "config.yaml"
    config.write_text(config.read_text() + "tracking: {uri: 'postgresql://***@host/mlflow'}\n")
    done = run_report(project, "formula", *options)
    assert done.code == 2
    assert error in done.err


def test_sensitivity_is_that_at_the_level_nearest_to_a_half(project: Path) -> None:
    folder = SweepFolder(project / "sweeps" / "formula")
    facts = facts_of(folder, folder.read_results())
    assert facts.sensitivity_ratio == 0.6
    assert facts.sensitivity == {"g0": 0.2, "g1": 1.2, "g2": 2.2, "g3": 3.2}


def test_scores_and_groups_are_those_on_record(project: Path) -> None:
    folder = SweepFolder(project / "sweeps" / "formula")
    facts = facts_of(folder, folder.read_results())
    assert facts.scores == {name: [*values] for name, values in formula.SCORES.items()}
    assert tuple(facts.groups) == formula.GROUPS


def test_retraining_by_pick_is_reported(project: Path) -> None:
    folder = SweepFolder(project / "sweeps" / "formula")
    repeats = [{"seed": 7, "validation": 80.0, "test": 79.0}]
    for number, extra in ((3, 0), (4, 5)):  # a longer training is no repetition of the sweep's
        export = {"trial": number, "extra_epochs": extra, "repeats": repeats}
        write_json(folder.path / f"picked/{number:04d}" / "metrics.json", export)
    assert facts_of(folder, folder.read_results()).repeats == {3: [80.0]}


def test_published_results_stay_with_the_sweep(project: Path) -> None:
    (project / "them.csv").write_text("name,accuracy,macs\nSmallNet,90,20\n")
    assert run_report(project, "formula", "published=them.csv").code == 0
    (project / "them.csv").unlink()
    assert run_report(project, "formula").code == 0
    page = (project / "sweeps" / "formula" / "report.html").read_text()
    assert (
        json.dumps({"label": "SmallNet", "values": {"accuracy": 90.0, "macs": 20.0}}).replace(
            " ", ""
        )
        in page
    )


def test_a_damaged_table_of_published_results_costs_no_report(project: Path) -> None:
    (project / "sweeps" / "formula" / "published.csv").write_text("nonsense\n")
    assert run_report(project, "formula").code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("formulla",), "there is no sweep `formulla` in sweeps/; did you mean `formula`?"),
        (("formula", "publish=x.csv"), "`publish` is not an option; did you mean `published`?"),
        (
            ("formula", "published=none.csv"),
            "`none.csv` is missing, and must be a CSV file",
        ),
        (("formula", "now"), "`now` is not understood; write `key=value`"),
    ],
)
def test_mistakes_are_reported_and_nothing_is_written(
    project: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run_report(project, *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert not (project / "sweeps" / "formula" / "report.html").exists()


def test_a_sweep_without_a_finished_trial_is_reported(project: Path) -> None:
    for path in (project / "sweeps" / "formula" / "trials").glob("*/result.json"):
        path.unlink()
    done = run_report(project, "formula")
    assert done.code == 2
    assert "no trial of sweeps/formula has finished yet" in done.err


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("port=8001", "`port` is an option of `serve=true`"),
        ("open=true", "`open` is an option of `serve=true`"),
        ("serve=yes", "`serve=yes` must be true or false"),
    ],
)
def test_options_of_the_server_are_checked(tmp_path: Path, option: str, sentence: str) -> None:
    done = run_report(tmp_path, "any", option)
    assert done.code == 2 and sentence in done.err
