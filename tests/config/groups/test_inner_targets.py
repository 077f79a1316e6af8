"""`_target_`s among the settings of a group: what is taken, and what is refused in a sentence."""

from __future__ import annotations

import pytest

from paretoprune.config.compose import compose_options
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from paretoprune.config.target import Target
from paretoprune.errors import SettingsError

CALLBACKS = "lightning.pytorch.callbacks"
LOGGERS = "lightning.pytorch.loggers"
SCHEDULERS = "torch.optim.lr_scheduler"


def load(setting: str, value: object) -> Settings:
    return load_settings(compose_options({setting: value}))


def target(path: str, **arguments: object) -> dict[str, object]:
    return {"_target_": path, **arguments}


def test_they_are_taken_by_name() -> None:
    settings = load_settings(
        compose_options(
            {
                "trainer": "ema",
                "trainer.callbacks.ema.decay": 0.5,
                "finetune.optimizer": target("torch.optim.RMSprop", alpha=0.9),
                "model.train.lr_scheduler": target(f"{SCHEDULERS}.CosineAnnealingLR"),
                "tracking.loggers.csv": target(f"{LOGGERS}.CSVLogger"),
            }
        )
    )
    assert settings.trainer.callbacks["ema"].arguments == {"decay": 0.5}
    assert settings.finetune.optimizer == Target(
        path="torch.optim.RMSprop", arguments={"alpha": 0.9}
    )
    assert settings.model.train.lr_scheduler == Target(path=f"{SCHEDULERS}.CosineAnnealingLR")
    assert settings.model.train.optimizer == "auto"
    assert settings.tracking.loggers == {"csv": Target(path=f"{LOGGERS}.CSVLogger")}


@pytest.mark.parametrize(
    "setting, value, words",
    [
        ("trainer.devices", 2, "not a setting of a trial: a trial trains on one device"),
        ("trainer.strategy", "ddp", "one device"),
        ("trainer.precision", 16, "set `finetune.precision`"),
        ("trainer.gradient_clip", 1, "did you mean `trainer.gradient_clip_val`?"),
        ("trainer.gradient_clip_val", -1, "`trainer.gradient_clip_val` must be greater than 0"),
        (
            "trainer.callbacks.mine",
            target(f"{CALLBACKS}.ModelCheckpoint", dirpath="/"),
            "every trial keeps the weights of its best epoch",
        ),
        (
            "trainer.callbacks.mine",
            target(f"{CALLBACKS}.EarlyStopping", monitor="train_loss", patiense=1),
            "`trainer.callbacks.mine.patiense` is not an argument",
        ),
        ("trainer.callbacks.mine", target(f"{CALLBACKS}.EarlyStopping"), "monitor` is missing"),
        ("trainer.callbacks.mine", target("torch.optim.SGD"), "must be a Lightning callback"),
        ("trainer.callbacks.mine", target("my_callbacks.Mine"), "add `trust=[my_callbacks]`"),
        ("trainer.callbacks.mine", target("os.system"), "outside the trusted packages"),
        ("finetune.optimizer", "adamm", "must be auto, sgd, adamw, or name a class"),
        ("finetune.optimizer", target("torch.optim.LBFGS"), "several passes for a step"),
        ("finetune.optimizer", target("torch.optim.SGD", lr=1), "set `finetune.learning_rate`"),
        ("model.train.optimizer", target("torch.optim.SGD", lr=1), "`model.train.learning_rate`"),
        ("finetune.optimizer", target("torch.nn.Linear"), "must be an optimizer"),
        ("finetune.lr_scheduler", target("torch.optim.SGD"), "a learning-rate scheduler"),
        ("finetune.lr_scheduler", target(f"{SCHEDULERS}.StepLR"), "step_size` is missing"),
        ("finetune.lr_scheduler", target(f"{SCHEDULERS}.LambdaLR"), "write a class of yours"),
        ("tracking.loggers.ml", target(f"{LOGGERS}.MLFlowLogger"), "set `tracking.uri`"),
        ("tracking.loggers.csv", target(f"{CALLBACKS}.Timer"), "must be a Lightning logger"),
    ],
)  # fmt: skip
def test_what_a_trial_cannot_use_is_refused(setting: str, value: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(setting, value)
    assert words in str(caught.value)


def test_targets_in_place_of_names_are_distinguished_from_values() -> None:
    with pytest.raises(SettingsError, match="lr_scheduler"):
        load("finetune.lr_scheduler", "cosine")
    with pytest.raises(SettingsError, match=r"trainer\.callbacks"):
        load("trainer.callbacks", [1])
