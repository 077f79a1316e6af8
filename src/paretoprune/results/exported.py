"""Facts about an exported model: its files, and its retraining with other seeds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Repeat:
    """The picked architecture retrained with another seed: the task's first quality."""

    seed: int
    validation: float
    test: float


_FASTER = 1.05  # factor; smaller ones are within the noise of two measurements of one file


@dataclass(frozen=True)
class FileFacts:
    """An exported file in one format: the results of its verification, or the reason
    it is missing."""

    format: str  # "safetensors", "compact", or a name of `graph.GRAPHS`
    # largest difference of an output from PyTorch's, in a new process
    difference: float | None = None
    reason: str | None = None  # why the file is not there
    # numbers of positions at which a graph of sequences was checked: one if it takes no other
    lengths: tuple[int, ...] = ()
    latency_ms: float | None = None  # in the format's engine
    dense_latency_ms: float | None = None  # of the dense model's files, timed alternately
    speedup: float | None = None  # dense (or floating point) / own, the median of the ratios
    time_spread: float | None = None  # relative, of these ratios: half the interquartile range
    contention: float | None = None  # wall time / processor time
    size_bytes: int | None = None  # total of the format's files
    bits: float | None = None  # mean bits of quantized weights
    # The task's first quality on validation data, for quantized weights.
    quality: float | None = None
    numerics: str | None = None  # a sentence: numerical errors of a quantized model by layer
    warnings: tuple[str, ...] = ()  # sentences on numerical problems
    # percent of samples with the same class by integer kernels and module
    agreement: float | None = None
    kl: float | None = None  # divergence of the kernels from the module, in nats
    float_latency_ms: float | None = None  # of the same model in floating point, timed alternately

    @property
    def is_any_length(self) -> bool:
        """True for a graph of sequences that passed the check at a second length."""
        return len(self.lengths) > 1

    @property
    def gain_in_words(self) -> str | None:
        """Return a sentence comparing int8 with floating point in the same engine; None if
        unmeasured."""
        if self.latency_ms is None or self.float_latency_ms is None or self.speedup is None:
            return None
        if self.speedup < _FASTER:
            return f"int8 is NOT faster than float32 here ({self.speedup:.2g} times)"
        return f"int8 is {self.speedup:.2g} times as fast as float32 here"
