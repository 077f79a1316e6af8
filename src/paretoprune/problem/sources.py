"""Sources of a problem's model and data: the `_target_`s of its settings, or objects."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Protocol

from lightning import LightningDataModule
from torch import nn

from paretoprune.config.instantiate import build
from paretoprune.config.own.code import described
from paretoprune.config.settings import Settings
from paretoprune.config.targets.signatures import located_by
from paretoprune.errors import ParetopruneError, SettingsError
from paretoprune.models.requirements import refuse_unsupported
from paretoprune.tasks.interface import Task


class Sources(Protocol):
    """Builds the model and the data of a problem; each call returns new ones.

    A problem asks for its data once, and again with another seed where a model is trained again;
    for its model once with the weights to be pruned or initialised, and again wherever initial
    weights are needed. `is_given` says that no other process can make them; the names are for
    model cards and reports.
    """

    is_given: bool
    task: Task | None  # None: the one of the settings
    model_name: str
    data_name: str

    def data(self, seed: int) -> LightningDataModule:
        """The data module, whose augmentation and order follow the seed."""
        ...

    @property
    def model_type(self) -> type | None:
        """The model's class, where it is known before the model is built."""
        ...

    def model(self, offered: Mapping[str, object]) -> nn.Module:
        """The dense architecture, in a copy that the caller may change.

        Its class is called with those of the `offered` arguments that it takes.

        Raises SettingsError where it cannot be built.
        """
        ...


class Configured:
    """Model and data as the settings' `_target_`s build them, in any process."""

    is_given = False
    task: Task | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._target = settings.model.target
        self.model_name = self._target.path
        self.data_name = settings.data.path

    def data(self, seed: int) -> LightningDataModule:
        """The data module that `data._target_` builds."""
        settings = self._settings
        pretrained = settings.model.weights is not None
        return build(settings.data, seed=seed, pretrained=pretrained)  # type: ignore[no-any-return]

    @property
    def model_type(self) -> type | None:
        """The class that `model._target_` names; None if it is a function."""
        located = located_by(self._target)
        return located if isinstance(located, type) else None

    def model(self, offered: Mapping[str, object]) -> nn.Module:
        """The network that `model._target_` builds."""
        target = self._target
        try:
            model = build(target, **offered)
        except ParetopruneError:
            raise
        except Exception as error:
            mistake = f"`model._target_={target.path}` cannot be built: {described(error)}"
            raise SettingsError([mistake]) from error
        if not isinstance(model, nn.Module):
            raise SettingsError([f"`model._target_={target.path}` gives no torch.nn.Module"])
        return model


class Given:
    """Model, data and perhaps the task as objects of this process.

    The model is copied, the others are shared.
    """

    is_given = True

    def __init__(
        self, model: nn.Module, data: LightningDataModule, task: Task | None = None
    ) -> None:
        self._model, self._data, self.task = model, data, task
        self.model_name = type(model).__qualname__
        self.data_name = type(data).__qualname__

    def data(self, seed: int) -> LightningDataModule:
        """The data module itself, whatever the seed."""
        return self._data

    @property
    def model_type(self) -> type | None:
        """The class of the network."""
        return type(self._model)

    def model(self, offered: Mapping[str, object]) -> nn.Module:
        """A copy of the network, with its weights."""
        refuse_unsupported(self._model)  # some such parts cannot be copied
        try:
            return copy.deepcopy(self._model)
        except Exception as error:  # whatever a user's attributes raise
            raise SettingsError(
                [
                    f"`model`, a {self.model_name}, cannot be copied (copy.deepcopy): "
                    f"{described(error)}"
                ]
            ) from error
