"""GitHub's patches, read for one thing: which lines of the new file a comment can be put on."""

from __future__ import annotations

import re

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def commentable_lines(patch: str) -> frozenset[int]:
    """Lines of the new file that the patch shows, added or as context. Lines of a patch end at ``\\n`` only."""
    lines: set[int] = set()
    number = 0
    for row in patch.split("\n"):
        if match := _HUNK.match(row):
            number = int(match[1])
        elif row.startswith(("+", " ")):
            lines.add(number)
            number += 1
    return frozenset(lines)
