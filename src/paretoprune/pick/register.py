"""A delivered model in MLflow's model registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paretoprune.errors import PickError
from paretoprune.formats.format import OUTPUT, Runner
from paretoprune.formats.names import named_inputs, named_outputs
from paretoprune.formats.registry import FORMATS
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.session import PickSession, is_plain
from paretoprune.storage.atomic import read_json
from paretoprune.tracking.record import fit_name
from paretoprune.tracking.registry import Registration, register_model
from paretoprune.tracking.uri import resolve_uri

_NUM_EXAMPLES = 2  # real inputs that are kept with the model


@dataclass(frozen=True)
class Registered:
    """A version of a model in the registry."""

    name: str
    version: int
    uri: str  # of the tracking server, perhaps with a password


def register(session: PickSession, facts: CardFacts, *, name: str) -> Registered:
    """Register the exported model.

    Raises PickError if it has no ONNX file, ParetopruneError if MLflow refuses.
    """
    folder = session.target(facts.trial)
    for file in facts.files:
        if file.format == "onnx" and file.reason:
            raise PickError(
                f"the model cannot be registered, as it has no ONNX file: {file.reason}"
            )
    onnx = FORMATS["onnx"]
    run = onnx.open({file: (folder / file).read_bytes() for file in onnx.files}, None)
    inputs, outputs = _example(session, run)
    registration = Registration(
        name=name,
        onnx_file=folder / onnx.files[0],
        inputs=inputs,
        outputs=outputs,
        about=read_json(folder / ("preprocessing.json" if facts.is_plain else "inputs.json")),
        metrics=_metrics(facts),
        description=(folder / "README.md").read_text(encoding="utf-8"),
        sweep_name=session.folder.name,
        sweep_id=session.folder.identity(),
        trial=facts.trial.number,
    )
    uri = resolve_uri(session.settings.tracking.uri, root=Path.cwd())
    return Registered(name, register_model(uri, registration, root=Path.cwd()), uri)


def _example(session: PickSession, run: Runner) -> tuple[Any, dict[str, Any]]:
    """Return real inputs and the outputs of the ONNX file, as arrays."""
    samples = session.inputs[:_NUM_EXAMPLES]
    if is_plain(session.problem):
        return samples.only.numpy(), {OUTPUT: run(samples.only).numpy()}
    named = named_inputs(session.dense, samples)
    found = named_outputs(run(**named))
    return (
        {name: one.numpy() for name, one in named.items()},
        {name: one.numpy() for name, one in found.items()},
    )


def _metrics(facts: CardFacts) -> dict[str, float]:
    """Return the fields that the registry's pages show of the model."""
    found = {
        name: value
        for name, value in facts.trial.metrics.measured().items()
        if name in ("macs", "params", "latency_ms")
    }
    measured = {"validation": facts.trial.metrics}
    if facts.tested:
        measured["test"] = facts.tested.pruned
    for part, metrics in measured.items():
        if facts.quality in metrics.quality:
            found[fit_name(f"{part}_{facts.quality}")] = metrics.quality[facts.quality]
    return found
