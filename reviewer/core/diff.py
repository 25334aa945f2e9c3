"""The difference between two trees: files, renames and lines."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.snapshot import Snapshot
from reviewer.core.text import NotText, decode

CONTEXT = 3
MAX_COMPARED = 4_000_000
MAX_RENAME_PAIRS = 20_000
SIMILARITY = 0.5


@dataclass(frozen=True, slots=True)
class FileDiff:
    """One changed file. ``old_path`` is None for an added file, ``path`` is the old path of a removed one."""

    path: str
    old_path: str | None
    status: Literal["added", "removed", "modified", "renamed"]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one file's change, all 1-based: added ones, those shown as context, and where old ones went.

    ``cut`` are the lines behind which old ones were left out.
    """

    added: frozenset[int] = frozenset()
    context: frozenset[int] = frozenset()
    kept: Mapping[int, int] = field(default_factory=dict)
    cut: frozenset[int] = frozenset()

    @property
    def commentable(self) -> frozenset[int]:
        return self.added | self.context

    def edits(self, first: int, last: int) -> bool:
        """Whether anything from a line to another was added, or left out between them."""
        return any(line in self.added for line in range(first, last + 1)) or any(
            line in self.cut for line in range(first, last)
        )


class Diff:
    """From a base tree to a head tree. Lines are compared for the files that are asked about."""

    def __init__(self, base: Snapshot, head: Snapshot) -> None:
        self.base = base
        self.head = head
        self.files: dict[str, FileDiff] = {}
        self._new_path: dict[str, str] = {}
        self._lines: dict[str, Lines] = {}
        self._counts: dict[tuple[str, bool], Counter[bytes]] = {}
        self._compare_listings()

    def _compare_listings(self) -> None:
        removed = {p for p, e in self.base.listing.items() if e.kind == "file" and not _is_file(self.head, p)}
        for path, entry in self.head.listing.items():
            if entry.kind != "file":
                continue
            old = self.base.listing.get(path)
            if old is None or old.kind != "file":
                self.files[path] = FileDiff(path, None, "added")
            elif old.id != entry.id:
                self.files[path] = FileDiff(path, path, "modified")
        for path in removed:
            self.files[path] = FileDiff(path, path, "removed")
        self._match_identical(removed)

    def _match_identical(self, removed: set[str]) -> None:
        by_id: dict[str, list[str]] = {}
        for path in sorted(removed):
            by_id.setdefault(self.base.listing[path].id, []).append(path)
        for path in sorted(p for p, f in self.files.items() if f.status == "added"):
            candidates = by_id.get(self.head.listing[path].id)
            if candidates:
                self._rename(_nearest(path, candidates), path)
                candidates.remove(self.files[path].old_path or "")

    def _rename(self, old: str, new: str) -> None:
        self.files[new] = FileDiff(new, old, "renamed")
        self._new_path[old] = new
        if old != new:
            self.files.pop(old, None)

    def match_similar(self, old_paths: Iterable[str], new_paths: Iterable[str]) -> None:
        """Pairs removed with added files of similar content, among those named: the others do not matter."""
        removed = [p for p in old_paths if p in self.files and self.files[p].status == "removed"]
        added = [p for p in new_paths if p in self.files and self.files[p].status == "added"]
        pairs = [(o, n) for o in sorted(set(removed)) for n in sorted(set(added)) if _suffix(o) == _suffix(n)]
        scored = [(self._similarity(o, n), min(o, n), max(o, n), o, n) for o, n in pairs[:MAX_RENAME_PAIRS]]
        taken: set[str] = set()
        for score, _, _, old, new in sorted(scored, key=lambda row: (-row[0], row[1], row[2])):
            if score >= SIMILARITY and old not in taken and new not in taken:
                taken |= {old, new}
                self._rename(old, new)

    def _similarity(self, old: str, new: str) -> float:
        left, right = self._line_counts(old, False), self._line_counts(new, True)
        total = max(_weight(left), _weight(right))
        return _weight(left & right) / total if total else 0.0

    def _line_counts(self, path: str, in_head: bool) -> Counter[bytes]:
        if (path, in_head) not in self._counts:
            self._counts[path, in_head] = Counter(_lines_of(self.head if in_head else self.base, path))
        return self._counts[path, in_head]

    # -- questions --------------------------------------------------

    def new_path(self, base_path: str) -> str:
        """Where a file of the base lies in the head; its own path when it did not move."""
        return self._new_path.get(base_path, base_path)

    def lines(self, path: str) -> Lines:
        """The change of one head file; empty for an unchanged one."""
        if path not in self._lines:
            self._lines[path] = self._compare(path)
        return self._lines[path]

    def _compare(self, path: str) -> Lines:
        change = self.files.get(path)
        if change is None or change.status == "removed":
            return Lines()
        new = _lines_of(self.head, path)
        if change.old_path is None:
            return Lines(frozenset(range(1, len(new) + 1)))
        return compare_lines(_lines_of(self.base, change.old_path), new)

    def maps_to(self, base_path: str, base_line: int | None, head_line: int | None) -> bool:
        """Whether a line of the base is, unchanged, that line of the head."""
        if base_line is None or head_line is None:
            return base_line == head_line
        path = self.new_path(base_path)
        if path not in self.files:
            return base_line == head_line
        return self.lines(path).kept.get(base_line) == head_line


def compare_lines(old: list[bytes], new: list[bytes]) -> Lines:
    """Added, context and kept lines between two versions of a file."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    kept = {i + 1: i + 1 for i in range(start)}
    kept.update({len(old) - i: len(new) - i for i in range(end)})
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if len(middle_old) * len(middle_new) <= MAX_COMPARED:
        matcher = difflib.SequenceMatcher(None, middle_old, middle_new, autojunk=False)
        for block in matcher.get_matching_blocks():
            kept.update({start + block.a + i + 1: start + block.b + i + 1 for i in range(block.size)})
    return _lines(kept, len(old), len(new))


def _lines(kept: dict[int, int], old_count: int, new_count: int) -> Lines:
    still = {new: old for old, new in kept.items()}
    added = frozenset(line for line in range(1, new_count + 1) if line not in still)
    context = {near for line in added for near in range(line - CONTEXT, line + CONTEXT + 1)}
    before, cut = 0, set()
    for line in range(1, old_count + 1):
        if line in kept:
            before = kept[line]
        else:  # what is deleted is shown between the lines around it
            context.update(range(before - CONTEXT + 1, before + CONTEXT + 1))
            cut.add(before)
    return Lines(added, frozenset(line for line in context if line in still), kept, frozenset(cut))


def _lines_of(snapshot: Snapshot, path: str) -> list[bytes]:
    raw = snapshot.read(path)
    try:
        data = decode(raw).data if isinstance(raw, bytes) else b""
    except NotText:
        return []
    lines = data.split(b"\n")
    return lines[:-1] if lines and not lines[-1] else lines


def _is_file(snapshot: Snapshot, path: str) -> bool:
    entry = snapshot.listing.get(path)
    return entry is not None and entry.kind == "file"


def _nearest(path: str, candidates: list[str]) -> str:
    name = path.rpartition("/")[2]
    return min(candidates, key=lambda c: (c.rpartition("/")[2] != name, c))


def _suffix(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2]


def _weight(counts: Counter[bytes]) -> int:
    return sum((len(line) + 1) * count for line, count in counts.items())
