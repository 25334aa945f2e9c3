"""Which scripts load which, found by text first and by parsing only where the text could mean it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from reviewer.core.code import MAX_HOPS, Code
from reviewer.core.facts import Import
from reviewer.core.specifiers import may_load_late


class ImportGraph:
    """The imports between the given scripts of one tree."""

    def __init__(self, code: Code, scripts: Sequence[str]) -> None:
        self.code = code
        self.scripts = scripts
        self._importers: dict[str, set[str]] = {}

    def imports(self, path: str) -> set[str]:
        """The files of the repository a script loads, types left out."""
        found = set()
        for item in self._loads(path):
            target = self.code.resolver.resolve(path, item.module) if not item.type_only else None
            if target is not None:
                found.add(target)
        return found

    def _loads(self, path: str) -> tuple[Import, ...]:
        if not may_load_late(self.code.files.raw(path) or b""):
            return self.code.files.imports(path)
        facts = self.code.facts(path)
        return facts.imports if facts is not None else ()

    def importers(self, target: str) -> set[str]:
        """The scripts that load a file."""
        if target not in self._importers:
            candidates = {*self._namers.get(target, ()), *self._namers[""]} - {target}
            self._importers[target] = {path for path in sorted(candidates) if target in self.imports(path)}
        return self._importers[target]

    def reachers(self, targets: Iterable[str], hops: int = MAX_HOPS) -> set[str]:
        """The targets and every script that loads one of them through at most *hops* imports."""
        seen = dict.fromkeys(sorted(targets), 0)
        queue = deque(seen)
        while queue:
            path = queue.popleft()
            if seen[path] < hops:
                for importer in sorted(self.importers(path)):
                    if importer not in seen:
                        seen[importer] = seen[path] + 1
                        queue.append(importer)
        return set(seen)

    @cached_property
    def _namers(self) -> Mapping[str, list[str]]:
        return self.code.specifiers.namers(self.scripts)
