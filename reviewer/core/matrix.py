"""The architecture profile: scored facts about one application, and the matrix that reads them.

A profile says what the code of an application needs and what the application has. Scores: U rendering 0 to 5, B backend
surface 0 to 5, P process need 0 to 8, M pipeline 0 to 3, C consumers 0 to 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

ScoreName = Literal["U", "B", "P", "M", "C"]
Confidence = Literal["high", "medium", "low"]
Kind = Literal["next", "service"]
Label = Literal["S", "R1", "R2", "R3", "R4", "R5", "R2api", "R4api"]
Has = Literal["static", "next", "next+custom-server", "next+service", "service"]
Host = Literal["function", "scale-to-zero", "long-lived", "static", "unknown"]
Replicas = Literal["1", "many", "unknown"]
Place = Literal["route", "instrumentation", "custom-server", "service"]
Mismatch = Literal[
    "process-in-functions",
    "process-on-scale-to-zero",
    "process-on-one-instance",
    "process-on-long-lived-host",
    "process-on-unknown-host",
    "two-socket-owners",
    "api-only",
    "api-only-with-clients",
    "shared-api",
    "forwarding-server",
    "small-service",
    "service-in-functions",
]
Changed = Literal["label", "has", "mismatch", "P", "C"]

MAXIMA: dict[ScoreName, int] = {"U": 5, "B": 5, "P": 8, "M": 3, "C": 6}
ROWS: dict[Label, int] = {"S": 1, "R1": 1, "R2": 2, "R2api": 2, "R3": 3, "R4": 4, "R4api": 4}  # R5 is in no row
NEEDS_PROCESS = SHARED = 3
ON_DEMAND: frozenset[Mismatch] = frozenset({"small-service"})  # said when a profile is asked for, never in a review
_ON_HOST: frozenset[Mismatch] = frozenset(
    {
        "process-in-functions",
        "process-on-scale-to-zero",
        "process-on-one-instance",
        "process-on-long-lived-host",
        "service-in-functions",
    }
)
_NOTED: dict[Mismatch, tuple[ScoreName, ...]] = {"shared-api": ("C", "B"), "service-in-functions": ("P",)}
_WATCHED: tuple[Literal["P", "C"], ...] = ("P", "C")
_ORDER: tuple[Confidence, ...] = ("low", "medium", "high")
_PROCESS_ROWS: dict[Host, Mismatch] = {
    "function": "process-in-functions",
    "scale-to-zero": "process-on-scale-to-zero",
    "long-lived": "process-on-long-lived-host",
    "static": "process-on-unknown-host",
    "unknown": "process-on-unknown-host",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a line of the repository says. ``line`` is 1-based.

    ``{}`` in the text stands for one of the *names* each: numbers, and words of the repository, which are only told
    as code.
    """

    text: str
    path: str
    line: int = 1
    confidence: Confidence = "high"
    names: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """A fact, and the points it adds to a score."""

    score: ScoreName
    points: int
    fact: Fact


@dataclass(frozen=True, slots=True)
class Measures:
    """What is known of one application before the matrix is read.

    ``pages`` counts URLs with a page; ``is_bare`` says that those pages hardly render anything. ``places`` says where
    the features live that need a process, ``socket_places`` where WebSocket servers do, those of linked applications
    included as ``service``. ``has_facts`` are what *has* rests on, ``host_fact`` what the host rests on,
    ``host_conflicts`` the files that name hosts of different kinds, ``context`` what speaks for leaving things
    together. ``failed`` are scripts of it whose analysis failed.
    """

    root: str
    name: str
    kind: Kind
    what: str
    has: Has = "next"
    host: Host = "unknown"
    host_fact: Fact | None = None
    host_conflicts: tuple[Fact, ...] = ()
    replicas: Replicas = "unknown"
    pages: int = 0
    is_bare: bool = False
    handlers: int = 0
    actions: int = 0
    is_static: bool = False
    server_does_more: bool = False
    service_is_small: bool = False
    places: frozenset[Place] = frozenset()
    socket_places: frozenset[Place] = frozenset()
    reasons: tuple[Reason, ...] = ()
    has_facts: tuple[Fact, ...] = ()
    context: tuple[Fact, ...] = ()
    failed: tuple[str, ...] = ()

    def score(self, name: ScoreName) -> int:
        points = sum(reason.points for reason in self.reasons if reason.score == name)
        return min(points, MAXIMA[name])


@dataclass(frozen=True, slots=True)
class Profile:
    """What one application is, needs and has. At low confidence no label is published."""

    measures: Measures
    label: Label | None
    mismatch: Mismatch | None
    confidence: Confidence

    @property
    def root(self) -> str:
        return self.measures.root

    @property
    def name(self) -> str:
        return self.measures.name

    @property
    def has(self) -> Has:
        return self.measures.has

    @property
    def is_published(self) -> bool:
        return self.confidence != "low"

    def score(self, name: ScoreName) -> int:
        return self.measures.score(name)

    def reasons(self) -> tuple[Reason, ...]:
        """Reasons for the label: those of the scores that decide it first, then the largest contributions."""
        noted = _NOTED.get(self.mismatch, ()) if self.mismatch is not None else ()
        first = noted or deciding(self.label)
        rows = sorted(self.measures.reasons, key=lambda r: (r.score not in first, -r.points, r.score, r.fact.path))
        return tuple(rows)

    def counter(self) -> tuple[Fact, ...]:
        """Facts that speak against the label, or against drawing conclusions from it."""
        if self.label == "R1":
            return tuple(reason.fact for reason in self.measures.reasons if reason.score == "B")
        is_split = self.label in ("R5", "R2api", "R4api") or self.mismatch == "shared-api"
        return self.measures.context if is_split else ()


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What a change does to the profile of one application, with the facts that came and went."""

    root: str
    name: str
    what: tuple[Changed, ...]
    before: Profile
    after: Profile
    added: tuple[Reason, ...]
    removed: tuple[Reason, ...]

    @property
    def since(self) -> Literal["this change", "before"]:
        """Since when the mismatch is there."""
        return "this change" if self.before.mismatch != self.after.mismatch else "before"


def judged(measures: Measures) -> Profile:
    """The profile of an application: the row of the matrix its measures lead to, and how sure that is."""
    label = _needs(measures)
    mismatch = _mismatch(label, measures) if label is not None else None
    confidence = _label_confidence(label, measures)
    if mismatch is not None:
        if (own := _mismatch_confidence(mismatch, measures)) == "low":
            mismatch = None
        else:
            confidence = weakest(confidence, own)
    return Profile(measures, label, mismatch, confidence)


def weakest(*values: Confidence) -> Confidence:
    return min(values, key=_ORDER.index)


# -- what the code needs --------------------------------------------------


def deciding(label: Label | None) -> tuple[ScoreName, ...]:
    """The scores that decide a label, in the order they are told."""
    if label == "R5":
        return ("P", "U")
    if label in ("R4", "R4api"):
        return ("C", "B")
    return ("B", "P") if label in ("R2", "R2api") else ("U", "B")


def _needs(m: Measures) -> Label | None:
    if m.kind == "service":
        return "R4" if m.score("C") >= 2 else "R2"
    if m.is_static and m.handlers == 0:
        return "S"
    if (m.pages == 0 or m.is_bare) and m.handlers >= 3:
        return "R4api" if m.score("C") >= 2 else "R2api"
    if m.pages == 0:
        return None
    if m.score("P") >= NEEDS_PROCESS:
        return "R5"
    return "R3" if m.handlers + m.actions >= 3 else "R1"


def _mismatch(label: Label, m: Measures) -> Mismatch | None:
    if label == "R5":
        return _process_row(m)
    if m.kind == "service":
        return "service-in-functions" if m.host == "function" and m.score("P") >= 2 else None
    if label in ("R2api", "R4api"):
        return "api-only" if label == "R2api" else "api-only-with-clients"
    if label == "R3" and m.has == "next" and m.score("C") >= SHARED:
        return "shared-api"
    if label == "R1" and m.has == "next+custom-server" and not m.server_does_more:
        return "forwarding-server"
    if label in ("R1", "R3") and m.has == "next+service" and m.service_is_small:
        return "small-service"
    return None


def _process_row(m: Measures) -> Mismatch | None:
    """What owns sockets, timers and consumers: nothing is said where a process of the repository does."""
    if m.has == "next+custom-server":
        return None
    if m.has == "next+service":
        if m.places <= {"service"}:
            return None
        if "service" in m.socket_places and len(m.socket_places) > 1:
            return "two-socket-owners"
    if m.host == "long-lived" and m.replicas == "1":
        return "process-on-one-instance"
    return _PROCESS_ROWS[m.host]


# -- how sure it is --------------------------------------------------


def _label_confidence(label: Label | None, m: Measures) -> Confidence:
    if m.failed:
        return "low"
    by_score: dict[Label, tuple[ScoreName, int]] = {"R5": ("P", NEEDS_PROCESS), "R4": ("C", 2), "R4api": ("C", 2)}
    known = [fact.confidence for fact in m.has_facts]
    if label in by_score:
        known.append(_reached(m, *by_score[label]))
    return weakest("high", *known)


def _mismatch_confidence(mismatch: Mismatch, m: Measures) -> Confidence:
    known: list[Confidence] = []
    if mismatch == "shared-api":
        known.append(_reached(m, "C", SHARED))
    if mismatch == "service-in-functions":
        known.append(_reached(m, "P", 2))
    if m.host_fact is not None and mismatch in _ON_HOST:
        known.append(m.host_fact.confidence)
    return weakest("high", *known)


def _reached(m: Measures, name: ScoreName, threshold: int) -> Confidence:
    """How sure it is that a score reaches a threshold: one step less where one doubtful fact decides."""
    reasons = [reason for reason in m.reasons if reason.score == name]
    surest: Confidence = "low"
    for level in _ORDER:
        sure = [r for r in reasons if _ORDER.index(r.fact.confidence) >= _ORDER.index(level)]
        if sum(r.points for r in sure) >= threshold:
            surest = level
    if m.score(name) == threshold and any(r.fact.confidence != "high" for r in reasons):
        return _ORDER[max(0, _ORDER.index(surest) - 1)]
    return surest


# -- what a change does to it --------------------------------------------------


def profile_changes(base: Iterable[Profile], head: Iterable[Profile]) -> Iterator[ProfileChange]:
    """What a change does to the applications both trees have. Doubtful profiles and new applications are no news."""
    before = {profile.root: profile for profile in base}
    for after in head:
        known = before.get(after.root)
        if known is None or not known.is_published or not after.is_published:
            continue
        if what := tuple(_changed(known, after)):
            added = _beyond(after.measures.reasons, known.measures.reasons)
            removed = _beyond(known.measures.reasons, after.measures.reasons)
            yield ProfileChange(after.root, after.name, what, known, after, added, removed)


def _changed(before: Profile, after: Profile) -> Iterator[Changed]:
    if before.label != after.label:
        yield "label"
    if before.has != after.has:
        yield "has"
    if {before.mismatch, after.mismatch} - ON_DEMAND - {None} and before.mismatch != after.mismatch:
        yield "mismatch"
    for name in _WATCHED:
        if (before.score(name) >= NEEDS_PROCESS) != (after.score(name) >= NEEDS_PROCESS):
            yield name


def _beyond(reasons: Sequence[Reason], others: Sequence[Reason]) -> tuple[Reason, ...]:
    """The reasons others do not have, whatever their numbers are and wherever they stand."""
    known = {(reason.score, reason.points, reason.fact.text) for reason in others}
    new = [reason for reason in reasons if (reason.score, reason.points, reason.fact.text) not in known]
    return tuple(sorted(new, key=lambda r: (-r.points, r.score, r.fact.path, r.fact.line)))
