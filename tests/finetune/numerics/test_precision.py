"""bfloat16 is used where it was asked for, and with "auto" where the processor has it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from paretoprune.config.groups.finetune import FinetuneSettings
from paretoprune.finetune.fit import fit
from paretoprune.finetune.numerics.precision import narrow_in_float32, uses_bfloat16
from paretoprune.finetune.training_run import TrainingRun
from tests.finetune.nets import CPU, batches, tiny_net
from tests.kits.tasks import CLASSES


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
        CLASSES,
        TrainingRun(
            train_loader=batches(2),
            val_loader=batches(1),
            settings=FinetuneSettings(precision="bf16"),
            epochs=1,
            seed=0,
            device=CPU,
        ),
    )
    assert set(seen) == {torch.bfloat16}
    assert model[0].weight.dtype == torch.float32
    assert result.curve[0].train_loss > 0


def gradient(convolution: nn.Module, x: Tensor) -> Tensor:
    convolution.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = convolution(x).float().square().sum()
    freed = [torch.full((9 << power,), 1e30) for power in range(8, 21)]  # what memory holds then
    del freed
    loss.backward()
    assert convolution.weight.grad is not None
    return convolution.weight.grad.clone()


def test_a_stride_over_a_single_pixel_has_a_gradient_where_the_kernel_meets_it_alone() -> None:
    torch.manual_seed(0)
    convolution, x = nn.Conv2d(64, 128, 3, stride=2, padding=1), torch.randn(4, 64, 1, 1)
    with narrow_in_float32(convolution):
        for _ in range(5):
            found = gradient(convolution, x)
            middle = found[:, :, 1, 1].clone()
            found[:, :, 1, 1] = 0
            assert middle.abs().min() > 0 and torch.count_nonzero(found) == 0
    assert not convolution._forward_hooks and not convolution._forward_pre_hooks


def test_only_what_is_narrow_leaves_bfloat16_and_autocast_is_as_before() -> None:
    model, seen = nn.Conv2d(3, 4, 3, stride=2, padding=1), []
    with narrow_in_float32(model), torch.autocast("cpu", torch.bfloat16):
        for width in (1, 2, 8):
            seen.append(model(torch.randn(2, 3, 8, width)).dtype)
            assert torch.is_autocast_enabled("cpu")
        with pytest.raises(RuntimeError):
            model(torch.randn(2, 5, 8, 1))
        assert torch.is_autocast_enabled("cpu")
    assert seen == [torch.float32, torch.bfloat16, torch.bfloat16]
    with narrow_in_float32(model):
        model(torch.randn(2, 3, 8, 1))
        assert not torch.is_autocast_enabled("cpu")
