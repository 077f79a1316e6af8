"""Removal of passwords and tokens from URIs in any text."""

from __future__ import annotations

import re

HIDDEN = "***"

# Everything up to the last `@` of a URI: a password may contain `/`, `?`, `#` and `@`. A path
# starts with `:///`. When ambiguous (`http://host/a@b`), the host is hidden rather than a password
# shown. A misspelt URI (`http:/me:pass@host`, `//me:pass@host`) counts if it has a `:` before `@`.
_USERINFO = re.compile(r"(?<=://)(?!/)[^\s`'\"<>]*@")
# A password with a space or a quote, up to the last `@` before the next URI of the line. Digits
# after the `:` are a port there, so that `http://host:5000 is down; ask a@b` keeps its host.
_SPACED = re.compile(r"(?<=://)[^\s`'\"<>:/?#@]*:(?!\d+(?:[^\w@]|$))(?:(?!://)[^\n])*@")
_MISSPELT = re.compile(r"((?<![:/\w])//|(?<=\w):/)(?!/)[^\s`'\"<>:]*:[^\s`'\"<>]*@")
# All query values, whatever their names. In running text a word directly after `?` or `&` occurs
# only in a query.
_QUERY = re.compile(r"(?<=[?&;#])([\w.\-\[\]%]+)=(\"[^\"]*\"|[^\s`'\"<>&;)]*)")
_BARE = re.compile(r"(://[^\s`'\"<>?]*\?)([^\s`'\"<>=&;#?]+)(?![\w=])")  # a token without a name
_WHOLE_QUERY = re.compile(r"(?<=[?&;#])([\w.\-\[\]%]+)=[^&;#]*")


def redact(text: str) -> str:
    """Return the text with credentials in URIs and query values replaced by `***`."""
    text = _USERINFO.sub(f"{HIDDEN}@", _SPACED.sub(f"{HIDDEN}@", text))
    text = _MISSPELT.sub(rf"\1{HIDDEN}@", text)
    return _BARE.sub(rf"\1{HIDDEN}", _QUERY.sub(rf"\1={HIDDEN}", text))


def redact_uri(uri: str) -> str:
    """Return the URI redacted; unlike `redact`, passwords and values may contain any character."""
    scheme, mark, rest = uri.partition("://")
    credentials, _, place = (rest if mark else uri).rpartition("@")
    hides = not rest.startswith("/") if mark else ":" in credentials
    if credentials and hides:
        uri = f"{scheme}://{HIDDEN}@{place}" if mark else f"{HIDDEN}@{place}"
    return redact(_WHOLE_QUERY.sub(rf"\1={HIDDEN}", uri))
