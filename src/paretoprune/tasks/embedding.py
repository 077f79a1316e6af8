"""`task=embedding`: one vector for each sample, compared with those of another model by cosine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from paretoprune.errors import DataError, SettingsError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs
from paretoprune.tasks.nest import floats
from paretoprune.tasks.output_task import OutputTask, described, has_pairs
from paretoprune.tasks.text.tokens import padding_mask

_STATES = "last_hidden_state"  # of the mappings that encoders of transformers return
_VECTORS = ("sentence_embedding", "embedding", "pooler_output")


@dataclass(frozen=True, kw_only=True)
class Embedding(OutputTask):
    """Batches (inputs, vectors) with vectors (N, D) of a reference model, such as the dense one.

    `paretoprune.api.embedded` makes such batches of inputs and a model. The model returns vectors
    (N, D), or states of tokens (N, L, D), alone or as `last_hidden_state`. States are pooled:
    `mean` over the tokens that the padding mask counts, or `first`, the state of the first token
    (Reimers and Gurevych 2019, Sentence-BERT, section 3). Only the direction of a vector counts.
    The trivial predictor answers with the mean direction of the training vectors.
    """

    pooling: Literal["mean", "first"] = "mean"
    padding_id: int | None = None  # the id of padding, where batches have no mask
    size: int | None = None  # D, from the data

    offers = ("num_outputs", "num_classes")
    optimizer = "adamw"
    form = "embedding (vectors floating-point (N, D) of a model; only by its name)"

    def __post_init__(self) -> None:
        if self.pooling not in ("mean", "first"):
            raise SettingsError([f"`task.pooling` must be mean or first, got {self.pooling}"])

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """The mean cosine similarity, -1 to 1, and the loss, one minus it."""
        return tuple(QUANTITIES[name] for name in ("cosine_similarity", "loss"))

    def outputs(self, model: nn.Module, batch: Batch) -> Outputs:
        """Return the vectors (N, D) for a batch, in float32."""
        return floats(self.pooled(self.inputs(batch).run(model), batch))

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the mean loss, and the vectors in float32."""
        vectors = self.outputs(model, batch)
        return self.mean_loss(vectors, self.targets(batch)), vectors

    def pooled(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Return the vectors (N, D) of what the model returned.

        Raises:
            SettingsError: it holds neither vectors nor states of tokens.
        """
        found = _vectors_or_states(outputs)
        if found.ndim == 2:
            return found
        mask = self.valid(batch)
        if self.pooling == "first":
            return found[:, 0]
        if mask is None or tuple(mask.shape) != tuple(found.shape[:2]):
            return found.mean(1)
        weights = mask.to(found)[:, :, None]
        return (found * weights).sum(1) / weights.sum(1).clamp_min(1.0)

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return one minus the cosine similarity of each sample, 0 to 2."""
        return 1 - self._cosines(outputs, targets)

    def _cosines(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cosine_similarity(outputs, targets.to(outputs), dim=1)

    def per_sample(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the cosine similarity of each sample."""
        return self._cosines(outputs, targets)

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return nothing: the meter has the cosines."""
        return {}

    def meter(self, device: torch.device) -> Meter:
        """Return a meter of the cosines and of the loss."""
        return _CosineMeter(super().meter(device))

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return one minus the mean cosine similarity of the vectors."""
        return self.losses(student, teacher).mean().clamp_min(0.0)

    def valid(self, batch: Batch) -> Tensor | None:
        """Return the padding mask (N, L) of token ids; None for other inputs."""
        return padding_mask(self.inputs(batch), self.padding_id)

    def naive(self, train: Iterable[Batch]) -> Tensor | None:
        """Return the mean direction of the training vectors, (D,)."""
        known = [normalize(self.targets(unkeyed(batch)).double(), dim=1) for batch in train]
        return torch.cat(known).mean(0) if known else None

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return the qualities of the mean direction of the training vectors."""
        scores = self.trivial_scores(train, validation)
        if scores is None:
            return None
        mean = float(scores.mean())
        return {"cosine_similarity": mean, "loss": 1 - mean}

    def trivial_scores(self, train: Iterable[Batch], test: Iterable[Batch]) -> Tensor | None:
        """Return the cosine similarities to the mean direction of the training vectors."""
        mean, wanted = self.naive(train), [self.targets(unkeyed(batch)) for batch in test]
        if mean is None or not wanted:
            return None
        vectors = torch.cat(wanted).double()
        return cosine_similarity(mean.expand_as(vectors), vectors, dim=1)

    def fitted(self, loaders: Loaders) -> Self:
        """Return the task with the size of the vectors.

        Raises:
            DataError: a batch has no vectors, or of several sizes.
        """
        sizes = {vectors.shape[1] for vectors in self._checked(loaders)}
        if len(sizes) > 1:
            raise DataError(f"all vectors must have one size, got {sorted(sizes)}")
        return replace(self, size=sizes.pop())

    def _checked(self, loaders: Loaders) -> Iterator[Tensor]:
        for part, loader in loaders.items():
            found = 0
            for batch in loader or ():
                found += 1
                yield self._vectors(unkeyed(batch), f"{LOADERS[part]}()")
            if loader is not None and not found:
                raise DataError(f"{LOADERS[part]}() yields no batches")

    def _vectors(self, batch: Batch, where: str) -> Tensor:
        if not has_pairs(batch):
            raise DataError(
                f"{where}: batches must be (inputs, vectors), got {described(batch)}; "
                "paretoprune.api.embedded makes them with a model"
            )
        vectors, count = self.targets(batch), len(self.inputs(batch))
        fits = isinstance(vectors, Tensor) and vectors.ndim == 2 and len(vectors) == count
        if not fits or not vectors.is_floating_point() or not bool(vectors.isfinite().all()):
            kind = tuple(vectors.shape) if isinstance(vectors, Tensor) else described(vectors)
            raise DataError(
                f"{where}: vectors must be finite floating-point numbers of shape ({count}, D), "
                f"got {kind}"
            )
        found: Tensor = vectors
        if bool((found == 0).all(1).any()):
            raise DataError(
                f"{where}: vectors must not be zero, since they have no direction to compare by "
                "cosine; leave such samples out"
            )
        return found

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the size of the vectors, also as `num_classes`."""
        return {"num_outputs": self.size, "num_classes": self.size}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require vectors (N, D), or states (N, L, D)."""
        try:
            found = _vectors_or_states(outputs)
        except SettingsError:
            found = torch.empty(0)
        fits = found.ndim in (2, 3) and len(found) == count and found.shape[-1] == self.size
        if fits or self.size is None:
            return None
        return f"be vectors ({count}, {self.size}) or states of tokens ({count}, L, {self.size})"


class _CosineMeter:
    """The mean cosine similarity, and the mean loss."""

    def __init__(self, losses: Meter) -> None:
        self._losses = losses

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the vectors for a batch."""
        self._losses.update(outputs, batch)

    def compute(self) -> dict[str, float]:
        """Return the qualities by name."""
        loss = self._losses.compute()["loss"]
        return {"cosine_similarity": 1 - loss, "loss": loss}

    def per_sample(self) -> Tensor | None:
        """Return the cosine similarity of each sample (N,)."""
        return self._losses.per_sample()


def _vectors_or_states(outputs: Outputs) -> Tensor:
    """Return the tensor of what a model returned: vectors (N, D), or states (N, L, D)."""
    found = outputs
    if isinstance(outputs, Mapping):
        names = (_STATES, *_VECTORS) if _STATES in outputs else _VECTORS
        found = next((outputs[name] for name in names if name in outputs), None)
    elif isinstance(outputs, tuple | list) and outputs:
        found = outputs[0]
    if not isinstance(found, Tensor) or found.ndim not in (2, 3):
        raise SettingsError(
            [
                "`task=embedding`: the model must return vectors (N, D) or states (N, L, D), alone "
                f"or as `{_STATES}` or `{_VECTORS[0]}`, got {described(outputs)}"
            ]
        )
    return found
