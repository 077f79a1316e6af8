"""Coverage of public architectures: torchvision, families of timm, transformers and others.

    python benchmarks/coverage.py                      # continue; rows are kept in coverage.csv
    python benchmarks/coverage.py --only resnet18      # again, even if a row exists
    python benchmarks/coverage.py --table              # print the existing rows

Each architecture is processed in a process of its own with a limit of processor time, with random
weights and the smallest image size that it accepts, since only its structure matters. Columns:
number of prunable and of unprunable groups; share of the dense MACs with every group at its minimum
width (predicted, and counted on the pruned model); relative error of pruned against masked models
with other weights than those of the verification; processor seconds of finding and verifying the
groups. Needs the extras `[timm]` and `[transformers]`.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import resource
import signal
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import architectures
import other_architectures
import torch
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.measure.macs import count_macs, macs_per_layer
from paretoprune.pruning.dependency.find import find_groups
from paretoprune.pruning.dependency.proof import random_plan
from paretoprune.pruning.dependency.random_copy import generic_copy
from paretoprune.pruning.groups import Group
from paretoprune.pruning.structured.apply import apply_plan
from paretoprune.pruning.structured.equivalence import check_equivalence
from paretoprune.pruning.structured.masks import masked_model
from paretoprune.pruning.structured.plan import make_plan
from paretoprune.pruning.structured.size import SizeModel
from paretoprune.tasks.inputs import Example

MAX_CPU_SECONDS = 240  # of the process's processor time, so that a busy machine fails nothing
MAX_SECONDS = 10 * MAX_CPU_SECONDS  # by the clock, for what hangs
FULL = 224  # where so small an image is mostly padding, MACs are counted at this size
FIELDS = (
    "name", "state", "params", "groups", "kept", "macs_left", "counted", "error", "seconds",
    "size", "reason",
)  # fmt: skip


def main() -> None:
    """Process the missing architectures, and print the table."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--file", type=Path, default=Path("coverage.csv"))
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    rows = _read(options.file)
    missing = [name for name in names() if name not in rows]
    for name in [] if options.table else options.only or missing:
        rows[name] = in_own_process(name)
        print(*(f"{key}={rows[name].get(key, '')}" for key in FIELDS), flush=True)
        _write(options.file, rows)
    show(list(rows.values()))


def names() -> list[str]:
    """Return the names of all architectures."""
    return [*architectures.names(), *other_architectures.names()]


def build(name: str) -> tuple[nn.Module, Example]:
    """Build an architecture in evaluation mode, and inputs for it."""
    if name in other_architectures.names():
        return other_architectures.build(name)
    return architectures.build(name)


def in_own_process(name: str) -> dict[str, Any]:
    """Return the row of one architecture, whatever happens to it. Forking avoids
    repeated imports."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_row, args=(name, sender))
    process.start()
    sender.close()
    try:
        if not receiver.poll(MAX_SECONDS):
            return {"name": name, "state": "time limit"}
        row: dict[str, Any] = receiver.recv()
    except EOFError:
        process.join()
        if process.exitcode == -signal.SIGXCPU:
            return {"name": name, "state": "time limit"}
        return {"name": name, "state": "failed", "reason": "the process died"}
    finally:
        process.kill()
        process.join()
    return row


def _send_row(name: str, sender: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS + 10))
    try:
        sender.send(look_at(name))
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        sender.send({"name": name, "state": "failed", "reason": text})


def look_at(name: str) -> dict[str, Any]:
    """Find and verify the groups, and prune the model to its minimum widths."""
    warnings.simplefilter("ignore")  # raised by the architectures
    torch.manual_seed(0)
    model, example = build(name)
    started = time.process_time()
    try:
        groups = find_groups(model, example)
    except PruningError as error:
        if not str(error).startswith("nothing in this model"):
            raise
        reason = " ".join(str(error).splitlines()[1:2]).strip()
        return {"name": name, "state": "kept whole", "reason": reason}
    seconds = time.process_time() - started
    left, counted = macs_left(model, groups.prunable, example)
    if (
        isinstance(example, Tensor)
        and left > 0.5
        and _runs(model, full := torch.randn(1, 3, FULL, FULL))
    ):
        left, counted = macs_left(model, groups.prunable, full)
    difference = error_of(model, groups.prunable, example)
    reasons = Counter(kept.reason.split("`", 2)[-1].strip() for kept in groups.kept)
    return {
        "name": name,
        "state": "equal" if difference < 1e-3 else "WRONG",
        "params": sum(p.numel() for p in model.parameters()),
        "groups": len(groups.prunable),
        "kept": len(groups.kept),
        "macs_left": round(left, 4),
        "counted": round(counted, 4),
        "error": f"{difference:.1e}",
        "seconds": round(seconds, 1),
        "size": example.shape[-1] if isinstance(example, Tensor) else "",
        "reason": "; ".join(f"{n}x {reason}" for reason, n in reasons.most_common(2)),
    }


def macs_left(model: nn.Module, groups: Sequence[Group], example: Example) -> tuple[float, float]:
    """Return the share of the dense MACs at minimum widths: predicted, and counted on the pruned
    model. Of a network without MACs, such as a product of embeddings, it is that of parameters."""
    shapes = {path: tuple(p.shape) for path, p in model.named_parameters()}
    size = SizeModel(groups, shapes, macs_per_layer(model, example))
    least = {group.name: 1 for group in groups}
    scores = {group.name: torch.rand(group.width) for group in groups}
    prune = apply_plan(model, groups, make_plan(groups, scores, least))
    dense = size.cost({}).macs
    if not dense:
        counted = sum(p.numel() for p in prune.parameters())
        total = sum(p.numel() for p in model.parameters())
        return size.cost(least).params / total, counted / total
    return size.cost(least).macs / dense, count_macs(prune, example) / dense


def _runs(model: nn.Module, example: Tensor) -> bool:
    try:
        with torch.no_grad():
            model(example)
    except Exception:
        return False
    return True


def error_of(model: nn.Module, groups: Sequence[Group], example: Example) -> float:
    """Return the error of masked against pruned, with new random weights and BatchNorm
    statistics."""
    lively = generic_copy(model, example, seed=11)
    plan = random_plan(groups, seed=12)
    pruned = apply_plan(lively.model, groups, plan)
    return check_equivalence(
        masked_model(lively.model, groups, plan), pruned, lively.inputs, tolerance=1e9
    )


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table and a summary."""
    for row in rows:
        columns = [row.get(key, "") for key in ("groups", "kept", "macs_left", "error", "seconds")]
        figures = " ".join(f"{column:>8}" for column in columns)
        print(f"{row['name']:<38} {row['state']:<11} {figures}  {row.get('reason', '')}")
    equal = [row for row in rows if row["state"] == "equal"]
    half = [row for row in equal if float(row["macs_left"]) <= 0.5]
    fast = [row for row in equal if float(row["seconds"]) < 20]
    exact = [row for row in equal if row["macs_left"] == row["counted"]]
    kept = sum(row["state"] == "kept whole" for row in rows)
    print(f"{len(rows)} architectures: {len(equal)} proved equal, {kept} kept whole;")
    print(f"{len(half)} reach half the MACs,")
    print(f"{len(fast)} take under 20 s, {len(exact)} forecast the MACs exactly")


def _read(file: Path) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        return {}
    with file.open(newline="") as stream:
        return {row["name"]: dict(row) for row in csv.DictReader(stream)}


def _write(file: Path, rows: dict[str, dict[str, Any]]) -> None:
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, FIELDS, restval="")
        writer.writeheader()
        writer.writerows(rows.values())


if __name__ == "__main__":
    main()
