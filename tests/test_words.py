"""The prose of the repository: words that have a technical term are not used."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "conf", "tests", "benchmarks", "examples", "docs")
KINDS = {".py", ".md", ".yaml", ".js", ".html", ".css", ".sh"}
# Names count as well: `test_an_error_is_..._first`. Words that contain one of these do not.
WORDS = re.compile(r"(?<![a-z])(told|goes|nobody|so[ _]many|what[ _]went)(?![a-z])", re.I)
OPENINGS = {"What", "Which", "How", "Whether", "Those", "Who", "They", "Nothing"}
Places = Callable[[str], list[tuple[int, str]]]


def texts() -> Iterator[Path]:
    """Yield the files written for people, except this one, which lists the words."""
    yield from (path for path in ROOT.glob("*.md"))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS and path != Path(__file__) and "__pycache__" not in path.parts:
                yield path


def docstrings(code: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each docstring."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "lineno", 1), text


def words_in(text: str) -> list[tuple[int, str]]:
    """Return line number and word of each use of a word that has a technical term."""
    lines = enumerate(text.splitlines(), start=1)
    return [(number, found[0]) for number, line in lines for found in WORDS.finditer(line)]


def openings_in(code: str) -> list[tuple[int, str]]:
    """Return line number and first word of each docstring that opens with a question word."""
    openings = ((number, re.findall(r"\w+", text)[:1]) for number, text in docstrings(code))
    return [(number, word) for number, words in openings for word in words if word in OPENINGS]


def comments_in(code: str) -> list[tuple[int, str]]:
    """Return line number and first word of each comment that opens with a question word."""
    lines = enumerate(code.splitlines(), start=1)
    openings = ((number, re.match(r"\s*#:? (\w+) \w", line)) for number, line in lines)
    return [(number, found[1]) for number, found in openings if found and found[1] in OPENINGS]


HEADINGS = (  # of pages; of parts of the report, of the model card and of tables
    re.compile(r"^#+ +(\w+)", re.M),
    re.compile(r"""["'`]#+ +(\w+)"""),
    re.compile(r"""(?:section\("\w+", |html\("h\d", \{\}, |title=f?)["'`](\w+)"""),
)


def headings_in(text: str, kind: str) -> list[tuple[int, str]]:
    """Return line number and first word of each heading that opens with a question word."""
    patterns = HEADINGS if kind in (".md", ".html") else HEADINGS[1:]
    found = [match for pattern in patterns for match in pattern.finditer(text)]
    words = [(text.count("\n", 0, match.start()) + 1, match[1]) for match in found]
    return [(number, word) for number, word in words if word in OPENINGS]


def test_headings_do_not_open_with_a_question_word() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{number}": word
        for path in texts()
        if path.parts[len(ROOT.parts)] != "tests"
        for number, word in headings_in(path.read_text(encoding="utf-8"), path.suffix)
    }
    assert not found


def test_headings_are_found_in_pages_and_in_code() -> None:
    assert headings_in("# A\n\n## Which layers\n", ".md") == [(3, "Which")]
    code = '# How it is made\nTable(title="What is kept")\nparts = ["## How to load it"]'
    assert headings_in(code, ".py") == [(3, "How"), (2, "What")]
    assert headings_in('section("time", "How it", html("h2", {}, "Who"))', ".js") == [
        (1, "How"),
        (1, "Who"),
    ]


def test_words_with_a_technical_term_are_not_used() -> None:
    paths = list(texts())
    found = {
        f"{path.relative_to(ROOT)}:{number}": word
        for path in paths
        for number, word in words_in(path.read_text(encoding="utf-8"))
    }
    assert len(paths) > 1000 and not found


@pytest.mark.parametrize("places", [openings_in, comments_in])
def test_docstrings_and_comments_do_not_open_with_a_question_word(places: Places) -> None:
    paths = [path for path in texts() if path.suffix == ".py"]
    found = {
        f"{path.relative_to(ROOT)}:{number}": word
        for path in paths
        for number, word in places(path.read_text(encoding="utf-8"))
    }
    assert len(paths) > 900 and not found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def test_it_is_told() -> None:", 1),
        ("It goes on. Nobody knows so many.", 3),
        ("untold, goesting, _what_went_", 1),
        ("so much", 0),
    ],
)
def test_words_are_found_in_names_and_sentences(text: str, count: int) -> None:
    assert len(words_in(text)) == count


def test_openings_are_found_in_modules_classes_and_functions() -> None:
    code = (
        '"""What is shared."""\nclass A:\n    """A."""\n    def f(self):\n        """How many."""'
    )
    assert [word for _, word in openings_in(code)] == ["What", "How"]
    assert comments_in("x = 1  # What\n# How it is done.\n    # Which one") == [
        (2, "How"),
        (3, "Which"),
    ]
