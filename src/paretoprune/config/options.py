"""Options of variants named by a `_target_`, in the user's spelling (`schedule=iterative`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from paretoprune.config.compose import targets_of
from paretoprune.config.instantiate import argument_names
from paretoprune.config.name_patterns import closest
from paretoprune.config.target import Target


def spelled(group: str, target: Target) -> str:
    """Return how a command names the variant: `schedule=iterative`, or its `_target_`."""
    config = next((n for n, path in targets_of(group).items() if path == target.path), None)
    return f"`{group}={config}`" if config else f"`{group}._target_={target.path}`"


def misplaced(
    group: str, target: Target, *, common: Sequence[str] = (), provided: Sequence[str] = ()
) -> dict[str, str]:
    """Return a sentence for each argument that belongs to other variants or is misspelt, by name.

    `common` are the settings of the group that all variants have, `provided` the arguments that
    the program gives. Groups without a folder of configs, and targets that must not be called, have
    no such sentences.
    """
    own = [*common, *argument_names(target, provided=provided)]
    found = {}
    for name in target.arguments if targets_of(group) and _is_ours(target) else ():
        if name in own or name.startswith("_"):
            continue
        others = [*_with_option(group, name, provided)]
        close = closest(name, own)
        if others:
            found[name] = (
                f"`{group}.{name}` needs {any_of(group, others)}; "
                f"{spelled(group, target)} takes: {', '.join(own) or 'no options'}"
            )
        elif close:
            found[name] = f"`{group}.{name}` is not a setting; did you mean `{group}.{close}`?"
    return found


def without(target: Target, names: Mapping[str, object]) -> Target:
    """Return the target without the named arguments."""
    rest = {name: value for name, value in target.arguments.items() if name not in names}
    return replace(target, arguments=rest, trust=target.trusted)


def _is_ours(target: Target) -> bool:
    """Return True for variants of the package; a user's may take what it likes."""
    return target.path.startswith("paretoprune.")


def any_of(group: str, names: Sequence[str]) -> str:
    """Return "`group=a`, `group=b` or `group=c`"."""
    *others, last = [f"`{group}={name}`" for name in names]
    return f"{', '.join(others)} or {last}" if others else last


def _with_option(group: str, option: str, provided: Sequence[str]) -> Iterator[str]:
    for name, path in targets_of(group).items():
        if option in argument_names(Target(path=path), provided=provided):
            yield name
