"""The search space of a model: prunable channels, ranks, or weights of layers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.config.settings import Settings
from paretoprune.config.targets.signatures import offers
from paretoprune.config.variants import spelled
from paretoprune.errors import SettingsError
from paretoprune.low_rank.candidates import candidates_of
from paretoprune.low_rank.pair import full_ranks, pairs_of, with_pairs
from paretoprune.low_rank.ranks import FactoredLayer, Ranks, layers_with_gain
from paretoprune.low_rank.size import RankedFile, RankedSize
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.macs import macs_per_layer
from paretoprune.measure.params import count_params
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.granularities.interface import Granularity
from paretoprune.pruning.groups import Group, Groups
from paretoprune.pruning.structured.file_size import FileSize
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.pruning.unstructured.layers import MaskedLayers
from paretoprune.pruning.unstructured.size import MaskedSize
from paretoprune.storage.cache import DiskCache
from paretoprune.storage.fingerprint import Fingerprint
from paretoprune.storage.source_code import own_version
from paretoprune.tasks.inputs import Inputs

_log = logging.getLogger(__name__)

_MOST_NAMED = 3  # maximum number of layers named in an error message
_MOST_DECOMPOSING = 0.01  # of the budget, for one decomposition of all layers: a trial needs a few
_FLOPS_PER_SECOND = 5e9  # of a singular value decomposition in float64 on one thread

T = TypeVar("T", Groups, MaskedLayers)
AnySize = SizeModel | RankedSize | MaskedSize


@dataclass(frozen=True)
class SearchSpace:
    """The dimensions of the search, and the exact size of each candidate.

    Made by `find_search_space` before training. A dimension is a group: channels of coupled layers,
    a residual block, the rank of a factored layer or, for unstructured pruning, the weights of one
    layer. `size` gives parameters and MACs from the widths of the groups, `file` the bytes of the
    weights file.
    """

    groups: Groups  # for unstructured pruning: the layers
    size: AnySize
    file: FileSize | RankedFile | MaskedSize
    layers: MaskedLayers | None = None  # for unstructured pruning
    ranks: Ranks | None = None  # of factored layers; None: no layer is factored


def find_search_space(
    model: nn.Module,
    example: Inputs,
    settings: Settings,
    *,
    fingerprint: Fingerprint,
    disk_cache: DiskCache,
) -> SearchSpace:
    """Find the groups or layers of the model, verify them, and prepare their exact sizes.

    Verified groups are cached by `fingerprint`. Raises SettingsError for a scorer that does not
    support the granularity, or if no layer can be factored although requested, or PruningError.
    """
    macs, dense_bytes = macs_per_layer(model, example), count_bytes(model)
    if not settings.is_structured:
        _check_scorer(settings)
        layers = _found(settings, MaskedLayers, model, example)
        zeroed = MaskedSize(layers.found, count_params(model), macs, dense_bytes)
        return SearchSpace(layers.groups, zeroed, zeroed, layers)
    ranks = _ranks(model, example, settings, macs)
    known = fingerprint.extended(
        settings={"granularity": repr(settings.granularity)},
        versions=own_version(find_groups.__module__),
    )

    def find() -> Groups:
        return _found(settings, Groups, model, example)

    found = disk_cache.get_or_compute("groups", known, read=Groups.from_json, find=find)
    groups = _with_ranks(found, ranks) if ranks else found
    shapes = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    size = SizeModel(groups.prunable, shapes, macs)
    file = FileSize(groups.prunable, model.state_dict(), dense_bytes)
    if ranks is None:
        return SearchSpace(groups, size, file)
    ranked = RankedSize(size, ranks.layers)
    return SearchSpace(groups, ranked, _file(model, file, ranked), ranks=ranks)


def _found(settings: Settings, kind: type[T], model: nn.Module, example: Inputs) -> T:
    """Return the units of the granularity. Raises SettingsError if they are of another kind."""
    granularity: Granularity = build(settings.granularity)
    found = granularity.find(model, example)
    if isinstance(found, kind):
        return found
    raise SettingsError(
        [
            f"{spelled('granularity', settings.granularity)}: `find` must return `Groups`, or "
            '`MaskedLayers` and the class declare `traits = ("is_unstructured",)`, '
            f"got `{type(found).__name__}`"
        ]
    )


def _with_ranks(groups: Groups, ranks: Ranks) -> Groups:
    """Add a group for the rank of each layer: its components, which lie in no tensor of the
    network."""
    found = (Group(layer.group, layer.full_rank, slots=()) for layer in ranks.layers)
    paths = tuple(layer.path for layer in ranks.layers)
    return replace(groups, prunable=(*groups.prunable, *found), factored=paths)


def _ranks(
    model: nn.Module, example: Inputs, settings: Settings, macs: Mapping[str, int]
) -> Ranks | None:
    """Return the layers to be factored. Raises SettingsError if there is none, but is asked for."""
    low_rank, compares = settings.low_rank, settings.compares_ranks
    if low_rank.name != "spatial" and not compares:
        return None
    paths, whole = candidates_of(model, example, min_width=low_rank.min_width)
    form = with_pairs(model, full_ranks(model, paths))
    layers = layers_with_gain(form, macs, macs_per_layer(form, example), divisor=low_rank.divisor)
    useful = {layer.path for layer in layers}
    reason = f"no rank that is a multiple of {low_rank.divisor} saves anything"
    whole |= {path: reason for path in paths if path not in useful}
    if compares and not _is_worth_comparing(layers, settings):
        return None
    if not layers:
        reasons = "; ".join(f"{path}: {why}" for path, why in list(whole.items())[:_MOST_NAMED])
        raise SettingsError(
            [
                f"`low_rank={low_rank.name}` finds no layer that is worth factoring"
                f"{f' ({reasons})' if reasons else ''}; lower `low_rank.min_width` or "
                "`low_rank.divisor`, or set `low_rank=none`"
            ]
        )
    for path, why in whole.items():
        _log.info("not factored: %s: %s", path, why)
    return Ranks(layers, low_rank.divisor)


def _is_worth_comparing(layers: Sequence[FactoredLayer], settings: Settings) -> bool:
    """True if there are layers to factor and their decompositions take a small part of the time."""
    assert settings.search is not None and settings.search.budget is not None
    seconds = sum(layer.decomposition_flops for layer in layers) / _FLOPS_PER_SECOND
    if seconds > _MOST_DECOMPOSING * settings.search.budget.amount:
        _log.info("ranks are not searched: each factorisation takes about %.0f s", seconds)
        return False
    return bool(layers)


def _file(model: nn.Module, whole: FileSize, size: RankedSize) -> RankedFile:
    """Return the file size model; every pair's header has the size of the average pair's."""
    form = with_pairs(model, {layer.path: layer.full_rank for layer in size.layers})
    before, after = model.state_dict(), form.state_dict()
    tensors = sum(t.nbytes for t in after.values()) - sum(t.nbytes for t in before.values())
    header = (count_bytes(form) - count_bytes(model) - tensors) / len(size.layers)
    element = next(iter(pairs_of(form).values())).first.weight.element_size()
    return RankedFile(whole, size, element, header)


def _check_scorer(settings: Settings) -> None:
    """Raise SettingsError if the scorer supports only channels."""
    if not offers(settings.scorer, "per_weight"):
        raise SettingsError(
            [
                f"`scorer._target_={settings.scorer.path}` scores channels, not single weights; "
                f"with {spelled('granularity', settings.granularity)} use scorer=magnitude, "
                "taylor, wanda, fisher or another with `per_weight` (docs/scorers.md)"
            ]
        )
