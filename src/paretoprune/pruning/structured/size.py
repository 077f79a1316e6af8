"""Parameters and MACs at any widths in closed form, in microseconds, without building a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from paretoprune.pruning.groups import Group
from paretoprune.results import Cost


class SizeModel:
    """Exact parameter and MAC counts of a model at given widths.

    The number of elements of a tensor is the product of its dimensions, each of which shrinks by
    the removed channels times the positions of a channel in it. The MACs of a layer are
    proportional to the elements of its weight, those of attention products to the remaining heads;
    all other MACs are constant. A removed block counts nothing.

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
        self._blocks = [(n, group.block) for n, group in enumerate(groups) if group.block]
        # Counts inside a block are multiplied by its width; the last column is for the others.
        self._is_block = np.array([group.block is not None for group in groups] + [False])
        self._places = places = sorted(
            {(s.tensor, s.dim) for g in groups for s in g.slots if s.tensor in shapes}
        )
        row = {place: number for number, place in enumerate(places)}
        self._loss = np.zeros((len(places) + 1, len(groups)))  # last row: constant
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
        self._index_works(groups, macs_per_layer)

    def _index_works(self, groups: Sequence[Group], macs_per_layer: Mapping[str, int]) -> None:
        """Index products without a weight: MACs per channel by group, and the enclosing block."""
        works = [
            (column, path, macs_per_layer.get(path, 0) * share)
            for column, group in enumerate(groups)
            for path, share in group.scaled_matmuls
        ]
        self._work_groups = np.array([column for column, _, _ in works], dtype=np.intp)
        self._work_blocks = self._blocks_of([path for _, path, _ in works])
        self._work_macs = np.array([macs / groups[column].width for column, _, macs in works])
        np.subtract.at(self._rest_macs, self._work_blocks, [macs for _, _, macs in works])

    def _blocks_of(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Return the column of the block that contains each name, or the last column."""
        holders = [
            next((column for column, block in self._blocks if block.holds(name)), len(self._dense))
            for name in names
        ]
        return np.array(holders, dtype=np.intp)

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
        self._row_blocks = self._blocks_of(list(rows))
        self._rest_params, self._rest_macs = (self._rest(counts, rows) for counts in (numel, macs))

    def _rest(self, counts: Mapping[str, int], rows: Mapping[str, object]) -> NDArray[np.float64]:
        """Return the constant counts by enclosing block; the last entry for those in none."""
        rest = {name: count for name, count in counts.items() if name not in rows}
        total = np.zeros(len(self._dense) + 1)
        np.add.at(total, self._blocks_of(list(rest)), list(rest.values()))
        return total

    def sizes(self, widths: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """Return the size of every dimension that a group can change, by (tensor, dim)."""
        sizes = self._sizes_at(widths)[:-1].tolist()
        return {place: int(size) for place, size in zip(self._places, sizes, strict=True)}

    def blocks_gone(self, widths: Mapping[str, int]) -> list[str]:
        """Return the paths of the removed blocks."""
        return [block.path for _, block in self._blocks if not widths.get(block.path, 1)]

    def _sizes_at(self, widths: Mapping[str, int]) -> NDArray[np.float64]:
        gone = np.array([dense - widths.get(name, dense) for name, dense in self._dense.items()])
        left: NDArray[np.float64] = self._sizes - self._loss @ gone
        return left

    def cost(self, widths: Mapping[str, int]) -> Cost:
        """Return parameters, and MACs of one sample, at these widths by group name.

        Absent widths are dense. Integers are exact below 2**53.
        """
        left = np.array([widths.get(name, dense) for name, dense in self._dense.items()] + [1.0])
        alive = np.where(self._is_block, left, 1.0)
        sizes = self._sizes_at(widths)
        numel = self._inner * sizes[self._rows].prod(axis=1) * alive[self._row_blocks]
        works = self._work_macs * left[self._work_groups] * alive[self._work_blocks]
        return Cost(
            params=round(float(numel.sum() + self._rest_params @ alive)),
            macs=round(
                float(self._macs_per_element @ numel + works.sum() + self._rest_macs @ alive)
            ),
        )
