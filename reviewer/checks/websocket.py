"""WebSocket servers that start inside a Next.js route."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site
from reviewer.core.handlers import Handler
from reviewer.core.project import Project
from reviewer.core.roles import UPGRADE_METHODS, Route
from reviewer.core.symbols import Symbols

Shape = Literal["server", "upgrade", "handle", "next-ws", "vercel"]

_SOCKET_IO = frozenset({"socket.io"})
_UPGRADE_RANGES = (("13.4.13", "15.5.16"), ("16.0.0", "16.2.5"))  # CVE-2026-44578, self-hosted
_MAX_CALL_HOPS = 2
_RELATED: tuple[Shape, ...] = ("upgrade", "handle")


@dataclass(frozen=True, slots=True)
class _Use:
    """A place that makes a route own a socket; ``via`` are the calls that lead there from the route."""

    shape: Shape
    symbol: str
    site: Site
    call: Call | None = None
    via: tuple[Site, ...] = ()
    attached: bool = False


def websocket_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Routes of an application that create, attach or answer a WebSocket, directly or through a helper."""
    if app.is_static:
        return
    search = _Search(project, settings, {route.path for app in project.next_apps for route in app.api_routes})
    for route in app.routes_of(settings.rule.head.where.roles):
        if route.path in search.candidates and (handlers := app.handlers(route)):
            yield from _findings(app, project, route, list(search.uses(route, handlers)), settings)


class _Search:
    """Finds socket uses from a route's handlers on, through functions of the repository.

    ``candidates`` are the scripts that hold a marked word, and those that load a helper which uses a socket.
    """

    def __init__(self, project: Project, settings: Settings, routes: set[str]) -> None:
        self.code: Code = project.code
        self.settings = settings
        self.servers = settings.symbols("servers")
        self.extra = Symbols.of(settings.options["extra_server_symbols"])
        self.vercel = settings.symbols("vercel")
        self.responses = settings.symbols("responses")
        marked = project.marked[settings.rule.id]
        helpers = [path for path in sorted(marked - routes) if self._is_helper(path)]
        self.candidates = marked | project.graph.reachers(helpers)

    def _is_helper(self, path: str) -> bool:
        facts = self.code.facts(path)
        if facts is None:
            return False
        if any(_is_server_handle(assignment.target, above=1) for assignment in facts.assignments):
            return True
        return any(self._direct(path, call) is not None for call in facts.calls)

    def uses(self, route: Route, handlers: Iterable[Handler]) -> Iterator[_Use]:
        facts = self.code.facts(route.path)
        if facts is None:
            return
        starts = [handler.function for handler in handlers if handler.file == route.path]
        yield from self._exported(route, facts)
        yield from self._in_functions(route.path, facts, self.code.reachable(route.path, starts), _MAX_CALL_HOPS)
        for handler in handlers:
            if handler.file != route.path:
                yield from self._elsewhere(route, handler)

    def _exported(self, route: Route, facts: FileFacts) -> Iterator[_Use]:
        if route.role == "app-route-handler":
            for name in UPGRADE_METHODS:
                if (export := facts.export(name)) is not None:
                    site = Site(route.path, export.line, export.column, export.end_line, f"`{name}` is exported here")
                    yield _Use("next-ws", name, site)

    def _elsewhere(self, route: Route, handler: Handler) -> Iterator[_Use]:
        facts = self.code.facts(handler.file)
        if facts is None:
            return
        export = handler.export
        message = "the handler is taken from another file here"
        here = Site(route.path, export.line, export.column, export.end_line, message)
        running = self.code.reachable(handler.file, [handler.function]) - {-1}
        for use in self._in_functions(handler.file, facts, running, _MAX_CALL_HOPS - 1):
            yield replace(use, via=(here, *use.via))

    def _in_functions(self, path: str, facts: FileFacts, running: frozenset[int], hops: int) -> Iterator[_Use]:
        for call in facts.calls:
            if call.function in running:
                direct = self._direct(path, call)
                yield from list(self._through(path, call, hops)) or ([direct] if direct is not None else [])
        for assignment in facts.assignments:
            if assignment.function in running and _is_server_handle(assignment.target, above=1):
                a = assignment
                site = Site(path, a.line, a.column, a.end_line, "something is kept on Next's HTTP server here")
                yield _Use("handle", "socket.server", site)

    def _direct(self, path: str, call: Call) -> _Use | None:
        site = Site(path, call.line, call.column, call.end_line)
        ref = call.callee
        if ref is not None and (self.servers.match(ref) or self.extra.match(ref)):
            message = "the WebSocket server is created here"
            return _Use("server", _symbol(ref), _with(site, message), call, attached=_hands_over(call))
        if ref is not None and self.vercel.match(ref):
            return _Use("vercel", _symbol(ref), _with(site, "the upgrade is requested here"), call)
        if (upgrade := self._upgrade(call)) is not None:
            return _Use("upgrade", upgrade, _with(site, "the upgrade is answered here"), call)
        listens = call.method == "on" and _is_server_handle(ref, above=1) and _is_text(_arg(call, 0), "upgrade")
        if _hands_over(call) or listens:
            return _Use("handle", "socket.server", _with(site, "Next's HTTP server is handed over here"), call)
        return None

    def _upgrade(self, call: Call) -> str | None:
        """An upgrade answered by hand: ws's handleUpgrade, a 101 answer, a WebSocketPair."""
        if call.method in self.settings.listed("methods") and len(call.args) >= 3:
            return call.method
        first, second = _arg(call, 0), _arg(call, 1)
        if call.method == "writeHead" and first is not None and first.name == "101":
            return "writeHead(101)"
        ref = call.callee
        if ref is not None and ref.kind == "global" and ref.name in self.settings.listed("globals"):
            return f"new {ref.name}()"
        if ref is not None and self._is_response(ref) and second is not None:
            status = second.prop("status")
            if second.prop("webSocket") is not None or (status is not None and status.name == "101"):
                return "new Response(…, { status: 101 })"
        return None

    def _is_response(self, ref: Ref) -> bool:
        return (ref.kind == "global" and ref.name == "Response") or self.responses.match(ref)

    def _through(self, path: str, call: Call, hops: int) -> Iterator[_Use]:
        """Uses in a function of another file that this call runs, reported at the call."""
        callee = call.callee
        if callee is None or hops <= 0 or self.code.resolver.resolve(path, callee.module) not in self.candidates:
            return
        where, value = self.code.value_of(path, callee)
        facts = self.code.facts(where)
        if value.kind != "function" or facts is None:
            return
        here = Site(path, call.line, call.column, call.end_line, f"`{_symbol(callee)}()` is called here")
        running = self.code.reachable(where, [value.function]) - {-1}
        for use in self._in_functions(where, facts, running, hops - 1):
            yield replace(use, via=(here, *use.via), attached=use.attached or _hands_over(call))


def _with(site: Site, message: str) -> Site:
    return Site(site.path, site.line, site.column, site.end_line, message)


def _symbol(ref: Ref) -> str:
    """What people call the thing: its exported name, or the package's for a default export."""
    steps = [step.lstrip(".") for step in ref.path()]
    return ".".join(steps) if steps else ref.module


def _is_server_handle(ref: Ref | None, above: int = 0) -> bool:
    """Whether a reference is ``res.socket.server`` of a function's parameter, or *above* members more."""
    if ref is None or ref.kind != "param":
        return False
    steps = ref.steps
    at = next((i for i in range(len(steps) - 1) if steps[i : i + 2] == (".socket", ".server")), -1)
    return at in (0, 1) and len(steps) - (at + 2) == above


def _hands_over(call: Call) -> bool:
    """Whether Next's HTTP server is among the arguments."""
    return any(_is_server_handle(part.ref) for arg in call.args for part in arg.walk())


def _arg(call: Call, index: int) -> Expr | None:
    return call.args[index] if len(call.args) > index else None


def _is_text(arg: Expr | None, text: str) -> bool:
    return arg is not None and arg.kind == "string" and arg.name == text


# -- from uses to findings --------------------------------------------------


def _findings(app: App, project: Project, route: Route, uses: list[_Use], settings: Settings) -> Iterator[Finding]:
    existing = _existing_server(app, project)

    def report(same: list[_Use], related: list[_Use]) -> Iterator[Finding]:
        return _finding(app, route, same, related, existing, settings)

    by_shape: dict[Shape, list[_Use]] = {}
    for use in uses:
        by_shape.setdefault(use.shape, []).append(use)
    related = [use for shape in _RELATED for use in by_shape.get(shape, [])]
    servers = by_shape.get("server", [])
    for symbol in dict.fromkeys(use.symbol for use in servers):
        yield from report([use for use in servers if use.symbol == symbol], related)
    for shape in _RELATED:
        if shape in by_shape and not servers:
            yield from report(by_shape[shape], [])
            break
    if "next-ws" in by_shape and app.depends_on("next-ws"):
        yield from report(by_shape["next-ws"], [])
    if "vercel" in by_shape and _vercel_speaks(app, settings):
        yield from report(by_shape["vercel"], [])


def _vercel_speaks(app: App, settings: Settings) -> bool:
    """Vercel's own upgrade is fine on Vercel and on a host nobody names, unless the beta is to be pointed out."""
    host = _host(app)
    return settings.options["vercel_beta"] == "warn" if host == "vercel" else host != "unknown"


def _existing_server(app: App, project: Project) -> str:
    """Where a custom server of the application runs a WebSocket server already, or ''."""
    behaviours = [b for server in project.servers_of(app) for b in server.behaviours if b.kind == "websocket"]
    return f"{behaviours[0].path}:{behaviours[0].line}" if behaviours else ""


def _finding(
    app: App, route: Route, uses: list[_Use], related: list[_Use], existing: str, settings: Settings
) -> Iterator[Finding]:
    use = uses[0]
    level = _level(app, route, use, settings)
    if level is None:
        return
    evidence: Evidence = "medium" if use.shape == "handle" else "high"
    if level == "error" and route.role == "pages-api-route" and app.deployment.evidence == "medium":
        evidence = "medium"
    args = _args(app, route, use, {other.shape for other in related})
    args |= {"existing": existing, "has_existing": bool(existing)}
    sites = dict.fromkeys(site for each in (*uses, *related) for site in (*each.via, each.site))
    subjects = [f"clients in {use.site.path}", *([f"{use.site.path}:{use.call.start}"] if use.call is not None else [])]
    key = f"{use.shape}:{use.symbol}"
    yield settings.finding(app, sites, key=key, level=level, evidence=evidence, args=args, subjects=subjects)


def _args(app: App, route: Route, use: _Use, beside: set[Shape]) -> dict[str, Arg]:
    return {
        "symbol": use.symbol,
        "module": _module(use),
        "made": _made(use),
        "shape": use.shape,
        "router": "app" if route.role == "app-route-handler" else "pages",
        "host": _host(app),
        "collision": _collision(app, use),
        "cve": app.version("next").within(*_UPGRADE_RANGES) is True,
        "next_version": app.version("next").exact,
        "host_file": app.deployment.path,
        "helper": use.site.path,
        "is_indirect": bool(use.via),
        "attached": use.attached or use.shape == "handle" or "handle" in beside,
        "answers_upgrade": "upgrade" in beside,
        "own_port": _has_own_port(use),
    }


def _made(use: _Use) -> str:
    """How the server is made, as the code could spell it."""
    is_new = use.call is not None and use.call.is_new
    named = f"require('{use.symbol}')" if use.symbol == _module(use) else use.symbol
    if named != use.symbol and is_new:
        named = f"({named})"
    return f"new {named}(…)" if is_new else f"{named}(…)"


def _module(use: _Use) -> str:
    return use.call.callee.module if use.call is not None and use.call.callee is not None else ""


def _host(app: App) -> str:
    """``vercel``, ``function``, ``process`` (something that keeps a process, or restarts it) or ``unknown``."""
    deployment = app.deployment
    if deployment.is_vercel():
        return "vercel"
    if deployment.model == "function":
        return "function"
    return "process" if deployment.model in ("long-lived", "scale-to-zero") else "unknown"


def _level(app: App, route: Route, use: _Use, settings: Settings) -> Level | None:
    host = _host(app)
    for name in (app.deployment.target, host):
        if name in settings.options["severity_by_target"]:
            level: Level = settings.options["severity_by_target"][name]
            return level
    if use.shape == "next-ws":
        return "notice"
    if use.shape == "vercel":
        return "notice" if host == "vercel" else "warning"
    if route.role == "app-route-handler" or host in ("vercel", "function"):
        return "error"
    if host == "process" and settings.options["allow_long_lived_hosts"]:
        return None
    return "warning"


def _has_own_port(use: _Use) -> bool:
    """Whether the server listens by itself: a port as an option or as the only argument."""
    passed = use.call.args if use.call is not None and use.shape == "server" else ()
    return any(arg.kind == "number" or arg.prop("port") is not None for arg in passed)


def _collision(app: App, use: _Use) -> str:
    """Whether Next itself answers the socket's path: ``measured`` on Next 14 to 16, ``version``, or ``none``."""
    if use.call is None or use.call.callee is None or app.version("next").lt("13.4.13") is True:
        return "none"
    path = next((value for arg in use.call.args if (value := arg.prop("path")) is not None), None)
    default = "/socket.io" if use.call.callee.module in _SOCKET_IO else ""
    url = path.name if path is not None and path.kind == "string" else default if path is None else ""
    if not url or app.serves(url.rstrip("/")) is None:
        return "none"
    return "measured" if app.version("next").lt("14.0.0") is False else "version"
