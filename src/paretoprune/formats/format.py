"""What a format of a model without Python code is: its files, how they are made, what runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

Contents = Mapping[str, bytes]  # of a format's files, by their names
Runner = Callable[["Tensor"], "Tensor"]

INPUT, OUTPUT = "input", "logits"  # names, where a format has names


@dataclass(frozen=True)
class GraphFormat:
    """A way to hold a traced model in files, and the engine that runs it from them.

    `encode(program)` gives the content of each of `files`, and raises ExportError for what the
    format cannot hold. `open(contents, threads)` gives a function of inputs (N, ...) on the CPU,
    for any N; the engine computes with so many threads, as many as it likes if None.
    """

    files: tuple[str, ...]
    engine: str  # what runs it, as in `engine=`
    packages: tuple[str, ...]  # that must be there to write and to run it
    extra: str | None  # of paretoprune, which installs them
    encode: Callable[[ExportedProgram], Contents]
    open: Callable[[Contents, int | None], Runner]
    samples: int | None = None  # in one pass of the traced model; None: any number
    own_threads: bool = False  # computes in threads that it starts itself, not in the caller's
