"""Trees of a git repository, read from its object store: no checkout, no hooks, no network."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO

from reviewer.core.snapshot import MAX_BLOB_BYTES, Blob, Entry, Kind, Missing
from reviewer.sources.base import SourceError

_KINDS: Mapping[bytes, Kind] = {b"120000": "symlink", b"160000": "submodule"}
# Settings of the repository that could run programs or reach the network are overridden.
_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never")
_BATCH = 2_000


class GitRepository:
    """A repository: a work tree, a linked worktree or a bare one. ``absent`` is what a missing blob is taken for."""

    def __init__(self, path: Path, absent: Missing = Missing.ABSENT) -> None:
        self.path = path
        self.absent = absent
        self.run("rev-parse", "--git-dir")

    @classmethod
    def create(cls, path: Path) -> None:
        """Makes an empty bare repository, without templates. Raises SourceError."""
        fixed = ("-c", "init.defaultRefFormat=files", "-c", "init.defaultObjectFormat=sha1")
        result = _run(path, *fixed, "init", "--bare", "--quiet", "--template=", "--initial-branch=main")
        if result.returncode != 0:
            raise SourceError(f"{path}: {_first_line(result.stderr) or 'git failed'}")

    def run(self, *args: str, check: bool = True, stdin: bytes = b"") -> bytes:
        """The output of a git command. Raises SourceError with git's own words."""
        result = self._git(*args, stdin=stdin)
        if check and result.returncode != 0:
            raise SourceError(f"{self.path}: {_first_line(result.stderr) or 'git failed'}")
        return result.stdout

    def _git(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return _run(self.path, *args, stdin=stdin)

    @cached_property
    def is_bare(self) -> bool:
        return self.run("rev-parse", "--is-bare-repository").strip() == b"true"

    def commit(self, revision: str) -> str:
        """The full id of the commit a revision names. Raises SourceError when it names none."""
        result = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if result.returncode != 0:
            raise SourceError(f"{self.path}: no commit is called {revision!r}: name a branch, a tag or a commit id")
        return result.stdout.decode().strip()

    def merge_base(self, base: str, head: str) -> str:
        """The best common ancestor of two commits. Raises SourceError when they share no history."""
        result = self._git("merge-base", base, head)
        if result.returncode != 0:
            raise SourceError(
                f"{self.path}: {base[:12]} and {head[:12]} have no common history here: "
                "fetch more of it (git fetch --unshallow), or name another base"
            )
        return result.stdout.decode().strip()

    def tree(self, revision: str) -> GitTree:
        return GitTree(self, self.commit(revision))

    @cached_property
    def is_partial(self) -> bool:
        """Whether objects may be missing: asking for one would make git fetch it."""
        return self._git("config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$").returncode == 0

    @cached_property
    def present(self) -> frozenset[bytes]:
        """The ids of all objects of a partial clone that are here."""
        listed = self.run("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered")
        return frozenset(listed.split())


class GitTree:
    """The tree of one commit. A scan below the repository's root sees that part of the tree."""

    def __init__(self, repository: GitRepository, commit: str) -> None:
        self.repository = repository
        self.commit = commit
        self._process: subprocess.Popen[bytes] | None = None

    @cached_property
    def id(self) -> str:
        """The id of the tree object, which commits of equal content share."""
        return self.repository.run("rev-parse", "--verify", f"{self.commit}^{{tree}}").decode().strip()

    def listing(self) -> Mapping[str, Entry]:
        listed = self.repository.run("ls-tree", "-r", "-z", self.commit)
        entries: dict[str, Entry] = {}
        for row in listed.split(b"\0"):
            if row:
                meta, _, name = row.partition(b"\t")
                mode, _, id = meta.split(b" ")
                entries[name.decode("utf-8", "backslashreplace")] = Entry(id.decode(), _KINDS.get(mode, "file"))
        return entries

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        pending: list[str] = []
        for id in ids:
            pending.append(id)
            if len(pending) == _BATCH:
                yield from self._read(pending)
                pending = []
        yield from self._read(pending)

    def _read(self, ids: list[str]) -> Iterator[tuple[str, Blob]]:
        present = self.repository.present if self.repository.is_partial else None
        asked = [id for id in ids if present is None or id.encode() in present]
        stdin, stdout = self._batch()
        writer = threading.Thread(target=_ask, args=(stdin, asked), daemon=True)
        writer.start()
        here = set(asked)
        for id in ids:
            blob = _answer(stdout) if id in here else Missing.ABSENT
            yield id, self.repository.absent if blob is Missing.ABSENT else blob
        writer.join()

    def _batch(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = subprocess.Popen(
                ["git", *_SAFE, "-C", str(self.repository.path), "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        if self._process.stdin is None or self._process.stdout is None:
            raise SourceError("git was started without pipes")
        return self._process.stdin, self._process.stdout

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _run(path: Path, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *_SAFE, "-C", str(path), *args],
            capture_output=True,
            env=_environment(),
            input=stdin,
            check=False,
        )
    except FileNotFoundError:
        raise SourceError("git is not installed: install git and run this again") from None


def _ask(stdin: IO[bytes], ids: list[str]) -> None:
    try:
        stdin.write("".join(f"{id}\n" for id in ids).encode())
        stdin.flush()
    except BrokenPipeError:
        return  # the reader sees the end of the answers and says so


def _answer(stdout: IO[bytes]) -> Blob:
    header = stdout.readline().split()
    if not header:
        raise SourceError("git stopped answering (git cat-file --batch): is the repository damaged? try git fsck")
    if len(header) != 3:
        return Missing.ABSENT
    size = int(header[2])
    if size <= MAX_BLOB_BYTES:
        content = stdout.read(size)
        stdout.read(1)
        return content
    left = size + 1
    while left > 0:
        chunk = stdout.read(min(left, 1 << 20))
        if not chunk:
            raise SourceError("git stopped answering (git cat-file --batch): is the repository damaged? try git fsck")
        left -= len(chunk)
    return Missing.TOO_LARGE


def _environment() -> dict[str, str]:
    """The environment for git: no prompts, no lazy fetches, nothing that points it at another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    safe = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    return {**kept, **safe, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _first_line(stderr: bytes) -> str:
    """Git's first complaint; its warnings say less."""
    lines = stderr.decode("utf-8", "replace").strip().split("\n")
    return next((line for line in lines if line.startswith("fatal: ")), lines[0]).removeprefix("fatal: ")
