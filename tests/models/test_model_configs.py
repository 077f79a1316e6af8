"""conf/model: every file names a builder, its options, and valid settings for the training."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from paretoprune import models
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.instantiate import build
from paretoprune.config.target import Target

FOLDER = Path(__file__).parents[2] / "conf" / "model"
FILES = sorted(set(FOLDER.glob("*.yaml")) - {FOLDER / "own.yaml"})  # `own` names no model
# Networks for tables, series, ratings and reconstruction: tests/models/samples.
OF_SAMPLES = {"autoencoder", "forecaster", "lstm_forecaster", "mlp", "ncf"}
TEXT = {"gpt", "lstm_classifier", "transformer_classifier"}  # of paretoprune.models.text
OPTIONS = {"name", "img_size", "layers", "size", "width"}
# Of transformers, the folder is the user's: see test_transformers_models.py.
OTHERS = [file for file in FILES if file.stem not in OF_SAMPLES | {"transformers"}]


def test_all_builders_have_a_file() -> None:
    others = {"check_network", "initialise_lazy", "load_weights"}
    builders = set(models.__all__) - others - {"timm_model", "torchvision_model"}
    others = {"timm", "torchvision", "transformers"} | TEXT | OF_SAMPLES
    assert {file.stem for file in FILES} == builders | others


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: file.stem)
def test_a_file_builds_a_model_and_says_how_to_train_it(file: Path) -> None:
    if file.stem == "timm":
        pytest.importorskip("timm")  # an optional extra
    content = yaml.safe_load(file.read_text())
    path = content.pop("_target_")
    package, _, name = path.rpartition(".")
    assert package.startswith(
        "paretoprune.models.text" if file.stem in TEXT else "paretoprune.models"
    )
    assert hasattr(import_module(package), name)
    assert {"weights", "published_accuracy", "train"} <= content.keys()
    arguments = {key: content.pop(key) for key in OPTIONS & content.keys()}
    settings = ModelSettings(target=Target(path=path, arguments=arguments), **content)
    assert settings.train.epochs > 0
    assert build(settings.target, num_classes=3, in_channels=1, vocab_size=9) is not None
