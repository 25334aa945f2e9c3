"""What a server does itself, beyond handing requests to Next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.manifest import package_name
from reviewer.core.nest import handlers_beside
from reviewer.core.registrations import Registration, is_next, registrations_in, renders
from reviewer.core.runs import HTTP, SECURE, calls_in, makes_http_server, runs_in

BehaviourKind = Literal["api", "auth", "security", "websocket", "middleware", "page", "tls", "modules"]

_KOA_ROUTERS = frozenset({"@koa/router", "koa-router"})
_KOA_MOUNTS = ((".routes", "()"), (".middleware", "()"), (".allowedMethods", "()"))
_ANSWERS = frozenset({"end", "write", "json", "send"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One thing a server does itself: ``label`` is how the code spells it, short enough for a sentence."""

    kind: BehaviourKind
    label: str
    path: str
    line: int
    url: str = ""


def behaviours_in(code: Code, path: str) -> Iterator[Behaviour]:
    """Everything a file has a server do itself."""
    for registration in registrations_in(code, path):
        yield from _registered(code, registration)
    for run in runs_in(code, path):
        ref, facts = run.expand(run.call.callee), code.facts(run.path)
        if ref is not None and facts is not None:
            yield from _called(code, run.path, facts, run.call, ref)


def _called(code: Code, path: str, facts: FileFacts, call: Call, ref: Ref) -> Iterator[Behaviour]:
    if code.ws_servers.match(ref):
        yield Behaviour("websocket", f"{ref.module} server", path, call.line)
    elif call.method == "on" and _is_own_upgrade(code, path, call):
        yield Behaviour("websocket", "upgrade listener", path, call.line)
    elif makes_http_server(ref) or _is_request_listener(call, ref):
        yield from _raw_server(code, path, facts, call, ref.module)
    elif ref.kind == "import" and ref.module == "@nestjs/core" and ref.path() == (".NestFactory", ".create"):
        yield from _nest(code, path, call)


def _nest(code: Code, path: str, call: Call) -> Iterator[Behaviour]:
    """The handlers of Nest's controllers; its modules, where there are none to be seen."""
    handlers = list(handlers_beside(code, path))
    for handler in handlers:
        yield Behaviour("page" if handler.is_page else "api", handler.label, handler.path, handler.line)
    if not handlers:
        yield Behaviour("modules", "NestJS modules", path, call.line)


def _is_request_listener(call: Call, ref: Ref) -> bool:
    on_request = call.method == "on" and bool(call.args) and call.args[0].name == "request"
    return on_request and ref.kind == "import" and ref.module in HTTP | SECURE


def _is_own_upgrade(code: Code, path: str, call: Call) -> bool:
    if len(call.args) < 2 or call.args[0].kind != "string" or call.args[0].name != "upgrade":
        return False
    return not is_next(code.expand(path, call.args[1].ref))


def _raw_server(code: Code, path: str, facts: FileFacts, call: Call, module: str) -> Iterator[Behaviour]:
    if module in SECURE and call.method != "on":
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
        if renders(code, path, call):
            yield Behaviour("page", f"{call.method}({_first_path(call, 2)})", path, call.line)
        elif call.method in _ANSWERS and call.callee.kind == "param" and call.callee.function == function:
            yield Behaviour("api", "answers of its own", path, call.line)


def _first_path(call: Call, index: int) -> str:
    arg = call.args[index] if len(call.args) > index else None
    return f"'{arg.name}'" if arg is not None and arg.kind == "string" else "…"


# -- registrations --------------------------------------------------


def _registered(code: Code, registration: Registration) -> Iterator[Behaviour]:
    path, method, url = registration.path, registration.method, registration.url
    if registration.dispatch in ("handle", "partly") or is_error_handler(code, registration):
        return
    if registration.dispatch == "render":
        yield Behaviour("page", f"{method.upper()} {url}", path, registration.line, url)
    elif method in ("use", "register"):
        for target in registration.targets:
            yield from _middleware(code, registration, target)
    else:
        label = f"{method.upper()} {url}" if url else f"{method}(…)"
        yield Behaviour("api", label, path, registration.line, url)


def is_error_handler(code: Code, registration: Registration) -> bool:
    """Whether Express takes it for a handler of errors, by its four parameters."""
    for target in registration.targets:
        where, value = code.follow(registration.path, target)
        facts = code.facts(where) if value.kind == "function" else None
        function = facts.function(value.function) if facts is not None else None
        if function is not None and len(function.params) == 4:
            return True
    return False


def _middleware(code: Code, registration: Registration, target: Expr) -> Iterator[Behaviour]:
    path, url, ref = registration.path, registration.url, target.ref
    module = ref.module if ref is not None and ref.kind == "import" else ""
    if _mounts_routes(ref) or _passes_on(code, path, target):
        return
    name = target.name or (target.callee.name if target.callee is not None else "")
    if name in ("", "require") and not module.startswith("."):
        name = module
    label = f"use('{url}')" if url else (f"{name}()" if target.kind == "call" and name else f"use({name or '…'})")
    kind: BehaviourKind = "middleware"
    for listed in ("security", "auth"):
        if package_name(module) in code.names.get(f"{listed}_middleware", ()):
            kind = "security" if listed == "security" else "auth"
    if kind == "middleware" and url and module and code.resolver.resolve(path, module) is not None:
        kind = "api"  # a router of the repository mounted on a path
    if package_name(module) not in code.names.get("logging_middleware", ()):
        yield Behaviour(kind, label, path, registration.line)


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
    callees = [call.callee for call in calls_in(code, where, value)]
    targets = [item.target for item in facts.assignments if item.function == value.function]
    return (
        bool(callees)
        and all(ref is not None and ref.kind == "param" and not ref.steps for ref in callees)
        and all(ref.last_member() in ("status", "statusCode", "respond") for ref in targets)
    )
