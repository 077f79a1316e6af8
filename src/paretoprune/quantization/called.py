"""An integer module of several inputs, called like the model that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.fx import GraphModule

from paretoprune.formats.names import named_inputs
from paretoprune.tasks.inputs import Inputs


class Called(nn.Module):
    """Calls a graph, which takes tensors by name, with the arguments of the model.

    Several outputs are a mapping by name; arguments that are no tensors are constants of the graph.
    """

    def __init__(self, graph: GraphModule, model: nn.Module, inputs: Inputs) -> None:
        super().__init__()
        self.graph = graph
        names = iter(named_inputs(model, inputs))
        self._positions = [next(names) if isinstance(one, Tensor) else None for one in inputs.args]
        self._keywords = [key for key, one in inputs.kwargs.items() if isinstance(one, Tensor)]

    def named(self, inputs: Inputs) -> dict[str, Tensor]:
        """Return the tensors of a call by the names of the graph, in its order."""
        return self._named(inputs.args, inputs.kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.graph(**self._named(args, kwargs))

    def _named(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Tensor]:
        places = zip(self._positions, args, strict=True)
        return {
            **{name: value for name, value in places if name is not None},
            **{key: kwargs[key] for key in self._keywords},
        }


IntegerModule = GraphModule | Called  # of one tensor, or of several inputs


def graph_of(module: IntegerModule) -> GraphModule:
    """Return the graph of an integer module."""
    return module.graph if isinstance(module, Called) else module


def tensors_of(module: IntegerModule, inputs: Inputs) -> list[Tensor]:
    """Return the tensors of a call in the order of the graph's placeholders."""
    return list(module.named(inputs).values()) if isinstance(module, Called) else [inputs.only]
