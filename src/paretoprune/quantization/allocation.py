"""Allocation of bits to weights: greedy along the convex hull of damage over size.

Shoham and Gersho, Efficient Bit Allocation for an Arbitrary Set of Quantizers (1988): the steps
with the least damage per bit saved, which is optimal for every size that it reaches.
"""

from __future__ import annotations

from collections.abc import Mapping

from paretoprune.storage.fingerprint import listed

Damages = Mapping[str, Mapping[int, float]]  # of each weight, by its bits
TYPICAL_BITS = 3.0  # on average: a network is small and still nearly as good without training
_MOST_NAMED = 3  # weights of the same bits
# Bytes of a compact file per byte of packed levels: ResNet-20 from 2.5 to 8 bits has .90 to .95.
_CODED = 0.92


def predicted_bytes(params: int, bits: float, *, zeros: int = 0) -> float:
    """Return the expected bytes of the compact file of a model with `bits` mean bits per weight.

    `params` counts the parameters that are not zero, of channels, ranks or weights alike. Each of
    the `zeros` takes a bit.
    """
    return (_CODED * params * bits + zeros) / 8


def allocate_bits(damages: Damages, sizes: Mapping[str, int], *, mean: float) -> dict[str, int]:
    """Return bits by weight name with at most `mean` bits per weight and a small total damage.

    `sizes` are the numbers of weights. Starting from the most bits, each step has the least damage
    per bit saved; finally, the remaining size is used where it reduces the error most. Since the
    last step can overshoot the size by much, uniform bits are compared as well, and the damage is
    never larger than theirs. The least bits are returned if `mean` is below them.
    """
    allowed = mean * sum(sizes.values())
    candidates = (
        _given_back(bits, damages, sizes, allowed)
        for bits in (_greedy(damages, sizes, allowed), *_uniform(damages, mean))
    )
    return min(candidates, key=lambda bits: sum(damages[name][bits[name]] for name in bits))


def _greedy(damages: Damages, sizes: Mapping[str, int], allowed: float) -> dict[str, int]:
    """Return the first bits within the size on the way down the convex hulls."""
    bits = {name: max(known) for name, known in damages.items()}
    steps = sorted(
        (price, name, fewer)
        for name, known in damages.items()
        for price, fewer in _hull(known, sizes[name])
    )
    for _, name, fewer in steps:
        if _total(bits, sizes) <= allowed:
            break
        bits[name] = fewer
    return bits


def _uniform(damages: Damages, mean: float) -> list[dict[str, int]]:
    """Return the largest bits that all weights can have within the size, if any."""
    common = set.intersection(*(set(known) for known in damages.values())) if damages else set()
    fitting = [bits for bits in common if bits <= mean]
    return [dict.fromkeys(damages, max(fitting))] if fitting else []


def packed_bytes(bits: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Return the exact bytes of the packed levels of all weights, without entropy coding."""
    return sum(-(-sizes[name] * each // 8) for name, each in bits.items())


def in_words(bits: Mapping[str, int], sizes: Mapping[str, int]) -> str:
    """Return the mean, the packed bytes, and the first weights by their bits."""
    by_bits = {
        each: [name.removesuffix(".weight") for name, one in bits.items() if one == each]
        for each in sorted({*bits.values()}, reverse=True)
    }
    parts = [f"{each} bits: {listed(names, most=_MOST_NAMED)}" for each, names in by_bits.items()]
    return (
        f"{mean_bits(bits, sizes):.3g} bits per weight, {packed_bytes(bits, sizes):,} bytes before "
        f"coding; {'; '.join(parts)}"
    )


def mean_bits(bits: Mapping[str, int], sizes: Mapping[str, int]) -> float:
    """Return the mean bits of a weight."""
    return _total(bits, sizes) / max(1, sum(sizes.values()))


def _total(bits: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    return sum(each * sizes[name] for name, each in bits.items())


def _hull(known: Mapping[int, float], size: int) -> list[tuple[float, int]]:
    """Return (damage per bit saved, bits) of the steps down the convex hull, prices rising."""
    found: list[tuple[float, int]] = []
    current, least = max(known), min(known)
    while current > least:
        prices = [
            ((known[fewer] - known[current]) / (size * (current - fewer) or 1), fewer)
            for fewer in known
            if fewer < current
        ]
        price, current = min(prices)
        found.append((price, current))
    return found


def _given_back(
    bits: dict[str, int], damages: Damages, sizes: Mapping[str, int], allowed: float
) -> dict[str, int]:
    while True:
        left = allowed - _total(bits, sizes)
        raises = [
            (
                (known[bits[name]] - known[more]) / (sizes[name] * (more - bits[name]) or 1),
                name,
                more,
            )
            for name, known in damages.items()
            for more in known
            if more > bits[name] and sizes[name] * (more - bits[name]) <= left
        ]
        gain, name, more = max(raises, default=(0.0, "", 0))
        if gain <= 0:
            return bits
        bits[name] = more
