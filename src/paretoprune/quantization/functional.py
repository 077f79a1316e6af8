"""An exported graph without operators that change a tensor in place.

`ExportedProgram.run_decompositions` gives it for every graph, by tracing anew, which takes more
time than the export. Here operators are replaced where that is obviously the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch._ops import OpOverload
from torch.fx import GraphModule, Node

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_aten = torch.ops.aten


def functional(program: ExportedProgram) -> GraphModule:
    """Return the graph as a module in which no operator changes a tensor in place."""
    module = program.module()
    assert isinstance(module, GraphModule)
    if any(_is_in_place(node) and not _is_replaceable(node) for node in module.graph.nodes):
        module = program.run_decompositions({}).module()
        assert isinstance(module, GraphModule)
        return module
    for node in [node for node in module.graph.nodes if _is_in_place(node)]:
        _replace(node)
    module.recompile()
    return module


def _is_in_place(node: Node) -> bool:
    return isinstance(node.target, OpOverload) and node.target._schema.is_mutable


def _is_replaceable(node: Node) -> bool:
    """Return True if the operator changes its first argument, whose memory is not shared.

    The argument is the output of an operator that returns new memory and has no views.
    """
    entering = node.args[0] if node.args else None
    if not isinstance(entering, Node) or _replacement(node) is None:
        return False
    return _is_new(entering) and not any(_is_view(user) for user in entering.users)


def _is_new(node: Node) -> bool:
    """Return True if the value is memory of its own, possibly changed in place since."""
    if _is_in_place(node):
        return _is_replaceable(node)
    returns = node.target._schema.returns if isinstance(node.target, OpOverload) else ()
    return len(returns) == 1 and returns[0].alias_info is None and not _may_alias(node)


def _may_alias(node: Node) -> bool:
    """Return True for operators that may return their input itself."""
    return node.target in (
        _aten.dropout.default,
        _aten.contiguous.default,
        _aten.reshape.default,
        _aten.flatten.using_ints,
        _aten.to.dtype,
        _aten.expand_as.default,
    )


def _is_view(node: Node) -> bool:
    if _is_in_place(node):
        return False
    returns = node.target._schema.returns if isinstance(node.target, OpOverload) else ()
    return any(one.alias_info is not None for one in returns) or _may_alias(node)


def _replacement(node: Node) -> OpOverload | None:
    """Return the operator that computes the same into new memory: `relu` for `relu_`."""
    assert isinstance(node.target, OpOverload)
    packet = node.target.overloadpacket.__name__
    plain = getattr(_aten, packet.removesuffix("_"), None)
    if not packet.endswith("_") or plain is None:
        return None
    found = getattr(plain, node.target._overloadname, None)
    return found if isinstance(found, OpOverload) and not found._schema.is_mutable else None


def _replace(node: Node) -> None:
    """Make the operator functional; later users of its argument read the result."""
    entering, target = node.args[0], _replacement(node)
    assert isinstance(entering, Node) and target is not None
    later = node.next
    users = set(entering.users) - {node}
    while later.op != "root":
        if later in users:
            later.replace_input_with(entering, node)
        later = later.next
    node.target = target
