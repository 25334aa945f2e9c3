"""Hidden marks by which the App recognises what it wrote. They count only where the App's own bot is the author."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FINDINGS = re.compile(r"<!-- reviewer:findings ([a-z0-9-]+) ([0-9a-f]{16}(?:,[0-9a-f]{16})*)( gates)? -->")
_REVIEW = re.compile(r"<!-- reviewer:review ([0-9a-f]{40}(?:[0-9a-f]{24})?) ([0-9]{1,6}) -->")


@dataclass(frozen=True, slots=True)
class FindingsMark:
    """What a comment speaks about: findings of one rule, by fingerprint."""

    rule: str
    fingerprints: tuple[str, ...]
    gates: bool

    def __str__(self) -> str:
        return f"<!-- reviewer:findings {self.rule} {','.join(self.fingerprints)}{' gates' if self.gates else ''} -->"


def findings_mark(body: str) -> FindingsMark | None:
    """The mark of a comment, which stands in its first line."""
    match = _FINDINGS.match(body)
    return FindingsMark(match[1], tuple(match[2].split(",")), bool(match[3])) if match else None


def review_mark(head: str, part: int) -> str:
    """The mark of the part-th call (from 0) that posts the review of a head."""
    return f"<!-- reviewer:review {head} {part} -->"


def review_marks(bodies: Iterable[str]) -> set[tuple[str, int]]:
    """Heads and parts of the reviews among some bodies."""
    matches = (_REVIEW.match(body) for body in bodies)
    return {(match[1], int(match[2])) for match in matches if match}
