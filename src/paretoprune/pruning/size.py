"""Parameters and MACs of any widths in closed form, in microseconds, without building a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from paretoprune.pruning.groups import Group
from paretoprune.results import Cost


class SizeModel:
    """Counts what a model would have with given widths.

    A tensor's number of elements is the product of its dimensions, each of which shrinks by the
    removed channels times the positions a channel has there. The MACs of a layer are proportional
    to the elements of its weight, those of attention to the heads that are left; all other MACs
    stay what they are.

    Args:
        groups: the groups of the dense model.
        shapes: the dense parameters' shapes by name (no buffers).
        macs_per_layer: the dense MACs of one sample by the path of a layer with a `weight`, by the
            full name of another weight, or by the path of a module that multiplies without a
            weight; they add up to the total.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        shapes: Mapping[str, Sequence[int]],
        macs_per_layer: Mapping[str, int],
    ) -> None:
        self._dense = {group.name: group.width for group in groups}
        self._places = places = sorted(
            {(s.tensor, s.dim) for g in groups for s in g.slots if s.tensor in shapes}
        )
        row = {place: number for number, place in enumerate(places)}
        self._loss = np.zeros((len(places) + 1, len(groups)))  # a last row for "nothing changes"
        for column, group in enumerate(groups):
            for slot in group.slots:
                if slot.tensor in shapes:
                    self._loss[row[slot.tensor, slot.dim], column] += slot.per_channel
        self._sizes = np.array([shapes[tensor][dim] for tensor, dim in places] + [1.0])
        macs = {
            path if path in shapes else f"{path}.weight".removeprefix("."): count
            for path, count in macs_per_layer.items()
        }
        self._index_tensors(places, shapes, macs)
        self._macs_per_channel = np.zeros(len(groups))
        for column, group in enumerate(groups):
            moving = sum(macs_per_layer.get(path, 0) * share for path, share in group.works)
            self._macs_per_channel[column] = moving / group.width
            self._fixed_macs -= moving

    def _index_tensors(
        self,
        places: Sequence[tuple[str, int]],
        shapes: Mapping[str, Sequence[int]],
        macs: Mapping[str, int],
    ) -> None:
        rows: dict[str, list[int]] = {}
        for number, (tensor, _) in enumerate(places):
            rows.setdefault(tensor, []).append(number)
        numel = {name: int(np.prod(shape, dtype=np.int64)) for name, shape in shapes.items()}
        most = max(map(len, rows.values()), default=1)
        padded = [own + [len(places)] * (most - len(own)) for own in rows.values()]
        self._rows = np.array(padded, dtype=np.intp).reshape(-1, most)
        dense = np.array([numel[name] for name in rows], dtype=float)
        self._inner = dense / self._sizes[self._rows].prod(axis=1)
        self._macs_per_element = np.array([macs.get(name, 0) for name in rows]) / dense
        self._fixed_params = sum(count for name, count in numel.items() if name not in rows)
        self._fixed_macs: float = sum(count for name, count in macs.items() if name not in rows)

    def sizes(self, widths: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """The size of every dimension that a group can change, by tensor name and dimension."""
        sizes = self._sizes_at(widths)[:-1].tolist()
        return {place: int(size) for place, size in zip(self._places, sizes, strict=True)}

    def _sizes_at(self, widths: Mapping[str, int]) -> NDArray[np.float64]:
        gone = np.array([dense - widths.get(name, dense) for name, dense in self._dense.items()])
        left: NDArray[np.float64] = self._sizes - self._loss @ gone
        return left

    def cost(self, widths: Mapping[str, int]) -> Cost:
        """Parameters, and MACs for one sample, with these widths by group name (dense if absent).

        Whole numbers are exact below 2**53.
        """
        sizes = self._sizes_at(widths)
        numel = self._inner * sizes[self._rows].prod(axis=1)
        left = np.array([widths.get(name, dense) for name, dense in self._dense.items()])
        macs = float(self._macs_per_element @ numel) + float(self._macs_per_channel @ left)
        return Cost(
            params=self._fixed_params + round(float(numel.sum())),
            macs=round(self._fixed_macs + macs),
        )
