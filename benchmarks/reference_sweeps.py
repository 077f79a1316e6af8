"""The reference sweeps: one command runs a sweep on real data and keeps what is published of it.

    python benchmarks/reference_sweeps.py --list
    python benchmarks/reference_sweeps.py etth1-forecaster --data FOLDER

Budgets are trials and epochs, and one thread is used, so that the same seed gives the same front on
the same kind of processor. `sweeps/reference/NAME/` receives front.csv, front.png, report.html,
config.yaml and made.json, without weights and without paths of the machine; the table of
`sweeps/reference/README.md` is written anew. FOLDER holds, as their publishers give them:

    timeseries/ETTh1.csv
    recommender/ml-latest-small/ratings.csv
    text/sst2-{train,dev,test}.tsv                     sentence TAB label
    segmentation/camvid-{train,val,test}.npz           strips, see `reference_data.py`
    cifar10/cifar10-{train-a,test}.npz                 strips, see `conf/data/npz.yaml`
    weights/cifar10-chenyaofo-resnet20.safetensors
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from published_sweep import machine_paths, publish, write_table

from paretoprune.measure.device import device_name

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "sweeps" / "reference"
_COMMON = ("tracking=none", "measure=fast", "device=cpu", "threads=1", "seed=0")
_OWN = "trust=[reference_data]"

# The arguments of `python -m src.train` by the name of the sweep.
SWEEPS: dict[str, tuple[str, ...]] = {
    "etth1-forecaster": (
        "+sweep=forecast",
        "data.path={data}/timeseries/ETTh1.csv",
        "model.train.epochs=5",
        "finetune.epochs=1",
        "search.n_trials=30",
    ),
    "movielens-ncf": (
        "+sweep=recommend",
        "data.path={data}/recommender/ml-latest-small/ratings.csv",
        "finetune.epochs=1",
        "search.n_trials=16",
    ),
    # The first 20,000 training images; the published weights have seen all of them, so half of the
    # test images are used for validation.
    "cifar10-resnet20": (
        "+sweep=resnet",
        "data=npz",
        "data.train=[{data}/cifar10/cifar10-train-a.npz]",
        "data.test=[{data}/cifar10/cifar10-test.npz]",
        "data.max_train=20000",
        "data.max_test=5000",
        "data.batch_size=128",
        "data.views=2",
        "data.shift=4",
        "data.flip=true",
        "data.mean=[0.4914,0.4822,0.4465]",
        "data.std=[0.2023,0.1994,0.2010]",
        "model.weights={data}/weights/cifar10-chenyaofo-resnet20.safetensors",
        "low_rank=spatial",
        "finetune.epochs=2",
        "search.n_trials=16",
    ),
    "sst2-transformer": (
        "+sweep=text",
        "model=transformer_classifier",
        "data=own",
        "data._target_=reference_data.sst2",
        "+data.folder={data}/text",
        "+data.max_train=6000",
        "model.train.epochs=4",
        "finetune.epochs=1",
        "search.n_trials=12",
        _OWN,
    ),
    "camvid-unet": (
        "+sweep=segment",
        "data=own",
        "data._target_=reference_data.camvid",
        "+data.folder={data}/segmentation",
        "task.ignore_index=11",
        "model.train.epochs=12",
        "finetune.epochs=1",
        "search.n_trials=12",
        _OWN,
    ),
}


def main() -> None:
    """Run the named sweep, or list them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=SWEEPS)
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the data lie")
    parser.add_argument("--list", action="store_true", help="print the arguments of each sweep")
    options = parser.parse_args()
    if options.list or options.name is None:
        for name in SWEEPS:
            print(" ".join([f"{name}:", "python -m src.train", *arguments_of(name, "DATA")]))
        return
    run(options.name, options.data.resolve())


def run(name: str, data: Path) -> None:
    """Run a sweep in a temporary folder, publish it, and write the table of all sweeps."""
    with tempfile.TemporaryDirectory() as folder:
        made = _train(name, data, Path(folder))
        names = machine_paths(data=data, sweeps=Path(folder), checkout=ROOT)
        publish(Path(folder) / name, REFERENCE / name, names)
    text = json.dumps(made, indent=2)
    (REFERENCE / name / "made.json").write_text(text + "\n", encoding="utf-8")
    write_table(REFERENCE)


def arguments_of(name: str, data: str) -> list[str]:
    """Return the arguments of `python -m src.train` with the folder of the data."""
    given = (*SWEEPS[name], *_COMMON, f"name={name}")
    return [argument.format(data=data) for argument in given]


def _train(name: str, data: Path, folder: Path) -> Mapping[str, object]:
    """Run the sweep as a user would, and return its command, time and hardware."""
    arguments = arguments_of(name, str(data))
    own = [f"sweeps_dir={folder}", f"cache_dir={folder / '.cache'}"]
    paths = os.pathsep.join([str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    before = _seconds_of_children()
    subprocess.run(
        [sys.executable, "-m", "src.train", *arguments, *own],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        check=True,
    )
    return {
        "command": f"python benchmarks/reference_sweeps.py {name} --data DATA",
        "runs": " ".join(["python -m src.train", *arguments_of(name, "DATA")]),
        "cpu_seconds": round(_seconds_of_children() - before),
        "processor": device_name(torch.device("cpu")),
        "seed": 0,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
