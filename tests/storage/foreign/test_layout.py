"""Files in the place of folders, and links that lead out of a sweep or an exported model."""

from __future__ import annotations

from pathlib import Path

import pytest

from paretoprune.errors import SettingsError, SweepError, WeightsError
from paretoprune.storage.cache import KINDS, DiskCache
from paretoprune.storage.foreign.layout import check_exported, check_sweep
from paretoprune.storage.sweep_folder import SweepFolder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep's folder with a trial, a picked model, a link inside it, and a secret beside it."""
    folder = tmp_path / "sweeps" / "mine"
    for name in ("trials/0001", "dense", "picked/0001"):
        (folder / name).mkdir(parents=True)
        (folder / name / "model.safetensors").write_text(name)
    (folder / "config.yaml").write_text("seed: 0")
    (folder / "latest").symlink_to("trials/0001")
    (folder / "trials" / "notes.txt").write_text("no trial")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s3cret")
    return folder


def test_a_sweep_with_links_inside_it_is_used(sweep: Path) -> None:
    check_sweep(sweep)
    check_sweep(sweep.with_name("not-there"))
    elsewhere = sweep.parent / "link"
    elsewhere.symlink_to(sweep)
    check_sweep(elsewhere)
    check_exported(elsewhere / "picked" / "0001")


@pytest.mark.parametrize("name", ["trials", "dense", "picked", "trials/0002", "."])
def test_a_file_in_the_place_of_a_folder_is_named(sweep: Path, tmp_path: Path, name: str) -> None:
    place = sweep / name
    if name == ".":
        place = sweep = tmp_path / "sweeps" / "other"
    else:
        place = sweep / name
    if place.is_dir():
        place.rename(place.with_name("moved"))
    place.write_text("mine")
    with pytest.raises(SweepError, match=rf"{place} must be a folder, and is a file; move it"):
        check_sweep(sweep)
    assert place.read_text() == "mine"


LINKS = {
    "absolute": lambda root: root / "secret" / "key",
    "upwards": lambda root: Path("../../secret/key"),
    "further": lambda root: Path("trials/0001/../../../../secret"),
    "system": lambda root: Path("/etc/passwd"),
    "loop": lambda root: Path("link"),
    "dangling": lambda root: Path("nowhere"),
    "device": lambda root: Path("/dev/zero"),
    "parent": lambda root: Path(".."),
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_that_leads_out_is_an_error(sweep: Path, tmp_path: Path, kind: str) -> None:
    (sweep / "link").symlink_to(LINKS[kind](tmp_path))
    sentence = "leads nowhere" if kind in ("loop", "dangling") else f"is a link out of {sweep}, to"
    with pytest.raises(SweepError, match=f"{sweep}/link is a link.*remove (it|the link)") as error:
        check_sweep(sweep)
    assert sentence in str(error.value)


@pytest.mark.parametrize("place", ["driver.lock", "trials/0001/log.txt", "dense/groups.json"])
def test_the_links_of_a_sweep_are_found_at_any_depth(
    sweep: Path, tmp_path: Path, place: str
) -> None:
    (sweep / place).symlink_to(tmp_path / "secret" / "key")
    folder = SweepFolder(sweep)
    for read in (folder.read_config, folder.read_results):
        with pytest.raises(SweepError, match=f"{place} is a link out of"):
            read()
    assert (tmp_path / "secret" / "key").read_text() == "s3cret"


def test_files_of_an_exported_model_may_lie_elsewhere_but_not_nowhere(sweep: Path) -> None:
    link = sweep / "picked/0001/plan.json"
    link.symlink_to(sweep / "config.yaml")
    check_exported(sweep / "picked/0001")
    for nowhere in (sweep / "not-there", link):
        link.unlink()
        link.symlink_to(nowhere)
        with pytest.raises(WeightsError, match=r"is no exported model: .* leads nowhere"):
            check_exported(sweep / "picked/0001")


@pytest.mark.parametrize("kind", [*KINDS, ""])
def test_a_file_in_the_place_of_a_folder_of_the_cache_is_named(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "cache" / kind
    place.parent.mkdir(exist_ok=True)
    DiskCache(tmp_path / "cache")
    place.write_text("mine")
    with pytest.raises(SettingsError, match=f"{place} is no folder.*choose another `cache_dir`"):
        DiskCache(tmp_path / "cache")
    place.unlink()
    place.symlink_to(place.name)
    with pytest.raises(SettingsError, match="is no folder"):
        DiskCache(tmp_path / "cache")
