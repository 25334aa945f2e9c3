"""What every source of trees offers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from reviewer.core.snapshot import Blob, Entry


class SourceError(Exception):
    """A tree that cannot be had; the text says which, why, and what to do."""


class Tree(Protocol):
    """One tree: its listing, and the blobs behind it. ``id`` is equal only for equal trees, None where it has none."""

    @property
    def id(self) -> str | None: ...

    def listing(self) -> Mapping[str, Entry]: ...

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]: ...

    def close(self) -> None: ...
