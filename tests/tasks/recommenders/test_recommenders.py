"""Rating and ranking: metrics and trivial predictors by hand, wrong batches, and the kit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score
from torch.nn.functional import binary_cross_entropy_with_logits

from paretoprune.errors import DataError
from paretoprune.models.samples.ncf import ncf
from paretoprune.results import DataInfo
from paretoprune.tasks.guess import Auto
from paretoprune.tasks.recommenders.ranking import Ranking
from paretoprune.tasks.recommenders.rankings import Rankings
from paretoprune.tasks.recommenders.rating import Rating
from paretoprune.testing import check_task

USERS, ITEMS = 5, 7
INFO = DataInfo(0, (), 1, 1, 0, "")


def rated(size: int, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    users, items = (torch.randint(n, (size,), generator=generator) for n in (USERS, ITEMS))
    return [users, items], 3 + torch.randn(size, generator=generator)


def taken(size: int, seed: int = 0) -> Any:
    (users, items), _ = rated(size, seed)
    return (users, items), (torch.arange(size) % 3 == 0).float()


def loaders(train: list[Any], validation: list[Any] | None = None) -> dict[str, Any]:
    return {"train": train, "validation": validation or train, "test": None}


@pytest.mark.parametrize(("task", "make"), [(Rating(), rated), (Ranking(), taken)])
@pytest.mark.parametrize("sizes", [(8, 8), (8, 3), (5, 1)])
def test_the_kit(task: Rating | Ranking, make: Any, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    batches = [make(size, seed) for seed, size in enumerate(sizes)]
    found = task.fitted(loaders(batches))
    model = ncf(USERS, ITEMS, width=4, hidden=4)
    check_task(found, model, batches)


def test_users_and_ratings_have_scores_for_intervals() -> None:
    ranked, rated_ones = [taken(30, 1), taken(20, 2)], [rated(30, 1), rated(20, 2)]
    users = {
        int(user)
        for (ids, _), wanted in ranked
        for user, one in zip(ids, wanted, strict=True)
        if one
    }
    scores = Ranking().fitted(loaders(ranked)).trivial_scores(ranked, ranked)
    assert scores is not None and len(scores) == len(users)
    scores = Rating().fitted(loaders(rated_ones)).trivial_scores(rated_ones, rated_ones)
    assert scores is not None and len(scores) == 50


def ranks(users: Any, scores: Any, relevant: Any) -> dict[int, list[int]]:
    """The ranks, from 1, of each user's relevant items; equal scores count against them."""
    found: dict[int, list[int]] = {}
    for user in sorted(set(users)):
        rows = [(-s, r) for u, s, r in zip(users, scores, relevant, strict=True) if u == user]
        order = [relevance for _, relevance in sorted(rows)]
        if any(order):
            found[user] = [number + 1 for number, one in enumerate(order) if one]
    return found


@pytest.mark.parametrize("levels", [1, 3, 1000])
def test_rankings_are_those_of_a_plain_loop(levels: int) -> None:
    """With many ties, few, and none; users come in any order and in several batches."""
    rng = np.random.default_rng(levels)
    users, scores = rng.integers(0, 6, 200), rng.integers(0, levels, 200)
    relevant = (rng.random(200) < 0.15).astype(float)
    relevant[users == 2] = 0  # left out
    metric = Rankings()
    for part in (slice(0, 130), slice(130, 200)):
        columns = (users, scores.astype(np.float32), relevant)
        metric.update(*(torch.from_numpy(column[part]) for column in columns))
    found, expected = metric.compute(), ranks(users, scores, relevant)
    gains = [
        sum(1 / np.log2(rank + 1) for rank in each if rank <= 10)
        / sum(1 / np.log2(rank + 2) for rank in range(min(len(each), 10)))
        for each in expected.values()
    ]
    assert len(expected) == 5
    assert found["ndcg@10"] == pytest.approx(np.mean(gains))
    assert found["hit@10"] == np.mean([min(each) <= 10 for each in expected.values()])
    assert found["mrr"] == pytest.approx(np.mean([1 / min(each) for each in expected.values()]))


def test_ndcg_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores, relevant = rng.random((4, 30)), (rng.random((4, 30)) < 0.2).astype(float)
    metric = Rankings()
    metric.update(
        torch.arange(4).repeat_interleave(30),
        torch.from_numpy(scores).flatten(),
        torch.from_numpy(relevant).flatten(),
    )
    assert metric.compute()["ndcg@10"] == pytest.approx(ndcg_score(relevant, scores, k=10))


def test_a_model_that_gives_all_items_one_score_gains_nothing() -> None:
    """Whatever the order of the items, of which the relevant one is first."""
    batch = ([torch.zeros(100).long(), torch.arange(100)], (torch.arange(100) == 0).float())
    meter = Ranking().meter(torch.device("cpu"))
    meter.update(torch.zeros(100), batch)
    found = meter.compute()
    assert found["hit@10"] == found["ndcg@10"] == 0.0 and found["mrr"] == pytest.approx(1.0)


def test_the_trivial_ranking_is_by_popularity() -> None:
    train, validation = [taken(40, 1), taken(30, 2)], [taken(25, 3)]
    found = Ranking().fitted(loaders(train, validation)).trivial(train, validation)
    assert found is not None
    popularity = np.zeros(ITEMS)
    for (_, items), each in train:
        np.add.at(popularity, items.numpy(), each.numpy())
    [((users, items), wanted)] = validation
    expected = ranks(users.tolist(), popularity[items.numpy()], wanted.tolist())
    reciprocal = np.mean([1 / min(each) for each in expected.values()])
    assert found["mrr"] == pytest.approx(100 * reciprocal)
    share = torch.cat([each for _, each in train]).mean()
    loss = binary_cross_entropy_with_logits(share.logit().expand(25), wanted)
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_the_trivial_rating_is_the_items_mean_and_for_new_items_that_of_all() -> None:
    train = [([torch.tensor([0, 1, 2]), torch.tensor([0, 0, 1])], torch.tensor([1.0, 2.0, 6.0]))]
    validation = [
        ([torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2])], torch.tensor([1.0, 6.0, 5.0]))
    ]
    found = Rating().fitted(loaders(train, validation)).trivial(train, validation)
    assert found is not None
    assert found["mae"] == pytest.approx((0.5 + 0 + 2) / 3)
    assert found["rmse"] == pytest.approx(np.sqrt((0.25 + 4) / 3))


@pytest.mark.parametrize(("task", "make"), [(Rating(), rated), (Ranking(), taken)])
def test_a_model_is_offered_users_and_items_of_all_parts(task: Any, make: Any) -> None:
    other = ([torch.tensor([8, 1, 0]), torch.tensor([1, 9, 0])], make(3)[1])
    found = task.fitted(loaders([make(20)], [other]))
    assert found.fits(INFO) == {"num_users": 9, "num_items": 10}


@pytest.mark.parametrize(("task", "make"), [(Rating(), rated), (Ranking(), taken)])
def test_auto_recognises_two_tensors_of_ids(task: Any, make: Any) -> None:
    assert Auto().choose(make(6), None)[0] == task


@pytest.mark.parametrize("task", [Rating(), Ranking()])
@pytest.mark.parametrize(
    ("batch", "sentence"),
    [
        ((torch.rand(3, 2), torch.ones(3)), "must begin with the ids of users and of items"),
        (([torch.zeros(3), torch.zeros(3)], torch.ones(3)), "float32 of shape .3,., torch.float32"),
        (([torch.tensor([-1, 0]), torch.tensor([0, 0])], torch.tensor([1.0, 0.0])), "got -1"),
        (torch.zeros(3), "batches must be"),
        (([torch.zeros(3).long()] * 2, torch.ones(2)), "of shape .3"),
    ],
)
def test_wrong_batches_are_refused_in_a_sentence(task: Any, batch: Any, sentence: str) -> None:
    good = rated(4) if isinstance(task, Rating) else taken(4)
    with pytest.raises(DataError, match=sentence):
        task.fitted(loaders([good], [batch]))


def test_a_ranking_needs_zeros_and_ones_and_an_item_taken() -> None:
    with pytest.raises(DataError, match=r"must be 1 for items that were taken .* `task=rating`"):
        Ranking().fitted(loaders([rated(4)]))
    (ids, _) = taken(4)
    with pytest.raises(DataError, match="no validation sample is 1"):
        Ranking().fitted(loaders([taken(4)], [(ids, torch.zeros(4))]))
