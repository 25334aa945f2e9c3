"""Which scripts load a few given files, several imports away: found by text, and parsed only to confirm it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from reviewer.core.project import Project

MAX_HOPS = 3  # a package's file, its index, what starts it, and who calls that
MAX_ASKED = 30
_IN_FUNCTION = re.compile(rb"\b(?:import|require)\s*\(")


class Loads:
    """What loads files of one tree, components left out: one pass over its scripts for each step away from them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._importers: dict[str, set[str]] = {}
        routes = {route.path for app in project.next_apps for route in app.api_routes}
        self._scripts = [path for path in project.scripts if not path.endswith("x") or path in routes]

    def reach(self, starts: Iterable[str]) -> dict[str, set[str]]:
        """For each file, itself and the scripts that load it within a few imports, as far as asking is cheap."""
        starts = sorted(starts)
        reached = {start: {start} for start in starts}
        frontier = dict(reached)
        for _ in range(MAX_HOPS):
            self._ask(sorted({path for paths in frontier.values() for path in paths})[:MAX_ASKED])
            for start, paths in frontier.items():
                found = {importer for path in paths for importer in self._importers.get(path, ())}
                frontier[start] = found - reached[start]
                reached[start] |= found
        return reached

    def _ask(self, targets: list[str]) -> None:
        for target in targets:
            if target not in self._importers:
                likely = sorted({*self._namers.get(target, ()), *self._namers[""]} - {target})
                self._importers[target] = {path for path in likely if self._loads(path, target)}

    @cached_property
    def _namers(self) -> Mapping[str, list[str]]:
        return self.project.code.specifiers.namers(self._scripts)

    def _loads(self, path: str, target: str) -> bool:
        """Whether a script loads a file, types left out: at its module level, or in a function of it."""
        imports, resolver = self.project.files.imports(path), self.project.code.resolver
        if any(resolver.resolve(path, item.module) == target for item in imports if not item.type_only):
            return True
        data = self.project.files.raw(path) or b""
        return _IN_FUNCTION.search(data) is not None and target in self.project.graph.imports(path)
