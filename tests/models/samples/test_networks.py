"""Networks for tables, series, ratings and images: shapes, and groups that are found and proved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor, nn

from paretoprune.config.callables import locate
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.target import Target
from paretoprune.models.requirements import initialise_lazy
from paretoprune.models.samples.autoencoder import autoencoder
from paretoprune.models.samples.forecasters import forecaster, lstm_forecaster
from paretoprune.models.samples.mlp import mlp
from paretoprune.models.samples.ncf import ncf
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.tasks.inputs import Inputs
from tests.models.test_model_configs import OF_SAMPLES

CONF = Path(__file__).parents[3] / "conf" / "model"
IDS = (torch.arange(6) % 4, torch.arange(6) % 5)
PAST = torch.randn(6, 12, 3, generator=torch.Generator().manual_seed(0))
CASES: dict[str, tuple[nn.Module, tuple[Tensor, ...], tuple[int, ...], set[int]]] = {
    "mlp": (mlp(3, 5, width=8, dropout=0.1), (torch.randn(6, 5),), (6, 3), {8}),
    "forecaster": (forecaster(12, 4, 2, 3, width=6), (PAST,), (6, 4, 2), {6, 12}),
    "lstm_forecaster": (lstm_forecaster(4, 2, 3, width=6), (PAST,), (6, 4, 2), {6, 12}),
    "ncf": (ncf(4, 5, width=6, hidden=8), IDS, (6,), {6, 8, 4}),
    "autoencoder": (
        autoencoder((1, 6, 8), width=4, code=5), (torch.randn(6, 1, 6, 8),), (6, 1, 6, 8), {4, 8, 5}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outputs_have_their_shape_and_hidden_widths_can_be_pruned(name: str) -> None:
    model, inputs, shape, widths = CASES[name]
    model = initialise_lazy(model.eval(), Inputs(inputs))
    assert model(*inputs).shape == shape
    found = find_groups(model, inputs).prunable
    assert {group.width for group in found} == widths


def test_embeddings_of_users_and_items_have_one_width() -> None:
    model, inputs, _, _ = CASES["ncf"]
    [group] = [g for g in find_groups(model.eval(), inputs).prunable if g.width == 6]
    assert {"users.weight", "items.weight"} <= {slot.tensor for slot in group.slots}


@pytest.mark.parametrize("build", [forecaster, lstm_forecaster])
def test_a_forecast_moves_with_the_level(build: Any) -> None:
    model = initialise_lazy(build(horizon=4, num_series=2, num_columns=3).eval(), Inputs((PAST,)))
    if build is forecaster:
        model = initialise_lazy(forecaster(12, 4, 2, 3).eval(), Inputs((PAST,)))
    torch.testing.assert_close(model(PAST + 7.0), model(PAST) + 7.0, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(OF_SAMPLES))
def test_a_file_builds_a_model_and_says_how_to_train_it(name: str) -> None:
    content = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    path = content.pop("_target_")
    own = {
        key: content.pop(key) for key in set(content) - {"weights", "published_accuracy", "train"}
    }
    settings = ModelSettings(target=Target(path=path, arguments=own), **content)
    assert settings.train.epochs > 0
    assert isinstance(locate(path)(**own), nn.Module)
