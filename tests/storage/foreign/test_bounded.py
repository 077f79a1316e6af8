"""Files of others are read as far as they end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from paretoprune.storage.atomic import read_json
from paretoprune.storage.foreign.bounded import read_text, read_yaml


def test_a_small_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a: 1 \u00e9", encoding="utf-8")
    assert read_yaml(file) == {"a": "1 \u00e9"}
    assert read_text(file, most_bytes=7) == "a: 1 \u00e9"
    with pytest.raises(ValueError, match="has 7 bytes; at most 6 are read"):
        read_text(file, most_bytes=6)


def test_a_large_file_is_not_opened(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("wb") as stream:
        stream.truncate(2**40)  # takes no space on the disk
    for read in (read_text, read_yaml, read_json):
        with pytest.raises(ValueError, match="has 1,099,511,627,776 bytes"):
            read(file)


def test_what_has_no_end_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "zeros").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    for name in ("zeros", "pipe"):
        for read in (read_text, read_yaml, read_json):
            with pytest.raises(ValueError, match=f"{name} is no regular file"):
                read(tmp_path / name)


BOMB = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{l: *a{n - 1}, r: *a{n - 1}}}\n" for n in range(1, 40)
)
MERGED = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: 1}}\n" for n in range(1, 40)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB, "more than 100,000 values, with aliases written out"),
        (MERGED, "more than 100,000 values, with aliases written out"),
        ("a: &a [*a]", "it contains itself, by an alias"),
        ("a: &a {b: {c: *a}}", "it contains itself, by an alias"),
        ("a: 1\nb: 2\na: 3", "it has the key `a` twice"),
        ("m: {a: {x: 1}, a: {x: 2}}", "it has the key `a` twice"),
        ("[" * 200 + "]" * 200, "nested more than 100 levels deep"),
        ("a: " + "9" * 5000, "a number or date of 5,000 letters"),
        ("a: 1" + ":59" * 20_000, "a number or date of 60,001 letters"),
        ("a: 0b" + "1" * 2000, "a number or date of 2,002 letters"),
        ("a: 2001-99-99", "month must be in 1..12"),
    ],
    ids=lambda value: value[:20],
)
def test_yaml_that_takes_memory_or_time_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_yaml(tmp_path / "a")


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [true]",
        "!!python/name:os.system",
        "!!python/object/new:os.system [true]",
        "a: !!python/tuple [1]",
        "a: !own 1",
        "? [1]\n: 2",
        "? {a: 1}\n: 2",
        "a: *nowhere",
        "<<: 3",
        "a: 1\n---\nb: 2",
        "a: [1",
        "a: \x00",
        "%YAML 9.9\n---\na: 1",
    ],
)
def test_yaml_that_is_none_or_names_a_class_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_text(text)
    with pytest.raises(yaml.YAMLError):
        read_yaml(tmp_path / "a")


@pytest.mark.parametrize("digits", ["9" * 400, str(2**63), str(-(2**63) - 1), "9" * 5000])
def test_a_whole_number_of_more_than_64_bits_is_refused(tmp_path: Path, digits: str) -> None:
    (tmp_path / "a").write_text(f'{{"widths": [1, {digits}]}}')
    with pytest.raises(ValueError, match=r"a whole number of \d+ digits"):
        read_json(tmp_path / "a")
    (tmp_path / "a").write_text(f"[{2**63 - 1}, {-(2**63)}, 1e400]")
    assert read_json(tmp_path / "a") == [2**63 - 1, -(2**63), float("inf")]


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text('{"a": {"b": 1, "b": 2}}')
    with pytest.raises(ValueError, match="it has a key twice"):
        read_json(tmp_path / "a")


def test_ordinary_yaml_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a: &a {x: 1}\nb: {<<: *a, y: [*a, *a]}\n1: 0x10\nc: " + "z" * 9999)
    found = read_yaml(tmp_path / "a")
    assert found["b"] == {"x": 1, "y": [{"x": 1}, {"x": 1}]} and found[1] == 16
    (tmp_path / "a").write_text("# nothing\n")
    assert read_yaml(tmp_path / "a") is None


def test_what_is_no_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        read_json(tmp_path)
