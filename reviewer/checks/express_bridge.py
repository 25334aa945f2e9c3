"""Applications of Express and the like behind a route of Next."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.bodies import EVERY_MEDIA
from reviewer.core.bridges import Bridge, bridges_of, imported_by, out_of_reach, read_twice, registered
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.express import express_aliases
from reviewer.core.finding import Evidence, Finding, Level, Site, Suggestion
from reviewer.core.parsers import Parsers
from reviewer.core.project import Project
from reviewer.core.symbols import Symbols

_LEVELS: dict[str, Level] = {"web": "error", "parser": "error", "prefix": "warning", "resolver": "warning"}
_EXPORTED = re.compile(r"\s*export default [\w$]+;?\s*")
_CONFIG = "export const config = { api: { bodyParser: false, externalResolver: true } };"


def express_app_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Routes of an application that hand their requests to an application of another framework."""
    if app.is_static:
        return
    code = project.code
    aliases = {name: ((name.encode(),),) for name in express_aliases(code)}
    marked = project.marked[settings.rule.id].union(*code.files.containing(project.scripts, aliases).values())
    parsers = _parsers(code, settings)
    for bridge in bridges_of(app, project, marked):
        yield _finding(app, project, bridge, parsers, settings)


def _parsers(code: Code, settings: Settings) -> Parsers:
    """The shared lists of parsers, for Express under another name as well."""
    found = {}
    for kind in EVERY_MEDIA:
        listed = settings.listed(kind)
        named = [symbol.replace("express#", f"{alias}#") for alias in express_aliases(code) for symbol in listed]
        found[kind] = Symbols.of([*listed, *named])
    return found


def _finding(app: App, project: Project, bridge: Bridge, parsers: Parsers, settings: Settings) -> Finding:
    what, evidence, because = _fault(app, bridge, parsers)
    return settings.finding(
        app,
        [bridge.site, *because],
        key=what,
        level=_LEVELS.get(what, "notice"),
        evidence=evidence,
        args={
            "what": what,
            "framework": bridge.framework,
            "way": bridge.way,
            "file": bridge.maker,
            "prefix": bridge.prefix,
            "is_nest": bridge.framework == "@nestjs/core",
        },
        group=f"{what}:{bridge.maker}",
        subjects=[f"import:{bridge.route.path}:{imported_by(project, bridge)}"],
        suggestion=_suggestion(app.code, bridge),
    )


def _fault(app: App, bridge: Bridge, parsers: Parsers) -> tuple[str, Evidence, list[Site]]:
    """What is wrong, the gravest first; ``bridge`` where nothing is."""
    if bridge.route.role == "app-route-handler":
        return "web", "high", []
    registrations = registered(app.code, bridge)
    twice = read_twice(app.code, bridge, registrations, parsers)
    if twice is not None:
        registration, parser, held = twice
        site = registration.site(f"`{parser.name}` reads bodies here")
        return "parser", "high", [site, *filter(None, (held.site,))]
    missed = out_of_reach(app, bridge, registrations)
    if missed is not None:
        return "prefix", "medium", [missed.site("this path is registered")]
    if bridge.direct and bridge.resolves.value in ("unset", "false"):
        return "resolver", "high", []
    return "bridge", "high", []


def _suggestion(code: Code, bridge: Bridge) -> Suggestion | None:
    """The measured ``config`` below ``export default app;``, where the route has none."""
    facts, source = code.surface(bridge.route.path), code.files.source(bridge.route.path)
    number = bridge.site.line
    if source is None or facts is None or number is None or facts.export("config") is not None:
        return None
    line = source.line_text(number)
    return Suggestion(bridge.route.path, number, number, f"{line}\n\n{_CONFIG}") if _EXPORTED.fullmatch(line) else None
