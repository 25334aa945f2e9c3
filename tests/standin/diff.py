"""Unified diffs: their hunks, and the lines of a file that may be commented on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HEADER = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_CHANGES_SHOWN = 3000


@dataclass(frozen=True)
class Line:
    """A line of a hunk; *position* counts lines below the first header of the file."""

    kind: str
    left: int | None
    right: int | None
    hunk: int
    position: int
    text: str


@dataclass
class FileDiff:
    """What happened to one file, as ``pulls/files`` tells it."""

    path: str
    status: str
    sha: str | None
    previous: str | None = None
    additions: int = 0
    deletions: int = 0
    binary: bool = False
    hunks: str = ""
    lines: list[Line] = field(default_factory=list)

    @property
    def patch(self) -> str | None:
        """The hunks, or None where GitHub leaves them out."""
        if self.binary or not self.hunks or self.additions + self.deletions > _CHANGES_SHOWN:
            return None
        return self.hunks

    def at(self, side: str, number: int) -> Line | None:
        """The line of the diff with this number on a side: deletions on the left, the rest on the right."""
        for line in self.lines:
            if side == "RIGHT" and line.kind != "-" and line.right == number:
                return line
            if side == "LEFT" and line.kind == "-" and line.left == number:
                return line
        return None

    def hunk_up_to(self, line: Line) -> str:
        """The hunk of a line, cut below it."""
        header = self.hunks.split("\n")[0 if line.hunk == 0 else self._header_positions()[line.hunk]]
        shown = [entry for entry in self.lines if entry.hunk == line.hunk and entry.position <= line.position]
        return "\n".join([header, *(entry.kind + entry.text for entry in shown)])

    def _header_positions(self) -> list[int]:
        return [index for index, line in enumerate(self.hunks.split("\n")) if _HEADER.match(line)]


def parse_hunks(hunks: str) -> list[Line]:
    """The lines of the hunks of one file."""
    lines: list[Line] = []
    left = right = 0
    hunk = -1
    for position, text in enumerate(hunks.split("\n")):
        header = _HEADER.match(text)
        if header:
            left, right, hunk = int(header[1]), int(header[2]), hunk + 1
        elif text[:1] in ("+", "-", " ") and hunk >= 0:
            kind = text[0]
            numbers = (None if kind == "+" else left, None if kind == "-" else right)
            lines.append(Line(kind, *numbers, hunk, position, text[1:]))
            left, right = left + (kind != "+"), right + (kind != "-")
    return lines


def moved(hunks: str, number: int) -> int | None:
    """Where a line of the old file is in the new one by a diff without context; None where it was changed."""
    shift = 0
    for match in re.finditer(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@", hunks, re.MULTILINE):
        start, old, new = int(match[1]), int(match[2] or 1), int(match[3] or 1)
        first = start if old else start + 1
        if number < first:
            break
        if number < first + old:
            return None
        shift += new - old
    return number + shift
