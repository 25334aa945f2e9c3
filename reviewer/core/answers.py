"""Answers that depend on nobody: constants, pictures, what is gone, and requests passed on to another server."""

from __future__ import annotations

import re

from reviewer.core.code import Code
from reviewer.core.facts import Call
from reviewer.core.guards import Body
from reviewer.core.roles import Route

_BUILDING = frozenset(
    {
        "Response",
        "NextResponse",
        "ImageResponse",
        "Headers",
        "URL",
        "URLSearchParams",
        "Date",
        "JSON",
        "console",
        "Math",
    }
)
_GONE = re.compile(rb"\bstatus\s*(?::|\()\s*410\b")
_FETCHING = frozenset({"fetch", "axios", "httpProxy", "httpProxyMiddleware", "proxy"})
_CREDENTIALS = re.compile(rb"authorization|cookie|\bheaders:\s*(?:\w+\.)?headers\b", re.IGNORECASE)


def is_public_by_nature(code: Code, route: Route, body: Body) -> bool:
    """Whether a handler answers a constant, draws a picture, says that it is gone, or passes the request on."""
    calls = code.calls_within(body.path, body.function)
    return (
        all(map(_builds, calls))
        or any(_name(call) == "ImageResponse" for call in calls)
        or _GONE.search(_text(code, body)) is not None
        or _passes_on(code, route, body, calls)
    )


def _builds(call: Call) -> bool:
    """Whether a call only builds an answer, or sends it in a Pages API route."""
    ref = call.callee
    if ref is None:
        return False
    return _name(call) in _BUILDING or (ref.kind == "param" and ref.index == 1)


def _passes_on(code: Code, route: Route, body: Body, calls: list[Call]) -> bool:
    """Whether a handler asks another server with the caller's credentials, or whatever path is asked for."""
    if not any(_name(call) in _FETCHING for call in calls):
        return False
    return "[..." in route.pattern or _CREDENTIALS.search(_text(code, body)) is not None


def _name(call: Call) -> str:
    """The first name of what is called."""
    ref = call.callee
    if ref is None:
        return ""
    return ref.path()[0].lstrip(".") if ref.kind == "import" and ref.path() else ref.name


def _text(code: Code, body: Body) -> bytes:
    """The lines of a function."""
    facts, source = code.facts(body.path), code.files.source(body.path)
    function = facts.function(body.function) if facts is not None else None
    if function is None or source is None:
        return b""
    return b"\n".join(source.data.split(b"\n")[function.line - 1 : function.end_line])
