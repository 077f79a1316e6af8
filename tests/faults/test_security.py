"""Configs and files from elsewhere: they call nothing, and lead nowhere, but where they may."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretoprune.config.load import load_settings
from paretoprune.config.target import Target
from paretoprune.config.targets.arguments import find_mistakes
from paretoprune.errors import SettingsError, WeightsError
from paretoprune.models import load_weights
from paretoprune.pruning.structured.checkpoint import load_state
from tests.config.test_load import composed
from tests.kits.commands import TINY, run_train

CODE = [
    "os.system",
    "subprocess.run",
    "builtins.eval",
    "torch.load",
    "torch.hub.load",
    "joblib.load",
    "pandas.read_pickle",
    "numpy.load",
    "mlflow.pyfunc.load_model",
    "torch.nn.modules.os.system",
    "torch.nn.modules.module.torch.load",
    "torch.nn.modules.module.functools.partial",
    "torchvision.models.os",
    "torchvision.models._utils.torch",
    "torchvision.models.resnet.load_state_dict_from_url",
    "torch.nn.Module.__init__.__globals__",
    "torch.nn.Linear.__init_subclass__",
    "paretoprune.models.weights.torch.load",
    "paretoprune.models.weights.pickle.loads",
    "paretoprune.data.npz_files.np.load",
    "optuna.samplers._tpe.sampler.warnings.warn",
]


def mistakes_of(target: Target, trust: tuple[str, ...] = ()) -> list[str]:
    return find_mistakes(replace(target, trust=trust), setting="model")


@pytest.mark.parametrize("path", CODE)
@pytest.mark.parametrize("trusting", [False, True])
def test_what_runs_code_is_no_target_even_if_trusted(path: str, trusting: bool) -> None:
    trust = (path.split(".")[0], path) if trusting else ()
    assert mistakes_of(Target(path=path), trust)


@pytest.mark.parametrize(
    "arguments",
    [
        {"_args_": [{"_target_": "os.system"}]},
        {"_partial_": True, "layers": {"first": [{"_target_": "os.system"}]}},
        {"hook": {"_target_": "torch.nn.Linear", "bias": {"_target_": "os.system"}}},
    ],
)
def test_what_runs_code_is_found_wherever_it_hides(arguments: dict[str, object]) -> None:
    [sentence] = mistakes_of(Target(path="torch.nn.Sequential", arguments=arguments))
    assert "=os.system` is outside the trusted packages" in sentence


def test_a_trusted_package_lends_its_trust_to_no_other() -> None:
    path = "tests.kits.commands.os.system"
    assert "cannot be imported" in mistakes_of(Target(path=path), ("tests.kits",))[0]
    path = "tests.kits.commands.redirect_stdout"
    assert "leads to `contextlib`" in mistakes_of(Target(path=path), ("tests.kits",))[0]
    unbound = Target(path="tests.kits.own_model.OwnNet.forward")
    assert "cannot be imported" in mistakes_of(unbound, ("tests.kits",))[0]
    own = Target(path="tests.kits.own_model.OwnNet", arguments={"width": 8, "num_classes": 2})
    assert mistakes_of(own, ("tests.kits",)) == []


HYDRA = """# @package _global_
hydra:
  callbacks:
    evil: {_target_: CALLED, filename: boom.pkl}
"""


@pytest.mark.parametrize("called", ["joblib.load", "pandas.read_pickle", "os.system"])
def test_a_config_from_elsewhere_cannot_have_hydra_call_anything(
    tmp_path: Path, called: str
) -> None:
    (tmp_path / "conf" / "sweep").mkdir(parents=True)
    (tmp_path / "conf" / "sweep" / "evil.yaml").write_text(HYDRA.replace("CALLED", called))
    (tmp_path / "boom.pkl").write_bytes(pickle.dumps(Boom(tmp_path / "owned")))
    done = run_train(tmp_path, "--config-dir", "conf", "+sweep=evil", *TINY)
    assert done.code == 2
    assert f"a config sets `hydra.callbacks.evil._target_={called}`, which it must not" in done.err
    assert {path.name for path in tmp_path.iterdir()} == {"conf", "boom.pkl"}


class Boom:
    """A pickle that leaves a file where it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_weights_that_are_a_pickle_are_not_opened(tmp_path: Path) -> None:
    owned, model = tmp_path / "owned", torch.nn.Linear(1, 1)
    torch.save({"weight": Boom(owned)}, tmp_path / "evil.pt")
    (tmp_path / "evil.safetensors").write_bytes(pickle.dumps(Boom(owned)))
    for name in ("evil.pt", "evil.safetensors"):
        with pytest.raises(WeightsError):
            load_weights(model, tmp_path / name)
    with pytest.raises(WeightsError):
        load_state(model, tmp_path / "evil.safetensors")
    assert not owned.exists()


def test_nothing_of_ours_keeps_a_pickle_or_opens_a_strange_one() -> None:
    """Two modules pickle in memory alone, and are left out.

    `measure/memory.py` gives a model to a process of its own; `testing/tasks.py` copies a task.
    """
    package = Path(__file__).resolve().parents[2] / "src" / "paretoprune"
    texts = {str(path.relative_to(package)): path.read_text() for path in package.rglob("*.py")}
    del texts["measure/memory.py"], texts["testing/tasks.py"]
    assert {"models/weights.py"} == {
        name for name, text in texts.items() if "import pickle" in text
    }
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    loads = [line for line in lines if "torch.load(" in line]
    assert loads
    assert all("weights_only=True" in line for line in loads)
    saves = [line for line in lines if " torch.save(" in line or "pickle.dump" in line]
    assert saves == []


@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "..", ".hidden", "a\\b", ""])
def test_a_sweep_cannot_leave_its_folder(name: str) -> None:
    with pytest.raises(SettingsError, match="must be made of letters, digits"):
        load_settings({**composed(), "name": name})


@pytest.mark.parametrize(
    "place",
    [
        "http://me:s3cr3t-w0rd@127.0.0.1:1",
        "http://me:a/s3cr3t-w0rd@127.0.0.1:1",
        "http://127.0.0.1:1/x?page=s3cr3t-w0rd",
    ],
)
def test_no_secret_of_a_tracking_uri_is_printed_or_stored(tmp_path: Path, place: str) -> None:
    arguments = [a for a in TINY if a != "tracking=none"]
    done = run_train(tmp_path, *arguments, f"tracking.uri='{place}'", "name=secret")
    assert done.code == 0, done.err
    assert "s3cr3t" not in done.out + done.err
    for path in (tmp_path / "sweeps").rglob("*"):
        assert not path.is_file() or b"s3cr3t" not in path.read_bytes(), path
