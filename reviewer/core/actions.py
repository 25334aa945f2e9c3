"""Server Actions: functions of an application that a browser can call by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.guards import Body

_NAMED = re.compile(rb"(?:async\s+)?function\s*\*?\s*(\w+)")
_DIRECTIVE = re.compile(rb"""\{\s*['"]use server['"]""")


@dataclass(frozen=True, slots=True)
class Action:
    """An exported Server Action, by its function's id."""

    name: str
    path: str
    function: int
    line: int
    end_line: int

    @property
    def body(self) -> Body:
        return Body(self.path, self.function)


def actions_in(code: Code, path: str) -> Iterator[Action]:
    """The Server Actions a file exports: all its functions, or those that begin with the directive."""
    raw = code.files.raw(path) or b""
    facts = code.surface(path) if b"use server" in raw else None
    if facts is None:
        return
    is_whole = "use server" in facts.directives
    for export in facts.exports:
        where, value = code.follow(path, export.expr) if export.expr is not None else ("", None)
        if value is None or value.kind != "function" or where != path:
            continue
        function = facts.function(value.function)
        if function is not None and (is_whole or _begins(raw, function.id)):
            named = _NAMED.match(raw, function.id) if export.name == "default" else None
            name = named[1].decode() if named is not None else export.name
            yield Action(name, path, function.id, min(export.line, function.line), function.end_line)


def _begins(raw: bytes, start: int) -> bool:
    """Whether the body of the function at an offset begins with the directive."""
    found = _DIRECTIVE.search(raw, start)
    body = re.compile(rb"\)[^()]{0,200}?\{|=>\s*\{").search(raw, start)
    return found is not None and body is not None and body.end() - 1 == found.start()
