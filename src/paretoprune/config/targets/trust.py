"""Advice on the user packages that targets name and that are not trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from paretoprune.config.callables import can_be_trusted, is_listed, is_within, trusted_packages
from paretoprune.config.target import Target
from paretoprune.config.targets.calls import MOST_VALUES, TARGET, nodes_in
from paretoprune.config.targets.signatures import function_arguments


def own_packages(value: Any, trust: Iterable[str] = ()) -> list[str]:
    """Return the user packages named by targets in plain data and absent from `trust`."""
    nodes = islice(nodes_in(value, ""), MOST_VALUES)
    paths = [path for _, node in nodes if isinstance(node, dict) for path in _paths(node)]
    own = {p for p in paths if isinstance(p, str) and "." in p and can_be_trusted(p)}
    trust = [*trust]
    return sorted({p.split(".")[0] for p in own if not is_listed(p) and not is_within(p, trust)})


def _paths(node: Mapping[str, Any]) -> list[Any]:
    """Return the dotted paths of a mapping: its `_target_`, and the functions it is given."""
    path = node.get(TARGET)
    if not isinstance(path, str):
        return []
    arguments = {name: value for name, value in node.items() if name != TARGET}
    return [path, *function_arguments(Target(path=path, arguments=arguments)).values()]


def trust_advice(targets: Iterable[Target]) -> list[str]:
    """Return advice on how to trust the user packages named by the targets; empty if all are
    trusted."""
    targets = [*targets]
    given = trusted_packages(name for target in targets for name in target.trusted)
    roots = [{**target.arguments, TARGET: target.path} for target in targets]
    missing = own_packages(roots, given)
    if not missing:
        return []
    names = [*given, *missing]
    in_python = ", ".join(f'"{name}"' for name in names)
    return [
        f"if you know that code, add `trust=[{','.join(names)}]` to the command; "
        f"in Python, `trust=[{in_python}]`"
    ]
