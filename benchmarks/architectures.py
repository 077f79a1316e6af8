"""Public architectures with random weights, each at the smallest image size that it accepts."""

from __future__ import annotations

from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn

SIZES = (64, 96, 128, 160, 192, 224, 240, 256, 320, 384)
# The smallest, or nearly, of each family (file) of timm 1.0.31; two of over 160 M are left out.
TIMM = [
    "beit_base_patch16_224", "cait_xxs24_224", "coat_tiny", "convit_tiny", "convmixer_768_32",
    "convnext_atto", "cpubone_nano", "crossvit_tiny_240", "cs3darknet_focus_s", "csatv2",
    "cspnext_tiny", "davit_tiny", "deit_tiny_patch16_224", "densenet121", "dla34", "dpn48b",
    "eca_botnext26ts_256", "edgenext_xx_small", "efficientformer_l1", "efficientformerv2_s0",
    "efficientvim_m1", "efficientvit_b0", "efficientvit_m0", "ese_vovnet19b_slim_dw",
    "fasternet_t0", "fastvit_t8", "focalnet_tiny_srf", "gcvit_xxtiny", "ghostnet_050",
    "gmlp_ti16_224", "hardcorenas_b", "hgnetv2_b0", "hiera_tiny_224", "hrnet_w18_small",
    "iformer_t", "inception_next_atto", "inception_resnet_v2", "inception_v3", "inception_v4",
    "lcnetv2_small", "legacy_seresnet18", "legacy_xception", "levit_128", "lowformer_b0",
    "mambaout_femto", "maxvit_pico_rw_256", "mnasnet_small", "mobilenetv3_small_050",
    "mobilenetv5_base", "mobileone_s0", "mobilevit_xxs", "mvitv2_tiny",
    "naflexvit_base_patch16_siglip", "nasnetalarge", "nest_tiny", "nextvit_small",
    "nf_regnet_b0", "pit_ti_224", "pnasnet5large", "poolformer_s12", "pvt_v2_b0",
    "qwen3_vit_88m", "rdnet_tiny", "regnetx_004_tv", "repghostnet_050", "repvit_m1",
    "res2net50_26w_4s", "resnest14d", "resnet10t", "resnetv2_18", "rexnet_100",
    "sam2_hiera_tiny", "samvit_base_patch16_224", "selecsls42", "sequencer2d_s", "shvit_s1",
    "skresnet18", "starnet_s050", "swiftformer_xs", "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_224", "swinv2_tiny_window16_256", "vit_relpos_small_patch16_224",
    "tiny_vit_5m_224", "tnt_s_legacy_patch16_224", "tresnet_m", "twins_svt_small", "vgg11",
    "visformer_tiny", "vit_tiny_patch16_224", "vit_tiny_patch16_dinov3_qkvb",
    "vit_tiny_r_s16_p8_224", "vitamin_small_224", "volo_d1_224", "xception41p",
    "xcit_nano_12_p8_224",
]  # fmt: skip


def names() -> list[str]:
    """Return all classifiers of torchvision, then one of each family of timm, as `timm/NAME`."""
    own = torchvision.models.list_models(module=torchvision.models)
    return [*own, *(f"timm/{name}" for name in TIMM)]


def build(name: str) -> tuple[nn.Module, Tensor]:
    """Build the architecture and an input of the smallest size that it accepts."""
    problem: Exception | None = None
    for size in _sizes(name):
        try:
            model = _make(name, size).eval()
            example = torch.randn(2, 3, size, size)
            with torch.no_grad():
                model(example)
            return model, example
        except Exception as error:
            problem = error
    raise RuntimeError(f"{name} cannot be built: {problem}")


def _sizes(name: str) -> tuple[int, ...]:
    """Return the image sizes to try; ViT of torchvision needs multiples of its patch size."""
    return (4 * int(name.rpartition("_")[2]),) if name.startswith("vit_") else SIZES


def _make(name: str, size: int) -> nn.Module:
    if name.startswith("timm/"):
        short = name.removeprefix("timm/")
        try:
            model: nn.Module = timm.create_model(short, pretrained=False, img_size=size)
        except TypeError:
            model = timm.create_model(short, pretrained=False)
        return model
    given: dict[str, Any] = {"weights": None}
    if name.startswith("vit_"):
        given["image_size"] = size
    if name == "maxvit_t":
        given["input_size"] = (size, size)
    if name in ("googlenet", "inception_v3"):
        given["init_weights"] = False
    found: nn.Module = torchvision.models.get_model(name, **given)
    return found
