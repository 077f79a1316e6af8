"""MLflow as a view of the sweep: one experiment, a parent run, and a child run per trial."""

from paretoprune.tracking.note import sweep_note
from paretoprune.tracking.open import open_tracker
from paretoprune.tracking.registry import Registration, register_model
from paretoprune.tracking.tracker import MlflowTracker, NullTracker, Tracker
from paretoprune.tracking.ui import serve
from paretoprune.tracking.uri import resolve_uri

__all__ = [
    "MlflowTracker",
    "NullTracker",
    "Registration",
    "Tracker",
    "open_tracker",
    "register_model",
    "resolve_uri",
    "serve",
    "sweep_note",
]
