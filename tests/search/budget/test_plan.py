"""The plan of a search in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from paretoprune.search.budget.plan import in_words


@pytest.mark.parametrize(
    ("epochs", "unit", "sentence"),
    [
        ((2.5,), "seconds", "1 model, about 2.5 epochs"),
        ((2.5,), "epochs", "1 model, 2.5 epochs"),
        ((2.5, 2.5), "seconds", "2 models, about 2.5 epochs each"),
        ((4.0, 1.25, 2.0), "seconds", "3 models, about 1.2 to 4 epochs each"),
        ((2.501, 2.499), "epochs", "2 models, 2.5 epochs each"),
    ],
)
def test_models_and_the_range_of_their_epochs(
    epochs: Sequence[float], unit: str, sentence: str
) -> None:
    assert in_words(epochs, unit=unit) == sentence
