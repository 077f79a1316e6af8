"""Models of transformers from a folder: no download, no code of the folder, no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paretoprune.errors import SettingsError
from paretoprune.models.generation_cache import disable_cache
from paretoprune.models.transformers_models import transformers_model
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.tasks.inputs import Inputs
from paretoprune.tasks.interface import Task
from paretoprune.tasks.text.language_model import LanguageModel
from paretoprune.tasks.text.text_classification import TextClassification
from paretoprune.tasks.text.transformers import Transformers

transformers = pytest.importorskip("transformers")  # an optional extra
IDS = torch.arange(1, 13).view(2, 6)
MASK = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
INPUTS = {"input_ids": IDS, "attention_mask": MASK}
SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 20}


def bert(kind: str = "BertForSequenceClassification") -> nn.Module:
    config = transformers.BertConfig(**SMALL, intermediate_size=24, max_position_embeddings=16)
    model: nn.Module = getattr(transformers, kind)(config)
    return model


def llama() -> nn.Module:
    config = transformers.LlamaConfig(
        **{**SMALL, "num_attention_heads": 4},
        intermediate_size=24,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    model: nn.Module = transformers.LlamaForCausalLM(config)
    return model


def saved(model: Any, folder: Path) -> str:
    model.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(("make", "group"), [(bert, "intermediate.dense"), (llama, "gate_proj")])
def test_the_folders_weights_are_read_and_groups_found(
    make: Any, group: str, tmp_path: Path
) -> None:
    model = make().eval()
    loaded = transformers_model(saved(model, tmp_path)).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(**INPUTS).logits, model(**INPUTS).logits)
        assert "past_key_values" not in loaded(**INPUTS)
    found = find_groups(loaded, Inputs((), INPUTS))
    assert any(group in one.name and one.width == 24 for one in found.prunable)
    assert any("attention" in one.name or "self_attn" in one.name for one in found.prunable)


def test_a_folder_without_weights_gives_an_untrained_model_with_the_classes_of_the_data(
    tmp_path: Path,
) -> None:
    saved(bert(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert transformers_model(str(tmp_path), num_classes=5)(**INPUTS).logits.shape == (2, 5)


def test_weights_that_are_pickled_are_refused(tmp_path: Path) -> None:
    saved(bert(), tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="could run code"):
        transformers_model(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auto_map": {"AutoModel": "modeling.Own"}}, "code of its own"),
        ({"architectures": ["OwnModel"]}, "must name a model of transformers"),
        ({"architectures": ["AutoConfig"]}, "must name a model of transformers"),
        ({"architectures": None}, "must name a model of transformers"),
    ],
)
def test_no_code_but_that_of_transformers_is_run(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = Path(saved(bert(), tmp_path)) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(SettingsError, match=message):
        transformers_model(str(tmp_path))


@pytest.mark.parametrize("name", ["bert-base-uncased", "."])
def test_a_name_that_is_no_folder_of_a_model_downloads_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="nothing is downloaded"):
        transformers_model(name)


def test_the_cache_of_a_users_own_model_is_turned_off() -> None:
    model = llama()
    assert "past_key_values" in model(**INPUTS)
    assert "past_key_values" not in disable_cache(model)(**INPUTS)
    assert type(disable_cache(nn.Linear(1, 1))) is nn.Linear


LABELS = torch.tensor([0, 1])


@pytest.mark.parametrize(
    ("make", "task", "batch"),
    [
        (bert, TextClassification(), {**INPUTS, "labels": LABELS}),
        (llama, LanguageModel(), {**INPUTS, "labels": IDS.masked_fill(MASK == 0, -100)}),
    ],
)
def test_our_tasks_compute_the_loss_that_the_model_computes(
    make: Any, task: Task, batch: dict[str, Tensor]
) -> None:
    model = make().eval()
    torch.testing.assert_close(task.loss(model, batch), model(**batch).loss)
    assert torch.equal(task.outputs(model, batch), model(**INPUTS).logits)


def test_any_other_loss_is_the_models_own() -> None:
    model, task = bert("BertForQuestionAnswering").eval(), Transformers()
    batch = {**INPUTS, "start_positions": LABELS, "end_positions": LABELS + 1}
    assert task.recognises(batch) == "batches are mappings with start_positions, end_positions"
    assert set(task.inputs(batch).kwargs) == {"input_ids", "attention_mask"}
    torch.testing.assert_close(task.loss(model, batch), model(**batch).loss)
    meter = task.meter(torch.device("cpu"))
    for one in (batch, task.take(batch, slice(0, 1))):
        meter.update(task.outputs(model, one), one)
    losses = [model(**one).loss.item() for one in (batch, task.take(batch, slice(0, 1)))]
    assert meter.compute() == {"loss": pytest.approx((2 * losses[0] + losses[1]) / 3, rel=1e-5)}
    _, outputs = task.loss_and_outputs(model, batch)
    assert task.distance(outputs, task.outputs(model, batch), batch).item() == 0.0
    other = task.outputs(bert("BertForQuestionAnswering").eval(), batch)
    assert task.distance(outputs, other, batch).item() > 0.0
