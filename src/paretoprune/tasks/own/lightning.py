"""`task=lightning`: a user's LightningModule, unchanged, is the task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from paretoprune.config.own.code import described
from paretoprune.errors import DataError, ParetopruneError, SettingsError
from paretoprune.metrics import QUANTITIES, Quantity
from paretoprune.tasks.inputs import Inputs, unkeyed
from paretoprune.tasks.interface import LOADERS, Batch, Loaders, Meter, Outputs, Task, Training
from paretoprune.tasks.nest import floats
from paretoprune.tasks.own.form import Arguments, Form, form_like
from paretoprune.tasks.own.logged import Logged, recording
from paretoprune.tasks.own.monitor import Mode, chosen, logged_quality, stated
from paretoprune.tasks.own.steps import (
    END,
    START,
    TRAINING,
    VALIDATION,
    Calls,
    defines,
    loss_in,
    run_step,
    uncalled_hooks,
)
from paretoprune.tasks.own.training import OwnTraining, configured
from paretoprune.tasks.own.units import in_unit

_log = logging.getLogger(__name__)

_FIRST = Form(((0,),))  # the first part of a batch
_WHOLE = Form(((),))


@dataclass(frozen=True)
class Lightning(Task):
    """The steps of a LightningModule: its loss, its optimizer and what it logs.

    `monitor` and `mode` ("max" or "min") name the quality of the front among the values that the
    validation logs; by default they are those of the module's callbacks. `trivial_quality` is its
    value for a predictor that ignores the input, if that is known.
    """

    monitor: str | None = None
    mode: Mode | None = None
    trivial_quality: float | None = None
    # Found by `for_model`.
    input_form: Form | None = None
    others: tuple[Quantity, ...] = ()

    @classmethod
    def known_qualities(
        cls, monitor: str | None = None, mode: Mode = "max", **_: object
    ) -> list[Quantity]:
        """Return the qualities that options alone define, for objectives that name them."""
        return [stated(monitor, mode)] if monitor else []

    @property
    def qualities(self) -> tuple[Quantity, ...]:
        """The monitored value, all others that are logged, and the loss."""
        first = self.known_qualities(self.monitor, self.mode or "max")
        found = {one.name: one for one in (*first, *self.others, QUANTITIES["loss"])}
        return tuple(found.values())

    def for_model(self, build: Callable[[], nn.Module], loaders: Loaders) -> Lightning:
        """Run both steps on a batch each: find the qualities and the inputs, refuse what fails."""
        with isolate_rng(include_cuda=False):
            model = build()
            owner = type(model).__name__
            if not isinstance(model, LightningModule):
                raise SettingsError([f"`task=lightning` needs a LightningModule, got {owner}"])
            _refuse_incomplete(model)
            logged, better, form = _validated(model, _first(loaders, "validation"))
            _trained(model, _first(loaders, "train"))
            monitor, mode = chosen(model, self.monitor, self.mode, logged, better)
            with _reported(model, "configure_optimizers"):
                training = configured(model, num_steps=1, num_epochs=1, monitor=monitor)
            _check_monitors(owner, training, logged)
        _log_differences(model, training)
        others = (logged_quality(name, better) for name in logged if name != monitor)
        return replace(self, monitor=monitor, mode=mode, input_form=form, others=tuple(others))

    def inputs(self, batch: Batch) -> Inputs:
        """Return what the validation passes to `forward`; by default the first part of a batch."""
        return (self.input_form or _default_form(batch)).inputs(batch)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the loss of `training_step`."""
        with recording(model):
            return loss_in(run_step(model, TRAINING, batch, 0), type(model).__name__).float()

    def loss_and_outputs(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Outputs]:
        """Return the loss of `training_step`, and the outputs of `forward`.

        They are those of its own call of the model, or of another if it has not exactly one.
        """
        with Calls(model) as calls:
            loss = self.loss(model, batch)
        if len(calls.outputs) == 1:
            return loss, floats(calls.outputs[0])
        return loss, self.outputs(model, batch)

    def measure(
        self,
        model: nn.Module,
        batches: Iterable[Batch],
        device: torch.device,
        *,
        bfloat16: bool = False,
    ) -> Meter:
        """Run `validation_step` on all batches, and the hooks at the epoch's start and end."""
        meter = LoggedMeter(self.qualities)
        # Metrics keep tensors between calls, which must not be inference tensors.
        with torch.inference_mode(False), torch.no_grad(), recording(model) as logged:
            _hook(model, START)
            for index, batch in enumerate(batches):
                logged.count = len(self.inputs(batch))
                with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    returned = run_step(model, VALIDATION, batch, index)
                    loss = _scalar(returned)
                    loss = self.loss(model, batch) if loss is None else loss
                meter.add(loss, logged.count)
            _hook(model, END)
            meter.finish(logged.compute())
        return meter

    def meter(self, device: torch.device) -> Meter:
        """Return an empty meter, which `measure` fills."""
        return LoggedMeter(self.qualities)

    def training(self, model: nn.Module, *, num_steps: int, num_epochs: int) -> Training | None:
        """Return the optimizer and the schedulers of `configure_optimizers`."""
        assert isinstance(model, LightningModule)
        return configured(
            model, num_steps=num_steps, num_epochs=num_epochs, monitor=self.qualities[0].name
        )

    def trivial(
        self, train: Iterable[Batch], validation: Iterable[Batch]
    ) -> Mapping[str, float] | None:
        """Return `trivial_quality` as the first quality."""
        if self.trivial_quality is None:
            return None
        return {self.qualities[0].name: self.trivial_quality}


class LoggedMeter:
    """Values logged by a LightningModule in a pass over the data, and its mean loss."""

    def __init__(self, qualities: tuple[Quantity, ...]) -> None:
        self._qualities = qualities
        self._loss, self._count = 0.0, 0
        self._logged: Mapping[str, float] = {}

    def add(self, loss: Tensor, count: int) -> None:
        """Take in the mean loss of `count` samples."""
        self._loss += float(loss) * count
        self._count += count

    def finish(self, logged: Mapping[str, float]) -> None:
        """Record the values that were logged for all batches."""
        self._logged = logged

    def update(self, outputs: Outputs, batch: Batch) -> None:
        """Raise: the qualities do not follow from outputs."""
        raise TypeError("a LightningModule is measured by `Lightning.measure`")

    def compute(self) -> dict[str, float]:
        """Return the qualities by name, rates in percent.

        Raises:
            DataError: a value of a rate's name is not a share from 0 to 1.
        """
        values = {"loss": self._loss / max(1, self._count), **self._logged}
        return {
            one.name: in_unit(one, values[one.name])
            for one in self._qualities
            if one.name in values
        }

    def per_sample(self) -> Tensor | None:
        """Return None: logged values are means over batches, not values of samples."""
        return None


def _default_form(batch: Batch) -> Form:
    return _FIRST if isinstance(batch, tuple | list) else _WHOLE


def _scalar(returned: Any) -> Tensor | None:
    """Return the loss that a validation step returned, if it did."""
    loss = returned.get("loss") if isinstance(returned, Mapping) else returned
    return loss if isinstance(loss, Tensor) and loss.numel() == 1 else None


def _hook(model: nn.Module, name: str) -> None:
    getattr(model, name, lambda: None)()


def _first(loaders: Loaders, part: str) -> Batch:
    batch = next(iter(loaders[part] or ()), None)
    if batch is None:
        raise DataError(f"{LOADERS[part]}() yields no batches")
    return unkeyed(batch)


def _refuse_incomplete(model: LightningModule) -> None:
    owner = type(model).__name__
    for name in (TRAINING, VALIDATION):
        if not defines(type(model), name):
            raise SettingsError(
                [f"`task=lightning` needs a `{name}`, which {owner} does not define"]
            )
    if not model.automatic_optimization:
        raise SettingsError(
            [
                f"{owner} sets `automatic_optimization=False`, and `task=lightning` takes the "
                "optimizer's steps itself; return the loss from `training_step`, or write a task "
                "of your own (docs/how-to/your-own-task.md)"
            ]
        )


def _validated(
    model: LightningModule, batch: Batch
) -> tuple[list[str], Mapping[str, bool], Form | None]:
    """Return the logged names, the known directions, and the form of the model's inputs."""
    with torch.no_grad(), recording(model.eval()) as logged:
        with _reported(model, VALIDATION, "validation"), Arguments(model) as arguments:
            _hook(model, START)
            run_step(model, VALIDATION, batch, 0)
            _hook(model, END)
        found = _computed(model, logged)
    form = arguments.form_in(batch) or form_like(model.example_input_array, batch)
    return [*found], logged.higher_is_better, form


def _computed(model: LightningModule, logged: Logged) -> dict[str, float]:
    with _reported(model, VALIDATION, "validation"):
        return logged.compute()


def _trained(model: LightningModule, batch: Batch) -> None:
    """Check that the training step gives a loss."""
    with _reported(model, TRAINING, "training"), recording(model.train()):
        loss_in(run_step(model, TRAINING, batch, 0), type(model).__name__)


@contextmanager
def _reported(model: LightningModule, method: str, part: str = "") -> Iterator[None]:
    """Inside, errors of the user's method become one sentence with file and line."""
    try:
        yield
    except ParetopruneError:
        raise
    except Exception as error:  # a user's method may raise anything
        where = f" on the first {part} batch" if part else ""
        raise SettingsError(
            [f"`{method}` of {type(model).__name__} fails{where}: {described(error)}"]
        ) from error


def _check_monitors(owner: str, training: OwnTraining | None, logged: list[str]) -> None:
    for name in training.monitors if training else ():
        if name not in logged:
            raise SettingsError(
                [
                    f"a scheduler of {owner} monitors `{name}`, which its validation does not log; "
                    f"logged: {', '.join(logged)}"
                ]
            )


def _log_differences(model: LightningModule, training: OwnTraining | None) -> None:
    """Say what of our settings and of the user's hooks is not used."""
    owner = type(model).__name__
    if training is not None:
        _log.info(
            "%s is trained by its own %s: the optimizer's settings in `finetune` and `model.train` "
            "(learning_rate, tune_learning_rate, rate_growth, momentum, weight_decay, warmup) are "
            "not used",
            owner,
            type(training.optimizer).__name__,
        )
    if hooks := uncalled_hooks(type(model)):
        _log.warning("%s defines %s, which `task=lightning` does not call", owner, ", ".join(hooks))
