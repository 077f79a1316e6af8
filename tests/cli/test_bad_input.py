"""Bad input: a clear sentence, exit code 2, nothing written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kits.commands import OWN, SWEEP, TINY, run_inspect, run_pick, run_train


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("+sweep=resnt",), "there is no sweep `resnt`; did you mean `resnet`? there are: detect"),
        (("model=resnet21",), "there is no model `resnet21`; did you mean"),
        (("scorer=tailor",), "there is no scorer `tailor`; did you mean `taylor`?"),
        (("serch.n_trials=5",), "`serch` is not a setting; did you mean `search`?"),
        (("sparsity.ratio=1.0",), "`sparsity.ratio` must be less than 1, got 1.0"),
        (("sparsity.ratio=-0.1",), "`sparsity.ratio` must be greater than or equal to 0"),
        ((*SWEEP, "sparsity.max_macs=10"), "no candidate can meet the limit"),
        ((*TINY, "sparsity.latency=0.0001"), "`sparsity.latency=0.0001` cannot be reached"),
        ((*TINY, "sparsity.latency=0.5", "measure=fast"), "needs `measure.latency=true`"),
        ((*TINY, "sparsity.macs=0.0001"), "`sparsity.macs=0.0001` cannot be reached"),
        ((*TINY, "+sparsity.ratios.conv9=0.5"), "conv9, which can't be pruned; the groups are"),
        ((*TINY, "model.weights=none.safetensors"), "none.safetensors"),
        ((*TINY, "data=npz", "data.path=none.npz"), "none.npz"),
        (
            (*TINY, "~model.width", "model._target_=tests.kits.own_model.Auxiliary"),
            "in training mode the model's output must have the shape (8, 10)",
        ),
        ((*TINY, "device=cuda"), "torch sees no CUDA device"),
        (("-m", "+sweep=resnet"), "`-m` makes a grid of single runs"),
        (("finetune.epochs",), "`finetune.epochs` is not understood; write `key=value`"),
        (("=3",), "`=3` is not understood; write `key=value`"),
        (("seed=[1,",), "`seed=[1,` is not understood; write `seed=[1,]`"),
        (("--config-dir",), "--config-dir"),
        ((*TINY, "data.batch_size=0"), "`data.batch_size` must be greater than or equal to 1"),
        (("scorer=taylor", "scorer.batches=0"), "`scorer.batches` must be greater than or equal"),
        (("scorer=reconstruction", "scorer.batches=0"), "`scorer.batches` must be greater than or"),
        ((*TINY, "tracking.enabled=true", "tracking.uri=foo://x"), "`tracking.uri` must name a"),
        ((*SWEEP, "search.storage=foo://x"), "names no kind of database that there is: `foo`"),
        ((*SWEEP, "search.storage=sqlite:///no/x.db"), "`search.storage` cannot be used: there is"),
        ((*SWEEP, "sparsity.max_size_bytes=10"), "no candidate can meet the limit"),
    ],
)
def test_a_mistake_is_reported_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    if "device=cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = run_train(tmp_path, *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("finetune.epochs", "=", "5"), "write `finetune.epochs=5`, no spaces"),
        (("model.weights=",), "`model.weights=` has no value; give one, or write `model.weights="),
        (("scorer=",), "`scorer=` has no value"),
        (("epochs=5",), "did you mean `model.train.epochs` or `finetune"),
        (("lr=0.1",), "did you mean `model.train.learning_rate` or `finetune.learning_rate`?"),
        (("batch_size=8",), "`data.batch_size`"),
        (("models=resnet20",), "`models` is not a setting; did you mean `model`?"),
        (("model=resnet50",), "write `model=torchvision model.name=resnet50`"),
        (("search=tpe", "name=x", "search.objectives.latency=minimize"), "mean `latency_ms`?"),
        (("device=cuda:1",), "by the environment: CUDA_VISIBLE_DEVICES=1, with `device=cuda`"),
        (("--shell-completion", "install=bash"), "`--shell-completion` is no option"),
    ],
)
def test_a_near_miss_is_reported_with_what_was_meant(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run_train(tmp_path, *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert not any(tmp_path.iterdir())


def test_trust_of_one_package_needs_no_brackets(tmp_path: Path) -> None:
    done = run_train(tmp_path, "model=own", TINY[0], "model.width=8", f"trust={OWN}", "seed=x")
    assert done.code == 2
    assert "trusted packages" not in done.err


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (np.array(["cat", "dog"] * 20), "np.unique(labels, return_inverse=True)"),
        (np.arange(40) % 4 + 1, "counted from 1, subtract 1"),
        (np.arange(40) % 4 * 2, "np.unique(labels, return_inverse=True)"),
        (np.arange(40) / 1.0, "labels.astype(np.int64)"),
    ],
)
def test_labels_that_are_no_class_numbers_come_with_advice(
    tmp_path: Path, labels: np.ndarray, advice: str
) -> None:
    images = np.zeros((40, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels)
    done = run_train(tmp_path, "data=npz", "data.path=d.npz")
    assert done.code == 2
    assert advice in done.err


def test_a_cache_that_cannot_be_written_to_is_reported_by_inspect(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_inspect(tmp_path, "cache_dir=file/below")
    assert done.code == 2
    assert f"`cache_dir=file/below`: {tmp_path / 'file'} is no folder" in done.err


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [
        (
            ("seed=x", "finetune.epoch=1", "measure.latency_repeats=1"),
            ["`finetune.epoch` is", "`seed` must", "`measure.latency_repeats` must"],
        ),
        (
            ("model=resnet21", "scorer=foo", "seed=x", "search=tpe", "name=x", "search.n_trails=5"),
            [
                "there is no model `resnet21`; did you mean `resnet20`?",
                "there is no scorer `foo`; there are:",
                "`search.n_trails` is not a setting; did you mean `search.n_trials`?",
                "`seed` must be",
            ],
        ),
        (
            ("model=timmm", "model.name=resnet18"),
            ["there is no model `timmm`; did you mean `timm`"],
        ),
        (("+sweep=none", "search.n_trials=5"), ["there is no sweep `none`"]),
        (
            ("seed=0,1", "seed=[1,", "=3", "nonsense", "sparsity.ratio=2"),
            [
                "`seed=0,1` gives several values; add `-m` for a run with each, or write",
                "`seed=[1,` is not understood",
                "`=3` is not understood",
                "`nonsense` is not understood",
                "`sparsity.ratio` must be less than 1",
            ],
        ),
        (
            ("-m", "seed=0,x", "model=resnet20,resnet21", "search=tpe"),
            [
                "`-m` makes a grid of single runs",
                "there is no model `resnet21`",
                "`seed` must be a whole number",
                "a sweep needs a `name`",
            ],
        ),
    ],
)
def test_all_mistakes_are_reported_at_once(
    tmp_path: Path, arguments: tuple[str, ...], starts: list[str]
) -> None:
    done = run_train(tmp_path, *arguments)
    assert done.code == 2
    reported = [line.strip() for line in done.err.removeprefix("error: ").splitlines()]
    for sentence, start in zip(sorted(reported), sorted(starts), strict=True):
        assert sentence.startswith(start)
    assert not any(tmp_path.iterdir())


def test_of_a_grid_every_run_is_checked_before_the_first(tmp_path: Path) -> None:
    done = run_train(tmp_path, *TINY, "-m", "sparsity.ratio=0.1,1.5", "seed=0,1")
    assert done.code == 2
    assert done.err == "error: `sparsity.ratio` must be less than 1, got 1.5\n"
    assert not any(tmp_path.iterdir())


def test_other_data_under_the_same_settings_are_refused_and_nothing_is_touched(
    tmp_path: Path,
) -> None:
    rng = np.random.default_rng(0)
    data = (*TINY, "name=one", "data=npz", "data.path=d.npz")
    for times in (1, 2):
        images = rng.integers(0, 255, (60, 8, 8), dtype=np.uint8)
        np.savez(tmp_path / "d.npz", x_train=images, y_train=np.arange(60) % 10)
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
        done = run_train(tmp_path, *data)
        assert done.code == (0 if times == 1 else 2)
    assert "was made from other data" in done.err
    assert "changed since: the training inputs, the validation inputs and the test in" in done.err
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_weights_that_do_not_fit_name_the_keys(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(1), "other": torch.zeros(1)}, tmp_path / "w.pt")
    done = run_train(tmp_path, *TINY, "model.weights=w.pt")
    assert done.code == 2
    assert "other" in done.err
    assert "11 missing (features.1.weight" in done.err


@pytest.mark.parametrize("wrong", ["labels", "shape", "truncated"])
def test_data_that_are_wrong_are_named(tmp_path: Path, wrong: str) -> None:
    images = np.zeros((40, 8, 8), dtype=np.uint8)
    labels = np.arange(40) % 10
    if wrong == "labels":
        labels[3] = -1
    if wrong == "shape":
        images = images[:, 0]
    np.savez(tmp_path / "d.npz", x_train=images, y_train=labels)
    if wrong == "truncated":
        (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:200])
    done = run_train(tmp_path, *TINY, "data=npz", "data.path=d.npz")
    assert done.code == 2
    assert "d.npz" in done.err


def test_an_empty_front_is_reported(tmp_path: Path) -> None:
    done = run_train(tmp_path, *SWEEP, "sparsity.min_accuracy=100")
    assert done.code == 0
    assert "worse than `sparsity.min_accuracy=100`" in done.out
    assert "The front is empty: loosen the limits under `sparsity`" in done.out
    done = run_pick(tmp_path, "tiny", "trial=1.5")
    assert done.code == 2
    assert "`trial=1.5` must be the number of a trial" in done.err
    done = run_pick(tmp_path, "tiny")
    assert done.code == 2
    assert "the front is empty" in done.err


@pytest.mark.parametrize("setting", ["sweeps_dir", "cache_dir"])
def test_a_place_that_cannot_be_written_to_is_reported_first(tmp_path: Path, setting: str) -> None:
    (tmp_path / "file").touch()
    done = run_train(tmp_path, *TINY, f"{setting}=file/below")
    assert done.code == 2
    assert f"`{setting}=file/below`: {tmp_path / 'file'} is no folder" in done.err
