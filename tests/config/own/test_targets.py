"""A replaced `_target_` drops the arguments of the option's own class and keeps the user's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from paretoprune.config.compose import CONF, compose_options, own_groups
from paretoprune.config.own.targets import with_own_arguments
from tests.kits.commands import OWN, TINY, run_train

NSGA2 = "optuna.samplers.NSGAIISampler"
NET = f"{OWN}.own_model.OwnResidual"


@pytest.mark.parametrize(
    "arguments",
    [
        ("model=timm", f"model._target_={NET}"),
        ("model=own", f"model._target_={NET}", "model.width=4"),
        ("data._target_=tests.kits.own_data.Stripes",),
        ("data=npz", "data._target_=tests.kits.own_data.Stripes", "data.num_samples=32"),
        ("data=own", "data._target_=tests.kits.own_data.Stripes"),
        ("scorer=obd", "scorer._target_=tests.kits.own_data.Largest"),
        ("schedule=iterative", "schedule._target_=tests.kits.own_schedule.Halves"),
        ("schedule=own", "schedule._target_=tests.kits.own_schedule.Halves", "schedule.rounds=2"),
        ("executor=slurm", "executor._target_=paretoprune.executors.processes.processes"),
        ("task=own", "task._target_=tests.kits.regression.Ink"),
        ("search=tpe", "name=x", f"search.strategy.sampler._target_={NSGA2}"),
        (
            "search=tpe",
            "name=x",
            "search.strategy._target_=paretoprune.search.strategies.uniform.uniform",
        ),
        ("-m", "sparsity.ratio=0.1,0.2", "scorer._target_=tests.kits.own_data.Largest"),
        ("-m", "model=timm,vgg16_bn", f"model._target_={NET}"),
    ],
)
def test_arguments_of_the_option_are_no_mistakes(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_train(tmp_path, *arguments, f"trust=[{OWN}]", "seed=x")
    assert done.code == 2
    assert done.err.splitlines() == ["error: `seed` must be a whole number, got 'x'"]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("data._target_=tests.kits.own_data.Stripes", "data.size=8"), "data.size"),
        (("model=timm", f"model._target_={NET}", "model.img_size=8"), "model.img_size"),
        (
            (
                "search=tpe",
                f"search.strategy.sampler._target_={NSGA2}",
                "search.strategy.sampler.multivariate=true",
                "name=x",
            ),
            "search.strategy.sampler.multivariate",
        ),
    ],
)
def test_what_the_user_gave_is_checked_even_where_it_equals_the_option(
    tmp_path: Path, arguments: tuple[str, ...], name: str
) -> None:
    done = run_train(tmp_path, *arguments, f"trust=[{OWN}]")
    assert done.code == 2
    assert f"error: `{name}` is not an argument of" in done.err


def test_a_bundle_of_the_users_own_may_replace_a_target(tmp_path: Path) -> None:
    (tmp_path / "my_conf/sweep").mkdir(parents=True)
    bundle = (
        "# @package _global_\n"
        "defaults: [{override /search: random}]\n"
        "name: mine\n"
        "data: {_target_: tests.kits.own_data.Stripes, num_samples: 16}\n"
    )
    (tmp_path / "my_conf/sweep/mine.yaml").write_text(bundle)
    line = ("--config-dir", "my_conf", "+sweep=mine", "seed=x")
    done = run_train(tmp_path, *line, f"trust=[{OWN}]")
    assert done.code == 2
    assert done.err.count("\n") == 1 and "`seed` must be" in done.err
    (tmp_path / "my_conf/sweep/mine.yaml").write_text(bundle.replace("num_samples: 16", "size: 8"))
    done = run_train(tmp_path, *line, f"trust=[{OWN}]")
    assert "`data.size` is not an argument of" in done.err


def test_the_run_itself_has_the_reduced_settings(tmp_path: Path) -> None:
    changed = [one for one in TINY if not one.startswith("model.")]
    line = ("model=timm", f"model._target_={NET}", "model.width=4", "model.train.epochs=1")
    done = run_train(tmp_path, *changed, *line, "name=one", "sparsity.ratio=0.5")
    assert done.code == 0, done.err
    config = (tmp_path / "sweeps/one/config.yaml").read_text()
    assert "img_size" not in config and "width: 4" in config


@pytest.mark.parametrize("group", sorted(set(own_groups()) - {"task"}))  # functions
def test_an_own_option_without_a_target_says_what_is_missing(tmp_path: Path, group: str) -> None:
    done = run_train(tmp_path, f"{group}=own", "name=x")
    place = "search.strategy" if group == "search" else group
    assert done.code == 2
    assert f"`{place}._target_` is missing; `{place}._target_=my_" in done.err


def test_there_is_an_own_option_of_every_group_with_targets() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in CONF.glob("*/*.yaml")}
    # Of the group itself, or of its strategy; those further in are named one by one.
    own = re.compile(r"^( {2})?_target_:", flags=re.MULTILINE)
    named = {path.parent.name for path, text in texts.items() if own.search(text)}
    assert set(own_groups()) == named - {"sweep"} > {"data", "task"}


@pytest.mark.parametrize(
    "options",
    [
        {"scorer._target_": "my.Scorer", "scorer.batches": 2},
        {"scorer": {"_target_": "my.Scorer", "batches": 2}},
        {"scorer": {"_target_": "my.Scorer"}, "scorer.batches": 2},
    ],
)
def test_in_python_too(options: dict[str, Any]) -> None:
    config = compose_options({"search": "tpe", **options})
    assert config["scorer"] == {"_target_": "my.Scorer", "batches": 2}
    assert config["search"]["strategy"]["sampler"]["multivariate"] is True


def test_other_targets_and_other_groups_are_left_alone() -> None:
    option = {"data": {"_target_": "a.A", "size": 8}, "model": {"_target_": "m.M"}}
    given: dict[str, Any] = {"data": {"_target_": "b.B"}}
    same = with_own_arguments(option, option, lambda _: {}, groups=["data", "model"])
    assert same == option
    found = with_own_arguments(
        {**option, "data": {"_target_": "b.B", "size": 8}, "seed": 1},
        option,
        lambda others: given if list(others) == ["data=own"] else {},
        groups=["data", "model"],
    )
    assert found == {"data": {"_target_": "b.B"}, "model": {"_target_": "m.M"}, "seed": 1}
