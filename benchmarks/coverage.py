"""Which public architectures can be pruned: all classifiers of torchvision, and families of timm.

    python benchmarks/coverage.py                      # continue; rows are kept in coverage.csv
    python benchmarks/coverage.py --only resnet18      # again, whatever is there
    python benchmarks/coverage.py --table              # print what is there

Each architecture runs in a process of its own with a limit of processor time, with random weights
and at the smallest image size that it takes, since structure is what is looked at. Columns: groups
that can be pruned and that are kept whole, the share of the dense MACs that is left with every
group at its least width (forecast, and counted on the model really cut), the relative error of
pruned against masked models with other weights than the proof used, and seconds of processor time
for finding and proving. Needs the extra `[timm]`.
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

import timm
import torch
import torchvision
from torch import Tensor, nn

from paretoprune.errors import PruningError
from paretoprune.measure import count_macs, macs_per_layer
from paretoprune.pruning import (
    Group,
    SizeModel,
    apply_plan,
    check_equivalence,
    find_groups,
    make_plan,
    masked_model,
)
from paretoprune.pruning.generic import generic_copy
from paretoprune.pruning.proof import random_plan

MAX_CPU_SECONDS = 240  # of the process's processor time, so that a busy machine fails nothing
MAX_SECONDS = 10 * MAX_CPU_SECONDS  # by the clock, for what hangs
FULL = 224  # where so small an image is mostly padding, MACs are counted at this size
SIZES = (64, 96, 128, 160, 192, 224, 240, 256, 320, 384)
FIELDS = (
    "name", "state", "params", "groups", "kept", "macs_left", "counted", "error", "seconds",
    "size", "reason",
)  # fmt: skip
# The smallest, or nearly, of each family (file) of timm 1.0.31; two of over 160 M are left out.
TIMM = [
    "beit_base_patch16_224", "cait_xxs24_224", "coat_tiny", "convit_tiny", "convmixer_768_32",
    "convnext_atto", "cpubone_nano", "crossvit_tiny_240", "cs3darknet_focus_s", "csatv2",
    "cspnext_tiny", "davit_tiny", "deit_tiny_patch16_224", "densenet121", "dla34", "dpn48b",
    "eca_botnext26ts_256", "edgenext_xx_small", "efficientformer_l1", "efficientformerv2_s0",
    "efficientvim_m1", "efficientvit_b0", "efficientvit_m0", "ese_vovnet19b_slim_dw",
    "fasternet_t0", "fastvit_t8", "focalnet_tiny_srf", "gcvit_xxtiny", "ghostnet_050",
    "gmlp_ti16_224", "hardcorenas_b", "hgnetv2_b0", "hiera_tiny_224", "hrnet_w18_small",
    "iformer_t", "inception_next_atto", "inception_resnet_v2", "inception_v3", "inception_v4",
    "lcnetv2_small", "legacy_seresnet18", "legacy_xception", "levit_128", "lowformer_b0",
    "mambaout_femto", "maxvit_pico_rw_256", "mnasnet_small", "mobilenetv3_small_050",
    "mobilenetv5_base", "mobileone_s0", "mobilevit_xxs", "mvitv2_tiny",
    "naflexvit_base_patch16_siglip", "nasnetalarge", "nest_tiny", "nextvit_small",
    "nf_regnet_b0", "pit_ti_224", "pnasnet5large", "poolformer_s12", "pvt_v2_b0",
    "qwen3_vit_88m", "rdnet_tiny", "regnetx_004_tv", "repghostnet_050", "repvit_m1",
    "res2net50_26w_4s", "resnest14d", "resnet10t", "resnetv2_18", "rexnet_100",
    "sam2_hiera_tiny", "samvit_base_patch16_224", "selecsls42", "sequencer2d_s", "shvit_s1",
    "skresnet18", "starnet_s050", "swiftformer_xs", "swin_tiny_patch4_window7_224",
    "swinv2_cr_tiny_224", "swinv2_tiny_window16_256", "vit_relpos_small_patch16_224",
    "tiny_vit_5m_224", "tnt_s_legacy_patch16_224", "tresnet_m", "twins_svt_small", "vgg11",
    "visformer_tiny", "vit_tiny_patch16_224", "vit_tiny_patch16_dinov3_qkvb",
    "vit_tiny_r_s16_p8_224", "vitamin_small_224", "volo_d1_224", "xception41p",
    "xcit_nano_12_p8_224",
]  # fmt: skip


def main() -> None:
    """Run what is missing, and print the table."""
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
    """All classifiers of torchvision, then one of each family of timm, as `timm/NAME`."""
    own = torchvision.models.list_models(module=torchvision.models)
    return [*own, *(f"timm/{name}" for name in TIMM)]


def in_own_process(name: str) -> dict[str, Any]:
    """The row of one architecture, whatever happens to it. A fork imports nothing again."""
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
    """Find and prove the groups, and cut the model to its least widths."""
    warnings.simplefilter("ignore")  # of the architectures
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
    if left > 0.5 and _runs(model, full := torch.randn(1, 3, FULL, FULL)):
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
        "size": example.shape[-1],
        "reason": "; ".join(f"{n}x {reason}" for reason, n in reasons.most_common(2)),
    }


def macs_left(model: nn.Module, groups: Sequence[Group], example: Tensor) -> tuple[float, float]:
    """The share of the dense MACs at the least widths: forecast, and counted on the cut model."""
    shapes = {path: tuple(p.shape) for path, p in model.named_parameters()}
    size = SizeModel(groups, shapes, macs_per_layer(model, example))
    least = {group.name: 1 for group in groups}
    scores = {group.name: torch.rand(group.width) for group in groups}
    cut = apply_plan(model, groups, make_plan(groups, scores, least))
    dense = size.cost({}).macs
    return size.cost(least).macs / dense, count_macs(cut, example) / dense


def _runs(model: nn.Module, example: Tensor) -> bool:
    try:
        with torch.no_grad():
            model(example)
    except Exception:
        return False
    return True


def error_of(model: nn.Module, groups: Sequence[Group], example: Tensor) -> float:
    """Of masked against pruned, with new random weights and BatchNorm statistics."""
    lively = generic_copy(model, (example,), seed=11)
    plan = random_plan(groups, seed=12)
    pruned = apply_plan(lively.model, groups, plan)
    return check_equivalence(
        masked_model(lively.model, groups, plan), pruned, lively.inputs, tolerance=1e9
    )


def build(name: str) -> tuple[nn.Module, Tensor]:
    """The architecture and an input, as small as it takes."""
    problem: Exception | None = None
    for size in _sizes(name):
        try:
            model = _make(name, size).eval()
            example = torch.randn(2, 3, size, size)
            with torch.no_grad():
                model(example)
            return model, example
        except Exception as error:
            problem = error
    raise RuntimeError(f"{name} cannot be built: {problem}")


def _sizes(name: str) -> tuple[int, ...]:
    """Of torchvision's ViT four patches a side, since their sizes must be whole patches."""
    return (4 * int(name.rpartition("_")[2]),) if name.startswith("vit_") else SIZES


def _make(name: str, size: int) -> nn.Module:
    if name.startswith("timm/"):
        short = name.removeprefix("timm/")
        try:
            model: nn.Module = timm.create_model(short, pretrained=False, img_size=size)
        except TypeError:
            model = timm.create_model(short, pretrained=False)
        return model
    given: dict[str, Any] = {"weights": None}
    if name.startswith("vit_"):
        given["image_size"] = size
    if name == "maxvit_t":
        given["input_size"] = (size, size)
    if name in ("googlenet", "inception_v3"):
        given["init_weights"] = False
    found: nn.Module = torchvision.models.get_model(name, **given)
    return found


def show(rows: list[dict[str, Any]]) -> None:
    """The table, and what it comes to."""
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
