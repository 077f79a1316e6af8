"""Pages that need nothing but themselves: styles, scripts and data in one file.

The scripts are ours and small, so that a page stays light enough for a mail, and is rewritten at
no cost while a sweep runs.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any


def make_page(content: Mapping[str, Any], *, title: str, scripts: Sequence[str]) -> str:
    """The page that `scripts` (names in `page/`, run in this order) draw from `content`."""
    parts = {
        "title": html.escape(title),
        "style": _read("page.css"),
        "content": _as_json(content),
        "script": "\n".join(_read(f"{name}.js") for name in scripts),
    }
    page = _read("page.html")
    for name, text in parts.items():
        before, _, after = page.partition("{{" + name + "}}")
        page = before + text + after
    return page


def _as_json(content: Mapping[str, Any]) -> str:
    """JSON that ends no script element, whatever the texts in it say."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


@cache
def _read(name: str) -> str:
    return (resources.files("paretoprune.report") / "page" / name).read_text(encoding="utf-8")
