"""Integer modules of tokens, masks and series: called like the model, near it, also as files."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError, QuantizationError
from paretoprune.formats.names import named_inputs
from paretoprune.formats.onnx import onnx_bytes, open_onnx
from paretoprune.formats.tracing import trace
from paretoprune.models.samples.forecasters import forecaster
from paretoprune.models.text.transformer import transformer_classifier
from paretoprune.quantization.called import Called, IntegerModule, graph_of
from paretoprune.quantization.gates import by_sample, check_file, check_kernels, distance
from paretoprune.quantization.integers import integer_module
from paretoprune.quantization.layer_errors import errors_of_module
from paretoprune.tasks.inputs import Inputs


def random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texts(count: int, seed: int, *, masked: bool) -> Inputs:
    ids = torch.randint(0, 40, (count, 12), generator=random(seed))
    if not masked:
        return Inputs((ids,))
    lengths = torch.randint(4, 13, (count, 1), generator=random(seed))
    return Inputs((), {"input_ids": ids, "attention_mask": (torch.arange(12) < lengths).long()})


def series(count: int, seed: int) -> Inputs:
    return Inputs((torch.randn(count, 24, 2, generator=random(seed)).cumsum(1),))


def transformer() -> nn.Module:
    torch.manual_seed(0)
    return transformer_classifier(3, vocab_size=40, max_length=12, width=16, heads=2).eval()


@cache
def converted(name: str) -> tuple[nn.Module, IntegerModule, Inputs]:
    if name == "forecast":
        torch.manual_seed(0)
        model = forecaster(24, 6, num_series=2, num_columns=2, width=8).eval()
        model(series(2, 0).only)  # its lazy layer takes its size
        return model, integer_module(model, series(64, 0)), series(48, 1)
    masked = name == "masked text"
    model = transformer()
    samples = texts(64, 0, masked=masked)
    return model, integer_module(model, samples), texts(48, 1, masked=masked)


NAMES = ("text", "masked text", "forecast")


@torch.inference_mode()
def rows(model: nn.Module, inputs: Inputs) -> Tensor:
    return by_sample({"": inputs.run(model)})


@pytest.mark.parametrize("name", NAMES)
def test_it_is_called_like_the_model_and_near_it(name: str) -> None:
    model, module, inputs = converted(name)
    assert isinstance(module, Called)
    expected, found = rows(model, inputs), rows(module, inputs)
    assert distance(expected, found, has_classes=False).kl < 0.01
    alone = rows(module, inputs[:1])
    assert torch.allclose(alone, found[:1], atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_layers_and_embeddings_are_integers(name: str) -> None:
    model, module, inputs = converted(name)
    state = module.state_dict()
    assert all(t.dim() < 2 or t.dtype is not torch.float32 or "mask" in n for n, t in state.items())
    layers = [p for p, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv1d)]
    errors = {one.layer: one for one in errors_of_module(module, model, inputs)}
    assert {*errors} == {*layers}
    assert all(one.own_db > 25 for one in errors.values())
    quantized = [one for one in errors.values() if one.largest_sum]
    assert len(quantized) >= len(layers) - 1  # behind a mean over masked tokens, one may not be


@pytest.mark.parametrize("name", NAMES)
def test_its_onnx_file_passes_the_gates(name: str) -> None:
    model, module, inputs = converted(name)
    named = named_inputs(model, inputs)
    content = onnx_bytes(trace(graph_of(module), Inputs((), named)))
    reference, expected = rows(model, inputs), rows(module, inputs)
    plain = by_sample({"": open_onnx(content, 1, optimised=False)(**named)})
    check_file(expected, plain, "onnxruntime")
    kernels = by_sample({"": open_onnx(content, 1)(**named)})
    check_kernels(reference, expected, kernels, "onnxruntime", has_classes=False)


def test_kernels_of_another_scale_are_refused_without_classes() -> None:
    _, module, inputs = converted("forecast")
    expected = rows(module, inputs)
    with pytest.raises(ExportError, match="diverge from the integer module by"):
        check_kernels(expected, expected, 1.2 * expected, "engine", has_classes=False)


def test_masks_of_attention_stay_as_they_are() -> None:
    """Scores minus infinity have no grid; a range that held them would have two levels."""

    class Additive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query = nn.Linear(8, 8)
            self.value = nn.Linear(8, 8)

        def forward(self, x: Tensor, bias: Tensor) -> Tensor:
            scores = self.query(x) @ x.transpose(1, 2) + bias
            return (scores.softmax(2) @ self.value(x)).mean(1)

    torch.manual_seed(0)
    model, x = Additive().eval(), torch.randn(32, 6, 8)
    bias = torch.zeros(32, 6, 6).masked_fill(torch.rand(32, 6, 6) < 0.3, -3e38)
    bias[:, :, 0] = 0
    inputs = Inputs((x, bias))
    module = integer_module(model, inputs)
    assert distance(rows(model, inputs), rows(module, inputs), has_classes=False).kl < 0.01


def test_lists_of_tensors_are_refused_in_a_sentence() -> None:
    class OfList(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, parts: list[Tensor]) -> Tensor:
            return torch.cat([self.fc(part) for part in parts])

    with pytest.raises(ExportError, match="the argument 0 is a list or mapping of tensors"):
        integer_module(OfList().eval(), Inputs(([torch.ones(1, 4), torch.ones(1, 4)],)))


def test_several_outputs_without_names_are_refused() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.fc(x), x

    with pytest.raises(QuantizationError, match="one tensor, or a mapping of tensors"):
        integer_module(Two().eval(), torch.ones(4, 4))


def test_outputs_of_one_number_a_sample_are_rows_too() -> None:
    ratings, vectors = torch.arange(3.0), torch.arange(12.0).reshape(3, 2, 2)
    rows = by_sample({"rating": ratings, "vector": vectors})
    assert rows.shape == (3, 5) and rows[2].tolist() == [2.0, 8.0, 9.0, 10.0, 11.0]
