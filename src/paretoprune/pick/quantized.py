"""A picked quantized model: made again from the trial's weights, checked, written as its file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from paretoprune.errors import ExportError, PickError
from paretoprune.formats.int8 import INT8_FORMATS
from paretoprune.formats.registry import check_installed
from paretoprune.pick.request import ExportOptions
from paretoprune.pick.rounded.compacted import write_rounded
from paretoprune.pick.rounded.int8 import write_module
from paretoprune.pick.session import PickSession
from paretoprune.pick.test_metrics import validation_quality
from paretoprune.quantization.called import IntegerModule
from paretoprune.quantization.quantizers.int8 import INT8
from paretoprune.quantization.quantizers.interface import QuantizedModel
from paretoprune.results import TrialResult
from paretoprune.results.exported import FileFacts
from paretoprune.trial.quantized import REFUSED, makers_of

# Percentage points, of other qualities percent: another number of threads moves activations on a
# tie to the next level.
_SAME = 0.2
_NONE_INSTALLED = "no engine is installed; `pip install 'paretoprune[onnx]'`"


def check_options(trials: Sequence[TrialResult], options: ExportOptions) -> None:
    """Check that the options are possible for the picked quantized models.

    Raises:
        PickError: it cannot, or no engine for an int8 file is installed.
    """
    quantized = [trial for trial in trials if trial.quantization]
    if not quantized:
        return
    one = quantized[0]
    for asked, setting in (
        (options.trains_longer, "epochs"),
        (options.seeds, "seeds"),
        (options.register, "register"),
    ):
        if asked:
            raise PickError(
                f"`{setting}` is about the float model, and {one.key} is a quantized one; "
                f"pick `trial={one.number}`"
            )
    if one.quantization == INT8 and not _installed():
        raise PickError(f"no int8 file can be written here: {_NONE_INSTALLED}")


def made_again(session: PickSession, model: nn.Module, trial: TrialResult) -> QuantizedModel:
    """Quantize the trial's model again, from the sweep's own calibration samples.

    Raises:
        PickError: it is not the model that was measured.
    """
    try:
        quantized = makers_of(session.context, model)[trial.quantization]()
    except (KeyError, *REFUSED) as error:
        raise PickError(f"the model {trial.key} cannot be made again: {error}") from error
    problem = session.problem
    found = validation_quality(problem.data, quantized.model.to(problem.device))
    first = problem.task.qualities[0]
    expected = trial.metrics.quality[first.name]
    if abs(found - expected) > (_SAME if first.is_rate else _SAME / 100 * abs(expected)):
        raise PickError(
            f"the model {trial.key}, quantized again, is not what was measured: {first.name} "
            f"{found:.6g}, measured {expected:.6g}; run its trial again by removing its folder and "
            "repeating the sweep's command"
        )
    return quantized


def write_quantized(
    session: PickSession, draft: Path, model: nn.Module, quantized: QuantizedModel
) -> list[FileFacts]:
    """Write the file of a quantized model: a compact file, or the first int8 file that passes.

    Formats asked for come before the others that are installed.

    Raises:
        PickError: no int8 file passes its checks.
    """
    if quantized.rounded is not None:
        return [write_rounded(session, draft, model, quantized.rounded, quantized.bits)]
    module = quantized.model.cpu()
    assert isinstance(module, IntegerModule)
    asked = [name for name in session.options.formats if name in INT8_FORMATS]
    facts = write_module(session, draft, model, module, asked)
    for name in [name for name in _installed() if name not in asked]:
        if any(one.reason is None for one in facts):
            break
        facts += write_module(session, draft, model, module, [name])
    if all(one.reason for one in facts):
        reasons = "; ".join(f"{one.format}: {one.reason}" for one in facts)
        raise PickError(f"no int8 file can be delivered here: {reasons}")
    return facts


def _installed() -> list[str]:
    found = []
    for name in INT8_FORMATS:
        try:
            check_installed(name)
        except ExportError:
            continue
        found.append(name)
    return found
