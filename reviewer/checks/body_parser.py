"""Parsers that read request bodies before Next's handler gets them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from reviewer.core.app import App
from reviewer.core.bodies import EVERY_MEDIA, Endpoint, Media, endpoints_of
from reviewer.core.check import Settings
from reviewer.core.finding import Evidence, Finding, Site, Suggestion
from reviewer.core.nest import default_parsers, renders_with_next
from reviewer.core.parsers import MAX_WAYS, Parsers, parsers_ahead_of_next
from reviewer.core.project import Project
from reviewer.core.registrations import Registration
from reviewer.core.servers import CustomServer
from reviewer.core.symbols import Symbols

MAX_NAMED = 3
# A server with more parsers than these is generated: the first ones are looked at.
MAX_PARSERS = 50
_MOUNTED = re.compile(r"\.use\(\s*((['\"`])[^'\"`]+\2),")


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A parser in front of Next: its name and place, the kinds of body it reads, and where Next comes next.

    ``earlier`` are registrations that hand requests to Next before it.
    """

    name: str
    media: frozenset[Media]
    site: Site
    handed: Site
    earlier: tuple[Registration, ...] = ()
    evidence: Evidence = "high"
    suggestion: Suggestion | None = None


def body_parser_before_next(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Parsers for a whole custom server, in front of routes that read bodies themselves."""
    symbols: Parsers = {
        kind: Symbols.of([*settings.listed(kind), *settings.options["parsers"]]) for kind in EVERY_MEDIA
    }
    for server in project.servers_of(app):
        for parsed in (*islice(_registered(server, symbols), MAX_PARSERS), *_nest(server)):
            endpoints = endpoints_of(app, (path for path in project.scripts if project.app_of(path) is app))
            readers = [e for e in endpoints if e.media & parsed.media and not _goes_around(app, parsed, e)]
            if readers or not settings.options["require_body_reader"]:
                yield _finding(app, parsed, readers, settings)


def _registered(server: CustomServer, symbols: Parsers) -> Iterator[_Parsed]:
    dispatching = [e for e in server.registrations if e.dispatch][:MAX_WAYS]
    for registration, parser, handed in parsers_ahead_of_next(server, symbols):
        yield _Parsed(
            parser.name,
            parser.media,
            registration.site("bodies are read here"),
            handed.site("Next's handler gets the requests here"),
            tuple(e for e in dispatching if e.app == registration.app and e.runs_before(registration)),
            suggestion=_scoped(server, registration, handed),
        )


def _nest(server: CustomServer) -> Iterator[_Parsed]:
    """Nest's own parsers, which run before what its render module hands to Next."""
    handed = renders_with_next(server.code, server.files)
    if handed is not None:
        for site in default_parsers(server.code, server.files):
            yield _Parsed("NestFactory.create", frozenset({"json", "form"}), site, handed, evidence="medium")


def _goes_around(app: App, parsed: _Parsed, endpoint: Endpoint) -> bool:
    """Whether a route gets its requests, or may get them, before the parser does."""
    base = app.config.text("basePath")
    return any(
        base is None or earlier.dispatch == "partly" or earlier.answers(base + endpoint.pattern) is not False
        for earlier in parsed.earlier
        if earlier.methods & endpoint.methods
    )


def _scoped(server: CustomServer, parser: Registration, handed: Registration) -> Suggestion | None:
    """The parser on the prefix of the router that is mounted right behind it, where nothing else could need it."""
    between = [
        other
        for other in server.registrations
        if parser.runs_before(other) and other.runs_before(handed) and "POST" in other.methods
    ]
    source = server.code.files.source(parser.path)
    if source is None or len(between) != 1 or between[0].line != parser.end_line + 1 or parser.line != parser.end_line:
        return None
    mount = _MOUNTED.search(source.line_text(between[0].line))
    if mount is None:
        return None
    line = source.line_text(parser.line).replace(".use(", f".use({mount.group(1)}, ", 1)
    return Suggestion(parser.path, parser.line, parser.line, line)


def _finding(app: App, parsed: _Parsed, readers: list[Endpoint], settings: Settings) -> Finding:
    return settings.finding(
        app,
        (parsed.site, parsed.handed, *(reader.site for reader in readers)),
        key="+".join(sorted(parsed.media)),
        level="error" if readers else "warning",
        evidence=parsed.evidence,
        args={
            "parser": parsed.name,
            "nest": parsed.evidence == "medium",
            "place": f"{parsed.handed.path}:{parsed.handed.line}",
            "reads": bool(readers),
            "lost": tuple(reader.label for reader in readers[:MAX_NAMED]),
            "has_more": len(readers) > MAX_NAMED,
            "more": len(readers) - MAX_NAMED,
            "handlers": any(reader.kind == "handler" for reader in readers),
            "raw": any(reader.kind == "pages" for reader in readers),
            "actions": any(reader.kind == "action" for reader in readers),
        },
        suggestion=parsed.suggestion,
    )
