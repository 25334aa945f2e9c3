"""What loading a file loads: its imports and theirs, by text first, read only on the ways to files of interest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.facts import FileFacts, Import
from reviewer.core.specifiers import may_load_late
from reviewer.core.syntax import language_of
from reviewer.core.usage import Usage, usage_of

Load = tuple[Import, str | None]
Wanted = Callable[[str, Collection[str]], bool]
Skipped = Callable[[str, Import], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """One import on the way from an entry to what it loads."""

    path: str
    line: int
    target: str


@dataclass(slots=True)
class Visit:
    """A file on the way: how it was reached, and the names wanted of it, None for all of them."""

    chain: tuple[Step, ...]
    wanted: frozenset[str] | None
    is_certain: bool


class Closure:
    """The imports of one tree that happen at run time, at most *depth* files away from an entry.

    ``is_wanted`` tells, from its path and the modules its text names, whether a file is of interest; files that lead to
    none are not read. ``is_skipped`` leaves loads out. Unless ``late``, so are those inside functions.
    """

    def __init__(
        self,
        code: Code,
        is_wanted: Wanted,
        depth: int,
        is_skipped: Skipped = lambda _path, _item: False,
        *,
        late: bool = True,
    ) -> None:
        self.code = code
        self.depth = depth
        self.late = late
        self._wants = is_wanted
        self._skips = is_skipped
        self._usages: dict[str, Usage] = {}
        self._wanted: dict[str, bool] = {}

    def facts(self, path: str) -> FileFacts:
        """What a file loads and gives; all of it where functions of the file matter, which may load something too."""
        raw = self.code.files.raw(path) or b""
        in_full = self.late and (self.is_wanted(path) or may_load_late(raw))
        return (self.code.facts(path) if in_full else self.code.surface(path)) or FileFacts()

    def usage(self, path: str) -> Usage:
        """How a file uses names."""
        if path not in self._usages:
            self._usages[path] = self.code.read(path, usage_of) or Usage()
        return self._usages[path]

    # -- a first look, by text ----------------------------------------------------------------------------------------

    def relevant(self, *entries: str) -> set[str]:
        """The files on some way from an entry to a file of interest, that file included."""
        importers: dict[str, set[str]] = {entry: set() for entry in entries}
        layer = list(importers)
        for _ in range(self.depth):
            below: dict[str, None] = {}
            for path in layer:
                for target in self.code.specifiers.scripts(path):
                    if target in importers:
                        importers[target].add(path)
                    else:
                        importers[target], below[target] = {path}, None
            layer = list(below)
        relevant = {path for path in importers if self.is_wanted(path)}
        queue = deque(relevant)
        while queue:
            above = importers[queue.popleft()] - relevant
            relevant |= above
            queue.extend(above)
        return relevant

    def is_wanted(self, path: str) -> bool:
        """Whether a file is of interest itself."""
        if path not in self._wanted:
            self._wanted[path] = self._wants(path, self.code.specifiers.modules(path))
        return self._wanted[path]

    def naming_all(self, *groups: Collection[str]) -> list[str]:
        """Of the files looked at so far, those whose text imports a script of each group, or is one."""
        rows = ((path, {path, *self.code.specifiers.scripts(path)}) for path in self._wanted)
        return sorted(path for path, near in rows if all(not near.isdisjoint(group) for group in groups))

    def script(self, path: str, module: str) -> str | None:
        """The script of the repository an import means."""
        target = self.code.resolver.resolve(path, module)
        return target if target is not None and language_of(target) is not None else None

    # -- the way ------------------------------------------------------------------------------------------------------

    def visits(self, entry: str) -> dict[str, Visit]:
        """The files loaded on the ways from an entry to files of interest, nearest first; none without such a way."""
        relevant = self.relevant(entry)
        if entry not in relevant:
            return {}
        visits = {entry: Visit((), None, True)}
        queue = deque([entry])
        while queue:
            path = queue.popleft()
            visit = visits[path]
            for item, target, wanted in self._edges(path, visit) if len(visit.chain) < self.depth else ():
                if target not in relevant:
                    continue
                certain = visit.is_certain and self._gives(target, wanted)
                chain = (*visit.chain, Step(path, item.line, target))
                if _visit(visits, target, Visit(chain, wanted, certain)):
                    queue.append(target)
        return visits

    def _edges(self, path: str, visit: Visit) -> Iterator[tuple[Import, str, frozenset[str] | None]]:
        for item, target in self.runs(path):
            if target is None:
                continue
            if item.kind == "reexport":
                yield item, target, self._passed_on(path, item, visit.wanted)
            elif item.kind == "dynamic" or not item.names or any(name == "*" for name, _ in item.names):
                yield item, target, None
            else:
                names = frozenset(name for name, local in item.names if self._is_value(path, item, local))
                yield item, target, names

    def _passed_on(self, path: str, item: Import, wanted: frozenset[str] | None) -> frozenset[str] | None:
        names: set[str] = set()
        for export in self.facts(path).exports:
            if export.module == item.module:
                if export.name == "*" and wanted is not None:
                    names |= wanted
                elif wanted is None or export.name in wanted:
                    if export.imported == "*":
                        return None
                    names.add(export.imported)
        return frozenset(names)

    def _gives(self, path: str, wanted: frozenset[str] | None) -> bool:
        """Whether a file has one of the names wanted of it: bundlers may drop one that is only passed by."""
        return wanted is None or any(e.name == "*" or e.name in wanted for e in self.facts(path).exports)

    def runs(self, path: str) -> Iterator[Load]:
        """The imports of a file that happen: types, names used as types, and skipped ones left out."""
        for item in self.facts(path).imports:
            if self._happens(path, item) and not self._skips(path, item):
                yield item, self.script(path, item.module)

    def _happens(self, path: str, item: Import) -> bool:
        if item.type_only or (item.kind == "dynamic" and not self.late):
            return False
        plain = item.kind in ("require", "dynamic") or not item.names
        return plain or any(self._is_value(path, item, local) for _, local in item.names)

    def _is_value(self, path: str, item: Import, local: str) -> bool:
        """Whether an imported name is used as a value: TypeScript drops imports that are not."""
        is_typed = path.endswith((".ts", ".tsx", ".mts", ".cts")) and item.kind == "static"
        return not is_typed or local in self.usage(path).values


def _visit(visits: dict[str, Visit], path: str, new: Visit) -> bool:
    """Notes a way to a file; whether that is news, for the file or for what is wanted of it."""
    known = visits.get(path)
    if known is None:
        visits[path] = new
        return True
    wanted = None if known.wanted is None or new.wanted is None else known.wanted | new.wanted
    is_news = wanted != known.wanted or (new.is_certain and not known.is_certain)
    known.wanted, known.is_certain = wanted, known.is_certain or new.is_certain
    return is_news
