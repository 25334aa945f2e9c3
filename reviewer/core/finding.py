"""The values a review is made of: sites, findings, problems, analyses and reviews."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.matrix import Profile, ProfileChange

Level = Literal["error", "warning", "notice", "off"]
Evidence = Literal["high", "medium", "low"]
Novelty = Literal["site", "delta", "touched"]
Status = Literal["introduced", "existing", "suppressed", "dismissed"]
Verdict = Literal["success", "failure", "incomplete"]
Conclusion = Literal["success", "failure", "neutral"]
Arg = str | int | bool | tuple[str, ...]

LEVELS: tuple[Level, ...] = ("off", "notice", "warning", "error")
EVIDENCES: tuple[Evidence, ...] = ("low", "medium", "high")


def at_least(value: str, threshold: str, order: tuple[str, ...]) -> bool:
    """Whether *value* stands at or above *threshold* in *order*."""
    return order.index(value) >= order.index(threshold)


def weakest(*values: Evidence) -> Evidence:
    """The lowest of several evidences: a finding is as sure as the least sure fact it used."""
    return min(values, key=EVIDENCES.index)


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a blob. Lines and columns are 1-based, columns in code points; ``end_line`` is inclusive."""

    path: str
    line: int | None
    column: int = 1
    end_line: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A replacement of whole lines of one file, offered only when applying it removes the finding."""

    path: str
    line: int
    end_line: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a rule holds, with every place whose fact it used, the primary site first.

    ``subjects`` name what it is about, where other rules may speak about the same things: of those, a rule whose page
    says that it yields is silent.
    """

    rule: str
    level: Level
    evidence: Evidence
    sites: tuple[Site, ...]
    key: str
    package: str
    args: Mapping[str, Arg] = field(default_factory=dict)
    novelty: Novelty = "site"
    premise: str | None = None
    group: str | None = None
    subjects: tuple[str, ...] = ()
    suggestion: Suggestion | None = None
    excluded: bool = False
    suppression: str | None = None

    @property
    def site(self) -> Site:
        return self.sites[0]

    def fingerprint(self, path: str | None = None) -> str:
        """Identity of the finding, 16 hex digits: rule, path and key, never lines or rendered text."""
        parts = (self.rule, path if path is not None else self.site.path, self.key)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]

    def order(self) -> tuple[str, int, int, str, str]:
        return (self.site.path, self.site.line or 0, self.site.column, self.rule, self.key)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was not analysed: *skipped* by rule, or *failed* through a crash, a limit or missing content.

    ``caused_by_change`` is set where the change that is reviewed touched the file, or brought the trouble with it.
    """

    kind: Literal["skipped", "failed"]
    path: str
    message: str
    caused_by_change: bool = False


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything known about one tree under one configuration and one rulebook.

    ``incomplete`` holds the paths that were not analysed completely, and the checks that came to no end.
    """

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    premises: frozenset[str]
    incomplete: frozenset[str]
    basis: str
    stats: Mapping[str, int] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """The line of the pull request a comment belongs on."""

    path: str
    line: int
    side: Literal["RIGHT", "LEFT"] = "RIGHT"


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding as one review sees it."""

    id: str
    finding: Finding
    fingerprint: str
    status: Status
    gates: bool
    cause: str
    anchor: Anchor | None
    anchor_reason: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """A finding of the base that the head no longer has."""

    rule: str
    path: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Review:
    """What a change introduced, fixed and left alone, and whether that may be merged."""

    findings: tuple[Reported, ...]
    fixed: tuple[Fixed, ...]
    problems: tuple[Problem, ...]
    verdict: Verdict
    stats: Mapping[str, int] = field(default_factory=dict)
    profile_delta: tuple[ProfileChange, ...] = ()

    @property
    def conclusion(self) -> Conclusion:
        """How a check ends: what is incomplete because of the change itself fails it, other trouble is neutral."""
        if self.verdict != "incomplete":
            return self.verdict
        return "failure" if any(p.kind == "failed" and p.caused_by_change for p in self.problems) else "neutral"
