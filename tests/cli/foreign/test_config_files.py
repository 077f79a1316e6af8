"""Config files of a folder that is added may be a stranger's: a sentence, no hang, no traceback."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.kits.commands import run_inspect, run_train
from tests.storage.foreign.test_bounded import BOMB, MERGED

FILES = {
    "aliases": (BOMB, "more than 100,000 values"),
    "merged keys": (MERGED, "more than 100,000 values"),
    "a cycle": ("a: &a [*a]", "it contains itself, by an alias"),
    "a key twice": ("seed: 1\nseed: 2", "it has the key `seed` twice"),
    "a key twice, inside": ("model: {a: {x: 1, x: 2}}", "it has the key `x` twice"),
    "deep": ("a: " + "[" * 200 + "]" * 200, "nested"),
    "deeper": ("a: " + "[" * 10_000 + "]" * 10_000, "nested too deeply"),
    "a class": ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
    "two documents": ("a: 1\n---\nb: 2", "expected a single document"),
    "a list": ("- 1", "it holds no settings, `key: value`"),
    "a text": ("hello", "it holds no settings, `key: value`"),
    "bytes": ("a: \0", "special characters are not allowed"),
    "no YAML": ("a: [1", "cannot be used: while parsing"),
    "a key that is a list": ("? [1]\n: 2", "unhashable key"),
    "a long number": ("seed: " + "9" * 5000, "a number or date of 5,000 letters"),
    "large": ("a: [" + "1," * 2**18 + "1]", "at most 262,144 are read"),
}
DEFAULTS = {
    "itself": ("defaults: [/sweep/evil]", "one of them leads to itself, by its `defaults`"),
    "nothing": ("defaults: [/sweep/nowhere]", "Could not load 'sweep/nowhere'"),
    "a number": ("defaults: 3", "defaults must be a list (got int)"),
    "a mapping": ("defaults: {a: b}", "defaults must be a list (got mapping)"),
    "lists": ("defaults: [[[1]]]", "Unsupported type in defaults : ListConfig"),
    "null": ("defaults: [null]", "Unsupported type in defaults : NoneType"),
    "a key null": ("null: 3", "Incompatible key type 'NoneType'"),
    "a set": ("a: !!set {a, b}", "Value 'set' is not a supported primitive type"),
    "a number for Hydra": ("hydra: 3", "int is not a subclass of HydraConf"),
    "a list for Hydra": ("hydra: [1]", "Index 'searchpath' (str) is not an int"),
}
LONGEST_S = 10.0


def added(folder: Path, content: str) -> Path:
    place = folder / "conf" / "sweep"
    place.mkdir(parents=True)
    (place / "evil.yaml").write_text(f"# @package _global_\n{content}\n", encoding="utf-8")
    return place / "evil.yaml"


def said_by_train(folder: Path) -> str:
    """The error of a command with the config; it leaves nothing and ends soon."""
    began = time.process_time()
    done = run_train(folder, "--config-dir", "conf", "+sweep=evil", "tracking=none")
    assert done.code == 2 and time.process_time() - began < LONGEST_S
    assert [path.name for path in folder.iterdir()] == ["conf"]
    return done.err


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_takes_memory_or_is_none_is_named(tmp_path: Path, case: str) -> None:
    content, sentence = FILES[case]
    file = added(tmp_path, content)
    said = said_by_train(tmp_path)
    assert f"error: the config {file} cannot be used: " in said
    assert sentence in said and said.count("\n") == 1 and len(said) < 700


@pytest.mark.parametrize("case", DEFAULTS)
def test_what_hydra_cannot_compose_is_a_sentence(tmp_path: Path, case: str) -> None:
    content, sentence = DEFAULTS[case]
    added(tmp_path, content)
    said = said_by_train(tmp_path)
    assert "error: the configs of the folders that are added cannot be composed: " in said
    assert sentence in said and said.count("\n") == 1 and len(said) < 700


def test_every_command_that_composes_checks(tmp_path: Path) -> None:
    added(tmp_path, BOMB)
    done = run_inspect(tmp_path, "--config-dir", "conf", "+sweep=evil")
    assert done.code == 2 and "more than 100,000 values" in done.err


def test_references_that_fill_the_memory_are_named(tmp_path: Path) -> None:
    lines = [f"b{n}: ['${{b{n - 1}}}', '${{b{n - 1}}}']" for n in range(1, 40)]
    added(tmp_path, "\n".join(["b0: [x, x]", *lines]))
    assert "stands for more than 100,000 values" in said_by_train(tmp_path)


def test_a_pipe_is_no_config(tmp_path: Path) -> None:
    file = added(tmp_path, "")
    file.unlink()
    os.mkfifo(file)
    assert "evil" in said_by_train(tmp_path)
