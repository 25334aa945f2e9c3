"""Named exports of packages that mean something to rules, and the words that betray their use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reviewer.core.facts import Ref

SPEAKING_LENGTH = 6


class InvalidSymbol(ValueError):
    """A symbol that is not written ``module#export``."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """``module#export.member``; the module may hold ``*``, and ``default`` is the module itself."""

    module: str
    path: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Symbol:
        module, hash_, export = text.partition("#")
        if not module or not hash_ or not export:
            raise InvalidSymbol(f"{text!r} is not a symbol: write module#export, such as ws#WebSocketServer")
        steps = tuple(f".{name}" for name in export.split("."))
        return cls(module, steps[1:] if steps[0] == ".default" else steps)

    def __str__(self) -> str:
        return f"{self.module}#{''.join(self.path).lstrip('.') or 'default'}"


@dataclass(frozen=True, slots=True)
class Symbols:
    """A set of symbols, looked up by reference."""

    exact: frozenset[tuple[str, tuple[str, ...]]] = frozenset()
    globs: tuple[Symbol, ...] = ()
    symbols: tuple[Symbol, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str]) -> Symbols:
        symbols = [Symbol.parse(text) for text in texts]
        exact = frozenset((s.module, s.path) for s in symbols if "*" not in s.module)
        globs = tuple(s for s in symbols if "*" in s.module)
        return cls(exact, globs, tuple(symbols))

    def match(self, ref: Ref | None) -> bool:
        """Whether the reference is one of the symbols."""
        if ref is None or ref.kind != "import":
            return False
        path = ref.path()
        if (ref.module, path) in self.exact:
            return True
        return any(symbol.path == path and fnmatchcase(ref.module, symbol.module) for symbol in self.globs)

    def words(self) -> tuple[tuple[bytes, ...], ...]:
        """Sets of byte strings: every file using one of the symbols holds all words of one set."""
        found: dict[tuple[bytes, ...], None] = {}
        for symbol in self.symbols:
            members = tuple(step.lstrip(".").encode() for step in symbol.path)
            for module in _module_words(symbol.module):
                found[module.encode(), *members] = None
        return tuple(words for words in found if len(words) == 1 or words[:1] not in found)


def _module_words(module: str) -> tuple[str, ...]:
    """A long module name stands for itself; a short one is looked for in its quotes."""
    stem = max(module.split("*"), key=len)
    if len(stem) >= SPEAKING_LENGTH or stem != module:
        return (stem,)
    return tuple(f"{quote}{stem}{quote}" for quote in "'\"")
