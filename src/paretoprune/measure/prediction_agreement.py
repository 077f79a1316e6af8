"""Agreement of a pruned model with the dense one, by sample and by class."""

from __future__ import annotations

import torch
from torch import Tensor

from paretoprune.measure.quality import Predictions
from paretoprune.results.measurements import Comparison


def compare_predictions(dense: Predictions, pruned: Predictions) -> Comparison:
    """Compare both models' predictions for the same samples in the same order."""
    assert torch.equal(dense.labels, pruned.labels)
    labels, num_classes = dense.labels, dense.logits.shape[1]
    said = {"dense": dense.logits.argmax(1), "pruned": pruned.logits.argmax(1)}
    right = {who: answers == labels for who, answers in said.items()}
    counts = torch.bincount(labels, minlength=num_classes)
    return Comparison(
        agreement=100.0 * (said["dense"] == said["pruned"]).float().mean().item(),
        only_dense_right=int((right["dense"] & ~right["pruned"]).sum()),
        only_pruned_right=int((right["pruned"] & ~right["dense"]).sum()),
        class_counts=tuple(counts.tolist()),
        dense_recall=_recall(right["dense"], labels, counts),
        pruned_recall=_recall(right["pruned"], labels, counts),
    )


def _recall(right: Tensor, labels: Tensor, counts: Tensor) -> tuple[float | None, ...]:
    """Return the recall of each class in percent; None for classes without samples."""
    hits = torch.bincount(labels[right], minlength=len(counts))
    pairs = zip(hits.tolist(), counts.tolist(), strict=True)
    return tuple(100.0 * hit / count if count else None for hit, count in pairs)
