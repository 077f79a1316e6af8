"""Where MLflow keeps its runs, and how to name that place without telling its password."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

from paretoprune.config.redact import HIDDEN, redact_uri
from paretoprune.errors import SettingsError

_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_SERVERS = ("http", "https")
# A name and a password that holds what would end the part before the host.
_UNQUOTED = re.compile(r"(?<=://)([^/?#@]*:(?!\d+[/?#])[^@]*[/?#].*)@")


def resolve_uri(uri: str | None, *, root: Path) -> str:
    """The tracking URI to use: the one given, else MLFLOW_TRACKING_URI, else `mlflow.db` in `root`.

    A relative SQLite path is taken from `root`, so that it means the same from every folder.

    Raises:
        SettingsError: the URI names a kind of place in which MLflow keeps no runs, or comes from a
            stored config, without its password, and MLFLOW_TRACKING_URI is not set.
    """
    uri = _whole(uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db")
    scheme = uri.partition("://")[0].partition("+")[0].lower()
    if "://" not in uri or scheme not in _DATABASES + _SERVERS:
        raise SettingsError([_no_such_place(uri, root)])
    if scheme in _SERVERS:
        return _UNQUOTED.sub(lambda found: quote(found[1], safe=":%") + "@", uri)
    if scheme != "sqlite":
        return uri
    prefix, _, rest = uri.partition(":///")
    path, mark, options = rest.partition("?")
    if not path or path == ":memory:":
        raise SettingsError([_no_such_place(uri, root)])
    return f"{prefix}:///{(root.resolve() / path).as_posix()}{mark}{options}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a resolved SQLite URI, None for every other kind of URI."""
    if not uri.startswith("sqlite"):
        return None
    return Path(uri.partition(":///")[2].partition("?")[0])


def is_server(uri: str) -> bool:
    """Whether the runs are kept by an MLflow server, rather than by a database opened here."""
    return uri.startswith(tuple(f"{scheme}://" for scheme in _SERVERS))


def _whole(uri: str) -> str:
    """The URI with what a stored config hides; options of a SQLite file can be left out."""
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
    example = f"sqlite:///{(root.resolve() / 'mlflow.db').as_posix()}"
    return (
        f"`tracking.uri` must name a database file or an MLflow server, got `{redact_uri(uri)}`; "
        f"write for example `{example}` or `http://localhost:5000`"
    )
