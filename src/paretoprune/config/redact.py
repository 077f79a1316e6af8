"""Taking passwords and tokens out of URIs, wherever a text holds some."""

from __future__ import annotations

import re

HIDDEN = "***"

# Up to the last `@` of a URI: a password may hold `/`, `?`, `#` and `@` itself. After `:///` comes
# a path. Rather the name of a host is hidden (`http://host/a@b`) than a password shown.
_USERINFO = re.compile(r"(?<=://)(?!/)[^\s`'\"<>]*@")
# Every value of a query, whatever it is called. A word follows `?` and `&` only there.
_QUERY = re.compile(r"(?<=[?&;#])([\w.\-\[\]%]+)=[^\s`'\"<>&;)]*")


def redact(text: str) -> str:
    """The text with user names and passwords of its URIs, and values of queries, as `***`."""
    return _QUERY.sub(rf"\1={HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))


def redact_uri(uri: str) -> str:
    """The same for a text that is one URI, whose password may hold any character."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return redact(uri)
    credentials, _, place = rest.rpartition("@")
    hides = credentials and not rest.startswith("/")
    return redact(f"{scheme}://{HIDDEN}@{place}" if hides else uri)
