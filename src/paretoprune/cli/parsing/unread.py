"""Arguments that are not `key=value`, each with what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_CLOSING = {"[": "]", "{": "}", "(": ")"}
_SETTING = re.compile(r"-+([A-Za-z][\w.]*)")


def without_spaces(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments without those of `key = value`, `key =value` and `key= value`, and a
    sentence for each of these."""
    rest, mistakes = list(arguments), []
    for place in range(len(rest) - 1, 0, -1):  # from the end, so that places before it stay
        before, here, after = rest[place - 1], rest[place], rest[place + 1 : place + 2]
        if here == "=" and _is_bare(before) and after and _is_bare(after[0]):
            parts, end = [before, "=", after[0]], place + 2
        elif _is_pair(before, here):
            parts, end = [before, here], place + 1
        else:
            continue
        mistakes.append(
            f"`{' '.join(parts)}` is not understood; write `{''.join(parts)}`, no spaces"
        )
        del rest[place - 1 : end]
    return rest, mistakes[::-1]


def with_home(argument: str) -> str:
    """Return `key=~/folder` with the user's home folder, which not every shell puts in."""
    key, separator, value = argument.partition("=")
    if separator and (value == "~" or value.startswith("~/")):
        return f"{key}={Path(value).expanduser()}"
    return argument


def unknown_option(argument: str, after: str = "") -> str:
    """Return the sentence about an option such as `--epochs`, where settings have no dashes.

    `after` is the argument that follows it.
    """
    key, _, value = argument.partition("=")
    if "completion" in key:
        hint = '`eval "$(paretoprune --completion bash)"` completes arguments; see --help'
        return f"`{key}` is no option of this command; {hint}"
    value = value or ("" if "=" in after or after.startswith("-") else after)
    name = _SETTING.fullmatch(key)
    written = f"settings have no dashes: `{name[1]}={value}`; " if name and value else ""
    return f"`{key}` is no option of this command; {written}see --help"


def not_parsed(key: str, value: str) -> str:
    """Return what to write for a value that is not in Hydra's grammar."""
    if missing := _missing_brackets(value):
        return f"write `{key}={value}{missing}`"
    if value.startswith("{") and "=" in value:
        return f"write `{key}={value.replace('=', ': ')}`"
    inner, outer = ("'", '"') if "'" not in value else ('"', "'")
    return f"put it in quotes: `{outer}{key}={inner}{value}{inner}{outer}`"


def _missing_brackets(value: str) -> str:
    """Return the brackets that are open at the end of a value."""
    needed: list[str] = []
    for letter in value:
        if letter in _CLOSING:
            needed.append(_CLOSING[letter])
        elif needed and letter == needed[-1]:
            needed.pop()
    return "".join(reversed(needed))


def _is_pair(before: str, here: str) -> bool:
    """Return True for `key =value` and `key= value`."""
    if here.startswith("="):
        return len(here) > 1 and _is_bare(before)
    return re.fullmatch(r"[^=]+=", before) is not None and _is_bare(here)


def _is_bare(argument: str) -> bool:
    return "=" not in argument and not argument.startswith("-")
