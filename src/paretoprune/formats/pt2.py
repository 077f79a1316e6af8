"""`model.pt2`: the format of torch.export. Running it needs torch only."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from paretoprune.formats.format import WITH_TORCH, Contents, GraphFormat, Loading, Runner
from paretoprune.formats.names import by_name, names_of
from paretoprune.formats.tracing import quiet

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

_FILE = "model.pt2"


def _encode(program: ExportedProgram) -> Contents:
    import torch

    stream = io.BytesIO()
    with quiet():
        torch.export.save(program, stream)
    return {_FILE: stream.getvalue()}


def _open(contents: Contents, threads: int | None) -> Runner:
    """Open the program in torch, which computes with its own threads."""
    import torch

    program = torch.export.load(io.BytesIO(contents[_FILE]))
    module, (names, _) = program.module(), names_of(program)
    if not program.call_spec.in_spec.children()[1].num_children:
        return module

    def run(*args: Tensor, **kwargs: Tensor) -> Any:
        return module(**by_name(names, args, kwargs))

    return run


def pt2() -> GraphFormat:
    """Return the format: the program of torch.export, run by torch."""
    return GraphFormat(
        description="the graph of `torch.export`; needs torch alone",
        files=(_FILE,),
        engine="torch.export",
        packages=("torch",),
        extra=None,
        encode=_encode,
        open=_open,
        loading=Loading(
            "torch",
            ["import torch"],
            [f'model = torch.export.load("{_FILE}").module()', *WITH_TORCH],
        ),
    )
