"""What of a review is said where: comments on lines, comments on files, and what the check alone lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from reviewer.core.finding import LEVELS, Anchor, Reported, Review
from reviewer.core.rulebook import Rulebook
from reviewer.render.markdown import comment
from reviewer.render.markers import FindingsMark, findings_mark

SAID = "said before on this pull request"
NOTICE = "notices are listed, not commented"
LOW = "its evidence is low"
UNSHOWN = "no line of this change shows it"
CAPPED = "this pull request has enough comments"
LOCKED = "the conversation is locked"


@dataclass(frozen=True, slots=True)
class Caps:
    """How many comments one pull request gets in all and for one rule; findings that gate are not counted."""

    comments: int = 10
    per_rule: int = 3


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of the head, or on a whole file where ``line`` is None."""

    path: str
    line: int | None
    body: str
    mark: FindingsMark


@dataclass(frozen=True, slots=True)
class Plan:
    """Comments to post, and why other findings (by fingerprint) get none."""

    comments: tuple[Comment, ...] = ()
    unsaid: Mapping[str, str] = field(default_factory=dict)


def said_by(bodies: Iterable[str]) -> Iterator[FindingsMark]:
    """What comments of the App speak about."""
    for body in bodies:
        mark = findings_mark(body)
        if mark is not None:
            yield mark


def plan(
    review: Review,
    rulebook: Rulebook,
    shown: Mapping[str, Collection[int]],
    said: Sequence[FindingsMark] = (),
    caps: Caps = Caps(),
) -> Plan:
    """The comments a review makes. ``shown`` are the files GitHub shows and the lines of each it takes comments on."""
    planner = _Planner(rulebook, shown, said, caps)
    for group in _causes(review):
        planner.add(group)
    spoken = {fingerprint for comment in planner.comments for fingerprint in comment.mark.fingerprints}
    unsaid = {fingerprint: reason for fingerprint, reason in planner.unsaid.items() if fingerprint not in spoken}
    return Plan(tuple(planner.comments), unsaid)


def _causes(review: Review) -> list[list[Reported]]:
    """Introduced findings by cause: what gates first, then what is graver, then as they stand in the tree."""
    groups: dict[str, list[Reported]] = {}
    for reported in review.findings:
        if reported.status == "introduced":
            groups.setdefault(reported.cause, []).append(reported)
    ranks = {level: -index for index, level in enumerate(LEVELS)}
    return sorted(groups.values(), key=lambda group: min((not r.gates, ranks[r.finding.level]) for r in group))


class _Planner:
    def __init__(
        self,
        rulebook: Rulebook,
        shown: Mapping[str, Collection[int]],
        said: Sequence[FindingsMark],
        caps: Caps,
    ) -> None:
        self.rulebook = rulebook
        self.shown = shown
        self.known = {fingerprint for mark in said for fingerprint in mark.fingerprints}
        self.counts = Counter(mark.rule for mark in said if not mark.gates)
        self.caps = caps
        self.comments: list[Comment] = []
        self.unsaid: dict[str, str] = {}

    def add(self, group: list[Reported]) -> None:
        left = []
        for reported in group:
            reason = self._silent(reported)
            if reason is None:
                left.append(reported)
            else:
                self.unsaid[reported.fingerprint] = reason
        if left:
            self._speak(left)

    def _silent(self, reported: Reported) -> str | None:
        if reported.fingerprint in self.known:
            return SAID
        if reported.finding.level == "notice":
            return NOTICE
        return LOW if reported.finding.evidence == "low" else None

    def _speak(self, group: list[Reported]) -> None:
        gates = any(reported.gates for reported in group)
        rule = group[0].finding.rule
        group = sorted(group, key=lambda reported: (not self._is_shown(reported), not reported.gates))
        path, line = self._place(group, gates)
        full = self.counts.total() >= self.caps.comments or self.counts[rule] >= self.caps.per_rule
        if path is None or (full and not gates):
            self.unsaid.update({r.fingerprint: UNSHOWN if path is None else CAPPED for r in group})
            return
        if not gates:
            self.counts[rule] += 1
        mark = FindingsMark(rule, tuple(dict.fromkeys(r.fingerprint for r in group)), gates)
        at = Anchor(path, line) if line is not None else None
        self.comments.append(Comment(path, line, f"{mark}\n{comment(group, self.rulebook.rules[rule], at)}", mark))

    def _is_shown(self, reported: Reported) -> bool:
        anchor = reported.anchor
        return anchor is not None and anchor.line in self.shown.get(anchor.path, ())

    def _place(self, group: Sequence[Reported], gates: bool) -> tuple[str | None, int | None]:
        """The line a replacement can be applied to, else the finding's own; the nearest file for one that gates."""
        reported, replacement = group[0], group[0].finding.suggestion
        if len(group) == 1 and replacement is not None and replacement.line in self.shown.get(replacement.path, ()):
            return replacement.path, replacement.line
        if reported.anchor is not None and self._is_shown(reported):
            return reported.anchor.path, reported.anchor.line
        return (nearest(reported, self.shown) if gates else None), None


def nearest(reported: Reported, paths: Collection[str]) -> str | None:
    """Of some changed files the one a finding uses, else the one that lies nearest to it."""
    for site in reported.finding.sites:
        if site.path in paths:
            return site.path
    here = reported.finding.site.path.split("/")

    def distance(path: str) -> tuple[int, int, str]:
        there = path.split("/")
        shared = takewhile(lambda pair: pair[0] == pair[1], zip(here, there, strict=False))
        return -sum(1 for _ in shared), len(there), path

    return min(paths, key=distance, default=None)
