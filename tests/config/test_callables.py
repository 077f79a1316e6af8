"""`trust` must be a list of package names, wherever a user gives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import paretoprune
from paretoprune.config.callables import TRUST_VARIABLE, trusted_packages
from paretoprune.config.load import load_settings
from paretoprune.errors import SettingsError


def given_to_load_model(trust: Any, folder: Path) -> object:
    return paretoprune.load_model(folder, trust=trust)


def given_to_pick(trust: Any, folder: Path) -> object:
    return paretoprune.pick(folder, trust=trust)


def given_to_settings(trust: Any, folder: Path) -> object:
    return load_settings({}, trust=trust)


@pytest.mark.parametrize("call", [given_to_load_model, given_to_pick, given_to_settings])
@pytest.mark.parametrize("trust", ["os", "my_net", ["my_net", 3], [None]])
def test_trust_that_is_no_list_of_names_is_reported(
    call: Callable[[Any, Path], object], trust: Any, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="`trust` must be a list") as error:
        call(trust, tmp_path)
    assert len(error.value.mistakes) == 1


def test_trust_of_the_call_and_of_the_environment_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRUST_VARIABLE, "mine, other,")
    assert trusted_packages(["own", "mine", " "]) == ("own", "mine", "other")
