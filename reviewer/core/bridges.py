"""Applications of Express and the like that routes of Next hand their requests to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from reviewer.core.app import App
from reviewer.core.bodies import ApiOption, api_option
from reviewer.core.code import MAX_HOPS, Code
from reviewer.core.express import Dependency, dependency, express_behind
from reviewer.core.facts import Call, Ref
from reviewer.core.finding import Site
from reviewer.core.parsers import Parser, Parsers, parser_in
from reviewer.core.project import Project
from reviewer.core.registrations import Registration, registrations_in
from reviewer.core.roles import METHODS, Route
from reviewer.core.runs import HTTP, calls_in, framework_of, makes_http_server

BRIDGED = frozenset({"express", "koa", "fastify", "@nestjs/core"})
_CHAINED = frozenset({".use", ".get", ".post", ".put", ".patch", ".delete", ".all", ".set", ".disable", ".enable"})
_MAKES = {
    "express": (("()",), (".Router", "()")),
    "koa": (("new", ".callback", "()"), ("()", ".callback", "()")),
    "@nestjs/core": ((".NestFactory", ".create", "()", ".getHttpAdapter", "()", ".getInstance", "()"),),
    "fastify": (("()", ".routing"),),
}
_PATTERN = re.compile(r"[*(:{?+]")
MAX_FILES = 8

Way = Literal["export", "call"]


@dataclass(frozen=True, slots=True)
class Bridge:
    """A route that is an application of another framework, or hands its requests to one.

    ``module`` is what that is imported by, ``maker`` the file that makes it and ``app`` its identity. ``site`` is where
    the route exports or calls it, ``direct`` whether Next goes on before it has answered.
    """

    route: Route
    framework: str
    module: str
    app: str
    maker: str
    way: Way
    site: Site
    direct: bool
    parses: ApiOption
    resolves: ApiOption

    @property
    def prefix(self) -> str:
        """What every URL of the route begins with."""
        return self.route.pattern.partition("[")[0].rstrip("/")


def imported_by(project: Project, bridge: Bridge) -> str:
    """The module by which the route loads the application, or what makes it."""
    route = bridge.route.path
    if bridge.maker == route:
        return bridge.module
    facts = project.code.surface(route)
    for item in facts.imports if facts is not None else ():
        target = project.code.resolver.resolve(route, item.module)
        if target is not None and (target == bridge.maker or bridge.maker in project.graph.imports(target)):
            return item.module
    return ""


def bridges_of(app: App, project: Project, marked: set[str]) -> Iterator[Bridge]:
    """The routes of an application that are bridges; *marked* are scripts that name one of the frameworks."""
    way = _Way(project.code, marked)
    for route in app.api_routes if way.makers else ():
        if way.leads_there(route.path, MAX_HOPS):
            read = _pages if route.role == "pages-api-route" else _handlers
            yield from (bridge for bridge in read(app, route) if not _is_parked(app, project, bridge))


def _is_parked(app: App, project: Project, bridge: Bridge) -> bool:
    """Whether a router lies among the routes for another server, whose file loads it."""
    if bridge.way != "export" or bridge.maker != bridge.route.path:
        return False
    routes = {route.path for route in app.routes}
    return bool(project.graph.importers(bridge.route.path) - routes)


class _Way:
    """Which scripts import one of the frameworks, themselves or through others, told by text as far as that goes."""

    def __init__(self, code: Code, marked: Iterable[str]) -> None:
        self.code = code
        self.makers = frozenset(path for path in marked if self._imports_one(path))

    def leads_there(self, path: str, hops: int) -> bool:
        if path in self.makers:
            return True
        return hops > 0 and any(self.leads_there(target, hops - 1) for target in self.code.specifiers.scripts(path))

    def _imports_one(self, path: str) -> bool:
        """Whether a script imports one of the frameworks as a value."""
        facts = self.code.surface(path)
        items = [item for item in (facts.imports if facts is not None else ()) if item.names and not item.type_only]
        return any(framework_of(self.code, item.module) in BRIDGED for item in items)


# -- the Pages Router --------------------------------------------------------------------------------------------------


def _pages(app: App, route: Route) -> Iterator[Bridge]:
    code, facts = app.code, app.code.facts(route.path)
    export = facts.export("default") if facts is not None else None
    if export is None:
        return
    ref = export.expr.ref if export.expr is not None else Ref("import", export.imported, export.module)
    made = application(code, route.path, ref)
    if made is not None:
        site = Site(route.path, export.line, export.column, export.end_line, "the application is exported here")
        yield _bridge(code, route, made, "export", site, True)
        return
    for handler in app.handlers(route):
        for call in code.calls_within(handler.file, handler.function):
            handed = _handed(code, handler.file, call, handler.function)
            if handed is not None:
                site = Site(handler.file, call.line, call.column, call.end_line, "requests are handed over here")
                yield _bridge(code, route, handed, "call", site, call.function == handler.function)
                return


def _bridge(code: Code, route: Route, made: Ref, way: Way, site: Site, direct: bool) -> Bridge:
    maker, _, _ = made.origin.rpartition(":")
    parses, resolves = (api_option(code, route.path, name) for name in ("bodyParser", "externalResolver"))
    framework = framework_of(code, made.module)
    maker = maker or site.path
    return Bridge(route, framework, made.module, made.origin, maker, way, site, direct, parses, resolves)


def application(code: Code, path: str, ref: Ref | None) -> Ref | None:
    """What a reference that can be called with a request and a response amounts to, its origin with its file."""
    made = code.expand(path, ref)
    if made is None or made.kind != "import":
        return None
    framework = framework_of(code, made.module)
    if framework not in BRIDGED or _unchained(made.path()) not in _MAKES[framework]:
        return None
    return replace(made, origin=code.identity(path, ref))


def _unchained(steps: tuple[str, ...]) -> tuple[str, ...]:
    """The steps that make an object, without the methods that return it."""
    while len(steps) > 2 and steps[-1] == "()" and steps[-2] in _CHAINED:
        steps = steps[:-2]
    return steps


def _handed(code: Code, path: str, call: Call, function: int) -> Ref | None:
    """The application a call hands the request and the response of a handler to."""
    args = call.args[1:] if call.method == "emit" else call.args
    if len(args) < 2 or any(not _is_param(arg.ref, function, index) for index, arg in enumerate(args[:2])):
        return None
    callee = call.callee
    if callee is None:
        return None
    if call.method == "emit":
        return _emitting(code, path, callee) if call.args[0].name == "request" else None
    if call.method == "handle":
        callee = Ref(
            callee.kind, callee.name, callee.module, callee.steps[:-1], callee.function, callee.index, callee.origin
        )
    return application(code, path, callee) or _listener(code, path, callee)


def _listener(code: Code, path: str, callee: Ref) -> Ref | None:
    """Nest behind what a function of the repository takes from ``server.listeners('request')``."""
    if callee.steps[-1:] != ("()",):
        return None
    where, value = code.value_of(path, replace(callee, steps=callee.steps[:-1]))
    facts = code.facts(where) if value.kind == "function" else None
    taken = [call for call in calls_in(code, where, value) if call.method == "listeners" and call.args]
    if facts is None or not any(call.args[0].name == "request" for call in taken):
        return None
    for call in facts.calls:
        made = call.callee
        if made is not None and made.module == "@nestjs/core" and made.path() == (".NestFactory", ".create"):
            return replace(made, origin=f"{where}:{call.start}")
    return None


def _is_param(ref: Ref | None, function: int, index: int) -> bool:
    return ref is not None and (ref.kind, ref.function, ref.index, ref.steps) == ("param", function, index, ())


def _emitting(code: Code, path: str, callee: Ref) -> Ref | None:
    """The application behind ``server.emit('request', req, res)``."""
    made = code.expand(path, callee)
    if made is None or made.kind != "import":
        return None
    origin = code.identity(path, callee)
    if made.module in HTTP:
        where, _, start = origin.rpartition(":")
        facts = code.facts(where) if where else None
        for call in facts.calls if facts is not None else ():
            if str(call.start) == start and call.callee is not None and makes_http_server(call.callee) and call.args:
                return application(code, where, call.args[-1].ref)
        return None
    served = framework_of(code, made.module) in ("fastify", "@nestjs/core") and "()" in made.path()
    return replace(made, origin=origin) if served else None


# -- the App Router ----------------------------------------------------------------------------------------------------


def _handlers(app: App, route: Route) -> Iterator[Bridge]:
    """Express given a Web request: as a method's handler, or called with what a handler gets."""
    code, facts = app.code, app.code.facts(route.path)
    for name in METHODS if facts is not None else ():
        export = facts.export(name) if facts is not None else None
        if export is not None:
            ref = export.expr.ref if export.expr is not None else Ref("import", export.imported, export.module)
            made = application(code, route.path, ref)
            if made is not None and framework_of(code, made.module) == "express":
                site = Site(route.path, export.line, export.column, export.end_line, "the application is exported here")
                yield _bridge(code, route, made, "export", site, True)
                return
    for handler in app.handlers(route):
        for call in code.calls_within(handler.file, handler.function):
            given = call.args[0].ref if call.args else None
            made = application(code, handler.file, call.callee) if _is_param(given, handler.function, 0) else None
            if made is not None and framework_of(code, made.module) == "express":
                site = Site(handler.file, call.line, call.column, call.end_line, "a Web request is handed over here")
                yield _bridge(code, route, made, "call", site, True)
                return


# -- what the application does -----------------------------------------------------------------------------------------


def registered(code: Code, bridge: Bridge) -> list[Registration]:
    """What is registered on the application of a bridge, and on the routers mounted on it."""
    wanted, files = [bridge.app], list(dict.fromkeys([bridge.maker, bridge.site.path]))
    found: list[Registration] = []
    for path in islice(files, MAX_FILES):
        for registration in registrations_in(code, path):
            found.append(registration)
            files += [file for mount in registration.mounts if (file := mount.rpartition(":")[0]) and file not in files]
    for identity in wanted:
        for registration in found:
            if registration.app == identity:
                wanted += [mount for mount in registration.mounts if mount not in wanted]
    return [registration for registration in found if registration.app in wanted]


def read_twice(
    code: Code, bridge: Bridge, registrations: list[Registration], parsers: Parsers
) -> tuple[Registration, Parser, Dependency] | None:
    """A parser of the application that stops at a body Next has read, and the dependency of the version that does."""
    package = code.package_of(bridge.maker)
    if bridge.framework != "express" or package is None or bridge.parses.value in ("false", "unknown"):
        return None
    for registration in registrations:
        parser = parser_in(code, registration, parsers) if "POST" in registration.methods else None
        module = parser.name.partition(".")[0] if parser is not None else ""
        is_own = module == "body-parser"
        if parser is None or registration.conditional or not (is_own or framework_of(code, module) == "express"):
            continue
        held = dependency(code, package, "body-parser") if is_own else express_behind(code, package, bridge.module)
        if held.version.lt("2.0.0" if is_own else "5.0.0") is True:
            return registration, parser, held
    return None


def out_of_reach(app: App, bridge: Bridge, registrations: list[Registration]) -> Registration | None:
    """The first path of an application of which none could match a URL that Next passes on; None where one may."""
    if app.config.text("basePath") != "" or _may_rewrite(app.code, bridge):
        return None
    prefix = bridge.prefix.lower()
    apps, first = [bridge.app], None
    for identity in apps:
        for registration in (r for r in registrations if r.app == identity):
            if registration.paths or registration.chained:
                if _may_reach(registration, prefix):
                    return None
                first = first or registration
            elif registration.mounts:
                apps += [mount for mount in registration.mounts if mount not in apps]
            elif first is None and not _is_packaged(app.code, registration):
                return None
    return first


def _may_reach(registration: Registration, prefix: str) -> bool:
    """Whether a registration may answer the prefix or something below it."""
    if not registration.paths or any(path.kind != "string" for path in registration.paths):
        return True
    for path in registration.paths:
        literal = _PATTERN.split(path.name.lower())[0]
        is_plain = literal == path.name.lower()
        if is_plain and f"{literal.rstrip('/')}/".startswith(f"{prefix}/"):
            return True
        if not is_plain and (literal.startswith(prefix) or prefix.startswith(literal.rstrip("/"))):
            return True
        if registration.method == "use" and f"{prefix}/".startswith(f"{literal.rstrip('/')}/"):
            return True
    return False


def _is_packaged(code: Code, registration: Registration) -> bool:
    """Whether what is registered comes from packages, such as ``cors()``: those answer no URL and change none."""
    for target in registration.targets:
        ref = code.expand(registration.path, target.ref)
        if ref is None or ref.kind != "import" or code.resolver.resolve(registration.path, ref.module) is not None:
            return False
    return True


def _may_rewrite(code: Code, bridge: Bridge) -> bool:
    """Whether the route changes ``req.url``, or hands the request to something else that could."""
    facts = code.facts(bridge.site.path)
    if facts is None or any(a.target.steps[-1:] == (".url",) for a in facts.assignments):
        return True
    handed = [call for call in facts.calls if any(_is_first(arg.ref) for arg in call.args)]
    return bridge.way == "call" and any(call.line != bridge.site.line for call in handed)


def _is_first(ref: Ref | None) -> bool:
    return ref is not None and (ref.kind, ref.index, ref.steps) == ("param", 0, ())
