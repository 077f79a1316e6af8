"""conf/model: every file names a builder, its options, and valid settings for the training."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from paretoprune import models
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.target import Target

FILES = sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))


def test_all_builders_have_a_file() -> None:
    others = {"check_network", "initialise_lazy", "load_weights"}
    builders = set(models.__all__) - others - {"timm_model", "torchvision_model"}
    assert {file.stem for file in FILES} == builders | {"timm", "torchvision"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_builds_a_model_and_says_how_to_train_it(file: Path) -> None:
    if file.stem == "timm":
        pytest.importorskip("timm")  # an optional extra
    content = yaml.safe_load(file.read_text())
    package, _, name = content.pop("_target_").rpartition(".")
    assert package == "paretoprune.models"
    assert {"weights", "published_accuracy", "train"} <= content.keys()
    arguments = {
        key: content.pop(key) for key in {"name", "img_size", "size", "width"} & content.keys()
    }
    settings = ModelSettings(target=Target(path=name, arguments=arguments), **content)
    assert settings.train.epochs > 0
    assert getattr(models, name)(**arguments, num_classes=3, in_channels=1) is not None
