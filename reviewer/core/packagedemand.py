"""Whether running a function needs what an import at the top of a file brings: always, sometimes, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from reviewer.core.closure import Closure
from reviewer.core.code import Code
from reviewer.core.facts import Export, FileFacts
from reviewer.core.mentions import Mention, Mentions, Turn, mentions_of

Demand = Literal["none", "some", "unknown", "all"]

_ORDER: tuple[Demand, ...] = ("none", "some", "unknown", "all")
_MAX_ROUNDS = 5


class Demands:
    """How functions need what a package brings: ``module``, which the files ``at`` import at their top."""

    def __init__(self, code: Code, closure: Closure, module: str, at: Collection[str]) -> None:
        self.code = code
        self.closure = closure
        self.module = module
        self.at = frozenset(at)
        self._needs: dict[str, Mapping[str, Demand]] = {}
        self._mentions: dict[str, Mentions] = {}

    def of_function(self, path: str, function: int) -> Demand:
        """What a function of a file needs, by its id."""
        found = ((mention, mention.turns_in(function)) for mention in self.places(path))
        return self._together(path, [(m, turns) for m, turns in found if turns is not None])

    def _together(self, path: str, rows: Sequence[tuple[Mention, Sequence[Turn]]]) -> Demand:
        """What a function with these mentions needs: where all sides of a branch mention it, none does without."""
        needs = self.needs(path)
        kept = [(needs.get(mention.name, "none"), turns) for mention, turns in rows]
        kept = [(demand, turns) for demand, turns in kept if demand != "none"]
        sides: dict[int, set[int]] = {}
        for _, turns in kept:
            for place, side in turns:
                sides.setdefault(place, set()).add(side)
        return _most(_within(demand, any(len(sides[place]) == 1 for place, _ in turns)) for demand, turns in kept)

    def of_export(self, path: str, name: str) -> Demand:
        """What using an export of a file needs."""
        facts = self._facts(path)
        export = facts.export(name)
        if export is None:
            stars = [star for star in facts.exports if star.name == "*"]
            return _most(self._passed_on(path, star.module, name) for star in stars) if stars else "unknown"
        if export.module:
            return self._passed_on(path, export.module, export.imported)
        return self._of_value(path, export)

    def _of_value(self, path: str, export: Export) -> Demand:
        expr, needs = export.expr, self.needs(path)
        if expr is not None and expr.kind == "function" and expr.function >= 0:
            return self.of_function(path, expr.function)
        if expr is not None and expr.kind == "ref":
            return needs.get(expr.name, "none")
        if export.name in needs or export.name != "default":
            return needs.get(export.name, "none")
        inner = [part.function for part in expr.walk() if part.kind == "function"] if expr is not None else []
        return _most(self.of_function(path, function) for function in inner) if inner else "unknown"

    def _passed_on(self, path: str, module: str, name: str) -> Demand:
        target = self.closure.script(path, module)
        if target is None or not self._leads(target):
            return "none"
        return "unknown" if name == "*" else self.of_export(target, name)

    # -- what names of a file need ------------------------------------------------------------------------------------

    def places(self, path: str) -> tuple[Mention, ...]:
        """Where a file mentions names that need it."""
        self.needs(path)
        return self._mentions[path].places if path in self._mentions else ()

    def needs(self, path: str) -> Mapping[str, Demand]:
        """The names of a file's module level that need it: what is imported, and what is made or defined with that."""
        if path not in self._needs:
            self._needs[path] = {}
            imported = dict(self._imported(path))
            self._needs[path] = self._settled(path, imported) if imported else {}
        return self._needs[path]

    def _imported(self, path: str) -> Iterator[tuple[str, Demand]]:
        for item, target in self.closure.runs(path):
            if target is None and item.module == self.module:
                yield from ((local, "all") for _, local in item.names)
            elif target is not None and item.kind in ("static", "require") and self._leads(target):
                for name, local in item.names:
                    demand = "unknown" if name == "*" else self.of_export(target, name)
                    if demand != "none":
                        yield local, demand

    def _leads(self, path: str) -> bool:
        return not self.at.isdisjoint(self.closure.relevant(path))

    def _settled(self, path: str, imported: Mapping[str, Demand]) -> Mapping[str, Demand]:
        needs = dict(imported)
        for _ in range(_MAX_ROUNDS):
            mentions = self._read(path, needs)
            self._needs[path] = needs
            owned: dict[str, list[tuple[Mention, Sequence[Turn]]]] = {}
            for mention in mentions.places:
                owned.setdefault(mention.owner, []).append((mention, mention.turns))
            made = {owner: self._together(path, rows) for owner, rows in owned.items() if owner}
            new = {**needs, **made, **imported}
            if new == needs:
                break
            needs = new
        return needs

    def _read(self, path: str, names: Iterable[str]) -> Mentions:
        wanted = frozenset(names)
        found = self.code.read(path, lambda source, language: mentions_of(source, language, wanted)) or Mentions()
        self._mentions[path] = found
        return found

    def _facts(self, path: str) -> FileFacts:
        return self.closure.facts(path)

    def is_typed(self, path: str, name: str) -> bool:
        """Whether types of the file mention a name as well."""
        self.needs(path)
        return path in self._mentions and name in self._mentions[path].elsewhere


def _within(demand: Demand, optional: bool) -> Demand:
    return "some" if optional and demand == "all" else demand


def _most(demands: Iterable[Demand]) -> Demand:
    return max(demands, key=_ORDER.index, default="none")
