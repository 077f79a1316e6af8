"""Channels on both sides of grouped convolutions become one group: against a search by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paretoprune.pruning.fuse import Found, fuse


def layer(name: str, width: int, **blocks: int) -> Found:
    """A layer whose channels lie in one tensor and in grouped convolutions of so many groups."""
    found = Found(name, width)
    for channel in range(width):
        found.note((f"{name}.weight", 0), channel, channel)
        for path, groups in blocks.items():
            found.note_block(path, channel, channel * groups // width)
    return found


def test_layers_without_grouped_convolutions_stay_as_they_are() -> None:
    found = [layer("a", 3), layer("b", 4)]
    assert fuse(found) == found


def test_both_sides_become_one_in_the_order_of_the_first() -> None:
    before, other, after = layer("a", 4, g=2), layer("x", 3), layer("b", 6, g=2)
    one, untouched = fuse([before, other, after])
    assert (one.name, one.width) == ("a", 2)
    assert one.places == {
        ("a.weight", 0): {0: [0, 1], 1: [2, 3]},
        ("b.weight", 0): {0: [0, 1, 2], 1: [3, 4, 5]},
    }
    assert untouched is other


def test_reasons_and_outputs_of_any_part_count_for_all() -> None:
    before, after = layer("a", 4, g=2), layer("b", 4, g=2)
    after.reasons, after.is_output = ["no"], True
    (one,) = fuse([before, after])
    assert one.reasons == ["no", "a grouped convolution ties its channels to the network's outputs"]
    assert not one.is_output
    before.is_output = True
    assert fuse([before, after])[0].is_output


@given(
    st.lists(
        st.tuples(
            st.integers(1, 3).map(lambda n: 12 * n),
            st.dictionaries(st.sampled_from("pqr"), st.sampled_from([2, 3, 4, 6, 12])),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_channels_are_together_if_a_path_of_shared_blocks_leads_from_one_to_the_other(
    layers: list[tuple[int, dict[str, int]]],
) -> None:
    found = [layer(str(n), width, **blocks) for n, (width, blocks) in enumerate(layers)]
    seen = set()
    for one in fuse(found):
        for channel in range(one.width) if len(one.blocks) == 0 else []:
            members = {
                (tensor.partition(".")[0], index)
                for (tensor, _), positions in one.places.items()
                for index in positions.get(channel, [])
            }
            assert members == reached(found, next(iter(members)))
            seen |= members
    tied = {(part.name, channel) for part in found if part.blocks for channel in range(part.width)}
    assert tied <= seen


def reached(found: list[Found], start: tuple[str, int]) -> set[tuple[str, int]]:
    """All channels that hang together with one, by walking from block to block."""
    by_name = {part.name: part for part in found}
    done: set[tuple[str, int]] = set()
    todo = [start]
    while todo:
        name, channel = todo.pop()
        done.add((name, channel))
        for path, positions in by_name[name].blocks.items():
            todo += [
                (part.name, other)
                for part in found
                for other, blocks in part.blocks.get(path, {}).items()
                if blocks == positions[channel] and (part.name, other) not in done
            ]
    return done
