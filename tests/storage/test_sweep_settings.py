"""A sweep continues where only settings that it could not know are new, and have their defaults."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.config.compose import CONF
from paretoprune.config.load import load_settings
from paretoprune.errors import SweepError
from paretoprune.storage.sweep_folder import SweepFolder
from paretoprune.storage.sweep_settings import changed_settings, flat


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    """The config of a sweep, as this version composes it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", ["+sweep=resnet"]), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def without(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The config as a version would have composed it that lacks a setting."""
    older = copy.deepcopy(config)
    *holders, last = name.split(".")
    node = older
    for holder in holders:
        node = node[holder]
    del node[last]
    return older


def folder_made_with(config: dict[str, Any], path: Path) -> SweepFolder:
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    return SweepFolder(path)


@pytest.mark.parametrize(
    "name",
    [
        "granularity",
        "compensation",
        "search.max_ratio",
        "search.baseline_ratios",
        "finetune.temperature",
        "measure.latency",
        "allocation",
        "finetune.precision",
        "model.published_accuracy",
    ],
)
def test_an_older_sweep_continues_where_a_new_setting_has_its_default(
    tmp_path: Path, here: dict[str, Any], name: str
) -> None:
    folder_made_with(without(here, name), tmp_path).check_config(here)


# Settings in which the bundle differs from the default.
CHOSEN = {"finetune.distillation"}
# Settings that every config has: targets, variants by name, and the sweep's own identity.
REQUIRED = ("_target_", "name", "objectives.accuracy", "objectives.macs")


def test_every_setting_could_be_new(tmp_path: Path, here: dict[str, Any]) -> None:
    """The value that the configs give a setting is what the settings' classes give it."""
    given = [name for name in flat(here) if not name.startswith(("data.", "scorer."))]
    refused = []
    for name in given:
        try:
            changed = changed_settings(without(here, name), here)
        except (KeyError, TypeError):  # an option of a variant, or an empty list
            continue
        refused += [name] if name in changed and not name.endswith(REQUIRED) else []
    assert set(refused) == CHOSEN
    assert "model.train.learning_rate" in given


def test_what_a_target_takes_by_default_counts(tmp_path: Path, here: dict[str, Any]) -> None:
    sampler = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 10}
    newer = with_strategy(here, "sampling.Sampling", sampler=sampler)
    older = without(newer, "search.strategy.sampler.n_startup_trials")
    folder_made_with(older, tmp_path).check_config(newer)
    other = {**sampler, "n_startup_trials": 11}
    with pytest.raises(SweepError, match=r"n_startup_trials: 10 there, 11 now"):
        SweepFolder(tmp_path).check_config(with_strategy(here, "sampling.Sampling", sampler=other))


def test_a_new_setting_that_differs_from_its_default_is_refused(
    tmp_path: Path, here: dict[str, Any]
) -> None:
    newer = with_strategy(here, "auto.auto", min_gain=0.5)
    with pytest.raises(SweepError, match=r"search\.strategy\.min_gain: 0\.001 there, 0\.5 now"):
        folder_made_with(here, tmp_path).check_config(newer)
    SweepFolder(tmp_path).check_config(newer, extend=True)


def with_strategy(config: dict[str, Any], place: str, **options: object) -> dict[str, Any]:
    target = {"_target_": f"paretoprune.search.strategies.{place}", **options}
    return {**config, "search": {**config["search"], "strategy": target}}


def of_an_earlier_version(config: dict[str, Any], strategy: str, **options: object) -> Any:
    """The config as it was composed while strategies had names and shared their options."""
    old = {"sampler": None, "log_sizes": False, "num_sizes": 10, "min_gain": 0.001, **options}
    return {**config, "search": {**config["search"], "strategy": strategy, **old}}


TPE = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 12}


@pytest.mark.parametrize(
    ("name", "place", "options"),
    [
        ("auto", "auto.auto", {"min_gain": 0.01}),
        ("chain", "chain.chain", {"num_sizes": 7}),
        ("shared", "shared.shared", {}),
        ("uniform", "uniform.uniform", {"num_sizes": 7}),
        ("global", "global_ranking.global_ranking", {}),
        ("full", "sampling.Sampling", {"sampler": TPE, "log_sizes": True}),
        ("halving", "halving.Halving", {"sampler": TPE, "log_sizes": True}),
    ],
)
def test_a_sweep_whose_strategy_had_a_name_continues(
    tmp_path: Path, here: dict[str, Any], name: str, place: str, options: dict[str, Any]
) -> None:
    folder = folder_made_with(of_an_earlier_version(here, name, **options), tmp_path)
    folder.check_config(with_strategy(here, place, **options))
    load_settings(folder.read_config())  # as `pick` does
    with pytest.raises(SweepError, match="was made with other settings"):
        folder.check_config(with_strategy(here, place, **{**options, "num_sizes": 3}))


def test_a_scorer_that_was_moved_is_found(tmp_path: Path, here: dict[str, Any]) -> None:
    older = {**here, "scorer": {**here["scorer"], "_target_": "paretoprune.pruning.Magnitude"}}
    folder_made_with(older, tmp_path).check_config(here)


def test_a_number_is_the_same_however_it_is_written(tmp_path: Path, here: dict[str, Any]) -> None:
    whole = {**here, "finetune": {**here["finetune"], "epochs": 4}}
    folder = folder_made_with({**here, "finetune": {**here["finetune"], "epochs": 4.0}}, tmp_path)
    folder.check_config(whole)
    with pytest.raises(SweepError, match=r"finetune\.epochs: 4\.0 there, 5 now"):
        folder.check_config({**here, "finetune": {**here["finetune"], "epochs": 5}})


def test_the_code_of_a_foreign_config_is_not_called(tmp_path: Path, here: dict[str, Any]) -> None:
    foreign = {**here, "data": {"_target_": "nowhere.to.be.found"}}
    with pytest.raises(SweepError, match=r"data\._target_: nowhere\.to\.be\.found there"):
        folder_made_with(foreign, tmp_path).check_config(here)
