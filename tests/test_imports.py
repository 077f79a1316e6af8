"""Who may import whom, and where each large library lives (DESIGN: the packages point one way)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "paretoprune"

# Which parts of the package each part may import. `*`: the modules at the top that hold values.
VALUES = {"results", "errors", "config", "files", "lineage", "name_patterns", "targets"}
ALLOWED = {
    "results": set(),
    "errors": set(),
    "files": {"errors"},
    "lineage": {"results"},
    "name_patterns": set(),
    "fingerprint": set(),
    "source_code": {"fingerprint"},
    "cache_entry": {"files", "fingerprint"},
    "findings": {"cache_entry", "files", "fingerprint"},
    "cached_weights": VALUES | {"cache_entry", "fingerprint", "pruning"},
    "network_outputs": {"errors"},
    "task_fingerprint": VALUES | {"data", "fingerprint", "source_code"},
    "driver_lock": {"errors"},
    "failures": {"errors", "results"},
    "config": {"results"},
    "targets": {"config", "errors"},
    "mistakes": {"config", "errors", "name_patterns", "targets"},
    "models": VALUES,
    "data": VALUES | {"fingerprint"},
    "pruning": VALUES,
    "finetune": VALUES,
    "graph": {"errors", "files"},
    "quantization": VALUES | {"graph"},
    "measure": VALUES | {"graph"},
    "removable": VALUES | {"findings", "fingerprint", "measure", "pruning", "source_code"},
    "outline": VALUES
    | {
        *("data", "findings", "fingerprint", "measure", "models", "network_outputs", "pruning"),
        *("removable", "task_fingerprint"),
    },
    "dense": VALUES
    | {
        *("cached_weights", "data", "finetune", "fingerprint", "outline", "pruning"),
        *("source_code", "task_fingerprint"),
    },
    "prepare": VALUES | {"dense", "outline", "finetune", "measure", "pruning"},
    "latency_table": VALUES
    | {"fingerprint", "outline", "measure", "pruning", "source_code", "task_fingerprint"},
    "schedules": VALUES | {"dense", "prepare", "finetune", "measure", "pruning"},
    "learning_rate": VALUES | {"finetune", "prepare", "pruning", "schedules"},
    "trial": VALUES | {"low_rank", "prepare", "pruning", "schedules"},
    "glance": VALUES | {"finetune", "prepare", "pruning", "schedules"},
    "retrain": VALUES | {"data", "forms", "prepare", "trial", "finetune", "pruning"},
    "search": VALUES,
    "executors": VALUES,
    "tracking": VALUES,
    "delivery": VALUES | {"graph"},
    "fresh": VALUES | {"graph", "load"},
    "prepared_folder": VALUES | {"dense", "fingerprint", "outline", "prepare", "pruning"},
    "sweep_folder": VALUES | {"driver_lock"},
    "sweep_results": VALUES | {"search"},
    "lost_trials": VALUES | {"sweep_folder"},
    "unfinished": VALUES | {"executors", "lost_trials", "sweep_folder", "sweep_results"},
    "sweep": VALUES
    | {"search", "executors", "failures", "sweep_folder", "sweep_results", "unfinished"},
}
HOMES = {
    "hydra": {"cli"},
    "omegaconf": {"cli"},
    "pydantic": {"config", "mistakes"},
    "pydantic_core": {"mistakes"},
    "scipy": {"pruning"},
    "timm": {"models"},
    "lightning": {"data", "finetune", "network_outputs", "outline", "task_fingerprint"},
    "torchmetrics": {"measure", "finetune"},
    "torchvision": {"models", "data"},
    "sklearn": {"data"},
    "optuna": {"search"},
    "mlflow": {"tracking"},
    "pandas": {"delivery"},
    "matplotlib": {"delivery"},
    "rich": {"cli"},
    "ray": {"executors"},
    "submitit": {"executors"},
    "onnx": {"tracking", "graph"},
    "onnxruntime": {"graph"},
    "openvino": {"graph"},
    "executorch": {"graph"},
    "pynvml": {"measure"},
}


def imports_of(path: Path) -> set[str]:
    """The dotted names that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to: a folder or a module at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way_and_libraries_stay_at_home(path: Path) -> None:
    part = part_of(path)
    for name in imports_of(path):
        head, *rest = name.split(".")
        if head == "paretoprune" and rest and part in ALLOWED:
            assert rest[0] == part or rest[0] in ALLOWED[part], f"{part} must not import {name}"
        if head in HOMES:
            assert part in HOMES[head], f"{head} lives in {HOMES[head]}, not in {part}"


def test_every_part_has_a_rule() -> None:
    assert {part_of(path) for path in FILES} - set(ALLOWED) == {"__init__", "cli", "load"}


def test_help_needs_no_torch() -> None:
    """`--help` answers at once: the large libraries are imported once there is work to do."""
    code = (
        "import sys; from paretoprune.cli import train; "
        "print([m for m in ('torch', 'mlflow', 'lightning', 'pandas') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "src"
    )
    assert run.stdout.strip() == "[]"
