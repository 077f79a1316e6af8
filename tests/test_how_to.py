"""The examples of the pages "add a ..." work as they stand there."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)  # commands in fresh processes
ROOT = Path(__file__).resolve().parents[1]
HOW_TO = ROOT / "docs" / "how-to"
QUICK = ("model.train.epochs=1", "finetune.epochs=0", "tracking=none")


def blocks_of(page: str) -> list[str]:
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return re.findall(r'```python title="[^"]*"\n(.*?)```', text, flags=re.DOTALL)


def command_of(page: str, command: str = "train") -> list[str]:
    """The arguments of the only command of a page."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    [found] = re.findall(rf"^    python -m src\.{command} (.*)$", text, flags=re.MULTILINE)
    return shlex.split(found)


def run(arguments: list[str], folder: Path) -> None:
    path = os.pathsep.join([str(folder), str(ROOT), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_strategy_of_the_page_keeps_the_contract_and_makes_a_sweep(tmp_path: Path) -> None:
    strategy, check = blocks_of("add-a-strategy.md")
    (tmp_path / "my_strategies.py").write_text(strategy)
    run(["-c", check], tmp_path)
    command = ["-m", "src.train", *command_of("add-a-strategy.md"), *QUICK]
    run([*command, "search.baseline_ratios=[]"], tmp_path)
    files = (tmp_path / "sweeps/halves/trials").glob("*/result.json")
    assert sum('"halves"' in json.dumps(json.loads(file.read_text())) for file in files) == 3


def test_the_data_set_of_the_page_is_trained_on(tmp_path: Path) -> None:
    [data] = blocks_of("add-a-data-set.md")
    (tmp_path / "my_data.py").write_text(data)
    command = ["-m", "src.train", *command_of("add-a-data-set.md")]
    run([*command, "tracking=none", "name=stripes"], tmp_path)
    assert (tmp_path / "sweeps/stripes/front.csv").is_file()


def test_the_metric_of_the_page_is_the_front_of_a_sweep(tmp_path: Path) -> None:
    [metric] = blocks_of("add-a-metric.md")
    (tmp_path / "my_metrics.py").write_text(metric)
    command = ["-m", "src.train", *command_of("add-a-metric.md"), *QUICK, "search.n_trials=3"]
    run([*command, "search.baseline_ratios=[0.5]"], tmp_path)
    sweep = tmp_path / "sweeps/kappa"
    front = (sweep / "front.csv").read_text().splitlines()
    assert "kappa" in front[0].split(",") and len(front) > 1
    # Other processes know the metric without the code that made it.
    (tmp_path / "my_metrics.py").unlink()
    (sweep / "report.html").unlink()
    run(["-m", "src.report", "kappa"], tmp_path)
    page = (sweep / "report.html").read_text()
    assert '"quality":"kappa"' in page and "Cohen" in page


def test_the_schedule_of_the_page_keeps_the_contract_and_runs(tmp_path: Path) -> None:
    schedule, check = blocks_of("add-a-schedule.md")
    (tmp_path / "my_schedules.py").write_text(schedule)
    run(["-c", check], tmp_path)
    quick = ("model.train.epochs=0", "finetune.epochs=1", "tracking=none", "measure=fast")
    run(["-m", "src.train", *command_of("add-a-schedule.md"), *quick], tmp_path)
    files = (tmp_path / "sweeps/half/trials").glob("*/result.json")
    curves = [json.loads(file.read_text())["curve"] for file in sorted(files)]
    assert [len(curve) for curve in curves] == [0, 2]  # of the dense model, and of the candidate


@pytest.mark.parametrize(
    ("page", "sweep", "module"),
    [
        ("add-a-granularity.md", "kernels", "my_granularities"),
        ("add-a-quantizer.md", "ends", "my_quantizers"),
        ("add-an-allocation.md", "later", "my_allocations"),
        ("add-a-compensation.md", "scaled", "my_compensations"),
        ("add-a-sparse-training.md", "hoyer", "my_penalties"),
    ],
)
def test_the_variants_of_the_pages_keep_their_contracts_and_run(
    tmp_path: Path, page: str, sweep: str, module: str
) -> None:
    own, check = blocks_of(page)
    (tmp_path / f"{module}.py").write_text(own)
    run(["-c", check], tmp_path)
    untrained = ("model.train.epochs=0", "finetune.epochs=0", "tracking=none", "measure=fast")
    run(["-m", "src.train", *command_of(page), *untrained], tmp_path)
    trials = sorted((tmp_path / "sweeps" / sweep / "trials").glob("*/result.json"))
    found = [json.loads(file.read_text()) for file in trials]
    if sweep == "later":
        assert 0.3 < found[1]["metrics"]["macs"] / found[0]["metrics"]["macs"] <= 0.5
        ratios = [*found[1]["ratios"].values()]
        assert ratios[0] < 0.3 * ratios[-1]
    elif sweep == "scaled":
        gains = found[1]["compensation"]
        assert gains["loss_after"] < gains["loss_before"]
    elif sweep == "hoyer":
        entries = [*(tmp_path / ".cache" / "dense").glob("*.json")]
        assert len(entries) == 2  # of the dense model, and of the sparsely trained one
    elif sweep == "ends":
        assert all("ends3" in json.dumps(one) for one in found[1:])
    else:
        dense, masked = (one["metrics"] for one in found)
        assert masked["compressed_bytes"] < 0.7 * dense["compressed_bytes"]
        assert masked["size_bytes"] == dense["size_bytes"]


def test_the_format_of_the_page_keeps_the_contract_and_is_delivered(tmp_path: Path) -> None:
    form, check = blocks_of("add-a-format.md")
    (tmp_path / "my_formats.py").write_text(form)
    run(["-c", check], tmp_path)
    single = ("name=resnet", "sparsity.ratio=0.5", "measure=fast")
    untrained = ("model.train.epochs=0", "finetune.epochs=0", "tracking=none")
    run(["-m", "src.train", *single, *untrained], tmp_path)
    run(["-m", "src.pick", *command_of("add-a-format.md", "pick")], tmp_path)
    [export] = (tmp_path / "sweeps/resnet/picked").glob("*/model.pt2.z")
    assert "compressed program of `torch.export`" in (export.parent / "README.md").read_text()


TASK_PAGE = "your-own-task.md"
TASK_FILES = ("my_net", "my", "from_python", "my_lit", "my_task", "check")


def write_task_files(folder: Path) -> None:
    for name, block in zip(TASK_FILES, blocks_of(TASK_PAGE), strict=True):
        (folder / f"{name}.py").write_text(block)


@pytest.mark.parametrize(
    ("sweep", "quality"),
    [("functions", "right_signs"), ("module", "val_f1"), ("class", "right_signs")],
)
def test_a_task_of_ones_own_makes_a_sweep(tmp_path: Path, sweep: str, quality: str) -> None:
    write_task_files(tmp_path)
    text = (HOW_TO / TASK_PAGE).read_text(encoding="utf-8")
    commands = re.findall(r"^    python -m src\.train (.*)$", text, flags=re.MULTILINE)
    [command] = [one for one in commands if f"name={sweep}" in one.split()]
    quick = ["tracking=none", "measure=fast", "model.train.epochs=1", "search.n_trials=3"]
    run(["-m", "src.train", *shlex.split(command), *quick], tmp_path)
    front = (tmp_path / "sweeps" / sweep / "front.csv").read_text().splitlines()
    assert quality in front[0].split(",") and len(front) > 1


def test_a_task_of_functions_is_searched_from_python(tmp_path: Path) -> None:
    write_task_files(tmp_path)
    run(["from_python.py"], tmp_path)
    assert (tmp_path / "sweeps/from-python/front.csv").is_file()


def test_the_class_of_the_page_keeps_the_contract_of_a_task(tmp_path: Path) -> None:
    write_task_files(tmp_path)
    run(["check.py"], tmp_path)
