"""Models that lie in the same memory one after another are those that lie in their own."""

from __future__ import annotations

import torch

from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.dependency.shared_memory import SharedMemory
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.masks import masked_model


def test_models_in_scratch_memory_have_the_same_tensors(case) -> None:
    before = {name: tensor.clone() for name, tensor in case.model.state_dict().items()}
    scratch = SharedMemory()
    for seed in (1, 2):
        plan = random_plan(case.groups, seed=seed)
        for make in (apply_plan, masked_model):
            expected = make(case.model, case.groups, plan).state_dict()
            found = make(case.model, case.groups, plan, scratch=scratch).state_dict()
            assert found.keys() == expected.keys()
            assert all(torch.equal(found[name], expected[name]) for name in found)
    after = case.model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_memory_of_a_name_is_asked_for_once() -> None:
    scratch, tensor = SharedMemory(), torch.zeros(3, 4)
    places = [scratch.of("weight", tensor).data_ptr() for _ in range(2)]
    assert places[0] == places[1] != scratch.of("bias", tensor).data_ptr()
    assert scratch.of("weight", tensor).shape == (12,)
