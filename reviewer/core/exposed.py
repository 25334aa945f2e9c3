"""What a route or action does for whoever reaches it: whether it answers for itself, and what it gives away."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.code import MAX_HOPS, Code
from reviewer.core.database import is_client_module
from reviewer.core.facts import Call, Ref
from reviewer.core.guards import Body
from reviewer.core.handlers import Handler
from reviewer.core.manifest import ancestors, parent
from reviewer.core.roles import Route

_ENTRANCE = re.compile(
    r"(?i)web-?hooks?|callbacks?|log-?(?:in|out)|sign-?(?:in|out|up)|regist(?:er|ration)|auth|oauth2?|sso|saml|"
    r"health(?:z|-?check)?|ping|status|ready|live|metrics|cron|csrf|public|unsubscribe|verify.*|(?:forgot|reset)-?password"
)
_LEAVING = re.compile(r"(?i)(?:log|sign)-?(?:in|out|up)|register|forgot|reset")
MAX_WIDTH = 40

_CHECKING = re.compile(
    r"(?i)^(?:require|assert|ensure|protect|guard|authenticate|authorize|current[a-z])|auth(?!or(?!i[sz]))|session|identity|"
    r"(?:current|active|logged|get)_?(?:user|viewer|account|member)|permission|entitle|allowed|forbid"
)
_DATA_LAYER = re.compile(r"(?:^|/)(?:dal|data-access(?:-layer)?)(?:/|\.|$)", re.IGNORECASE)
_CREDENTIAL = re.compile(r"cookie|authorization|[bB]earer", re.IGNORECASE)
_ANSWERING = frozenset({"json", "next", "error", "text", "end", "send", "status", "setHeader"})
_ANSWERERS = frozenset({"Response", "NextResponse", "Date"})


def is_entrance(pattern: str) -> bool:
    """Whether a route is one that nobody has a session for: signing in, other services, monitors."""
    return any(_ENTRANCE.fullmatch(segment) for segment in pattern.split("/"))


def is_entrance_name(name: str) -> bool:
    """The same of a Server Action, by its name."""
    return _LEAVING.search(name) is not None


def only_answers(code: Code, body: Body) -> bool:
    """Whether a function calls nothing but what makes its answer."""
    return all(_answers(call) for call in code.calls_within(body.path, body.function))


def _answers(call: Call) -> bool:
    callee = call.callee
    if callee is None:
        return False
    is_made = callee.name in _ANSWERERS and callee.kind in ("global", "import")
    return is_made or (callee.kind == "param" and call.method in _ANSWERING)


def passes_credentials_on(code: Code, body: Body) -> bool:
    """Whether a function reads the request's cookies or authorization, for a service behind it to judge."""
    source, facts = code.files.source(body.path), code.facts(body.path)
    function = facts.function(body.function) if facts is not None else None
    if source is None or function is None:
        return True
    lines = (source.line_text(line) for line in range(function.line, function.end_line + 1))
    return any(_CREDENTIAL.search(line) for line in lines)


def imports_data_layer(code: Code, path: str) -> bool:
    """Whether a file imports from a data access layer, where checks belong and which may lie deep."""
    facts = code.surface(path)
    modules = [item.module for item in facts.imports if not item.type_only] if facts is not None else []
    return any(_DATA_LAYER.search(code.resolver.resolve(path, module) or module) for module in modules)


def reads_database(code: Code, body: Body) -> bool:
    """Whether a function calls a database client, itself or through functions of the repository."""
    return any(
        callee.kind == "import" and is_client_module(code, path, callee.module) for path, callee in _reached(code, body)
    )


def may_check(code: Code, body: Body) -> bool:
    """Whether a function calls something that is named like a check, whatever that does."""
    return any(_CHECKING.search(name) for _, callee in _reached(code, body) for name in _names(callee))


def _names(callee: Ref) -> Iterator[str]:
    yield callee.name
    yield from (step[1:] for step in callee.steps if step.startswith("."))


def _reached(code: Code, body: Body) -> Iterator[tuple[str, Ref]]:
    """What a function calls, and what the functions of the repository behind that call, by the file of the call."""
    seen, level = {body}, [body]
    for _ in range(MAX_HOPS + 1):
        behind: list[Body] = []
        for current in level:
            for call in code.calls_within(current.path, current.function):
                if call.callee is not None and call.callee.kind in ("import", "local"):
                    yield current.path, call.callee
                    behind += _behind(code, current.path, call.callee)
        level = [other for other in dict.fromkeys(behind) if other not in seen][:MAX_WIDTH]
        seen.update(level)


def _behind(code: Code, path: str, callee: Ref) -> Iterator[Body]:
    if callee.kind == "local" and callee.steps:
        return
    where, value = code.value_of(path, callee)
    if value.kind == "function":
        yield Body(where, value.function)


def loader_of(app: App, route: Route) -> Body | None:
    """The function that gets a page's data on the server; None where there is none, or it cannot be told."""
    in_pages = bool(app.pages_dir) and route.path.startswith(f"{app.pages_dir}/")
    facts = app.code.surface(route.path)
    export = facts.export("getServerSideProps" if in_pages else "default") if facts is not None else None
    if facts is None or export is None or export.expr is None or "use client" in facts.directives:
        return None
    where, value = app.code.follow(route.path, export.expr)
    return Body(where, value.function) if value.kind == "function" else None


def layouts_above(app: App, route: Route) -> Iterator[Body]:
    """The layouts and templates a page is rendered in."""
    above = set(ancestors(parent(route.path)))
    for other in app.routes:
        name = other.path.rpartition("/")[2].partition(".")[0]
        if name in ("layout", "template") and parent(other.path) in above:
            body = loader_of(app, other)
            if body is not None:
                yield body


def handler_lines(code: Code, route: Route, handler: Handler) -> tuple[int, int]:
    """The first and last line of a handler in its route file: its function's, or its export's."""
    export = handler.export
    facts = code.surface(route.path) if handler.file == route.path else None
    function = facts.function(handler.function) if facts is not None else None
    if function is None:
        return export.line, export.end_line
    is_inside = export.line <= function.line <= export.end_line
    return (export.line if is_inside else function.line), max(function.end_line, export.end_line if is_inside else 0)
