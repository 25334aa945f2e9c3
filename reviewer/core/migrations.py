"""Signs that two session owners take turns: a comment that says so, or a branch that asks one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from reviewer.core.closure import Closure
from reviewer.core.code import Code
from reviewer.core.mentions import Mentions, mentions_of
from reviewer.core.sessions import SessionUse

_SAYS_SO = re.compile(
    rb"(?i)(?://|/\*|^\s*\*)[^\n]*\b(?:migrat|phase(?:d|s)? out|legacy (?:auth|session|login))", re.MULTILINE
)


def is_migration(code: Code, closure: Closure, one: Sequence[SessionUse], other: Sequence[SessionUse]) -> bool:
    """Whether code that uses both says that one replaces the other, or decides between them."""
    paths = sorted({use.path for use in (*one, *other)})
    if any(_SAYS_SO.search(code.files.raw(path) or b"") for path in paths):
        return True
    groups = [{use.path for use in uses} for uses in (one, other)]
    return any(_decides(code, closure, path, one, other) for path in closure.naming_all(*groups))


def _decides(code: Code, closure: Closure, path: str, one: Sequence[SessionUse], other: Sequence[SessionUse]) -> bool:
    """Whether a branch of a file has one of them on one side and the other on another."""
    names = [set(_names(code, closure, path, uses)) for uses in (one, other)]
    if not all(names) or names[0] & names[1]:
        return False
    both = names[0] | names[1]
    mentions = code.read(path, lambda source, language: mentions_of(source, language, both)) or Mentions()
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    for mention in mentions.places:
        side = sides[0] if mention.name in names[0] else sides[1]
        side.update(mention.turns)
    return any(place in sides[1] and sides[1][place] != side for place, side in sides[0].items())


def _names(code: Code, closure: Closure, path: str, uses: Sequence[SessionUse]) -> Iterator[str]:
    """The names a file has for what uses a session owner: imports of it, or of files that use it."""
    modules, paths = {use.module for use in uses}, {use.path for use in uses}
    facts = code.surface(path)
    for item in facts.imports if facts is not None else ():
        if item.module in modules or closure.script(path, item.module) in paths:
            yield from (local for _, local in item.names)
