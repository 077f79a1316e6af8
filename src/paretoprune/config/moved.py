"""Dotted paths of variants in sweeps of earlier versions, mapped to their current paths."""

from __future__ import annotations

from collections.abc import Mapping

_SCORERS = "paretoprune.pruning.scorers"
_MODULES = {
    "Apoz": "activation.apoz",
    "BatchNormScale": "data_free.bn_scale",
    "Cosine": "data_free.cosine",
    "Fisher": "gradient.fisher",
    "Fpgm": "data_free.fpgm",
    "Grasp": "gradient.grasp",
    "Lamp": "data_free.lamp",
    "Magnitude": "data_free.magnitude",
    "MeanActivation": "activation.mean_activation",
    "Movement": "gradient.movement",
    "Obd": "gradient.obd",
    "Obs": "activation.obs",
    "Random": "data_free.random",
    "Reconstruction": "activation.reconstruction",
    "Snip": "gradient.snip",
    "SynFlow": "data_free.synflow",
    "Taylor": "gradient.taylor",
    "TaylorActivation": "gradient.taylor_activation",
    "Wanda": "activation.wanda",
}
MOVED: Mapping[str, str] = {
    f"{package}.{name}": f"{_SCORERS}.{module}.{name}"
    for name, module in _MODULES.items()
    for package in ("paretoprune.pruning", _SCORERS)
}
