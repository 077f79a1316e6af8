"""Names of variants in configs of earlier versions lead to where the variants are now."""

from __future__ import annotations

import pytest

from paretoprune.config.instantiate import find_mistakes
from paretoprune.config.load import load_settings
from paretoprune.config.moved import MOVED
from paretoprune.config.target import Target
from tests.config.test_load import composed


@pytest.mark.parametrize("name", sorted(MOVED))
def test_a_moved_variant_may_be_called(name: str) -> None:
    assert not find_mistakes(Target(path=MOVED[name]), setting="scorer", provided=("seed",))


def test_a_config_of_an_earlier_version_is_read() -> None:
    settings = load_settings(composed("scorer._target_=paretoprune.pruning.Magnitude"))
    assert settings.scorer.path == "paretoprune.pruning.scorers.data_free.magnitude.Magnitude"
