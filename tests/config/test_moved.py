"""Names of variants in configs of earlier versions lead to where the variants are now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from paretoprune.config.compose import targets_of
from paretoprune.config.load import load_settings
from paretoprune.config.moved import (
    _ALLOCATIONS,
    _EXECUTORS,
    _GRANULARITIES,
    _SCHEDULES,
    MOVED,
    modernised,
    named_training,
)
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.storage.sweep_settings import changed_settings
from tests.config.test_load import composed


@pytest.mark.parametrize("name", sorted(MOVED))
def test_a_moved_variant_may_be_called(name: str) -> None:
    assert not find_mistakes(Target(path=MOVED[name]), setting="scorer", provided=("seed",))


def test_a_config_of_an_earlier_version_is_read() -> None:
    settings = load_settings(composed("scorer._target_=paretoprune.pruning.Magnitude"))
    assert settings.scorer.path == "paretoprune.pruning.scorers.data_free.magnitude.Magnitude"


@pytest.mark.parametrize(
    ("group", "stored", "now"),
    [
        (
            "schedule",
            {"name": "iterative", "steps": 4, "spacing": "geometric"},
            ("schedule=iterative", "schedule.steps=4", "schedule.spacing=geometric"),
        ),
        # options of other schedules, which had no effect, were stored by earlier versions
        ("schedule", {"name": "one_shot", "steps": 1, "ramp": 0.5}, ("schedule=one_shot",)),
        (
            "schedule",
            {"name": "regrow", "exchanged": 0.3, "every": 5, "until": 0.75, "overgrow": 2.0},
            ("schedule=overgrow", "schedule.every=5", "granularity=weights"),
        ),
        (
            "granularity",
            {"name": "nm", "m": 8, "rows": 4, "columns": 1},
            ("granularity=nm", "granularity.m=8"),
        ),
        (
            "executor",
            {
                "name": "slurm",
                "workers": 3,
                "time_limit": "2h",
                "retries": 2,
                "gpus_per_worker": 0,
                "cluster": "slurm",
                "partition": "gpu",
            },
            (
                "executor=slurm",
                "executor.workers=3",
                "executor.partition=gpu",
                "executor.time_limit=2h",
            ),
        ),
    ],
)
def test_a_variant_that_was_named_is_read(
    group: str, stored: dict[str, object], now: tuple[str, ...]
) -> None:
    expected = composed(*now)
    config = modernised({**expected, group: stored})
    loaded, wanted = load_settings(config), load_settings(expected)
    assert replace(loaded, executor=wanted.executor) == wanted
    assert loaded.executor.target.path == wanted.executor.target.path
    # Options that are newer than the stored ones have their defaults.
    assert loaded.executor.target.arguments.items() <= wanted.executor.target.arguments.items()
    if group != "executor":  # executors do not count
        assert not changed_settings(config, expected)


@pytest.mark.parametrize(
    ("stored", "now"),
    [
        ({"compensation": "auto"}, ()),
        ({"compensation": "none"}, ("compensation=none",)),
        ({"compensation": "bias"}, ("compensation=bias",)),
        ({"compensation": "least_squares"}, ("compensation=least_squares",)),
        ({"sparse_training": {"name": "none"}}, ()),
        # of dropout, without a penalty; its share of the smallest weights was all by default
        (
            {"sparse_training": {"name": "none", "dropout": 0.3}},
            (
                *("sparse_training=dropout", "sparse_training.dropout=0.3"),
                "sparse_training.targeted=1.0",
            ),
        ),
        (
            {"sparse_training": {"name": "l1", "strength": 0.1, "epochs": 2, "targeted": 0.5}},
            ("sparse_training=l1", "sparse_training.strength=0.1", "sparse_training.epochs=2"),
        ),
        (
            {"sparse_training": {"name": "bn_scale", "dropout": 0.2, "targeted": 0.5}},
            (
                *("sparse_training=bn_scale", "+sparse_training.dropout=0.2"),
                "+sparse_training.targeted=0.5",
            ),
        ),
        # defaults of settings that a command gave, not a file
        (
            {"sparse_training": {"name": "growing"}},
            (
                "sparse_training=growing",
                "sparse_training.strength=1e-4",
                "sparse_training.epochs=4",
            ),
        ),
    ],
)
def test_training_that_was_named_is_read(stored: dict[str, object], now: tuple[str, ...]) -> None:
    expected = composed(*now)
    config = modernised({**expected, **stored})
    assert load_settings(config) == load_settings(expected)
    assert not changed_settings(config, expected)
    assert modernised(config) == config
    # In a file of settings or on the command line, the same may still be written.
    without_targeted = not (now and now[0] == "sparse_training=l1")
    assert named_training({**expected, **stored}) == config or not without_targeted


@pytest.mark.parametrize(
    "stored",
    [{"compensation": "bias"}, {"sparse_training": {"name": "growing", "strength": 0.1}}],
)
def test_training_that_had_no_effect_is_left_out(stored: dict[str, object]) -> None:
    """Now it is a mistake, but the sweep can still be read, continued and picked from."""
    expected = composed("schedule=gradual")
    config = modernised({**expected, **stored})
    assert load_settings(config) == load_settings(expected)
    assert not changed_settings(config, expected)


def test_every_variant_that_was_named_is_a_config_now() -> None:
    groups = {"schedule": _SCHEDULES, "granularity": _GRANULARITIES, "executor": _EXECUTORS}
    for group, names in groups.items():
        for name in names:
            found = modernised({group: {"name": name}})[group]["_target_"]
            assert found == targets_of(group)[name]


@pytest.mark.parametrize("name", _ALLOCATIONS)
def test_an_allocation_that_was_a_setting_is_read(name: str) -> None:
    expected = composed(f"allocation={name}")
    del (older := dict(expected))["allocation"]
    older["sparsity"] = {**expected["sparsity"], "allocation": name}
    assert load_settings(modernised(older)) == load_settings(expected)
    assert not changed_settings(modernised(older), expected)


@pytest.mark.parametrize("overrides", [("search=random", "name=x"), ("sparsity.ratio=0.5",)])
def test_an_allocation_that_had_no_effect_is_left_out(overrides: tuple[str, ...]) -> None:
    """Now it is a mistake, but the sweep can still be read, continued and picked from."""
    expected = composed(*overrides)
    older = {**expected, "sparsity": {**expected["sparsity"], "allocation": "score"}}
    assert load_settings(modernised(older)) == load_settings(expected)
    assert not changed_settings(modernised(older), expected)
