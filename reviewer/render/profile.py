"""Architecture profiles in words: for a terminal, for a check run, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reviewer import __version__
from reviewer.core.finding import Problem
from reviewer.core.matrix import (
    MAXIMA,
    ON_DEMAND,
    ROWS,
    Changed,
    Fact,
    Has,
    Host,
    Label,
    Mismatch,
    Profile,
    ProfileChange,
    Reason,
    ScoreName,
)
from reviewer.render.message import code

MAX_REASONS = 5
MAX_PLACE = 4_200  # what git takes as a path, and a line: a place cut off leads nowhere
Place = Callable[[Fact], str]

SCORES: Mapping[ScoreName, str] = {
    "U": "rendering",
    "B": "backend",
    "P": "process need",
    "M": "pipeline",
    "C": "consumers",
}
LABELS: Mapping[Label, str] = {
    "S": "pages exported as files",
    "R1": "pages first, with little or no API",
    "R2": "a service without pages",
    "R3": "pages and an API in one Next.js application",
    "R4": "a service that several clients depend on",
    "R5": "Next.js for pages, and a process that owns sockets, timers or consumers",
    "R2api": "an API written in Next.js, with hardly a page",
    "R4api": "an API written in Next.js that several clients depend on",
}
HAS: Mapping[Has, str] = {
    "static": "files only",
    "next": "Next.js alone",
    "next+custom-server": "a custom server that starts Next.js",
    "next+service": "Next.js and a service beside it",
    "service": "a service of its own",
}
HOSTS: Mapping[Host, str] = {
    "function": "functions: instances come and go with requests",
    "scale-to-zero": "instances that may stop while nobody calls",
    "long-lived": "a process that is kept running",
    "static": "files",
    "unknown": "unknown: no file of the repository names one",
}
_BOTH = "With a second instance there are two of each: state then needs a shared store, and timers a lock."
MISMATCHES: Mapping[Mismatch, tuple[str, str]] = {
    "process-in-functions": (
        "Mismatch",
        "What needs a process lives in the application, and on this host no process owns it. Options: what the host "
        "itself has for sockets, schedules and queues; a small service beside the application; or a container. Each "
        "is one more thing to run or to depend on.",
    ),
    "process-on-scale-to-zero": (
        "Note",
        "What needs a process works while an instance is up. A minimum of one instance keeps it; a service beside the "
        "application is the other way, and one more thing to run.",
    ),
    "process-on-one-instance": (
        "Note",
        "One instance is kept running, and owns them. A second one needs shared state.",
    ),
    "process-on-long-lived-host": ("Note", f"The process that is kept running owns them. {_BOTH}"),
    "process-on-unknown-host": (
        "Note",
        f"Where one process is kept running, it owns them. {_BOTH} Where routes run as functions, none does.",
    ),
    "two-socket-owners": (
        "Note",
        "Two places own sockets: this application and the service beside it. Clients have to know both, and what they "
        "share needs a store of its own.",
    ),
    "api-only": (
        "Note",
        "Next.js supports an API without pages: routing by file, previews, one framework beside other Next.js "
        "applications. A service brings middleware for all routes, sockets and jobs without React, and another way "
        "of deploying.",
    ),
    "api-only-with-clients": (
        "Note",
        "Next.js supports an API without pages. Since several clients depend on it, a version and a contract keep "
        "them apart from its releases, wherever it runs.",
    ),
    "shared-api": (
        "Note",
        "Others than its own pages call the API. One codebase, one session and shared types speak for keeping it here; "
        "releases, versions and tokens of its own speak for a boundary around it.",
    ),
    "forwarding-server": (
        "Note",
        "The custom server hands every request to Next.js and does nothing else; `next start` does that with fewer "
        "parts. Some hosts need such an entry file.",
    ),
    "small-service": (
        "Note",
        "The service beside it has few routes and nothing that needs a process: they could be route handlers. Two "
        "deployments are right where teams or releases differ.",
    ),
    "service-in-functions": (
        "Note",
        "On this host no process of the service lasts, so nothing owns its sockets and timers between requests.",
    ),
}
FINE: Mapping[Label, str] = {
    "S": "Files can be served from anywhere, and nothing has to keep running.",
    "R1": "Pages and the few handlers they need are fine as they are, on functions and on a process.",
    "R2": "The service is fine as it is, on a process that is kept running.",
    "R3": "One application for pages and API is fine: one deployment, one session, shared types.",
    "R4": "The API is fine where it is; its callers need it to stay compatible.",
    "R5": "Pages, and handlers that end with their response, are fine as they are.",
    "R2api": "Handlers that end with their response are fine in Next.js.",
    "R4api": "Handlers that end with their response are fine in Next.js; callers need them to stay compatible.",
}
_NUMBERS = {2: "two", 3: "three"}
_UNSURE = "What could be read is not enough for a profile."
_NOTHING = "There is too little to read a need from: no page, and fewer than three request handlers."


def nothing(examples: int) -> str:
    """Why there is no profile. *examples* is the number of Next applications of a tree that is a collection of them."""
    if examples:
        return (
            f"No application to profile: the {examples} Next.js applications here are a collection of examples, and "
            "what one needs says nothing about another. Profile the folder of one."
        )
    return (
        "No application to profile: no Next.js application was found (a package that depends on next, with a "
        "next.config file or a script that runs Next.js), and no service (a package that depends on Express, Fastify, "
        "Koa, hapi, Hono, NestJS or the like, with a file that opens a port and is started by a script or a "
        "deployment)."
    )


# -- for people -----------------------------------------------------------------------------------------------


def rows(profile: Profile, place: Place) -> Iterator[tuple[str, str]]:
    """A profile as labelled lines of Markdown; lines that continue a label have an empty one."""
    if not profile.is_published:
        yield "Unsure", _UNSURE
        return
    measures = profile.measures
    yield "The code needs", LABELS[profile.label] if profile.label is not None else _NOTHING
    yield "It has", _based(HAS[measures.has], measures.has_facts, place)
    yield "Host", _host(profile, place)
    yield "Scores", ", ".join(f"{SCORES[name]} {profile.score(name)} of {most}" for name, most in MAXIMA.items())
    reasons = _chosen(profile)
    because = [_reason(reason, place) for reason in reasons]
    yield from _labelled("Because", [*because, *_left_out(len(profile.reasons()) - len(reasons))])
    against = [f"{told(fact)} ({place(fact)})" for fact in profile.counter()]
    yield from _labelled("Against", [*against[:MAX_REASONS], *_left_out(len(against) - MAX_REASONS)])
    if profile.mismatch is not None:
        yield MISMATCHES[profile.mismatch]
    if profile.label is not None:
        yield "If nothing changes", _fine(profile)


def _chosen(profile: Profile) -> list[Reason]:
    """The reasons that are told: one at least for every score of two or more, then the first ones."""
    reasons = profile.reasons()
    first = {reason.score: reason for reason in reversed(reasons) if profile.score(reason.score) >= 2}
    needed = [reason for reason in reasons if first.get(reason.score) is reason]
    others = [reason for reason in reasons if first.get(reason.score) is not reason]
    kept = [*needed, *others][:MAX_REASONS]
    return [reason for reason in reasons if any(reason is other for other in kept)]


def _left_out(number: int) -> Iterator[str]:
    if number > 0:
        yield f"and {number} more"


def _fine(profile: Profile) -> str:
    """What stays fine if nothing is changed."""
    owns = profile.has == "next+custom-server" and profile.measures.host in ("long-lived", "unknown")
    if profile.label == "R5" and owns:
        return f"The custom server is fine: it owns what needs a process, where one is kept running. {FINE['R5']}"
    return FINE[profile.label] if profile.label is not None else ""


def changes(change: ProfileChange, place: Place, old_place: Place) -> Iterator[str]:
    """What a change does to a profile, as lines of Markdown. Facts of the base alone are placed by *old_place*."""
    for what in change.what:
        yield from _changed(what, change)
    added = change.added[:MAX_REASONS]
    yield from (_reason(reason, place) for reason in added)
    yield from (f"no longer {_reason(reason, old_place)}" for reason in change.removed[: MAX_REASONS - len(added)])
    yield from _left_out(len(change.added) + len(change.removed) - MAX_REASONS)
    after = change.after
    yield from (f"Against: {told(fact)} ({place(fact)})" for fact in after.counter()[:1])
    if after.mismatch is not None and after.mismatch not in ON_DEMAND:
        kind, text = MISMATCHES[after.mismatch]
        yield f"{kind}{' (as before)' if change.since == 'before' else ''}: {text}"
    if after.label is not None:
        yield f"If nothing changes: {_fine(after)}"


def _changed(what: Changed, change: ProfileChange) -> Iterator[str]:
    before, after = change.before, change.after
    if what == "label":
        old, new = (LABELS[p.label] if p.label is not None else "nothing that can be told" for p in (before, after))
        yield f"The code needs {new}; before: {old}."
    elif what == "has":
        yield f"It has {HAS[after.has]}; before: {HAS[before.has]}."
    elif what != "mismatch":
        yield f"{SCORES[what].capitalize()}: {after.score(what)} of {MAXIMA[what]}; before: {before.score(what)}."
    elif after.mismatch is None and before.mismatch is not None:
        yield f"No longer so: {MISMATCHES[before.mismatch][1]}"


def _host(profile: Profile, place: Place) -> str:
    measures = profile.measures
    if measures.host_conflicts:
        said = [f"{place(fact)} {told(fact)}" for fact in measures.host_conflicts]
        return f"unknown: {_NUMBERS.get(len(said), 'several')} files disagree: {', '.join(said)}"
    return _based(HOSTS[measures.host], [measures.host_fact] if measures.host_fact is not None else [], place)


def _based(text: str, facts: Sequence[Fact], place: Place) -> str:
    return f"{text}: {told(facts[0])} ({place(facts[0])})" if facts else text


def _reason(reason: Reason, place: Place) -> str:
    return f"+{reason.points} {SCORES[reason.score]}: {told(reason.fact)} ({place(reason.fact)})"


def told(fact: Fact) -> str:
    """A fact as a sentence of Markdown, with the repository's words as code."""
    first, *rest = fact.text.split("{}")
    parts = [code(name) if isinstance(name, str) else f"{name:,}" for name in fact.names]
    return first + "".join(part + text for part, text in zip(parts, rest, strict=True))


def _labelled(label: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for index, line in enumerate(lines):
        yield ("" if index else label), line


def code_place(fact: Fact) -> str:
    """``path:line`` as a code span of Markdown."""
    return code(f"{fact.path}:{fact.line}", MAX_PLACE)


# -- for programs -----------------------------------------------------------------------------------------------


def render_profiles(profiles: Sequence[Profile], problems: Sequence[Problem], head: str | None) -> str:
    return json.dumps(document(profiles, problems, head), indent=2, ensure_ascii=True) + "\n"


def document(profiles: Sequence[Profile], problems: Sequence[Problem], head: str | None) -> dict[str, Any]:
    """The profiles of a tree, schema 1."""
    return {
        "schema": 1,
        "tool": {"version": __version__},
        "head": head,
        "profiles": [_profile(profile) for profile in profiles],
        "problems": [asdict(problem) for problem in problems],
    }


def _profile(profile: Profile) -> dict[str, Any]:
    measures = profile.measures
    return {
        "root": profile.root,
        "name": profile.name,
        "kind": measures.kind,
        "what": measures.what,
        **state(profile),
        "has_facts": [fact_document(fact) for fact in measures.has_facts],
        "host_fact": fact_document(measures.host_fact) if measures.host_fact is not None else None,
        "host_conflicts": [fact_document(fact) for fact in measures.host_conflicts],
        "pages": measures.pages,
        "handlers": measures.handlers,
        "actions": measures.actions,
        "reasons": [reason_document(reason) for reason in profile.reasons()],
        "counter": [fact_document(fact) for fact in profile.counter()],
        "failed": list(measures.failed),
    }


def state(profile: Profile) -> dict[str, Any]:
    """What a profile comes to. What is not sure enough to be published is null."""
    label = profile.label if profile.is_published else None
    return {
        "label": label,
        "row": ROWS.get(label) if label is not None else None,
        "needs": LABELS[label] if label is not None else None,
        "has": profile.has,
        "host": profile.measures.host,
        "scores": {name: profile.score(name) for name in MAXIMA},
        "mismatch": profile.mismatch if profile.is_published else None,
        "confidence": profile.confidence,
    }


def fact_document(fact: Fact) -> dict[str, Any]:
    return {"fact": told(fact), "path": fact.path, "line": fact.line, "confidence": fact.confidence}


def reason_document(reason: Reason) -> dict[str, Any]:
    return {"score": reason.score, "points": reason.points, **fact_document(reason.fact)}


def change_document(change: ProfileChange) -> dict[str, Any]:
    """The change of one application's profile."""
    return {
        "root": change.root,
        "name": change.name,
        "what": list(change.what),
        "before": state(change.before),
        "after": state(change.after),
        "since": change.since,
        "added": [reason_document(reason) for reason in change.added],
        "removed": [reason_document(reason) for reason in change.removed],
        "counter": [fact_document(fact) for fact in change.after.counter()],
    }
