"""The repositories on a worker's disk: fetched without history and large blobs, kept for the next push, evicted.

Threads and processes may share one root, and any of them may be killed at any moment.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reviewer.sources.base import SourceError
from reviewer.sources.fetch import FetchFailed, Limits, Remote, fetch_blobs, fetch_commits
from reviewer.sources.git import GitRepository
from reviewer.sources.locks import Lock
from reviewer.sources.shelf import Copy, Shelf, delete, is_retired, last_use, size_of

__all__ = ["FetchFailed", "Mirrors", "Remote"]

_TOLD = 16  # git puts as many into its first question; each further question is one more request
_NO_REFS: Mapping[str, str] = {}
_BLOBS_BYTES = 512 << 20
_SHARE = 8  # of max_bytes: what one repository may grow to before it is fetched anew, and what grows between evictions
_FEW_PACKS = 8
_ID = re.compile(r"[0-9a-f]{40}")
_NAME = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9._/-]*(?<![./])")
_KEY = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class _Order:
    """What one caller wants to have, and until when (monotonic seconds) it waits for it."""

    remote: Remote
    commits: Mapping[str, str]
    refs: Mapping[str, str]
    end: float

    @property
    def seconds(self) -> float:
        return max(1.0, self.end - time.monotonic())


class Mirrors:
    """Repositories below *root*, together at most about *max_bytes*; one ``opened`` may take *timeout* seconds.

    A repository with more than *max_packs* packs, each from one fetch, is fetched anew: what no name leads to any more
    goes then.
    """

    def __init__(self, root: Path, max_bytes: int = 20 << 30, timeout: float = 120.0, max_packs: int = 64) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self.timeout = timeout
        self.max_packs = max_packs
        self._unevicted = max_bytes  # what others left here counts at the first fetch
        self._counting = threading.Lock()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def opened(
        self, key: str, remote: Remote, commits: Mapping[str, str], refs: Mapping[str, str] = _NO_REFS
    ) -> Iterator[GitRepository]:
        """The bare repository *key* ("<installation>/<repository>") with all *commits* (name -> full id).

        They are kept as refs/reviewer/<name>. What is here is not asked for again; the rest comes in one fetch of the
        ids or, where the server refuses one, of *refs* (name -> ref of the remote), which must then lead to the same
        ids. Blobs the engine does not read because of their size read as TOO_LARGE. Raises FetchFailed; a SourceError
        that leaves the block of a damaged repository has it fetched anew by the next caller.
        """
        order = _Order(remote, _checked(commits), refs, time.monotonic() + self.timeout)
        shelf = self._shelf(key)
        copy = _ready(shelf, order) or self._fetched(shelf, order)
        try:
            yield copy.repository
        except FetchFailed:
            raise
        except SourceError:
            if copy.is_damaged():
                copy.retire()
            raise
        finally:
            copy.close()

    def forget(self, key: str, prefix: str) -> None:
        """Drops the names below *prefix*, such as those of a closed pull request ("pull/7")."""
        if not _NAME.fullmatch(prefix):
            raise ValueError(f"no prefix of names: {prefix!r}")
        shelf = self._shelf(key)
        with self._locked(shelf, self.timeout) as lock:
            copy = shelf.current() if lock is not None else None
            if copy is not None:
                try:
                    copy.clear()
                    copy.forget(prefix)
                except SourceError:
                    copy.retire()
                finally:
                    copy.close()

    def remove(self, key: str) -> None:
        """Deletes a repository; what is still being read goes when its last reader closes it."""
        shelf = self._shelf(key)
        with self._locked(shelf, self.timeout) as lock:
            if lock is not None:
                shelf.remove()

    def remove_installation(self, installation: str) -> None:
        """Deletes all repositories of an installation."""
        folder = self._shelf(f"{installation}/0").path.parent
        for path in sorted(folder.glob("*")):
            self.remove(f"{installation}/{path.name}")
        _drop(folder)

    def evict(self) -> int:
        """Deletes the least recently used repositories, never an open one, down to max_bytes. Returns bytes freed."""
        with self._counting:
            self._unevicted = 0
        shelves = [Shelf(path) for path in self.root.glob("*/*")]
        copies = [copy for shelf in shelves for copy in shelf.copies()]
        sizes = {copy: size_of(copy) for copy in copies}
        total, freed = sum(sizes.values()), 0
        for copy in sorted(copies, key=lambda copy: (not is_retired(copy), last_use(copy))):
            if total - freed > self.max_bytes or is_retired(copy):
                freed += delete(copy)
        for shelf in shelves:
            _tidy(shelf)
        return freed

    def _shelf(self, key: str) -> Shelf:
        if not _KEY.fullmatch(key):
            raise ValueError(f"no key of a repository: {key!r}")
        return Shelf(self.root / key)

    @contextmanager
    def _locked(self, shelf: Shelf, wait: float) -> Iterator[Lock | None]:
        """The fetch lock; None where there is no shelf. Raises FetchFailed when others hold it for too long."""
        lock = shelf.lock(wait)
        if lock is None and shelf.path.is_dir():
            raise FetchFailed("locked", shelf.path.name)
        try:
            yield lock
        finally:
            if lock is not None:
                lock.release()

    # -- fetching ---------------------------------------------------------------------------------------------------

    def _fetched(self, shelf: Shelf, order: _Order) -> Copy:
        """The copy with everything in it, by a fetch unless another caller was quicker."""
        lock = None
        while lock is None:
            with suppress(FileNotFoundError):  # an installation's last repository is just being removed
                shelf.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = shelf.lock(order.seconds)
            if lock is None and time.monotonic() >= order.end:
                raise FetchFailed("locked", order.remote.url)
        try:
            shelf.clear()
            copy = self._grown(shelf, order, lock) or self._anew(shelf, order, lock)
        finally:
            lock.release()
        with _closed_on_error(copy):
            if self._unevicted > self.max_bytes // (8 * _SHARE):
                self.evict()
        return copy

    def _grown(self, shelf: Shelf, order: _Order, lock: Lock) -> Copy | None:
        """The current copy with what it lacked; None where it is damaged or outgrown."""
        copy = shelf.current()
        if copy is None:
            return None
        with _closed_on_error(copy):
            copy.clear()
            if copy.holds(order.commits) or self._is_filled(copy, order, lock):
                return copy
        copy.close()
        return None

    def _is_filled(self, copy: Copy, order: _Order, lock: Lock) -> bool:
        """Fills a copy that is sound and not outgrown. Raises FetchFailed where another copy would not help."""
        try:
            if self._is_outgrown(copy) or not copy.is_sound(copy.refs().values()):
                return False
            self._fill(copy, order, lock)
        except FetchFailed as error:
            if error.reason != "unclear":
                raise
            return False
        except SourceError:
            return False
        return copy.holds(order.commits)

    def _anew(self, shelf: Shelf, order: _Order, lock: Lock) -> Copy:
        draft = shelf.draft()
        try:
            self._fill(draft, order, lock)
            return shelf.publish(draft)
        except BaseException:
            draft.close()
            shelf.clear()
            raise

    def _is_outgrown(self, copy: Copy) -> bool:
        count = copy.pack_count
        return count > self.max_packs or (count > _FEW_PACKS and copy.bytes > self.max_bytes // _SHARE)

    def _fill(self, copy: Copy, order: _Order, lock: Lock) -> None:
        """Fetches what is missing, first the commits, then the blobs the filter left out; then names the commits."""
        before = copy.bytes
        missing = sorted(set(order.commits.values()) - set(copy.refs().values()))
        if missing:
            locks = (lock.fd, copy.lock.fd)
            self._fetch_commits(copy, order, missing, locks)
            self._fetch_blobs(copy, order, missing, locks)
        copy.record()
        copy.name(order.commits)
        with self._counting:
            self._unevicted += copy.bytes - before

    def _fetch_commits(self, copy: Copy, order: _Order, missing: Sequence[str], locks: Sequence[int]) -> None:
        known = _known(copy.refs(), order.commits)
        try:
            fetch_commits(copy.path, order.remote, missing, self._limits(order), locks, known)
        except FetchFailed as error:
            names = {id: name for name, id in order.commits.items() if name in order.refs}
            if error.reason != "gone" or not names.keys() & set(missing):
                raise
            wants = [order.refs[names[id]] if id in names else id for id in missing]
            fetch_commits(copy.path, order.remote, wants, self._limits(order), locks, known)
        lacking = copy.lacking(missing)
        if lacking:
            raise FetchFailed("gone", order.remote.url, ", ".join(id[:12] for id in sorted(lacking)))

    def _limits(self, order: _Order) -> Limits:
        return Limits(order.seconds, self.max_bytes // 2)

    def _fetch_blobs(self, copy: Copy, order: _Order, commits: Sequence[str], locks: Sequence[int]) -> None:
        blobs = copy.wanted_blobs(commits)
        if blobs:
            limits = self._limits(order)
            limits = replace(limits, bytes=min(_BLOBS_BYTES, limits.bytes))
            try:
                fetch_blobs(copy.path, order.remote, sorted(blobs), limits, locks)
            except FetchFailed as error:
                if error.reason != "too large":
                    raise


def _ready(shelf: Shelf, order: _Order) -> Copy | None:
    """The current copy, if it needs nothing."""
    copy = shelf.current()
    if copy is None:
        return None
    with _closed_on_error(copy):
        if copy.holds(order.commits):
            return copy
    copy.close()
    return None


@contextmanager
def _closed_on_error(copy: Copy) -> Iterator[None]:
    try:
        yield
    except BaseException:
        copy.close()
        raise


def _known(refs: Mapping[str, str], commits: Mapping[str, str]) -> list[str]:
    """What the server is told to be here: few enough for one question, what is nearest to the wanted commits first."""
    near = {name.rpartition("/")[0] for name in commits}
    ids = [id for _, id in sorted(refs.items(), key=lambda row: row[0].rpartition("/")[0] not in near)]
    return list(dict.fromkeys(ids))[:_TOLD]


def _checked(commits: Mapping[str, str]) -> Mapping[str, str]:
    for name, id in commits.items():
        if not _NAME.fullmatch(name) or not _ID.fullmatch(id):
            raise ValueError(f"no name and full id of a commit: {name!r}, {id!r}")
    return dict(commits)


def _tidy(shelf: Shelf) -> None:
    """Deletes what killed processes left of a shelf, and a shelf without content, unless somebody fetches."""
    lock = shelf.lock(wait=0.0)
    if lock is not None:
        shelf.clear()
        shelf.drop_if_empty()
        lock.release()
        _drop(shelf.path.parent)


def _drop(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # in use, or gone already
