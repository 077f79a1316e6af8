"""The error family: all that a user can cause ends in one of these, with a helpful sentence."""

from pathlib import Path


class ParetopruneError(Exception):
    """Base of all errors that paretoprune raises on purpose. Commands print it and exit."""

    exit_code = 2  # of a command: what was asked for cannot be done


class SettingsError(ParetopruneError, ValueError):
    """One or more settings are wrong; `mistakes` holds one sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        super().__init__("\n".join(mistakes))


class DataError(ParetopruneError, ValueError):
    """A data set is missing, truncated, of the wrong shape or with labels out of range."""


class WeightsError(ParetopruneError, ValueError):
    """Weights do not fit the model, or a saved model is damaged."""


class PruningError(ParetopruneError, ValueError):
    """A plan cannot be carried out on a model, or nothing in the model can be pruned."""


class EquivalenceError(PruningError):
    """A pruned model does not compute what the masked dense model computes."""


class TrainingError(ParetopruneError, RuntimeError):
    """A training diverged: the loss became NaN or infinite."""


class SweepError(ParetopruneError, RuntimeError):
    """A sweep's folder is missing, in use, damaged or was made with other settings."""


class TrialsFailedError(SweepError):
    """All trials of a sweep failed, or so many in a row with one cause that it stopped."""

    exit_code = 1  # the command was right, and came to nothing


class DiskFullError(ParetopruneError, OSError):
    """A disk has no space left: the work stops, and nothing half-written stays behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"no space is left on the disk of {folder}; nothing that finished is lost: "
            "free some space, and the same command goes on from here"
        )


class ExportError(ParetopruneError, RuntimeError):
    """A model cannot be written in a format, or what was written does not give it back."""


class PickError(ParetopruneError, ValueError):
    """No trial of the front satisfies what was asked of pick."""


class QuantizationError(ParetopruneError, ValueError):
    """Weights or activations cannot be rounded to so few bits as asked."""
