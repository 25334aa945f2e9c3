"""A tree with some of its files replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from reviewer.core.snapshot import Blob, Entry
from reviewer.sources.base import Tree


class Patched:
    """The files of a tree, with other ``contents`` for some paths."""

    id = None

    def __init__(self, tree: Tree, contents: Mapping[str, bytes]) -> None:
        self.tree = tree
        self._ids = {path: f"patched:{hashlib.sha256(content).hexdigest()}" for path, content in contents.items()}
        self._blobs = {self._ids[path]: content for path, content in contents.items()}

    def listing(self) -> Mapping[str, Entry]:
        return {**self.tree.listing(), **{path: Entry(id) for path, id in self._ids.items()}}

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        wanted = list(ids)
        below = iter(self.tree.read([id for id in wanted if id not in self._blobs]))
        for id in wanted:
            yield (id, self._blobs[id]) if id in self._blobs else next(below)

    def close(self) -> None:
        """The tree below belongs to whoever opened it."""
