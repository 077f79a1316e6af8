"""The JSON schema of a sweep's YAML file, for completion and checks in editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from paretoprune.config.compose import CONF
from paretoprune.config.settings import Settings

_TARGET = {
    "type": "object",
    "properties": {"_target_": {"type": "string"}},
    "description": "a class or function by its dotted name; its arguments stand beside it",
}
_BESIDE = ("ModelSettings", "ExecutorSettings")  # whose `_target_` stands among their settings
_AS_TEXT = ("Budget",)  # written in one word, such as 10min


def settings_schema() -> dict[str, Any]:
    """Return the schema of a file that sets some of the settings and chooses options of groups."""
    schema = TypeAdapter(Settings).json_schema()
    definitions = schema.pop("$defs")
    definitions["Target"] = _TARGET
    for name in _BESIDE:
        definitions[name]["properties"].pop("target")
        definitions[name]["properties"] |= _TARGET["properties"]
        definitions[name]["additionalProperties"] = True  # arguments of the `_target_`
    for name in _AS_TEXT:
        definitions[name] = {"type": "string"}
    objectives = definitions["SearchSettings"]["properties"]["objectives"]
    objectives["additionalProperties"] = {"enum": ["maximize", "minimize", None]}
    schema["properties"].pop("trust")  # of the command line alone
    whole = _loosened({**schema, "$defs": definitions})
    whole["properties"]["defaults"] = _defaults()
    whole["properties"]["hydra"] = {"type": "object"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}


def _loosened(node: Any) -> Any:
    """Return a part of the schema without required settings, since a file may set only some.

    Nothing is required, numbers may be written with a unit or a `%`, and texts may refer to other
    settings (`${seed}`), as in every config.
    """
    if isinstance(node, list):
        return [_loosened(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {name: _loosened(one) for name, one in node.items() if name != "required"}
    if kept.get("type") in ("number", "integer"):
        kept["type"] = [kept["type"], "string"]
    return kept


def _defaults() -> dict[str, Any]:
    """Return the schema of Hydra's list of options: `- override /model: resnet20`."""
    options = {f"override /{group.name}": {"enum": _options(group)} for group in _groups()}
    chosen = {"type": "object", "properties": options}
    return {"type": "array", "items": {"anyOf": [{"type": "string"}, chosen]}}


def _groups() -> list[Path]:
    return sorted(path for path in CONF.iterdir() if path.is_dir() and path.name != "sweep")


def _options(group: Path) -> list[str]:
    return sorted(path.stem for path in group.glob("[!_]*.yaml"))
