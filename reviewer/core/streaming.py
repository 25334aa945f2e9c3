"""Responses that are sent in pieces: their headers, what writes them, and who notices that the client is gone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.app import App
from reviewer.core.callgraph import CallGraph, Part
from reviewer.core.clientfiles import is_react
from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, Ref
from reviewer.core.finding import Site, Suggestion
from reviewer.core.helpers import helpers_among
from reviewer.core.lifetimes import may_go_on
from reviewer.core.manifest import ancestors, join
from reviewer.core.project import Project
from reviewer.core.roles import Route

Shape = Literal["events", "stream", "body", "helper", "pipe"]

_HEADS = re.compile(rb"setHeader|writeHead|\.(?:set|header|type|contentType)\(")
_SETS = frozenset({"setHeader", "set", "header", "append"})
_ENDS = frozenset({"close", "aborted", "abort", "end", "finish", "error"})
_LISTENS = frozenset({"on", "once", "addListener", "addEventListener", "prependListener"})
_HELPERS = frozenset(
    {"toUIMessageStreamResponse", "toTextStreamResponse", "toDataStreamResponse", "toAIStreamResponse"}
    | {"pipeDataStreamToResponse", "pipeUIMessageStreamToResponse", "pipeTextStreamToResponse"}
)
_ANSWERS = frozenset({"Response", "NextResponse"})
_STREAMS = frozenset({"ReadableStream", "TransformStream"})
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Header:
    """A header that is set: its name in lower case, its value as far as it is literal, and where. '' is any name."""

    name: str
    value: str | None
    path: str
    line: int
    column: int
    in_object: bool = False

    def site(self, message: str) -> Site:
        return Site(self.path, self.line, self.column, self.line, message)


@dataclass(frozen=True, slots=True)
class Begun:
    """A place that begins to answer in pieces, and the calls that lead there."""

    shape: Shape
    symbol: str
    site: Site
    via: tuple[Site, ...] = ()


@dataclass
class Streaming:
    """What the functions that answer a request do with the response.

    ``headers`` are those they set, ``writes`` the places that write a piece, ``begun`` everything that answers in
    pieces. ``flushes`` says that they flush, ``notices`` that something asks whether the client is still there.
    """

    headers: list[tuple[Header, tuple[Site, ...]]] = field(default_factory=list)
    writes: list[Site] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    flushes: bool = False
    notices: bool = False

    @property
    def events(self) -> tuple[Header, tuple[Site, ...]] | None:
        """The header that makes it a stream of server-sent events, and the calls that lead there."""
        return next((row for row in self.headers if row[0].name == "content-type" and _is_events(row[0])), None)

    def named(self, name: str) -> list[Header]:
        return [header for header, _ in self.headers if header.name == name]

    @property
    def may_be_compressed(self) -> bool:
        """Whether no header, and no flush, keeps a compressing layer from holding back pieces."""
        plain = all(
            header.value is not None and "no-transform" not in header.value for header in self.named("cache-control")
        )
        return plain and not self.flushes and not self.named("content-encoding") and not self.named("")


def _is_events(header: Header) -> bool:
    return header.value is not None and header.value.strip().lower().startswith(EVENTS)


def streaming_of(calls: CallGraph, parts: Iterable[Part]) -> Streaming:
    """What some parts of the code do with the response, as far as they run for a request."""
    found = Streaming()
    for part in parts:
        facts = calls.code.facts(part.path)
        if facts is None or part.on_load:
            continue
        for call in facts.calls:
            if call.function in part.functions:
                _read(calls.code, part, call, found)
        inside = (a for a in facts.assignments if a.function in part.functions)
        found.notices |= any(_mentions_signal(assignment.value) for assignment in inside)
        raw = calls.code.files.raw(part.path) or b""
        found.flushes |= b"no-transform" in raw and not found.named("cache-control")
    return found


def _read(code: Code, part: Part, call: Call, found: Streaming) -> None:
    site = Site(part.path, call.place[1] or call.line, call.column, call.end_line, "it is written here")
    is_response = call.callee is not None and call.callee.kind == "param"
    if is_response:
        found.headers += [(header, part.via) for header in _headers(code, part.path, call)]
        found.flushes |= call.method == "flush"
    if (call.method == "write" and is_response) or (call.method in ("pipe", "pipeline") and _given_response(call)):
        found.writes.append(site)
    found.notices |= _notices(call)
    begun = _begun(code, part.path, call)
    if begun is not None:
        found.begun.append(
            Begun(*begun, Site(site.path, site.line, site.column, site.end_line, "it begins here"), part.via)
        )


def _given_response(call: Call) -> bool:
    return any(arg.ref is not None and arg.ref.kind == "param" and not arg.ref.steps for arg in call.args)


# -- headers ----------------------------------------------------------------------------------------------------------


def _headers(code: Code, path: str, call: Call) -> Iterator[Header]:
    args = call.args
    if call.method == "writeHead":
        for arg in args[1:]:
            if arg.kind not in ("string", "number"):
                yield from _of_object(code, path, call, arg)
    elif call.method in ("type", "contentType") and args:
        yield _header(path, call, "content-type", args[0])
    elif call.method in _SETS and len(args) == 1:
        yield from _of_object(code, path, call, args[0])
    elif call.method in _SETS and len(args) == 2:
        yield _header(path, call, args[0].name.lower() if args[0].kind == "string" else "", args[1])


def _of_object(code: Code, path: str, call: Call, given: Expr, depth: int = 2) -> Iterator[Header]:
    """The headers of an object, or of a list of pairs; one of any name where they cannot be read."""
    where, value = code.follow(path, given)
    if value.kind == "object":
        for name, item in value.props:
            if name == "..." and depth > 0:
                yield from _of_object(code, where, call, item, depth - 1)
            else:
                yield _header(where, call, "" if name.startswith(("[", "...")) else name.lower(), item, in_object=True)
    elif value.kind == "array":
        items = value.items
        pairs = (
            [item.items for item in items]
            if items and items[0].kind == "array"
            else list(zip(items[::2], items[1::2], strict=False))
        )
        for pair in pairs:
            if len(pair) == 2:
                yield _header(where, call, pair[0].name.lower() if pair[0].kind == "string" else "", pair[1])
    else:
        yield _header(path, call, "", given)


def _header(path: str, call: Call, name: str, value: Expr, *, in_object: bool = False) -> Header:
    literal = value.name if value.kind in ("string", "number") else None
    return Header(name, literal, path, value.line or call.line, value.column, in_object)


# -- what answers in pieces -------------------------------------------------------------------------------------------


def _begun(code: Code, path: str, call: Call) -> tuple[Shape, str] | None:
    ref = call.callee
    if call.method in _HELPERS:
        return "helper", f"{call.method}()"
    if ref is None or not call.is_new or not _is_answer(ref) or not call.args:
        return None
    _, value = code.follow(path, call.args[0])
    steps = value.ref.steps if value.ref is not None else ()
    if value.ref is not None and value.ref.kind == "global" and value.ref.name in _STREAMS:
        return "stream", value.ref.name
    if steps[-2:] == ("()", ".body"):
        return "body", "body"
    return None


def _is_answer(ref: Ref) -> bool:
    return (ref.kind == "global" and ref.name == "Response") or (
        ref.kind == "import" and ref.module == "next/server" and ref.path() == (".NextResponse",)
    )


def _notices(call: Call) -> bool:
    """Whether a call listens for the client's leaving, hands on the request's signal, or makes a stream it cancels."""
    if call.method in _LISTENS and call.args and call.args[0].name in _ENDS:
        return True
    ref = call.callee
    if ref is not None and (".signal" in ref.steps or any(step in (".aborted", ".destroyed") for step in ref.steps)):
        return True
    return any(arg.prop("cancel") is not None or _mentions_signal(arg) for arg in call.args)


def _mentions_signal(expr: Expr) -> bool:
    return any(part.ref is not None and ".signal" in part.ref.steps for part in expr.walk())


# -- what repairs it --------------------------------------------------------------------------------------------------


def no_transform(code: Code, streaming: Streaming) -> Suggestion | None:
    """The line with ``no-transform`` added: to a plain Cache-Control, or beside the type in an object of headers."""
    cached = streaming.named("cache-control")
    events = streaming.events
    if len(cached) == 1 and cached[0].value in ("no-cache", "no-store"):
        return _replaced(code, cached[0], cached[0].value, f"{cached[0].value}, no-transform", beside=False)
    if not cached and events is not None and events[0].in_object and events[0].value is not None:
        return _replaced(code, events[0], events[0].value, "'Cache-Control': 'no-cache, no-transform'", beside=True)
    return None


def changed_first(suggestion: Suggestion | None, sites: Iterable[Site]) -> list[Site]:
    """Places, the one a suggestion changes first: there it can be taken over."""
    place = (suggestion.path, suggestion.line) if suggestion is not None else None
    return sorted(sites, key=lambda site: (site.path, site.line) != place)


def _replaced(code: Code, header: Header, value: str, text: str, *, beside: bool) -> Suggestion | None:
    source = code.files.source(header.path)
    lines = source.data.decode().split("\n") if source is not None else []
    line = lines[header.line - 1] if header.line <= len(lines) else ""
    for quote in "'\"`":
        quoted = f"{quote}{value}{quote}"
        if line.count(quoted) == 1:
            new = f"{quoted}, {text.replace(chr(39), quote)}" if beside else f"{quote}{text}{quote}"
            return Suggestion(header.path, header.line, header.line, line.replace(quoted, new))
    return None


def endless_sends(calls: CallGraph, parts: Collection[Part]) -> Iterator[tuple[Site, str, tuple[Site, ...]]]:
    """Timers and loops that go on sending: their place, how they are spelled, and the calls that lead there."""
    runs: dict[str, set[int]] = {}
    for part in parts:
        runs.setdefault(part.path, set()).update(part.functions)
    for part in parts:
        lifetimes = calls.lifetimes(part.path)
        for timer in lifetimes.intervals:
            ends = timer.escapes or timer.callback in timer.cleared or timer.cleared & runs[part.path]
            if timer.function in part.functions and timer.sends and not ends:
                yield (
                    Site(part.path, timer.line, timer.column, timer.end_line, "it is sent here"),
                    timer.label,
                    part.via,
                )
        for loop in lifetimes.loops:
            goes_on = loop.sends == "write" or (loop.sends == "enqueue" and loop.catches)
            if loop.function in part.functions and loop.awaits and goes_on and not loop.leaves:
                yield Site(part.path, loop.line, loop.column, loop.end_line, "it is sent here"), loop.label, part.via


def worth_streaming(project: Project, marked: Collection[str], *, any_stream: bool) -> frozenset[str]:
    """The scripts that could stream, and those that load such a helper: all of them, or what a trap could be in."""
    raw = project.files.raw
    routes = {route.path for app in project.next_apps for route in app.api_routes}
    own = {path for path in routes.intersection(marked) if any_stream or _may_be_trapped(raw(path) or b"")}
    helpers = [path for path in helpers_among(project, marked) if _is_helper(raw(path) or b"", path)]
    return frozenset(own | project.graph.reachers(helpers))


def _may_be_trapped(data: bytes) -> bool:
    """Whether a script could set the headers of events, or go on sending."""
    return (b"event-stream" in data and _HEADS.search(data) is not None) or (
        may_go_on(data) and (b".enqueue(" in data or b".write(" in data)
    )


def _is_helper(data: bytes, path: str) -> bool:
    """Whether a script could be a server's part of a stream, and not a reader of one in a browser."""
    return not path.endswith("x") and b"new EventSource" not in data and not is_react(data) and _may_be_trapped(data)


def compresses(app: App) -> bool:
    """Whether Next's server compresses responses, as it does unless told otherwise."""
    option = app.config.option("compress")
    value = option.value()
    on = option.certainty == "unset" or (value is not None and value.name == "true")
    source = app.code.files.source(app.config.path) if app.config.path else None
    return on and (source is None or b"no-transform" not in source.data)


def has_limit(app: App, route: Route) -> bool:
    """Whether a route says how long it may run, in its file or in a file of Vercel's."""
    paths = [route.path, *(join(directory, "vercel.json") for directory in ancestors(app.root))]
    files = app.code.files
    return any(b"maxDuration" in (files.raw(path) or b"") for path in paths if files.is_file(path))
