"""Interface of export formats: files, how they are written, and the engine that runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.export import ExportedProgram

Contents = Mapping[str, bytes]  # of a format's files, by file name
# Called like the traced model, with tensors by position or by name; returns what it returns.
Runner = Callable[..., Any]

INPUT, OUTPUT = "input", "logits"  # names of one tensor in and one out, in formats that have names


WITH_TORCH = (
    "with torch.inference_mode():",
    "    logits = model(torch.from_numpy(inputs)).numpy()",
)


@dataclass(frozen=True)
class Loading:
    """Example code of a model card that computes `logits` from `inputs`, both numpy arrays."""

    needs: str  # the packages, in words
    imports: Sequence[str]  # lines of code
    lines: Sequence[str]


@dataclass(frozen=True)
class GraphFormat:
    """An export format: how a traced model is written to files, and the engine that runs them.

    A format `NAME` of the package is the function `NAME` in `formats/NAME.py`, which returns one of
    these; a user's own is a function that `format=` names by its dotted path. `encode` is called
    with the traced model; `open` with the contents of the files, for each check or measurement.

    Attributes:
        description: of the files, for the model card.
        files: names of the files, relative to the export folder; each begins with `model.`.
        engine: the engine that runs them, as in `engine=`.
        packages: import names of the packages needed to write and to run the files.
        extra: the extra of paretoprune that installs them; None if none is needed.
        encode: `encode(program)` returns the content of each of `files`; raises ExportError for
            what the format cannot represent.
        open: `open(contents, threads)` returns a function that is called like the model, on the
            CPU, for any number of samples; the engine uses `threads` threads, or its default if
            None. Several outputs are a mapping by name, or a tuple where the files hold no names.
        samples: fixed batch size of the traced model; None for a dynamic one.
        loading: example code for the model card; None for none.
        own_threads: True if the engine computes in threads that it starts itself, so that the
            caller's thread clock does not count them.
    """

    description: str
    files: tuple[str, ...]
    engine: str
    packages: tuple[str, ...]
    extra: str | None
    encode: Callable[[ExportedProgram], Contents]
    open: Callable[[Contents, int | None], Runner]
    samples: int | None = None
    loading: Loading | None = None
    own_threads: bool = False
