"""The defaults that a task of one's own inherits."""

from __future__ import annotations

from tests.kits.regression import Ink


class Scaled(Ink):
    def __init__(self, scale: float) -> None:
        self.scale = scale


def test_a_plain_class_has_a_repr_that_is_the_same_in_every_process() -> None:
    assert repr(Ink()) == "Ink()"
    assert repr(Scaled(2.0)) == "Scaled(scale=2.0)"
