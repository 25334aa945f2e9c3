"""A first lfrom reviewer.core.clientfiles import is_client_file
ook, by text, at which scripts could keep something in their module that they change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.clientfiles import is_client_file

_DECLARED = re.compile(rb"\n(?:export )?(let|var|const) (\w+)([^\n]*)")
_HOLDER = re.compile(rb"=\s*(?:\(?\s*(?:new\b|\[|\{|Object\.create)|$)")
_MUTATED = rb"(?:set|add|push|delete|clear|unshift|splice|pop|shift|consume)"
_STEPS = rb"(?:[?!]?\.\w+|!?\[[^\]\n]*\])*"
_ASSIGNED = rb"\+\+|--|[ \t]*(?:[-+]|\?\?|\|\|)?=(?![=>])"
_CHANGE = re.compile(_STEPS + rb"!?(?:\.(?:" + _MUTATED + rb")\(|" + _ASSIGNED + rb")")
_BEFORE = (b"const ", b"let ", b"var ")
_OTHERS = re.compile(rb"\.(?:push|unshift|splice|add)\(|\][ \t]*=(?![=>])")
_ROOT = re.compile(rb"(?<![\w$.])(\w+)(?:\.\w+|\[[^\]\n]*)?$")
_GLOBAL = re.compile(rb"\bglobal(?:This)?(?:[ \t]+as\b|\.|\[)")
_FIELD = re.compile(
    rb"\bthis\.#?\w+"
    + _STEPS
    + rb"(?:\.(?:"
    + _MUTATED
    + rb")\(|\+\+|\[[^\]\n]*\][ \t]*(?:\?\?|\|\|)?=(?![=>])|[ \t]*[-+]=)"
)
_LIMITS = re.compile(rb"[lL]imit|LIMIT|[tT]hrottle|\b[rR]ate|[aA]ttempts")
_SHARED = re.compile(rb"\n[ \t]+(?:const|let|var) (\w+)[^=\n]*=[ \t]*new (?:Map|Set|LRU\w*|\w*Cache)\b")
_EMPTY = re.compile(rb"\nexport const [a-z]\w*[^=\n]*=[ \t]*(?:new (?:Map|Set)(?:<[^\n]*>)?\(\)|\[\]|\{\})")
_LIMITER = re.compile(rb"['\"`](?:express-rate-limit|rate-limiter-flexible|express-slow-down)['\"`]")


def may_hold(raw: bytes, is_route: bool) -> bool:
    """Whether a script declares something in its module and changes something of that name, as far as text can tell.

    A route may change what it imports as well.
    """
    if is_client_file(raw):
        return False
    raw = b"\n" + raw
    if any(_is_changed(raw, name) for name in _declared(raw)):
        return True
    if b"global" in raw and _GLOBAL.search(raw) is not None:
        return True
    if _LIMITS.search(raw) is not None and any(_is_changed(raw, match[1]) for match in _SHARED.finditer(raw)):
        return True
    if b"class " in raw and _FIELD.search(raw) is not None:
        return True
    if is_route and any(_is_imported(raw, name) for name in _changed_names(raw)):
        return True
    return starts_empty(raw) or _LIMITER.search(raw) is not None


def starts_empty(raw: bytes) -> bool:
    """Whether a script exports an empty container, for others to fill."""
    return b"export const" in raw and _EMPTY.search(raw) is not None


def _declared(raw: bytes) -> Iterator[bytes]:
    for match in _DECLARED.finditer(raw):
        if match[1] != b"const" or b"=" not in match[3] or _HOLDER.search(match[3]) is not None:
            yield match[2]


def _is_changed(raw: bytes, name: bytes) -> bool:
    """Whether something else than its declaration changes a name, or hands it on as an argument."""
    at = raw.find(name)
    while at >= 0:
        end = at + len(name)
        is_word = not (raw[at - 1 : at].isalnum() or raw[at - 1 : at] in (b"_", b"$", b"."))
        if is_word and not raw.endswith(_BEFORE, 0, at) and _CHANGE.match(raw, end) is not None:
            return True
        at = raw.find(name, end)
    return False


def _changed_names(raw: bytes) -> set[bytes]:
    """The names of lists, sets and objects that a script adds to."""
    roots = (_ROOT.search(raw, max(0, match.start() - 80), match.start()) for match in _OTHERS.finditer(raw))
    return {root[1] for root in roots if root is not None}


def _is_imported(raw: bytes, name: bytes) -> bool:
    """Whether the text of a script imports a name."""
    return re.search(rb"\bimport\b[^;'\"]*\b" + re.escape(name) + rb"\b[^;'\"]*\bfrom\b", raw) is not None
