"""`paretoprune pick NAME`: the front of a sweep, and models of it, verified and delivered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from paretoprune.cli.compose import find_own_code, finetune_option
from paretoprune.cli.foreign_configs import given_trust
from paretoprune.cli.latency import WAYS, read_request
from paretoprune.cli.parsing.arguments import (
    find_sweep,
    first_name,
    listed,
    one_of,
    options_of,
    run_command,
    whole_number,
)
from paretoprune.cli.remembered_trust import remembered_trust
from paretoprune.config.name_patterns import closest
from paretoprune.config.parsing import (
    parse_count,
    parse_milliseconds,
    parse_percent,
    parse_share,
)
from paretoprune.errors import PickError
from paretoprune.formats.registry import GRAPHS, add_own
from paretoprune.measure.request import Request
from paretoprune.metrics import QUANTITIES, is_rate
from paretoprune.pick.request import BITS_RANGE, ExportOptions
from paretoprune.results.trials import ModelKey

if TYPE_CHECKING:
    from paretoprune.pick.rules import PickRequest

_USAGE = """usage: paretoprune pick NAME [rule=...] [trial=N] [LIMIT=VALUE ...] [format=...] ...

Show the front of the sweep NAME, pick models, verify them, measure them once on the test split and
export them to sweeps/NAME/picked/.

Choice:
  rule=knee                 the default; or best, cheapest (by the sweep's own quality and size),
                            most_accurate, smallest, fastest, max_QUANTITY, min_QUANTITY
  rule=spread n=4           several from all over the front; rule=knee,fastest takes two
  trial=17                  this trial of the front; trial=17,23 takes two; 17-int8 and
                            17-mixed3 are its quantized models, in a sweep with `quantization`
  max_params=50k            a limit on anything that was measured: max_QUANTITY or min_QUANTITY
  max_drop=1%               at most this share of the quality that the dense model gains over the
                            trivial predictor, which ignores its input
  max_accuracy_drop=0.5     at most this number of percentage points below the dense model
  min_quality=0.8           the worst value of the sweep's own quality

Delivery:
  format=onnx,openvino      beside safetensors, which is always there: onnx, openvino, executorch
                            (phones), pt2 (torch.export), compact (rounded, entropy-coded
                            weights, for transfer), onnx_int8 and openvino_int8 (integer kernels);
                            my_package.my_format, with trust=[my_package], is one of your own
  bits=4                    of the weights of format=compact, 2 to 8; 8 is the default
  finetune=long             train longer first, as conf/finetune/long.yaml says; epochs=40 alone
                            keeps the sweep's own settings
  seeds=3                   retrain with 3 other seeds and report the spread
  register=my-model         into MLflow's model registry, with the alias `champion`
  licence=MIT               for the model card
  trust=[my_package]        packages of yours that the sweep's model or data come from
  measure=latency           what running it costs here, beside the dense model; with device=cpu,
                            batch=8, threads=1, engine=onnxruntime ... as `paretoprune latency`
"""
_OPTIONS = (
    *("rule", "n", "trial", "format", "bits", "finetune", "epochs", "seeds", "register", "licence"),
    *("trust", "measure", "sweeps_dir", *WAYS),
)


def main() -> None:
    """Entry point of the command."""
    run_command(_USAGE, _run)


def _run(arguments: Sequence[str]) -> None:
    name, options = first_name(arguments), options_of(arguments[1:])
    folder = find_sweep(Path(options.pop("sweeps_dir", "sweeps")), name)
    trust = given_trust([options.pop("trust", "")]) or remembered_trust(folder / "config.yaml")
    find_own_code(trust)
    add_own(listed(options.get("format", "")), trust)
    export = replace(_export_options(options), trust=trust)
    rules = tuple(listed(options.pop("rule", "knee")))
    trials = tuple(_trial(text) for text in listed(options.pop("trial", "")))
    count = _count(options, "n")
    limits = {key: _limit(key, value) for key, value in options.items()}
    # The large libraries are imported once the command is known to be right.
    from paretoprune.pick.rules import PickRequest

    request = PickRequest(rules=rules, trials=trials, count=count, limits=limits)
    _pick(folder, request, export)


def _pick(folder: Path, request: PickRequest, options: ExportOptions) -> None:
    """Print the front, and each model as soon as it is exported."""
    from paretoprune.cli.display.front import print_front
    from paretoprune.cli.display.picked import print_picked
    from paretoprune.cli.display.running import print_running
    from paretoprune.cli.display.terminal import make_console
    from paretoprune.pick.choice import choose_models
    from paretoprune.pick.deliver import deliver
    from paretoprune.pick.running import measure_running

    console = make_console()
    choice = choose_models(folder, request, options)
    print_front(console, choice.results, choice.objectives, folder)
    delivered = deliver(choice, on_delivered=partial(print_picked, console))
    for model in delivered if options.latency else ():
        assert options.latency is not None
        measured_how = replace(options.latency, trust=choice.settings.trust)
        print_running(console, measure_running(model.folder, measured_how))


def _export_options(options: dict[str, str]) -> ExportOptions:
    """The options about what to do with the models, taken out of `options`."""
    formats = listed(options.pop("format", "safetensors"))
    known = ("safetensors", *GRAPHS, "compact")
    formats = [one_of("format", name, known) for name in formats]
    bits = _count(options, "bits")
    _check_bits(bits, formats)
    register = options.pop("register", None)
    longer = options.pop("finetune", None)
    return ExportOptions(
        formats=tuple(dict.fromkeys(["safetensors", *formats, *(["onnx"] if register else [])])),
        bits=bits or BITS_RANGE[1],
        finetune=finetune_option(longer) if longer else None,
        epochs=_count(options, "epochs"),
        seeds=_count(options, "seeds") or 0,
        register=register,
        licence=options.pop("licence", None),
        latency=_latency(options),
    )


def _check_bits(bits: int | None, formats: Sequence[str]) -> None:
    if bits is None:
        return
    fewest, most = BITS_RANGE
    if not fewest <= bits <= most:
        raise PickError(
            f"`bits={bits}`: weights are rounded to {fewest} (-1, 0, 1) up to {most} bits"
        )
    if "compact" not in formats:
        raise PickError(f"`bits={bits}` is about the compact file; add `format=compact`")


def _latency(options: dict[str, str]) -> Request | None:
    """Return the settings of `measure=latency`, taken out of the options; None if not given."""
    what = options.pop("measure", None)
    ways = {key: options.pop(key) for key in WAYS if key in options}
    if what not in (None, "latency"):
        raise PickError(f"`measure={what}` must be `measure=latency`")
    if what is None and ways:
        raise PickError(f"`{next(iter(ways))}` says how to measure; add `measure=latency`")
    return read_request([f"{key}={value}" for key, value in ways.items()]) if what else None


def _limit(key: str, text: str) -> float:
    """Return the value of a limit: a number, in the unit of what is limited."""
    way, _, quantity = key.partition("_")
    if way not in ("min", "max"):
        close = closest(key, _OPTIONS)
        hint = f"did you mean `{close}`? " if close else ""
        raise PickError(
            f"`{key}` is not an option; {hint}limits are `max_QUANTITY` and `min_QUANTITY`, "
            "see --help"
        )
    with suppress(ValueError):
        return float(text)
    try:
        return float(str(_parser_of(quantity)(text)))
    except ValueError as error:
        raise PickError(f"`{key}` {error}") from None


def _parser_of(quantity: str) -> Callable[[object], object]:
    if quantity == "drop":
        return parse_share
    if quantity == "accuracy_drop" or (quantity in QUANTITIES and is_rate(quantity)):
        return parse_percent
    return parse_milliseconds if quantity.endswith("_ms") else parse_count


def _trial(text: str) -> ModelKey:
    number, separator, quantization = text.partition("-")
    if number.isascii() and number.isdigit() and bool(separator) == bool(quantization):
        return f"{int(number)}-{quantization}" if quantization else int(number)
    raise PickError(
        f"`trial={text}` must be the number of a trial, or several: `trial=3,17`; or a quantized "
        "model of it: `trial=17-int8`"
    )


def _count(options: dict[str, str], key: str) -> int | None:
    """A whole number from 1, taken out of the options; None where it is not given."""
    text = options.pop(key, None)
    return None if text is None else whole_number(key, text)
