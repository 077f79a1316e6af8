"""Following labels through one forward pass, operation by operation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from paretoprune.pruning import rules
from paretoprune.pruning.equivalence import flat
from paretoprune.pruning.labels import Labels, Symbols, varying
from paretoprune.pruning.rules import Labelled

OUTPUT = "its channels are the network's outputs"

_MOVES = frozenset(
    "alias _to_copy clone contiguous detach lift_fresh view _unsafe_view reshape _reshape_alias "
    "permute transpose t expand slice select unsqueeze squeeze split unsafe_split unbind "
    "split_with_sizes unsafe_split_with_sizes flip roll repeat index_select index unfold "
    "constant_pad_nd reflection_pad1d reflection_pad2d replication_pad2d "
    "pixel_shuffle pixel_unshuffle native_channel_shuffle channel_shuffle diagonal im2col "
    "repeat_interleave".split()
)
_VIEWS = frozenset("view _unsafe_view reshape _reshape_alias".split())
_CUTS = frozenset("split unsafe_split split_with_sizes unsafe_split_with_sizes slice".split())
_REDUCES = frozenset(
    "mean sum amax amin var var_mean std std_mean max min prod logsumexp argmax norm "
    "linalg_vector_norm all any".split()
)
_ALONG = frozenset("_softmax softmax _log_softmax cumsum sort topk _safe_softmax".split())
_SPATIAL = {  # the last so many dimensions, over which channels must not vary
    "max_pool1d": 1, "avg_pool1d": 1, "adaptive_avg_pool1d": 1, "upsample_linear1d": 1,
    "max_pool2d_with_indices": 2, "max_pool2d": 2, "avg_pool2d": 2, "_adaptive_avg_pool2d": 2,
    "adaptive_avg_pool2d": 2, "adaptive_max_pool2d": 2, "upsample_nearest1d": 1,
    "upsample_nearest2d": 2, "upsample_bilinear2d": 2, "upsample_bicubic2d": 2,
    "_upsample_bilinear2d_aa": 2, "_upsample_bicubic2d_aa": 2, "grid_sampler_2d": 2,
    "max_pool3d_with_indices": 3, "avg_pool3d": 3, "_adaptive_avg_pool3d": 3,
    "upsample_nearest3d": 3, "upsample_trilinear3d": 3,
}  # fmt: skip
_BATCH_NORMS = frozenset(
    "native_batch_norm cudnn_batch_norm _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training".split()
)


@dataclass(frozen=True)
class Work:
    """A matrix product without any weight in it, in this module, and what its size follows."""

    path: str
    planes: tuple[Tensor, ...]


@dataclass
class Trace:
    """What one forward pass showed."""

    symbols: Symbols
    places: list[tuple[str, int, Tensor]]  # a tensor, a dimension of it, and its symbols
    work: list[Work]
    weights: set[str]  # names of the tensors that make channels, by a product or a look-up


def trace(model: nn.Module, inputs: Sequence[Tensor]) -> Trace:
    """Follow the channels of every parameter and buffer through a forward pass of the model.

    The model should be a copy in evaluation mode on the CPU.
    """
    follower = _Follower()
    places = follower.label_tensors(model)
    for tensor in inputs:
        follower.labels[tensor] = Labels()
    with _paths(model, follower.stack), _decomposed(), torch.no_grad(), follower:
        outputs = model(*inputs)
    for tensor in flat(outputs):
        for plane in (follower.labels.get(tensor) or Labels()).planes:
            follower.symbols.fix(plane, OUTPUT)
    return Trace(follower.symbols, places, follower.work, follower.used)


@contextmanager
def _decomposed() -> Iterator[None]:
    """Fused operations off: attention as matrix products, recurrent layers step by step."""
    mkldnn: Any = torch.backends.mkldnn
    before = torch.backends.mha.get_fastpath_enabled(), mkldnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    mkldnn.enabled = False
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before[0])
        mkldnn.enabled = before[1]


@contextmanager
def _paths(model: nn.Module, stack: list[str]) -> Iterator[None]:
    """The path of the module at work is the last of the stack."""
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


@dataclass
class _Seen:
    """One operation, its tensors with their labels, and its result."""

    name: str
    args: Sequence[Any]
    kwargs: dict[str, Any]
    result: Any
    what: str


class _Follower(TorchDispatchMode):
    """Computes as ever, and the labels beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = Symbols()
        self.labels: Any = WeakIdKeyDictionary()
        self.stack: list[str] = []
        self.work: list[Work] = []
        self.names: dict[int, str] = {}  # of parameters and buffers, by their memory
        self.used: set[str] = set()

    def label_tensors(self, model: nn.Module) -> list[tuple[str, int, Tensor]]:
        """A symbol for each index of each dimension of each parameter and buffer."""
        places = []
        tensors: dict[str, Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        for name, tensor in tensors.items():
            planes = []
            for dim, size in enumerate(tensor.shape):
                if size > 1:
                    own = self.symbols.new(size)
                    places.append((name, dim, own))
                    shape = [size if one == dim else 1 for one in range(tensor.dim())]
                    planes.append(own.reshape(shape))
            self.labels[tensor] = Labels(tuple(planes))
            self.names[tensor.untyped_storage().data_ptr()] = name
        return places

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        shapes = [one.shape if isinstance(one, Tensor) else None for one in args]
        result = func(*args, **kwargs)
        path = self.stack[-1] if self.stack else ""
        name = func.overloadpacket.__name__
        what = f"`{path}` ({name.strip('_')})"
        with torch.utils._python_dispatch._disable_current_modes():
            self._follow(func, name, what, args, kwargs, result, shapes)
        return result

    def _follow(self, func, name, what, args, kwargs, result, shapes) -> None:
        tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
        results = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        if not results or not tensors:
            return
        if all(self.labels.get(one) is None for one in tensors):
            return
        if name.endswith("_") and not name.startswith("_"):
            name = name[:-1]
        try:
            given = self._labels_of(func, name, what, args, kwargs, result, shapes)
        except _Unknown:
            self._give_up(tensors, what)
            given = Labels()
        if isinstance(given, list):
            for one, labels in zip(results, given, strict=True):
                self.labels[one] = labels
            return
        for one in results:
            if given is not None:
                self.labels[one] = given if one.shape == results[0].shape else Labels()

    def _give_up(self, tensors: Sequence[Tensor], what: str) -> None:
        for tensor in tensors:
            for plane in (self.labels.get(tensor) or Labels()).planes:
                self.symbols.fix(plane, f"what {what} does with channels is not known")

    def _at(self, tensor: Tensor, shape: Any = None) -> Labelled:
        return Labelled(tuple(tensor.shape if shape is None else shape), self.labels.get(tensor))

    def _labels_of(self, func, name, what, args, kwargs, result, shapes):
        s = self.symbols
        if name in _MOVES:
            return self._moved(func, name, what, args, kwargs, shapes, result)
        if name in ("cat", "stack", "concat"):
            return self._concatenated(name, what, args, kwargs)
        if name in _REDUCES:
            return self._reduced(what, args, kwargs, result)
        if name in _ALONG:
            dims = [_argument(func, args, kwargs, "dim")]
            return rules.reduced(s, self._at(args[0]), dims, what)
        if name in _SPATIAL:
            inputs = self._at(args[0])
            return rules.reduced(
                s, inputs, range(-_SPATIAL[name], 0), what
            )
        if name in ("convolution", "mkldnn_convolution", "_convolution"):
            return self._convolution(func, what, args, kwargs, result)
        if name in ("mm", "addmm", "bmm", "baddbmm", "linear", "mv", "dot"):
            return self._product(name, what, args, result)
        if name in _BATCH_NORMS:
            inputs = self._at(args[0])
            dims = len(inputs.shape)
            sides = [self._at(one).along(1, dims) for one in args[1:5] if isinstance(one, Tensor)]
            return rules.pointwise(s, [inputs, *sides], what)
        if name in ("native_layer_norm", "_fused_rms_norm", "rms_norm", "layer_norm"):
            inputs = self._at(args[0])
            out = rules.reduced(s, inputs, range(-len(args[1]), 0), what)
            sides = [self._at(one) for one in args[2:4] if isinstance(one, Tensor)]
            return rules.pointwise(s, [Labelled(inputs.shape, out), *sides], what)
        if name == "native_group_norm":
            inputs = self._at(args[0])
            out = rules.group_norm(s, inputs, args[6], what)
            sides = [self._at(one).along(1, len(inputs.shape)) for one in args[1:3] if isinstance(one, Tensor)]
            return rules.pointwise(s, [Labelled(inputs.shape, out), *sides], what)
        if name == "embedding":
            return self._embedding(what, args, result)
        if name.endswith("_like") or name.startswith("new_"):
            return None
        if torch.Tag.pointwise in func.tags or name in ("copy", "fill", "zero", "masked_fill", "native_dropout"):
            tensors = [self._at(one) for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
            return rules.pointwise(s, tensors, what)
        raise _Unknown

    def _moved(self, func, name, what, args, kwargs, shapes, result):
        inputs = self._at(args[0], shapes[0])
        if inputs.labels is None:
            return None
        if name == "_to_copy":
            return inputs.labels
        if name in _CUTS:
            self._cut(name, args, inputs, func, kwargs)
        rest = [args[1]] if name in _VIEWS else args[1:]
        rest_kwargs = {k: v for k, v in kwargs.items() if k != "dtype"}
        # A plane has other strides than its tensor, so that a view of it may need a copy.
        target = torch.reshape if name in _VIEWS else func
        outs = []
        many = isinstance(result, (list, tuple))
        count = len(result) if many else 1
        for number in range(count):
            def move(plane: Tensor, number: int = number) -> Tensor:
                moved = target(plane.clone() if func._schema.is_mutable else plane, *rest, **rest_kwargs)
                return moved[number] if many else moved

            outs.append(rules.moved(self.symbols, inputs, move))
        return outs if many else outs[0]

    def _cut(self, name, args, inputs, func, kwargs) -> None:
        dim = _argument(func, args, kwargs, "dim") or 0
        if not inputs.shape:
            return
        if name == "slice":
            total = inputs.shape[dim]
            start = _argument(func, args, kwargs, "start") or 0
            end = _argument(func, args, kwargs, "end")
            step = _argument(func, args, kwargs, "step") or 1
            start, end, step = slice(start, end, step).indices(total)
            size = end - start
            if size > 0 and step == 1 and size < total and start % size == 0:
                rules.equal_parts(self.symbols, inputs, dim, size)
            return
        sizes = args[1]
        if isinstance(sizes, int):
            rules.equal_parts(self.symbols, inputs, dim, sizes)
        elif len(set(sizes)) == 1:
            rules.equal_parts(self.symbols, inputs, dim, sizes[0])

    def _concatenated(self, name, what, args, kwargs):
        tensors = args[0]
        dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
        parts = [self._at(one) for one in tensors]
        if name == "stack":
            dims = len(parts[0].shape) + 1
            dim %= dims
            parts = [
                Labelled(
                    (*p.shape[:dim], 1, *p.shape[dim:]),
                    None if p.labels is None else Labels(tuple(q.unsqueeze(dim) for q in p.planes)),
                )
                for p in parts
            ]
        parts = [p for p in parts if p.shape != (0,)]
        return rules.concatenated(self.symbols, parts, dim % len(parts[0].shape), what)

    def _reduced(self, what, args, kwargs, result):
        inputs = self._at(args[0])
        out = next(one for one in tree_leaves(result) if isinstance(one, Tensor))
        dims = next((one for one in args[1:] if isinstance(one, (int, list, tuple)) and not isinstance(one, bool)), kwargs.get("dim"))
        if isinstance(dims, int):
            dims = [dims]
        dims = list(dims) if dims else list(range(len(inputs.shape)))
        labels = rules.reduced(self.symbols, inputs, dims, what)
        if out.dim() < len(inputs.shape):
            labels = rules.without_dims(labels, dims, len(inputs.shape))
        return labels

    def _use(self, *tensors: Tensor) -> bool:
        """Note which parameters make channels here; whether there are any."""
        memory = [one.untyped_storage().data_ptr() for one in tensors if one.dim() > 1]
        names = {self.names[one] for one in memory if one in self.names}
        self.used |= names
        return bool(names)

    def _convolution(self, func, what, args, kwargs, result):
        self._use(args[1])
        inputs, weight = self._at(args[0]), self._at(args[1])
        groups = _argument(func, args, kwargs, "groups")
        transposed = bool(_argument(func, args, kwargs, "transposed"))
        out = rules.convolution(self.symbols, inputs, weight, groups, transposed=transposed, what=what)
        if isinstance(args[2], Tensor):
            bias = self._at(args[2]).along(1, result.dim())
            return rules.pointwise(self.symbols, [Labelled(tuple(result.shape), out), bias], what)
        return out

    def _product(self, name, what, args, result):
        bias, tensors = None, list(args[:2])
        if name in ("addmm", "baddbmm"):
            bias, tensors = self._at(args[0]), list(args[1:3])
        if name in ("linear", "mv", "dot"):
            raise _Unknown
        sides = [self._at(one).aligned(3) for one in tensors]
        out = rules.product(self.symbols, sides[0], sides[1], what)
        if not self._use(*tensors):
            planes = (*sides[0].planes, *sides[1].planes) if len((out or Labels()).planes) < 2 else ()
            self.work.append(Work(self.stack[-1] if self.stack else "", planes))
        if out is None:
            return None
        if name in ("mm", "addmm"):
            out = rules.without_dims(out, [0], 3)
        if bias is not None:
            return rules.pointwise(self.symbols, [Labelled(tuple(result.shape), out), bias], what)
        return out

    def _embedding(self, what, args, result):
        self._use(args[0])
        planes = []
        for plane in self._at(args[0]).planes:
            if varying(plane) == {1}:
                planes.append(plane.reshape([1] * (result.dim() - 1) + [-1]))
            else:
                self.symbols.fix(plane, f"{what} looks its channels up by their number")
        return Labels(tuple(planes))


class _Unknown(Exception):
    """No rule for this operation."""


def _argument(func: Any, args: Sequence[Any], kwargs: dict[str, Any], name: str) -> Any:
    for number, argument in enumerate(func._schema.arguments):
        if argument.name == name:
            if number < len(args):
                return args[number]
            return kwargs.get(name, argument.default_value)
    return None
