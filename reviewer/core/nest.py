"""Nest applications that render with Next, their handlers, and the parsers of bodies Nest brings along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.facts import Call
from reviewer.core.finding import Site
from reviewer.core.registrations import is_next
from reviewer.core.roles import is_ignored
from reviewer.core.snapshot import is_script

_COMMON = ((b"@nestjs/common",),)
_HANDLER = re.compile(r"@(?:Get|Post|Put|Patch|Delete|All)\(")


@dataclass(frozen=True, slots=True)
class NestHandler:
    """A method of a controller, told by its decorator; ``is_page`` where Nest renders a view for it."""

    path: str
    line: int
    label: str
    is_page: bool


def handlers_beside(code: Code, path: str) -> Iterator[NestHandler]:
    """The handlers of controllers in the package of a script, by their text."""
    package = code.package_of(path)
    below = code.files.below(package.dir) if package is not None else []
    scripts = [p for p in below if is_script(p) and not is_ignored(p) and code.files.is_file(p)]
    owned = [p for p in scripts if code.package_of(p) is package]
    for controller in sorted(code.files.containing(owned, {"nest": _COMMON})["nest"]):
        source = code.files.source(controller)
        lines = [line.strip() for line in source.data.decode().split("\n")] if source is not None else []
        for index, line in enumerate(lines):
            if _HANDLER.match(line):
                beside = (*_decorators(lines[:index][::-1]), *_decorators(lines[index + 1 :]))
                is_page = any(other.startswith("@Render(") for other in beside)
                yield NestHandler(controller, index + 1, line[:40], is_page)


def _decorators(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("@"):
            return
        yield line


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
