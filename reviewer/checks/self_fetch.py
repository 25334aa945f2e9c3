"""Server code that asks routes of its own application over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import LEVELS, Arg, Evidence, Finding, Level, Site, weakest
from reviewer.core.project import Project
from reviewer.core.selfcalls import Place, SelfCall, SelfCalls

_UNTIL_ASKED = ("middleware", "getInitialProps")


def self_fetch_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Requests of an application's server code that its own routes answer."""
    calls = SelfCalls(app, project, project.marked[settings.rule.id], settings.options["own_origin_env"])
    found: dict[tuple[str, int, int, str], Finding] = {}
    for call in calls.found():
        if _is_meant(call) or _is_ignored(call, settings.options["ignore_paths"]):
            continue
        finding = _finding(app, call, settings)
        place = (finding.site.path, finding.site.line or 0, finding.site.column, call.own.route.path)
        known = found.get(place)
        if known is None or LEVELS.index(finding.level) > LEVELS.index(known.level):
            found[place] = finding
    yield from found.values()


def _is_meant(call: SelfCall) -> bool:
    """Whether the request is there for its own sake: work that is detached, or an answer that is kept."""
    if call.is_own_handler or call.request.is_detached:
        return True
    return call.request.is_kept and call.builds is not True and call.own.origin != "relative"


def _is_ignored(call: SelfCall, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(call.own.route.pattern, pattern) for pattern in patterns)


def _finding(app: App, call: SelfCall, settings: Settings) -> Finding:
    level, evidence, cost = _weight(call)
    first = call.places[0]
    is_here = first.path == call.entry.script.path
    args: dict[str, Arg] = {
        "kind": call.entry.kind,
        "name": call.entry.name,
        "url": call.own.text,
        "route": call.own.route.path,
        "cost": cost,
        "cookies": call.request.forwards,
    }
    if first.what == "call":
        args["helper"] = first.name
    return settings.finding(
        app,
        [*_sites(call), Site(call.own.route.path, 1, 1, 1, "this route answers")],
        key=f"{f'{call.entry.kind}:{call.entry.name}' if is_here else 'shared'}:{call.own.route.pattern}",
        level=level,
        evidence=evidence,
        args=args,
        group=f"{call.request.path}:{call.own.route.pattern}:{call.entry.kind}:{cost}",
    )


def _weight(call: SelfCall) -> tuple[Level, Evidence, str]:
    """Level and evidence, and what it costs: it is ``relative``, sent by the ``build``, or ``asked`` at run time."""
    rendered = call.entry.kind in ("component", "generateMetadata", "file")
    evidence = weakest(call.own.evidence, "medium" if rendered and call.builds else "high")
    if call.own.origin == "relative":
        cost = "relative"
    elif call.builds:
        cost = "local" if call.own.origin == "local" else "build"
    else:
        return ("notice" if call.entry.kind in _UNTIL_ASKED else "warning"), call.own.evidence, "asked"
    return ("notice" if call.entry.kind in _UNTIL_ASKED else "error"), evidence, cost


def _sites(call: SelfCall) -> Iterator[Site]:
    for place in call.places:
        yield Site(place.path, place.line, place.column, place.end_line, _told(place, call))


def _told(place: Place, call: SelfCall) -> str:
    if place.what == "sent":
        return f"`{call.own.text}` is requested here"
    return f"`{place.name}` is {'called' if place.what == 'call' else 'rendered'} here"
