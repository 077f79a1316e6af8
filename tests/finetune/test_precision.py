"""bfloat16 is used where it was asked for, and with "auto" where the processor has it."""

from __future__ import annotations

import pytest
import torch

from paretoprune.config import FinetuneSettings
from paretoprune.finetune import fit
from paretoprune.finetune.precision import uses_bfloat16
from tests.finetune.nets import CPU, batches, tiny_net


@pytest.mark.parametrize(
    ("able", "expected"),
    [
        ({}, False),
        ({"avx512_f": True}, False),
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
    ],
)
def test_auto_asks_the_processor(
    able: dict[str, bool], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    assert uses_bfloat16("auto", CPU) is expected
    assert uses_bfloat16("bf16", CPU) is True
    assert uses_bfloat16("32", CPU) is False


def test_this_processor_can_be_asked() -> None:
    assert isinstance(uses_bfloat16("auto", CPU), bool)


def test_bfloat16_trains_with_weights_in_float32() -> None:
    model, seen = tiny_net(), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    result = fit(
        model,
        train_loader=batches(2),
        val_loader=batches(1),
        settings=FinetuneSettings(precision="bf16"),
        epochs=1,
        seed=0,
        device=CPU,
    )
    assert set(seen) == {torch.bfloat16}
    assert model[0].weight.dtype == torch.float32
    assert result.curve[0].train_loss > 0
