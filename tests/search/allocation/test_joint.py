"""Allocations by ranks and channels together, on two layers that are formulas."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from paretoprune.results import GroupInfo
from paretoprune.search.allocation.allocate import allocate
from paretoprune.search.allocation.joint import (
    _CHANNEL_SHARES,
    allocations,
    channels_then_ranks,
    nan_last,
    usual_channel_share,
)
from paretoprune.search.allocation.sensitivity import (
    ChannelDamage,
    distinct_ratios,
)
from paretoprune.search.allocation.sizes import Sizes

Ratios = Mapping[str, float]

WIDTH, FULL, LEAST = 16, 48, 24  # channels, full rank, and the break-even of 3 x 3 kernels
RANKS = ("a.rank", "b.rank")
GROUPS = (*(GroupInfo(n, WIDTH) for n in "ab"), *(GroupInfo(n, FULL) for n in RANKS))


def widths_of(ratios: Ratios) -> dict[str, int]:
    found = {g.name: max(1, round(g.width * (1 - ratios.get(g.name, 0.0)))) for g in GROUPS}
    return {n: FULL if n in RANKS and w >= LEAST else w for n, w in found.items()}


def size_of(ratios: Ratios) -> float:
    """MACs per place of layers a, from 16 inputs, and b; each whole where that is less."""
    widths = widths_of(ratios)
    sizes, inputs = 0, WIDTH
    for name in "ab":
        outputs = widths[name]
        pair = widths[f"{name}.rank"] * 3 * (inputs + outputs)
        sizes += min(9 * inputs * outputs, pair)
        inputs = outputs
    return float(sizes)


CHOICES = distinct_ratios(GROUPS, widths_of, max_ratio=0.9)
SIZES = Sizes(CHOICES, size_of, size_of, ranks=RANKS)
DENSE = dict.fromkeys(CHOICES, 0.0)
SCORES = {name: tuple(float(c + 1) for c in range(WIDTH)) for name in "ab"}
# Components fall off fast, and all together weigh as much as the gates say, not as least squares.
SCORES |= {name: tuple(300 * 0.8**c for c in range(FULL)) for name in RANKS}
DAMAGE = ChannelDamage.of(SCORES, widths_of)


def test_channels_alone_have_the_allocation_by_damage_and_no_other() -> None:
    choices = {name: CHOICES[name] for name in "ab"}
    start = dict.fromkeys(choices, 0.0)
    alone = Sizes(choices, size_of, size_of)

    def enough(ratios: Ratios) -> bool:
        return size_of(ratios) <= 0.4 * size_of(DENSE)

    found = allocations(DAMAGE, alone, start=start, target=0.4 * size_of(DENSE), enough=enough)
    assert found == [allocate(DAMAGE, choices, size_of, start=start, enough=enough)]


@pytest.mark.parametrize("share", [0.8, 0.5, 0.3, 0.15])
def test_each_allocation_is_another_of_the_size(share: float) -> None:
    target = share * size_of(DENSE)
    start = {**DENSE, "a": CHOICES["a"][2], "b.rank": CHOICES["b.rank"][1]}
    found = allocations(
        DAMAGE, SIZES, start=start, target=target, enough=lambda r: size_of(r) <= target
    )
    assert len(found) >= (3 if share >= 0.3 else 2)
    first = channels_then_ranks(
        DAMAGE,
        SIZES,
        share=min(_CHANNEL_SHARES, key=lambda s: abs(s - usual_channel_share(share))),
        uniform=True,
        start=start,
        target=target,
        enough=lambda r: size_of(r) <= target,
    )
    assert found[0] == first  # the likeliest division, alone if one is asked for
    assert [first] == allocations(
        DAMAGE, SIZES, start=start, target=target, enough=lambda r: size_of(r) <= target, most=1
    )
    assert len({tuple(ratios.items()) for ratios in found}) == len(found)
    for ratios in found:
        assert size_of(ratios) <= target
        assert all(ratios[name] >= start[name] for name in start)


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_channels_save_their_share_and_ranks_the_rest(share: float, uniform: bool) -> None:
    target = 0.5 * size_of(DENSE)
    found = channels_then_ranks(
        DAMAGE,
        SIZES,
        share=share,
        uniform=uniform,
        start=DENSE,
        target=target,
        enough=lambda r: size_of(r) <= target,
    )
    by_channels = size_of({**found, **dict.fromkeys(RANKS, 0.0)})
    wanted = size_of(DENSE) * 0.5**share
    assert wanted * 0.85 <= by_channels <= wanted
    assert target * 0.85 <= size_of(found) <= target
    assert not uniform or found["a"] == found["b"]
    assert (share == 1.0) == all(found[name] == 0.0 for name in RANKS)


def test_channels_save_what_ranks_alone_cannot() -> None:
    target = 0.5 * size_of({**DENSE, **{name: CHOICES[name][-1] for name in RANKS}})
    found = allocations(
        DAMAGE, SIZES, start=DENSE, target=target, enough=lambda r: size_of(r) <= target
    )
    assert found and all(size_of(ratios) <= target for ratios in found)
    assert all(ratios["a"] or ratios["b"] for ratios in found)


def test_channels_usually_have_more_of_the_saving_the_smaller_the_model() -> None:
    assert usual_channel_share(0.6) == usual_channel_share(0.35) == 0.0
    assert usual_channel_share(0.02) == usual_channel_share(0.01) == 1.0
    shares = [usual_channel_share(size) for size in (0.3, 0.2, 0.1, 0.06)]
    assert shares == sorted(shares) and 0 < shares[0] < shares[-1] < 1


def test_where_nothing_is_enough_everything_is_removed_once() -> None:
    found = allocations(DAMAGE, SIZES, start=DENSE, target=0.0, enough=lambda _ratios: False)
    assert found == [{name: rising[-1] for name, rising in CHOICES.items()}]


def test_a_whole_layer_is_factored_far_below_break_even() -> None:
    """Step by step layer b never is: rank 23 loses half of its components and saves a 24th."""
    target = 0.6 * size_of(DENSE)
    scores = {**SCORES, "b.rank": tuple(float(c < 12) + 0.01 for c in range(FULL))}
    scores["a.rank"] = tuple(0.2 for _ in range(FULL))
    damage = ChannelDamage.of(scores, widths_of)
    choices = {name: CHOICES[name] if name in RANKS else CHOICES[name][:1] for name in CHOICES}

    def found(ranks: tuple[str, ...]) -> dict[str, float]:
        return allocate(
            damage,
            choices,
            size_of,
            start=DENSE,
            enough=lambda r: size_of(r) <= target,
            ranks=ranks,
        )

    def cost(ratios: Ratios) -> float:
        return sum(damage.at(name, ratio) for name, ratio in ratios.items())

    assert cost(found(RANKS)) < cost(found(()))


def test_a_divergence_that_is_nan_is_never_the_least() -> None:
    found = [{"a": 0.1}, {"a": 0.2}]
    best = min(found, key=nan_last(lambda ratios: float("nan") if ratios["a"] < 0.15 else 7.0))
    assert best == {"a": 0.2}
