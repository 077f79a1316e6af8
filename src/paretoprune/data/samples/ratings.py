"""Ratings of users for items: of a file such as MovieLens', or seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from paretoprune.config.values import Positive
from paretoprune.data.samples.module import Samples, SampleTensors, split_at_random
from paretoprune.errors import DataError

_COLUMNS = 4  # user, item, rating, time
_USERS, _ITEMS, _FACTORS, _MEAN_COUNT = 400, 300, 4, 30  # of the seeded ratings


@dataclass(frozen=True)
class Ratings:
    """One entry for each rating, in the order of time; ids count from 0 without gaps."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray

    @property
    def num_items(self) -> int:
        """Number of items."""
        return int(self.items.max()) + 1


def ratings(
    *,
    path: str | None = None,
    target: Literal["rating", "taken"] = "rating",
    candidates: Positive = 99,
    negatives: Positive = 4,
    split_seed: int = 0,
    batch_size: Positive = 512,
    seed: int = 0,
) -> SampleTensors:
    """Return samples (user, item) with the rating, or with 1 for items taken and 0 for others.

    `path` is a CSV file with a line of names and the columns user, item, rating and time, as
    `ratings.csv` of MovieLens; without it the ratings are seeded. Ratings are split 80 / 10 / 10
    percent at random. With `target=taken` the last item of each user is for the test and the one
    before for validation, each among `candidates` items that the user has not rated, the protocol
    of neural collaborative filtering (He et al. 2017); a training sample has `negatives` further
    ones, drawn once, which are candidates in no part.

    Raises:
        DataError: the file is not as described, or has too few items.
    """
    known = _of_file(Path(path)) if path else seeded_ratings()
    if target == "rating":
        ids = torch.from_numpy(known.users), torch.from_numpy(known.items)
        whole = Samples(ids, torch.from_numpy(known.values).float())
        parts = split_at_random(whole, shares=(0.1, 0.1), seed=split_seed)
        split = f"80 / 10 / 10 percent of {len(known.values)} ratings, drawn at random"
    else:
        parts = _left_out(known, candidates, negatives, split_seed)
        split = (
            f"the last item of each user for the test, the one before for validation, each among "
            f"{candidates} others"
        )
    return SampleTensors(*parts, split=split, batch_size=batch_size, seed=seed)


def seeded_ratings() -> Ratings:
    """Return seeded ratings, 0.5 to 5: latent factors, biases, and popular and rare items."""
    generator = np.random.default_rng(0)
    users, items = (generator.normal(0, 1, (count, _FACTORS)) for count in (_USERS, _ITEMS))
    liking = users @ items.T / np.sqrt(_FACTORS) + generator.normal(0, 0.5, _ITEMS)
    fame = np.log(1 / (1 + np.arange(_ITEMS)))  # Zipf's law
    rows = []
    for user in range(_USERS):
        count = 5 + generator.geometric(1 / _MEAN_COUNT)
        noise = generator.gumbel(size=_ITEMS)  # draws without replacement, by liking and fame
        taken = np.argsort(-(0.4 * fame + 2 * liking[user] + noise))[: min(count, _ITEMS // 3)]
        rows += [(user, item) for item in generator.permutation(taken)]
    pairs = np.array(rows)
    values = 3.5 + 0.8 * liking[pairs[:, 0], pairs[:, 1]] + generator.normal(0, 0.4, len(pairs))
    return Ratings(pairs[:, 0], pairs[:, 1], np.clip(np.round(2 * values) / 2, 0.5, 5.0))


def _left_out(
    known: Ratings, candidates: int, negatives: int, seed: int
) -> tuple[Samples, Samples, Samples]:
    """Return training, validation and test samples of items taken and others."""
    generator = np.random.default_rng((seed, 3))
    parts: list[list[np.ndarray]] = [[], [], []]
    for user, taken in _by_user(known):
        others = generator.permutation(np.setdiff1d(np.arange(known.num_items), taken))
        if len(others) < 2 * candidates + 1:
            raise DataError(
                f"user {user} has not rated {len(others)} of {known.num_items} items, too few for "
                f"two times `data.candidates={candidates}` and the training; set fewer candidates"
            )
        train, rest = (taken, others) if len(taken) < 3 else (taken[:-2], others[2 * candidates :])
        drawn = rest[generator.integers(len(rest), size=negatives * len(train))]
        parts[0].append(_rows(user, train, drawn))
        if len(taken) < 3:
            continue
        for number, item in enumerate(taken[-2:]):
            chosen = others[number * candidates : (number + 1) * candidates]
            parts[number + 1].append(_rows(user, item[None], chosen))
    first, second, third = (_samples(np.concatenate(part)) for part in parts)
    return first, second, third


def _by_user(known: Ratings) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the items of each user in the order of time."""
    order = np.argsort(known.users, kind="stable")
    bounds = np.flatnonzero(np.diff(known.users[order])) + 1
    for rows in np.split(order, bounds):
        yield int(known.users[rows[0]]), known.items[rows]


def _rows(user: int, taken: np.ndarray, others: np.ndarray) -> np.ndarray:
    items = np.concatenate([taken, others])
    ones = np.arange(len(items)) < len(taken)
    return np.stack([np.full(len(items), user), items, ones], axis=1)


def _samples(rows: np.ndarray) -> Samples:
    users, items, taken = torch.from_numpy(rows).long().unbind(1)
    return Samples((users.contiguous(), items.contiguous()), taken.float())


def _of_file(path: Path) -> Ratings:
    try:
        values = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"`data.path={path}` cannot be read: {error}") from error
    if values.shape[1] != _COLUMNS or not np.isfinite(values).all():
        raise DataError(
            f"`data.path={path}` must have the columns user, item, rating and time without gaps, "
            f"got {values.shape[1]} columns"
        )
    values = values[np.argsort(values[:, 3], kind="stable")]
    users, items = (np.unique(column, return_inverse=True)[1] for column in values.T[:2])
    return Ratings(users, items, values[:, 2])
