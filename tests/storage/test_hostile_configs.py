"""The `config.yaml` of a sweep from elsewhere: settings, or one sentence for each mistake."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from paretoprune.config.load import load_settings
from paretoprune.config.moved import modernised
from paretoprune.errors import ParetopruneError, SettingsError, SweepError
from paretoprune.storage.sweep_folder import SweepFolder
from tests.config.test_load import composed

WRONG: dict[str, Any] = {
    "a number": 3,
    "a text": "x" * 20_000,
    "a list": [1, [2]],
    "numbers as names": {1: 2},
    "null as a name": {None: 2},
    "a date": date(2020, 2, 2),
    "not a number": float("nan"),
    "infinite": {"epochs": float("inf"), "macs": float("-inf"), "_target_": float("inf")},
    "deep": {"a": {"a": {"a": {"a": {"a": [[[[[1]]]]]}}}}},
    "huge": {"ratio": 10**400, "epochs": 10**400, "workers": 10**400, "width": 10**400},
    "targets": {"_target_": "os.system", "command": "true"},
    "a target of no text": {"_target_": ["os.system"]},
    "bytes": b"\x00\xff",
    "a set": {"a", "b"},
}
GROUPS = [name for name in composed() if name != "trust"]


SWEEP = composed("+sweep=resnet")
FREE = {"a number": ("seed", "threads"), "a text": ("sweeps_dir", "cache_dir")}  # they may be


@pytest.mark.parametrize("group", GROUPS)
def test_wrong_settings_are_sentences(group: str) -> None:
    for kind, wrong in WRONG.items():
        if group in FREE.get(kind, ()):
            continue
        began = time.process_time()
        with pytest.raises(ParetopruneError) as error:
            load_settings(modernised({**SWEEP, group: wrong}))
        assert len(str(error.value)) < 20_000, kind
        assert time.process_time() - began < 5


def test_wrong_settings_of_a_file_are_sentences(tmp_path: Path) -> None:
    wrong = dict.fromkeys(GROUPS, WRONG["infinite"])
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**SWEEP, **wrong}))
    with pytest.raises(SettingsError) as error:
        load_settings(SweepFolder(tmp_path).read_config())
    assert len(error.value.mistakes) > 10


@pytest.mark.parametrize("key", [1, None, 2.5, True])
def test_names_that_are_none_are_mistakes(tmp_path: Path, key: object) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**composed(), key: 1}, sort_keys=False))
    with pytest.raises((SettingsError, SweepError), match=str(key)):
        load_settings(SweepFolder(tmp_path).read_config())


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: [", "a: 1\na: 2", "a: !own 1", "!!python/x 1"])
def test_what_is_no_yaml_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(SweepError, match=r"config\.yaml is damaged: ") as error:
        SweepFolder(tmp_path).read_config()
    assert "\n" not in str(error.value)
