"""Custom servers: files that start Next themselves, and what they do beyond forwarding requests to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.graph import ImportGraph
from reviewer.core.manifest import join, parent
from reviewer.core.symbols import Symbols

BehaviourKind = Literal["api", "auth", "security", "websocket", "middleware", "page", "tls"]

SERVER_WORDS = ((b"getRequestHandler",), (b"getUpgradeHandler",), (b"renderToHTML",), (b"next({",), (b"Next({",))
HANDLES = ("getRequestHandler", "getUpgradeHandler", "render", "renderToHTML", "renderError")
FRAMEWORKS = frozenset(
    [
        "express",
        "fastify",
        "koa",
        "polka",
        "restify",
        "hono",
        "connect",
        "@koa/router",
        "koa-router",
        "micro",
        "@hapi/hapi",
        "@nestjs/core",
    ]
)
_HTTP = frozenset({"http", "node:http"})
_SECURE = frozenset({"https", "node:https", "http2", "node:http2", "spdy"})
_METHODS = frozenset(["get", "post", "put", "patch", "delete", "all", "options", "head", "route", "use", "register"])
_KOA_ROUTERS = frozenset({"@koa/router", "koa-router"})
_KOA_MOUNTS = ((".routes", "()"), (".middleware", "()"), (".allowedMethods", "()"))
_LISTENERS = Symbols.of(["@hono/node-server#serve"])
_ANSWERS = frozenset({"end", "write", "json", "send"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing a server does itself: ``label`` is how the code spells it, short enough for a sentence."""

    kind: BehaviourKind
    label: str
    path: str
    line: int
    url: str = ""


@dataclass(frozen=True, slots=True)
class CustomServer:
    """A file that starts Next. ``entry`` holds the listener, ``serves`` is the application root it starts."""

    entry: str
    file: str
    line: int
    serves: str
    package_dir: str
    frameworks: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]


def find_custom_servers(code: Code, graph: ImportGraph, candidates: Iterable[str]) -> tuple[CustomServer, ...]:
    """Every custom server among the candidates; files without a listener within two imports are none."""
    found = []
    for path in sorted(candidates):
        facts = code.facts(path)
        start = next((call for call in facts.calls if _starts_next(call)), None) if facts is not None else None
        if start is None:
            continue
        group = [path, *sorted(graph.reachers([path]) - {path})]
        if not any(_uses_next(code, member) for member in group):
            continue
        entry = next((member for member in group if _listens(code, member)), None)
        if entry is not None:
            between = sorted(graph.imports(entry).intersection(group))
            found.append(_server(code, path, entry, start, tuple(dict.fromkeys((path, *between, entry)))))
    return tuple(found)


def _starts_next(call: Call) -> bool:
    callee = call.callee
    return callee is not None and callee.kind == "import" and callee.module == "next" and callee.path() == ()


def _is_next(ref: Ref | None) -> bool:
    """Whether a reference is an instance ``next(...)`` made, or something reached from one."""
    return ref is not None and ref.kind == "import" and ref.module == "next" and ref.path()[:1] == ("()",)


def _uses_next(code: Code, path: str) -> bool:
    facts = code.facts(path)
    for call in facts.calls if facts is not None else ():
        if call.method in HANDLES and _is_next(code.expand(path, call.callee)):
            return True
        if call.method.startswith("forRoot") and any(_is_next(arg.ref) for arg in call.args):
            return True  # nest-next: RenderModule.forRootAsync(Next({...}))
    return False


def _listens(code: Code, path: str) -> bool:
    facts = code.facts(path)
    if facts is None:
        return False
    if any(_opens_port(code.expand(path, call.callee)) for call in facts.calls):
        return True
    if not any(call.method == "listen" for call in facts.calls):
        return False
    servers = FRAMEWORKS | _HTTP | _SECURE
    if any(item.module in servers and not item.type_only for item in facts.imports):
        return True
    listening = [code.expand(path, call.callee) for call in facts.calls if call.method == "listen"]
    return any(ref is not None and ref.kind == "import" and ref.module in servers for ref in listening)


def _opens_port(ref: Ref | None) -> bool:
    """Whether a call starts a server whose method is not named ``listen``."""
    is_hapi = ref is not None and ref.kind == "import" and ref.module == "@hapi/hapi"
    return _LISTENERS.match(ref) or (is_hapi and ref is not None and ref.last_member() == "start")


def _server(code: Code, path: str, entry: str, start: Call, files: tuple[str, ...]) -> CustomServer:
    package = code.package_of(entry)
    directory = package.dir if package is not None else ""
    behaviours = [b for member in files for b in _behaviours(code, member)]
    ordered = tuple(dict.fromkeys(sorted(behaviours, key=lambda b: (b.path, b.line))))
    facts = [code.facts(member) for member in files]
    modules = {item.module for f in facts if f is not None for item in f.imports if not item.type_only}
    frameworks = tuple(sorted(modules & FRAMEWORKS))
    serves = _served(code, path, start, directory)
    return CustomServer(entry, path, start.line, serves, directory, frameworks, ordered)


def _served(code: Code, path: str, start: Call, directory: str) -> str:
    """The directory Next is given: by its option, else that of the package, where the process runs."""
    options = code.follow(path, start.args[0])[1] if start.args else None
    option = options.prop("dir") if options is not None else None
    if option is not None and option.name == "__dirname":
        return parent(path)
    return join(directory, option.name if option is not None and option.kind == "string" else ".")


# -- behaviours --------------------------------------------------


def _behaviours(code: Code, path: str) -> Iterator[Behaviour]:
    facts = code.facts(path)
    for call in facts.calls if facts is not None else ():
        ref = code.expand(path, call.callee)
        if facts is None or ref is None:
            continue
        if code.ws_servers.match(ref):
            yield Behaviour("websocket", f"{ref.module}: {_spelled(call)}", path, call.line)
        elif call.method == "on" and _is_own_upgrade(code, path, call):
            yield Behaviour("websocket", "upgrade listener", path, call.line)
        elif ref.kind == "import" and ref.module in _HTTP | _SECURE and ref.last_member().startswith("create"):
            yield from _raw_server(code, path, facts, call, ref.module)
        elif ref.kind == "import" and ref.module == "@nestjs/core" and ref.path() == (".NestFactory", ".create"):
            yield Behaviour("api", "NestJS modules", path, call.line)
        elif _is_instance(ref) and ref.last_member() in _METHODS:
            yield from _registration(code, path, facts, call, ref.last_member())
        else:
            yield from _handed_over(code, path, call)


def _is_instance(ref: Ref) -> bool:
    """Whether a reference is a method of an Express-like application or router."""
    if ref.kind != "import" or ref.module not in FRAMEWORKS:
        return False
    steps = ref.path()
    return any(step in ("()", "new") for step in steps[:-1])


def _is_own_upgrade(code: Code, path: str, call: Call) -> bool:
    if len(call.args) < 2 or call.args[0].kind != "string" or call.args[0].name != "upgrade":
        return False
    return not _is_next(code.expand(path, call.args[1].ref))


def _spelled(call: Call) -> str:
    name = call.method or (call.callee.name if call.callee is not None else "")
    if name in ("*", "default") and call.callee is not None:
        name = call.callee.module
    return f"new {name}()" if call.is_new else f"{name}()"


def _raw_server(code: Code, path: str, facts: FileFacts, call: Call, module: str) -> Iterator[Behaviour]:
    if module in _SECURE:
        yield Behaviour("tls", f"{module.removeprefix('node:')}.{call.method}()", path, call.line)
    for arg in call.args:
        where, value = code.follow(path, arg)
        if value.kind == "function" and where == path:
            yield from _answers(code, path, facts, value.function)


def _answers(code: Code, path: str, facts: FileFacts, function: int) -> Iterator[Behaviour]:
    """What a request callback does itself: pages rendered for other URLs, and answers of its own."""
    inside = facts.within(function)
    for call in facts.calls:
        if call.function not in inside or call.in_catch or call.callee is None:
            continue
        if call.method in ("render", "renderToHTML") and _is_next(code.expand(path, call.callee)):
            yield Behaviour("page", f"{call.method}({_first_path(call, 2)})", path, call.line)
        elif call.method in _ANSWERS and call.callee.kind == "param" and call.callee.function == function:
            yield Behaviour("api", "answers of its own", path, call.line)


def _first_path(call: Call, index: int) -> str:
    arg = call.args[index] if len(call.args) > index else None
    return f"'{arg.name}'" if arg is not None and arg.kind == "string" else "…"


def _registration(code: Code, path: str, facts: FileFacts, call: Call, method: str) -> Iterator[Behaviour]:
    if not call.args or (method in ("get", "route") and len(call.args) == 1 and call.args[0].kind == "string"):
        return  # get('env') reads a setting, and route('/a') only names what the next call registers
    url, targets = _registered(call)
    if any(_dispatches(code, path, target) for target in targets) or _is_error_handler(facts, targets):
        return
    if any(_renders_page(code, path, target) for target in targets):
        yield Behaviour("page", f"{method.upper()} {url}", path, call.line, url)
    elif method in ("use", "register"):
        for target in targets:
            yield from _middleware(code, path, call, target, url)
    else:
        yield Behaviour("api", f"{method.upper()} {url}" if url else f"{method}(…)", path, call.line, url)


def _registered(call: Call) -> tuple[str, tuple[Expr, ...]]:
    """The URL of a registration, '' where it has none that can be read, and what is to answer it."""
    first = call.args[0]
    if first.kind == "object" and (handler := first.prop("handler")) is not None:
        place = first.prop("url") or first.prop("path")
        return place.name if place is not None and place.kind == "string" else "", (handler,)
    takes_url = first.kind in ("string", "array", "other") and len(call.args) > 1
    return first.name if first.kind == "string" else "", call.args[1:] if takes_url else call.args


def _calls_in(code: Code, path: str, target: Expr) -> Iterator[tuple[str, Call]]:
    where, value = code.follow(path, target)
    facts = code.facts(where)
    if value.kind == "function" and facts is not None:
        inside = facts.within(value.function)
        yield from ((where, call) for call in facts.calls if call.function in inside)


def _dispatches(code: Code, path: str, target: Expr) -> bool:
    """Whether a registered function hands the request to Next."""
    ref = code.expand(path, target.ref) if target.ref is not None else None
    if ref is not None and _is_next(ref) and ref.path()[-2:] == (".getRequestHandler", "()"):
        return True
    for where, call in _calls_in(code, path, target):
        callee = code.expand(where, call.callee)
        if callee is not None and _is_next(callee) and callee.path()[-1:] == ("()",):
            return True
    return False


def _renders_page(code: Code, path: str, target: Expr) -> bool:
    for where, call in _calls_in(code, path, target):
        if call.method in ("render", "renderToHTML") and _is_next(code.expand(where, call.callee)):
            return True
    return False


def _is_error_handler(facts: FileFacts, targets: Iterable[Expr]) -> bool:
    functions = [facts.function(target.function) for target in targets if target.kind == "function"]
    return any(function is not None and len(function.params) == 4 for function in functions)


def _middleware(code: Code, path: str, call: Call, target: Expr, url: str) -> Iterator[Behaviour]:
    ref = target.ref
    module = ref.module if ref is not None and ref.kind == "import" else ""
    if _mounts_routes(ref) or _passes_on(code, path, target):
        return
    name = target.name or (target.callee.name if target.callee is not None else "")
    if name in ("", "require") and not module.startswith("."):
        name = module
    label = f"use('{url}')" if url else (f"{name}()" if target.kind == "call" and name else f"use({name or '…'})")
    kind: BehaviourKind = "middleware"
    for listed in ("security", "auth"):
        if _package(module) in code.names.get(f"{listed}_middleware", ()):
            kind = "security" if listed == "security" else "auth"
    if kind == "middleware" and url and module and code.resolver.resolve(path, module) is not None:
        kind = "api"  # a router of the repository mounted on a path
    if _package(module) not in code.names.get("logging_middleware", ()):
        yield Behaviour(kind, label, path, call.line)


def _mounts_routes(ref: Ref | None) -> bool:
    """``use(router.routes())``: what is registered on the router counts, not that it is mounted."""
    is_router = ref is not None and ref.kind == "import" and ref.module in _KOA_ROUTERS
    return is_router and ref is not None and ref.path()[-2:] in _KOA_MOUNTS


def _passes_on(code: Code, path: str, target: Expr) -> bool:
    """Whether a function only sets a status and lets the next one answer, as servers on Koa must."""
    where, value = code.follow(path, target)
    facts = code.facts(where)
    if value.kind != "function" or facts is None:
        return False
    callees = [call.callee for _, call in _calls_in(code, path, target)]
    targets = [item.target for item in facts.assignments if item.function == value.function]
    return (
        bool(callees)
        and all(ref is not None and ref.kind == "param" and not ref.steps for ref in callees)
        and all(ref.last_member() in ("status", "statusCode", "respond") for ref in targets)
    )


def _package(module: str) -> str:
    parts = module.split("/")
    return "/".join(parts[: 2 if module.startswith("@") else 1])


def _handed_over(code: Code, path: str, call: Call) -> Iterator[Behaviour]:
    """``setupRoutes(server)``: what a function of the repository registers on the server it is given."""
    for index, arg in enumerate(call.args):
        ref = code.expand(path, arg.ref) if arg.ref is not None else None
        if ref is None or ref.kind != "import" or ref.module not in FRAMEWORKS | _HTTP | _SECURE:
            continue
        where, value = _called(code, path, call)
        facts = code.facts(where)
        if value is not None and value.kind == "function" and facts is not None:
            yield from _registered_on(code, where, facts, value.function, index)


def _called(code: Code, path: str, call: Call) -> tuple[str, Expr | None]:
    if call.callee is None or call.callee.kind not in ("import", "local"):
        return path, None
    named = Expr("ref", call.line, call.column, call.end_line, call.callee.name, call.callee)
    return code.follow(path, named)


def _registered_on(code: Code, path: str, facts: FileFacts, function: int, index: int) -> Iterator[Behaviour]:
    inside = facts.within(function)
    for call in facts.calls:
        ref = call.callee
        if call.function not in inside or ref is None:
            continue
        if code.ws_servers.match(ref):
            yield Behaviour("websocket", f"{ref.module}: {_spelled(call)}", path, call.line)
        elif _is_param(ref, function, index) and ref.last_member() in _METHODS:
            yield from _registration(code, path, facts, call, ref.last_member())


def _is_param(ref: Ref, function: int, index: int) -> bool:
    """Whether a reference is a member of one parameter of a function."""
    return ref.kind == "param" and (ref.function, ref.index) == (function, index) and len(ref.steps) == 1
