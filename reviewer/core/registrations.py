"""What is registered on applications and routers of Express's kind: for which URLs and methods, in which order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, Ref
from reviewer.core.finding import Site
from reviewer.core.runs import Nesting, Run, calls_in, framework_of, runs_in
from reviewer.core.runs import is_next as is_next

Dispatch = Literal["", "handle", "render", "partly"]

EVERY_METHOD = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_NAMES = frozenset(["get", "post", "put", "patch", "delete", "all", "options", "head", "route", "use", "register"])
_ALSO = frozenset({"setNotFoundHandler", "del"})
_EVERY = frozenset({"use", "all", "register", "setNotFoundHandler"})
_ROUTERS = frozenset({"@koa/router", "koa-router"})
_RENDERS = ("render", "renderToHTML")
_NEST = "@nestjs/core"
_CATCH_ALL = frozenset({"*", "/*", "(.*)", "/(.*)", "*all", "/.*/", "/^.*$/", "/(.*)/", "/^\\/.*$/", "/^(.*)$/"})
_PATTERN = re.compile(r"[*(:{?+]")


@dataclass(frozen=True, slots=True)
class Registration:
    """One call that registers something.

    ``app`` is the identity of the application or router, ``framework`` the package it comes from and ``module`` the
    name that is imported by, another one for an alias. ``method`` is the name called, ``methods`` what it answers.
    ``paths`` are the expressions of its URLs, none where it answers every one or ``chained`` to a ``route('/x')`` that
    was not found; ``targets`` what is to answer, ``mounts`` the identities of the objects among them.
    ``order`` is where it runs: a file, a function's id, and offsets in it; ``around`` are the functions around that.
    ``dispatch`` says whether it hands requests to Next: all it gets (``handle``), to a page (``render``), or only some
    of them (``partly``), as what is made with an instance of Next may do.
    """

    app: str
    framework: str
    module: str
    is_router: bool
    method: str
    methods: frozenset[str]
    paths: tuple[Expr, ...]
    targets: tuple[Expr, ...]
    mounts: tuple[str, ...]
    path: str
    line: int
    column: int
    end_line: int
    order: tuple[str, int, int, int]
    around: tuple[tuple[int, int], ...]
    conditional: bool
    dispatch: Dispatch = ""
    chained: bool = False

    @property
    def url(self) -> str:
        """The first URL, '' where there is none or it cannot be read."""
        return self.paths[0].name if self.paths and self.paths[0].kind == "string" else ""

    @property
    def is_catch_all(self) -> bool:
        """Whether it answers every URL, or all but ``/``."""
        if not self.paths:
            return not self.chained
        return any(_is_every_url(expr, self.method) for expr in self.paths)

    def answers(self, url: str) -> bool | None:
        """Whether it answers a URL, dynamic parts of which count as text; None where that cannot be told."""
        if self.is_catch_all:
            return True
        if not self.paths or any(expr.kind != "string" for expr in self.paths):
            return None
        return any(_covers(expr.name, url, self.method == "use") for expr in self.paths)

    @property
    def label(self) -> str:
        """How people call it: ``GET /x``, or ``use(helmet)`` for what answers every URL."""
        url = self.url or ("…" if self.paths or self.chained else "")
        if self.method not in ("use", "register", "route"):
            return f"{self.method.upper()} {url}".rstrip()
        return f"{self.method}('{url}')" if url else f"{self.method}({_name(self.targets[0])})"

    def site(self, message: str) -> Site:
        """Its place, from the name of the method called."""
        return Site(self.path, self.line, self.column, self.end_line, message)

    def runs_before(self, other: Registration) -> bool:
        """Whether it is registered first, as far as one function tells, and the callbacks written in it."""
        if self.order[:2] == other.order[:2]:
            return self.order[2:] < other.order[2:]
        path, function, offset, _ = self.order
        return path == other.order[0] and any(function == f and offset < inner for f, inner in other.around)


def _covers(path: str, url: str, by_prefix: bool) -> bool:
    literal = _PATTERN.split(path)[0]
    if by_prefix:
        return f"{url}/".startswith(literal.rstrip("/") + "/")
    return f"{url}/".startswith(literal) if literal != path else url == path.rstrip("/")


def _name(target: Expr) -> str:
    named = target.callee if target.callee is not None and target.kind == "call" else target
    return f"{named.name}()" if target.kind == "call" and named.name else named.name or "…"


def _is_every_url(expr: Expr, method: str) -> bool:
    if expr.kind not in ("string", "regex"):
        return False
    url = expr.name
    if url in _CATCH_ALL or (url in ("", "/") and method == "use"):
        return True
    named = url.removeprefix("/").removeprefix("{").removeprefix("/").removesuffix("}")
    return named.startswith("*") and named[1:].isidentifier()


def registrations_in(code: Code, path: str) -> Iterator[Registration]:
    """What a file registers on the applications it makes or imports, through functions it hands them to as well."""
    routes: _Routes = {}
    nesting = Nesting(code)
    for run in runs_in(code, path):
        ref = run.expand(run.call.callee)
        if ref is not None and is_instance(code, ref) and ref.last_member() in _NAMES | _ALSO:
            yield from _read(run, ref, routes, nesting)


def is_instance(code: Code, ref: Ref) -> bool:
    """Whether a reference is a method of an application or router."""
    if ref.kind != "import" or not framework_of(code, ref.module):
        return False
    return any(step in ("()", "new") for step in ref.path()[:-1])


_Routes = dict[tuple[str, int], tuple[int, Expr]]


def _read(run: Run, ref: Ref, routes: _Routes, nesting: Nesting) -> Iterator[Registration]:
    """The registration a call is; none for reading a setting."""
    call, method, steps = run.call, ref.last_member(), ref.path()
    if method == "route" and len(call.args) == 1 and call.args[0].kind != "object":
        routes[run.path, call.start] = (call.place[0], call.args[0])  # it only names what the next calls register
        return
    if not call.args or _only_reads(call, method) or (ref.module == _NEST and _is_nest(method, steps)):
        return
    chained = ".route" in steps[:-1]
    paths, targets, methods = _split(run, method)
    if chained:
        at, named = routes.get((run.path, call.start), (call.place[0], None))
        paths = _flat(named) if named is not None and at < call.place[0] else ()
    dispatches = [kind for target in targets if (kind := dispatch_of(run.code, run.path, target, run))]
    yield Registration(
        app=run.identity(call.callee),
        framework=framework_of(run.code, ref.module),
        module=ref.module,
        is_router=ref.module in _ROUTERS or ".Router" in steps,
        method=method,
        methods=methods,
        paths=paths,
        targets=targets,
        mounts=tuple(filter(None, (run.identity(target.ref) for target in targets))),
        path=run.path,
        line=call.place[1] or call.line,
        column=call.column if call.place[1] == call.line else 1,
        end_line=call.end_line,
        order=run.order,
        around=run.around(nesting),
        conditional=run.conditional,
        dispatch=dispatches[0] if dispatches else "",
        chained=chained,
    )


def _only_reads(call: Call, method: str) -> bool:
    """``get('env')`` reads a setting."""
    return method == "get" and len(call.args) == 1 and call.args[0].kind == "string"


def _is_nest(method: str, steps: tuple[str, ...]) -> bool:
    """``app.get(Service)`` of Nest's own application, which only takes middleware; its adapter's takes routes."""
    return method != "use" and ".getHttpAdapter" not in steps


def _split(run: Run, method: str) -> tuple[tuple[Expr, ...], tuple[Expr, ...], frozenset[str]]:
    """The URLs of a registration, what is to answer them, and for which methods."""
    args = run.call.args
    where, first = run.code.follow(run.path, args[0])
    if first.kind == "object" and (handler := first.prop("handler")) is not None:
        place = first.prop("url") or first.prop("path")
        return _flat(place) if place is not None else (), (handler,), _methods_of(first.prop("method"))
    methods = _methods_called(method)
    if len(args) > 1 and _is_url(first, method in ("use", "register")):
        return _flat(first if where == run.path else args[0]), _every(args[1:]), methods
    return (), _every(args), methods


def _every(targets: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """What is to answer, lists of it taken apart."""
    return tuple(item for target in targets for item in _flat(target))


def _methods_called(method: str) -> frozenset[str]:
    """The HTTP methods that a method of an application stands for."""
    if method in _EVERY:
        return EVERY_METHOD
    name = "DELETE" if method == "del" else method.upper()
    return frozenset({name, "HEAD"} if name == "GET" else {name})


def _methods_of(listed: Expr | None) -> frozenset[str]:
    """The HTTP methods an option lists; every one where they cannot be read."""
    items = _flat(listed) if listed is not None else ()
    names = {item.name.upper() for item in items if item.kind == "string"}
    return frozenset(names) if items and len(names) == len(items) and "*" not in names else EVERY_METHOD


def _is_url(first: Expr, may_be_middleware: bool) -> bool:
    """Whether the first argument of several is the URL; middleware may come first where no URL has to be given."""
    if first.kind in ("function", "call", "new"):
        return False
    if first.kind == "array" and may_be_middleware:
        return any(item.kind in ("string", "regex") for item in first.items)
    if first.kind == "ref" and may_be_middleware:
        return first.ref is None or first.ref.kind == "param"
    return True


def _flat(expr: Expr) -> tuple[Expr, ...]:
    return expr.items if expr.kind == "array" else (expr,)


# -- what Next is handed --------------------------------------------------


def dispatch_of(code: Code, path: str, target: Expr, run: Run | None = None) -> Dispatch:
    """How a registered function hands requests to Next, '' where it does not; *run* knows what parameters stand for."""

    def expand(where: str, ref: Ref | None) -> Ref | None:
        return run.expand(ref) if run is not None and where == path else code.expand(where, ref)

    if _is_handler(expand(path, target.ref)):
        return "handle"
    where, value = code.follow(path, target)
    calls = [(call, expand(where, call.callee)) for call in calls_in(code, where, value)]
    handled = any(_is_handle(ref) for _, ref in calls)
    rendered = any(call.method in _RENDERS and is_next(ref) for call, ref in calls)
    if not handled and not rendered:
        return "partly" if any(is_next(expand(where, arg.ref)) for arg in value.items) else ""
    if any(_goes_on(call, value.function) for call, _ in calls):
        return "partly"
    return "handle" if handled else "render"


def _is_handler(ref: Ref | None) -> bool:
    """Whether an expression is Next's request handler itself."""
    return ref is not None and is_next(ref) and ref.path()[-2:] == (".getRequestHandler", "()")


def handle_calls(code: Code, path: str, target: Expr) -> Iterator[tuple[str, Call]]:
    """The calls of Next's request handler in a registered function, each with its file."""
    where, value = code.follow(path, target)
    for call in calls_in(code, where, value):
        if _is_handle(code.expand(where, call.callee)):
            yield where, call


def renders(code: Code, path: str, call: Call) -> bool:
    """Whether a call has Next render a page."""
    return call.method in _RENDERS and is_next(code.expand(path, call.callee))


def _is_handle(ref: Ref | None) -> bool:
    """Whether a call is one of Next's request handler."""
    return ref is not None and is_next(ref) and ref.path()[-1:] == ("()",)


def _goes_on(call: Call, function: int) -> bool:
    """Whether a call is that of the function which runs the next handler: a parameter, and not the first one.

    With an error it runs the handlers of errors instead.
    """
    callee = call.callee
    if callee is None or callee.kind != "param" or callee.steps:
        return False
    goes_on = not call.args or call.args[0].kind == "string"  # next('route')
    return goes_on and callee.index > 0 and callee.function == function


def made_with(code: Code, registration: Registration) -> tuple[Expr, ...] | None:
    """The arguments of the call that made the object something is registered on; None where that is not found."""
    path, _, start = registration.app.rpartition(":")
    facts = code.facts(path) if path else None
    calls = [call for call in facts.calls if str(call.start) == start] if facts is not None else []
    return min(calls, key=lambda call: call.place).args if calls else None
