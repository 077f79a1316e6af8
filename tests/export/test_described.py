"""`inputs.json`: names, shapes, dtypes and meanings."""

from __future__ import annotations

import torch

from paretoprune.export.described import inputs_json, lengths_json
from paretoprune.results import Argument, DataInfo
from paretoprune.results.exported import FileFacts

IDS = Argument("ids", (6,), "int64", largest=11)
INFO = DataInfo(2, (6,), 1, 1, 1, "", arguments=(IDS, Argument("0", (), "float32")))


def test_inputs_and_outputs_have_names_shapes_dtypes_and_meanings() -> None:
    outputs = {"logits": torch.zeros(2, 2), "vectors": torch.zeros(2, 6, 4, dtype=torch.float16)}
    found = inputs_json(INFO, outputs, is_plain=False, meanings={"vectors": "of each word"})
    ids, number = found["inputs"]
    assert (ids["name"], ids["shape"], ids["dtype"]) == ("ids", ["batch", 6], "int64")
    assert "largest of eight validation samples is 11" in ids["meaning"]
    assert (number["name"], number["shape"]) == ("input_0", ["batch"])
    logits, vectors = found["outputs"]
    assert "score for each class" in logits["meaning"]
    assert vectors == {
        "name": "vectors",
        "shape": ["batch", 6, 4],
        "dtype": "float16",
        "meaning": "of each word",
    }
    assert found["classes"] == ["0", "1"]


def test_a_forecaster_has_no_classes() -> None:
    info = DataInfo(0, (6,), 1, 1, 1, "", arguments=(IDS,))
    found = inputs_json(info, {"output": torch.zeros(2, 3)}, is_plain=False, meanings={})
    assert "classes" not in found and "class" not in str(found)


def test_sizes_that_follow_the_length_of_a_text_are_named() -> None:
    outputs = {"states": torch.zeros(2, 6, 4), "logits": torch.zeros(2, 6)}
    shorter = {"states": torch.zeros(2, 3, 4), "logits": torch.zeros(2, 6)}
    found = inputs_json(INFO, outputs, is_plain=False, meanings={}, shorter=shorter)
    assert [one["shape"] for one in found["inputs"]] == [["batch", "length"], ["batch"]]
    shapes = [one["shape"] for one in found["outputs"]]
    assert shapes == [["batch", "length", 4], ["batch", 6]]


def test_the_lengths_that_each_graph_takes_are_stated() -> None:
    files = [
        FileFacts("safetensors"),
        FileFacts("onnx", lengths=(6, 3)),
        FileFacts("pt2", lengths=(6,)),
    ]
    assert lengths_json(files) == {
        "onnx": {"takes": "any", "checked": (6, 3)},
        "pt2": {"takes": 6, "checked": (6,)},
    }
