"""Cached weights of trained networks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from paretoprune.errors import WeightsError
from paretoprune.pruning.structured.checkpoint import load_state, save_state
from paretoprune.storage.atomic import digest_of, write_sealed
from paretoprune.storage.cache_entry import FINGERPRINT, CacheEntry
from paretoprune.storage.fingerprint import Fingerprint, listed

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CachedWeights:
    """The trained weights of a network in the cache, identified by their fingerprint."""

    name: str  # of the network, for messages: "dense model"
    folder: Path
    fingerprint: Fingerprint

    @property
    def _entry(self) -> CacheEntry:
        return CacheEntry(self.folder, self.fingerprint)

    @property
    def path(self) -> Path:
        """The weights file."""
        return self._entry.path.with_suffix(".safetensors")

    def load(self, model: nn.Module) -> bool:
        """Load the cached weights; return False, logging the reason, if they are
        missing or stale."""
        if self._load_whole(model):
            _log.info("the %s comes from %s", self.name, self.path)
            return True
        if changes := self._entry.changes():
            _log.info("the %s is retrained: %s changed", self.name, listed(changes))
        return False

    def commit(self, model: nn.Module) -> None:
        """Write the weights of a trained network."""
        save_state(self.path, model)
        content = {"weights": digest_of(self.path), FINGERPRINT: self.fingerprint.to_json()}
        write_sealed(self._entry.path, content)

    def _load_whole(self, model: nn.Module) -> bool:
        if not self.path.is_file():
            return False
        try:
            content = self._entry.read()
            if self._entry.is_stale(content):
                return False
            if content["weights"] != digest_of(self.path):
                raise ValueError("its checksum does not fit its content")
            load_state(model, self.path)
        except (OSError, ValueError, TypeError, KeyError, WeightsError) as error:
            _log.warning("%s is damaged (%s); the %s is trained again", self.path, error, self.name)
            return False
        return True
