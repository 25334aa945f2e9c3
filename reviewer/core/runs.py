"""The calls of a file as they run: in order, and on through functions that are given its servers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, FileFacts, Ref

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
HTTP = frozenset({"http", "node:http"})
SECURE = frozenset({"https", "node:https", "http2", "node:http2", "spdy"})
_MAKES_SERVER = ((".createServer",), (".createSecureServer",), (".Server",))
# How an arrow function or a nameless one begins: a declaration could run before the place where it stands.
_EXPRESSION = re.compile(rb"(?:async\b\s*)?(?:\(|[\w$]+\s*=>|function\s*\*?\s*\()")
MAX_HANDED = 2
MAX_READ = 200_000  # calls looked at for what one file hands over: hostile files hand everything to everything

Given = Mapping[tuple[int, int], tuple[str, Ref]]


@dataclass(frozen=True, slots=True)
class Run:
    """A call, in a function that may have been given a server, or Next: ``given`` are identities and references.

    ``at`` is the call that runs the function, and the file of that call.
    """

    code: Code
    path: str
    call: Call
    given: Given = field(default_factory=dict)
    at: tuple[str, Call] | None = None

    def expand(self, ref: Ref | None) -> Ref | None:
        """A reference with what the function was given, and other files' names, put in place."""
        if ref is not None and ref.kind == "param" and (held := self.given.get((ref.function, ref.index))) is not None:
            return held[1].then(*ref.steps)
        return self.code.expand(self.path, ref)

    def identity(self, ref: Ref | None) -> str:
        """Which object a reference is or calls a method of, as ``Code.identity`` tells."""
        if ref is not None and ref.kind == "param" and (held := self.given.get((ref.function, ref.index))) is not None:
            return held[0]
        return self.code.identity(self.path, ref)

    @property
    def order(self) -> tuple[str, int, int, int]:
        """Where it runs: a file, a function's id, and offsets in it."""
        path, outer = self.at or (self.path, self.call)
        return path, outer.function, outer.place[0], self.call.place[0] if self.at else -1

    def around(self, nesting: Nesting) -> tuple[tuple[int, int], ...]:
        """The functions around the one it runs in, each with the offset in it where the next one inside begins.

        As far as these are expressions: what stands before them in a function has run when they do.
        """
        path, outer = self.at or (self.path, self.call)
        return tuple(nesting.around(path, outer.function))

    @property
    def conditional(self) -> bool:
        return self.call.conditional or (self.at is not None and self.at[1].conditional)


class Nesting:
    """Which function is written inside which."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._parents: dict[str, dict[int, int]] = {}

    def around(self, path: str, function: int) -> Iterator[tuple[int, int]]:
        facts, source = self.code.facts(path), self.code.files.source(path)
        if facts is None or source is None:
            return
        if path not in self._parents:
            self._parents[path] = {inner.id: inner.parent for inner in facts.functions}
        parents = self._parents[path]
        while function in parents and _EXPRESSION.match(source.data, function) is not None:
            yield parents[function], function
            function = parents[function]


def runs_in(code: Code, path: str) -> Iterator[Run]:
    """Every call of a file in order, each followed by those of a function of the repository it gives a server to."""
    facts, budget = code.facts(path), _Budget(MAX_READ)
    for call in _in_order(facts):
        run = Run(code, path, call)
        yield run
        yield from _handed_over(run, budget, MAX_HANDED)


@dataclass(slots=True)
class _Budget:
    left: int


def _in_order(facts: FileFacts | None) -> list[Call]:
    """The calls of a file as they run within each function: along a chain, the first one first."""
    return sorted(facts.calls, key=lambda call: call.place) if facts is not None else []


def _handed_over(run: Run, budget: _Budget, depth: int) -> Iterator[Run]:
    """``setupRoutes(server)``: the calls of a function of the repository that is given a server."""
    handed = {
        index: (run.identity(arg.ref), ref)
        for index, arg in enumerate(run.call.args)
        if (ref := run.expand(arg.ref)) is not None and (is_server(run.code, ref) or is_next(ref))
    }
    has_server = any(is_server(run.code, ref) for _, ref in handed.values())
    follow = has_server and depth > 0 and budget.left > 0
    where, value = _called(run.code, run.path, run.call) if follow else (run.path, None)
    facts = run.code.facts(where)
    if value is None or value.kind != "function" or facts is None:
        return
    given = {(value.function, index): server for index, server in handed.items()}
    inside = facts.within(value.function)
    budget.left -= len(facts.calls)
    for call in _in_order(facts):
        if call.function in inside:
            inner = Run(run.code, where, call, given, run.at or (run.path, run.call))
            yield inner
            yield from _handed_over(inner, budget, depth - 1)


def framework_of(code: Code, module: str) -> str:
    """The framework an import brings, by its own name or an alias of a manifest; '' for any other module."""
    name = code.aliases.get(module, module)
    return name if name in FRAMEWORKS else ""


def is_next(ref: Ref | None) -> bool:
    """Whether a reference is an instance ``next(...)`` made, or something reached from one."""
    return ref is not None and ref.kind == "import" and ref.module == "next" and ref.path()[:1] == ("()",)


def is_server(code: Code, ref: Ref) -> bool:
    """Whether a reference is an application, a router or an HTTP server."""
    return ref.kind == "import" and (ref.module in HTTP | SECURE or framework_of(code, ref.module) != "")


def makes_http_server(ref: Ref) -> bool:
    """Whether a call of Node's HTTP modules makes a server: ``createServer(…)``, ``new Server(…)``."""
    return ref.kind == "import" and ref.module in HTTP | SECURE and ref.path() in _MAKES_SERVER


def _called(code: Code, path: str, call: Call) -> tuple[str, Expr | None]:
    """The function of the repository a call runs, and its file."""
    if call.callee is None or call.callee.kind not in ("import", "local"):
        return path, None
    return code.value_of(path, call.callee)


def calls_in(code: Code, path: str, value: Expr) -> Iterator[Call]:
    """The calls of a function and of those written in it."""
    if value.kind == "function":
        yield from code.calls_within(path, value.function)
