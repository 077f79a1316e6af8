"""Mutations of Python source: one small change of the syntax tree each, like a programming slip."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "any": "all", "floor": "ceil", "append": "extend", "argmin": "argmax"}
_NAMES |= {new: old for old, new in _NAMES.items()}
_UNSEEN = ("annotation", "returns", "decorator_list", "bases", "type_params")
# Message texts are not tested. An assert, or `strict` of `zip`, states an invariant.
_SKIPPED = (ast.Import, ast.ImportFrom, ast.Assert, ast.JoinedStr)


@dataclass(frozen=True)
class Place:
    """The position of a node in its syntax tree."""

    owner: ast.AST
    field: str
    index: int | None
    function: str  # qualified name of the function or class around it

    @property
    def node(self) -> ast.AST:
        """The node currently at this position."""
        value = getattr(self.owner, self.field)
        found: ast.AST = value if self.index is None else value[self.index]
        return found

    def put(self, node: ast.AST) -> None:
        """Replace the node."""
        if self.index is None:
            setattr(self.owner, self.field, node)
        else:
            getattr(self.owner, self.field)[self.index] = node


@dataclass(frozen=True)
class Mutation:
    """The replacement of one node by another."""

    tree: ast.Module
    place: Place
    old: ast.AST
    new: ast.AST
    line: int  # of the source, from 1
    code: str  # the text of that line

    @property
    def change(self) -> str:
        """Old and new node as source text."""
        return f"{_text(self.old)} -> {_text(self.new)}"

    def mutant(self) -> ast.Module:
        """Return the tree with the change, made in place."""
        self.place.put(ast.fix_missing_locations(ast.copy_location(self.new, self.old)))
        return self.tree


def mutations(source: str) -> list[Mutation]:
    """Return all mutations of a module, in the order of its source."""
    tree, lines = ast.parse(source), ["", *source.splitlines()]
    return [
        Mutation(tree, place, place.node, new, line, lines[line].strip())
        for place in _places(tree, "")
        for new in _replacements(place)
        for line in [int(getattr(place.node, "lineno", 0))]
    ]


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _places(owner: ast.AST, function: str) -> Iterator[Place]:
    if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{owner.name}".lstrip(".")
    for field, index, node in _children(owner):
        yield Place(owner, field, index, function)
        yield from _places(node, function)


def _children(owner: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    if isinstance(owner, ast.Raise) or _asks_for_a_type(owner):
        return
    for field, value in ast.iter_fields(owner):
        if field in _UNSEEN:
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(node, ast.AST) and not _is_skipped(node):
                yield field, index, node


def _is_skipped(node: ast.AST) -> bool:
    strict = isinstance(node, ast.keyword) and node.arg == "strict"
    return strict or isinstance(node, _SKIPPED)


def _asks_for_a_type(node: ast.AST) -> bool:
    """Return True for a union of types `A | B`, which has no counterpart."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("isinstance", "issubclass")
    )


def _replacements(place: Place) -> Iterator[ast.AST]:
    node = place.node
    if place.field in ("test", "ifs") and not isinstance(node, ast.Compare | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), node)  # type: ignore[arg-type]
    match node:
        case ast.Compare():
            yield from _other_comparisons(node)
        case ast.BinOp() if place.function and type(node.op) in _OPERATORS:
            yield ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool() | int() | float()):
            yield ast.Constant(_other_number(node.value))  # type: ignore[arg-type]
        case ast.Return(value=ast.expr()):
            if not (isinstance(node.value, ast.Constant) and node.value.value is None):
                yield ast.Return(ast.Constant(None))
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Name() | ast.Attribute():
            yield from _other_names(place, node)
        case ast.stmt():
            yield from _other_statements(node)


def _other_comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        for other in _COMPARISONS[type(operator)]:
            operators = [*node.ops[:index], other(), *node.ops[index + 1 :]]
            yield ast.Compare(node.left, operators, node.comparators)


def _other_number(value: bool | int | float) -> bool | int | float:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value * 2 if value else 1.0


def _other_names(place: Place, node: ast.Name | ast.Attribute) -> Iterator[ast.AST]:
    """Yield the counterparts of a function that is called or passed on."""
    name = node.id if isinstance(node, ast.Name) else node.attr
    if name in _NAMES and isinstance(place.owner, ast.Call) and place.field == "func":
        new = copy.copy(node)
        setattr(new, "id" if isinstance(node, ast.Name) else "attr", _NAMES[name])
        yield new


def _other_statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield the statement's deletion, if later statements still find all their names."""
    match node:
        case ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            yield ast.AugAssign(node.target, _OPERATORS[type(operator)](), node.value)
            yield ast.Pass()
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.Expr() | ast.AugAssign() | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            yield ast.Pass()
