"""The objectives of a front: the one that is the quality, the one that is the size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paretoprune.metrics import Direction, Quantity, quantity_of


def size_and_quality(objectives: Mapping[str, Direction]) -> tuple[str, str]:
    """Return the size and the quality of a front, by name.

    The quality is the first objective that is a quality, the size the first minimised one of the
    others, or else the last of them. Without a quality, the first objective beside the size takes
    its role.
    """
    quality = first_quality(objectives)
    others = [name for name in objectives if name != quality]
    size = next((name for name in others if objectives[name] == "minimize"), others[-1])
    return size, quality or next(name for name in others if name != size)


def first_quality(objectives: Mapping[str, Direction]) -> str | None:
    """Return the first objective that is a quality; None without one."""
    return next((name for name in objectives if quantity_of(name).kind == "quality"), None)


def objectives_of_task(
    objectives: Mapping[str, Direction], qualities: Sequence[Quantity]
) -> dict[str, Direction]:
    """Return the objectives for a task with these qualities.

    The accuracy of the default objectives stands for the task's first quality. It gives way if the
    task does not measure it: to another quality among the objectives, else to the first.
    """
    known = {quality.name for quality in qualities}
    if not qualities or "accuracy" not in objectives or "accuracy" in known:
        return dict(objectives)
    rest = {name: way for name, way in objectives.items() if name != "accuracy"}
    if first_quality(rest) is not None:
        return rest
    first = qualities[0]
    return {first.name: first.direction, **rest}
