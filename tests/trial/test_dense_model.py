"""Trained networks come from the cache exactly as long as all that they depend on is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from paretoprune.finetune.numerics import precision
from paretoprune.problem.problem import Problem, fresh_model, make_problem
from paretoprune.pruning.groups import Group
from paretoprune.trial.dense_model import dense_model, early_model, sparsely_trained
from tests.kits.messages import messages_of
from tests.kits.own_task import edit, forget, mend, own_task, settings_of

FACTORY = "model._target_=own_net.factory.make"
Train = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with own_task(tmp_path):
        yield tmp_path


@pytest.fixture
def train(folder: Path) -> Train:
    """Trains the dense model of the folder, as a new command would; its messages."""

    def trained(*overrides: str) -> list[str]:
        forget()
        with messages_of("paretoprune.trial.cached_weights") as messages:
            dense_model(make_problem(settings_of(folder, *overrides)))
        return [message.split(" from ")[0] for message in messages]

    return trained


FROM_CACHE = ["the dense model comes"]


def test_the_second_time_it_comes_from_the_cache(train: Train) -> None:
    assert train() == []
    assert train() == FROM_CACHE
    assert train("finetune.epochs=3") == FROM_CACHE


@pytest.mark.parametrize(
    ("array", "index", "named"),
    [
        ("y_train", 40, "training labels"),
        ("x_train", 40, "training inputs"),
        ("y_val", 15, "validation labels"),
    ],
)
def test_other_data_in_the_same_file_train_it_anew(
    folder: Path, train: Train, array: str, index: int, named: str
) -> None:
    train()
    mend(folder, array, index)
    assert train() == [f"the dense model is retrained: the {named} changed"]
    assert train() == FROM_CACHE


def test_the_test_part_has_no_share_in_it(folder: Path, train: Train) -> None:
    train()
    mend(folder, "y_test")
    assert train() == FROM_CACHE


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("block.py", ".relu()", ".sigmoid()"),  # a part of the network; its class is untouched
        ("factory.py", "return Net(", "# by hand\n    return Net("),
        ("constants.py", "0.1", "0.2"),
    ],
)
def test_other_code_trains_it_anew(
    folder: Path, train: Train, file: str, old: str, new: str
) -> None:
    train(FACTORY)
    edit(folder, file, old, new)
    module = f"own_net.{file.removesuffix('.py')}"
    assert train(FACTORY) == [f"the dense model is retrained: the code of `{module}` changed"]


def test_a_network_that_changed_by_other_means_is_trained_anew(folder: Path, train: Train) -> None:
    """Its source is the same, but it reads a file."""
    edit(
        folder,
        "constants.py",
        "SLOPE = 0.1",
        f"from pathlib import Path\nSLOPE = float(Path({str(folder / 's')!r}).read_text())",
    )
    (folder / "s").write_text("0.1")
    train()
    (folder / "s").write_text("0.9")
    assert train() == ["the dense model is retrained: the network's outputs changed"]


@pytest.mark.parametrize(
    "line", ["nn.init.uniform_(self.head.weight, 0, float(__import__('time').time() % 1))", "pass"]
)
def test_random_initial_weights_leave_the_key_as_it_is(
    folder: Path, train: Train, line: str
) -> None:
    init = "self.head = nn.Linear(6, num_classes)"
    edit(folder, "net.py", init, f"{init}\n        {line}")
    train()
    assert train() == FROM_CACHE


@pytest.mark.parametrize("setting", ["model.train.precision=bf16", "model.train.learning_rate=0.3"])
def test_other_settings_of_the_training_train_it_anew(train: Train, setting: str) -> None:
    train("model.train.precision=32")
    assert train("model.train.precision=32", setting) == []
    assert train("model.train.precision=32", setting) == FROM_CACHE


def test_the_automatic_precision_counts_by_what_it_is_on_the_device(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that two machines share: one trains in bfloat16, the other does not."""
    monkeypatch.setattr(precision, "_is_native", lambda device: False)
    train()
    assert train() == FROM_CACHE
    monkeypatch.setattr(precision, "_is_native", lambda device: True)
    assert train() != FROM_CACHE
    assert train() == FROM_CACHE


def test_a_damaged_entry_is_trained_again(folder: Path, train: Train) -> None:
    train()
    [path] = (folder / "cache" / "dense").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-4])
    assert "is damaged" in train()[0]
    assert train() == FROM_CACHE


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_an_early_model_has_an_entry_of_its_own(folder: Path) -> None:
    problem = make_problem(settings_of(folder))
    early = weights(early_model(problem, 1))
    assert not same(early, weights(dense_model(problem)))
    assert same(early, weights(early_model(problem, 1)))


def test_sparse_training_depends_on_what_it_begins_with(folder: Path) -> None:
    """The trained dense model and the untrained one, under the same settings."""
    problem = make_problem(settings_of(folder, "sparse_training=l1", "sparse_training.epochs=1"))
    trained = weights(sparsely_trained(problem, dense_model(problem)))
    assert not same(trained, weights(sparsely_trained(problem, fresh_model(problem).eval())))
    assert same(trained, weights(sparsely_trained(problem, dense_model(problem))))


def test_sparse_training_depends_on_the_groups(folder: Path) -> None:
    phase = ("sparse_training=group_lasso", "sparse_training.epochs=1")
    problem = make_problem(settings_of(folder, *phase))
    dense = dense_model(problem)
    sparsely_trained(problem, dense)
    fewer = problem.groups.prunable[:-1] if len(problem.groups.prunable) > 1 else ()
    other = _with_groups(problem, fewer)
    entries = len(list((folder / "cache" / "dense").glob("*.json")))
    sparsely_trained(other, dense)
    assert len(list((folder / "cache" / "dense").glob("*.json"))) == entries + 1


def _with_groups(problem: Problem, prunable: Sequence[Group]) -> Problem:
    groups = replace(problem.groups, prunable=tuple(prunable))
    space = replace(problem.space, groups=groups)
    return replace(problem, costs=replace(problem.costs, space=space))
