"""Compact files that lie: about sizes, types, shapes, numbers of bits, and where their data end."""

from __future__ import annotations

import json
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from paretoprune.errors import WeightsError
from paretoprune.formats.compact import Rounded, encode_compact
from paretoprune.formats.compact_reader import decode_compact

CODES = np.arange(-60, 60, dtype=np.int8).reshape(4, 30)
SPARSE = np.where(np.arange(400) % 40 == 0, 3, 0).astype(np.int8).reshape(4, 100)
TENSORS = {
    "dense": Rounded(CODES, np.ones(4, np.float16), -7),
    "grouped": Rounded(CODES, np.ones(8, np.float16), -7),
    "sparse": Rounded(SPARSE, np.ones(4, np.float16), 0),
    "exact": np.arange(5, dtype=np.float32),
    "constant": np.full(6, 2.5, np.float32),
}
SIZE = 120 + 120 + 400 + 5 + 6
Layout = list[list[Any]]


def deflated(content: bytes) -> np.ndarray:
    return np.frombuffer(zlib.compress(content, 9, wbits=-15), np.uint8)


def bomb(num_bytes: int) -> np.ndarray:
    """A deflate stream of zeros, a thousandth as long."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [coder.compress(bytes(2**20)) for _ in range(num_bytes // 2**20)]
    return np.frombuffer(b"".join([*parts, coder.flush()]), np.uint8)


def changed(**arrays: np.ndarray) -> bytes:
    """The file with other streams in it."""
    content: bytes = safetensors.numpy.save(
        {**safetensors.numpy.load(encode_compact(TENSORS)), **arrays}
    )
    return content


def streams() -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = safetensors.numpy.load(encode_compact(TENSORS))
    return found


def layout() -> Layout:
    text = zlib.decompress(streams()["layout"].tobytes(), wbits=-15)
    found: Layout = json.loads(text)
    return found


def with_entry(index: int, entry: list[Any]) -> bytes:
    own = layout()
    own[index] = entry
    return changed(layout=deflated(json.dumps(own).encode()))


def with_text(text: str) -> bytes:
    return changed(layout=deflated(text.encode()))


def test_the_file_itself_is_read() -> None:
    found = decode_compact(changed(), most_elements=SIZE)
    assert sum(tensor.size for tensor in found.values()) == SIZE
    with pytest.raises(WeightsError, match="larger than those of the model"):
        decode_compact(changed(), most_elements=SIZE - 1)


W = [4, 30]
LAYOUTS: dict[str, Callable[[], bytes]] = {
    "a shape of 10 to the 18": lambda: with_entry(4, ["c", [10**9, 10**9], "constant", "<f4", 0]),
    "a shape that overflows": lambda: with_entry(4, ["c", [2**32, 2**32], "constant", "<f4", 0]),
    "a negative shape": lambda: with_entry(0, ["w", [-4, -30], "codes", False, 0]),
    "a shape of halves": lambda: with_entry(0, ["w", [4, 30.0], "codes", False, 0]),
    "a shape of texts": lambda: with_entry(0, ["w", ["4"], "codes", False, 0]),
    "a shape of truth": lambda: with_entry(0, ["w", [True, 120], "codes", False, 0]),
    "no shape": lambda: with_entry(0, ["w", None, "codes", False, 0]),
    "no dimensions": lambda: with_entry(0, ["w", [], "codes", False, 0]),
    "a larger shape": lambda: with_entry(3, ["e", [50], "exact", "<f4"]),
    "a smaller shape": lambda: with_entry(3, ["e", [4], "exact", "<f4"]),
    "a smaller weight": lambda: with_entry(0, ["w", [4, 29], "codes", False, 0]),
    "a wider type": lambda: with_entry(3, ["e", [5], "exact", "<f8"]),
    "a type of objects": lambda: with_entry(4, ["c", [6], "constant", "O", 1]),
    "a type of a GB": lambda: with_entry(4, ["c", [6], "constant", "S1000000000", 1]),
    "a type of dates": lambda: with_entry(4, ["c", [6], "constant", "<M8[s]", 1]),
    "a type of fields": lambda: with_entry(4, ["c", [6], "constant", [["a", "<f4"]], 1]),
    "no type": lambda: with_entry(4, ["c", [6], "constant", "nothing", 1]),
    "a constant that does not fit": lambda: with_entry(4, ["c", [6], "constant", "|i1", 2**40]),
    "a constant text": lambda: with_entry(4, ["c", [6], "constant", "<f4", "nan"]),
    "constants": lambda: with_entry(4, ["c", [6], "constant", "<f4", [0] * 6]),
    "no constant": lambda: with_entry(4, ["c", [6], "constant", "<f4"]),
    "a constant NaN": lambda: with_text('[["c",[6],"constant","<f4",NaN]]'),
    "a mask where none is": lambda: with_entry(0, ["w", W, "codes", True, 0]),
    "no mask where one is": lambda: with_entry(2, ["w", [4, 100], "codes", False, 0]),
    "an exponent of 10 to the 9": lambda: with_entry(0, ["w", W, "codes", False, 10**9]),
    "an infinite step": lambda: with_entry(0, ["w", W, "codes", False, 200]),
    "an exponent that is none": lambda: with_entry(0, ["w", W, "codes", False, "1"]),
    "groups of no size": lambda: with_entry(0, ["w", W, "codes", False, 0, 7]),
    "negative groups": lambda: with_entry(0, ["w", W, "codes", False, 0, -4]),
    "10 to the 12 groups": lambda: with_entry(0, ["w", W, "codes", False, 0, 10**12]),
    "no groups": lambda: with_entry(0, ["w", W, "codes", False, 0, 0]),
    "more than there is": lambda: with_entry(0, ["w", W, "codes", False, 0, 4, 5]),
    "a name twice": lambda: with_entry(1, layout()[0]),
    "a name that is none": lambda: with_entry(0, [3, *layout()[0][1:]]),
    "the same as nothing": lambda: with_entry(4, ["c", [], "same", "nowhere"]),
    "the same as itself": lambda: with_entry(4, ["c", [], "same", "c"]),
    "the same too often": lambda: changed(
        layout=deflated(
            json.dumps(
                [*layout(), *(["c" * n, [], "same", "sparse"] for n in range(1, 9))]
            ).encode()
        )
    ),
    "an unknown kind": lambda: with_entry(4, ["c", [6], "secret"]),
    "an empty entry": lambda: with_entry(4, []),
    "no list": lambda: with_text("3"),
    "an object": lambda: with_text('{"a": 1}'),
    "no JSON": lambda: with_text("["),
    "deep": lambda: with_text("[" * 100_000),
    "a number without end": lambda: with_text('[["c",[' + "9" * 10_000 + '],"constant","<f4",0]]'),
    "no text": lambda: changed(layout=deflated(b"\xff\xfe")),
    "less than there is": lambda: changed(layout=deflated(json.dumps(layout()[:-2]).encode())),
}
STREAMS: dict[str, Callable[[], bytes]] = {
    "codes without end": lambda: changed(codes=bomb(2**27)),
    "masks without end": lambda: changed(masks=bomb(2**27)),
    "a layout without end": lambda: changed(layout=bomb(2**27)),
    "codes that break off": lambda: changed(codes=streams()["codes"][:-3]),
    "masks that break off": lambda: changed(masks=streams()["masks"][:-1]),
    "more behind the codes": lambda: changed(codes=np.append(streams()["codes"], np.uint8(0))),
    "codes that are no stream": lambda: changed(codes=np.full(50, 255, np.uint8)),
    "no codes": lambda: changed(codes=np.zeros(0, np.uint8)),
    "a code too many": lambda: changed(codes=deflated(bytes(120 + 120 + 10 + 1))),
    "a code too few": lambda: changed(codes=deflated(bytes(120 + 120 + 10 - 1))),
    "masks of ones": lambda: changed(masks=deflated(b"\xff" * 50)),
    "a byte of masks too many": lambda: changed(masks=deflated(bytes(51))),
    "NaN scales": lambda: changed(scales=np.full(16, np.nan, np.float16)),
    "infinite scales": lambda: changed(scales=np.full(16, np.inf, np.float16)),
    "scales of another type": lambda: changed(scales=np.ones(16, np.float64)),
    "scales of another shape": lambda: changed(scales=np.ones((4, 4), np.float16)),
    "a scale too many": lambda: changed(scales=np.ones(17, np.float16)),
    "a scale too few": lambda: changed(scales=np.ones(15, np.float16)),
    "exact data of another type": lambda: changed(exact=np.zeros(20, np.float64)),
    "a byte too few": lambda: changed(exact=np.zeros(19, np.uint8)),
    "a byte too many": lambda: changed(exact=np.zeros(21, np.uint8)),
}


@pytest.mark.parametrize("lie", [*LAYOUTS, *STREAMS])
def test_a_lie_is_an_error_that_takes_neither_memory_nor_time(lie: str) -> None:
    content = (LAYOUTS | STREAMS)[lie]()
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match="the compact file is damaged: ") as error:
            decode_compact(content, most_elements=2 * SIZE)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()
    assert len(str(error.value)) < 400
    assert time.process_time() - began < 2
