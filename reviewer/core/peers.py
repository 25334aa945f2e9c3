"""Handlers of an application beside each other: which wrappers nearly all of a group have, and what those would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reviewer.core.code import Code
from reviewer.core.facts import Expr, Ref
from reviewer.core.guards import Body, Guards
from reviewer.core.handlers import Handler, Wrapper
from reviewer.core.roles import METHODS, Route

MAX_HOPS = 2
MAX_SAMPLES = 5  # wrapped handlers read to tell what handlers do besides


@dataclass(frozen=True)
class Peer:
    """One handler of a group, with the wrappers around it by what they are: file or package, and export."""

    route: Route
    handler: Handler
    wrappers: dict[str, Wrapper]

    @property
    def method(self) -> str | None:
        """The HTTP method it answers; None where it answers all, as the default export of a Pages API route."""
        return None if self.handler.name == "default" else self.handler.name

    @property
    def label(self) -> str:
        """How people call it, such as ``POST /api/users``."""
        return f"{self.method or ''} {self.route.pattern}".lstrip()


@dataclass(frozen=True)
class Majority:
    """A wrapper that most handlers of a group have, and those of them that are asked about.

    ``scope`` is the URL the group shares, '' for a whole application.
    """

    scope: str
    symbol: str
    group: Sequence[Peer]
    asked: Sequence[Peer]

    @cached_property
    def wrapped(self) -> tuple[Peer, ...]:
        return tuple(peer for peer in self.group if self.symbol in peer.wrappers)

    @property
    def others(self) -> tuple[Peer, ...]:
        """The handlers asked about that go without it."""
        return tuple(peer for peer in self.asked if self.symbol not in peer.wrappers)

    @property
    def wrapper(self) -> Wrapper:
        """The wrapper as the first handler spells it."""
        return self.wrapped[0].wrappers[self.symbol]

    @cached_property
    def takes_only_handlers(self) -> bool:
        """Whether every handler is handed to it alone, without options and not through a call that makes it."""
        calls = [call for peer in self.wrapped for call in _calls_of(peer, self.wrapper.name)]
        return bool(calls) and all(len(call.items) == 1 for call in calls)

    @property
    def name(self) -> str:
        """What the wrapper is exported as."""
        exported = self.symbol.rpartition("#")[2]
        return self.wrapper.name if exported == "default" else exported

    @property
    def source(self) -> str:
        """The file or package the wrapper is from."""
        return self.symbol.rpartition("#")[0]


def peers_of(code: Code, handlers: Iterable[tuple[Route, Handler]]) -> Iterator[Peer]:
    """The handlers that may be compared: those of the HTTP methods, but OPTIONS, which browsers ask without a user."""
    for route, handler in handlers:
        if handler.name in ("default", *METHODS) and handler.name != "OPTIONS":
            named = [wrapper for wrapper in handler.chain if wrapper.ref is not None and not wrapper.composed]
            yield Peer(route, handler, {symbol_of(code, wrapper.path, wrapper.ref): wrapper for wrapper in named})


def incomplete(found: Iterable[Majority]) -> list[Majority]:
    """The wrappers that some of the handlers asked about go without."""
    return [majority for majority in found if majority.others]


def _calls_of(peer: Peer, name: str) -> list[Expr]:
    """The calls of a name in the expression a handler is exported as; without arguments those that make a wrapper."""
    expr = peer.handler.export.expr
    parts = [part for part in expr.walk() if part.kind == "call" and part.callee] if expr is not None else []
    made = [part.callee for part in parts if part.callee is not None and part.callee.kind == "call"]
    if any(call.callee is not None and call.callee.name == name for call in made):
        return [replace(call, items=()) for call in made]
    return [part for part in parts if part.callee is not None and part.callee.name == name]


def local_name(code: Code, path: str, symbol: str) -> str | None:
    """What a file calls something it imports; None where it does not."""
    facts = code.surface(path)
    for item in facts.imports if facts is not None else ():
        for imported, local in item.names:
            if imported != "*" and symbol_of(code, path, Ref("import", imported, item.module)) == symbol:
                return local
    return None


def symbol_of(code: Code, path: str, ref: Ref | None) -> str:
    """What a name is, wherever it is imported from: file or package, and export."""
    return "#".join(code.origin(path, ref)) if ref is not None else ""


def majorities(peers: Sequence[Peer], depth: int, least: int, share: float) -> Iterator[Majority]:
    """The wrappers most handlers have that share *depth* segments of their URL; where those are few, most of all."""
    groups: dict[str, list[Peer]] = {}
    for peer in peers:
        groups.setdefault("/".join(peer.route.pattern.split("/")[: depth + 1]), []).append(peer)
    usual = _usual(peers, least, share)
    for scope, group in groups.items():
        if len(group) >= least:
            yield from (Majority(scope, symbol, group, group) for symbol in _usual(group, least, share))
        else:
            yield from (Majority("", symbol, peers, group) for symbol in usual)


def _usual(group: Sequence[Peer], least: int, share: float) -> list[str]:
    counts = Counter(symbol for peer in group for symbol in peer.wrappers)
    return [symbol for symbol, count in counts.items() if count >= least and count >= share * len(group)]


# -- what a handler without a wrapper does itself ---------------------------------------------------------------------


class Equivalents:
    """Whether handlers without a wrapper do the same by other means, as far as names tell."""

    def __init__(self, guards: Guards) -> None:
        self.code = guards.code
        self.guards = guards

    def runs_it(self, peer: Peer, majority: Majority) -> bool | None:
        """Whether a handler, or another wrapper of it, calls the wrapper; None where a part is a library's."""
        bodies = self._bodies(peer)
        for _ in range(MAX_HOPS + 1 if bodies else 0):
            if majority.symbol in self._called(bodies):
                return True
            bodies = [called for body in bodies for called in self.guards.calls(body)]
        known = self.guards.body_of(peer.handler) is not None and all(w.ref is not None for w in peer.handler.chain)
        return False if known else None

    def does_the_same(self, peer: Peer, majority: Majority) -> bool:
        """Whether a handler calls what the wrapper calls, and wrapped handlers do not, or catches errors as it does."""
        bodies, own = self._bodies(peer), list(self.guards.bodies_of(majority.wrapper))
        usual = self._called(body for other in majority.wrapped[:MAX_SAMPLES] for body in self._bodies(other)[:1])
        if (self._called(own) & self._called(bodies)) - usual:
            return True
        return self._catches(own) and self._catches(bodies)

    def _bodies(self, peer: Peer) -> list[Body]:
        """A handler's function, then those of its wrappers."""
        body = self.guards.body_of(peer.handler)
        around = [found for wrapper in peer.handler.chain for found in self.guards.bodies_of(wrapper)]
        return [*([body] if body is not None else []), *around]

    def _called(self, bodies: Iterable[Body]) -> set[str]:
        """What functions call or hand on, by file or package and export; what Next itself gives is left out."""
        found = set()
        for body in bodies:
            for call in self.code.calls_within(body.path, body.function):
                for ref in (call.callee, *(arg.ref for arg in call.args)):
                    if ref is not None and ref.kind in ("import", "local") and not ref.module.startswith("next/"):
                        found.add(symbol_of(self.code, body.path, _base(ref)))
                        found |= self._around(body.path, _base(ref))
        return found

    def _around(self, path: str, ref: Ref) -> set[str]:
        """What a function that is called was made with, such as the wrappers of another route's handler."""
        where, value = self.code.value_of(path, ref)
        parts = value.walk() if value.kind == "call" else ()
        return {symbol_of(self.code, where, part.ref) for part in parts if part.kind == "ref"}

    def _catches(self, bodies: Iterable[Body]) -> bool:
        """Whether functions do something about an error."""
        return any(call.in_catch for body in bodies for call in self.code.calls_within(body.path, body.function))


def _base(ref: Ref) -> Ref:
    """The import or name a reference starts from, with the member of a namespace."""
    whole = ref.kind == "import" and ref.name in ("*", "default")
    return replace(ref, steps=tuple(step for step in ref.steps[:1] if whole and step.startswith(".")))
