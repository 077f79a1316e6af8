"""Locations of MLflow's runs: defaults, relative paths, refusals, and no secret in any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from paretoprune.config.redact import redact, redact_uri
from paretoprune.errors import SettingsError
from paretoprune.tracking.uri import is_server, resolve_uri, sqlite_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://user:pass@host:5000/x", "https://***@host:5000/x"),
        ("https://user:p@ss@host", "https://***@host"),
        ("postgresql+psycopg2://me:secret@db/mlflow", "postgresql+psycopg2://***@db/mlflow"),
        (
            "cannot reach https://a:b@h/x or http://c@d/y",
            "cannot reach https://***@h/x or http://***@d/y",
        ),
        ("postgresql://me:pa/ss@db/mlflow", "postgresql://***@db/mlflow"),
        ("http://me:1/2?3#4@host:5000/x", "http://***@host:5000/x"),
        ("https://host/x?token=abc&page=2", "https://host/x?token=***&page=***"),
        ("with url: /api?auth=abc (Caused by x)", "with url: /api?auth=*** (Caused by x)"),
        ("postgresql://db/x?sslpassword=abc", "postgresql://db/x?sslpassword=***"),
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("http://localhost:5000/a@b", "http://***@b"),  # it might be a password
        ("did you mean `a=b`? seed=1", "did you mean `a=b`? seed=1"),
        ("https://host/?abc", "https://host/?***"),
        ("https://host/x?abc&page=2 (no answer)", "https://host/x?***&page=*** (no answer)"),
        ('https://host/x?token="a b"&page=2', "https://host/x?token=***&page=***"),
        ("got `http:/me:pass@host`", "got `http:/***@host`"),
        ("got `//me:pass@host/x`", "got `//***@host/x`"),
        ("sqlite:////a/b?abc=1", "sqlite:////a/b?abc=***"),
        ("see https://host/x? It says so", "see https://host/x? It says so"),
        ("no answer: http://me:my pass@host/x", "no answer: http://***@host/x"),
        ("`postgresql://me:p@ss w@rd@db/x`: no", "`postgresql://***@db/x`: no"),
        ("got 'mysql://:it's \"so\"@db'", "got 'mysql://***@db'"),
        ("from http://a:b c@d to http://e:f g@h", "from http://***@d to http://***@h"),
        ("http://me:5000@host", "http://***@host"),
        ("http://me:5000pass word@host", "http://***@host"),
        ("http://host:5000 is down; ask a@b", "http://host:5000 is down; ask a@b"),
        ("`http://host`: no answer, ask a@b", "`http://host`: no answer, ask a@b"),
        ("1//2 of a:b and a@b.c", "1//2 of a:b and a@b.c"),
    ],
)
def test_redact(text: str, expected: str) -> None:
    assert redact(text) == expected


@given(password=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1))
def test_no_password_of_running_text_is_left(password: str) -> None:
    assume(not password[0].isdigit() and "://" not in password)
    for before, after in (("", ""), ("cannot reach `", "`: no answer"), ("{'uri': '", "'}")):
        text = f"{before}http://me:{password}@host/x{after}"
        assert redact(text) == f"{before}http://***@host/x{after}"


def test_a_whole_uri_may_have_anything_in_its_password() -> None:
    assert redact_uri("mysql://me:a b'c`d/e@db/x?ssl=k") == "mysql://***@db/x?ssl=***"
    assert redact_uri("sqlite:////home/me@work/x.db") == "sqlite:////home/me@work/x.db"
    assert redact_uri("300") == "300"
    assert redact_uri("http://me:p?x=y@host/z") == "http://***@host/z"
    assert redact_uri("https://host/x?a=b c'd&e=f") == "https://host/x?a=***&e=***"
    for misspelt in ("http:/me:pass@host", "me:pass@host", "//me:pass@host", "http//me:pass@host"):
        assert redact_uri(misspelt) == "***@host"
    assert redact_uri("/home/me@work/x.db") == "/home/me@work/x.db"


def test_a_servers_password_may_hold_what_ends_a_host(tmp_path: Path) -> None:
    assert resolve_uri("http://me:p/a?s#s@host:5000", root=tmp_path) == (
        "http://me:p%2Fa%3Fs%23s@host:5000"
    )
    for as_it_is in ("http://me:p%2Fa@host:5000", "http://host:5000/a@b", "http://me:pass@host/x"):
        assert resolve_uri(as_it_is, root=tmp_path) == as_it_is


def test_what_a_stored_config_hides_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = redact_uri("postgresql://me:secret@db/mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(SettingsError, match="set MLFLOW_TRACKING_URI"):
        resolve_uri(stored, root=tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:secret@db/mlflow")
    assert resolve_uri(stored, root=tmp_path) == "postgresql://me:secret@db/mlflow"
    hidden = redact_uri("sqlite:////abs/a.db?timeout=5")
    assert resolve_uri(hidden, root=tmp_path) == "sqlite:////abs/a.db"


def test_default_is_the_file_that_plain_mlflow_ui_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert resolve_uri(None, root=tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert sqlite_file(resolve_uri(None, root=tmp_path)) == tmp_path / "mlflow.db"


def test_the_environment_names_the_place_unless_the_settings_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert resolve_uri(None, root=tmp_path) == "http://tracking:5000"
    assert resolve_uri("http://other", root=tmp_path) == "http://other"


def test_a_relative_path_is_taken_from_the_root(tmp_path: Path) -> None:
    assert resolve_uri("sqlite:///runs/a.db", root=tmp_path) == f"sqlite:///{tmp_path}/runs/a.db"
    assert resolve_uri("sqlite:////abs/a.db?timeout=5", root=tmp_path) == (
        "sqlite:////abs/a.db?timeout=5"
    )
    assert sqlite_file("sqlite:////abs/a.db?timeout=5") == Path("/abs/a.db")


@pytest.mark.parametrize("name", ["a?b", "a{y}b", "50% a%3Fb", "a#b c=1 [x] \u00e9", "me@work"])
def test_any_folder_gives_a_uri_that_leads_back_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    uri = resolve_uri(None, root=tmp_path / name)
    file = tmp_path / name / "mlflow.db"
    assert sqlite_file(uri) == file
    assert sqlite_file(resolve_uri(uri, root=tmp_path)) == file
    assert make_url(uri).database == str(file)


def test_servers_and_databases_are_distinguished() -> None:
    assert is_server("https://user:pass@host")
    assert not is_server("postgresql://host/x")
    assert sqlite_file("http://host") is None


@pytest.mark.parametrize(
    "uri",
    [
        "./mlruns",
        "file:./mlruns",
        "file:///a/mlruns",
        "sqlite://",
        "sqlite:///:memory:",
        "ftp://u:p@h/x",
    ],
)
def test_places_where_mlflow_keeps_no_runs_are_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"`tracking\.uri` must name .* got `") as caught:
        resolve_uri(uri, root=tmp_path)
    assert f"sqlite:///{tmp_path}/mlflow.db" in str(caught.value)
    assert "u:p" not in str(caught.value)
