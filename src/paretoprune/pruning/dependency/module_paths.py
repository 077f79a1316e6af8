"""The path of the module that is currently executing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def following_paths(model: nn.Module, stack: list[str]) -> Iterator[None]:
    """Keep the path of the executing module on top of the stack; after an error it stays there."""
    handles = []
    for path, module in model.named_modules():

        def enter(_module: nn.Module, _args: Any, path: str = path) -> None:
            stack.append(path)

        def leave(_module: nn.Module, _args: Any, _output: Any) -> None:
            stack.pop()

        handles.append(module.register_forward_pre_hook(enter))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
