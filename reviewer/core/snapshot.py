"""One tree of files: a listing of paths and blob ids, and the bytes behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

Kind = Literal["file", "symlink", "submodule"]

SCRIPT_SUFFIXES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
MAX_BLOB_BYTES = 8 * 1024 * 1024
MAX_SCRIPT_BYTES = 1024 * 1024

_CONFIGURATION = re.compile(
    r"(?:^|/)(?:[^/]*\.(?:json|jsonc|ya?ml|toml|lock|service|config)|"
    r"[^/]*(?:Dockerfile|Containerfile)[^/]*|Procfile[^/]*|yarn\.lock|captain-definition)$"
)


class Missing(Enum):
    """Why the bytes of a blob are not there."""

    ABSENT = "its content is missing from the repository (a partial clone?)"
    TOO_LARGE = "it is larger than 8 MiB"
    UNREADABLE = "it cannot be read (its permissions?)"


Blob = bytes | Missing


class Blobs(Protocol):
    """Where bytes come from. Answers each id once, in the order asked."""

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A path's blob. ``id`` is the git object id, or any other name that is equal only for equal bytes."""

    id: str
    kind: Kind = "file"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tree: ``listing`` maps paths (``/``-separated, relative to the root) to entries."""

    listing: Mapping[str, Entry]
    blobs: Blobs

    def read(self, path: str) -> Blob:
        """The bytes of one file. Raises KeyError for a path that is not listed."""
        for _, blob in self.blobs.read([self.listing[path].id]):
            return within_limit(path, blob)
        return Missing.ABSENT


@dataclass(frozen=True, slots=True)
class MemoryBlobs:
    """Blobs held in memory."""

    content: Mapping[str, bytes]

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        for id in ids:
            yield id, self.content.get(id, Missing.ABSENT)


@dataclass(frozen=True, slots=True)
class Overlay:
    """Blobs with some of them replaced, for trying a patch."""

    below: Blobs
    content: Mapping[str, bytes]

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        wanted = list(ids)
        others = iter(self.below.read([id for id in wanted if id not in self.content]))
        for id in wanted:
            yield (id, self.content[id]) if id in self.content else next(others)


def snapshot_of(files: Mapping[str, bytes | str]) -> Snapshot:
    """A snapshot of files given in memory; equal contents share an id."""
    data = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    ids = {path: _content_id(content) for path, content in data.items()}
    listing = {path: Entry(ids[path]) for path in data}
    return Snapshot(listing, MemoryBlobs({ids[path]: content for path, content in data.items()}))


def with_file(snapshot: Snapshot, path: str, content: bytes) -> Snapshot:
    """The same tree with one file replaced."""
    id = _content_id(content)
    listing = {**snapshot.listing, path: Entry(id)}
    return Snapshot(listing, Overlay(snapshot.blobs, {id: content}))


def _content_id(content: bytes) -> str:
    import hashlib

    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def is_script(path: str) -> bool:
    return path.endswith(SCRIPT_SUFFIXES)


def is_relevant(path: str) -> bool:
    """Whether the engine could ever read this path: scripts, manifests and deployment files."""
    return is_script(path) or _CONFIGURATION.search(path) is not None


def within_limit(path: str, blob: Blob) -> Blob:
    """A script's bytes as far as scripts are read at all: mirrors do not even hold larger ones."""
    too_large = isinstance(blob, bytes) and is_script(path) and len(blob) > MAX_SCRIPT_BYTES
    return Missing.TOO_LARGE if too_large else blob


def why_missing(path: str, missing: Missing) -> str:
    """The reason in words, with the limit that holds for the path."""
    return "it is larger than 1 MiB" if missing is Missing.TOO_LARGE and is_script(path) else missing.value
