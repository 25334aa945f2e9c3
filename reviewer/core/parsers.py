"""Middleware that reads request bodies: which kinds of body each takes from what runs behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from reviewer.core.bodies import EVERY_MEDIA, Media
from reviewer.core.code import Code
from reviewer.core.facts import Expr, Ref
from reviewer.core.registrations import Registration
from reviewer.core.servers import CustomServer
from reviewer.core.symbols import Symbols

# A server with more ways to Next than these is generated: the first ones are looked at.
MAX_WAYS = 200
_BY_TYPE: dict[str, frozenset[Media]] = {
    "*/*": EVERY_MEDIA,
    "json": frozenset({"json"}),
    "application/json": frozenset({"json"}),
    "urlencoded": frozenset({"form"}),
    "application/x-www-form-urlencoded": frozenset({"form"}),
    "application/*": frozenset({"json", "form", "raw"}),
    "multipart/form-data": frozenset({"multipart"}),
    "multipart/*": frozenset({"multipart"}),
    "text/plain": frozenset({"text"}),
    "text/*": frozenset({"text"}),
    "application/octet-stream": frozenset({"raw"}),
}


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser of bodies: how the code spells it, and the kinds of body it reads."""

    name: str
    media: frozenset[Media]


Parsers = Mapping[Media, Symbols]


def parser_in(code: Code, registration: Registration, parsers: Parsers) -> Parser | None:
    """The parser among the targets of a registration; one whose content type cannot be told reads nothing."""
    for index, target in enumerate(registration.targets):
        ref = code.expand(registration.path, target.ref) if target.ref is not None else None
        uncalled = _uncalled(ref) if ref is not None else None
        media = frozenset[Media](kind for kind, symbols in parsers.items() if symbols.match(uncalled))
        if uncalled is None or not media:
            continue
        options = _options(code, registration, index, uncalled == ref)
        if uncalled.module == "@fastify/multipart" and (options is None or options.prop("attachFieldsToBody") is None):
            continue  # it leaves the stream alone until a handler asks
        type_ = options.prop("type") if options is not None else None
        name = f"{uncalled.module}{''.join(uncalled.path())}"
        return Parser(name, media if type_ is None else _typed(type_))
    return None


def parsers_ahead_of_next(
    server: CustomServer, parsers: Parsers
) -> Iterator[tuple[Registration, Parser, Registration]]:
    """Where parsers for every request are registered, each with the catch-all behind it that hands on to Next."""
    ways = list(islice(_ways_to_next(server), MAX_WAYS))
    for registration in server.registrations:
        parser = parser_in(server.code, registration, parsers)
        if parser is None or not _is_for_everything(registration):
            continue
        handed = _handed_on(ways, registration)
        if handed is not None:
            yield registration, parser, handed


def _is_for_everything(registration: Registration) -> bool:
    return (
        registration.method in ("use", "register")
        and registration.is_catch_all
        and not registration.is_router
        and not registration.conditional
    )


def _ways_to_next(server: CustomServer) -> Iterator[tuple[Registration, Registration]]:
    """The catch-alls that hand requests to Next, each with a step there: itself, or the mount of its router."""
    mounts: dict[str, list[Registration]] = {}
    for mount in server.registrations:
        for router in dict.fromkeys(mount.mounts) if mount.is_catch_all else ():
            mounts.setdefault(router, []).append(mount)
    for handed in server.registrations:
        if handed.dispatch == "handle" and handed.is_catch_all and "POST" in handed.methods:
            for step in (handed, *mounts.get(handed.app, ())[:MAX_WAYS]):
                yield handed, step


def _handed_on(ways: list[tuple[Registration, Registration]], parser: Registration) -> Registration | None:
    """The catch-all that hands to Next what the parser has read: on the same application, or on a mounted router."""
    for handed, step in ways:
        if step.app == parser.app and parser.runs_before(step):
            return handed
    return None


def _uncalled(ref: Ref) -> Ref:
    """What is called to make a value, without the calls: ``multer().any()`` is ``multer#any``."""
    return replace(ref, steps=tuple(step for step in ref.steps if step != "()"))


def _options(code: Code, registration: Registration, index: int, is_plugin: bool) -> Expr | None:
    """The options a parser is made with, or registered with as a plugin."""
    where, value = code.follow(registration.path, registration.targets[index])
    given = registration.targets[index + 1 :] if is_plugin else value.items
    return code.follow(where, given[0])[1] if given else None


def _typed(type_: Expr) -> frozenset[Media]:
    """The kinds of body behind the content types of an option; none where one of them is unknown."""
    items = type_.items if type_.kind == "array" else (type_,)
    known = [_BY_TYPE.get(item.name.lower(), frozenset()) for item in items if item.kind == "string"]
    return frozenset[Media]().union(*known) if len(known) == len(items) else frozenset()
