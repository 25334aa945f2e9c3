"""What loads a few given files, several imports away, components left out."""

from __future__ import annotations

from collections.abc import Iterable

from reviewer.core.graph import ImportGraph
from reviewer.core.project import Project

MAX_HOPS = 3  # a package's file, its index, what starts it, and who calls that
MAX_ASKED = 30  # files at each step


class Loaders:
    """What loads files of one tree: its API routes, and scripts without JSX."""

    def __init__(self, project: Project) -> None:
        routes = {route.path for app in project.next_apps for route in app.api_routes}
        scripts = [path for path in project.scripts if not path.endswith("x") or path in routes]
        self._graph = ImportGraph(project.code, scripts)
        self._asked: set[str] = set()

    def reach(self, starts: Iterable[str]) -> dict[str, set[str]]:
        """For each file, itself and the scripts that load it within a few imports, as far as asking is cheap."""
        starts = sorted(starts)
        reached = {start: {start} for start in starts}
        frontier = dict(reached)
        for _ in range(MAX_HOPS):
            self._asked.update(sorted({path for paths in frontier.values() for path in paths})[:MAX_ASKED])
            for start, paths in frontier.items():
                found = {importer for path in paths & self._asked for importer in self._graph.importers(path)}
                frontier[start] = found - reached[start]
                reached[start] |= found
        return reached
