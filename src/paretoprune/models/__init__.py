"""Dense models: networks for small images, small U-Net, torchvision and timm, and weights."""

from __future__ import annotations

from paretoprune.models.mobilenet_cifar import mobilenet_v2
from paretoprune.models.resnet_cifar import resnet20, resnet32, resnet44, resnet56, resnet110
from paretoprune.models.small_ssd import small_ssd
from paretoprune.models.timm_models import timm_model
from paretoprune.models.torchvision_models import torchvision_model
from paretoprune.models.unet import unet
from paretoprune.models.vgg_cifar import vgg16_bn
from paretoprune.models.weights import load_weights

__all__ = [
    "load_weights",
    "mobilenet_v2",
    "resnet20",
    "resnet32",
    "resnet44",
    "resnet56",
    "resnet110",
    "small_ssd",
    "timm_model",
    "torchvision_model",
    "unet",
    "vgg16_bn",
]
