"""Express 5 in front of a Next that assigns to ``req.query``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.expressquery import BrokenQuery, broken_query
from reviewer.core.finding import Finding, Site, Suggestion
from reviewer.core.project import Project
from reviewer.core.registrations import Registration, handle_calls

_RETURN = re.compile(r"(?:^|\{)\s*(?=return (?:await )?$)")
_BLOCK = ("{", ";", "}")


def express5_pages_api_query(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Pages API routes that get their requests from Express 5 on a Next older than 16.0.1."""
    for server in project.servers_of(app):
        broken = broken_query(app, project, server)
        if broken is not None:
            yield _finding(app, project.code, broken, settings)


def _finding(app: App, code: Code, broken: BrokenQuery, settings: Settings) -> Finding:
    registration, route, express, next_ = broken.registration, broken.route, broken.express, broken.next
    exported = app.handlers(route)[0].export
    return settings.finding(
        app,
        (
            registration.site("Next's handler gets its requests from Express 5 here"),
            Site(route.path, exported.line, exported.column, exported.line, "this route answers 500"),
            *filter(None, (express.site, next_.site)),
        ),
        key="query",
        args={
            "next_version": next_.shown,
            "express": express.shown,
            "nest": express.name == "@nestjs/platform-express",
            "label": registration.label,
            "route": route.pattern,
        },
        suggestion=_suggestion(code, registration),
    )


def _suggestion(code: Code, registration: Registration) -> Suggestion | None:
    """The measured shim before ``return handle(req, res)`` of a callback with a block."""
    calls = [found for target in registration.targets for found in handle_calls(code, registration.path, target)]
    source = code.files.source(calls[0][0]) if calls else None
    if source is None:
        return None
    path, call = calls[0]
    line = source.line_text(call.line)
    returned = _RETURN.search(line[: call.column - 1])
    names = [arg.name for arg in call.args[:1] if arg.kind == "ref"]
    if returned is None or not names:
        return None
    name = names[0]
    shim = f"Object.defineProperty({name}, 'query', {{ value: {name}.query, writable: true, configurable: true }});"
    before, behind = line[: returned.end()], line[returned.end() :]
    if before.strip():
        return Suggestion(path, call.line, call.line, f"{before}{shim} {behind}")
    if not source.line_text(call.line - 1).rstrip().endswith(_BLOCK):
        return None
    return Suggestion(path, call.line, call.line, f"{before}{shim}\n{line}")
