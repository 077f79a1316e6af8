"""Data sets as Lightning data modules: bundled, downloaded, or the user's own arrays and images."""

from __future__ import annotations

from paretoprune.data.data_info import describe, meanings_of, preprocessing_of
from paretoprune.data.digests.contents import Contents, contents_of
from paretoprune.data.generated.digit_boxes import digit_boxes
from paretoprune.data.generated.digit_scenes import digit_masks
from paretoprune.data.image_folders import imagefolder
from paretoprune.data.image_tensors import ImageTensors, to_device
from paretoprune.data.npz_files import npz
from paretoprune.data.sklearn_digits import digits
from paretoprune.data.torchvision_sets import torchvision_set

__all__ = [
    "Contents",
    "ImageTensors",
    "contents_of",
    "describe",
    "digit_boxes",
    "digit_masks",
    "digits",
    "imagefolder",
    "meanings_of",
    "npz",
    "preprocessing_of",
    "to_device",
    "torchvision_set",
]
