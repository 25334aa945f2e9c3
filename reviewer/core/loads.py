"""Which scripts load a few given files, several imports away: found by text, and parsed only to confirm it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reviewer.core.manifest import parent
from reviewer.core.project import Project

MAX_HOPS = 3  # a package's file, its index, what starts it, and who calls that
MAX_ASKED = 30
_SPECIFIER = re.compile(rb"""\b(?:from|import|require)\s*\(?\s*['"`]([^'"`\n]+)['"`]""")
_IN_FUNCTION = re.compile(rb"\b(?:import|require)\s*\(")
_FOLDERS = (b".", b"..", b"./", b"../")


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
        wanted = [target for target in targets if target not in self._importers]
        names = {target: tuple(self._names(target)) for target in wanted}
        words = {target: tuple((name,) for name in found) for target, found in names.items()}
        marked = self.project.files.containing(self._scripts, words) if words else {}
        for target in wanted:
            likely = (path for path in sorted(marked[target] - {target}) if self._names_it(path, target, names[target]))
            self._importers[target] = {path for path in likely if self._loads(path, target)}

    def _loads(self, path: str, target: str) -> bool:
        """Whether a script loads a file, types left out: at its module level, or in a function of it."""
        facts, resolver = self.project.code.surface(path), self.project.code.resolver
        imports = facts.imports if facts is not None else ()
        if any(resolver.resolve(path, item.module) == target for item in imports if not item.type_only):
            return True
        data = self.project.files.raw(path) or b""
        return _IN_FUNCTION.search(data) is not None and target in self.project.graph.imports(path)

    def _names_it(self, path: str, target: str, names: tuple[bytes, ...]) -> bool:
        """Whether the text of a script has an import that leads to a file."""
        found = {match[1] for match in _SPECIFIER.finditer(self.project.files.raw(path) or b"")}
        likely = (text for text in found if text in _FOLDERS or any(name in text for name in names))
        resolve = self.project.code.resolver.resolve
        return any(resolve(path, text.decode("utf-8", "replace")) == target for text in likely)

    def _names(self, target: str) -> Iterator[bytes]:
        """What an import of a file must contain: its stem, its folder's for an index, or its package's name."""
        stem, folder = target.rpartition("/")[2].partition(".")[0], parent(target)
        package = self.project.code.package_of(target)
        if package is not None and package.name:
            yield package.name.encode()
        yield stem.encode()
        if stem == "index":
            yield from (folder.rpartition("/")[2].encode() or b"index", b"'.", b'".')
