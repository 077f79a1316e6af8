"""Files of others: text, JSON, YAML, headers of weights; regular files, no larger than fits."""

from __future__ import annotations

import json
import stat
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

_MOST_BYTES = 2**28  # of JSON, which takes ten times as much in memory
_MOST_YAML_BYTES = 2**18  # which takes three seconds; a config has some thousand bytes
_MOST_NODES = 100_000  # of YAML with its aliases written out: 1 kB of them can stand for a GB
_MOST_LETTERS = 1000  # of a number, a date or another scalar that is converted
_MOST_DEPTH = 100
_LENGTH = struct.Struct("<Q")  # of the header of a safetensors file
_MOST_HEADER_BYTES = 100_000_000  # as the library has it
_MOST_DIGITS = 20  # of a whole number of 64 bits, with its sign


def read_text(path: Path, *, most_bytes: int = _MOST_BYTES) -> str:
    """Return the text of a file in UTF-8. Raises what `read_bytes` raises, and ValueError for text
    that is no UTF-8."""
    return read_bytes(path, most_bytes=most_bytes).decode("utf-8")


def read_bytes(path: Path, *, most_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than `most_bytes`, or a pipe or device, which might not end.
    """
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise ValueError(f"{path} is no regular file")
    if status.st_size > most_bytes:
        raise ValueError(f"{path} has {status.st_size:,} bytes; at most {most_bytes:,} are read")
    return path.read_bytes()


def parsed_json(text: str | bytes) -> Any:
    """Return the data of JSON text. Raises ValueError for other text, for a key that an object has
    twice, of which readers take different ones, and for a whole number of more than 64 bits, which
    tables and tensors cannot hold; RecursionError for deep nesting."""
    return json.loads(text, object_pairs_hook=_with_unlike_keys, parse_int=_of_64_bits)


def _of_64_bits(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or not -(2**63) <= (number := int(digits)) < 2**63:
        raise ValueError(f"it holds a whole number of {len(digits)} digits")
    return number


def _with_unlike_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it has a key twice")
    return found


def check_names(path: Path) -> None:
    """Check that no two tensors of a safetensors file have one name.

    The library takes the last one, and checks all else: places, sizes, types and shapes.

    Raises:
        OSError: the file cannot be read.
        ValueError: a name is there twice, or the header is none.
        RecursionError: it is nested too deeply.
    """
    with path.open("rb") as stream:
        start = stream.read(_LENGTH.size)
        if len(start) < _LENGTH.size:
            raise ValueError("it is too short for a header")
        (length,) = _LENGTH.unpack(start)
        if length > _MOST_HEADER_BYTES:
            raise ValueError(f"it begins with a header of {length:,} bytes")
        parsed_json(stream.read(length))


def read_yaml(path: Path) -> Any:
    """Return the plain data of a YAML file.

    Raises what `read_text` raises, YAMLError or RecursionError for what is no YAML or names a
    class, and ValueError for a key that a mapping has twice, and for data that are nested too
    deeply or larger, with aliases (`*name`) and merged keys (`<<`) written out, than any config.
    """
    loader = yaml.SafeLoader(read_text(path, most_bytes=_MOST_YAML_BYTES))
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node, {}, ())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _check_size(node: yaml.Node, known: dict[int, int], holders: tuple[int, ...]) -> int:
    """Return the number of nodes with aliases written out; `known` are those of nodes before."""
    if id(node) in known:
        return known[id(node)]
    if id(node) in holders:
        raise ValueError("it contains itself, by an alias")
    if len(holders) > _MOST_DEPTH:
        raise ValueError(f"it is nested more than {_MOST_DEPTH} levels deep")
    size = 1 + sum(_check_size(one, known, (*holders, id(node))) for one in _parts_of(node))
    if size > _MOST_NODES:
        raise ValueError(f"it holds more than {_MOST_NODES:,} values, with aliases written out")
    known[id(node)] = size
    return size


def _parts_of(node: yaml.Node) -> list[yaml.Node]:
    """Return the nodes inside a node. Raises ValueError for a key that is there twice."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if not isinstance(node, yaml.MappingNode):
        if not node.tag.endswith(":str") and len(node.value) > _MOST_LETTERS:
            raise ValueError(f"it holds a number or date of {len(node.value):,} letters")
        return []
    keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
    if twice := next((key for key, count in keys.items() if count > 1), None):
        raise ValueError(f"it has the key `{twice[:_MOST_LETTERS]}` twice")
    return [part for pair in node.value for part in pair]
