"""The architecture: who may import whom, where large libraries live, sizes of folders and faces.

DESIGN: `cli -> {sweep, pick, report, export} -> trial -> problem -> {pruning, finetune, ...}`,
`sweep -> {search, executors, tracking}`, and everyone -> errors, results, metrics, config, storage.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "paretoprune"

# Values that everyone may import.
VALUES = {
    "errors",
    "results",
    "metrics",
    "objectives",
    "retained",
    "lineage",
    "number_format",
    "numerics",
    "stopwatch",
    "config",
    "storage",
}
# The packages that know networks. They import each other only as listed here.
NETWORKS = {
    "data",
    "finetune",
    "low_rank",
    "measure",
    "models",
    "pruning",
    "quantization",
    "tasks",
}
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "results": {"errors", "metrics"},
    "metrics": set(),
    "number_format": {"metrics"},
    "numerics": set(),
    "lineage": {"results"},
    "objectives": {"metrics"},
    "retained": {"metrics", "number_format", "objectives", "results"},
    "stopwatch": set(),
    "config": {"errors", "metrics", "results"},
    "storage": {"config", "errors", "metrics", "numerics", "results"},
    "tasks": VALUES,
    "models": VALUES | {"tasks"},
    "data": VALUES | {"tasks"},
    "pruning": VALUES | {"low_rank", "tasks"},
    "finetune": VALUES | {"tasks"},
    "low_rank": VALUES | {"tasks"},
    # of pruning the moments of a layer's inputs, by which errors of rounding are compensated, too
    "quantization": VALUES | {"formats", "pruning", "tasks"},
    "formats": VALUES | {"tasks"},
    "measure": VALUES | {"formats", "tasks"},
    "problem": VALUES | NETWORKS,
    "trial": VALUES | NETWORKS | {"problem"},
    "search": VALUES,
    "executors": VALUES,
    "tracking": VALUES,
    "sweep": VALUES | NETWORKS | {"executors", "problem", "search", "tracking", "trial"},
    "export": VALUES | NETWORKS | {"formats", "problem", "trial"},
    "report": VALUES | {"search", "tracking"},
    "api": VALUES
    | NETWORKS
    | {"export", "formats", "pick", "problem", "report", "search", "sweep", "trial"},
    "testing": VALUES | NETWORKS | {"executors", "formats", "problem", "search", "sweep", "trial"},
    "pick": VALUES
    | NETWORKS
    | {"export", "formats", "problem", "report", "search", "sweep", "tracking", "trial"},
}
HOMES = {
    "hydra": {"cli", "config/compose", "config/instantiate"},
    "omegaconf": {"cli", "config/compose"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "scipy": {"pruning"},
    "timm": {"models"},
    "transformers": {"models"},
    "lightning": {"api", "data", "finetune", "problem", "tasks", "trial"},
    "torchmetrics": {"measure", "tasks"},
    "torchvision": {"models", "data"},
    "sklearn": {"data"},
    "optuna": {"search/study"},
    "mlflow": {"tracking"},
    "pandas": {"api", "data/text", "report"},
    "matplotlib": {"api", "report"},
    "rich": {"cli"},
    "ray": {"executors"},
    "submitit": {"executors"},
    "onnx": {"formats", "tracking"},
    "onnxruntime": {"formats"},
    "openvino": {"formats"},
    "executorch": {"formats"},
    "pynvml": {"measure"},
}
# Packages that re-export; everyone else imports from the module.
FACES = {"", "data", "models", "results", "testing"}
MOST_FLAT_FILES = 16
MOST_FACE_NAMES = 12


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
    part, place = part_of(path), path.relative_to(PACKAGE).as_posix()
    for name in imports_of(path):
        head, *rest = name.split(".")
        if head == "paretoprune" and rest and part in ALLOWED:
            assert rest[0] == part or rest[0] in ALLOWED[part], f"{part} must not import {name}"
        if head in HOMES:
            homes = HOMES[head]
            assert any(place.startswith(home) for home in homes), f"{head} lives in {homes}"


# The interface of tasks; the tasks themselves are known only to the settings that name them.
TASK_INTERFACE = {"batches", "bound", "inputs", "interface", "nest", "output_task"}
NETWORK_PARTS = [*sorted(NETWORKS - {"tasks"}), "trial"]


@pytest.mark.parametrize("part", NETWORK_PARTS)
def test_networks_are_handled_without_a_particular_task(part: str) -> None:
    for path in (PACKAGE / part).rglob("*.py"):
        for name in imports_of(path):
            if name.startswith("paretoprune.tasks."):
                assert name.split(".")[2] in TASK_INTERFACE, f"{path} imports {name}"


def test_every_part_has_a_rule() -> None:
    assert {part_of(path) for path in FILES} - set(ALLOWED) - {"__main__"} == {"__init__", "cli"}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_commands_print(path: Path) -> None:
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    printing = [c.lineno for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert part_of(path) == "cli" or not printing, f"prints in lines {printing}"


def test_folders_can_be_surveyed() -> None:
    flat = Counter(path.parent for path in FILES if path.name != "__init__.py")
    crowded = {str(p.relative_to(PACKAGE)): n for p, n in flat.items() if n > MOST_FLAT_FILES}
    assert not crowded, f"more than {MOST_FLAT_FILES} files: {crowded}"


def test_packages_re_export_little() -> None:
    for path in FILES:
        if path.name != "__init__.py":
            continue
        folder = path.parent.relative_to(PACKAGE).as_posix().removeprefix(".")
        names = imports_of(path) - {"__future__.annotations"}
        ours = {name for name in names if name.startswith("paretoprune")}
        assert len(ours) <= (MOST_FACE_NAMES if folder in FACES else 0), f"{path}: {sorted(ours)}"


def test_no_module_imports_itself_through_others() -> None:
    """Imports between modules, as they run at import time, form no circle."""
    graph = {module_of(path): modules_imported(path) for path in FILES}
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail[trail.index(module) :], module))
        if module not in finished:
            for imported in graph.get(module, ()):
                visit(imported, (*trail, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


def module_of(path: Path) -> str:
    dotted = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return dotted.removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def modules_imported(path: Path) -> set[str]:
    """Our modules that a file imports at its top level, without those for type checking alone."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return {name for name in found if name in MODULES} - {module_of(path)}


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
