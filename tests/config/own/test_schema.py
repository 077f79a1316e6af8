"""The JSON schema of a sweep's file agrees with the configs that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from paretoprune.config.compose import CONF, compose_options
from paretoprune.config.own.schema import settings_schema

SCHEMA = settings_schema()
SWEEPS = sorted((CONF / "sweep").glob("*.yaml"))


def resolved(node: Any) -> list[dict[str, Any]]:
    """The schemas that a node stands for."""
    if "$ref" in node:
        return resolved(SCHEMA["$defs"][node["$ref"].rpartition("/")[2]])
    return [part for one in node.get("anyOf", ()) for part in resolved(one)] or [node]


def mistakes(value: Any, node: Any, place: str = "") -> list[str]:
    """Return the mistakes in names, options and types, by a small part of JSON schema."""
    found = [_mistakes(value, one, place) for one in resolved(node)]
    return min(found, key=len)


def _mistakes(value: Any, node: dict[str, Any], place: str) -> list[str]:
    if "enum" in node and value not in node["enum"]:
        return [f"{place}: {value} is none of {node['enum']}"]
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    kinds |= {"number": (int, float), "integer": int}  # type: ignore[dict-item]
    wanted = node.get("type", [])
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if wanted and not any(isinstance(value, kinds[kind]) for kind in wanted):
        return [f"{place}: {value!r} is no {wanted}"]
    if isinstance(value, list):
        return [one for inner in value for one in mistakes(inner, node.get("items", {}), place)]
    if not isinstance(value, dict):
        return []
    known, free = node.get("properties", {}), node.get("additionalProperties", True)
    found = []
    for name, inner in value.items():
        if name in known or free:
            rest = free if isinstance(free, dict) else {}
            found += mistakes(inner, known.get(name, rest), f"{place}.{name}")
        else:
            found.append(f"{place}.{name} is unknown")
    return found


@pytest.mark.parametrize("file", SWEEPS, ids=lambda file: file.stem)
def test_the_bundled_sweeps_fit(file: Path) -> None:
    assert mistakes(OmegaConf.to_container(OmegaConf.load(file)), SCHEMA) == []


def test_the_composed_settings_fit() -> None:
    config = compose_options({"search": "auto", "trainer": "ema", "search.budget": "10min"})
    del config["trust"]
    assert mistakes(config, SCHEMA) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"finetune": {"epoch": 1}},
        {"finetune": {"epochs": [1]}},
        {"sparse": 1},
        {"defaults": [{"override /model": "resnet21"}]},
        {"granularity": 4},
        {"trust": ["mine"]},
    ],
)
def test_what_is_wrong_does_not(wrong: dict[str, Any]) -> None:
    assert len(mistakes(wrong, SCHEMA)) == 1
