"""The copies of one repository on disk: which one is current, who reads it, when it may be deleted.

A shelf is a directory with the lock of its fetches and copies named ``<number>.git``. A copy becomes visible when it is
complete, then only grows, and is deleted as a whole: retired (damaged, outgrown, removed) or not used for long, and
read by nobody any more. Readers hold a shared lock on the copy; the time of that lock file is that of the last use.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from reviewer.core.snapshot import Missing, is_relevant, is_script
from reviewer.sources.base import SourceError
from reviewer.sources.git import GitRepository
from reviewer.sources.locks import Lock, acquire

PREFIX = "refs/reviewer/"
_COPY = re.compile(r"(\d+)\.git")
_USE, _FETCH, _RETIRED, _PACKS = "use.lock", "fetch.lock", "retired", "packs"
# What a killed git leaves behind. Only the holder of the fetch lock writes to a copy, so only it may clear them away.
_LEFT_BEHIND = ("*.lock", "refs/**/*.lock", "shallow_*", "objects/pack/tmp_*", "objects/pack/*.keep", "objects/tmp_*")
_DELETION_WAIT = 5.0


class Copy:
    """One bare repository that nobody can delete before ``close``."""

    def __init__(self, path: Path, lock: Lock) -> None:
        self.path = path
        self.lock = lock

    @cached_property
    def repository(self) -> GitRepository:
        """Raises SourceError when it is too damaged to be one."""
        return GitRepository(self.path, absent=Missing.TOO_LARGE)

    def refs(self) -> dict[str, str]:
        """Names below refs/reviewer/ with their commits, newest first."""
        options = ("--sort=-committerdate", "--format=%(objectname) %(refname)")
        listed = self.repository.run("for-each-ref", *options, PREFIX).decode()
        rows = (row.split(" ", 1) for row in listed.splitlines())
        return {name.removeprefix(PREFIX): id for id, name in rows}

    def holds(self, commits: Mapping[str, str]) -> bool:
        """Whether all names are here with these commits, and none of the content that was fetched got lost."""
        try:
            return commits.items() <= self.refs().items() and self.is_sound(commits.values())
        except SourceError:
            return False

    def is_sound(self, ids: Iterable[str]) -> bool:
        """Whether all recorded packs are here in full length, and the root trees of these commits."""
        return self._has_packs() and not self.lacking(ids)

    def _has_packs(self) -> bool:
        try:
            rows = (self.path / _PACKS).read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        return set(rows) <= {f"{size} {name}" for name, size in _packs(self.path)}

    def lacking(self, ids: Iterable[str]) -> set[str]:
        """The commits of which not even the root tree is here."""
        asked = sorted(set(ids))
        question = "".join(f"{id}^{{tree}}\n" for id in asked).encode()
        answers = self.repository.run("cat-file", "--batch-check=%(objecttype)", stdin=question).splitlines()
        return {id for id, answer in zip(asked, answers, strict=True) if answer != b"tree"}

    def wanted_blobs(self, ids: Iterable[str]) -> set[str]:
        """Blobs of these commits that the engine may read whatever their size, and that are not here."""
        wanted: set[str] = set()
        for id in ids:
            for path, entry in self.repository.tree(id).listing().items():
                if entry.kind == "file" and is_relevant(path) and not is_script(path):
                    wanted.add(entry.id)
        question = "".join(f"{id}\n" for id in wanted).encode()
        answers = self.repository.run("cat-file", "--batch-check=%(objectname)", stdin=question).decode()
        return {row.partition(" ")[0] for row in answers.splitlines() if row.endswith(" missing")}

    def name(self, commits: Mapping[str, str]) -> None:
        """Writes the names of commits that are here completely, all or none."""
        commands = "".join(f"update {PREFIX}{name} {id}\n" for name, id in commits.items())
        self.repository.run("update-ref", "--stdin", stdin=commands.encode())

    def forget(self, prefix: str) -> None:
        names = self.repository.run("for-each-ref", "--format=%(refname)", PREFIX + prefix).decode().splitlines()
        self.repository.run("update-ref", "--stdin", stdin="".join(f"delete {name}\n" for name in names).encode())

    def record(self) -> None:
        """Notes the packs that are here, so that a lost or cut one is found out."""
        draft = self.path / f"{_PACKS}.lock"
        draft.write_text("".join(f"{size} {name}\n" for name, size in sorted(_packs(self.path))), encoding="utf-8")
        draft.replace(self.path / _PACKS)

    @property
    def pack_count(self) -> int:
        return len(_packs(self.path))

    @property
    def bytes(self) -> int:
        return size_of(self.path)

    def clear(self) -> None:
        """Deletes what a killed git left behind. The caller holds the fetch lock."""
        for pattern in _LEFT_BEHIND:
            for path in self.path.glob(pattern):
                if path.name != _USE:
                    path.unlink(missing_ok=True)
        for pack in (self.path / "objects/pack").glob("pack-*.*"):
            if not pack.with_suffix(".idx").exists():
                pack.unlink(missing_ok=True)

    def is_damaged(self) -> bool:
        """Whether the content of a pack is not what it should be. Reads all of it."""
        packs = [f"objects/pack/{name}" for name, _ in sorted(_packs(self.path))]
        try:
            self.repository.run("verify-pack", *packs)
        except SourceError:
            return True
        return not self._has_packs()

    def retire(self) -> None:
        """Nobody opens this copy any more; the last one who reads it deletes it."""
        (self.path / _RETIRED).touch()

    def close(self) -> None:
        self.lock.release()
        if (self.path / _RETIRED).exists():
            delete(self.path)


class Shelf:
    """The directory of one repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lock(self, wait: float) -> Lock | None:
        """The right to fetch, for one at a time; None when it was not to be had for *wait* seconds."""
        return acquire(self.path / _FETCH, shared=False, wait=wait)

    def copies(self) -> list[Path]:
        """Newest first, retired ones included."""
        try:
            names = [match for name in os.listdir(self.path) if (match := _COPY.fullmatch(name))]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [self.path / match[0] for match in sorted(names, key=lambda match: -int(match[1]))]

    def current(self) -> Copy | None:
        """The newest copy in use, held open."""
        for path in self.copies():
            if is_retired(path):
                continue
            lock = acquire(path / _USE, shared=True, wait=_DELETION_WAIT)
            if lock is not None:
                os.utime(lock.fd)
                return Copy(path, lock)
        return None

    def draft(self) -> Copy:
        """An empty copy that nobody sees before it is published."""
        path = Path(tempfile.mkdtemp(prefix="draft-", dir=self.path))
        GitRepository.create(path)
        lock = acquire(path / _USE, shared=True)
        if lock is None:
            raise SourceError(f"{path}: the new repository could not be locked")
        return Copy(path, lock)

    def publish(self, draft: Copy) -> Copy:
        """The draft as the current copy; the ones before it are retired."""
        before = self.copies()
        number = int(before[0].name.removesuffix(".git")) + 1 if before else 1
        path = self.path / f"{number}.git"
        draft.path.rename(path)
        for old in before:
            with suppress(FileNotFoundError):
                (old / _RETIRED).touch()
            delete(old)
        return Copy(path, draft.lock)

    def clear(self) -> None:
        """Deletes drafts and half-deleted copies. The caller holds the fetch lock."""
        for pattern in ("draft-*", "deleted-*"):
            for path in self.path.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Deletes everything that nobody reads, retires the rest. The caller holds the fetch lock."""
        self.clear()
        for path in self.copies():
            with suppress(FileNotFoundError):
                (path / _RETIRED).touch()
            delete(path)
        self.drop_if_empty()

    def drop_if_empty(self) -> None:
        """Deletes a shelf without content. The caller holds the fetch lock; those who wait for it make a new shelf."""
        if os.listdir(self.path) == [_FETCH]:
            (self.path / _FETCH).unlink()
            with suppress(OSError):  # somebody was quicker to use it again
                self.path.rmdir()


def is_retired(path: Path) -> bool:
    return (path / _RETIRED).exists()


def last_use(path: Path) -> float:
    """Seconds since the epoch; 0 for a copy that is gone."""
    try:
        return (path / _USE).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def size_of(path: Path) -> int:
    """Bytes of a copy's objects, which are all in packs."""
    try:
        with os.scandir(path / "objects/pack") as entries:
            return sum(entry.stat().st_size for entry in entries)
    except FileNotFoundError:
        return 0


def delete(path: Path) -> int:
    """Deletes a copy unless somebody reads it. Returns the bytes freed."""
    if not path.is_dir():
        return 0
    lock = acquire(path / _USE, shared=False)
    if lock is None:
        return 0
    try:
        freed = size_of(path)
        gone = Path(tempfile.mkdtemp(prefix="deleted-", dir=path.parent))
        path.rename(gone)
    except FileNotFoundError:
        return 0
    finally:
        lock.release()
    shutil.rmtree(gone, ignore_errors=True)
    return freed


def _packs(path: Path) -> set[tuple[str, int]]:
    """Name and size of every pack with an index."""
    return set(_sized_packs(path / "objects/pack"))


def _sized_packs(directory: Path) -> Iterator[tuple[str, int]]:
    with suppress(FileNotFoundError):
        names = set(os.listdir(directory))
        for name in names:
            if name.endswith(".pack") and name.removesuffix(".pack") + ".idx" in names:
                yield name, (directory / name).stat().st_size
