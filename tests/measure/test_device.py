"""Processors that add pairs of products in 16 bits, by the flags of /proc/cpuinfo."""

from __future__ import annotations

import pytest

from paretoprune.measure.device import lacks_vnni


@pytest.mark.parametrize(
    ("flags", "lacks"),
    [
        ("fpu sse2 avx2", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("fpu avx2 avx_vnni", False),
        ("fpu avx512f amx_int8", False),
        ("", False),  # not an x86 processor, or unknown
    ],
)
def test_vnni_is_known_by_the_flags(flags: str, lacks: bool) -> None:
    assert lacks_vnni(flags) is lacks
