"""Every mistake in the settings is found, all together, each reported in the user's spelling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.errors import SettingsError
from paretoprune.metrics import DIRECTIONS

CONF = Path(__file__).resolve().parents[2] / "conf"
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.stem not in ("_base", "own")
)


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", list(overrides)), resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def mistakes_of(*overrides: str, trust: Sequence[str] = ()) -> Sequence[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(composed(*overrides), trust=trust)
    return caught.value.mistakes


@pytest.mark.parametrize("option", OPTIONS)
def test_every_config_file_composes_and_is_valid(option: str) -> None:
    needed = [] if option.startswith("sweep=") else ["name=test"]
    if option in ("schedule=regrow", "schedule=overgrow", "compensation=obs"):
        needed.append("granularity=weights")
    plus = "+" if option.startswith("sweep=") else ""
    assert isinstance(load_settings(composed(plus + option, *needed)), Settings)


def test_the_config_files_are_found() -> None:
    assert len(OPTIONS) > 80


def test_all_mistakes_are_reported_together() -> None:
    found = mistakes_of(
        "+search.n_trails=5",
        "search=tpe",
        "name=x",
        "finetune.epochs=many",
        "sparsity.ratio=1.5",
        "+modl=3",
        "seed=-1",
        "+model.turns=3",
        "data.batch_size=few",
    )
    assert sorted(found) == [
        "`data.batch_size` must be a whole number, got 'few'",
        "`finetune.epochs` must be a whole number, got 'many'",
        "`model.turns` is not an argument of `paretoprune.models.resnet20`; it takes: none",
        "`modl` is not a setting; did you mean `model`?",
        "`search.n_trails` is not a setting; did you mean `search.n_trials`?",
        "`seed` must be greater than or equal to 0, got -1",
        "`sparsity.ratio` must be less than 1, got 1.5",
    ]


def test_what_does_not_fit_together_is_reported_with_the_rest() -> None:
    found = mistakes_of(
        "seed=x",
        "schedule=regrow",
        "search=tpe",
        "+search.budget=ten",
        "search.baseline_ratios=[0.95]",
        "+search.objectives.size=minimize",
        "executor.workers=4",
        "+executor.address=here",
        "executor.time_limit=soon",
    )
    assert sorted(found) == sorted(
        [
            "`seed` must be a whole number, got 'x'",
            "`search.budget`: a budget is a time (`90s`, `10min`, `2h`), passes over the training "
            "data (`200ep`) or a number of trials (`40`), not `ten`",
            "`executor.time_limit` must be a time, as in `90s`, `10min` or `2h`, got `soon`",
            "`search.objectives` names size, which is not measured; did you mean `size_bytes`? "
            "measured are: " + ", ".join(DIRECTIONS),
            "`search.baseline_ratios` must not exceed `search.max_ratio=0.9`",
            "`executor.workers=4` needs other processes; choose `executor=processes`, "
            "`executor=ray` or `executor=slurm`",
            "`executor.address` needs `executor=ray`; `executor=inline` takes: workers, "
            "time_limit, retries",
        ]
    )
    rules = mistakes_of("seed=x", "schedule=regrow", "search=tpe")
    assert sorted(rules)[::2] == [
        "`schedule=regrow` exchanges single weights; set `granularity=weights`",
        "a sweep needs a `name`, for example `name=my-sweep`",
    ]


@pytest.mark.parametrize(
    "overrides",
    [
        (
            "schedule=regrow",
            "granularity._target_=paretoprune.pruning.granularities.weights.Foo",
        ),  # it may have been `weights`
        ("search.strategy=foo", "search=tpe", "name=x"),
        ("search=tpe", "name=x", "search.objectives.macs=least"),  # two are named
    ],
)
def test_what_may_follow_from_another_mistake_is_not_reported(overrides: tuple[str, ...]) -> None:
    assert len(mistakes_of(*overrides)) == 1


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("model._target_=os.system",), "outside the trusted packages"),
        (("model._target_=my.Net",), "if you know that code, add `trust=[my]` to the command"),
        (("model._target_=torch.load",), "outside the trusted packages"),
        (("model._target_=paretoprune.models.resnet21",), "cannot be imported"),
        (
            ("model._target_=paretoprune.pruning.structured.checkpoint.save_state",),
            "not among what may be called",
        ),
        (("+model.turns=3",), "`model.turns` is not an argument of `paretoprune.models.resnet20`"),
        (("+scorer.x=1",), "`scorer.x` is not an argument"),
        (
            ("search=tpe", "name=x", "search.strategy.sampler._target_=optuna.samplers.Tpe"),
            "be imported",
        ),
        (
            ("+model.extra._target_=os.system", "+model.extra.command=ls"),
            "`model.extra._target_=os.system` is outside the trusted packages",
        ),
    ],
)
def test_targets_are_checked_before_anything_is_built(
    overrides: tuple[str, ...], sentence: str
) -> None:
    assert any(sentence in found for found in mistakes_of(*overrides))


def test_a_users_class_needs_trust_and_its_arguments() -> None:
    target = "tests.kits.own_model.OwnNet"
    config = composed(f"model._target_={target}", "+model.width=4")
    settings = load_settings(config, trust=["tests.kits"])
    assert settings.model.target.arguments == {"width": 4}
    assert settings.trust == ("tests.kits",)
    [missing] = mistakes_of(f"model._target_={target}", trust=["tests.kits"])
    assert missing == f"`model.width` is missing; `{target}` needs it"
    [absent] = mistakes_of("model._target_=nowhere.Net", trust=["nowhere"])
    assert "cannot be imported: there is no module `nowhere`" in absent


def test_all_that_must_be_trusted_is_named_in_one_line() -> None:
    overrides = ("model._target_=my.Net", "scorer._target_=your.Scorer", "trust=[my,your]")
    *refused, advice = mistakes_of(*overrides, trust=["tests.kits"])
    assert len(refused) == 2  # what the config itself says of trust is no trust
    assert "`trust=[tests.kits,my,your]` to the command" in advice
    assert 'in Python, `trust=["tests.kits", "my", "your"]`' in advice


def test_the_environment_may_name_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETOPRUNE_TRUST", "other, tests.kits")
    config = composed("model._target_=tests.kits.own_model.OwnNet", "+model.width=4")
    assert load_settings(config).trust == ("other", "tests.kits")


@pytest.mark.parametrize("written", ["32", "'32'"])
def test_the_precision_may_be_written_as_a_number(written: str) -> None:
    settings = load_settings(composed(f"finetune.precision={written}"))
    assert settings.finetune.precision == "32"
    assert "`finetune.precision` must be 'auto', '32' or 'bf16', got '64'" in mistakes_of(
        "finetune.precision=64"
    )
