"""`inspect`: what can be pruned, reasons for the rest, mistakes; no files are written."""

from __future__ import annotations

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from paretoprune.cli.display.prunable_table import print_groups, shortened
from paretoprune.measure.macs import macs_per_layer
from paretoprune.problem.savings import savings_of
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.plan import Plan
from paretoprune.pruning.structured.size import SizeModel
from tests.kits import networks
from tests.kits.cases import make_case
from tests.kits.commands import TINY, run_inspect

ROOT = Path(__file__).resolve().parents[2]


def size_of(model, groups, example) -> SizeModel:
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return SizeModel(groups, shapes, macs_per_layer(model, example))


@pytest.mark.parametrize("name", sorted(networks.PRUNABLE))
def test_savings_are_those_of_models_that_were_really_cut(name: str) -> None:
    case = make_case(name)
    size = size_of(case.model, case.groups, case.example)
    dense = sum(p.numel() for p in case.model.parameters())
    for saving in savings_of(case.groups, size, {group.name: 1 for group in case.groups}):
        gone = tuple(range(1, saving.group.width))
        prune = apply_plan(case.model, case.groups, Plan({saving.group.name: gone}))
        left = sum(p.numel() for p in prune.parameters())
        assert saving.params == pytest.approx(1 - left / dense, abs=1e-12)
        assert 0 < saving.macs < 1


def test_what_is_kept_is_reported_with_the_reason() -> None:
    model, example = networks.build("resnet_option_a"), networks.example()
    groups = find_groups(model, example)
    assert groups.kept
    out = StringIO()
    size = size_of(model, groups.prunable, example)
    least = {group.name: 1 for group in groups.prunable}
    print_groups(Console(file=out, width=200), groups, size, least, rounding="nothing")
    for kept in groups.kept:
        assert re.search(
            rf"{re.escape(kept.name)}\s.*{kept.width}\s.*"
            "it is combined with channels that cannot be removed",
            out.getvalue(),
        )
    assert f"{len(groups.kept)} are kept whole" in out.getvalue()


def test_a_long_list_of_layers_is_cut() -> None:
    assert shortened(["a", "b", "c"]) == "a, b, c"
    assert shortened(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_the_command_shows_groups_and_totals_and_writes_nothing(tmp_path: Path) -> None:
    done = run_inspect(tmp_path, *TINY, "sparsity.min_channels=2")
    assert done.code == 0, done.err
    assert re.search(r"features\.0 .* 8 .* 2 ", done.out)
    assert "2 groups can be pruned, 0 are kept whole" in done.out
    # 8 -> 2 and 16 -> 2 channels: 9*2 + 4 + 9*2*2 + 4 + 2*10 + 10 parameters of 1,442.
    assert "92 of 1.44k parameters (6.4%)" in done.out
    assert {path.name for path in tmp_path.iterdir()} == {".cache"}


def test_scores_and_sensitivity_are_reported_on_request(tmp_path: Path) -> None:
    done = run_inspect(tmp_path, *TINY, "+scores=true", "+sensitivity=true")
    assert done.code == 0, done.err
    assert "Scores of the channels" in done.out
    assert re.search(r"50% removed", done.out)
    assert (tmp_path / "inspect.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("+scores=maybe",), "`scores` must be true or false, got 'maybe'"),
        (("model=resnet21",), "there is no model `resnet21`; did you mean"),
        (("sparsty.divisor=2",), "`sparsty` is not a setting; did you mean `sparsity`?"),
        ((*TINY, "data=npz", "data.path=none.npz"), "none.npz"),
    ],
)
def test_mistakes_are_reported_as_by_the_other_commands(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run_inspect(tmp_path, *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_the_folder_of_the_command_does_not_hide_the_standard_library() -> None:
    code = "import inspect; print(inspect.__file__, hasattr(inspect, 'signature'))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    )
    file, complete = run.stdout.split()
    assert complete == "True"
    assert not Path(file).is_relative_to(ROOT)


def test_it_runs_as_a_module_of_the_checkout() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "src.inspect", "serch=x"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert run.returncode == 2
    assert "`serch` is not a setting" in run.stderr
