"""Pages that are generated from the code, and a picture, for the documentation site.

MkDocs calls the functions whose names begin with `on_`; see mkdocs.yml.
"""

from __future__ import annotations

import ast
import fnmatch
import importlib.util
import io
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, CONF = ROOT / "src/paretoprune", ROOT / "conf"
_UPWARDS = re.compile(r"(?<!!)\[([^\]]*)\]\((\.\./[^)]*)\)")
_API = (
    ("search", "api/search.py"),
    ("prune", "api/search.py"),
    ("pick", "api/picked.py"),
    ("inspect", "api/inspection.py"),
    ("compare", "api/comparison.py"),
    ("load_model", "export/load.py"),
    ("load_sweep", "report/tables.py"),
)
_VARIANTS = (
    *("scorer", "schedule", "granularity", "allocation", "low_rank", "sparse_training"),
    *("compensation", "quantization", "executor"),
)
_COMMANDS = ("train", "inspect", "report", "compare", "latency", "pick", "ui")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand patterns in the navigation, drop missing pages and append unlisted ones."""
    there = {str(path.relative_to(config.docs_dir)) for path in Path(config.docs_dir).rglob("*.md")}
    there |= set(_reference_pages())
    config.nav = _present(config.nav or [], there)
    unlisted = sorted(there - set(_listed(config.nav)))
    if unlisted:
        config.nav.append({"More": unlisted})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and the picture that are made from the code."""
    for name, text in _reference_pages().items():
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "assets/best_of_many.png", content=best_of_many()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Links to files outside the site become plain text, as they lead nowhere from there."""
    folder = posixpath.dirname(page.file.src_uri)

    def plain_if_outside(link: re.Match[str]) -> str:
        leads_to = posixpath.normpath(posixpath.join(folder, link[2]))
        return link[1] if leads_to.startswith("..") else link[0]

    return _UPWARDS.sub(plain_if_outside, markdown)


def _present(nav: list[Any], there: set[str]) -> list[Any]:
    """The navigation with patterns expanded, without missing pages and empty sections."""
    found = []
    for item in nav:
        if isinstance(item, dict):
            [(title, inner)] = item.items()
            kept = _present(inner if isinstance(inner, list) else [inner], there)
            if kept:
                found.append({title: kept if isinstance(inner, list) else inner})
        else:
            found += sorted(fnmatch.filter(there, item))
    return found


def _listed(nav: list[Any]) -> Iterator[str]:
    for item in nav:
        if isinstance(item, dict):
            [inner] = item.values()
            yield from _listed(inner if isinstance(inner, list) else [inner])
        else:
            yield item


def _reference_pages() -> dict[str, str]:
    return {
        "reference/commands.md": commands_page(),
        "reference/settings.md": settings_page(),
        "reference/options.md": options_page(),
        "reference/strategies.md": strategies_page(),
        "reference/variants.md": variants_page(),
        "reference/python.md": python_page(),
        "reference/columns.md": columns_page(),
    }


def commands_page() -> str:
    """The commands: first sentence of each module's docstring and its `_USAGE`."""
    parts = [
        "# Commands\n\n`paretoprune NAME`, `python -m paretoprune NAME` and `paretoprune-NAME` are "
        "the same; in a checkout, `python -m src.NAME` is too.\n"
    ]
    for name in _COMMANDS:
        file = PACKAGE / "cli" / f"{name}.py"
        if not file.is_file():
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parts.append(f"## {name}\n\n{ast.get_docstring(tree)}\n")
        usage = _constant(tree, "_USAGE")
        if usage:
            parts.append(f"```text\n{usage.strip()}\n```\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every settings dataclass of config/ with its fields, as they stand in the code."""
    parts = [
        "# Settings\n\nAll settings of a command, with defaults. A setting `epochs` of "
        "`FinetuneSettings` is written `finetune.epochs=8`, an option `steps` of the schedule "
        "`Iterative` is written `schedule.steps=4`.\n"
    ]
    schedules = (PACKAGE / "trial/schedules").glob("*.py")
    for file in [*sorted((PACKAGE / "config").rglob("*.py")), *sorted(schedules)]:
        source = file.read_text(encoding="utf-8")
        classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
        parts += [_settings_of(node, source.splitlines()) for node in classes]
    return "\n".join(parts)


def _settings_of(node: ast.ClassDef, lines: list[str]) -> str:
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
    shown = [line[4:] for f in fields for line in lines[f.lineno - 1 : f.end_lineno]]
    code = "```python\n" + "\n".join(shown) + "\n```\n"
    return f"## {node.name}\n\n{ast.get_docstring(node)}\n\n{code}"


def options_page() -> str:
    """Every file of every config group, as it stands in conf/."""
    parts = ["# Options\n\nThe files of each config group: `scorer=taylor` takes `taylor.yaml`.\n"]
    for folder in sorted(path for path in CONF.iterdir() if path.is_dir()):
        parts.append(f"## {folder.name}\n")
        for file in sorted(folder.glob("*.yaml")):
            text = file.read_text(encoding="utf-8").strip()
            parts.append(f"### {folder.name}={file.stem}\n\n```yaml\n{text}\n```\n")
    return "\n".join(parts)


def strategies_page() -> str:
    """The strategies, by the first comment of each file in conf/search."""
    intro = "# Strategies\n\nA strategy proposes the candidates of a sweep.\n"
    return "\n".join([intro, *_table("search")]) + "\n"


def variants_page() -> str:
    """A table for each kind of variant, by the first comment of each config file."""
    parts = ["# Variants\n\nThe choices of each config group.\n"]
    for group in _VARIANTS:
        parts += [f"## {group}\n", *_table(group), ""]
    return "\n".join(parts)


def _table(group: str) -> list[str]:
    files = [file for file in sorted((CONF / group).glob("*.yaml")) if file.stem[0] != "_"]
    rows = [f"| `{group}={file.stem}` | {_first_comment(file)} |" for file in files]
    return ["| option | description |\n|---|---|", *rows]


def _first_comment(file: Path) -> str:
    """The sentences at the top of a config file, without the commands after them."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# ") or line.startswith("#   "):
            break
        lines.append(line[2:].strip())
    return " ".join(lines).replace("|", "\\|")


def python_page() -> str:
    """The functions of the package that a user calls, with their contracts."""
    parts = [
        "# Python\n\nThe functions of `import paretoprune`. [Use it from Python]"
        "(../how-to/python.md) has an example.\n"
    ]
    for name, file in _API:
        tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
        [function] = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
        returns = ast.unparse(function.returns) if function.returns else "None"
        signature = f"{name}({ast.unparse(function.args)}) -> {returns}"
        parts.append(f"## {name}\n\n```python\n{signature}\n```\n")
        parts.append(f"```text\n{ast.get_docstring(function)}\n```\n")
    return "\n".join(parts)


def columns_page() -> str:
    """The columns of front.csv and trials.csv: of the trial, and every registered quantity."""
    parts = [
        "# Columns of front.csv and trials.csv\n\nOne row per trial; an empty cell was not "
        "measured. [Architecture](../architecture.md#from-a-measurement-to-frontcsv) says where "
        "each value is computed.\n",
        "| column | meaning | unit | better | note |\n|---|---|---|---|---|",
        "| `number`, `state`, `origin` | the trial, how it ended, what proposed it | | | |",
        "| `front` | True if no other trial dominates it | | | |",
    ]
    for quantity in _module("metrics").QUANTITIES.values():
        better = "higher" if quantity.direction == "maximize" else "lower"
        cells = (f"`{quantity.name}`", quantity.label, quantity.unit, better, quantity.note)
        parts.append(f"| {' | '.join(cells)} |")
    parts += [
        "| `gain_over_uniform` | quality above uniform pruning at this size | as the quality "
        "| higher | interpolated between uniform trials |",
        "| `ratio/GROUP`, `width/GROUP` | removed share and remaining channels of a group | | | |",
        "| `seconds_total`, `seed` | time spent on the trial, its seed | s | | |",
        "| `duplicate_of`, `reason` | the trial with the same widths; why it is incomplete | | | |",
    ]
    return "\n".join(parts) + "\n"


def _module(name: str) -> Any:
    """A module of the package that imports no large library, without the package itself."""
    spec = importlib.util.spec_from_file_location(f"site_{name}", PACKAGE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _constant(tree: ast.Module, name: str) -> str | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            text: str = ast.literal_eval(node.value)
            return text
    return None


def best_of_many() -> bytes:
    """By how much the best of n equally good models is flattered, as a picture (PNG)."""
    generator = np.random.default_rng(0)
    accuracy, repeats = 0.96, 4000
    counts = np.unique(np.logspace(0, 2.5, 16).astype(int))
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for num_samples in (359, 1000, 5000):
        scores = generator.binomial(num_samples, accuracy, (repeats, int(counts[-1])))
        scores = 100 * scores / num_samples
        flattery = [scores[:, :count].max(1).mean() - 100 * accuracy for count in counts]
        axes.plot(counts, flattery, marker="o", ms=4, label=f"{num_samples} validation samples")
    axes.set_xscale("log")
    axes.set_xlabel("models of which the best is taken, each truly right on 96 %")
    axes.set_ylabel("points above 96 %")
    axes.grid(color="#e6e6e6")
    axes.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=130)
    return content.getvalue()
