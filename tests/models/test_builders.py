"""Dense models: exact parameter counts, output shapes, and the names of their tensors."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from paretoprune import models
from paretoprune.errors import SettingsError

RESNETS = {"resnet20": 3, "resnet32": 5, "resnet44": 7, "resnet56": 9, "resnet110": 18}
BUILDERS = [*RESNETS, "vgg16_bn", "mobilenet_v2"]


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def resnet_params(blocks: int, *, num_classes: int, in_channels: int) -> int:
    """He et al. (2015), section 4.2: per stage 2 * blocks convolutions, each with BatchNorm."""
    total = 9 * in_channels * 16 + 2 * 16
    for inputs, width in [(16, 16), (16, 32), (32, 64)]:
        total += 9 * inputs * width + (2 * blocks - 1) * 9 * width * width + 2 * blocks * 2 * width
        total += (inputs * width + 2 * width) * (inputs != width)
    return total + 64 * num_classes + num_classes


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize(("num_classes", "in_channels"), [(10, 3), (100, 1)])
def test_resnet_params_match_the_closed_form(name: str, num_classes: int, in_channels: int) -> None:
    model = getattr(models, name)(num_classes, in_channels)
    expected = resnet_params(RESNETS[name], num_classes=num_classes, in_channels=in_channels)
    assert count(model) == expected


def test_resnet_params_match_published_numbers() -> None:
    assert count(models.resnet20()) == 272_474
    assert count(models.resnet56()) == 855_770


def test_vgg_params_match_the_closed_form() -> None:
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    inputs = [1, *widths[:-1]]
    convolutions = sum(9 * a * b + 2 * b for a, b in zip(inputs, widths, strict=True))
    assert count(models.vgg16_bn(7, 1)) == convolutions + 512 * 7 + 7


def test_mobilenet_params_match_torchvision() -> None:
    assert count(models.mobilenet_v2(1000)) == 3_504_872


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("size", [8, 28, 32])
def test_outputs_are_one_row_of_logits_per_image(name: str, size: int) -> None:
    model = getattr(models, name)(num_classes=4, in_channels=1).eval()
    with torch.no_grad():
        logits = model(torch.rand(2, 1, size, size))
    assert logits.shape == (2, 4)
    assert logits.isfinite().all()


@pytest.mark.parametrize(("name", "sizes"), [("resnet20", [16, 8]), ("mobilenet_v2", [16, 8, 4])])
def test_images_are_halved_as_often_as_said(name: str, sizes: list[int]) -> None:
    seen: list[int] = []
    model = getattr(models, name)().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            module.register_forward_hook(lambda _m, _i, output: seen.append(output.shape[-1]))
    with torch.no_grad():
        model(torch.rand(1, 3, 32, 32))
    assert sorted(set(seen), reverse=True) == sizes


def test_resnet_tensors_have_the_usual_names() -> None:
    names = set(models.resnet20().state_dict())
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "fc.bias"} <= names
    assert {"layer3.2.bn2.weight", "layer2.0.downsample.0.weight"} <= names
    assert {n for n in names if "layer1.0.downsample" in n} == set()


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_torchvision_model_takes_other_channels_and_classes(name: str) -> None:
    model = models.torchvision_model(name, num_classes=5, in_channels=1).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 1, 64, 64)).shape == (1, 5)


def test_torchvision_model_keeps_three_channels_as_they_are() -> None:
    assert count(models.torchvision_model("mobilenet_v3_small")) == 2_542_856


def test_googlenet_has_one_output_in_training() -> None:
    model = models.torchvision_model("googlenet", num_classes=3)
    assert isinstance(model(torch.rand(2, 3, 64, 64)), torch.Tensor)


def test_an_unknown_torchvision_name_lists_close_ones() -> None:
    with pytest.raises(SettingsError, match=r"got 'resnt18'; close are: resnet18"):
        models.torchvision_model("resnt18")


def test_a_name_close_to_nothing_lists_all() -> None:
    with pytest.raises(SettingsError, match=r"there are: alexnet, .*wide_resnet50_2"):
        models.torchvision_model("????")
