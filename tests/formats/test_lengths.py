"""Graphs of sequences: any length where the network takes any, else the one that was traced."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import ExportError
from paretoprune.export.write import write_formats
from paretoprune.formats.lengths import length_of, lengths_of, shorter
from paretoprune.formats.names import named_inputs
from paretoprune.formats.registry import FORMATS, GRAPHS, add_own
from paretoprune.formats.tracing import trace
from paretoprune.models.text.gpt import gpt
from paretoprune.models.text.lstm import lstm_classifier
from paretoprune.models.text.transformer import transformer_classifier
from paretoprune.tasks.inputs import Inputs
from tests.formats.test_formats import needs
from tests.kits.several_inputs import Towers, example

NETWORKS = {
    "lstm": lambda: lstm_classifier(vocab_size=20, width=6, hidden=8),
    "transformer": lambda: transformer_classifier(
        vocab_size=20, max_length=16, width=8, layers=1, heads=2
    ),
    "gpt": lambda: gpt(vocab_size=20, max_length=16, width=8, layers=1, heads=2),
}


def texts(length: int, count: int = 3) -> Inputs:
    """Return token ids and their mask, with padding at the end of all but the first text."""
    ids = torch.randint(1, 20, (count, length), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(length) < torch.arange(length, length - count, -1)[:, None]).long()
    return Inputs((), {"input_ids": ids * mask, "attention_mask": mask})


@pytest.mark.parametrize(
    ("form", "network"),
    [
        (form, name)
        for form in ("onnx", "openvino", "pt2")
        for name in NETWORKS
        if (form, name) != ("pt2", "lstm")  # torch.export holds the length of an LSTM as a constant
    ],
)
def test_a_graph_takes_texts_that_are_shorter_and_longer(form: str, network: str) -> None:
    needs(form)
    torch.manual_seed(0)
    model = NETWORKS[network]().eval()
    known = FORMATS[form]
    run = known.open(known.encode(trace(model, texts(10), any_length=True)), 1)
    for length, count in ((10, 3), (5, 1), (14, 2)):
        inputs = texts(length, count)
        with torch.inference_mode():
            expected, found = inputs.run(model), run(**named_inputs(model, inputs))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_has_a_length_is_known_by_its_form() -> None:
    ids, series = torch.zeros(2, 7, dtype=torch.int64), torch.zeros(2, 9, 3)
    assert length_of(Inputs((ids,))) == 7 and length_of(Inputs((series,))) == 9
    no_sequences = (torch.zeros(2, 7), torch.zeros(2, 3, 8, 8), ids[:, 0], ids[:, :1])
    assert [length_of(Inputs((one,))) for one in no_sequences] == [None] * 4
    assert lengths_of(Inputs((ids,))) == (7, 4) and lengths_of(Inputs((ids[:, 0],))) == ()
    assert length_of(Inputs(([torch.zeros(3, 4, 4)],))) is None  # a list of images


def test_everything_with_the_length_is_shortened_together() -> None:
    table = torch.zeros(2, 3)
    inputs = Inputs((texts(7).kwargs["input_ids"], table), {"mask": torch.ones(3, 7, 2)})
    half = shorter(inputs)
    assert half is not None
    assert [tuple(one.shape) for one in half] == [(3, 4), (2, 3), (3, 4, 2)]
    assert shorter(Inputs((table,))) is None


class WholeLength(nn.Module):
    """Takes texts of one length, as its weights belong to places."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 4)
        self.head = nn.Linear(4 * length, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        out: Tensor = self.head(self.words(input_ids).flatten(1))
        return out


class Halves(nn.Module):
    """Takes every length, with a branch that a graph has for one length alone."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, input_ids: Tensor) -> Tensor:
        states = self.words(input_ids)
        if input_ids.shape[1] == 10:
            states = states * 2
        out: Tensor = self.head(states.mean(1))
        return out


def test_inputs_without_a_length_are_refused() -> None:
    towers = Towers().eval()
    with pytest.raises(ExportError, match="the inputs are no sequences"):
        trace(towers, example(towers), any_length=True)


@pytest.mark.slow  # fresh processes
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("model", "inputs", "lengths"),
    [
        (NETWORKS["gpt"](), texts(10), (10, 5)),
        (WholeLength(10), Inputs((texts(10).kwargs["input_ids"],)), (10,)),
        (Halves(), Inputs((texts(10).kwargs["input_ids"],)), (10,)),
        (Towers(), example(Towers()), ()),
    ],
    ids=["any", "one", "branch", "none"],
)
def test_a_file_says_at_which_lengths_it_was_checked(
    tmp_path: Path, model: nn.Module, inputs: Inputs, lengths: tuple[int, ...]
) -> None:
    [facts] = write_formats(tmp_path, model, inputs, formats=["pt2"], trust=[])
    assert facts.reason is None and facts.lengths == lengths
    assert (tmp_path / "model.pt2").exists()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_file_that_differs_at_the_second_length_is_written_for_one(
    tmp_path: Path,
) -> None:
    """The engine is right at 10 positions alone, though the graph takes all."""
    form = "tests.kits.own_format.ten_positions"
    add_own([form], ["tests.kits"])
    try:
        [facts] = write_formats(
            tmp_path, NETWORKS["gpt"](), texts(10), formats=[form], trust=["tests.kits"]
        )
    finally:
        del FORMATS[form], GRAPHS[form]
    assert facts.reason is None and facts.lengths == (10,)
    program = torch.export.load(tmp_path / "model.pt2")
    with pytest.raises(Exception, match=r"size\(\)\[1\] == 10"):
        program.module()(**texts(5).kwargs)
