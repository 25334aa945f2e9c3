"""Which line of a pull request a finding belongs on."""

from __future__ import annotations

from reviewer.core.diff import Diff
from reviewer.core.finding import Anchor, Finding

ADDED = "the first place of the finding that this change adds"
CHANGED = "the statement of the finding that this change edits"
ELSEWHERE = "no place of the finding is in the lines this change shows"


def anchor_of(finding: Finding, diff: Diff) -> tuple[Anchor | None, str]:
    """The anchor, and why it is there: an added line, else a shown line whose statement changed, else none."""
    for site in finding.sites:
        if site.line is not None and site.line in diff.lines(site.path).added:
            return Anchor(site.path, site.line), ADDED
    for site in finding.sites:
        if site.line is None:
            continue
        lines = diff.lines(site.path)
        if site.line in lines.context and lines.edits(site.line, site.end_line or site.line):
            return Anchor(site.path, site.line), CHANGED
    return None, ELSEWHERE


def touches(finding: Finding, diff: Diff) -> bool:
    """Whether the change adds, edits or takes something from the place the finding is about."""
    site = finding.site
    if site.line is None:
        return False
    return diff.lines(site.path).edits(site.line, site.end_line or site.line)
