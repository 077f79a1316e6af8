"""Splits: disjoint, complete, stratified, the same for the same seed, and described in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoprune.data.split import Official, Split, SplitSettings, make_split, stratified_order
from paretoprune.errors import DataError, SettingsError

LABELS = st.lists(st.integers(0, 4), min_size=30, max_size=120).map(np.array)


def balanced(per_class: int, *, num_classes: int = 10) -> np.ndarray:
    return np.tile(np.arange(num_classes), per_class)


def indices(split: Split, official: Official) -> np.ndarray:
    """All indices of one official part that the split uses, part by part."""
    parts = [split.train, split.validation, split.test]
    return np.concatenate([part.indices for part in parts if part.official == official])


@given(LABELS, LABELS, st.integers(0, 5), st.sampled_from(["train", "test"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_sample_is_in_exactly_one_part(
    train: np.ndarray, test: np.ndarray, seed: int, source: str, has_test: bool
) -> None:
    labels: dict[Official, np.ndarray] = {"train": train}
    if has_test:
        labels["test"] = test
    split = make_split(labels, SplitSettings(validation_from=source, seed=seed))
    for official, values in labels.items():
        assert sorted(indices(split, official)) == list(range(len(values)))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 100), st.data())
@settings(max_examples=60, deadline=None)
def test_every_beginning_has_the_classes_in_equal_shares(
    counts: list[int], seed: int, data: st.DataObject
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    order = stratified_order(labels, seed)
    assert sorted(order) == list(range(len(labels)))
    size = data.draw(st.integers(0, len(labels)))
    taken = np.bincount(labels[order[:size]], minlength=len(counts))
    # Class c has n_c * t, rounded up or down, for one t; so any two classes' shares allow one t.
    lowest = max((taken[c] - 1) / n for c, n in enumerate(counts))
    highest = min((taken[c] + 1) / n for c, n in enumerate(counts))
    assert lowest <= highest


def test_balanced_classes_stay_exactly_balanced() -> None:
    split = make_split({"train": balanced(50), "test": balanced(20)}, SplitSettings(seed=3))
    assert np.bincount(balanced(50)[split.validation.indices]).tolist() == [5] * 10
    assert np.bincount(balanced(50)[split.train.indices]).tolist() == [45] * 10
    assert len(split.test.indices) == 200


def test_same_seed_same_split_and_other_seed_another() -> None:
    labels: dict[Official, np.ndarray] = {"train": balanced(20)}
    first, again, other = (make_split(labels, SplitSettings(seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.validation.indices, again.validation.indices)
    assert np.array_equal(first.test.indices, again.test.indices)
    assert not np.array_equal(first.test.indices, other.test.indices)


@pytest.mark.parametrize(
    ("validation_from", "pretrained", "sizes"),
    [
        ("auto", False, (90, 10, 40)),
        ("auto", True, (100, 20, 20)),
        ("train", True, (90, 10, 40)),
        ("test", False, (100, 20, 20)),
    ],
)
def test_where_validation_comes_from(
    validation_from: str, pretrained: bool, sizes: tuple[int, int, int]
) -> None:
    chosen = SplitSettings(validation_from=validation_from, pretrained=pretrained)
    split = make_split({"train": balanced(10), "test": balanced(4)}, chosen)
    parts = (split.train, split.validation, split.test)
    assert tuple(len(part.indices) for part in parts) == sizes


def test_own_parts_are_kept() -> None:
    labels: dict[Official, np.ndarray] = {
        "train": balanced(5),
        "validation": balanced(2),
        "test": balanced(3),
    }
    split = make_split(labels, SplitSettings(pretrained=True))
    assert split.validation.official == "validation"
    assert [len(p.indices) for p in (split.train, split.validation, split.test)] == [50, 20, 30]
    with pytest.raises(SettingsError, match=r"validation_from=test.*validation part of its own"):
        make_split(labels, SplitSettings(validation_from="test"))
    with pytest.raises(SettingsError, match=r"test_from=train.*test part of its own"):
        make_split(labels, SplitSettings(test_from="train"))
    with pytest.raises(SettingsError, match="needs data that has a validation part"):
        make_split({"train": balanced(5)}, SplitSettings(test_from="validation"))


@pytest.mark.parametrize(
    ("test_from", "pretrained", "sizes"),
    [
        ("auto", False, (80, 20, 20)),
        ("auto", True, (100, 10, 10)),
        ("train", True, (80, 20, 20)),
        ("validation", False, (100, 10, 10)),
    ],
)
def test_where_the_test_part_comes_from(
    test_from: str, pretrained: bool, sizes: tuple[int, int, int]
) -> None:
    labels: dict[Official, np.ndarray] = {"train": balanced(10), "validation": balanced(2)}
    chosen = SplitSettings(test_from=test_from, pretrained=pretrained)
    split = make_split(labels, chosen)
    assert tuple(len(part.indices) for part in (split.train, split.validation, split.test)) == sizes
    assert sorted(indices(split, "train")) == list(range(100))
    assert sorted(indices(split, "validation")) == list(range(20))


@pytest.mark.parametrize(
    ("official", "validation_from", "seen"),
    [
        (("train",), "auto", "validation and test"),
        (("train",), "train", "validation and test"),
        (("train", "test"), "train", "validation"),
        (("train", "test"), "auto", None),
        (("train", "validation"), "auto", None),
        (("train", "validation", "test"), "auto", None),
    ],
)
def test_samples_that_given_weights_may_have_seen_are_named(
    official: tuple[Official, ...], validation_from: str, seen: str | None
) -> None:
    labels = {name: balanced(10) for name in official}
    chosen = SplitSettings(
        validation_from=validation_from, pretrained=True, clean_part="as `data.test`"
    )
    caution = make_split(labels, chosen).caution
    own = SplitSettings(validation_from=validation_from)
    assert make_split(labels, own).caution is None
    if seen is None:
        assert caution is None
    else:
        assert caution is not None
        assert caution.startswith(f"the {seen} samples are split off from the training part")
        assert caution.endswith("give samples that they have not seen: as `data.test`")


def test_limits_are_exact_and_nested() -> None:
    labels: dict[Official, np.ndarray] = {"train": balanced(30), "test": balanced(30)}
    small, large = (
        make_split(labels, SplitSettings(max_train=size, max_test=size)) for size in (50, 100)
    )
    assert len(small.train.indices) + len(small.validation.indices) == 50
    assert len(small.test.indices) == 50
    assert set(indices(small, "train")) < set(indices(large, "train"))


def test_the_sentence_tells_what_came_from_where() -> None:
    chosen = SplitSettings(validation_from="test", seed=7, max_train=60)
    split = make_split({"train": balanced(10), "test": balanced(4)}, chosen)
    assert split.sentence == (
        "training on 60 of the 100 samples of the training part, validation on 20 of the 40 "
        "samples of the test part, test on 20 of the 40 samples of the test part; without overlap, "
        "stratified by class (split seed 7)"
    )


def test_a_set_in_one_piece_is_called_so() -> None:
    split = make_split({"train": balanced(10)}, SplitSettings())
    assert split.sentence.startswith("training on 70 of the 100 samples of the whole set, ")


def test_a_part_too_small_to_split() -> None:
    with pytest.raises(DataError, match="training part of 3 samples is too small to split off 1"):
        make_split({"train": np.arange(3), "test": np.arange(3)}, SplitSettings())


def test_one_sample_may_be_asked_for_and_is_too_few_to_split() -> None:
    labels: dict[Official, np.ndarray] = {"train": balanced(10), "test": balanced(2)}
    assert len(make_split(labels, SplitSettings(max_test=1)).test.indices) == 1
    with pytest.raises(DataError, match="training part of 1 samples is too small to split off 1"):
        make_split(labels, SplitSettings(max_train=1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"validation_from": "val"}, "must be auto, train or test, got val"),
        ({"test_from": "test"}, "must be auto, train or validation, got test"),
        ({"validation_share": 0.0}, "between 0 and 1"),
        ({"validation_share": 1.0}, "between 0 and 1"),
        ({"test_share": 0.0}, "between 0 and 1"),
        ({"test_share": 1.0}, "between 0 and 1"),
        ({"max_train": 0}, "1 or more, or null"),
        ({"max_test": 0}, "1 or more, or null"),
    ],
)
def test_wrong_settings(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SplitSettings(**wrong)  # type: ignore[arg-type]
