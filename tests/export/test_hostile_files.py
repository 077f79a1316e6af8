"""`load_model` on files that lie: headers of weights, plans, configs, links that lead nowhere."""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from paretoprune import load_model
from paretoprune.errors import ParetopruneError, PruningError, WeightsError
from paretoprune.formats.compact import COMPACT_FILE, encode_compact
from paretoprune.formats.compact_reader import decode_compact
from paretoprune.quantization.compact import compact_bytes
from paretoprune.quantization.weights import round_weights
from tests.export.test_load import HUGE, files, folder, write

__all__ = ["files", "folder"]  # fixtures


def rewritten(path: Path, change: Callable[[dict[str, Any]], object], *, size: int = 0) -> None:
    """Change the header of a safetensors file; `size` is written in place of the header's own."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    text = change(header) or header
    new = text.encode() if isinstance(text, str) else json.dumps(text).encode()
    path.write_bytes(struct.pack("<Q", size or len(new)) + new + content[8 + length :])


def first_of(header: dict[str, Any]) -> dict[str, Any]:
    return next(value for name, value in header.items() if name != "__metadata__")


def set_first(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda header: first_of(header).update(values)


def overlap(header: dict[str, Any]) -> None:
    """Two tensors of the same bytes."""
    for name, value in header.items():
        if value["shape"] == header["bn1.weight"]["shape"] and name != "bn1.weight":
            value["data_offsets"] = header["bn1.weight"]["data_offsets"]
            return


def twice(header: dict[str, Any]) -> str:
    text = json.dumps(header)
    name, value = next(iter(header.items()))
    return text[:-1] + f", {json.dumps(name)}: {json.dumps(value)}" + "}"


def longer(header: dict[str, Any]) -> None:
    first_of(header)["shape"] = [*first_of(header)["shape"], 1]


HEADERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "offsets beyond the file": set_first(data_offsets=[0, 10**12]),
    "offsets of 2 to the 64": set_first(data_offsets=[2**64 - 8, 2**64 - 4]),
    "offsets backwards": set_first(data_offsets=[64, 0]),
    "negative offsets": set_first(data_offsets=[-8, 8]),
    "offsets that overlap": overlap,
    "another shape": longer,
    "a shape of 10 to the 18": set_first(shape=[10**9, 10**9]),
    "a shape that overflows": set_first(shape=[2**32, 2**32]),
    "a negative shape": set_first(shape=[-1, -1]),
    "another type": set_first(dtype="F64"),
    "no known type": set_first(dtype="F7"),
    "a name twice": twice,
    "a name that is none": lambda header: {**header, "": first_of(header)},
    "no tensors": lambda header: "{}",
    "a list": lambda header: "[]",
    "deep": lambda header: "[" * 100_000,
    "metadata that are none": lambda header: {**header, "__metadata__": 3},
}


@pytest.mark.parametrize("lie", HEADERS)
def test_a_header_of_weights_that_lies_is_reported(folder: Path, lie: str) -> None:
    rewritten(folder / "model.safetensors", HEADERS[lie])
    with pytest.raises(WeightsError, match=r"the weights file .*model\.safetensors"):
        load_model(folder)


@pytest.mark.parametrize("size", [2**63, 2**40, 10**8, 1])
def test_a_length_of_a_header_that_lies_is_reported(folder: Path, size: int) -> None:
    rewritten(folder / "model.safetensors", lambda header: header, size=size)
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        load_model(folder)


def test_weights_of_another_type_are_reported(folder: Path, files: dict[str, Any]) -> None:
    state = {name: tensor.double() for name, tensor in files["pruned"].state_dict().items()}
    save_file(state, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit the model: .* of torch\.float64 there"):
        load_model(folder)


def compact(folder: Path, files: dict[str, Any]) -> Path:
    """Leave a compact file alone in the place of the weights."""
    model = files["pruned"]
    path = folder / COMPACT_FILE
    path.write_bytes(compact_bytes(round_weights(model, 8), torch.zeros(1, 1, 8, 8)))
    (folder / "model.safetensors").unlink()
    return path


def sparse_file(path: Path) -> None:
    """A terabyte that takes no space on the disk."""
    with path.open("wb") as stream:
        stream.truncate(2**40)


def with_a_larger_tensor(path: Path) -> None:
    tensors = {**decode_compact(path.read_bytes()), "fc.weight": np.zeros((1000, 10**6), np.int8)}
    path.write_bytes(encode_compact(tensors))


def with_another_shape(path: Path) -> None:
    tensors = decode_compact(path.read_bytes())
    path.write_bytes(encode_compact({**tensors, "fc.weight": tensors["fc.weight"].T.copy()}))


def with_another_type(path: Path) -> None:
    tensors = decode_compact(path.read_bytes())
    path.write_bytes(encode_compact({**tensors, "fc.bias": np.ones(10, np.complex64)}))


def without_a_tensor(path: Path) -> None:
    tensors = decode_compact(path.read_bytes())
    path.write_bytes(encode_compact({n: t for n, t in tensors.items() if n != "fc.bias"}))


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_a_link_to(place: str) -> Callable[[Path], None]:
    def replaced(path: Path) -> None:
        path.unlink()
        path.symlink_to(place)

    return replaced


def as_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


COMPACT: dict[str, Callable[[Path], object]] = {
    "a terabyte": sparse_file,
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "a header that lies": lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]),
    "offsets beyond the file": lambda path: rewritten(path, set_first(data_offsets=[0, 10**12])),
    "a stream twice": lambda path: rewritten(path, twice),
    "a larger tensor": with_a_larger_tensor,
    "another shape": with_another_shape,
    "another type": with_another_type,
    "a tensor too few": without_a_tensor,
    "a folder": as_a_folder,
    "a device without end": as_a_link_to("/dev/zero"),
    "a pipe": as_a_pipe,
    "a dangling link": as_a_link_to("nowhere"),
}


@pytest.mark.parametrize("lie", COMPACT)
def test_a_compact_file_that_lies_is_reported(
    folder: Path, files: dict[str, Any], lie: str
) -> None:
    path = compact(folder, files)
    load_model(folder)
    COMPACT[lie](path)
    began = time.process_time()
    with pytest.raises(WeightsError, match=r"compact") as error:
        load_model(folder)
    assert len(str(error.value)) < 600 and "\n" not in str(error.value)
    assert time.process_time() - began < 5


PLANS: dict[str, object] = {
    "deep": "[" * 5000 + "]" * 5000,
    "deeper": '{"a":' * 100_000,
    "an endless number": '{"GROUP": [' + "9" * 100_000 + "]}",
    "1e10": '{"GROUP": [1e10]}',
    "10 to the 10": {"GROUP": [HUGE]},
    "10 to the 400": {"GROUP": [10**400]},
    "negative": {"GROUP": [-1]},
    "NaN": '{"GROUP": [NaN]}',
    "infinite": '{"GROUP": [Infinity]}',
    "null": {"GROUP": [None]},
    "no list": {"GROUP": 1},
    "a text": {"GROUP": "01"},
    "texts": {"GROUP": ["0", "1"]},
    "truth": {"GROUP": [True, False]},
    "halves": {"GROUP": [0.5]},
    "whole as decimals": {"GROUP": [0.0, 1.0]},
    "lists": {"GROUP": [[0], [1]]},
    "twice": {"GROUP": [0, 0]},
    "all": {"GROUP": [*range(16)]},
    "a million": {"GROUP": [*range(1_000_000)]},
    "no group": {"nowhere": [0]},
    "a list": [["GROUP", [0]]],
    "only half": {"GROUP": [0]},  # the weights have another shape
}


@pytest.mark.parametrize("lie", PLANS)
def test_a_plan_that_does_not_fit_is_reported(
    folder: Path, files: dict[str, Any], lie: str
) -> None:
    plan = PLANS[lie]
    text = plan if isinstance(plan, str) else json.dumps(plan)
    write(folder / "plan.json", text.replace("GROUP", files["groups"].prunable[0].name))
    began = time.process_time()
    with pytest.raises((WeightsError, PruningError)) as error:
        load_model(folder)
    assert len(str(error.value)) < 600 and "\n" not in str(error.value)
    assert time.process_time() - began < 10


CONFIGS = [
    "model: &a {_target_: paretoprune.models.resnet20, more: *a}",
    "model: {_target_: paretoprune.models.resnet20, _target_: torch.nn.Identity}",
    "model: {_target_: !!python/name:os.system }",
    "model: {_target_: paretoprune.models.resnet20, 1: 2}",
    "model: {_target_: paretoprune.models.resnet20, ? [1] : 2}",
    "model: {_target_: paretoprune.models.resnet20, null: 2}",
    "model: {<<: 3}",
    "model: {_target_: " + "paretoprune." * 10_000 + "a}",
    "model: {_target_: paretoprune.models.resnet20, num_classes: " + "9" * 100_000 + "}",
    "model: " + "{a: " * 2000 + "1" + "}" * 2000,
    "? {model: 1}\n: 2",
    "1: 2",
    "model: {_target_: torch.nn.Linear, in_features: 3, out_features: .nan}",
    "model: {_target_: torch.nn.Linear, in_features: 3, out_features: 2020-02-02}",
    "model: {_target_: torch.nn.Linear, in_features: 3, out_features: !!binary aGk=}",
    "model: {_target_: torch.nn.Linear, in_features: !!set {a, b}, out_features: 3}",
]


@pytest.mark.parametrize("text", CONFIGS, ids=lambda text: str(text)[:50])
def test_forms_of_yaml_that_no_config_has_are_reported(folder: Path, text: str) -> None:
    write(folder / "config.yaml", text)
    began = time.process_time()
    with pytest.raises(ParetopruneError) as error:
        load_model(folder)
    assert len(str(error.value)) < 4000
    assert time.process_time() - began < 10


@pytest.mark.parametrize("name", ["config.yaml", "groups.json", "plan.json", "model.safetensors"])
def test_a_file_may_lie_elsewhere_but_not_nowhere(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    """As in the caches of hubs, whose folders hold links alone."""
    outside = tmp_path_factory.mktemp("outside") / name
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    load_model(folder)
    outside.unlink()
    with pytest.raises(WeightsError, match=f"{name} is a link that leads nowhere"):
        load_model(folder)
