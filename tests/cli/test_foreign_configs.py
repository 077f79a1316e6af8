"""Configs from elsewhere choose settings, and have nothing called or read; trust is given."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.kits.commands import OWN, TINY, run_compare, run_latency, run_pick, run_report, run_train

OPTION = "# @package _global_\n"
TRUSTING = "trust=[tests]"  # as the printed line says


def train_with(folder: Path, content: str, *arguments: str) -> tuple[int, str]:
    """A command with such a sweep in a folder that it adds; what it said is all that is left."""
    (folder / "conf" / "sweep").mkdir(parents=True)
    (folder / "conf" / "sweep" / "evil.yaml").write_text(OPTION + content)
    done = run_train(folder, "--config-dir", "conf", "+sweep=evil", "tracking=none", *arguments)
    left = {path.name for path in folder.iterdir()}
    assert done.code != 2 or left == {"conf"}
    return done.code, done.err


@pytest.mark.parametrize(
    "value",
    [
        "${oc.env:HOME}",
        "${oc.create:{_target_: os.system, command: touch owned}}",
        "\\${oc.create:{_target_: os.system, command: touch owned}}",
        "${seed}${oc.decode:1}",
        "${model.${oc.env:HOME}}",
        "${hydra:runtime.cwd}",
        "${now:%Y}",
    ],
)
def test_only_other_settings_may_be_referred_to(tmp_path: Path, value: str) -> None:
    for place in ({"name": value}, {"model": {"width": [value]}}, {"search": {value: 1}}):
        folder = tmp_path / str(len(json.dumps(place)))
        code, said = train_with(folder, yaml.safe_dump(place))
        assert code == 2
        assert "may only name another setting" in said


def test_the_command_line_refers_to_settings_alone_too(tmp_path: Path) -> None:
    done = run_train(tmp_path, "cache_dir=${oc.env:HOME}")
    assert done.code == 2
    assert "`cache_dir=${oc.env:HOME}`" in done.err
    assert "may only name another setting" in done.err
    assert not any(tmp_path.iterdir())


def test_other_settings_may_be_referred_to(tmp_path: Path) -> None:
    code, said = train_with(
        tmp_path, "name: own\nseed: 7\nsearch: null\ndata: {size: '${.split_seed}'}"
    )
    assert code == 2
    assert "got" in said or "size" in said  # 0 pixels: it was put in, and then checked


@pytest.mark.parametrize(
    "hydra",
    [
        {"callbacks": {"x": {"_target_": "os.system"}}},
        {"job": {"env_set": {"PYTHONPATH": "/tmp"}}},
        {"job": {"chdir": True}},
        {"run": {"dir": "${oc.env:HOME}"}},
        {"mode": "MULTIRUN"},
        {"sweeper": {"params": {"trust": "[sympy]"}}},
        {"launcher": {"_target_": "os.system"}},
        {"output_subdir": "there"},
    ],
)
def test_hydra_is_set_on_the_command_line_alone(tmp_path: Path, hydra: dict[str, object]) -> None:
    code, said = train_with(tmp_path, yaml.safe_dump({"hydra": hydra, "name": "x"}))
    assert code == 2
    assert "a config sets `hydra." in said


def test_a_config_names_no_cluster(tmp_path: Path) -> None:
    code, said = train_with(tmp_path, "name: x\nexecutor: {name: ray, address: 'ray://evil:1'}")
    assert code == 2
    assert "`executor.address`, which it must not" in said


@pytest.mark.parametrize("trust", ["[sympy]", "sympy", "[{a: b}]"])
def test_a_config_gives_no_trust(tmp_path: Path, trust: str) -> None:
    evil = 'model: {_target_: sympy.sympify, a: \'__import__("os").mkdir("owned")\'}\n'
    code, said = train_with(tmp_path, f"trust: {trust}\nname: x\n{evil}")
    assert code == 2
    assert "`trust` counts on the command line alone" in said
    assert "`model._target_=sympy.sympify` is outside the trusted packages" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config-path", "conf"),
        ("-cn", "evil"),
        ("--experimental-rerun=x.pickle",),
        ("--config-d=conf",),
    ],
)
def test_no_other_way_leads_to_a_config(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run_train(tmp_path, *arguments)
    assert done.code == 2
    assert f"`{arguments[0].partition('=')[0]}` is no option" in done.err


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sweep of a network of the user's own, by other processes."""
    folder = tmp_path_factory.mktemp("own")
    arguments = ("search=random", "search.n_trials=2", "name=own", "search.baseline_ratios=[]")
    done = run_train(folder, *TINY, *arguments, "executor=processes", "executor.workers=2")
    assert done.code == 0, done.err
    assert f"paretoprune pick own 'trust=[{OWN.partition('.')[0]}]'" in done.out
    return folder


def test_trust_reaches_workers_and_is_no_part_of_the_sweep(sweep: Path) -> None:
    results = [json.loads(p.read_text()) for p in sweep.glob("sweeps/own/trials/*/result.json")]
    assert {result["state"] for result in results} <= {"complete", "duplicate"}
    again = run_train(
        sweep,
        *TINY,
        "search=random",
        "search.n_trials=2",
        "name=own",
        "search.baseline_ratios=[]",
        "trust=[tests,other]",
    )
    assert again.code == 0, again.err


def test_who_trusted_a_package_need_not_say_it_again(sweep: Path) -> None:
    assert run_latency(sweep, "own", "repeats=2", trust=()).code == 0
    config = sweep / "sweeps" / "own" / "config.yaml"
    content = config.read_text()
    config.write_text(content + "# edited\n")  # by a stranger, perhaps
    refused = run_latency(sweep, "own", "repeats=2", trust=())
    config.write_text(content)
    assert refused.code == 2
    assert f"add `{TRUSTING}` to the command" in refused.err


def test_commands_say_what_to_add(sweep: Path, tmp_path: Path) -> None:
    assert run_pick(sweep, "own", trust=(TRUSTING,)).code == 0
    shutil.copytree(sweep, tmp_path, dirs_exist_ok=True)
    sweep = tmp_path  # as a stranger's folder comes
    [export] = (sweep / "sweeps" / "own" / "picked").iterdir()
    exported = str(export.relative_to(sweep))
    for run, name in ((run_pick, "own"), (run_latency, "own"), (run_latency, exported)):
        refused = run(sweep, name, trust=())
        assert refused.code == 2
        assert f"add `{TRUSTING}` to the command" in refused.err
    for name in ("own", exported):
        assert run_latency(sweep, name, "repeats=2", trust=(TRUSTING,)).code == 0


def test_reports_call_nothing(sweep: Path) -> None:
    for more in ((), (TRUSTING,)):
        assert run_report(sweep, "own", *more).code == 0
        assert run_compare(sweep, "own", *more).code == 0


def test_the_environment_counts_as_the_command_line(
    sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETOPRUNE_TRUST", "tests")
    assert run_latency(sweep, "own", "repeats=2", trust=()).code == 0
