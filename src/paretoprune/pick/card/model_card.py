"""The README of an exported model: architecture, metrics, origin, and code that loads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paretoprune.metrics import Direction
from paretoprune.number_format import busy_sentence, short_count
from paretoprune.objectives import first_quality
from paretoprune.pick.card.comparison import comparison_table
from paretoprune.pick.card.files import files_section, loading_section
from paretoprune.pick.card.markdown import as_code, as_text
from paretoprune.pick.card.named_snippets import called_by_name, taken_in_words
from paretoprune.pick.card.snippets import own_loading
from paretoprune.pick.card.tested import FinalFigures, repeats_section, tested_section
from paretoprune.results import DataInfo, GroupInfo, Metrics, Preprocessing, TrialResult
from paretoprune.results.exported import FileFacts, Repeat
from paretoprune.results.measurements import ZEROS
from paretoprune.retained import scale_of


@dataclass(frozen=True)
class LayerRow:
    """A layer with weights, dense and pruned."""

    name: str
    dense_shape: tuple[int, ...]  # of the weight
    shape: tuple[int, ...]
    dense_macs: int
    macs: int


@dataclass(frozen=True)
class CardFacts:
    """Content of a model card."""

    sweep_name: str
    model_name: str  # the dense model's `_target_`
    data_name: str  # the data set's `_target_`
    data: DataInfo
    preprocessing: Preprocessing | None
    groups: Sequence[GroupInfo]
    layers: Sequence[LayerRow]
    trial: TrialResult  # with the metrics of the model as it is exported
    dense: Metrics  # measured on the validation part
    objectives: Mapping[str, Direction]
    num_trials: int
    device: str  # where latency was measured, in words
    tested: FinalFigures | None  # once, on the test part, after picking; None: there is none
    extra_epochs: int = 0  # of fine-tuning after it was picked
    repeats: Sequence[Repeat] = ()
    files: Sequence[FileFacts] = ()
    trust: Sequence[str] = ()
    is_plain: bool = True  # a classifier of one float tensor: its files have `input` and `logits`
    is_given: bool = False  # the dense network was an object: who loads the weights needs it, too
    licence: str | None = None
    training: str = ""  # how much it was trained in total, and its gain over uniform pruning
    trivial: Mapping[str, float] = field(default_factory=dict)  # qualities of ignoring the input

    @property
    def quality(self) -> str:
        """Name of the quality that the card is about: the front's, else the task's first."""
        return first_quality(self.objectives) or next(iter(self.dense.quality))

    @property
    def retained_in_words(self) -> str | None:
        """A sentence with the retained quality; None if it has no meaning."""
        scale = scale_of(self.objectives, self.dense, self.trivial)
        value = self.trial.metrics.get(scale.name) if scale else None
        kept = scale.retained(value) if scale and value is not None else None
        if scale is None or scale.trivial is None or kept is None:
            return None
        return (
            f"It retains {100 * kept:.1f} % of the {scale.name} that the dense model gains over "
            f"the trivial predictor, which ignores the input ({scale.written(scale.trivial)})"
        )


def model_card(facts: CardFacts) -> str:
    """The card as Markdown."""
    sections = [
        _problem(facts),
        comparison_table("Measured on the validation part", facts.dense, facts.trial.metrics),
        f"{facts.retained_in_words}.\n" if facts.retained_in_words else "",
        _test(facts),
        repeats_section(facts.repeats, facts.trial.metrics, facts.quality),
        files_section(
            facts.files,
            is_given=facts.is_given,
            is_plain=facts.is_plain,
            quality=facts.quality,
        ),
        loading_section(
            facts.files,
            facts.data,
            facts.preprocessing,
            is_plain=facts.is_plain,
            own=own_loading(
                facts.trust,
                given=facts.model_name if facts.is_given else None,
                lines=None if facts.is_plain else called_by_name(facts.data),
            ),
        ),
        _widths(facts),
        _layers(facts.layers),
        _search(facts),
        _limits(facts),
    ]
    return "\n".join(section for section in sections if section)


def _problem(facts: CardFacts) -> str:
    data = facts.data
    shape = " x ".join(str(size) for size in data.input_shape)
    does = f"for inputs of {shape}" if shape else ""
    if not facts.is_plain:
        does = f"that takes {taken_in_words(data)}"
    if data.num_classes:
        what = f"inputs of {shape}" if facts.is_plain else taken_in_words(data)
        does = f"that classifies {what} into {data.num_classes} classes"
        if 0 < len(data.class_names) <= 20:
            does += f" ({', '.join(map(as_text, data.class_names))})"
    licence = facts.licence or "not stated; whoever hands this model on must fill it in"
    return (
        f"# {as_text(facts.sweep_name)}, trial {facts.trial.key}\n\n"
        f"A pruned{_quantized(facts.trial)} {as_code(facts.model_name)} {does}.\n\n"
        f"Data: {as_code(facts.data_name)}, {data.num_train} samples for training, "
        f"{data.num_validation} for validation, {data.num_test} for the test. "
        f"{as_text(data.split)}\n\n"
        f"Licence: {as_text(licence)}.\n"
    )


def _quantized(trial: TrialResult) -> str:
    return f" and quantized ({trial.bits:.3g} bits per weight)" if trial.bits else ""


def _test(facts: CardFacts) -> str:
    if facts.tested is None:
        return "There is no test part: nothing but the validation part was measured.\n"
    return tested_section(
        facts.tested, facts.data, validation=facts.trial.metrics, dense_validation=facts.dense
    )


def _widths(facts: CardFacts) -> str:
    lines = ["## Channels kept\n", "| group | dense | kept |", "|---|---:|---:|"]
    widths = facts.trial.widths
    for group in facts.groups:
        kept = widths.get(group.name, group.width)
        lines.append(f"| {as_text(group.name)} | {group.width} | {kept} |")
    return "\n".join(lines) + "\n"


def _layers(layers: Sequence[LayerRow]) -> str:
    lines = [
        "## Layers\n",
        "Weights with two dimensions or more: outputs first, then inputs, then the kernel.\n",
        "| layer | dense | pruned | MACs kept |",
        "|---|---|---|---:|",
    ]
    for layer in layers:
        dense, pruned = (" x ".join(map(str, s)) for s in (layer.dense_shape, layer.shape))
        share = f"{100 * layer.macs / layer.dense_macs:.1f} %" if layer.dense_macs else ""
        count = f" ({short_count(layer.macs)})" if layer.dense_macs else ""
        lines.append(f"| {as_text(layer.name)} | {dense} | {pruned} | {share}{count} |")
    return "\n".join(lines) + "\n"


def _search(facts: CardFacts) -> str:
    aims = " and ".join(f"{way} {name}" for name, way in facts.objectives.items())
    origin = f"The proposal came from: {as_text(facts.trial.origin)}. "
    if facts.trial.quantization:
        origin = f"It was quantized ({facts.trial.quantization}) after training. "
    return (
        "## Search\n\n"
        f"Trial {facts.trial.number} of {facts.num_trials} in the sweep "
        f"{as_code(facts.sweep_name)}, which searched how much to remove from each group of layers "
        f"to {aims}. {origin}Seed {facts.trial.seed}. "
        f"{_training(facts)}It was chosen "
        "by its results on the validation part; `plan.json` says which channels were removed and "
        "`config.yaml` holds every setting.\n"
    )


def _training(facts: CardFacts) -> str:
    training = f"{facts.training} " if facts.training else ""
    if not facts.extra_epochs:
        return training
    return f"After it was picked it was fine-tuned for {facts.extra_epochs} epochs more. {training}"


def _limits(facts: CardFacts) -> str:
    metrics = facts.trial.metrics
    measured = (
        f"Latency was measured on: {as_text(facts.device)}. Other devices differ. "
        if metrics.latency_ms
        else ""
    )
    busy = busy_sentence([metrics.contention, *(file.contention for file in facts.files)])
    measured += f"{busy} " if busy else ""
    zeros = f"{ZEROS[0].upper()}{ZEROS[1:]}. " if metrics.compressed_bytes else ""
    return (
        f"## Limits\n\n{zeros}{measured}The figures are of one training with one seed; another "
        "seed gives somewhat different ones. The model knows nothing beyond data like its training "
        "data.\n"
    )
