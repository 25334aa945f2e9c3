"""Request handlers of a route file, with the wrappers around them taken off from outside in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reviewer.core.code import Code
from reviewer.core.facts import Export, Expr, Ref
from reviewer.core.roles import METHODS, UPGRADE_METHODS, Route

MAX_WRAPPERS = 10


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function around a handler: how it is spelled, in which file and line, and what that refers to."""

    ref: Ref | None
    name: str
    path: str
    line: int
    column: int
    composed: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """One handler that ``path`` exports. ``function`` is its id in ``file``, or -1 where only a library knows the body.

    ``file`` differs from the route's path when the handler is written elsewhere and re-exported.
    """

    path: str
    name: str
    export: Export
    chain: tuple[Wrapper, ...]
    file: str
    function: int


@dataclass(frozen=True, slots=True)
class _Unwrapped:
    chain: tuple[Wrapper, ...]
    file: str
    function: int


def handlers_of(code: Code, route: Route) -> Iterator[Handler]:
    """The handlers of an API route: the default export of a Pages route, the methods of a Route Handler."""
    facts = code.surface(route.path)
    if facts is None:
        return
    names = ("default",) if route.role == "pages-api-route" else (*METHODS, *UPGRADE_METHODS)
    stars = [export for export in facts.exports if export.name == "*"] if route.role == "app-route-handler" else []
    for name in names:
        export = facts.export(name)
        if export is not None:
            handler = _handler(code, route, name, export)
        else:
            handler = next((h for star in stars if (h := _reexported(code, route, name, star)) is not None), None)
        if handler is not None:
            yield handler


def _handler(code: Code, route: Route, name: str, export: Export) -> Handler | None:
    if export.expr is None:
        return _reexported(code, route, name, export)
    unwrapped = Unwrapper(code).unwrap(route.path, export.expr)
    if unwrapped is None or not _accepts_request(code, route, unwrapped):
        return None
    return Handler(route.path, name, export, unwrapped.chain, unwrapped.file, unwrapped.function)


def _reexported(code: Code, route: Route, name: str, export: Export) -> Handler | None:
    imported = name if export.imported == "*" else export.imported
    found = code.exported(route.path, export.module, imported, 2)
    if found is None:
        return None
    path, expr, _ = found
    unwrapped = Unwrapper(code).unwrap(path, expr)
    if unwrapped is None or not _accepts_request(code, route, unwrapped):
        return None
    return Handler(route.path, name, export, unwrapped.chain, unwrapped.file, unwrapped.function)


def _accepts_request(code: Code, route: Route, unwrapped: _Unwrapped) -> bool:
    """A Pages API handler takes the request; what takes nothing is a helper that happens to lie there."""
    facts = code.surface(unwrapped.file)
    function = facts.function(unwrapped.function) if facts is not None else None
    return route.role != "pages-api-route" or function is None or len(function.params) > 0


class Unwrapper:
    """Takes wrappers off handler expressions."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.factories = frozenset(code.names.get("factories", ()))
        self.composers = frozenset(code.names.get("composers", ()))
        self.known = frozenset(code.names.get("wrappers", ()))

    def unwrap(self, path: str, expr: Expr, depth: int = 0) -> _Unwrapped | None:
        """The chain around a handler and the handler itself; None for what is no handler."""
        if depth > MAX_WRAPPERS:
            return None
        path, expr = self.code.follow(path, expr)
        if expr.kind == "function":
            return _Unwrapped((), path, expr.function)
        if expr.kind == "member" and expr.callee is not None:
            return self._built(path, expr.callee)
        if expr.kind != "call" or expr.callee is None:
            return None
        return self._call(path, expr, depth)

    def _built(self, path: str, expr: Expr) -> _Unwrapped | None:
        """``export const { GET, POST } = factory(...)``: handlers whose bodies are the library's."""
        path, expr = self.code.follow(path, expr)
        while expr.kind == "member" and expr.callee is not None:
            path, expr = self.code.follow(path, expr.callee)
        from_library = expr.kind == "ref" and expr.ref is not None and expr.ref.kind == "import"
        return _Unwrapped((), path, -1) if from_library or expr.kind in ("call", "new") else None

    def _call(self, path: str, expr: Expr, depth: int) -> _Unwrapped | None:
        callee = expr.callee
        if callee is None or (callee.kind == "ref" and callee.name in self.factories):
            return _Unwrapped((), path, -1)
        inner = self._inner(path, expr, depth)
        if callee.kind == "member" and callee.callee is not None and callee.callee.kind in ("call", "new"):
            wrapper = Wrapper(None, callee.name, path, expr.line, expr.column, composed=True)  # nc().use(a).get(h)
            return replace(inner, chain=(wrapper, *inner.chain)) if inner else _Unwrapped((wrapper,), path, -1)
        if inner is None:
            return None if self._is_server(expr) else _Unwrapped((), path, -1)
        return replace(inner, chain=(*self._wrappers(path, callee), *inner.chain))

    def _inner(self, path: str, expr: Expr, depth: int) -> _Unwrapped | None:
        """The handler among a call's arguments: a function, another wrapper, or a name that resolves to one."""
        name = expr.callee.name if expr.callee is not None else ""
        for item in reversed(expr.items):
            if item.kind in ("function", "call", "ref", "member"):
                where, value = self.code.follow(path, item)
                if value.kind == "function":
                    return _Unwrapped((), where, value.function)
                if value.kind == "call" and (found := self.unwrap(where, value, depth + 1)) is not None:
                    if found.chain or found.function >= 0:
                        return found
                elif value.kind == "ref" and name in self.known:
                    return _Unwrapped((), where, -1)
        return None

    def _wrappers(self, path: str, callee: Expr) -> Iterator[Wrapper]:
        if callee.kind == "call" and callee.callee is not None:
            if callee.callee.name in self.composers:
                yield from self._composed(path, callee)
                return
            callee = callee.callee
        if callee.ref is not None:
            yield _wrapper(path, callee)

    def _composed(self, path: str, call: Expr) -> Iterator[Wrapper]:
        """``compose(a, b)(h)`` and ``apply([a, b])(h)`` spell the chain a, b."""
        for item in call.items:
            for element in item.items if item.kind == "array" else (item,):
                named = element.callee if element.kind == "call" and element.callee is not None else element
                if named.ref is not None:
                    yield _wrapper(path, named)

    def _is_server(self, expr: Expr) -> bool:
        """Whether a call builds an Express app or router: callable, but with routes of its own."""
        return expr.ref is not None and expr.ref.kind == "import" and expr.ref.module in ("express", "koa", "fastify")


def _wrapper(path: str, callee: Expr) -> Wrapper:
    ref = callee.ref
    return Wrapper(ref, callee.name or (ref.name if ref is not None else ""), path, callee.line, callee.column)
