"""The code of the running script or notebook that given classes and functions depend on."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from torch import Tensor

from paretoprune.data.digests.sample_digests import digest_of_tensor
from paretoprune.storage.fingerprint import digest_bytes

MAIN = "__main__"


@dataclass(frozen=True)
class ScriptCode:
    """Digests of the names that a script defines, and the modules from which it takes the rest."""

    digests: dict[str, str]  # "__main__.Net" -> digest of its source or, of a constant, its value
    modules: frozenset[str]


def script_code(objects: Iterable[object]) -> ScriptCode:
    """Return the part of `__main__` that those of `objects` defined in it reach by name.

    The lines around it do not count, since a script also holds budgets and plots. What has no
    known source, as a class typed into a prompt, is left out, and so are variables that the
    functions assign to.
    """
    script = _Script(vars(sys.modules[MAIN]))
    script.waiting += [one for one in objects if _home(one) == MAIN]
    seen: set[int] = set()
    while script.waiting:
        one = script.waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            script.add(one)
    kept = sorted(script.digests.keys() - script.assigned)
    return ScriptCode({name: script.digests[name] for name in kept}, frozenset(script.modules))


@dataclass
class _Script:
    """The part of the script found so far, and the objects to be searched next."""

    variables: Mapping[str, object]
    waiting: list[object] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)

    def add(self, one: Any) -> None:
        """Add the source of a class or function, and the variables that it reads."""
        with suppress(OSError, TypeError):
            source = inspect.getsource(one).encode()
            self.digests[f"{MAIN}.{one.__qualname__}"] = digest_bytes(source)
        self.waiting += [base for base in getattr(one, "__mro__", ()) if _home(base) == MAIN]
        for operation, name in _globals_of(one):
            if operation == "STORE_GLOBAL":
                self.assigned.add(f"{MAIN}.{name}")
            elif name in self.variables:
                self._add_variable(name, self.variables[name])

    def _add_variable(self, name: str, value: object) -> None:
        origin = value if isinstance(value, type | FunctionType) else type(value)
        if isinstance(value, ModuleType):
            self.modules.add(value.__name__)
        elif (digest := _digest(value)) is not None:
            self.digests[f"{MAIN}.{name}"] = digest
        elif _home(origin) == MAIN:
            self.waiting.append(origin)
        else:
            self.modules.add(_home(origin))


def _home(one: object) -> str:
    return str(getattr(one, "__module__", ""))


def _globals_of(one: object) -> Iterator[tuple[str, str]]:
    """Yield the operations on global variables in a function, or in all methods of a class."""
    members = vars(one).values() if isinstance(one, type) else [one]
    for member in members:
        inner = inspect.unwrap(_function_of(member))
        if isinstance(member, type):
            yield from _globals_of(member)
        elif isinstance(inner, FunctionType):
            yield from _globals_in(inner.__code__)


def _function_of(member: Any) -> Any:
    """Return the function behind a property, a class method or a static method."""
    for name in ("fget", "func", "__func__"):
        if (inner := getattr(member, name, None)) is not None:
            return inner
    return member


def _globals_in(code: CodeType) -> Iterator[tuple[str, str]]:
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            yield step.opname, str(step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_in(constant)


def _digest(value: object) -> str | None:
    """Return the digest of a constant: plain data or an array; None for anything else."""
    if isinstance(value, Tensor):
        return digest_of_tensor(value)
    if isinstance(value, np.ndarray):
        return digest_bytes(repr((value.shape, value.dtype, value.tolist())).encode())
    return digest_bytes(repr(value).encode()) if _is_plain(value) else None


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    if isinstance(value, dict):
        return all(_is_plain(one) for pair in value.items() for one in pair)
    return value is None or isinstance(value, str | bytes | bool | int | float)
