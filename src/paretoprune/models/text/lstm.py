"""A classifier of texts with an LSTM (Hochreiter and Schmidhuber 1997)."""

from __future__ import annotations

from torch import Tensor, nn

from paretoprune.models.text.pooling import mean_of_tokens

_DROPOUT = 0.3  # of embeddings and of the pooled state


def lstm_classifier(
    num_classes: int = 2, vocab_size: int = 1000, width: int = 64, hidden: int = 96
) -> nn.Module:
    """LSTM: token ids (N, L), optionally a mask (N, L) -> (N, num_classes) logits.

    `width` is that of the embedding, `hidden` that of the LSTM.
    """
    return LSTMClassifier(num_classes, vocab_size=vocab_size, width=width, hidden=hidden)


class LSTMClassifier(nn.Module):
    """Embedding, LSTM, the mean over the tokens, and a linear layer.

    It reads from left to right, so that padding behind a text changes nothing.
    """

    def __init__(self, num_classes: int, *, vocab_size: int, width: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, width)
        self.dropout = nn.Dropout(_DROPOUT)
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.classifier = nn.Linear(hidden, num_classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        states, _ = self.lstm(self.dropout(self.embedding(input_ids)))
        logits: Tensor = self.classifier(self.dropout(mean_of_tokens(states, attention_mask)))
        return logits
