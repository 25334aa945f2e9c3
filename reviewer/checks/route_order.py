"""Custom servers whose routes stand behind Next's catch-all, and catch-alls that miss methods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reviewer.core.app import App
from reviewer.core.behaviours import is_error_handler
from reviewer.core.bodies import Endpoint, endpoints_of
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.finding import Finding, Level, Suggestion
from reviewer.core.manifest import package_name
from reviewer.core.parsers import Parsers, parser_in
from reviewer.core.project import Project
from reviewer.core.registrations import EVERY_METHOD, Registration, made_with

MAX_NAMED = 3
# Frameworks that run what is registered in order, and those whose methods are told apart where they are registered.
ORDERED = frozenset({"express", "connect", "koa", "@koa/router", "koa-router"})
BY_METHOD = frozenset({"express", "fastify", "@koa/router", "koa-router"})


def custom_server_route_order(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """What a custom server registers behind a catch-all of Next's, and methods that no catch-all hands to Next."""
    code = project.code
    for server in project.servers_of(app):
        registered = [_with_named_handlers(r, settings) for r in server.registrations]
        order = _Order(code, registered, settings)
        for late in registered:
            if before := order.hidden_by(late):
                yield _shadowed(app, late, before, settings)
        main = _only_some_methods(code, registered)
        if main is not None:
            endpoints = list(endpoints_of(app, (p for p in project.scripts if project.app_of(p) is app)))
            yield from _gap(app, order, main, endpoints, settings)


def _with_named_handlers(registration: Registration, settings: Settings) -> Registration:
    names = settings.options["handler_names"]
    is_named = any(target.name in names for target in registration.targets)
    return replace(registration, dispatch="handle") if is_named else registration


# -- behind the catch-all --------------------------------------------------


class _Order:
    """What one server registers, in order."""

    def __init__(self, code: Code, registered: list[Registration], settings: Settings) -> None:
        self.code = code
        self.registered = registered
        self.parsers: Parsers = {"json": settings.symbols("parsers")}
        self.known = frozenset(settings.listed("middleware"))
        self.catch_alls = _firsts(r for r in registered if _ends_requests(r))

    def hidden_by(self, late: Registration) -> list[Registration]:
        """The catch-alls of Next's that keep requests from a registration: the first one of a function for a method."""
        path, function, *_ = late.order
        functions = (function, *(around for around, _ in late.around))
        near = (first for f in dict.fromkeys(functions) for first in self.catch_alls.get((late.app, path, f), ()))
        return [first for first in near if self.hides(first, late)]

    def hides(self, first: Registration, late: Registration) -> bool:
        return (
            first.app == late.app
            and first.runs_before(late)
            and late.dispatch != "handle"
            and bool(first.methods & self._wanted(late))
            and not (late.url == "/" and _misses_root(first))
            and not self._is_for_errors(late)
        )

    def _wanted(self, late: Registration) -> frozenset[str]:
        """The methods a registration is there for: parsers of bodies do nothing for GET."""
        parses = parser_in(self.code, late, self.parsers) is not None
        return late.methods - {"GET", "HEAD"} if parses else late.methods

    def _is_for_errors(self, late: Registration) -> bool:
        """Whether it is, or may be, a handler of errors, which runs behind everything else."""
        if is_error_handler(self.code, late):
            return True
        if late.method != "use" or late.paths or late.framework == "koa":
            return False
        return not all(self._takes_requests(late, index) for index in range(len(late.targets)))

    def _takes_requests(self, late: Registration, index: int) -> bool:
        """Whether a target is code that can be read, or known middleware, rather than what a library makes."""
        target = late.targets[index]
        if self.code.follow(late.path, target)[1].kind == "function":
            return True
        ref = self.code.expand(late.path, target.ref)
        return ref is not None and package_name(ref.module) in self.known


def _ends_requests(registration: Registration) -> bool:
    """Whether Next answers every request that gets there."""
    return (
        registration.framework in ORDERED
        and registration.app != ""
        and registration.dispatch in ("handle", "render")
        and registration.is_catch_all
        and not registration.conditional
    )


def _firsts(catch_alls: Iterable[Registration]) -> dict[tuple[str, str, int], list[Registration]]:
    """By application, file and function, the first catch-all of those that answer the same."""
    found: dict[tuple[str, str, int], dict[tuple[frozenset[str], bool], Registration]] = {}
    for catch_all in sorted(catch_alls, key=lambda r: r.order):
        place = (catch_all.app, catch_all.order[0], catch_all.order[1])
        found.setdefault(place, {}).setdefault((catch_all.methods, _misses_root(catch_all)), catch_all)
    return {place: list(firsts.values()) for place, firsts in found.items()}


def _misses_root(first: Registration) -> bool:
    """``/*name`` of Express 5 does not match ``/``."""
    return first.url.startswith("/*") and first.url != "/*"


def _shadowed(app: App, late: Registration, before: list[Registration], settings: Settings) -> Finding:
    first, methods = before[0], frozenset[str]().union(*(other.methods for other in before))
    return settings.finding(
        app,
        (
            late.site(f"`{late.label}` is registered here"),
            *(other.site(f"`{other.label}` hands its requests to Next before that") for other in before),
        ),
        key=f"behind {late.label}",
        args={
            "shape": "behind",
            "late": late.label,
            "catch_all": first.label,
            "place": f"{first.path}:{first.line}",
            "framework": first.framework,
            "partly": not late.methods <= methods,
            "answered": _spelled(methods & late.methods),
        },
        subjects=[f"{late.path}:{late.line}"],
    )


# -- methods that are missed --------------------------------------------------


def _only_some_methods(code: Code, registered: list[Registration]) -> Registration | None:
    """The first catch-all of Next's, where it is at the root of the server."""
    for registration in registered:
        if (
            registration.framework in BY_METHOD
            and registration.dispatch == "handle"
            and registration.is_catch_all
            and not registration.conditional
            and _is_at_root(code, registration, registered)
        ):
            return registration
    return None


def _is_at_root(code: Code, main: Registration, registered: list[Registration]) -> bool:
    """Whether a router is mounted on every URL; an application is."""
    if not main.is_router:
        return True
    options = made_with(code, main) or ()
    mounted = [r for r in registered if main.app in r.mounts]
    return all(r.is_catch_all for r in mounted) and mounted != [] and all(o.prop("prefix") is None for o in options)


def _gap(
    app: App, order: _Order, main: Registration, endpoints: Iterable[Endpoint], settings: Settings
) -> Iterator[Finding]:
    answered = frozenset().union(*(r.methods for r in order.registered if r.dispatch and not _is_for_assets(r)))
    used = [e for e in endpoints if e.methods - answered and not _is_answered_anyway(app, order, e)]
    missing = frozenset({"POST"}).union(*(endpoint.methods for endpoint in used)) - answered
    if not missing:
        return
    level: Level = "error" if used else "warning"
    yield settings.finding(
        app,
        (
            main.site(f"only {_text(answered)} requests are handed to Next here"),
            *(endpoint.site for endpoint in used),
        ),
        key=f"methods {level}",
        level=level,
        args={
            "shape": "methods",
            "catch_all": main.label,
            "answered": _spelled(answered),
            "missing": _spelled(missing),
            "framework": main.framework,
            "used": bool(used),
            "lost": tuple(endpoint.label for endpoint in used[:MAX_NAMED]),
            "has_more": len(used) > MAX_NAMED,
            "more": len(used) - MAX_NAMED,
        },
        subjects=[f"{main.path}:{main.line}"],
        suggestion=_every_method(order, main),
    )


def _is_answered_anyway(app: App, order: _Order, endpoint: Endpoint) -> bool:
    """Whether a route of the server's own answers the URL, or may do so."""
    url = (app.config.text("basePath") or "") + endpoint.pattern
    own = (r for r in order.registered if r.paths and r.methods & endpoint.methods)
    return any(registration.answers(url) is not False for registration in own)


def _is_for_assets(registration: Registration) -> bool:
    return registration.url.startswith("/_next")


def _every_method(order: _Order, main: Registration) -> Suggestion | None:
    """``.get(`` as ``.all(``, where that hides nothing that stands behind it."""
    source = order.code.files.source(main.path)
    every = replace(main, methods=EVERY_METHOD)
    if source is None or any(order.hides(every, late) for late in order.registered):
        return None
    line = source.line_text(main.line)
    return Suggestion(main.path, main.line, main.line, line.replace(".get(", ".all(", 1))


def _spelled(methods: frozenset[str]) -> tuple[str, ...]:
    """Methods in their usual order; HEAD goes with GET."""
    order = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return tuple(method for method in order if method in methods)


def _text(methods: frozenset[str]) -> str:
    return ", ".join(_spelled(methods))
