"""What an application reads from request bodies itself, and what it answers to other methods than GET."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.facts import Call, FileFacts, Ref
from reviewer.core.finding import Site
from reviewer.core.roles import Route

Media = Literal["json", "form", "multipart", "text", "raw"]

EVERY_MEDIA: frozenset[Media] = frozenset({"json", "form", "multipart", "text", "raw"})
ACTION_MEDIA: frozenset[Media] = frozenset({"text", "multipart"})
CHANGING = ("POST", "PUT", "PATCH", "DELETE")

_READING = ("POST", "PUT", "PATCH")
_READS: dict[str, frozenset[Media]] = {
    ".json": frozenset({"json"}),
    ".formData": frozenset({"form", "multipart"}),
    ".text": EVERY_MEDIA,
    ".arrayBuffer": EVERY_MEDIA,
    ".bytes": EVERY_MEDIA,
    ".blob": EVERY_MEDIA,
    ".body": EVERY_MEDIA,
}
_REQUEST = ((), (".clone", "()"), (".req",), (".request",))
_DIRECTIVE = re.compile(r"^\s*(['\"])use server\1;?\s*$")
MAX_HOPS = 2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Something of Next that answers requests: ``label`` names it, ``pattern`` is its URL, '' for a Server Action.

    ``methods`` are those other than GET that it answers, ``media`` the kinds of body it reads by itself.
    """

    kind: Literal["handler", "pages", "action"]
    label: str
    pattern: str
    methods: frozenset[str]
    media: frozenset[Media]
    site: Site


def endpoints_of(app: App, scripts: Iterable[str]) -> Iterator[Endpoint]:
    """Every Route Handler for a method other than GET, Pages API route and Server Action among *scripts*."""
    for route in app.api_routes:
        if route.role == "pages-api-route":
            yield from _pages_routes(app, route)
        else:
            yield from _route_handlers(app, route)
    if app.app_dir:
        yield from _server_actions(app.code, scripts)


def _route_handlers(app: App, route: Route) -> Iterator[Endpoint]:
    for handler in app.handlers(route):
        if handler.name in CHANGING:
            media = _read_by(app.code, handler.file, handler.function, 0, MAX_HOPS) if handler.name in _READING else ()
            label, line = f"{handler.name} {route.pattern}", handler.export.line
            site = Site(route.path, line, handler.export.column, line, f"`{label}` is answered here")
            yield Endpoint("handler", label, route.pattern, frozenset({handler.name}), frozenset(media), site)


def _pages_routes(app: App, route: Route) -> Iterator[Endpoint]:
    handlers = app.handlers(route)
    for handler in handlers:
        off = _body_parser_off(app.code, route.path)
        reads = _uses_body(app.code, handler.file, handler.function)
        line = handler.export.line
        site = off or Site(route.path, line, handler.export.column, line, f"`{route.pattern}` is answered here")
        methods = frozenset({"POST"}) if off is not None or reads else frozenset[str]()
        yield Endpoint(
            "pages", route.pattern, route.pattern, methods, EVERY_MEDIA if off is not None else frozenset(), site
        )


def _body_parser_off(code: Code, path: str) -> Site | None:
    """Where a route sets ``config.api.bodyParser`` to false."""
    option = api_option(code, path, "bodyParser")
    return option.site("Next is told not to parse the body here") if option.value == "false" else None


@dataclass(frozen=True, slots=True)
class ApiOption:
    """What a Pages API route sets ``config.api.<name>`` to: ``set`` is anything but a switch."""

    value: Literal["true", "false", "set", "unset", "unknown"]
    path: str = ""
    line: int = 1
    column: int = 1

    def site(self, message: str) -> Site:
        return Site(self.path, self.line, self.column, self.line, message)


def api_option(code: Code, path: str, name: str) -> ApiOption:
    """An option of the ``config`` a Pages API route exports; unknown where that cannot be read."""
    facts = code.surface(path)
    export = facts.export("config") if facts is not None else None
    if facts is None or export is None:
        return ApiOption("unset" if facts is not None else "unknown")
    found = code.exported(path, export.module, export.imported, MAX_HOPS) if export.expr is None else None
    where, value = (found[0], found[1]) if found is not None else (path, export.expr)
    for key in ("api", name):
        where, value = code.follow(where, value) if value is not None else (where, None)
        if value is None or value.kind != "object" or any(k == "..." or k.startswith("[") for k, _ in value.props):
            return ApiOption("unknown")
        value = value.prop(key)
        if value is None:
            return ApiOption("unset")
    where, value = code.follow(where, value) if value is not None else (where, None)
    if value is None or value.kind not in ("bool", "object", "string", "number"):
        return ApiOption("unknown")
    shown: Literal["true", "false", "set"] = "set"
    if value.kind == "bool":
        shown = "true" if value.name == "true" else "false"
    return ApiOption(shown, where, value.line, value.column)


def _server_actions(code: Code, scripts: Iterable[str]) -> Iterator[Endpoint]:
    words = {"actions": ((b"use server",),)}
    for path in sorted(code.files.containing(list(scripts), words)["actions"]):
        line = _action_line(code, path)
        if line is not None:
            site = Site(path, line, 1, line, "Server Actions are declared here")
            yield Endpoint("action", f"Server Actions in {path}", "", frozenset({"POST"}), ACTION_MEDIA, site)


def _action_line(code: Code, path: str) -> int | None:
    """The first line that declares Server Actions: at the top of a file, or of a function's body."""
    facts, source = code.facts(path), code.files.source(path)
    if facts is None or source is None:
        return None
    begins = {function.prologue.line for function in facts.functions if function.prologue is not None}
    whole = "use server" in facts.directives
    lines = source.data.decode().split("\n")
    found = (number for number, line in enumerate(lines, 1) if _DIRECTIVE.match(line))
    return next((number for number in found if whole or number in begins), None)


# -- bodies --------------------------------------------------


def _read_by(code: Code, path: str, function: int, index: int, hops: int) -> frozenset[Media]:
    """The kinds of body a function reads from its parameter *index*, or lets functions it hands that to read."""
    facts = code.facts(path)
    if facts is None or function < 0 or hops < 0:
        return frozenset()
    found: set[Media] = set()
    wanted = ("param", function, index, ())
    for call in _calls(facts, function):
        for ref in _mentioned(call):
            if (ref.kind, ref.function, ref.index) == wanted[:3]:
                found |= _media(ref.steps)
        for position, arg in enumerate(call.args):
            given = arg.ref
            if given is not None and (given.kind, given.function, given.index, given.steps) == wanted:
                where, helper = _helper(code, path, call)
                found |= _read_by(code, where, helper, position, hops - 1)
    return frozenset(found)


def _helper(code: Code, path: str, call: Call) -> tuple[str, int]:
    """The function of the repository a call runs, and its file; -1 where it is none."""
    if call.callee is None:
        return path, -1
    where, value = code.value_of(path, call.callee)
    return where, value.function if value.kind == "function" else -1


def _media(steps: tuple[str, ...]) -> frozenset[Media]:
    for request in _REQUEST:
        if steps[: len(request)] == request and (read := _READS.get("".join(steps[len(request) :][:1]))) is not None:
            return read
    return frozenset()


def _uses_body(code: Code, path: str, function: int) -> bool:
    """Whether a handler of a Pages API route does something with ``req.body``."""
    facts = code.facts(path)
    return facts is not None and any(
        (ref.kind, ref.function, ref.index) == ("param", function, 0) and ref.steps[:1] == (".body",)
        for call in _calls(facts, function)
        for ref in _mentioned(call)
    )


def _calls(facts: FileFacts, function: int) -> Iterator[Call]:
    inside = facts.within(function)
    return (call for call in facts.calls if call.function in inside)


def _mentioned(call: Call) -> Iterator[Ref]:
    """Every reference a call is made of: what is called, and what its arguments hold."""
    if call.callee is not None:
        yield call.callee
    for arg in call.args:
        yield from (part.ref for part in arg.walk() if part.ref is not None)
