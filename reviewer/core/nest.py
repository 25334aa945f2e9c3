"""Nest applications that render with Next, and the parsers of bodies Nest brings along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.code import Code
from reviewer.core.facts import Call
from reviewer.core.finding import Site
from reviewer.core.registrations import is_next


def renders_with_next(code: Code, paths: Iterable[str]) -> Site | None:
    """Where Nest's render module is given an instance of Next, as ``nest-next`` wants it."""
    for path in paths:
        for call in _calls(code, path):
            if call.method.startswith("forRoot") and any(is_next(code.expand(path, arg.ref)) for arg in call.args):
                return Site(path, call.line, call.column, call.end_line, "Nest hands requests to Next here")
    return None


def default_parsers(code: Code, paths: Iterable[str]) -> Iterator[Site]:
    """Every ``NestFactory.create(...)`` that leaves Nest's default parsers on; none whose options cannot be read."""
    for path in paths:
        for call in _calls(code, path):
            ref = code.expand(path, call.callee)
            made = ref is not None and ref.module == "@nestjs/core" and ref.path() == (".NestFactory", ".create")
            if made and not _may_turn_off(code, path, call):
                yield Site(path, call.line, call.column, call.end_line, "Nest reads bodies by default")


def _may_turn_off(code: Code, path: str, call: Call) -> bool:
    """Whether the options, which come last, say something about the parsers, or may do so."""
    for arg in call.args[1:]:
        options = code.follow(path, arg)[1]
        if options.kind != "object":
            return True
        off = [value for name, value in options.props if name in ("bodyParser", "...")]
        if any((value.kind, value.name) != ("bool", "true") for value in off):
            return True
    return False


def _calls(code: Code, path: str) -> tuple[Call, ...]:
    facts = code.facts(path)
    return facts.calls if facts is not None else ()
