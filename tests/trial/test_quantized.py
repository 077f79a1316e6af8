"""Quantized models of a trial: made, measured, kept with it, and never in its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.config.target import Target
from paretoprune.errors import SettingsError
from paretoprune.measure.bytes import count_bytes
from paretoprune.measure.quality import measure_quality
from paretoprune.quantization.allocation import predicted_bytes
from paretoprune.quantization.quantizers.mixed import AUTO
from paretoprune.results.jobs import UNTRAINED
from paretoprune.results.training import USES
from paretoprune.results.trials import QuantizedResult
from paretoprune.storage.numerics import read_numerics
from paretoprune.tasks.nest import tensors_in
from paretoprune.trial import quantized
from paretoprune.trial.context import TrialContext
from paretoprune.trial.context_folder import load_context, save_context
from paretoprune.trial.quantized import makers_of, reject_unquantizable
from paretoprune.trial.run import run_trial
from tests.kits.commands import OWN
from tests.trial.test_run import job, prepared_with

INT8 = "paretoprune.quantization.quantizers.int8.Int8"
MIXED = "paretoprune.quantization.quantizers.mixed.Mixed"
CONVERTED = (torch.nn.Conv2d, torch.nn.Linear)
WEIGHTS = "paretoprune.quantization.quantizers.weights.Weights"
NO_TRAINING = ("finetune.epochs=0", "finetune.recalibration_batches=0", "compensation=none")


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> TrialContext:
    """A sweep whose trials have int8 models."""
    folder = tmp_path_factory.mktemp("cache")
    return prepared_with(folder, *NO_TRAINING, f"quantization={{_target_: {INT8}}}")


def with_quantizer(context: TrialContext, target: Target) -> TrialContext:
    settings = replace(context.settings, quantization=target)
    return replace(context, problem=replace(context.problem, settings=settings))


def quality_of(context: TrialContext, model: torch.nn.Module) -> dict[str, float]:
    problem, loader = context.problem, context.data.val_dataloader()
    return measure_quality(problem.task, model, loader, device=problem.device)


@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_a_trial_has_an_int8_model_with_metrics_of_its_own(
    context: TrialContext, tmp_path: Path, ratio: float
) -> None:
    result = run_trial(context, job(context, 1, ratio), folder=tmp_path / "0001")
    [found] = result.quantized
    assert (found.name, found.bits, found.state) == ("int8", 8, "complete")
    macs = result.metrics.macs
    assert found.metrics.macs == macs and macs is not None
    assert (result.metrics.bops, found.metrics.bops) == (macs * 32 * 32, macs * 8 * 8)
    assert found.metrics.size_bytes is not None and result.metrics.size_bytes is not None
    assert found.metrics.size_bytes < result.metrics.size_bytes
    assert found.metrics.latency_ms is None
    assert set(result.seconds) <= set(USES)
    assert result.seconds["quantize"] == pytest.approx(found.seconds, abs=0.05)


def test_it_is_the_integer_module_of_the_trained_weights(
    context: TrialContext, tmp_path: Path
) -> None:
    [found] = run_trial(context, job(context, 0, 0.0), folder=tmp_path / "0000").quantized
    again = makers_of(context, context.dense.model)["int8"]().model
    assert found.metrics.quality == pytest.approx(quality_of(context, again))
    assert found.metrics.size_bytes == count_bytes(again)


def test_numerical_errors_are_kept_with_the_trial(context: TrialContext, tmp_path: Path) -> None:
    folder = tmp_path / "0001"
    run_trial(context, job(context, 1, 0.5), folder=folder)
    errors = read_numerics(folder)["int8"]
    layers = [p for p, m in context.dense.model.named_modules() if isinstance(m, CONVERTED)]
    assert [one.layer for one in errors.layers] == layers
    assert errors.agreement is not None and errors.divergence is not None
    assert errors.agreement > 80 and 0 <= errors.divergence < 0.1


def test_numerical_problems_are_logged(
    context: TrialContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    two = with_quantizer(context, Target(path=WEIGHTS, arguments={"bits": 2}))
    run_trial(two, job(context, 0, 0.0), folder=tmp_path / "0000")
    assert "2bit model: the accumulated error is below 10 dB in " in caplog.text


def test_weights_of_few_bits_are_measured_as_the_compact_file(
    context: TrialContext, tmp_path: Path
) -> None:
    four = with_quantizer(context, Target(path=WEIGHTS, arguments={"bits": 4}))
    result = run_trial(four, job(context, 1, 0.5), folder=tmp_path / "0001")
    [found] = result.quantized
    assert (found.name, found.bits) == ("4bit", 4)
    assert found.metrics.stored_bytes == found.metrics.size_bytes
    assert result.metrics.stored_bytes is not None and found.metrics.stored_bytes is not None
    assert found.metrics.stored_bytes < result.metrics.stored_bytes


def test_mixed_bits_are_measured_by_the_mean_bits_that_were_asked_for(
    context: TrialContext, tmp_path: Path
) -> None:
    mixed = with_quantizer(context, Target(path=MIXED, arguments={"bits": [4, 2.5]}))
    result = run_trial(mixed, job(context, 1, 0.5), folder=tmp_path / "0001")
    assert [(one.name, one.state) for one in result.quantized] == [
        ("mixed4", "complete"),
        ("mixed2.5", "complete"),
    ]
    four, few = result.quantized
    assert few.metrics.bops is not None and four.metrics.bops is not None
    assert few.metrics.bops < four.metrics.bops < 8 * 32 * (result.metrics.macs or 0)
    assert 2 <= few.bits <= 2.5 < four.bits <= 4
    assert few.metrics.size_bytes is not None and four.metrics.size_bytes is not None
    assert few.metrics.size_bytes < four.metrics.size_bytes
    again = makers_of(mixed, context.dense.model)["mixed4"]()
    assert again.rounded is not None and again.rounded.model is again.model


@pytest.fixture(scope="module")
def searched(context: TrialContext) -> TrialContext:
    """Bits are searched; trials keep the quality of the dense model."""
    return with_quantizer(context, Target(path=MIXED, arguments={"bits": "auto"}))


def names_made(
    context: TrialContext, folder: Path, *rivals: tuple[float, float], ratio: float = 0.0
) -> list[str]:
    tried = replace(job(context, 1, ratio), rivals=rivals)
    result = run_trial(context, tried, folder=folder)
    assert result.rivals == rivals
    return [one.name for one in result.quantized]


@pytest.mark.parametrize(("least", "means"), [(0.0, AUTO), (2.0, AUTO[:1])])
def test_bits_fall_until_much_of_the_quality_is_lost(
    searched: TrialContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: float,
    means: tuple[float, ...],
) -> None:
    monkeypatch.setattr(quantized, "_LEAST_RETAINED", least)  # no model retains twice the quality
    assert names_made(searched, tmp_path / "1") == [f"mixed{mean:g}" for mean in means]


def test_a_model_that_a_rival_beats_is_not_made(searched: TrialContext, tmp_path: Path) -> None:
    quality = searched.dense.metrics.quality["accuracy"]
    size = predicted_bytes(searched.dense.metrics.params or 0, 3.5)
    small = names_made(searched, tmp_path / "1", (size, quality))
    assert small[0] == "mixed3"
    worse = names_made(searched, tmp_path / "2", (size, quality - 1))
    assert worse[0] == "mixed8"
    assert names_made(searched, tmp_path / "3", (1.0, 100.0)) == []


def test_models_of_means_asked_for_are_made_beside_any_rival(
    context: TrialContext, tmp_path: Path
) -> None:
    mixed = with_quantizer(context, Target(path=MIXED, arguments={"bits": [4, 3]}))
    assert names_made(mixed, tmp_path / "1", (1.0, 100.0)) == ["mixed4", "mixed3"]


def test_untrained_candidates_have_none(context: TrialContext, tmp_path: Path) -> None:
    untrained = replace(job(context, 1, 0.5), origin=UNTRAINED)
    assert run_trial(context, untrained, folder=tmp_path / "0001").quantized == ()


@pytest.mark.parametrize("name", ["Refusing", "Broken"])
def test_a_trial_is_kept_where_it_cannot_be_quantized(
    context: TrialContext, tmp_path: Path, name: str
) -> None:
    target = Target(path=f"{OWN}.own_quantizer.{name}", trust=[OWN])
    result = run_trial(
        with_quantizer(context, target), job(context, 1, 0.5), folder=tmp_path / "0001"
    )
    [found] = result.quantized
    assert result.state == "complete"
    assert isinstance(found, QuantizedResult) and found.state == "failed"
    assert found.reason == {"Refusing": "no grid", "Broken": "ValueError: a fault"}[name]


def test_a_network_that_cannot_be_quantized_is_reported_before_training(
    context: TrialContext,
) -> None:
    reject_unquantizable(context.problem)
    target = Target(path=f"{OWN}.own_quantizer.Refusing", trust=[OWN])
    with pytest.raises(SettingsError, match=r"has no own model \(no grid\); set"):
        reject_unquantizable(with_quantizer(context, target).problem)


def test_a_network_without_integer_kernels_is_reported(context: TrialContext) -> None:
    network = torch.nn.Sequential(torch.nn.ConvTranspose2d(1, 2, 3), torch.nn.Flatten())
    problem = replace(context.problem, model=network.to(context.data.device))
    with pytest.raises(SettingsError, match="a transposed convolution"):
        reject_unquantizable(problem)


class _Several(torch.nn.Module):
    """Returns its logits and something else."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.model(images), images


def test_outputs_that_have_no_integer_kernels_are_reported(context: TrialContext) -> None:
    problem = replace(context.problem, model=_Several(context.problem.model))
    with pytest.raises(SettingsError, match="output must be one tensor, or a mapping"):
        reject_unquantizable(problem)


def test_the_calibration_samples_are_stored_with_the_sweep(
    context: TrialContext, tmp_path: Path
) -> None:
    save_context(context, tmp_path)
    loaded = load_context(context.problem, tmp_path)
    assert loaded is not None and loaded.calibration is not None
    assert context.calibration is not None
    stored, given = tensors_in(loaded.calibration.batch), tensors_in(context.calibration.batch)
    assert all(torch.equal(one, other) for one, other in zip(stored, given, strict=True))
    assert len(loaded.calibration) == len(context.calibration)
