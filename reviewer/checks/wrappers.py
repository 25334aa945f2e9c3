"""Wrapper chains and guard prologues spelled out route by route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.check import Premise, Settings
from reviewer.core.code import Code
from reviewer.core.facts import Prologue
from reviewer.core.finding import Finding, Site
from reviewer.core.guards import GuardNames
from reviewer.core.handlers import Handler, Wrapper
from reviewer.core.project import Project
from reviewer.core.roles import Route

MIN_PEERS = 5


@dataclass(frozen=True, slots=True)
class _Chained:
    """A handler whose route file spells a chain of wrappers around it, outermost first."""

    route: Route
    handler: Handler
    chain: tuple[Wrapper, ...]
    symbols: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(wrapper.name for wrapper in self.chain)

    def site(self, message: str) -> Site:
        first = min(self.chain, key=lambda wrapper: wrapper.line)
        return Site(self.route.path, first.line, first.column, max(wrapper.line for wrapper in self.chain), message)


def per_route_middleware(app: App, project: Project, settings: Settings) -> Iterator[Finding | Premise]:
    """Handlers of an application that spell a chain or a guard others spell too, or nearly so."""
    routes = app.routes_of(settings.rule.head.where.roles)
    handlers = [(route, handler) for route in routes for handler in app.handlers(route)]
    chained = list(_chained(handlers, project.code, settings))
    yield from _repeated(app, chained, settings)
    yield from _deviating(app, chained, settings)
    yield from _prologues(app, project.code, handlers, settings)


def _chained(handlers: Iterable[tuple[Route, Handler]], code: Code, settings: Settings) -> Iterator[_Chained]:
    ignored = {*settings.names["provider_wrappers"], *settings.options["ignore_wrappers"]}
    for route, handler in handlers:
        spelled = [wrapper for wrapper in handler.chain if wrapper.path == route.path]
        chain = tuple(wrapper for wrapper in spelled if wrapper.name not in ignored and not wrapper.composed)
        if len(chain) >= settings.options["min_depth"]:
            yield _Chained(route, handler, chain, tuple(_symbol(code, wrapper) for wrapper in chain))


def _symbol(code: Code, wrapper: Wrapper) -> str:
    """Which wrapper it is, wherever it is imported from: file or package, and export."""
    return "#".join(code.origin(wrapper.path, wrapper.ref)) if wrapper.ref is not None else wrapper.name


def _repeated(app: App, chained: list[_Chained], settings: Settings) -> Iterator[Finding]:
    counts = Counter(item.symbols for item in chained)
    for item in chained:
        count = counts[item.symbols]
        if count >= settings.options["min_routes"]:
            chain = " > ".join(item.names)
            yield settings.finding(
                app,
                [item.site(f"`{chain}` is spelled out here")],
                key=f"{item.handler.name}:{chain}",
                args={"form": "chain", "chain": item.names, "depth": len(item.chain), "count": count},
                group=chain,
            )


def _deviating(app: App, chained: list[_Chained], settings: Settings) -> Iterator[Finding | Premise]:
    """Routes that spell the wrappers of nearly all others in another order, or leave some of them out."""
    if not chained:
        return
    usual, count = max(Counter(item.symbols for item in chained).items(), key=lambda row: (row[1], row[0]))
    if len(chained) < MIN_PEERS or count < settings.options["majority"] * len(chained):
        return
    names = next(item.names for item in chained if item.symbols == usual)
    premise = f"most handlers use {' > '.join(usual)}"
    yield Premise(premise)
    for item in chained:
        if item.symbols != usual and set(item.symbols) <= set(usual):
            form = "order" if set(item.symbols) == set(usual) else "membership"
            yield settings.finding(
                app,
                [item.site(f"`{' > '.join(item.names)}` is spelled out here")],
                key=f"{item.handler.name}:{form}:{' > '.join(item.names)}",
                level="warning",
                evidence="medium",
                args={
                    "form": form,
                    "chain": item.names,
                    "depth": len(item.chain),
                    "count": count,
                    "total": len(chained),
                    "usual": names,
                    "missing": tuple(n for n in names if n not in item.names),
                },
                premise=premise,
            )


# -- guard prologues --------------------------------------------------


def _prologues(app: App, code: Code, handlers: list[tuple[Route, Handler]], settings: Settings) -> Iterator[Finding]:
    found, guards = [], GuardNames(code.names["guards"])
    raw = code.files.raw

    def refuses(path: str) -> bool:
        return b"401" in (raw(path) or b"")

    for route, handler in handlers:
        facts = code.facts(route.path) if handler.file == route.path and refuses(route.path) else None
        function = facts.function(handler.function) if facts is not None else None
        prologue = function.prologue if function is not None else None
        if prologue is not None and prologue.rejects and (guard := _guard(guards, prologue)):
            found.append((route, handler, prologue, guard))
    counts = Counter((guard, prologue.digest) for _, _, prologue, guard in found)
    for route, handler, prologue, guard in found:
        count = counts[guard, prologue.digest]
        if count >= settings.options["min_routes"]:
            site = Site(route.path, prologue.line, 1, prologue.end_line, f"`{guard}()` is checked here")
            yield settings.finding(
                app,
                [site],
                key=f"{handler.name}:guard:{guard}",
                args={"form": "guard", "chain": (guard,), "depth": 1, "count": count},
                group=f"guard:{guard}:{prologue.digest}",
            )


def _guard(guards: GuardNames, prologue: Prologue) -> str:
    """The guard a prologue calls, as it is spelled; '' when it calls none. Equal text makes equal guards."""
    for ref in prologue.calls:
        spelled = ".".join([ref.name, *(step.lstrip(".") for step in ref.steps)])
        if ref.kind in ("import", "local") and guards.match(spelled):
            return spelled
    return ""
