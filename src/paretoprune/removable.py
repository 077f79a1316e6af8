"""What can go from a model, as the granularity says: groups of channels, or weights of layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from paretoprune.config import GranularitySettings, Settings
from paretoprune.errors import SettingsError
from paretoprune.findings import Findings
from paretoprune.fingerprint import Fingerprint
from paretoprune.measure import count_bytes, count_params, macs_per_layer
from paretoprune.pruning import FileSize, Groups, SizeModel, find_groups
from paretoprune.pruning.unstructured import (
    Blocks,
    Layers,
    NofM,
    Pattern,
    Weights,
    ZeroedSize,
    find_layers,
)
from paretoprune.source_code import own_version
from paretoprune.targets import offers


@dataclass(frozen=True)
class Removable:
    """What can go from a model, and what is left then."""

    groups: Groups  # where weights go instead of channels: the layers
    size: SizeModel | ZeroedSize
    file: FileSize | ZeroedSize
    layers: Layers | None = None  # where weights go


def find_removable(
    model: nn.Module,
    example: Tensor,
    settings: Settings,
    *,
    fingerprint: Fingerprint,
    findings: Findings,
) -> Removable:
    """Groups or layers of the model, proved (known by the `fingerprint`), with their exact sizes.

    Raises SettingsError for a scorer that does not go with the granularity, or PruningError.
    """
    macs, dense_bytes = macs_per_layer(model, example), count_bytes(model)
    pattern = _pattern(settings.granularity)
    if pattern is not None:
        _check_scorer(settings)
        layers = find_layers(model, pattern)
        size = ZeroedSize(layers.found, count_params(model), macs, dense_bytes)
        return Removable(layers.groups, size, size, layers)
    granularity = settings.granularity
    groups = findings.recall(
        "groups",
        fingerprint.extended(
            settings={"granularity": granularity.name}, versions=own_version(find_groups.__module__)
        ),
        read=Groups.from_json,
        find=lambda: find_groups(
            model, example, channels=granularity.name != "depth", blocks=granularity.blocks
        ),
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    return Removable(
        groups,
        SizeModel(groups.prunable, shapes, macs),
        FileSize(groups.prunable, model.state_dict(), dense_bytes),
    )


def _check_scorer(settings: Settings) -> None:
    """Raises SettingsError where the scorer scores channels alone."""
    if not offers(settings.scorer, "per_weight"):
        raise SettingsError(
            [
                f"`scorer._target_={settings.scorer.path}` scores channels, not single weights; "
                f"with `granularity={settings.granularity.name}` use scorer=magnitude, taylor, "
                "wanda, fisher or another with `per_weight` (docs/scorers.md)"
            ]
        )


def _pattern(granularity: GranularitySettings) -> Pattern | None:
    """None where whole channels go."""
    patterns: dict[str, Pattern] = {
        "weights": Weights(),
        "nm": NofM(granularity.m),
        "block": Blocks(granularity.rows, granularity.columns),
    }
    return patterns.get(granularity.name)
