"""Normalisation: measured and applied as the textbook formula says, in channels-last order."""

from __future__ import annotations

import pytest
import torch

from paretoprune.data.normalise import (
    Normalisation,
    Normaliser,
    choose_normalisation,
    measure_normalisation,
)
from paretoprune.errors import SettingsError


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_measured_over_several_chunks(dtype: torch.dtype) -> None:
    images = torch.randint(0, 256, (2500, 3, 4, 3)).to(dtype)
    unit = 255 if dtype == torch.uint8 else 1
    pixels = images.double().flatten(0, 2) / unit
    measured = measure_normalisation(images)
    assert measured.mean == pytest.approx(pixels.mean(0).tolist(), rel=1e-9)
    assert measured.std == pytest.approx(pixels.std(0, correction=0).tolist(), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_applied(dtype: torch.dtype) -> None:
    images = torch.randint(0, 256, (5, 4, 6, 3)).to(dtype)
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.6, 0.7])
    values = images.float() / (255 if dtype == torch.uint8 else 1)
    expected = ((values - mean) / std).permute(0, 3, 1, 2)
    normaliser = Normaliser(Normalisation((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)), images)
    result = normaliser(images)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_own_statistics_give_mean_0_and_deviation_1() -> None:
    images = torch.randint(0, 256, (100, 8, 8, 2), dtype=torch.uint8)
    result = Normaliser(measure_normalisation(images), images)(images)
    torch.testing.assert_close(result.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        result.std((0, 2, 3), correction=0), torch.ones(2), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(("value", "dtype"), [(51, torch.uint8), (0.1, torch.float32)])
def test_a_channel_without_contrast_becomes_zero(value: float, dtype: torch.dtype) -> None:
    images = torch.full((4, 3, 3, 1), value, dtype=dtype)
    result = Normaliser(measure_normalisation(images), images)(images)
    torch.testing.assert_close(result, torch.zeros(4, 1, 3, 3), atol=1e-6, rtol=0)


def test_given_numbers_must_fit_the_channels() -> None:
    images = torch.zeros(2, 4, 4, 3, dtype=torch.uint8)
    given = choose_normalisation(images, [0.1, 0.2, 0.3], [1.0, 1.0, 2.0])
    assert given == Normalisation((0.1, 0.2, 0.3), (1.0, 1.0, 2.0))
    with pytest.raises(SettingsError, match="both"):
        choose_normalisation(images, [0.5], None)
    with pytest.raises(SettingsError, match="must be 3 numbers each"):
        choose_normalisation(images, [0.5], [0.5])
    with pytest.raises(SettingsError, match="above 0"):
        choose_normalisation(images, [0.5] * 3, [0.5, 0.0, 0.5])
