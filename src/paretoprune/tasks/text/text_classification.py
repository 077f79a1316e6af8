"""`task=text_classification`: one class for each text, given as token ids."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from paretoprune.results import DataInfo
from paretoprune.tasks.classification import Classification
from paretoprune.tasks.interface import Batch, Loaders
from paretoprune.tasks.text.tokens import described_tokens, padding_mask, token_ids


@dataclass(frozen=True)
class TextClassification(Classification):
    """Classification of token ids (N, L), int64, with an optional padding mask (N, L).

    Batches are (ids, y), ((ids, mask), y) or mappings such as `input_ids`, `attention_mask` and
    `labels`. The mask is True, or 1, at tokens. Without one, `padding_id` is the id of padding.
    Padding does not count in compensation; that it does not count in the network is up to that.
    """

    padding_id: int | None = None

    offers = ("num_classes", "vocab_size", "max_length")
    optimizer = "adamw"
    form = "text_classification (the same, and inputs int64 token ids of shape (N, L))"

    def valid(self, batch: Batch) -> Tensor | None:
        """Return the padding mask (N, L)."""
        return padding_mask(self.inputs(batch), self.padding_id)

    def recognises(self, batch: Batch) -> str | None:
        """Recognise labels that are class numbers (N,), and inputs that are token ids (N, L)."""
        found = super().recognises(batch)
        ids = token_ids(self.inputs(batch)) if found else None
        return None if ids is None else f"{found}, inputs are token ids of {tuple(ids.shape)}"

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check ids and labels, and count classes and tokens."""
        return described_tokens(self, super().describe(info, loaders), loaders)

    def fits(self, info: DataInfo) -> dict[str, object]:
        """Offer the numbers of classes and of tokens, and the length of the texts."""
        return {
            "num_classes": info.num_classes,
            "vocab_size": info.vocab_size,
            "max_length": info.input_shape[0],
        }
