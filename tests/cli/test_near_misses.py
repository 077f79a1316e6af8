"""Near misses: a sentence with what was meant, or what was evidently meant is done."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from paretoprune.cli import ui
from tests.kits.commands import (
    Run,
    run_compare,
    run_inspect,
    run_latency,
    run_pick,
    run_report,
    run_train,
)

Command = Callable[..., Run]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("finetune.epochs = 5", "write `finetune.epochs=5`, no spaces"),
        ("finetune.epochs =5", "write `finetune.epochs=5`, no spaces"),
        ("finetune.epochs= 5", "write `finetune.epochs=5`, no spaces"),
        ("sparsity.max_size_bytes=50 KB", "`KB` is not understood; write `key=value`"),
        ("resnet", "`resnet` is not understood; write `+sweep=resnet`"),
        ("--name=x", "`--name` is no option of this command; settings have no dashes: `name=x`"),
        ("--epochs 5", "settings have no dashes: `epochs=5`"),
        ("-seed=1", "settings have no dashes: `seed=1`"),
        ("--shell-completion", '`eval "$(paretoprune --completion bash)"` completes arguments'),
        ("+search.objectives.latency_ms=", "write `+search.objectives.latency_ms=minimize` or"),
        ("name=", "give one, or write `name=null` for none"),
        ("data.batch_size=", "give one, or leave `data.batch_size=` out"),
        ("sparsity.caps={layer1.*=0.5}", "write `sparsity.caps={layer1.*: 0.5}`"),
        ("'finetune={epochs: 1'", "write `finetune={epochs: 1}`"),
        ("[search=chain]", "`[search=chain]` is not understood; write `key=value`, see --help"),
        ("name=a)", "is not understood; put it in quotes: `\"name='a)'\"`"),
        ("trust=my_net.py", "`trust=my_net.py` must name a module; write `trust=[my_net]`"),
        ("trust=true", "`trust=true` must name packages of yours, such as `trust=[my_net,my_data"),
        ("quantization=int8,weights", "add `-m` for a run with each, or name one"),
    ],
)
def test_of_an_argument(tmp_path: Path, arguments: str, sentence: str) -> None:
    assert_refused(run_train(tmp_path, *shlex.split(arguments)), sentence, tmp_path)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("finetune.lr=0.1", "did you mean `finetune.learning_rate`?"),
        ("finetune.ratio=0.5", "did you mean `sparsity.ratio`?"),
        ("epoch=5", "did you mean `model.train.epochs` or `finetune"),
        ("weights=a.pt", "did you mean `model.weights`?"),
        ("root=my_images", "did you mean `data.root`?"),
        ("model.weight=a.pt", "`model.weight` is not a setting; did you mean `model.weights`?"),
        ("sweeps=resnet", "`sweeps` is not a setting; did you mean `+sweep`?"),
        ("rule=knee", "`rule` is not a setting; it is an option of `paretoprune pick`"),
        ("serve=true", "`serve` is not a setting; it is an option of `paretoprune report`"),
        ("foo=1", "`foo` is not a setting; the settings are: name, model, data"),
        ("trainer.callback.x=1", "did you mean `trainer.callbacks`?"),
    ],
)
def test_of_a_name(tmp_path: Path, argument: str, sentence: str) -> None:
    assert_refused(run_train(tmp_path, argument), sentence, tmp_path)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("model=ResNet50", "write `model=torchvision model.name=resnet50`"),
        ("model=ResNet20", "did you mean `resnet20`?"),
        ("model=my_net.MyNet", "write `model=own model._target_=my_net.MyNet trust=[my_net]`"),
        ("model=my_net.py", "write `model=own model._target_=my_net.CLASS trust=[my_net]`"),
        ("data=my_data.MyData", "write `data=own data._target_=my_data.MyData trust=[my_data]`"),
        ("tracking=off", "write `tracking=none`"),
        ("tracking=wandb", "`tracking.loggers` adds loggers beside MLflow"),
        ("sparsity=0.5", "write `sparsity.NAME=0.5`, where NAME is one of: ratio, macs"),
        ("finetune=5", "write `finetune.NAME=5`, where NAME is one of: epochs"),
    ],
)
def test_of_an_option(tmp_path: Path, argument: str, sentence: str) -> None:
    assert_refused(run_train(tmp_path, argument), sentence, tmp_path)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("finetune.epochs=five", "`finetune.epochs` must be a whole number, got 'five'"),
        ("finetune.epochs=2.5", "`finetune.epochs` must be a whole number, got 2.5"),
        ("finetune.momentum=90%", "must be a number, got '90%'; write `finetune.momentum=0.9`"),
        ("measure.latency=maybe", "`measure.latency` must be true or false, got 'maybe'"),
        ("finetune.optimizer=Adam", "`finetune.optimizer` must be auto, sgd, adamw, or name"),
        ("finetune.optimizer=SGD", "did you mean `sgd`?"),
        ("sparsity.ratio=50", "less than 1, got 50; 50 percent is `sparsity.ratio=0.5`"),
        ("sparsity.macs=half", "`sparsity.macs` must be a share, as in `0.5` or `50%`, got `half`"),
        ("sparsity.max_size_bytes=50kbit", "must be a number, as in `50000`, `50k`, `1.5M` or"),
        ("sparsity.max_size_bytes=50%", "must be a number, as in `50000`"),
        ("finetune.learning_rate=inf", "`finetune.learning_rate` must be a finite number, got inf"),
        (
            "data=npz data.validation_share=nan",
            "`data.validation_share` must be a finite number, got nan",
        ),
        ("data=imagefolder data.root=[a,b]", "`data.root` must be text, got ['a', 'b']"),
        ("data=npz data.path=[a,b]", "`data.path` must be text, got ['a', 'b']"),
        ("data=imagefolder data.mean=0.5", "must be a list, such as `data.mean=[0.5]`, got 0.5"),
        (
            "finetune.lr_scheduler=cosine",
            "_target_=torch.optim.lr_scheduler.CosineAnnealingLR` does",
        ),
        (
            "+tracking.loggers.csv=true",
            "_target_=lightning.pytorch.loggers.CSVLogger` does, got True",
        ),
        (
            "+trainer.callbacks.es._target_=EarlyStopping",
            "_target_=lightning.pytorch.callbacks.EarlyS",
        ),
        ("finetune.precision=bf16-mixed", "did you mean `finetune.precision=bf16`?"),
        ("quantization.bits=4", "`quantization=mixed`, for example, names one"),
        ("+sparsity.caps=layer1.*:0.5", "write `sparsity.caps={layer1.*: 0.5}`"),
        (
            "model.weights=https://example.org/a.pt",
            "are an address; download them, and give the file",
        ),
        ("tracking.uri=sqlite:////proc/x.db", "`tracking.uri=/proc`: /proc cannot be written to"),
        (
            "+sweep=resnet +search.objectives.macs=Minimize",
            "did you mean `search.objectives.macs=min",
        ),
        ("sparsity.ratios=0.5", "must hold values by name, such as `+sparsity.ratios.NAME=VALUE`"),
        ("device=gpu", "did you mean `device=cuda`?"),
        ("device=CPU", "did you mean `device=cpu`?"),
        ("sparsity.allocation=global", "write `allocation=global`"),
        ("allocation=Global", "did you mean `global`?"),
        ("model._target_=MyNet", "must name a module and a class or function in it"),
        ("model._target_=my_net:MyNet", "function in it, such as `my_net.MyNet`"),
    ],
)
def test_of_a_value(tmp_path: Path, argument: str, sentence: str) -> None:
    assert_refused(run_train(tmp_path, *argument.split()), sentence, tmp_path)


def test_a_home_folder_is_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    arguments = "data=imagefolder", "data.root=~/my images"
    assert_refused(run_train(tmp_path, *arguments), f"`data.root={tmp_path}/my images`", tmp_path)


def test_what_was_evidently_meant_is_done(tmp_path: Path) -> None:
    """Only the one mistake that is no near miss is reported."""
    meant = (
        "sweep=resnet sparsity.max_size_bytes=50kb sparsity.max_macs=1.5M sparsity.max_params=50KiB"
        " sparsity.max_latency_ms=5ms sparsity.min_accuracy=90% sparsity.caps={layer1.*:50%}"
    )
    done = run_train(tmp_path, *meant.split(), "search.budget=10 minutes", "seed=x")
    assert done.err == "error: `seed` must be a whole number, got 'x'\n"


@pytest.mark.parametrize(
    ("command", "arguments", "sentence"),
    [
        (run_pick, "x trial = 3", "write `trial=3`, no spaces"),
        (run_pick, "x format= onnx", "write `format=onnx`, no spaces"),
        (run_pick, "x rule=", "`rule=` has no value; give one, or leave `rule=` out"),
        (run_pick, "x --rule=knee", "settings have no dashes: `rule=knee`"),
        (run_pick, "--rule=knee x", "settings have no dashes: `rule=knee`"),
        (run_pick, "rule=knee", "a sweep must be named before `rule=knee`"),
        (run_pick, "--shell-completion", "`--shell-completion` is no option of this command"),
        (run_report, "--shell-completion", "`--shell-completion` is no option of this command"),
        (run_report, "x serve=true port=80000", "`port=80000` must be at most 65535"),
        (run_report, "x serve = true", "write `serve=true`, no spaces"),
        (run_compare, "out=x.html", "sweeps to compare must be named"),
        (run_compare, "x --out=y", "settings have no dashes: `out=y`"),
        (run_latency, "--x", "`--x` is no option of this command"),
        (run_latency, "x engine=onnx", "did you mean `engine=onnxruntime`?"),
        (run_latency, "x device=cuda:0", "did you mean `device=cuda`?"),
        (run_inspect, "model=resnet50", "write `model=torchvision model.name=resnet50`"),
    ],
)
def test_of_other_commands(tmp_path: Path, command: Command, arguments: str, sentence: str) -> None:
    assert_refused(command(tmp_path, *arguments.split()), sentence, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("format=ONNX", "did you mean `format=onnx`?"),
        ("formats=onnx", "`formats` is not an option; did you mean `format`?"),
        ("max_macs=50kbit", "`max_macs` must be a number, as in `50000`, `50k`"),
        ("max_latency_ms=1x", "must be a time in milliseconds"),
        ("max_accuracy_drop=a", "must be a percentage, as in `0.5` or `0.5%`"),
        ("max_accuracy_drop=1% max_drop=1% max_macs=50kB max_latency_ms=5ms n=x", "`n=x` must be"),
    ],
)
def test_of_options_of_a_pick(tmp_path: Path, arguments: str, sentence: str) -> None:
    """A sweep may be named by its path, too."""
    (tmp_path / "sweeps/x").mkdir(parents=True)
    (tmp_path / "sweeps/x/config.yaml").touch()
    done = run_pick(tmp_path, "sweeps/x/", *arguments.split())
    assert done.code == 2
    assert done.err.count("\n") == 1 and sentence in done.err


def test_a_port_of_the_ui_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["paretoprune-ui", "port=99999"])
    with pytest.raises(SystemExit, match="2"):
        ui.main()
    assert capsys.readouterr().err == "error: `port=99999` must be at most 65535\n"


def assert_refused(done: Run, sentence: str, folder: Path) -> None:
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not any(folder.iterdir())
