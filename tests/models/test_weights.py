"""Reading weights: each accepted form gives equal tensors, each bad file its own sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from paretoprune.errors import WeightsError
from paretoprune.models import load_weights


def make_model(seed: int = 0, *, width: int = 4) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Flatten())


def assert_equal(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, tensors[name]), name


def test_safetensors(tmp_path: Path) -> None:
    tensors = make_model(1).state_dict()
    save_file(tensors, tmp_path / "w.safetensors")
    model = make_model(2)
    load_weights(model, tmp_path / "w.safetensors")
    assert_equal(model, tensors)


@pytest.mark.parametrize("suffix", [".pt", ".pth"])
@pytest.mark.parametrize("form", ["plain", "state_dict", "model", "module."])
def test_torch_files(tmp_path: Path, suffix: str, form: str) -> None:
    tensors = make_model(1).state_dict()
    content = {
        "plain": tensors,
        "state_dict": {"state_dict": tensors, "epoch": 3},
        "model": {"model": tensors, "epoch": 3},
        "module.": {f"module.{name}": tensor for name, tensor in tensors.items()},
    }[form]
    torch.save(content, tmp_path / f"w{suffix}")
    model = make_model(2)
    load_weights(model, tmp_path / f"w{suffix}")
    assert_equal(model, tensors)


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".pt"])
@pytest.mark.parametrize(
    "prefix", ["net.", "model.", "_orig_mod.", "module._orig_mod.", "model.backbone."]
)
def test_a_shared_prefix_is_found_and_logged(
    tmp_path: Path, suffix: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    tensors = make_model(1).state_dict()
    content = {f"{prefix}{name}": tensor for name, tensor in tensors.items()}
    checkpoint = {"state_dict": {**content, "criterion.weight": torch.ones(3)}, "epoch": 3}
    torch.save(checkpoint, tmp_path / f"w{suffix}")
    model = make_model(2)
    with caplog.at_level("INFO"):
        load_weights(model, tmp_path / f"w{suffix}")
    assert_equal(model, tensors)
    assert f"under the prefix `state_dict.{prefix}`" in caplog.text


def test_parts_in_dicts_of_their_own_are_put_together(tmp_path: Path) -> None:
    tensors = make_model(1).state_dict()
    parts: dict[str, object] = {"optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}}
    for name, tensor in tensors.items():
        number, _, rest = name.partition(".")
        parts.setdefault("net", {}).setdefault(number, {})[rest] = tensor  # type: ignore[attr-defined]
    torch.save(parts, tmp_path / "w.pth")
    model = make_model(2)
    load_weights(model, tmp_path / "w.pth")
    assert_equal(model, tensors)


def test_of_two_state_dicts_the_first_is_taken_and_the_other_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_model(1).state_dict(), make_model(3).state_dict()
    torch.save({"model": first, "model_ema": second}, tmp_path / "w.pth")
    model = make_model(2)
    load_weights(model, tmp_path / "w.pth")
    assert_equal(model, first)
    assert "also has matching weights under model_ema." in caplog.text


def test_a_part_compiled_by_itself(tmp_path: Path) -> None:
    tensors = make_model(1).state_dict()
    compiled = {name.replace("1.", "1._orig_mod."): tensor for name, tensor in tensors.items()}
    save_file(compiled, tmp_path / "w.safetensors")
    model = make_model(2)
    load_weights(model, tmp_path / "w.safetensors")
    assert_equal(model, tensors)


def test_missing_batch_counters_are_no_mistake(tmp_path: Path) -> None:
    tensors = make_model(1).state_dict()
    del tensors["1.num_batches_tracked"]
    torch.save(tensors, tmp_path / "w.pt")
    model = make_model(2)
    load_weights(model, tmp_path / "w.pt")
    assert torch.equal(model.state_dict()["0.weight"], tensors["0.weight"])


def test_keys_that_do_not_fit_are_named_and_counted(tmp_path: Path) -> None:
    tensors = make_model(1, width=8).state_dict()
    del tensors["1.running_mean"]
    tensors |= {f"extra{number}": torch.zeros(1) for number in range(7)}
    save_file(tensors, tmp_path / "w.safetensors")
    model = make_model(2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError) as error:
        load_weights(model, tmp_path / "w.safetensors")
    text = str(error.value)
    assert "1 missing (1.running_mean)" in text
    assert "7 unexpected (extra0, extra1, extra2, extra3, extra4, ...)" in text
    assert "5 misshapen (0.weight (8, 3, 3, 3) instead of (4, 3, 3, 3), 0.bias" in text
    assert_equal(model, before)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"w\.pt are missing"):
        load_weights(make_model(), tmp_path / "w.pt")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"are a folder, and must be a file"):
        load_weights(make_model(), tmp_path)


def test_another_suffix(tmp_path: Path) -> None:
    (tmp_path / "w.onnx").touch()
    with pytest.raises(WeightsError, match=r"ckpt or .bin file, got '.onnx"):
        load_weights(make_model(), tmp_path / "w.onnx")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"w{suffix}"
    tensors = make_model(1).state_dict()
    if suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match="truncated"):
        load_weights(make_model(), path)


def test_a_text_file_called_pt(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match="of another kind"):
        load_weights(make_model(), tmp_path / "w.pt")


def test_a_pickled_module_is_refused(tmp_path: Path) -> None:
    torch.save(make_model(), tmp_path / "w.pt")
    with pytest.raises(WeightsError, match=r"Python objects.*save `model\.state_dict\(\)`"):
        load_weights(make_model(), tmp_path / "w.pt")


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"a": 1}, torch.zeros(2)])
def test_a_file_with_something_else(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(WeightsError, match="must hold a dict of tensors"):
        load_weights(make_model(), tmp_path / "w.pt")
