"""Every mistake in the settings is found, all together, each told in the user's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.config import Settings
from paretoprune.errors import SettingsError
from paretoprune.mistakes import load_settings
from paretoprune.results import Budget

CONF = Path(__file__).resolve().parents[1] / "conf"
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml") if path.stem != "_base"
)


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def mistakes_of(*overrides: str) -> Sequence[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(composed(*overrides))
    return caught.value.mistakes


@pytest.mark.parametrize("option", OPTIONS)
def test_every_config_file_composes_and_is_valid(option: str) -> None:
    needed = [] if option.startswith("sweep=") else ["name=test"]
    if option in ("schedule=regrow", "schedule=overgrow"):
        needed.append("granularity=weights")
    plus = "+" if option.startswith("sweep=") else ""
    assert isinstance(load_settings(composed(plus + option, *needed)), Settings)


def test_all_config_files_were_looked_at() -> None:
    assert len(OPTIONS) == 80


def test_all_mistakes_are_told_together() -> None:
    found = mistakes_of(
        "+search.n_trails=5",
        "search=tpe",
        "name=x",
        "finetune.epochs=many",
        "sparsity.ratio=1.5",
        "+modl=3",
        "seed=-1",
        "+model.depth=3",
        "data.batch_size=few",
    )
    assert sorted(found) == [
        "`data.batch_size` must be a valid integer, unable to parse string as an integer, "
        "got 'few'",
        "`finetune.epochs` must be a valid integer, unable to parse string as an integer, "
        "got 'many'",
        "`model.depth` is not an argument of `paretoprune.models.resnet20`; it takes: none",
        "`modl` is not a setting; did you mean `model`?",
        "`search.n_trails` is not a setting; did you mean `search.n_trials`?",
        "`seed` must be greater than or equal to 0, got -1",
        "`sparsity.ratio` must be less than 1, got 1.5",
    ]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("sparsity.macs=0.5", "sparsity.ratio=0.5"), "give one target, not"),
        (("search=tpe",), "a sweep needs a `name`"),
        (("schedule=iterative", "schedule.steps=1"), "`schedule.steps` must be 2 or more"),
        (("search=tpe", "name=x", "search.objectives.speed=minimize"), "speed, which is not"),
        (
            (
                "search=tpe",
                "name=x",
                "measure.latency=false",
                "+search.objectives.latency_ms=minimize",
            ),
            "latency_ms, which is not measured with `measure.latency=false`",
        ),
        (("sparsity.max_latency_ms=1", "measure.latency=false"), "needs `measure.latency=true`"),
        (
            ("search=tpe", "name=x", "search.max_ratio=0.5"),
            "must not exceed `search.max_ratio=0.5`",
        ),
        (("~search.objectives.macs", "search=tpe", "name=x"), "two or three quantities, got 1"),
    ],
)
def test_combinations_that_make_no_sense(overrides: tuple[str, ...], sentence: str) -> None:
    [found] = mistakes_of(
        *(
            o.replace("search.objectives.speed", "+search.objectives.speed") if "speed" in o else o
            for o in overrides
        )
    )
    assert sentence in found


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("model._target_=os.system",), "outside the trusted packages"),
        (("model._target_=my.Net",), "outside the trusted packages; if the code is yours, add"),
        (("model._target_=torch.load",), "outside the trusted packages"),
        (("model._target_=paretoprune.models.resnet21",), "cannot be imported"),
        (("model._target_=nowhere.Net", "trust=[nowhere]"), "cannot be imported"),
        (("+model.depth=3",), "`model.depth` is not an argument of `paretoprune.models.resnet20`"),
        (("+scorer.x=1",), "`scorer.x` is not an argument"),
        (("search=tpe", "name=x", "search.sampler._target_=optuna.samplers.Tpe"), "be imported"),
        (
            ("+model.width._target_=os.system", "+model.width.command=ls"),
            "`model.width._target_=os.system` is outside the trusted packages",
        ),
    ],
)
def test_targets_are_checked_before_anything_is_built(
    overrides: tuple[str, ...], sentence: str
) -> None:
    assert any(sentence in found for found in mistakes_of(*overrides))


def test_counts_may_be_written_with_a_suffix() -> None:
    settings = load_settings(composed("sparsity.max_params=50k", "sparsity.max_macs=1.5M"))
    assert (settings.sparsity.max_params, settings.sparsity.max_macs) == (50_000, 1_500_000)


def test_a_users_class_needs_trust_and_its_arguments() -> None:
    target = "tests.kits.own_model.OwnNet"
    settings = load_settings(
        composed(f"model._target_={target}", "+model.width=4", "trust=[tests.kits]")
    )
    assert settings.model.target.arguments == {"width": 4}
    [missing] = mistakes_of(f"model._target_={target}", "trust=[tests.kits]")
    assert missing == f"`model.width` is missing; `{target}` needs it"


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("90s", 90, "seconds"),
        ("10min", 600, "seconds"),
        ("1.5h", 5400, "seconds"),
        ("200ep", 200, "epochs"),
        ("40", 40, "trials"),
    ],
)
def test_a_budget_is_a_time_passes_or_trials(text: str, amount: float, unit: str) -> None:
    settings = load_settings(composed("search=auto", "name=x", f"search.budget={text}"))
    assert settings.search is not None
    assert settings.search.budget == Budget(amount, unit)


def test_another_budget_is_refused_with_what_would_be_right() -> None:
    with pytest.raises(SettingsError, match=r"`10min`.*`200ep`.*not `10 weeks`"):
        load_settings(composed("search=auto", "name=x", "search.budget=10 weeks"))
