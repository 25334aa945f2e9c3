"""Handlers, Server Actions and pages whose only check of a session is in middleware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reviewer.core.actions import actions_in
from reviewer.core.advisories import Exposure, exposure_of, host_of
from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.exposed import (
    handler_lines,
    imports_data_layer,
    is_entrance,
    is_entrance_name,
    layouts_above,
    loader_of,
    may_check,
    only_answers,
    passes_credentials_on,
    reads_database,
)
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site
from reviewer.core.gatekeeping import Gatekeeping
from reviewer.core.guards import Body, Guards
from reviewer.core.handlers import Handler
from reviewer.core.ownguard import OwnGuard, own_guard
from reviewer.core.pageusers import users_of
from reviewer.core.project import Project
from reviewer.core.roles import Route

DEEP_HOPS = 4


@dataclass(frozen=True, slots=True)
class _Place:
    """Something that answers without a check of its own: in which form, where, and how sure that is."""

    what: str
    name: str
    route: Route
    path: str
    lines: tuple[int, int]
    form: str = "covered"
    area: str = ""
    evidence: Evidence = "high"


class _Search:
    """What the check needs to know of one application."""

    def __init__(self, app: App, project: Project, settings: Settings) -> None:
        self.app, self.project, self.settings = app, project, settings
        self.code = app.code
        self.gate = Gatekeeping(app)
        self.guards = Guards(app.code, [*settings.listed("row_level"), *settings.options["guards"]])

    @cached_property
    def usual(self) -> OwnGuard | None:
        return own_guard(self.app, self.guards)

    def handlers(self) -> Iterator[_Place]:
        for route in self.app.api_routes:
            area = self.gate.overlooked_area(route)
            if area is None and not self.gate.may_run_for(route):
                continue
            if self._is_public(route) or is_entrance(route.pattern):
                continue
            for handler in self.app.handlers(route):
                body = self.guards.body_of(handler) if handler.name != "OPTIONS" else None
                if body is None or not self._is_open(handler, body) or passes_credentials_on(self.code, body):
                    continue
                lines = handler_lines(self.code, route, handler)
                method = handler.name if route.role == "app-route-handler" else None
                if self.gate.covers(route, method) and not only_answers(self.code, body):
                    yield _Place("handler", handler.name, route, route.path, lines)
                elif area is not None and self.gate.denies(area) and reads_database(self.code, body):
                    yield _Place("handler", handler.name, route, route.path, lines, "elsewhere", area, "medium")

    def _is_open(self, handler: Handler, body: Body) -> bool:
        return self.guards.is_open(handler) is True and self._has_no_check(body)

    def _has_no_check(self, body: Body) -> bool:
        """Whether a function checks nothing, also deeper than is told, and leaves no layer to do so."""
        is_deep = self.guards.of_function(body.path, body.function, DEEP_HOPS) is not None
        return not (is_deep or may_check(self.code, body) or imports_data_layer(self.code, body.path))

    def actions(self) -> Iterator[_Place]:
        """Exported Server Actions that only pages behind the middleware use."""
        for path in sorted(self.project.marked[self.settings.rule.id]):
            if self.project.app_of(path) is not self.app:
                continue
            for action in actions_in(self.code, path):
                if is_entrance_name(action.name) or not self._has_no_check(action.body):
                    continue
                if not reads_database(self.code, action.body):
                    continue
                page = self._page_behind(path)
                if page is not None:
                    lines = (action.line, action.end_line)
                    yield _Place("action", action.name, page, path, lines, evidence="medium")

    def pages(self) -> Iterator[_Place]:
        """Pages that read the database where neither they nor their layouts check anything."""
        for route in self.app.routes:
            body = loader_of(self.app, route) if route.is_addressable else None
            if body is None or not self.gate.may_run_for(route) or self._is_public(route):
                continue
            if not reads_database(self.code, body):
                continue
            parts = [body, *layouts_above(self.app, route)]
            if all(self._has_no_check(part) for part in parts) and self.gate.covers(route, "GET"):
                facts = self.code.facts(body.path)
                function = facts.function(body.function) if facts is not None else None
                if function is not None:
                    lines = (function.line, function.end_line)
                    yield _Place("page", route.pattern, route, body.path, lines, evidence="medium")

    def _is_public(self, route: Route) -> bool:
        """Whether a path, or one above it, is configured to need no session."""
        url = f"{route.pattern}/"
        return any(url.startswith(f"{public.rstrip('/')}/") for public in self.settings.options["public_routes"])

    def _page_behind(self, path: str) -> Route | None:
        """A page that uses a file, if every page that does is behind the middleware."""
        pages = [route for route in self.app.routes if not route.is_api]
        users = users_of(self.project, path, (page.path for page in pages)) or set()
        pages = [page for page in pages if page.path in users]
        covered = all(self.gate.covers(page, "POST") and not self._is_public(page) for page in pages)
        return pages[0] if pages and covered else None


def auth_only_in_middleware(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Places of an application that a request without a session reaches once the middleware is passed."""
    search = _Search(app, project, settings)
    if search.gate.covers_any:
        for place in (*search.handlers(), *search.actions(), *search.pages()):
            yield _finding(search, place)


def _finding(search: _Search, place: _Place) -> Finding:
    app, settings = search.app, search.settings
    exposure = _exposure(search, place)
    level: Level = "error" if exposure is not None and exposure.sure else "warning"
    args: dict[str, Arg] = {
        "what": place.what,
        "form": place.form,
        "name": place.name,
        "route": place.route.pattern,
        "gate": search.gate.path,
        "area": place.area,
        **_advice(search),
        "advisory": exposure.advisory.id if exposure is not None else "",
        "fixed": exposure.fixed if exposure is not None else "",
        "version": app.version("next").exact,
    }
    return settings.finding(
        app,
        _sites(search, place, exposure),
        key=f"{place.what}:{place.name}",
        level="notice" if place.what == "page" else level,
        evidence=place.evidence,
        args=args,
        group=f"{place.what}:{place.form}",
    )


def _exposure(search: _Search, place: _Place) -> Exposure | None:
    """A published way around the middleware, where that is what protects the place."""
    options = search.settings.options
    if not options["check_advisories"] or place.form == "elsewhere" or search.gate.file is None:
        return None
    route = place.route if place.what != "action" else None
    host = host_of(search.app) if options["hosted_on"] == "auto" else options["hosted_on"]
    return exposure_of(search.app, route, search.gate.file.stem, host)


def _advice(search: _Search) -> dict[str, Arg]:
    """The guard most handlers of the application use."""
    if search.usual is None:
        return {"own": "none"}
    guard = search.usual
    return {"own": "wrapper" if guard.wraps else "call", "guard": guard.name, "module": guard.module}


def _sites(search: _Search, place: _Place, exposure: Exposure | None) -> Iterator[Site]:
    first, last = place.lines
    yield Site(place.path, first, 1, last, "no check of a session in here")
    yield Site(
        search.gate.path, search.gate.line, 1, search.gate.line, "requests without a session are turned away here"
    )
    if exposure is not None:
        version = search.app.version("next")
        yield Site(version.path, version.line, 1, version.line, "the version of Next")
