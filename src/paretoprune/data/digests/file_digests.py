"""Digests of image files: of contents if quickly read, else of sizes and modification times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from paretoprune.data.digests.sample_digests import PartContents
from paretoprune.storage.fingerprint import digest_bytes

_MOST_BYTES = 256 * 2**20  # total size up to which contents are read
_MOST_FILES = 20_000
_NUM_COMPARED = 200  # validation and test files checked for duplicates in larger sets

Samples = Sequence[tuple[str, int]]  # file and label


def parts_of_files(parts: Mapping[str, Samples]) -> dict[str, PartContents]:
    """Return the digests of the parts of a set of image files.

    They cover names, relative to the common folder, and contents. For large sets, sizes and
    modification times replace contents.
    """
    paths = [path for samples in parts.values() for path, _ in samples]
    root = _common_folder(paths)
    sizes = {path: Path(path).stat().st_size for path in paths}
    if len(paths) <= _MOST_FILES and sum(sizes.values()) <= _MOST_BYTES:
        contents = {path: _content(path) for path in paths}
        return {
            name: _part(samples, root, {path: contents[path] for path, _ in samples})
            for name, samples in parts.items()
        }
    return _parts_by_times(parts, root, sizes)


def _parts_by_times(
    parts: Mapping[str, Samples], root: Path, sizes: Mapping[str, int]
) -> dict[str, PartContents]:
    """Return digests by sizes and times; the contents of some files are read to find duplicates."""
    compared = {
        name: [path for path, _ in samples[:: -(-len(samples) // _NUM_COMPARED)]]
        for name, samples in parts.items()
        if name != "training" and samples
    }
    of_such_size = {sizes[path] for paths in compared.values() for path in paths}
    found = {}
    for name, samples in parts.items():
        stamps = {path: _stamp(path).encode() for path, _ in samples}
        asked = compared.get(name) or [p for p, _ in samples if sizes[p] in of_such_size]
        read = [_content(path) for path in asked[:_MOST_FILES]]
        looked_at = f"{len(read)} compared" if name != "training" else ""
        part = _part(samples, root, stamps)
        found[name] = PartContents(part.digests, read, part.labels, looked_at)
    return found


def _part(samples: Samples, root: Path, contents: Mapping[str, bytes]) -> PartContents:
    """Return the digests of one part: inputs by name and content, and labels, in order."""
    names = [str(Path(path).relative_to(root)) for path, _ in samples]
    hashed = [contents[path] for path, _ in samples]
    labels = [label for _, label in samples]
    inputs = [name.encode() + b"\0" + each for name, each in zip(names, hashed, strict=True)]
    digests = {
        "inputs": digest_bytes(*_with_ends(inputs)),
        "labels": digest_bytes(repr(labels).encode()),
    }
    return PartContents(digests, hashed, Counter(labels))


def file_stamps(paths: Iterable[str]) -> str:
    """Return the digest of the names, sizes and modification times of files."""
    return digest_bytes(*_with_ends(f"{path}:{_stamp(path)}".encode() for path in paths))


def _stamp(path: str) -> str:
    found = Path(path).stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def _content(path: str) -> bytes:
    return bytes.fromhex(digest_bytes(Path(path).read_bytes()))


def _with_ends(chunks: Iterable[bytes]) -> Iterable[bytes]:
    for chunk in chunks:
        yield len(chunk).to_bytes(8, "little")
        yield chunk


def _common_folder(paths: Sequence[str]) -> Path:
    """Return the common parent folder, so that a set that was moved keeps its digests."""
    parents = {Path(path).parent for path in paths}
    first = min(parents)
    return next(
        folder
        for folder in (first, *first.parents)
        if all(each.is_relative_to(folder) for each in parents)
    )
