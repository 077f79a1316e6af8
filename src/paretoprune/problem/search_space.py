"""What can go from a model, as the granularity says: groups of channels, or weights of layers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from paretoprune.config.groups.granularity import GranularitySettings
from paretoprune.config.instantiate import offers
from paretoprune.config.settings import Settings
from paretoprune.errors import SettingsError
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.macs import macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.groups import Groups
from paretoprune.pruning.structured.file_size import FileSize
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.pruning.unstructured.layers import MaskedLayers, find_layers
from paretoprune.pruning.unstructured.patterns import NofM, Pattern, WeightBlocks, Weights
from paretoprune.pruning.unstructured.size import MaskedSize
from paretoprune.storage.cache import DiskCache


@dataclass(frozen=True)
class SearchSpace:
    """What can go from a model, and what is left then."""

    groups: Groups  # where weights go instead of channels: the layers
    size: SizeModel | MaskedSize
    file: FileSize | MaskedSize
    layers: MaskedLayers | None = None  # where weights go


def find_search_space(
    model: nn.Module, example: Tensor, settings: Settings, *, digest: str, disk_cache: DiskCache
) -> SearchSpace:
    """Groups or layers of the model, proved (known by its `digest`), with their exact sizes.

    Raises SettingsError for a scorer that does not go with the granularity, or PruningError.
    """
    macs, dense_bytes = macs_per_layer(model, example), count_bytes(model)
    pattern = _pattern(settings.granularity)
    if pattern is not None:
        _check_scorer(settings)
        layers = find_layers(model, pattern)
        size = MaskedSize(layers.found, count_params(model), macs, dense_bytes)
        return SearchSpace(layers.groups, size, size, layers)
    granularity = settings.granularity
    groups = disk_cache.get_or_compute(
        f"groups/{digest}-{granularity.name}",
        read=Groups.from_json,
        find=lambda: find_groups(
            model, example, channels=granularity.name != "depth", blocks=granularity.blocks
        ),
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    return SearchSpace(
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
        "block": WeightBlocks(granularity.rows, granularity.columns),
    }
    return patterns.get(granularity.name)
