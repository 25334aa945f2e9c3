"""Suggestions applied to the bytes of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.finding import Suggestion


def patched(content: bytes, suggestions: Iterable[Suggestion]) -> bytes | None:
    """A file with suggestions applied that do not overlap, or None where their lines are not there.

    An empty replacement deletes the lines, as it does on GitHub. What ended in CR LF still does.
    """
    lines = content.split(b"\n")
    for suggestion in sorted(suggestions, key=lambda suggestion: -suggestion.line):
        if suggestion.end_line > len(lines):
            return None
        end = b"\r" if lines[suggestion.end_line - 1].endswith(b"\r") else b""
        replacement = suggestion.replacement.split("\n") if suggestion.replacement else []
        lines[suggestion.line - 1 : suggestion.end_line] = [line.encode() + end for line in replacement]
    return b"\n".join(lines)


def apart(suggestions: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """The suggestions that can be applied together: of those that share a line, the first one."""
    taken: list[Suggestion] = []
    for suggestion in suggestions:
        if not any(_overlap(suggestion, other) for other in taken):
            taken.append(suggestion)
            yield suggestion


def _overlap(one: Suggestion, other: Suggestion) -> bool:
    return one.path == other.path and one.line <= other.end_line and other.line <= one.end_line
