"""A folder as it lies on disk; inside a git work tree, without what git ignores."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reviewer.core.snapshot import MAX_BLOB_BYTES, Blob, Entry, Missing, is_relevant
from reviewer.sources.base import SourceError
from reviewer.sources.git import GitRepository

_NEVER = frozenset({".git", "node_modules", ".next"})


class Folder:
    """The files below a directory. Only files the engine could read are opened."""

    id = None

    def __init__(self, path: Path, repository: GitRepository | None = None) -> None:
        if not path.is_dir():
            raise SourceError(f"{path}: there is no such folder")
        try:
            os.scandir(path).close()
        except OSError:
            raise SourceError(f"{path}: this folder cannot be read: check its permissions") from None
        self.path = path
        self.repository = repository
        self._paths: dict[str, bytes] = {}

    def listing(self) -> Mapping[str, Entry]:
        root = os.fsencode(self.path)
        entries: dict[str, Entry] = {}
        for relative in sorted(self._relative_paths(root)):
            entry = self._entry(os.path.join(root, relative), relative)
            if entry is not None:
                entries[relative.decode("utf-8", "backslashreplace")] = entry
        return entries

    def _relative_paths(self, root: bytes) -> Iterator[bytes]:
        if self.repository is not None:
            listed = self.repository.run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
            paths = {path.rstrip(b"/") for path in listed.split(b"\0") if path}
            if not paths:  # a folder that git ignores as a whole is scanned as it lies there
                yield from self._walk(root)
            linked = {parent for parent in set(map(os.path.dirname, paths)) if _is_behind_link(root, parent)}
            yield from (path for path in paths if os.path.dirname(path) not in linked)
            return
        yield from self._walk(root)

    def _walk(self, root: bytes) -> Iterator[bytes]:
        for directory, names, files in os.walk(root):
            links = [name for name in names if os.path.islink(os.path.join(directory, name))]
            names[:] = [n for n in names if n.decode("utf-8", "replace") not in _NEVER and n not in links]
            for name in (*files, *links):
                yield os.path.relpath(os.path.join(directory, name), root)

    def _entry(self, full: bytes, relative: bytes) -> Entry | None:
        try:
            status = os.lstat(full)
        except OSError:
            return None  # listed by git, deleted on disk
        name = relative.decode("utf-8", "backslashreplace")
        if stat.S_ISLNK(status.st_mode):
            return Entry(f"link:{name}", "symlink")
        if stat.S_ISDIR(status.st_mode):
            return Entry(f"submodule:{name}", "submodule")
        if not stat.S_ISREG(status.st_mode):
            return None
        return Entry(self._identify(full, name, status.st_size))

    def _identify(self, full: bytes, name: str, size: int) -> str:
        """The git blob id of a file that may be read; any unique name for the others."""
        if not is_relevant(name) or size > MAX_BLOB_BYTES:
            id = f"path:{name}"
        else:
            try:
                content = Path(os.fsdecode(full)).read_bytes()
                id = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            except OSError:
                id = f"unreadable:{name}"
        self._paths[id] = full
        return id

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        for id in ids:
            yield id, self._read(id)

    def _read(self, id: str) -> Blob:
        try:
            path = Path(os.fsdecode(self._paths[id]))
            return Missing.TOO_LARGE if path.stat().st_size > MAX_BLOB_BYTES else path.read_bytes()
        except (KeyError, OSError):
            return Missing.UNREADABLE

    def close(self) -> None:
        return None


def _is_behind_link(root: bytes, directory: bytes) -> bool:
    """Whether a tracked directory, or one above it, was replaced by a link: what it shows is elsewhere."""
    while directory:
        if os.path.islink(os.path.join(root, directory)):
            return True
        directory = os.path.dirname(directory)
    return False
