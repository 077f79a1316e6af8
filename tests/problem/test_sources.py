"""Sources: a model and data that are objects."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from lightning import LightningDataModule
from torch import nn

from paretoprune.data import digits
from paretoprune.errors import SettingsError
from paretoprune.problem.sources import Given


def test_the_model_is_copied_each_time() -> None:
    model = nn.Linear(2, 2)
    sources = Given(model, digits())
    first, second = sources.model({}), sources.model({})
    assert first is not model and first is not second
    assert torch.equal(first.weight, model.weight)  # type: ignore[arg-type]
    assert sources.model_name == "Linear"


def test_a_model_that_cannot_be_copied_is_reported() -> None:
    model = nn.Linear(2, 2)
    model.cached = model(torch.ones(1, 2))  # type: ignore[assignment]  # no leaf of autograd's
    with pytest.raises(SettingsError, match=r"a Linear, cannot be copied \(copy\.deepcopy\)"):
        Given(model, LightningDataModule()).model({})


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize("wrap", [nn.utils.weight_norm, nn.utils.spectral_norm])
def test_layers_that_cannot_be_copied_are_named(wrap: Callable[[nn.Module], nn.Module]) -> None:
    """A weight that a hook computes is no leaf of autograd's."""
    model = nn.Sequential(wrap(nn.Linear(2, 2)))
    with pytest.raises(
        SettingsError, match=r"is computed by torch\.nn\.utils.*make the weight plain"
    ):
        Given(model, LightningDataModule()).model({})
