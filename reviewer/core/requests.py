"""The functions a request starts, and the calls that run as part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.callresults import Body, CallResults, Use
from reviewer.core.code import Code
from reviewer.core.facts import Call
from reviewer.core.finding import Evidence, weakest
from reviewer.core.floatingpromises import may_float
from reviewer.core.flow import may_follow_answer
from reviewer.core.promises import Promises
from reviewer.core.roles import Route
from reviewer.core.symbols import Symbols

MAX_CALL_HOPS = 2
_GIVEN = re.compile(rb"\b[wW]aitUntil\(\s*(?:async\b|function\b|\(\s*\)\s*=>|[\w$]+\s*=>|[\w$.]+\s*\))")
_NAME = re.compile(rb"[A-Za-z_$][\w$]*")
_STREAM = re.compile(
    rb"\b(?:const|let|var)\s+([\w$]+|\{[^{}=]*\}|\[[^\[\]=]*\])[^=;\n]*=\s*[^;\n]*"
    rb"(?:Stream|PassThrough|\.writable\b|getWriter\(|Subject\b|Channel\(|Pusher\()"
)

Kind = Literal["pages", "app", "action"]


@dataclass(frozen=True, slots=True)
class Started:
    """A handler or a server action: the id of its function in a file."""

    path: str
    function: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Ran:
    """A call that runs as part of a request; ``via`` are the calls of functions of the file that lead there."""

    use: Use
    evidence: Evidence
    via: tuple[Use, ...] = ()


class Requests:
    """What requests start in one application, as far as a cheap look does not clear it of starting loose work."""

    def __init__(self, app: App, promises: Promises) -> None:
        self.app = app
        self.code: Code = app.code
        self.promises = promises
        self._dropping: dict[str, bool] = {}

    def handlers(self, routes: Sequence[Route]) -> Iterator[Started]:
        """The handlers of routes."""
        seen: set[Started] = set()
        for route in routes:
            kind: Kind = "pages" if route.role == "pages-api-route" else "app"
            raw = self.code.files.raw(route.path) or b""
            if not self._is_worth(route.path, kind) and not _takes_from_elsewhere(raw):
                continue
            for handler in self.app.handlers(route):
                started = Started(handler.file, handler.function, kind)
                if handler.function >= 0 and started not in seen and self._is_worth(handler.file, kind):
                    seen.add(started)
                    yield started

    def _is_worth(self, path: str, kind: Kind) -> bool:
        return self._may_drop(path) or (kind == "pages" and may_follow_answer(self.code.files.raw(path) or b""))

    def _may_drop(self, path: str) -> bool:
        if path not in self._dropping:
            self._dropping[path] = may_float(self.code, path)
        return self._dropping[path]

    def actions(self, paths: Iterable[str]) -> Iterator[Started]:
        """The server actions of files: what a file marked as one exports, and functions marked by themselves."""
        for path in sorted(paths):
            if b"use server" in (self.code.files.raw(path) or b"") and self._may_drop(path):
                for id in dict.fromkeys(self._actions(path)):
                    yield Started(path, id, "action")

    def _actions(self, path: str) -> Iterator[int]:
        facts = self.code.surface(path)
        yield from (body.id for body in (self.promises.results(path).bodies or {}).values() if body.is_action)
        if facts is not None and "use server" in facts.directives:
            for expr in (export.expr for export in facts.exports if export.expr is not None):
                where, value = self.code.follow(path, expr)
                if value.kind == "function" and where == path:
                    yield value.function


def _takes_from_elsewhere(data: bytes) -> bool:
    """Whether a route file may have its handler from another file: it makes no function of its own."""
    return b"=>" not in data and b"function" not in data


def outlets(promises: Promises, started: Started) -> frozenset[str]:
    """Names of what a response is made through: work that holds one of them is part of the response.

    These are streams, and in the Pages Router the response itself.
    """
    source = promises.code.files.source(started.path)
    facts = promises.code.surface(started.path)
    names = {
        name for match in _STREAM.finditer(source.data if source else b"") for name in _NAME.findall(match.group(1))
    }
    found = {name.decode() for name in names}
    function = facts.function(started.function) if facts is not None else None
    if started.kind == "pages":
        found |= {"res", "response", *(function.params[1:2] if function is not None else ())}
    return frozenset(found)


def functions_kept(code: Code, paths: Iterable[str], keepers: Symbols) -> Iterator[tuple[str, Call]]:
    """Calls of functions that take a promise, such as ``waitUntil``, with a function in its place."""
    for path in sorted(paths):
        facts = code.facts(path) if _GIVEN.search(code.files.raw(path) or b"") else None
        for call in facts.calls if facts is not None else ():
            given = [arg for arg in call.args[:1] if code.follow(path, arg)[1].kind == "function"]
            if given and keepers.match(call.callee):
                yield path, call


def ran_by(promises: Promises, started: Started) -> Iterator[Ran]:
    """The calls that run as part of a request, those of functions of the same file included, each once."""
    results = promises.results(started.path)
    queue: list[tuple[int, Evidence, tuple[Use, ...]]] = [(started.function, "high", ())]
    seen: set[int] = set()
    while queue:
        function, evidence, via = queue.pop(0)
        if function in seen:
            continue
        seen.add(function)
        for body in (results.bodies or {}).values():
            if body.parent == function and body.runs != "later":
                queue.append((body.id, weakest(evidence, "high" if body.runs == "at-once" else "medium"), via))
        for use in results.uses:
            if use.function == function:
                yield Ran(use, evidence, via)
                helper = _helper(results, use) if len(via) < MAX_CALL_HOPS else None
                if helper is not None:
                    queue.append((helper.id, evidence, (*via, use)))


def _helper(results: CallResults, use: Use) -> Body | None:
    """The function of the same file that a call runs to its end before the request goes on."""
    if not use.name.isidentifier():
        return None
    body = results.named(use.name, use.function)
    if body is None or (body.is_async and not _is_waited_for(use)):
        return None
    return body


def _is_waited_for(use: Use) -> bool:
    return use.outcome in ("awaited", "returned", "stored") or use.to.startswith("Promise.")
