"""The source files and package versions that a class or function depends on.

Dependencies are tracked per module: a module's whole file and, recursively, the files of the
modules that it imports, if they are user code. Installed packages (site-packages) are represented
by their version instead.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path

from paretoprune.storage.fingerprint import digest_bytes

_OURS = __name__.partition(".")[0]
_INSTALLED = ("site-packages", "dist-packages")
_LIBRARY = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
_SKIPPED = re.compile(r"#[^\n]*|\\\n")  # comments and line continuations
_FROM = re.compile(r"(?:^|[;:])[ \t]*from\s+(\.*)([\w.]*)\s+import\s*(\([^)]*\)|[^\n;]+)", re.M)
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*import[ \t]+([^\n;]+)", re.M)
_CALL = re.compile(r"import(?:_module|__)\(\s*[\"']([\w.]+)")
_DOTTED = re.compile(r"\w[\w.]*")


@dataclass(frozen=True)
class SourceCode:
    """The dependencies of some modules."""

    digests: dict[str, str]  # module -> digest of its file
    versions: dict[str, str]  # installed package -> version


def source_of(modules: Iterable[str]) -> SourceCode:
    """Return digests of the modules and everything they import, and versions of installed packages.

    Modules are located without importing them, so files that were not loaded yet are included.
    """
    _spec_of.cache_clear()  # the path may have changed
    digests, others = _closure(modules, _is_user_code, _read)
    versions: dict[str, str] = {}
    for name in others:
        versions |= _version_or_digest(name)
    return SourceCode(digests, dict(sorted(versions.items())))


@cache
def own_version(module: str) -> dict[str, str]:
    """Return the version of this package; in a checkout, with a digest of `module`'s
    dependencies."""
    version = _installed_version(_OURS) or "unknown"
    digests, _ = _closure([module], _is_checkout, _read_ours)
    if digests:
        version += "+" + digest_bytes(repr(digests).encode())[:12]
    return {_OURS: version}


def _closure(
    roots: Iterable[str], wanted: Callable[[str], bool], read: Callable[[str], _File | None]
) -> tuple[dict[str, str], set[str]]:
    """Return digests of the `wanted` modules reachable by imports, and the names of the others."""
    digests: dict[str, str] = {}
    waiting, others = list(roots), set()
    seen = set(waiting)
    while waiting:
        name = waiting.pop()
        if not wanted(name):
            others.add(name)
        elif file := read(name):
            digests[name] = file.digest
            waiting += file.imports - seen
            seen |= file.imports
    return dict(sorted(digests.items())), others


@dataclass(frozen=True)
class _File:
    digest: str
    imports: frozenset[str]


def _read(name: str) -> _File | None:
    path = _file_of(name)
    if path is None:
        return None
    content = path.read_bytes()
    return _File(digest_bytes(content), frozenset(_imports(name, content, path)))


_read_ours = cache(_read)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == _OURS


def _is_checkout(name: str) -> bool:
    # The package's own `__init__` names the whole API, which is imported lazily.
    file = _file_of(name) if _is_ours(name) and name != _OURS else None
    return file is not None and not _is_installed(file)


def _is_user_code(name: str) -> bool:
    top = name.partition(".")[0]
    if top == _OURS or top in sys.stdlib_module_names - {"__main__"}:
        return False
    file = _file_of(name)
    return file is None or not _is_installed(file)


def _version_or_digest(name: str) -> dict[str, str]:
    """Return the version of an installed module's package or, if unknown, its file's digest."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or _is_ours(name):
        return {}
    version = _installed_version(top)
    if version is not None:
        return {top: version}
    file = _file_of(name)
    return {name: digest_bytes(file.read_bytes())} if file else {}


@cache
def _installed_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_installed(file: Path) -> bool:
    if any(part in _INSTALLED for part in file.parts):
        return True
    return any(file.is_relative_to(folder) for folder in _LIBRARY)


def _file_of(name: str) -> Path | None:
    """Return the file of a module, loaded or not; None for modules without one, such
    as built-in."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is None:
        spec = _spec_of(name)
        loaded = spec.origin if spec and spec.has_location else None
    path = Path(loaded) if loaded else None
    return path if path and path.is_file() else None


@cache
def _spec_of(name: str) -> ModuleSpec | None:
    """Return the module's spec, resolved step by step so that no parent package is imported."""
    parent = name.rpartition(".")[0]
    above = _spec_of(parent) if parent else None
    if parent and (above is None or above.submodule_search_locations is None):
        return None
    places = above.submodule_search_locations if above else None
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, places)
        except (AttributeError, ImportError, ValueError):
            continue
        if spec is not None:
            return spec
    return None


def _imports(name: str, content: bytes, file: Path) -> Iterator[str]:
    """Yield the modules that a source file may import, and their parent packages.

    Imports are found by regular expressions, in a twentieth of the time of parsing. False
    positives, such as imports in docstrings, only add a file.
    """
    yield from _with_packages(name.rpartition(".")[0])
    if file.suffix != ".py":
        return
    text = _SKIPPED.sub("", content.decode("utf-8", errors="replace"))
    parts = name.split(".")
    package = parts if file.name == "__init__.py" else parts[:-1]
    for dots, origin, members in _FROM.findall(text):
        above = package[: len(package) - len(dots) + 1] if dots else []
        base = ".".join([*above, *([origin] if origin else [])])
        yield from _with_packages(base)
        yield from (f"{base}.{member}" for member in _names_in(members))
    for line in [*_IMPORT.findall(text), *_CALL.findall(text)]:
        for imported in _names_in(line):
            yield from _with_packages(imported)


def _names_in(listing: str) -> list[str]:
    """Return the modules or members in `a, b.c as d`, with or without parentheses."""
    first = (each.split() for each in listing.strip("()").split(","))
    return [words[0] for words in first if words and _DOTTED.fullmatch(words[0])]


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1) if name)
