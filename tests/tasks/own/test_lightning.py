"""`task=lightning`: loss, optimizer, qualities and inputs are those of the module."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lightning import LightningModule
from lightning.pytorch.callbacks import EarlyStopping
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torchmetrics.functional.classification import multilabel_f1_score

import paretoprune
from paretoprune.errors import DataError, SettingsError
from paretoprune.tasks.own.form import Form
from paretoprune.tasks.own.lightning import Lightning
from paretoprune.testing import check_task
from tests.kits.lit import Lit, lit_loaders
from tests.kits.objects import QUICK

CPU = torch.device("cpu")
TRAIN, VALIDATION, TEST = lit_loaders()
LOADERS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def fitted(model: nn.Module, **options: Any) -> Lightning:
    return Lightning(**options).for_model(lambda: model, LOADERS)


def test_the_contract_of_a_task_is_kept() -> None:
    torch.manual_seed(0)
    batches = [*VALIDATION][:2]
    check_task(
        fitted(Lit(), monitor="val_loss"), Lit(), [*batches, [one[:5] for one in batches[1]]]
    )


def test_qualities_are_what_the_validation_logs() -> None:
    task = fitted(Lit(), monitor="val_f1")
    assert [(one.name, one.direction) for one in task.qualities] == [
        ("val_f1", "maximize"),  # as its torchmetrics metric states
        ("val_loss", "minimize"),
        ("loss", "minimize"),
    ]
    model = Lit().eval()
    x, y = (torch.cat(parts) for parts in zip(*VALIDATION, strict=True))
    found = task.measure(model, [*VALIDATION], CPU).compute()
    wanted = multilabel_f1_score(model(x).sigmoid(), y.int(), 4).item()
    assert found["val_f1"] == pytest.approx(wanted)
    assert found["val_loss"] == pytest.approx(bce(model(x), y).item(), rel=1e-5)
    # The metric is reset: a second pass gives the same.
    assert task.measure(model, [*VALIDATION], CPU).compute() == found


def test_the_loss_is_that_of_the_training_step() -> None:
    task, model = fitted(Lit(), monitor="val_f1"), Lit()
    x, y = next(iter(TRAIN))
    loss, outputs = task.loss_and_outputs(model, (x, y))
    assert torch.equal(loss, bce(model(x), y)) and loss.requires_grad
    assert torch.equal(outputs, model(x))


class Named(Lit):
    """Batches are mappings, and `forward` takes a keyword."""

    def forward(self, *, vector: Tensor) -> Tensor:
        return super().forward(vector)

    def training_step(self, batch: Any) -> Any:  # type: ignore[override]
        return {"loss": bce(self(vector=batch["parts"][0]), batch["y"])}

    def validation_step(self, batch: Any) -> Tensor:  # type: ignore[override]
        loss = self.training_step(batch)["loss"]
        self.log_dict({"worst": loss, "total": loss.detach() * 2}, batch_size=1)
        return loss


def test_inputs_are_the_parts_of_the_batch_that_the_validation_passes_to_forward() -> None:
    batches = [{"y": y, "parts": (x,)} for x, y in VALIDATION]
    loaders = {"train": batches, "validation": batches, "test": None}
    task = Lightning(monitor="total", mode="min").for_model(Named, loaders)
    assert task.input_form == Form((), (("vector", ("parts", 0)),))
    assert torch.equal(task.inputs(batches[0]).kwargs["vector"], batches[0]["parts"][0])
    assert [one.name for one in task.qualities] == ["total", "worst", "loss"]


class Indirect(Lit):
    """Its steps do not call the module itself."""

    def __init__(self) -> None:
        super().__init__()
        self.example_input_array = torch.zeros(1, 16)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return bce(self.head(self.body(batch[1])), batch[0])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, 0))


def test_inputs_follow_the_example_where_the_steps_do_not_call_the_module() -> None:
    batches = [[y, x] for x, y in VALIDATION]
    loaders = {"train": batches, "validation": batches, "test": None}
    task = Lightning(monitor="val_loss").for_model(Indirect, loaders)
    # The example is one tensor: the first of the batch.
    assert task.input_form == Form(((0,),))
    model = Indirect()
    model.example_input_array = None
    assert Lightning(monitor="val_loss").for_model(lambda: model, loaders).input_form is None


class Watched(Lit):
    def configure_callbacks(self) -> Any:
        return EarlyStopping("val_loss", mode="min")


def test_monitor_and_mode_are_those_of_the_modules_callbacks() -> None:
    task = fitted(Watched())
    assert (task.monitor, task.mode) == ("val_loss", "min")


def test_an_unknown_monitor_is_one_sentence_with_what_is_logged() -> None:
    with pytest.raises(SettingsError, match=r"set `task=lightning task\.monitor.*val_loss"):
        fitted(Lit())
    with pytest.raises(SettingsError, match=r"`task\.monitor=val_acc` is not logged.*val_f1"):
        fitted(Lit(), monitor="val_acc")


class Score(Lit):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("accuracy", 97.0)
        self.log("points", 1.0)


def test_a_direction_that_nothing_states_is_asked_for() -> None:
    with pytest.raises(SettingsError, match=r"set `task\.mode=max` or `task\.mode=min`"):
        fitted(Score(), monitor="points")


def test_a_rate_by_a_registered_name_is_a_share() -> None:
    task = fitted(Score(), monitor="accuracy")
    with pytest.raises(DataError, match=r"`accuracy` is 97, but .* from 0 to 1"):
        task.measure(Score(), [*VALIDATION], CPU).compute()


class Manual(Lit):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False


class Adversarial(Lit):
    def configure_optimizers(self) -> Any:
        return [torch.optim.SGD(self.parameters(), 0.1), torch.optim.SGD(self.parameters(), 0.1)]


class Attached(Lit):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * self.trainer.max_epochs


class Broken(Lit):
    def validation_step(self, batch: Any, batch_idx: int) -> None:
        raise KeyError("no such column")


class Empty(Lit):
    def training_step(self, batch: Any, batch_idx: int) -> None:
        return None


class Unvalidated(LightningModule):
    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return torch.zeros(())


class Plateau(Lit):
    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), 0.1)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
        return [optimizer], [{"scheduler": scheduler, "monitor": "train_loss"}]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Manual, r"Manual sets `automatic_optimization=False`"),
        (Adversarial, r"`configure_optimizers` of Adversarial gives 2 optimizers"),
        (Attached, r"`training_step` of Attached fails .*not attached to a `Trainer`"),
        (Broken, r"`validation_step` of Broken fails .*no such column.*test_lightning\.py, line"),
        (Empty, r"`training_step` of Empty must return the loss.*got None"),
        (Unvalidated, r"needs a `validation_step`, which Unvalidated does not define"),
        (Plateau, r"a scheduler of Plateau monitors `train_loss`.*logged: val_loss, val_f1"),
        (lambda: nn.Linear(2, 2), "needs a LightningModule, got Linear"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_before_any_training(
    kind: Any, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=f"(?s){sentence}") as raised:
        fitted(kind(), monitor="val_f1")
    assert len(raised.value.mistakes) == 1


def test_a_search_of_a_module_has_a_front_by_its_metric(tmp_path: Any) -> None:
    torch.manual_seed(0)
    model = Watched()
    options = {
        **QUICK,
        "search": "auto",
        "search.baseline_ratios": [0.5],
        "finetune": {"epochs": 1, "distillation": 0.3},
        "sweeps_dir": str(tmp_path / "sweeps"),
        "cache_dir": str(tmp_path / "cache"),
    }
    sweep = paretoprune.search(model, (TRAIN, VALIDATION, TEST), budget=6, name="lit", **options)  # type: ignore[arg-type]
    front = sweep.front
    assert (sweep.trials["origin"] == "auto").sum() == 3
    assert {"val_loss", "val_f1"} <= set(front) and front["val_loss"].is_monotonic_increasing
    assert "accuracy" not in front
