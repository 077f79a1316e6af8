"""Networks that forecast series from past values: convolutions over time, and an LSTM.

Both add their answer to the last value, as NLinear does (Zeng et al. 2023, Are Transformers
Effective for Time Series Forecasting?), so that a shift of level between training and later data
does no harm.
"""

from __future__ import annotations

from torch import Tensor, nn


def forecaster(
    past: int = 96, horizon: int = 24, num_series: int = 1, num_columns: int = 1, width: int = 32
) -> nn.Module:
    """Convolutions over time: (N, past, num_columns) -> (N, horizon, num_series)."""
    convolutions = nn.Sequential(
        nn.Conv1d(num_columns, width, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv1d(width, width, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(2 * width),
        nn.ReLU(),
    )
    return FromLastValue(_OverTime(convolutions), 2 * width, horizon, num_series)


def lstm_forecaster(
    horizon: int = 24, num_series: int = 1, num_columns: int = 1, width: int = 48
) -> nn.Module:
    """An LSTM and a hidden layer: (N, past, num_columns) -> (N, horizon, num_series)."""
    return FromLastValue(_Lstm(num_columns, width), 2 * width, horizon, num_series)


class FromLastValue(nn.Module):
    """The last value of each series, plus a linear layer after a body of `features` outputs."""

    def __init__(self, body: nn.Module, features: int, horizon: int, num_series: int) -> None:
        super().__init__()
        self.horizon, self.num_series = horizon, num_series
        self.body = body
        self.head = nn.Linear(features, horizon * num_series)

    def forward(self, past: Tensor) -> Tensor:
        last = past[:, -1:, :]
        change = self.head(self.body(past - last))
        change = change.reshape(-1, self.horizon, self.num_series)
        found: Tensor = last[:, :, : self.num_series] + change
        return found


class _OverTime(nn.Module):
    """Layers over (N, columns, steps), for inputs (N, steps, columns)."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, past: Tensor) -> Tensor:
        found: Tensor = self.layers(past.transpose(1, 2))
        return found


class _Lstm(nn.Module):
    """An LSTM, and a hidden layer on its last state."""

    def __init__(self, columns: int, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(columns, width, batch_first=True)
        self.hidden = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU())

    def forward(self, past: Tensor) -> Tensor:
        states, _ = self.lstm(past)
        found: Tensor = self.hidden(states[:, -1])
        return found
