"""`task=language_model`: the next token of a text, at every position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax

from paretoprune.errors import DataError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.results import DataInfo
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs
from paretoprune.tasks.output_task import OutputTask, has_pairs
from paretoprune.tasks.text.tokens import described_tokens, padding_mask, token_ids

_IGNORED = -100  # target at positions that do not count, as in transformers
_NAMES = ("perplexity", "token_accuracy", "loss")


@dataclass(frozen=True)
class LanguageModel(OutputTask):
    """Batches of token ids (N, L), int64, and logits (N, L, tokens) as outputs.

    Batches are ids, (ids,), (ids, targets) or mappings with `input_ids`, and optionally
    `attention_mask` and `labels`. The logits at a position are for the token that follows. Given
    targets are either the ids themselves, as in transformers, or the tokens that follow; -100
    leaves a position out, and so does padding: of the mask, or else all ids `padding_id`. The
    model must not see what follows (causal).
    """

    padding_id: int | None = None

    offers = ("vocab_size", "max_length")
    optimizer = "adamw"
    caches_teacher = False
    form = "language_model (int64 token ids of shape (N, L), without labels or as their own)"

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """Perplexity: exp of the mean cross-entropy; and the share of tokens predicted right."""
        return tuple(QUANTITIES[name] for name in _NAMES)

    def inputs(self, batch: Batch) -> Inputs:
        """Return the token ids, and what else a batch has besides the targets."""
        return Inputs((batch,)) if isinstance(batch, Tensor) else super().inputs(batch)

    def targets(self, batch: Batch) -> Tensor:
        """Return the token that follows each position, (N, L); -100 where none counts."""
        inputs = self.inputs(batch)
        ids = token_ids(inputs)
        assert ids is not None  # `describe` has refused other batches
        found = _following(ids, _given(self, batch))
        valid = padding_mask(inputs, self.padding_id)
        if valid is not None:
            both = valid & torch.cat([valid[:, 1:], valid[:, -1:]], 1)
            found = found.masked_fill(~both, _IGNORED)
        return found

    def losses(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the mean cross-entropy over the tokens of each text, in nats."""
        nats = cross_entropy(
            outputs.transpose(1, 2), targets, reduction="none", ignore_index=_IGNORED
        )
        found: Tensor = nats.sum(1) / (targets != _IGNORED).sum(1).clamp_min(1)
        return found

    def mean_loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """Return the mean cross-entropy over all tokens, in nats."""
        found: Tensor = _nats(outputs, targets) / (targets != _IGNORED).sum().clamp_min(1)
        return found

    def distance(
        self, student: Outputs, teacher: Outputs, batch: Batch, *, temperature: float = 1.0
    ) -> Tensor:
        """Return T^2 * KL(teacher || student) in nats, the mean over the tokens that count."""
        counted = self.targets(batch) != _IGNORED
        divergence = kl_div(
            log_softmax(student[counted] / temperature, dim=1),
            log_softmax(teacher[counted] / temperature, dim=1),
            reduction="sum",
            log_target=True,
        )
        return temperature**2 * divergence / counted.sum().clamp_min(1)

    def metrics(self, outputs: Outputs) -> Mapping[str, Any]:
        """Return nothing: `meter` counts tokens instead of samples."""
        return {}

    def meter(self, device: torch.device) -> Meter:
        """Return a meter that weighs all tokens alike."""
        return TokenMeter(self, device)

    def valid(self, batch: Batch) -> Tensor | None:
        """Return the padding mask (N, L)."""
        return padding_mask(self.inputs(batch), self.padding_id)

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return perplexity and accuracy of the shares of the training tokens."""
        seen, asked = _counts(self, train), _counts(self, validation)
        size = max(len(seen), len(asked))
        if not int(asked.sum()):
            return None
        seen, asked = (torch.cat([one, one.new_zeros(size - len(one))]) for one in (seen, asked))
        smoothed = (seen + 1).double() / (seen.sum() + size)
        nats = float(-(asked * smoothed.log()).sum() / asked.sum())
        right = float(asked[seen.argmax()] / asked.sum())
        return {
            "perplexity": float(torch.tensor(nats).double().exp()),
            "token_accuracy": 100.0 * right,
            "loss": nats,
        }

    def recognises(self, batch: Batch) -> str | None:
        """Recognise token ids (N, L) without targets, or with targets of the same tokens."""
        if isinstance(batch, tuple | list) and len(batch) != 1 and not has_pairs(batch):
            return None
        if not isinstance(batch, Tensor | Mapping | tuple | list):
            return None
        ids = token_ids(self.inputs(batch))
        given = None if ids is None else _given(self, batch)
        if ids is None or (given is not None and _mistake(ids, given)):
            return None
        return f"inputs are token ids of {tuple(ids.shape)}, and the targets are tokens"

    def describe(self, info: DataInfo, loaders: Loaders) -> DataInfo:
        """Check ids and targets of the first batches, and count the tokens."""
        info = described_tokens(self, info, loaders)
        for part, loader in loaders.items():
            batch = unkeyed(next(iter(loader or ()), None))
            if batch is None:
                continue
            ids, given = token_ids(self.inputs(batch)), _given(self, batch)
            if ids is not None and given is not None and (wrong := _mistake(ids, given)):
                raise DataError(f"{LOADERS[part]}(): {wrong}")
            if bool((self.targets(batch) == _IGNORED).all()):
                raise DataError(
                    f"{LOADERS[part]}(): no token of the first batch is predicted, since all "
                    "targets are -100 or the texts have one token; give texts of at least two "
                    "tokens that count"
                )
        return info

    def fits(self, info: DataInfo) -> Mapping[str, object]:
        """Offer the number of tokens, and the length of the texts."""
        return {"vocab_size": info.vocab_size, "max_length": info.input_shape[0]}

    def check_outputs(self, outputs: Outputs, count: int, info: DataInfo) -> str | None:
        """Require logits (N, L, tokens)."""
        logits = self.answer(outputs)
        fits = isinstance(logits, Tensor) and logits.ndim == 3 and len(logits) == count
        if fits and logits.shape[2] >= info.vocab_size:
            return None
        return f"be logits ({count}, length, tokens) for {info.vocab_size} tokens"


class TokenMeter:
    """Perplexity, token accuracy and loss over all tokens that count."""

    def __init__(self, task: LanguageModel, device: torch.device) -> None:
        self._task = task
        self._nats = torch.zeros((), device=device, dtype=torch.float64)
        self._right = torch.zeros((), device=device, dtype=torch.int64)
        self._count = torch.zeros((), device=device, dtype=torch.int64)

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Take in the logits for a batch."""
        targets = self._task.targets(batch)
        self._nats += _nats(outputs, targets).double()
        self._right += (outputs.argmax(2) == targets).sum()
        self._count += (targets != _IGNORED).sum()

    def compute(self) -> dict[str, float]:
        """Return the qualities by name; the accuracy in percent."""
        mean = self._nats / self._count
        return {
            "perplexity": float(mean.exp()),
            "token_accuracy": 100.0 * float(self._right / self._count),
            "loss": float(mean),
        }

    def per_sample(self) -> Tensor | None:
        """Return None: the perplexity is no mean over texts."""
        return None


def _nats(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the cross-entropy over the tokens that count."""
    flat = logits.flatten(0, 1)
    return cross_entropy(flat, targets.flatten(), reduction="sum", ignore_index=_IGNORED)


def _given(task: LanguageModel, batch: Batch) -> Tensor | None:
    """Return the targets of a batch, if it has any."""
    if not has_pairs(batch):
        return None
    found = OutputTask.targets(task, batch)
    return found if isinstance(found, Tensor) else None


def _following(ids: Tensor, given: Tensor | None) -> Tensor:
    """Return the token after each position, from the ids, or from targets of either kind."""
    if given is not None and not _are_own(ids, given):
        return given
    labels = ids if given is None else given
    return torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], _IGNORED)], 1)


def _are_own(ids: Tensor, given: Tensor) -> bool:
    """Return True if the targets are the ids of their own positions."""
    return bool(((given == ids) | (given == _IGNORED)).all())


def _mistake(ids: Tensor, given: Tensor) -> str | None:
    """Return a sentence about invalid targets of a batch; None if they are valid."""
    if given.dtype != torch.int64 or given.shape != ids.shape:
        return (
            f"targets must be int64 tokens of shape {tuple(ids.shape)}, as the ids, got "
            f"{given.dtype} of shape {tuple(given.shape)}"
        )
    behind, ahead = given[:, :-1], ids[:, 1:]
    if _are_own(ids, given) or bool(((behind == ahead) | (behind == _IGNORED)).all()):
        return None
    return (
        "targets must be the ids themselves or the tokens that follow them (-100 leaves one out), "
        "got other tokens"
    )


def _counts(task: LanguageModel, batches: Iterable[Batch]) -> Tensor:
    """Return how often each token is a target."""
    found = torch.zeros(0, dtype=torch.int64)
    for batch in batches:
        targets = task.targets(unkeyed(batch)).cpu()
        new = torch.bincount(targets[targets != _IGNORED], minlength=len(found))
        new[: len(found)] += found
        found = new
    return found
