"""What an application shows and serves: its pages, handlers and Server Actions, and how handlers are wrapped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.database import database_client
from reviewer.core.facts import FileFacts
from reviewer.core.handlers import Handler
from reviewer.core.matrix import Confidence, Fact, Reason
from reviewer.core.packaged import Packaged
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.syntax import captures, language_of, parse
from reviewer.core.text import first_line

BARE_PAGES, BARE_ELEMENTS = 2, 15
MAX_HEAD = 1024  # where the directive of a module stands
    if (database := database_of(surface)) is not None:
        yield Reason("B", 1, database)


def database_of(surface: Surface) -> Fact | None:
    """The file that makes or imports a database client. The application may be a service."""
    apis = sorted(route.path for route in surface.app.api_routes)
    return database_client(surface.code, surface.app.package, apis, surface.server_scripts)


def pipeline(surface: Surface, middlewares: Sequence[Fact]) -> Iterator[Reason]:
    """M: what every request passes. *middlewares* are those of a custom server the application is started by."""
    if len(middlewares) >= 3:
        first = middlewares[0]
        text = "{} middlewares registered in a custom server"
        yield Reason("M", 1, Fact(text, first.path, first.line, names=(len(middlewares),)))
    wrapped = [(route, handler) for route, handler in surface.handlers if handler.chain]
    if len(wrapped) >= 10:
        route, handler = wrapped[0]
        yield Reason("M", 1, Fact("{} wrapped handlers", route.path, handler.export.line, names=(len(wrapped),)))
    ignored = surface.code.names.get("provider_wrappers", ())
    chains: dict[tuple[str, ...], tuple[Route, Handler]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for route, handler in wrapped:
        spelled = [w for w in handler.chain if w.path == route.path and not w.composed and w.name not in ignored]
        if len(spelled) >= 2:
            chain = tuple(wrapper.name for wrapper in spelled)
            counts[chain] += 1
            chains.setdefault(chain, (route, handler))
    chain, most = max(counts.items(), key=lambda row: (row[1], row[0]), default=((), 0))
    if most >= 3:
        route, handler = chains[chain]
        text = "the chain {} is spelled out in {} handlers"
        yield Reason("M", 1, Fact(text, route.path, handler.export.line, names=(" > ".join(chain), most)))


def nouns(number: int, noun: str) -> str:
    """``{} pages``, where a fact's names hold the number."""
    return f"{{}} {noun}{'' if number == 1 else 's'}"
