"""Interface of export formats: files, how they are written, and the engine that runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.export import ExportedProgram

Contents = Mapping[str, bytes]  # of a format's files, by file name
# Called like the traced model, with tensors by position or by name; returns what it returns.
Runner = Callable[..., Any]

INPUT, OUTPUT = "input", "logits"  # names of one tensor in and one out, in formats that have names


@dataclass(frozen=True)
class GraphFormat:
    """An export format: how a traced model is written to files, and the engine that runs them.

    Formats are found by name in `registry.GRAPHS`, for export, verification and latency
    measurement. `encode` is called with the traced model; `open` with the contents of the files,
    for each check or measurement.

    Attributes:
        files: names of the files, relative to the export folder.
        engine: the engine that runs them, as in `engine=`.
        packages: import names of the packages needed to write and to run the files.
        extra: the extra of paretoprune that installs them; None if none is needed.
        encode: `encode(program)` returns the content of each of `files`; raises ExportError for
            what the format cannot represent.
        open: `open(contents, threads)` returns a function that is called like the model, on the
            CPU, for any number of samples; the engine uses `threads` threads, or its default if
            None. Several outputs are a mapping by name, or a tuple where the files hold no names.
        samples: fixed batch size of the traced model; None for a dynamic one.
        own_threads: True if the engine computes in threads that it starts itself, so that the
            caller's thread clock does not count them.
    """

    files: tuple[str, ...]
    engine: str
    packages: tuple[str, ...]
    extra: str | None
    encode: Callable[[ExportedProgram], Contents]
    open: Callable[[Contents, int | None], Runner]
    samples: int | None = None
    own_threads: bool = False
