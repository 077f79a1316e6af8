"""The stages of a schedule and the gradual ramp, against their definitions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from paretoprune.finetune.pruning_steps import Stage, gradual_share, stages, widths_between


def test_one_stage_has_all_epochs() -> None:
    assert stages(1, 7) == (Stage(share=1.0, epochs=7),)


def test_later_stages_get_the_remainder() -> None:
    plan = stages(3, 8)
    assert plan == (Stage(1 / 3, 2), Stage(2 / 3, 3), Stage(1.0, 3))


@given(steps=st.integers(2, 30), epochs=st.integers(0, 200))
def test_epochs_add_up_and_shares_end_at_one(steps: int, epochs: int) -> None:
    plan = stages(steps, epochs)
    each = [stage.epochs for stage in plan]
    assert sum(each) == epochs
    assert each == sorted(each) and max(each) - min(each) <= 1
    assert [stage.share for stage in plan] == [(k + 1) / steps for k in range(steps)]


def test_gradual_share_is_the_cubic_of_zhu_and_gupta() -> None:
    assert gradual_share(0, 8) == 0.0
    assert gradual_share(4, 8) == 1 - 0.5**3
    assert gradual_share(8, 8) == gradual_share(99, 8) == 1.0


@given(ramp_steps=st.integers(1, 500))
def test_gradual_share_never_falls(ramp_steps: int) -> None:
    shares = [gradual_share(step, ramp_steps) for step in range(ramp_steps + 3)]
    assert shares == sorted(shares)


@given(st.integers(1, 64), st.integers(1, 64), st.integers(1, 20))
def test_widths_fall_from_start_to_end_in_both_spacings(a: int, b: int, steps: int) -> None:
    start, end = {"g": max(a, b)}, {"g": min(a, b)}
    for spacing in ("linear", "geometric"):
        widths = [
            widths_between(start, end, step / steps, spacing=spacing)["g"]
            for step in range(steps + 1)
        ]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] == start["g"] and widths[-1] == end["g"]


def test_geometric_steps_remove_equal_shares() -> None:
    start, end = {"g": 1000}, {"g": 125}
    found = [widths_between(start, end, share / 3, spacing="geometric")["g"] for share in range(4)]
    assert found == [1000, 500, 250, 125]
