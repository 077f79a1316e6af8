"""Inputs made from the description of a data set alone."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import torch

from paretoprune.results import Argument, DataInfo
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.stand_in import arguments_of, stand_in
from tests.kits.several_inputs import Towers, Words, example

INFO = DataInfo(0, (), 8, 8, 8, "")


@pytest.mark.parametrize("model", [Towers(), Words(2)], ids=["towers", "words"])
def test_a_described_data_set_gives_inputs_that_the_model_takes(model: torch.nn.Module) -> None:
    inputs = example(model)
    info = replace(INFO, arguments=arguments_of(inputs, list(inputs.tensors_of(model))))
    read = DataInfo.from_json(json.loads(json.dumps(asdict(info))))
    assert read == info
    made = stand_in(read, 5, seed=0)
    assert len(made) == 5
    assert [one.dtype for one in made] == [one.dtype for one in inputs]
    assert [one.shape[1:] for one in made] == [one.shape[1:] for one in inputs]
    assert all(int(own.max()) == int(one.max()) for own, one in zip(made, inputs, strict=True))
    made.run(model.eval())


def test_arguments_are_passed_as_they_were() -> None:
    inputs = Inputs((torch.zeros(2, 3),), {"mask": torch.ones(2, 3, dtype=torch.bool)})
    first, second = arguments_of(inputs, ["x", "mask"])
    assert first == Argument("x", (3,), "float32")
    assert second == Argument("mask", (3,), "bool", largest=1, is_keyword=True)
    made = stand_in(replace(INFO, arguments=(first, second)), 1)
    assert len(made.args) == 1 and made.kwargs["mask"].all()


def test_an_earlier_description_of_a_classifier_offers_what_it_did() -> None:
    info = DataInfo.from_json({"num_classes": 10, "input_shape": [1, 8, 8]})
    assert info.for_model == {"num_classes": 10, "in_channels": 1}
    assert stand_in(info, 2).only.shape == (2, 1, 8, 8)
    assert DataInfo.from_json({"num_classes": 0, "input_shape": []}).for_model == {}


def test_a_dtype_that_is_none_is_refused() -> None:
    info = replace(INFO, arguments=(Argument("x", (3,), "load"),))
    with pytest.raises(ValueError, match="`load` is no dtype"):
        stand_in(info, 1)


def test_the_trivial_scores_of_a_classifier_are_those_of_its_most_frequent_class() -> None:
    batches = [(torch.zeros(3, 1), torch.tensor([1, 1, 0])), (torch.zeros(1, 1), torch.tensor([1]))]
    found = Classification().trivial_scores((), batches)
    assert found is not None and found.tolist() == [100.0, 100.0, 0.0, 100.0]
