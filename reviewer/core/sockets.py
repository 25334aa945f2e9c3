"""WebSocket servers: which HTTP server each is attached to, and who answers that server's upgrades."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, Ref
from reviewer.core.registrations import is_next
from reviewer.core.runs import Run, calls_in, runs_in

_DESTROYS = frozenset({"destroy", "end"})
_NEXT_SOCKET = re.compile(rb"_next|\bhmr\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket server that a file creates.

    ``identity`` is its own, ``server`` that of the HTTP server (or application) it is attached to, '' where none is.
    ``attached`` is the expression that names it; ``url`` the literal path, '' without one, None if not to be told.
    """

    module: str
    symbol: str
    identity: str
    server: str
    attached: Expr | None
    url: str | None
    path: str
    line: int
    column: int
    end_line: int
    conditional: bool


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A listener for upgrades of the HTTP server ``server``.

    ``handles`` are the identities of the WebSocket servers whose ``handleUpgrade`` it calls; ``forwards`` says that it
    also calls Next's upgrade handler, ``destroys`` that it closes the sockets it does not know: not those of its own
    that it refuses before it handles them, and not where it looks for Next's.
    """

    server: str
    handles: frozenset[str]
    forwards: bool
    destroys: bool
    path: str
    line: int
    column: int
    end_line: int


def sockets_in(code: Code, path: str) -> Iterator[Socket]:
    """Every WebSocket server a file creates, in functions it hands its HTTP server to as well."""
    found: dict[str, Socket] = {}
    for run in runs_in(code, path):
        ref = run.expand(run.call.callee)
        if ref is not None and code.ws_servers.match(ref):
            socket = _socket(run, ref)
            if socket.server or socket.identity not in found:  # a helper's socket is seen with and without its server
                found[socket.identity] = socket
    yield from found.values()


def _socket(run: Run, ref: Ref) -> Socket:
    call = run.call
    attached, options = _attached(run, ref.module)
    steps = [step.lstrip(".") for step in ref.path()]
    return Socket(
        module=ref.module,
        symbol=".".join(steps) or ref.module,
        identity=f"{run.path}:{call.start}",
        server=run.identity(attached.ref) if attached is not None else "",
        attached=attached,
        url=_url(options, call),
        path=run.path,
        line=call.line,
        column=call.column,
        end_line=call.end_line,
        conditional=run.conditional,
    )


def _attached(run: Run, module: str) -> tuple[Expr | None, Expr | None]:
    """The expression of the HTTP server a WebSocket server is given, and its options."""
    objects = [value for arg in run.call.args if (value := _object(run, arg)) is not None]
    options = next((value for value in objects if value.prop("server") is not None), objects[0] if objects else None)
    given = options.prop("server") if options is not None else None
    if given is None and module in ("socket.io", "express-ws", "engine.io"):
        index = 1 if module == "express-ws" and len(run.call.args) > 1 else 0
        given = run.call.args[index] if run.call.args else None
    return (given if given is not None and given.kind in ("ref", "member", "call") else None), options


def _object(run: Run, arg: Expr) -> Expr | None:
    value = run.code.follow(run.path, arg)[1]
    return value if value.kind == "object" else None


def _url(options: Expr | None, call: Call) -> str | None:
    """The literal ``path`` among the options; '' without one."""
    path = options.prop("path") if options is not None else None
    if path is None:
        return "" if all(arg.kind != "other" for arg in call.args) else None
    return path.name if path.kind == "string" else None


def upgrades_in(code: Code, path: str) -> Iterator[Upgrade]:
    """Every listener for upgrades a file adds."""
    for run in runs_in(code, path):
        call = run.call
        if call.method not in ("on", "addListener") or len(call.args) < 2 or call.args[0].name != "upgrade":
            continue
        where, listener = code.follow(run.path, call.args[1])
        inside = list(calls_in(code, where, listener))
        yield Upgrade(
            server=run.identity(call.callee),
            handles=frozenset(code.identity(where, c.callee) for c in inside if c.method == "handleUpgrade"),
            forwards=_is_forwarded(run, call.args[1]) or any(is_next(code.expand(where, c.callee)) for c in inside),
            destroys=_closes_strangers(code, where, listener, inside),
            path=run.path,
            line=call.line,
            column=call.column,
            end_line=call.end_line,
        )


def _closes_strangers(code: Code, path: str, listener: Expr, inside: list[Call]) -> bool:
    """Whether a listener closes what it does not handle: behind its own sockets, with no word about Next's."""
    source = code.files.source(path)
    lines = source.data.split(b"\n")[listener.line - 1 : listener.end_line] if source is not None else []
    handled = max((call.place for call in inside if call.method == "handleUpgrade"), default=(-1, 0))
    closed = (call for call in inside if call.method in _DESTROYS and _is_socket(call.callee, listener))
    return any(call.place > handled for call in closed) and not _NEXT_SOCKET.search(b"\n".join(lines))


def _is_forwarded(run: Run, listener: Expr) -> bool:
    """Whether the listener is Next's own upgrade handler."""
    return is_next(run.expand(listener.ref))


def _is_socket(callee: Ref | None, listener: Expr) -> bool:
    """Whether a method is called on the second parameter of the listener."""
    return callee is not None and (callee.kind, callee.function, callee.index) == ("param", listener.function, 1)
