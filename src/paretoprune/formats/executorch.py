"""`model.pte`: ExecuTorch, PyTorch's runtime for phones, with XNNPACK's kernels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from paretoprune.errors import ExportError
from paretoprune.formats.format import Contents, GraphFormat, Loading, Runner
from paretoprune.formats.tracing import first_line, quiet

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

_FILE = "model.pte"


def _encode(program: ExportedProgram) -> Contents:
    try:
        with quiet():
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import (
                XnnpackPartitioner,
            )
            from executorch.exir import to_edge_transform_and_lower

            edge = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
            content: bytes = edge.to_executorch().buffer
    except Exception as error:  # ExecuTorch has no common error
        raise ExportError(f"ExecuTorch cannot convert it: {first_line(error)}") from error
    return {_FILE: content}


def _open(contents: Contents, threads: int | None) -> Runner:
    """Open ExecuTorch on this CPU; samples run one by one, as the file requires."""
    import torch

    with quiet(), _standard_error_closed():
        from executorch.extension.pybindings.portable_lib import _unsafe_reset_threadpool
        from executorch.runtime import Runtime

        if threads:
            _unsafe_reset_threadpool(threads)
        program = Runtime.get().load_program(contents[_FILE])
        loaded = program, program.load_method("forward")  # the method reads the program's memory

    def run(*args: Tensor, **kwargs: Tensor) -> Any:
        """Take tensors in the order of the traced model, and return several as a tuple."""
        _, method = loaded
        given = (*args, *kwargs.values())
        rows = zip(*(_one_by_one(one, len(given[0])) for one in given), strict=True)
        found = [method.execute(list(row)) for row in rows]
        results = tuple(torch.cat(parts) for parts in zip(*found, strict=True))
        return results[0] if len(results) == 1 else results

    return run


def _one_by_one(tensor: Tensor, count: int) -> list[Tensor]:
    import torch

    return list(torch.split(tensor, 1)) if tensor.dim() else [tensor] * count


@contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Redirect stderr: ExecuTorch's start prints messages from C++.

    They are about system files of a phone that are missing here.
    """
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def executorch() -> GraphFormat:
    """Return the format: ExecuTorch with XNNPACK, for phones."""
    return GraphFormat(
        description="the graph for ExecuTorch with XNNPACK, on phones; one sample in a pass",
        files=(_FILE,),
        engine="executorch",
        packages=("executorch",),
        extra="executorch",
        encode=_encode,
        open=_open,
        own_threads=True,
        samples=1,  # memory is planned for a fixed batch size; one sample on a phone
        loading=Loading(
            "executorch and torch, on a computer",
            ["import torch", "from executorch.runtime import Runtime"],
            [
                "# the program must stay as long as its method",
                f'program = Runtime.get().load_program("{_FILE}")',
                'method = program.load_method("forward")',
                "one_by_one = torch.from_numpy(inputs).split(1)  # as on a phone",
                "logits = np.concatenate([method.execute([one])[0].numpy() for one in one_by_one])",
            ],
        ),
    )
