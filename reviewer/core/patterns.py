"""Regular expressions of JavaScript and path patterns, matched without backtracking: they come from strangers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

MAX_PATTERN = 2_000
MAX_TEXT = 500
MAX_REPEAT = 100

_PARAMETER = re.compile(r":(\w+)")
_REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}")
_GROUP = re.compile(r"\?(?::|=|!|<\w+>)")
_SEGMENT = r"[^/#?]+"
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdigit,
    "w": lambda char: char.isalnum() or char == "_",
    "s": str.isspace,
}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r"}


class Unreadable(ValueError):
    """A pattern this reading does not understand."""


@dataclass(frozen=True)
class _Node:
    """A part of an expression: ``kind`` says how its ``parts`` are to be met."""

    kind: str
    parts: tuple[_Node, ...] = ()
    test: Callable[[str], bool] | None = field(default=None, compare=False)
    least: int = 1
    most: int | None = 1


@dataclass(frozen=True)
class Pattern:
    """A compiled expression."""

    root: _Node
    ignores_case: bool = False

    def search(self, text: str) -> bool:
        """Whether the expression matches somewhere in a text."""
        if len(text) > MAX_TEXT:
            raise Unreadable("the text is too long")
        text = text.lower() if self.ignores_case else text
        return bool(_ends(self.root, text, frozenset(range(len(text) + 1))))


@lru_cache(maxsize=1024)
def compile_regex(source: str, flags: str = "") -> Pattern:
    """A regular expression as JavaScript writes it. Raises Unreadable."""
    ignores_case = "i" in flags
    parser = _Parser(source, ignores_case)
    root = parser.alternatives()
    if parser.at < len(source):
        raise Unreadable(f"unexpected {source[parser.at]!r}")
    return Pattern(root, ignores_case)


@lru_cache(maxsize=1024)
def compile_path(source: str, flags: str = "") -> Pattern:
    """A path as path-to-regexp 6 reads it: ``/a/:b*``, ``/((?!api).*)``. Raises Unreadable."""
    return compile_regex(f"^{_path_regex(source)}[/#?]?$", flags)


# -- matching ---------------------------------------------------------------------------------------------------------


def _ends(node: _Node, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Where a match that begins at one of the given places may end."""
    if node.kind == "char" and node.test is not None:
        return frozenset(at + 1 for at in starts if at < len(text) and node.test(text[at]))
    if node.kind == "sequence":
        for part in node.parts:
            starts = _ends(part, text, starts) if starts else starts
        return starts
    if node.kind == "either":
        return frozenset().union(*(_ends(part, text, starts) for part in node.parts))
    if node.kind == "repeat":
        return _repeated(node, text, starts)
    if node.kind in ("ahead", "not ahead"):
        wanted = node.kind == "ahead"
        return frozenset(at for at in starts if bool(_ends(node.parts[0], text, frozenset({at}))) is wanted)
    edge = 0 if node.kind == "start" else len(text)
    return starts & {edge}


def _repeated(node: _Node, text: str, starts: frozenset[int]) -> frozenset[int]:
    for _ in range(node.least):
        starts = _ends(node.parts[0], text, starts)
    reached = starts
    for _ in range(node.most - node.least if node.most is not None else len(text) + 1):
        starts = _ends(node.parts[0], text, starts) - reached
        if not starts:
            break
        reached |= starts
    return reached


# -- reading ----------------------------------------------------------------------------------------------------------


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, source: str, ignores_case: bool) -> None:
        if len(source) > MAX_PATTERN:
            raise Unreadable("the pattern is too long")
        self.source = source
        self.ignores_case = ignores_case
        self.at = 0
        self.depth = 0

    def _next(self) -> str:
        return self.source[self.at] if self.at < len(self.source) else ""

    def _take(self) -> str:
        char = self._next()
        if not char:
            raise Unreadable("it ends too early")
        self.at += 1
        return char

    def alternatives(self) -> _Node:
        self.depth += 1
        if self.depth > 50:
            raise Unreadable("it is nested too deeply")
        options = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            options.append(self._sequence())
        self.depth -= 1
        return options[0] if len(options) == 1 else _Node("either", tuple(options))

    def _sequence(self) -> _Node:
        parts = []
        while self._next() not in ("", "|", ")"):
            parts.append(self._quantified(self._atom()))
        return _Node("sequence", tuple(parts))

    def _quantified(self, atom: _Node) -> _Node:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        char = self._next()
        if char in simple:
            least, most = simple[char]
            self.at += 1
        elif (match := _REPEAT.match(self.source, self.at)) is not None:
            least = int(match[1])
            most = least if match[2] is None else int(match[3]) if match[3] else None
            self.at = match.end()
        else:
            return atom
        if max(least, most or 0) > MAX_REPEAT:
            raise Unreadable("it repeats too often")
        self.at += self._next() == "?"
        return _Node("repeat", (atom,), least=least, most=most)

    def _atom(self) -> _Node:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char in "^$":
            return _Node("start" if char == "^" else "end")
        if char == ".":
            return _Node("char", test=lambda char: char != "\n")
        if char in "*+?":
            raise Unreadable(f"nothing to repeat before {char}")
        return self._char(self._escape() if char == "\\" else char)

    def _group(self) -> _Node:
        kind = "group"
        if self._next() == "?":
            match = _GROUP.match(self.source, self.at)
            if match is None:
                raise Unreadable("a kind of group that is not read")
            kind = {"?=": "ahead", "?!": "not ahead"}.get(match[0], "group")
            self.at = match.end()
        inner = self.alternatives()
        if self._take() != ")":
            raise Unreadable("a group is not closed")
        return inner if kind == "group" else _Node(kind, (inner,))

    def _char(self, wanted: str | Callable[[str], bool]) -> _Node:
        if not isinstance(wanted, str):
            return _Node("char", test=wanted)
        only = wanted.lower() if self.ignores_case else wanted
        return _Node("char", test=lambda char: char == only)

    def _escape(self) -> str | Callable[[str], bool]:
        char = self._take()
        if char.lower() in _CLASSES:
            test = _CLASSES[char.lower()]
            return test if char.islower() else lambda char: not test(char)
        if char.isalnum() and char not in _CONTROLS:
            raise Unreadable(f"the escape \\{char} is not read")
        return _CONTROLS.get(char, char)

    def _class(self) -> _Node:
        negative = self._next() == "^"
        self.at += negative
        tests: list[Callable[[str], bool]] = []
        while self._next() != "]":
            low = self._member()
            if isinstance(low, str) and self._next() == "-" and self.source[self.at + 1 : self.at + 2] != "]":
                self.at += 1
                high = self._member()
                if not isinstance(high, str):
                    raise Unreadable("a range of classes")
                tests.append(_between(low, high, self.ignores_case))
            else:
                tests.append(low if not isinstance(low, str) else _between(low, low, self.ignores_case))
        self.at += 1
        return _Node("char", test=lambda char: any(test(char) for test in tests) is not negative)

    def _member(self) -> str | Callable[[str], bool]:
        char = self._take()
        return self._escape() if char == "\\" else char


def _between(low: str, high: str, ignores_case: bool) -> Callable[[str], bool]:
    if ignores_case:
        return lambda char: low <= char <= high or low <= char.upper() <= high
    return lambda char: low <= char <= high


# -- paths ------------------------------------------------------------------------------------------------------------


def _path_regex(source: str) -> str:
    """The regular expression of a path: parameters take the slash before them along."""
    out: list[str] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char == "\\":
            out.append(source[at : at + 2])
            at += 2
        elif char == "{":
            text, at = _braced(source, at)
            out.append(text)
        elif char == "(" or _PARAMETER.match(source, at):
            inner, at = _parameter(source, at)
            prefix = out.pop() if out and out[-1] in ("/", "\\.") else ""
            text, at = _modified(source, at, prefix, inner, "")
            out.append(text)
        else:
            out.append(char if char == "/" else re.escape(char))
            at += 1
    return "".join(out)


def _parameter(source: str, at: int) -> tuple[str, int]:
    """The expression of ``:name``, ``:name(x)`` or ``(x)``, and where it ends."""
    match = _PARAMETER.match(source, at)
    at = match.end() if match is not None else at
    if source[at : at + 1] != "(":
        return _SEGMENT, at
    end, depth = at, 0
    while end < len(source):
        depth += {"(": 1, ")": -1}.get(source[end], 0)
        end += 2 if source[end] == "\\" else 1
        if not depth:
            return source[at + 1 : end - 1], end
    raise Unreadable("a parenthesis is not closed")


def _braced(source: str, at: int) -> tuple[str, int]:
    """``{prefix:name(x)suffix}?``"""
    end = source.find("}", at)
    if end < 0:
        raise Unreadable("a brace is not closed")
    body = source[at + 1 : end]
    start = next((i for i, char in enumerate(body) if char in ":("), len(body))
    inner, stop = _parameter(body, start) if start < len(body) else ("", start)
    return _modified(source, end + 1, re.escape(body[:start]), inner, re.escape(body[stop:]))


def _modified(source: str, at: int, prefix: str, inner: str, suffix: str) -> tuple[str, int]:
    modifier = source[at] if source[at : at + 1] in ("*", "+", "?") and at < len(source) else ""
    at += len(modifier)
    if modifier not in ("*", "+"):
        return f"(?:{prefix}(?:{inner}){suffix}){modifier}", at
    more = f"(?:{suffix}{prefix}(?:{inner}))*"
    return f"(?:{prefix}(?:{inner}){more}{suffix}){'?' if modifier == '*' else ''}", at
