"""The exception hierarchy: every error that a user can cause, with a message that helps."""

from pathlib import Path

_MOST_LETTERS = 3000  # of a sentence, which may show a value of any length


class ParetopruneError(Exception):
    """Base class of the errors that paretoprune raises on purpose.

    Commands print the message without a traceback and exit with `exit_code`.
    """

    exit_code = 2  # of a command: the request cannot be carried out


class SettingsError(ParetopruneError, ValueError):
    """One or more settings are invalid; `mistakes` holds one sentence for each."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = [_without_middle(sentence) for sentence in mistakes]
        super().__init__("\n".join(self.mistakes))


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
    """All trials of a sweep failed, or the sweep stopped after repeated failures of one cause."""

    exit_code = 1  # the command was valid, but produced no result


class DiskFullError(ParetopruneError, OSError):
    """A disk has no space left. The work stops; no partially written file remains."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"no space is left on the disk of {folder}; nothing that finished is lost: "
            "free some space and run the same command again to continue"
        )


class ExportError(ParetopruneError, RuntimeError):
    """A model cannot be exported to a format, or the written file does not reproduce it."""


class PickError(ParetopruneError, ValueError):
    """No trial of the front meets the conditions given to pick."""


class QuantizationError(ParetopruneError, ValueError):
    """Weights or activations cannot be quantised to the requested number of bits."""


def _without_middle(sentence: str) -> str:
    half = _MOST_LETTERS // 2
    return sentence if len(sentence) <= 2 * half else f"{sentence[:half]} ... {sentence[-half:]}"
