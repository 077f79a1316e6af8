"""A sweep goes on where only settings that it could not know are new, and have their defaults."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.config.compose import CONF
from paretoprune.errors import SweepError
from paretoprune.storage.sweep_folder import SweepFolder


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
        "search.min_gain",
        "search.baseline_ratios",
        "finetune.temperature",
        "measure.latency",
        "sparsity.allocation",
        "finetune.precision",
        "model.published_accuracy",
    ],
)
def test_an_older_sweep_goes_on_where_a_new_setting_has_its_default(
    tmp_path: Path, here: dict[str, Any], name: str
) -> None:
    folder_made_with(without(here, name), tmp_path).check_config(here)


def test_what_a_target_takes_by_default_counts(tmp_path: Path, here: dict[str, Any]) -> None:
    sampler = {"_target_": "optuna.samplers.TPESampler", "n_startup_trials": 10}
    newer = {**here, "search": {**here["search"], "sampler": sampler}}
    older = without(newer, "search.sampler.n_startup_trials")
    folder_made_with(older, tmp_path).check_config(newer)
    other = {**sampler, "n_startup_trials": 11}
    with pytest.raises(SweepError, match=r"n_startup_trials: 10 there, 11 now"):
        SweepFolder(tmp_path).check_config(
            {**newer, "search": {**newer["search"], "sampler": other}}
        )


def test_a_new_setting_that_differs_from_its_default_is_refused(
    tmp_path: Path, here: dict[str, Any]
) -> None:
    older = without(here, "search.min_gain")
    newer = {**here, "search": {**here["search"], "min_gain": 0.5}}
    with pytest.raises(SweepError, match=r"search\.min_gain: 0\.001 there, 0\.5 now"):
        folder_made_with(older, tmp_path).check_config(newer)


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
