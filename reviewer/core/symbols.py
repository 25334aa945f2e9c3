"""Named exports of packages that mean something to rules, and the words that betray their use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reviewer.core.facts import Ref


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
    modules: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, texts: Iterable[str]) -> Symbols:
        symbols = [Symbol.parse(text) for text in texts]
        exact = frozenset((s.module, s.path) for s in symbols if "*" not in s.module)
        globs = tuple(s for s in symbols if "*" in s.module)
        return cls(exact, globs, tuple(dict.fromkeys(s.module for s in symbols)))

    def match(self, ref: Ref | None) -> bool:
        """Whether the reference is one of the symbols."""
        if ref is None or ref.kind != "import":
            return False
        path = ref.path()
        if (ref.module, path) in self.exact:
            return True
        return any(symbol.path == path and fnmatchcase(ref.module, symbol.module) for symbol in self.globs)

    def words(self) -> tuple[bytes, ...]:
        """Byte strings one of which every file importing one of the modules must hold."""
        words = []
        for module in self.modules:
            stem = max(module.split("*"), key=len)
            closed = not module.endswith("*") and module.endswith(stem)
            opened = module.startswith(stem)
            for quote in "'\"`":
                words.append(((quote if opened else "") + stem + (quote if closed else "")).encode())
        return tuple(dict.fromkeys(words))
