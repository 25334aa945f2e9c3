"""Express 5 in front of a Next that assigns to ``req.query``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.express import Dependency, dependency, express_behind
from reviewer.core.facts import Call
from reviewer.core.finding import Finding, Site, Suggestion
from reviewer.core.project import Project
from reviewer.core.registrations import Registration, handle_calls
from reviewer.core.roles import Route
from reviewer.core.servers import CustomServer

_RETURN = re.compile(r"(?:^|\{)\s*(?=return (?:await )?$)")
_BLOCK = ("{", ";", "}")


def express5_pages_api_query(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Pages API routes that get their requests from Express 5 on a Next older than 16.0.1."""
    code, next_ = project.code, dependency(project.code, app.package, "next")
    if next_.version.lt("16.0.1") is not True:
        return
    for server in project.servers_of(app):
        for registration in server.registrations:
            package = code.package_of(registration.path)
            express = express_behind(code, package, registration.module) if package is not None else None
            route = _reached(app, registration)
            if express is None or express.version.lt("5.0.0") is not False or route is None:
                continue
            if not _is_shimmed(project, server):
                yield _finding(app, code, registration, route, (express, next_), settings)
            break


def _reached(app: App, registration: Registration) -> Route | None:
    """The first Pages API route whose requests a registration hands to Next."""
    if registration.dispatch != "handle":
        return None
    base = app.config.text("basePath") or ""
    for route in app.api_routes:
        if route.role == "pages-api-route" and app.handlers(route) and registration.answers(base + route.pattern):
            return route
    return None


def _is_shimmed(project: Project, server: CustomServer) -> bool:
    """Whether the server's package defines the property itself."""
    code = project.code
    words = {"shims": ((b"defineProperty", b"query"), (b"defineProperties", b"query"))}
    scripts = [path for path in project.scripts if code.package_of(path) is code.package_of(server.entry)]
    for path in sorted(code.files.containing(scripts, words)["shims"]):
        facts = code.facts(path)
        if facts is not None and any(_defines_query(call) for call in facts.calls):
            return True
    return False


def _defines_query(call: Call) -> bool:
    if call.method not in ("defineProperty", "defineProperties"):
        return False
    return any(arg.name == "query" or arg.prop("query") is not None for arg in call.args[1:2])


def _finding(
    app: App,
    code: Code,
    registration: Registration,
    route: Route,
    dependencies: tuple[Dependency, Dependency],
    settings: Settings,
) -> Finding:
    express, next_ = dependencies
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
