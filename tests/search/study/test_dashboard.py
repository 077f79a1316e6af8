"""The study of a sweep in the real optuna-dashboard: front, parameters, importances."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.storages import RDBStorage

from paretoprune.config.target import Target
from paretoprune.search.front.front import front_of
from paretoprune.testing import formula
from paretoprune.testing.formula_sweep import sweep

dashboard = pytest.importorskip("optuna_dashboard", reason="needs optuna-dashboard")

SAMPLING = Target(
    path="paretoprune.search.strategies.sampling.Sampling",
    arguments={"sampler": {"_target_": "optuna.samplers.RandomSampler"}},
)


def asked(application: Any, path: str) -> Any:
    """The dashboard's answer to a request, without a server."""
    answered: list[str] = []

    def start(status: str, headers: Any, error: Any = None) -> Any:
        answered.append(status)

    environ: Mapping[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(application(dict(environ), start))
    assert answered[0].startswith("200"), (answered, body)
    return json.loads(body)


def test_it_shows_the_front_and_the_importance_of_each_group(tmp_path: Path) -> None:
    results = sweep(SAMPLING, tmp_path / "formula")
    storage = RDBStorage(f"sqlite:///{tmp_path}/formula/study.db")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the dashboard's own code
        application = dashboard.wsgi(storage)
        study_id = storage.get_all_studies()[0]._study_id
        detail = asked(application, f"/api/studies/{study_id}")
        importances = asked(application, f"/api/studies/{study_id}/param_importances")
    objectives = formula.search_settings().objectives
    assert detail["directions"] == list(objectives.values())
    shown = {tuple(trial["values"]) for trial in detail["best_trials"]}
    measured = {result.number: result.metrics.measured() for result in results}
    front = [measured[int(number)] for number in front_of(results, objectives)]
    assert shown == {tuple(one[name] for name in objectives) for one in front}
    groups = {f"ratio/{group.name}" for group in formula.GROUPS}
    for of_objective in importances["param_importances"]:
        assert {one["name"] for one in of_objective} == groups
        assert sum(one["importance"] for one in of_objective) == pytest.approx(1)
