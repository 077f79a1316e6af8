"""Mappings with a `_target_` in the form of `config.target.Target`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from paretoprune.config.groups.executor import ExecutorSettings
from paretoprune.config.groups.inner_targets import with_inner_targets
from paretoprune.config.groups.model import ModelSettings
from paretoprune.config.moved import MOVED

_TO_BE_GIVEN = "???"  # in the options named `own`


def with_targets(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with each `_target_` mapping converted to the form of `config.Target`."""
    out = dict(config)
    if isinstance(out.get("model"), Mapping):
        out["model"] = split_model(out["model"], out["trust"])
    if isinstance(out.get("executor"), Mapping):
        out["executor"] = _split(out["executor"], ExecutorSettings, out["trust"])
    for name in ("data", "task", "scorer", "schedule", "granularity", "allocation"):
        if name in out:
            out[name] = _as_target(out[name], out["trust"])
    if isinstance(out.get("search"), Mapping) and "strategy" in out["search"]:
        strategy = _as_target(out["search"]["strategy"], out["trust"])
        out["search"] = {**out["search"], "strategy": strategy}
    # the value that Hydra composes for an empty file, such as conf/search/none.yaml
    elif out.get("search") == {}:
        out["search"] = None
    for name in ("quantization", "compensation", "sparse_training"):
        if out.get(name):
            out[name] = _as_target(out[name], out["trust"])
        elif name in out:
            out[name] = None
    return with_inner_targets(out, lambda node: _as_target(node, out["trust"]))


def split_model(node: Mapping[str, Any], trust: Sequence[str]) -> dict[str, Any]:
    """Split a `model` mapping into the arguments of its `_target_` and the keys of
    ModelSettings."""
    return _split(node, ModelSettings, trust)


def _split(node: Mapping[str, Any], owner: type, trust: Sequence[str]) -> dict[str, Any]:
    ours = own_settings(owner)
    target = _as_target({key: value for key, value in node.items() if key not in ours}, trust)
    return {"target": target, **{key: value for key, value in node.items() if key in ours}}


def own_settings(owner: Any) -> list[str]:
    """Return the settings of a group that stand beside its `_target_` and are not its arguments."""
    return [field.name for field in dataclasses.fields(owner) if field.name != "target"]


def _as_target(node: object, trust: Sequence[str]) -> object:
    if not isinstance(node, Mapping):
        return node
    arguments = {key: value for key, value in node.items() if key != "_target_"}
    target = {"arguments": arguments, "trust": trust}
    if node.get("_target_", _TO_BE_GIVEN) == _TO_BE_GIVEN:
        return target
    path = node["_target_"]
    return {**target, "path": MOVED.get(path, path) if isinstance(path, str) else path}
