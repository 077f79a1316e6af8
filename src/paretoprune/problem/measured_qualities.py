"""The check that settings ask for qualities that the task measures."""

from __future__ import annotations

from collections.abc import Iterator

from paretoprune.config.settings import Settings
from paretoprune.errors import SettingsError
from paretoprune.metrics import QUALITIES, register
from paretoprune.objectives import objectives_of_task
from paretoprune.tasks.interface import Task


def check_qualities(settings: Settings, task: Task) -> None:
    """Register the task's qualities, and check that objectives and limits name measured ones.

    Raises SettingsError for a quality of another task, or a clash with a registered one.
    """
    for quality in task.qualities:
        try:
            register(quality)
        except ValueError as error:
            raise SettingsError([str(error)]) from None
    if mistakes := [*_mistakes(settings, task)]:
        raise SettingsError(mistakes)


def _mistakes(settings: Settings, task: Task) -> Iterator[str]:
    measured, callbacks = [quality.name for quality in task.qualities], settings.trainer.callbacks
    asked = settings.search.objectives if settings.search else {}
    kept = objectives_of_task(asked, task.qualities)
    unknown = [name for name in kept if name in QUALITIES and name not in measured]
    if unknown:
        yield (
            f"`search.objectives` names {', '.join(unknown)}, which this task does not measure; it "
            f"measures: {', '.join(measured)}"
        )
    known = [
        *dict.fromkeys(
            ("train_loss", "validation_loss", *(f"validation_{name}" for name in measured))
        )
    ]
    for name, callback in callbacks.items():
        monitor = callback.arguments.get("monitor")
        if callback.path.startswith("lightning.") and monitor is not None and monitor not in known:
            yield (
                f"`trainer.callbacks.{name}.monitor={monitor}` is not measured; "
                f"there are: {', '.join(known)}"
            )
    if "accuracy" in measured:
        return
    sparsity, schedule = settings.sparsity, settings.schedule
    for setting, value, instead in (
        ("sparsity.min_accuracy", sparsity.min_accuracy, "sparsity.min_quality"),
        ("sparsity.accuracy_drop", sparsity.accuracy_drop, "sparsity.max_drop"),
        ("schedule.min_accuracy", schedule.arguments.get("min_accuracy"), "schedule.min_quality"),
    ):
        if value is not None:
            yield (
                f"`{setting}` is about the accuracy, which this task does not measure; set "
                f"`{instead}`, which is about its {measured[0]}"
            )
