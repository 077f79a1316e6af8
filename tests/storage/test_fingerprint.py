"""Fingerprints: equal things have equal keys, and what differs can be named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from paretoprune.storage.fingerprint import Fingerprint, digest_bytes, digest_json, listed

ONE = Fingerprint(
    settings={"seed": "0"},
    data={"training inputs": "a", "training labels": "b"},
    code={"net": "c"},
    network={"given weights": "d"},
    versions={"torch": "2.13"},
    outputs=(0.5, -2.0),
)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"data": {"training inputs": "a", "training labels": "x"}}, ["the training labels"]),
        ({"data": {"training inputs": "a"}}, ["the training labels"]),
        ({"code": {"net": "x", "helper": "y"}}, ["the code of `net`", "the code of `helper`"]),
        ({"network": {"given weights": "x"}}, ["the given weights"]),
        ({"outputs": (0.5, -1.9)}, ["the network's outputs"]),
        ({"outputs": (0.5,)}, ["the network's outputs"]),
        # Outputs follow from the code: a consequence is not reported beside its cause.
        ({"code": {"net": "x"}, "outputs": (1.0, 1.0)}, ["the code of `net`"]),
    ],
)
def test_what_differs_is_named(changed: dict[str, object], named: list[str]) -> None:
    assert replace(ONE, **changed).changes(ONE) == named  # type: ignore[arg-type]


def test_rounding_versions_and_settings_are_no_change() -> None:
    close = replace(ONE, outputs=(0.5019, -2.0), versions={"torch": "2.14"}, settings={})
    assert close.changes(ONE) == []
    assert replace(ONE, outputs=None).changes(ONE) == []
    assert close.version_changes(ONE) == ["torch (2.13, now 2.14)"]


def test_the_key_holds_every_part_but_the_outputs() -> None:
    others = [replace(ONE, **{part: {"x": "y"}}) for part in _PARTS]  # type: ignore[arg-type]
    assert len({ONE.key, *(other.key for other in others)}) == 1 + len(_PARTS)
    assert replace(ONE, outputs=(1.0,)).key == ONE.key
    families = {part: other.family for part, other in zip(_PARTS, others, strict=True)}
    assert [part for part in _PARTS if families[part] != ONE.family] == ["settings"]


def test_it_can_be_extended() -> None:
    more = ONE.extended(settings={"epoch": "3"}, versions={"torch": "2.14"})
    assert more.settings == {"seed": "0", "epoch": "3"}
    assert more.versions == {"torch": "2.14"}
    assert more.data == ONE.data


def test_it_survives_json() -> None:
    assert Fingerprint.from_json(json.loads(json.dumps(ONE.to_json()))) == ONE


@pytest.mark.parametrize(
    "damage",
    [{"version": 2}, {"data": 3}, {"outputs": ["x"]}, {"code": {"\x1b[2J": "a"}}],
)
def test_what_is_no_fingerprint_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Fingerprint.from_json({**ONE.to_json(), **damage})


def test_digests_are_those_of_blake2b() -> None:
    # b2sum -l 128 of "abc"
    assert digest_bytes(b"a", b"bc") == "cf4ab791c62b8d2b2109c90275287816"
    assert digest_json({"a": 1, "b": 2}) == digest_json({"b": 2, "a": 1})


def test_lists_read_as_sentences() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"


_PARTS = ("settings", "data", "code", "network", "versions")
