"""Removal of passwords and tokens from URIs in any text."""

from __future__ import annotations

import re

HIDDEN = "***"

# Everything up to the last `@` of a URI: a password may contain `/`, `?`, `#` and `@`. A path
# starts with `:///`. When ambiguous (`http://host/a@b`), the host is hidden rather than a password
# shown.
_USERINFO = re.compile(r"(?<=://)(?!/)[^\s`'\"<>]*@")
# All query values, whatever their names. In running text a word directly after `?` or `&` occurs
# only in a query.
_QUERY = re.compile(r"(?<=[?&;#])([\w.\-\[\]%]+)=[^\s`'\"<>&;)]*")


def redact(text: str) -> str:
    """Return the text with credentials in URIs and query values replaced by `***`."""
    return _QUERY.sub(rf"\1={HIDDEN}", _USERINFO.sub(f"{HIDDEN}@", text))


def redact_uri(uri: str) -> str:
    """Return the URI redacted; unlike `redact`, the password may contain any character."""
    scheme, mark, rest = uri.partition("://")
    if not mark:
        return redact(uri)
    credentials, _, place = rest.rpartition("@")
    hides = credentials and not rest.startswith("/")
    return redact(f"{scheme}://{HIDDEN}@{place}" if hides else uri)
