"""Server code that asks routes of its own application over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import LEVELS, Finding, Level, Site
from reviewer.core.project import Project
from reviewer.core.selfcalls import Place, SelfCall, SelfCalls

_ONLY_NOTICED = ("middleware", "getInitialProps")
_DONE = {"sent": "requested", "call": "called", "element": "rendered"}


def self_fetch_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Requests of an application's server code that its own routes answer, each place once at its gravest."""
    calls = SelfCalls(app, project, project.marked[settings.rule.id], settings.options["own_origin_env"])
    found: dict[tuple[Site, str], Finding] = {}
    for call in calls.found():
        if _is_meant(call) or _is_ignored(call, settings.options["ignore_paths"]):
            continue
        finding = _finding(app, call, settings)
        place = finding.site, call.own.route.path
        known = found.get(place)
        if known is None or LEVELS.index(finding.level) > LEVELS.index(known.level):
            found[place] = finding
    yield from found.values()


def _is_meant(call: SelfCall) -> bool:
    """Whether the request is there for its own sake: work that is detached, or an answer that is kept."""
    if call.is_own_handler or call.request.is_detached:
        return True
    return call.request.is_kept and call.outcome == "asked"


def _is_ignored(call: SelfCall, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(call.own.route.pattern, pattern) for pattern in patterns)


def _finding(app: App, call: SelfCall, settings: Settings) -> Finding:
    kind, outcome = call.entry.kind, call.outcome
    return settings.finding(
        app,
        [*_sites(call), Site(call.own.route.path, 1, 1, 1, "this route answers")],
        key=call.key,
        level=_level(call),
        evidence=call.evidence,
        args={
            "kind": kind,
            "name": call.entry.name,
            "url": call.own.text,
            "route": call.own.route.path,
            "outcome": outcome,
            "forwards": call.request.forwards,
        },
        group=f"{call.request.path}:{call.own.route.pattern}:{kind}:{outcome}",
    )


def _level(call: SelfCall) -> Level:
    if call.entry.kind in _ONLY_NOTICED:
        return "notice"
    return "warning" if call.outcome == "asked" else "error"


def _sites(call: SelfCall) -> Iterator[Site]:
    for place in call.places:
        yield Site(place.path, place.line, place.column, place.end_line, _told(place, call.own.text))


def _told(place: Place, url: str) -> str:
    return f"`{place.name or url}` is {_DONE[place.what]} here"
