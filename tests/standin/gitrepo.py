"""Questions to a git repository on disk; answers about fixed commits are kept."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from tests.standin.diff import FileDiff, parse_hunks

_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_AUTHOR_NAME": "GitHub",
    "GIT_AUTHOR_EMAIL": "noreply@github.com",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@github.com",
    "LC_ALL": "C",
}
_SETTINGS = ("-c", "safe.directory=*", "-c", "core.quotePath=false", "-c", "protocol.file.allow=always")
_ZERO = "0" * 40
_FULL = re.compile(r"[0-9a-f]{40}")
_KNOWN: set[tuple[Path, str]] = set()


@dataclass(frozen=True)
class Commit:
    """What is said about a commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: tuple[str, str, str]
    committer: tuple[str, str, str]
    message: str


def environment() -> dict[str, str]:
    """The environment git runs in: no configuration but the repository's."""
    return {**os.environ, **_ENVIRONMENT}


def command(repository: Path, *args: str) -> list[str]:
    """A git command line for a repository."""
    return ["git", *_SETTINGS, "-C", str(repository), *args]


def git(repository: Path, *args: str, accept: tuple[int, ...] = (0,)) -> bytes:
    """The output of a git command."""
    done = subprocess.run(command(repository, *args), capture_output=True, check=False, env=environment())
    if done.returncode not in accept:
        raise subprocess.CalledProcessError(done.returncode, args, done.stdout, done.stderr)
    return done.stdout


def find(repository: Path, name: str) -> str | None:
    """The commit a branch, tag or id names, or None."""
    if _FULL.fullmatch(name):
        return name if _is_commit(repository, name) else None
    for candidate in (f"refs/heads/{name}", name):
        found = ref(repository, f"{candidate}^{{commit}}")
        if found is not None:
            return found
    return None


def _is_commit(repository: Path, sha: str) -> bool:
    if (repository, sha) not in _KNOWN and ref(repository, f"{sha}^{{commit}}") == sha:
        _KNOWN.add((repository, sha))
    return (repository, sha) in _KNOWN


def ref(repository: Path, name: str) -> str | None:
    """What a full ref points at."""
    found = git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", name, accept=(0, 1, 128))
    return found.decode().strip() or None


@dataclass(frozen=True)
class Entry:
    """A path of a tree; *kind* is git's: ``blob``, ``tree`` or ``commit``."""

    path: str
    kind: str
    sha: str
    size: int


def entries(repository: Path, commit: str, path: str) -> list[Entry]:
    """The entry at a path, or what is directly inside where it is a directory."""
    path = path.strip("/")
    kind = git(repository, "cat-file", "-t", f"{commit}:{path}", accept=(0, 1, 128)).decode().strip()
    if kind not in ("blob", "tree", "commit"):
        return []
    wanted = ([f"{path}/"] if path else []) if kind == "tree" else [path]
    out = git(repository, "ls-tree", "-l", "-z", commit, "--", *wanted).decode("utf-8", "replace")
    return [_entry(line) for line in out.split("\0") if line]


def _entry(line: str) -> Entry:
    facts, _, path = line.partition("\t")
    _, kind, sha, size = facts.split()
    return Entry(path, kind, sha, int(size) if size.isdigit() else 0)


def blob(repository: Path, sha: str) -> bytes:
    """The bytes of a blob."""
    return git(repository, "cat-file", "blob", sha)


def default_branch(repository: Path) -> str:
    """``main`` or ``master`` where there is one, whatever is checked out; else the branch HEAD names."""
    for name in ("main", "master"):
        if ref(repository, f"refs/heads/{name}") is not None:
            return name
    return checked_out(repository) or "main"


def checked_out(repository: Path) -> str | None:
    """The branch HEAD names; None where it names a commit."""
    return git(repository, "symbolic-ref", "--short", "--quiet", "HEAD", accept=(0, 1)).decode().strip() or None


def set_ref(repository: Path, ref: str, sha: str) -> None:
    git(repository, "update-ref", ref, sha)


def contains(repository: Path, descendant: str, ancestor: str) -> bool:
    """Whether one commit is reachable from the other."""
    done = subprocess.run(
        command(repository, "merge-base", "--is-ancestor", ancestor, descendant),
        capture_output=True,
        check=False,
        env=environment(),
    )
    return done.returncode == 0


@lru_cache(maxsize=4096)
def merge_base(repository: Path, base: str, head: str) -> str | None:
    """The best common ancestor of two commits."""
    return git(repository, "merge-base", base, head, accept=(0, 1)).decode().strip() or None


@lru_cache(maxsize=4096)
def commits(repository: Path, base: str, head: str) -> tuple[str, ...]:
    """Commits of head that base lacks, oldest first."""
    return tuple(git(repository, "rev-list", "--reverse", f"{base}..{head}").decode().split())


@lru_cache(maxsize=4096)
def commit(repository: Path, sha: str) -> Commit:
    """A commit's data."""
    form = "%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    shown = git(repository, "show", "--no-patch", f"--format={form}", sha).decode("utf-8", "replace")
    tree, parents, an, ae, ad, cn, ce, cd, message = shown.split("\0")
    return Commit(sha, tree, tuple(parents.split()), (an, ae, _utc(ad)), (cn, ce, _utc(cd)), message.rstrip("\n"))


def _utc(stamp: str) -> str:
    return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=1024)
def three_dot(repository: Path, base: str, head: str) -> tuple[FileDiff, ...]:
    """The files a pull request changes: from the merge base to the head."""
    return two_dot(repository, merge_base(repository, base, head) or base, head)


@lru_cache(maxsize=1024)
def two_dot(repository: Path, old: str, new: str) -> tuple[FileDiff, ...]:
    """The files that differ between two commits."""
    # One call for names and texts: the raw part, a blank entry, then the patches in the same order.
    out = git(
        repository, "diff", "--raw", "--no-abbrev", "-z", "--patch", "-U3", "-M", "--no-color", "--no-ext-diff",
        "--no-textconv", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/", old, new, "--",
    )  # fmt: skip
    raw, _, patches = out.partition(b"\0\0")
    files = _raw_entries(raw + b"\0")
    texts = _split_patches(patches)
    parts = iter(texts)
    return tuple(_with_patch(file, _patch_of(file, parts)) for file in files)


def _patch_of(file: FileDiff, parts: Iterator[str]) -> str:
    # A change of type (file to symbolic link) is shown as a removal and an addition.
    return next(parts) if file.status != "changed" else "\n".join((next(parts), next(parts)))


def _raw_entries(raw: bytes) -> list[FileDiff]:
    fields = [f.decode("utf-8", "replace") for f in raw.split(b"\0")]
    files: list[FileDiff] = []
    index = 0
    while index < len(fields) and fields[index].startswith(":"):
        _, _, old, new, letter = fields[index].split(" ")
        two = letter[0] in "RC"
        path = fields[index + (2 if two else 1)]
        previous = fields[index + 1] if two else None
        files.append(FileDiff(path, _STATUS[letter[0]], old if new == _ZERO else new, previous))
        index += 3 if two else 2
    return files


def _split_patches(patches: bytes) -> list[str]:
    text = "\n" + patches.decode("utf-8", "replace")
    return [part.rstrip("\n") for part in text.split("\ndiff --git ")[1:]]


def _with_patch(file: FileDiff, text: str) -> FileDiff:
    start = text.find("\n@@ ")
    hunks = text[start + 1 :] if start >= 0 else ""
    binary = not hunks and "\nBinary files " in text
    lines = parse_hunks(hunks)
    counts = [sum(line.kind == kind for line in lines) for kind in "+-"]
    return replace(file, additions=counts[0], deletions=counts[1], binary=binary, hunks=hunks, lines=lines)


def line_changes(repository: Path, old: str, new: str, path: str) -> str:
    """The diff of one file without context."""
    return git(repository, "diff", "-U0", "--no-color", "--no-ext-diff", old, new, "--", path).decode(
        "utf-8", "replace"
    )
