"""A delivered model in MLflow's model registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from paretoprune.errors import PickError
from paretoprune.formats.registry import FORMATS
from paretoprune.pick.card.model_card import CardFacts
from paretoprune.pick.session import PickSession
from paretoprune.storage.atomic import read_json
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
    onnx, inputs = FORMATS["onnx"], session.inputs[:_NUM_EXAMPLES]
    run = onnx.open({file: (folder / file).read_bytes() for file in onnx.files}, None)
    registration = Registration(
        name=name,
        onnx_file=folder / onnx.files[0],
        inputs=inputs.numpy(),
        logits=run(inputs).numpy(),
        about=read_json(folder / "preprocessing.json"),
        metrics=_metrics(facts),
        description=(folder / "README.md").read_text(encoding="utf-8"),
        sweep_name=session.folder.path.name,
        sweep_id=session.folder.identity(),
        trial=facts.trial.number,
    )
    uri = resolve_uri(session.problem.settings.tracking.uri, root=Path.cwd())
    return Registered(name, register_model(uri, registration, root=Path.cwd()), uri)


def _metrics(facts: CardFacts) -> dict[str, float]:
    """What the registry's pages show of the model."""
    found = {
        f"validation_{name}" if name == "accuracy" else name: value
        for name, value in facts.trial.metrics.measured().items()
        if name in ("accuracy", "macs", "params", "latency_ms")
    }
    if facts.tested and "accuracy" in facts.tested.pruned.quality:
        found["test_accuracy"] = facts.tested.pruned.quality["accuracy"]
    return found
