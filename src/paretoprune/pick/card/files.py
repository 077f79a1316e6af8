"""Files of a model card: the verification of each, and how to load it."""

from __future__ import annotations

from collections.abc import Sequence

from paretoprune.export.folder import files_of
from paretoprune.formats.format import Loading
from paretoprune.formats.registry import GRAPHS
from paretoprune.number_format import written
from paretoprune.pick.card.markdown import as_text
from paretoprune.pick.card.named_snippets import NAMED_GRAPHS, named_snippet
from paretoprune.pick.card.snippets import snippet
from paretoprune.results import DataInfo, Preprocessing
from paretoprune.results.exported import FileFacts

_MEANING = {
    "safetensors": "weights; with `plan.json` and `config.yaml` the model for `paretoprune`",
    "compact": "weights on a grid of few bits, entropy-coded, for transfer; loads like the weights",
}


def files_section(
    files: Sequence[FileFacts], *, is_given: bool, quality: str, is_plain: bool = True
) -> str:
    """The model files with the results of their verification.

    `is_given`: the dense network was an object, which only the exporting process has. `quality` is
    the name of the quality that was measured of rounded weights.
    """
    checked = "Each was loaded by a fresh process"
    if is_given:
        checked = (
            "Weights were loaded into a copy of the dense network, every graph by a fresh process"
        )
    lines = [
        "## Files\n",
        f"{checked}, and the outputs for real inputs were compared with "
        "those of the measured model, for one sample and for many at once.\n",
    ]
    lines += [f"- {_line(facts, quality)}" for facts in files]
    if is_plain:
        lines.append(
            "- `preprocessing.json`: what turns the data into the input, and what the outputs mean"
        )
    lines.append(
        "- `inputs.json`: name, shape, dtype and meaning of each input and output\n"
        "- `plan.json`: the channels that were removed; `metrics.json`: all figures; "
        "`config.yaml`: every setting"
    )
    return "\n".join(lines) + "\n"


def loading_section(
    files: Sequence[FileFacts],
    data: DataInfo,
    preprocessing: Preprocessing | None,
    *,
    own: Loading,
    is_plain: bool = True,
) -> str:
    """A piece of code for each format, to be run in the model's folder; `own` for the weights."""
    written = {facts.format for facts in files if facts.reason is None}
    parts = ["## Loading\n", "Nothing here is pickled. In this folder:\n"]
    plain = {name: known.loading for name, known in GRAPHS.items()}
    ways = [way for name, way in (plain if is_plain else NAMED_GRAPHS).items() if name in written]
    for loading in [*filter(None, ways), own]:
        code = snippet(loading, data, preprocessing) if is_plain else named_snippet(loading, data)
        parts.append(f"With {as_text(loading.needs)}:\n\n```python\n{code}\n```\n")
    return "\n".join(parts)


def _line(facts: FileFacts, quality: str) -> str:
    if facts.reason:
        return f"no {facts.format}: {as_text(facts.reason)}"
    files = ", ".join(f"`{name}`" for name in files_of(facts.format))
    graph = GRAPHS.get(facts.format)
    meaning = graph.description if graph else _MEANING[facts.format]
    sentence = f"{files}: {meaning}"
    if facts.bits is not None and facts.quality is not None and facts.size_bytes is not None:
        sentence += (
            f"; weights in {facts.bits:.3g} bits, {facts.size_bytes:,} bytes, "
            f"{quality} {written(quality, facts.quality)} on validation data"
        )
    if facts.agreement is not None and facts.kl is not None:
        sentence += (
            f"; its kernels name the class of the integer module for {facts.agreement:.1f} % of "
            f"the samples, divergence {facts.kl:.1e} nats"
        )
    elif facts.kl is not None:
        sentence += (
            f"; its kernels differ from the integer module by {facts.kl:.1e} of the variance of "
            "the outputs"
        )
    if facts.gain_in_words:
        sentence += f"; {facts.latency_ms:.4g} ms, {facts.gain_in_words}"
    if facts.difference is not None:
        sentence += f"; largest difference of an output {facts.difference:.1e}"
    if facts.lengths:
        sentence += f"; {_lengths(facts)}"
    if facts.numerics:
        sentence += f"; {facts.numerics}"
    sentence += "".join(f"; WARNING: {warning}" for warning in facts.warnings)
    times = file_times(facts)
    return f"{sentence}; {times}" if times else sentence


def _lengths(facts: FileFacts) -> str:
    if facts.is_any_length:
        return "takes sequences of any length that the network takes, checked at " + " and ".join(
            map(str, facts.lengths)
        )
    return f"takes sequences of {facts.lengths[0]} positions alone"


def file_times(facts: FileFacts) -> str:
    """Return the latencies of the files beside the dense model's; empty if not measured."""
    if facts.latency_ms is None or facts.dense_latency_ms is None:
        return ""
    spread, engine = facts.time_spread, GRAPHS[facts.format].engine
    own, dense = (
        written("latency_ms", ms, spread=spread)
        for ms in (facts.latency_ms, facts.dense_latency_ms)
    )
    times = f"{own} in {engine} (dense {dense}, in turn with it)"
    if facts.speedup is None or spread is None:
        return times
    faster = written("measured_speedup", facts.speedup, spread=spread)
    return f"{times}, {faster} times as fast (spread {written('time_spread', spread)})"
