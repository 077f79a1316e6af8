"""Workers as actors of Ray on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from paretoprune.errors import SweepError
from tests import engines
from tests.executors.kit import Trials, check_a_sweep, context_of

engines.needs_package("ray", "ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of Ray's own imports and sockets
    pytest.mark.timeout(400),  # starting Ray takes long on a busy machine
]


def test_a_sweep(tmp_path: Path) -> None:
    from paretoprune.executors.ray_actors import RayActors

    executor = RayActors(context_of(Trials(tmp_path), tmp_path, workers=2))
    workers = {line.split()[1] for line in check_a_sweep(executor, tmp_path)}
    assert len(workers) == 3, "two, and one in place of the one that was killed"


def test_an_address_without_a_cluster_is_reported_at_once() -> None:
    from paretoprune.executors.ray_actors import RayActors

    with pytest.raises(SweepError, match=r"no Ray cluster at `executor\.address=127\.0\.0\.1:9`"):
        RayActors(context_of(Trials(Path()), Path(), workers=1), address="127.0.0.1:9")


@pytest.mark.parametrize("address", [None, "auto"])
def test_a_token_where_ray_puts_it_is_used_for_clusters_that_were_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """`ray start --head` asks for it as soon as the file is there; a client needs it, too."""
    from paretoprune.executors import ray, ray_actors

    token = tmp_path / "auth_token"
    token.write_text("of a cluster")
    monkeypatch.setattr(ray, "_TOKEN", token)
    monkeypatch.setattr(ray_actors, "RayActors", lambda *_, **__: None)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    ray.ray(context_of(Trials(tmp_path), tmp_path, workers=1), address=address)
    assert os.environ.pop("RAY_AUTH_MODE", None) == (address and "token")
