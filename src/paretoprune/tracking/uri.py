"""Tracking URIs: resolution, validation, and display without passwords."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from paretoprune.config.redact import HIDDEN, redact_uri
from paretoprune.errors import SettingsError

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS = ("http", "https")
# Credentials whose password contains characters that end the authority part of a URI.
_UNQUOTED = re.compile(r"(?<=://)([^/?#@]*:(?!\d+[/?#])[^@]*[/?#].*)@")


def resolve_uri(uri: str | None, *, root: Path) -> str:
    """Return the tracking URI: the one given, else MLFLOW_TRACKING_URI, else `mlflow.db` in `root`.

    A relative SQLite path is resolved against `root`, so that it is independent of the working
    directory.

    Raises:
        SettingsError: the URI is of a kind that MLflow does not support, or comes from a stored
            config without its password, and MLFLOW_TRACKING_URI is not set.
    """
    uri = _whole(uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    scheme = uri.partition("://")[0].partition("+")[0].lower()
    if "://" not in uri or scheme not in _DATABASES + _SERVERS:
        raise SettingsError([_no_such_place(uri, root)])
    if scheme in _SERVERS:
        return _UNQUOTED.sub(lambda found: quote(found[1], safe=":%") + "@", uri)
    if scheme != "sqlite":
        return uri
    url = _parsed(uri)
    if url is None or url.host or not url.database or url.database == ":memory:":
        raise SettingsError([_no_such_place(uri, root)])
    return _written(url.set(database=(root.resolve() / url.database).as_posix()))


def sqlite_uri(file: Path) -> str:
    """Return the URI of a SQLite file, with special characters of URIs (`?`, `%`) escaped."""
    return _written(URL.create("sqlite", database=file.as_posix()))


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a resolved SQLite URI; None for other URIs."""
    if not uri.startswith("sqlite"):
        return None
    return Path(make_url(uri).database or "")


def is_server(uri: str) -> bool:
    """Return True if an MLflow server stores the runs, rather than a database opened here."""
    return uri.startswith(tuple(f"{scheme}://" for scheme in _SERVERS))


def _whole(uri: str) -> str:
    """Restore what a stored config hides; hidden options of a SQLite file are left out."""
    if HIDDEN not in uri:
        return uri
    if uri.startswith("sqlite"):
        place, _, options = uri.partition("?")
        kept = "&".join(one for one in options.split("&") if one and HIDDEN not in one)
        return f"{place}?{kept}" if kept else place
    if whole := os.environ.get("MLFLOW_TRACKING_URI"):
        return whole
    raise SettingsError(
        [f"the password in `tracking.uri={uri}` is not stored; set MLFLOW_TRACKING_URI"]
    )


def _no_such_place(uri: str, root: Path) -> str:
    example = sqlite_uri(root.resolve() / "mlflow.db")
    return (
        f"`tracking.uri` must name a database file or an MLflow server, got `{redact_uri(uri)}`; "
        f"write for example `{example}` or `http://localhost:5000`"
    )


def _parsed(uri: str) -> URL | None:
    try:
        return make_url(uri)
    except ArgumentError:
        return None


def _written(url: URL) -> str:
    return url.render_as_string(hide_password=False)
