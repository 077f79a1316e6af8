"""Settings that are right by themselves and wrong together: each rule is reported, all at once."""

from __future__ import annotations

import pytest

from paretoprune.config.checks.cross_checks import RULES
from paretoprune.config.groups.search import without_nulls
from paretoprune.config.load import load_settings
from paretoprune.config.settings import Settings
from tests.config.test_load import composed, mistakes_of

SWEEP = ("search=tpe", "name=x")
SHARED = ("search=shared", "name=x")
NOT_TIMED = "measure.latency=false"
WRONG = [
    (("schedule=regrow",), "exchanges single weights; set `granularity=weights`"),
    (("schedule=regrow", "granularity=nm"), "`schedule=regrow` needs `granularity=weights`"),
    (("schedule=one_by_one", "granularity=nm"), "needs `granularity=channels`"),
    (("compensation=obs",), "`compensation=obs` is for single weights"),
    (("granularity=weights", "sparsity.latency=0.5"), "zeros do not change the latency"),
    (("granularity=block", "sparse_training=bn_scale"), "`sparse_training=bn_scale` needs"),
    ((*SHARED, "granularity=weights"), "trains networks with fewer channels"),
    ((*SHARED, "schedule=iterative"), "many networks at once; set `schedule=one_shot`"),
    ((*SHARED, "sparse_training=growing"), "prepares one pruning, but `search=shared` has many"),
    (("schedule=lottery", "model.weights=a.pt"), "set `schedule.rewind=learning_rate`"),
    (("schedule=lottery", "schedule.rewind_epoch=99"), "must be below `model.train.epochs`"),
    (
        (*SWEEP, NOT_TIMED, "+search.objectives.latency_ms=minimize"),
        "latency_ms, which is not measured with `measure.latency=false`",
    ),
    (("sparsity.max_latency_ms=1", NOT_TIMED), "needs `measure.latency=true`"),
    (("sparsity.latency=0.5", NOT_TIMED), "needs `measure.latency=true`"),
    (("name=a/b",), "`name=a/b` must be made of letters"),
    ((*SWEEP, "allocation=erk"), "`allocation=erk` divides the target of a single run"),
    (
        ("allocation=erk", "sparsity.ratios={a: 0.5}"),
        "the ratio of each group; set `sparsity.macs`",
    ),
    ((f"name={'x' * 300}",), "has 300 letters; it names a folder, so at most 200 fit"),
    (("search=tpe",), "a sweep needs a `name`"),
]


@pytest.mark.parametrize(("overrides", "sentence"), WRONG)
def test_conflicting_settings_are_rejected(overrides: tuple[str, ...], sentence: str) -> None:
    [found] = mistakes_of(*overrides)
    assert sentence in found


def test_the_defaults_break_no_rule() -> None:
    settings = load_settings(composed())
    assert [rule(settings) for rule in RULES] == [None] * len(RULES)


def test_rules_that_are_broken_together_are_reported_together() -> None:
    found = mistakes_of("schedule=regrow", "compensation=obs", "name=a/b")
    assert [sentence.split("`")[1] for sentence in found] == [
        "schedule=regrow",
        "compensation=obs",
        "name=a/b",
    ]


def test_an_objective_that_is_null_is_left_out() -> None:
    given = {"accuracy": "maximize", "params": "minimize", "macs": None}
    assert list(without_nulls(given)) == ["accuracy", "params"]  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("sparsity.macs=0.5", "sparsity.ratio=0.5"), "give one target, not"),
        (
            ("schedule=iterative", "schedule.steps=1"),
            "`schedule.steps` must be greater than",
        ),
        ((*SWEEP, "+search.objectives.speed=minimize"), "speed, which is not"),
        ((*SWEEP, "search.max_ratio=0.5"), "must not exceed `search.max_ratio=0.5`"),
        (("~search.objectives.macs", *SWEEP), "two or three quantities, got 1"),
        (("executor.workers=2",), "needs other processes"),
        (("+executor.gpus_per_worker=1",), "needs `executor=ray` or `executor=slurm`"),
        (("+executor.address=auto",), "`executor.address` needs `executor=ray`"),
        ((*SWEEP, "search.strategy.sampler=null"), "must name a class by `_target_`, got None"),
    ],
)
def test_one_group_may_contradict_itself(overrides: tuple[str, ...], sentence: str) -> None:
    [found] = mistakes_of(*overrides)
    assert sentence in found


@pytest.mark.parametrize(
    "overrides", [("schedule=one_by_one",), ("granularity=depth", "sparsity.latency=0.5")]
)
def test_compatible_settings_are_accepted(overrides: tuple[str, ...]) -> None:
    assert isinstance(load_settings(composed(*overrides)), Settings)


IGNORED = [
    (("schedule=one_shot", "+schedule.rewind=learning_rate"), "`schedule=lottery`", "no options"),
    (("schedule=one_shot", "+schedule.steps=7"), "`schedule=lottery`", "no options"),
    (("schedule=gradual", "+schedule.every=3"), "`schedule=regrow`", "ramp"),
    (("scorer=snip", "+scorer.p=2"), "`scorer=magnitude`", "batches"),
    (("granularity=channels", "+granularity.m=8"), "`granularity=nm`", "no options"),
    (("granularity=nm", "+granularity.rows=8"), "`granularity=block`", "m"),
    (
        ("executor=processes", "+executor.partition=gpu"),
        "`executor=slurm`",
        "workers, time_limit, retries",
    ),
    (("executor=processes", "+executor.cluster=local"), "`executor=slurm`", "workers, "),
    (("low_rank=none", "+low_rank.divisor=8"), "`low_rank=spatial`", "no options"),
    (
        ("sparse_training=dropout", "+sparse_training.strength=1"),
        "`sparse_training=l1`",
        "epochs, ",
    ),
    (("compensation=auto", "+compensation.ridge=1"), "`compensation=least_squares`", "no options"),
]


@pytest.mark.parametrize(("overrides", "of", "takes"), IGNORED)
def test_an_option_of_another_variant_is_refused(
    overrides: tuple[str, str], of: str, takes: str
) -> None:
    [found] = mistakes_of(*overrides)
    option = overrides[1].removeprefix("+").partition("=")[0]
    assert found.startswith(f"`{option}` needs ")
    assert of in found
    assert f"; `{overrides[0]}` takes: {takes}" in found


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ("search=auto", "+search.strategy.log_sizes=true"),
            "`search.strategy.log_sizes` is not an argument of "
            "`paretoprune.search.strategies.auto.auto`; it takes: num_sizes, min_gain",
        ),
        (("search=auto", "+search.log_sizes=true"), "strategy.num_sizes, strategy.min_gain"),
        (("search=auto", "+search.min_gain=.5"), "did you mean `search.strategy.min_gain`?"),
        (("search=tpe", "+search.sampler.seed=1"), "did you mean `search.strategy.sampler`?"),
        (("search=uniform", "+search.strategy.min_gain=.5"), "it takes: num_sizes"),
        (("search=auto", "+search.strategy.min_gain=5"), "must be less than 1, got 5"),
        (("search=auto", "+search.strategy.context=1"), "is not an argument of"),
        (("+search.n_trials=5",), "`search.strategy` is missing; `search=auto`, for example"),
        (("search=auto", "search.strategy=coin"), "a strategy is chosen by `search=coin`"),
        (("search=tpe", "+search.strategy.sampler.x=1"), "`search.strategy.sampler.x` is not"),
        (
            ("search=auto", "search.strategy._target_=paretoprune.search.strategies.auto.coin"),
            "cannot be imported",
        ),
        (("search=auto", "search.strategy._target_=paretoprune.models.resnet20"), "no strategy"),
    ],
)
def test_a_strategy_has_options_of_its_own(overrides: tuple[str, ...], sentence: str) -> None:
    [found] = mistakes_of(*overrides, "name=x")
    assert sentence in found


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (("quantization=weights", "quantization.bits=1"), "`quantization.bits` must be 2, 3, 4, 5"),
        (
            ("quantization=int8", "+quantization.bits=4"),
            "`quantization.bits` needs `quantization=mixed` or `quantization=weights`",
        ),
        (
            ("quantization=int8", "quantization._target_=paretoprune.models.resnet20"),
            "is no quantizer, which has the method models",
        ),
        (
            (*SWEEP, "quantization=int8", "+search.objectives.latency_ms=minimize"),
            "does not time quantized models",
        ),
        (("quantization=int8", "+sparsity.max_latency_ms=1"), "does not time quantized models"),
        (
            (*SWEEP, "quantization=mixed", "quantization.bits=auto"),
            "`quantization=mixed` searches bits by the bytes of the file, which are no objective; "
            "set `+search.objectives.size_bytes=minimize`",
        ),
        (("quantization=mixed", "quantization.bits=few"), "`quantization.bits`"),
    ],
)
def test_a_wrong_quantization_is_reported(overrides: tuple[str, ...], sentence: str) -> None:
    [found] = mistakes_of(*overrides)
    assert sentence in found


@pytest.mark.parametrize("name", ["none", "int8", "weights", "mixed"])
def test_every_quantization_is_taken(name: str) -> None:
    settings = load_settings(composed(f"quantization={name}"))
    assert (settings.quantization is None) == (name == "none")


@pytest.mark.parametrize(
    ("overrides", "found"),
    [
        (("quantization=mixed", "quantization.bits=auto", "size_bytes"), "size_bytes"),
        (("quantization=mixed", "quantization.bits=auto", "stored_bytes"), "stored_bytes"),
        (("quantization=mixed", "quantization.bits=[4,3]", "size_bytes"), None),
        (("quantization=int8", "size_bytes"), None),
        (("size_bytes",), None),
    ],
)
def test_bits_are_searched_where_they_are_automatic(
    overrides: tuple[str, ...], found: str | None
) -> None:
    *quantization, size = overrides
    settings = load_settings(composed(*SWEEP, *quantization, f"+search.objectives.{size}=minimize"))
    assert settings.bytes_of_bits == found
