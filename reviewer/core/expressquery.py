"""Pages API routes whose requests come from an Express that lets nobody assign to ``req.query``."""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.express import Dependency, dependency, express_behind
from reviewer.core.facts import Call
from reviewer.core.project import Project
from reviewer.core.registrations import Registration
from reviewer.core.roles import Route
from reviewer.core.servers import CustomServer


@dataclass(frozen=True, slots=True)
class BrokenQuery:
    """Where Express 5 hands requests to a Next older than 16.0.1, and the first Pages API route that gets them."""

    registration: Registration
    route: Route
    express: Dependency
    next: Dependency


def broken_query(app: App, project: Project, server: CustomServer) -> BrokenQuery | None:
    """The first registration of a server that breaks a Pages API route; None where the server defines the property."""
    code, next_ = project.code, dependency(project.code, app.package, "next")
    if next_.version.lt("16.0.1") is not True:
        return None
    for registration in server.registrations:
        package = code.package_of(registration.path)
        express = express_behind(code, package, registration.module) if package is not None else None
        route = _reached(app, registration)
        if express is not None and express.version.lt("5.0.0") is False and route is not None:
            return None if _is_shimmed(project, server) else BrokenQuery(registration, route, express, next_)
    return None


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
