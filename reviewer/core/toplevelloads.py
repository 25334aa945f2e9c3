"""What routes and modules of Server Actions load at their top, and which of their handlers need it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.clientfiles import is_client_file
from reviewer.core.closure import Closure, Step
from reviewer.core.facts import Import
from reviewer.core.mentions import Mention
from reviewer.core.packagedemand import Demand, Demands
from reviewer.core.project import Project
from reviewer.core.roles import Role
from reviewer.core.runtime import runtime_of

MAX_HOPS = 2


@dataclass(frozen=True, slots=True)
class Need:
    """What one handler or Server Action needs of an import. ``function`` is its id in ``file``, -1 if unknown."""

    name: str
    demand: Demand
    file: str
    function: int


@dataclass(frozen=True)
class TopLevelLoad:
    """A package that ``entry`` loads before it can answer: ``item``, at the top of ``path``, behind ``chain``."""

    entry: str
    is_action: bool
    path: str
    item: Import
    chain: tuple[Step, ...]
    needs: tuple[Need, ...]
    demands: Demands

    @property
    def entry_import(self) -> Import:
        """The import of the entry that leads to the package."""
        facts = self.demands.code.surface(self.entry) if self.chain else None
        imports = facts.imports if facts is not None else ()
        return next((item for item in imports if item.line == self.chain[0].line), self.item)

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """Where the entry mentions what needs the package."""
        return self.demands.places(self.entry)


class TopLevelLoads:
    """The loads of the given packages (globs of whole imports) in one application; ``marked`` may name them."""

    def __init__(self, app: App, project: Project, packages: Collection[str], marked: Collection[str]) -> None:
        self.app = app
        self.project = project
        self.code = project.code
        self.packages = packages
        self.closure = Closure(project.code, self._is_wanted, MAX_HOPS, late=False)
        self.marked = marked
        self._demands: dict[str, Demands] = {}
        self._meant: dict[str, bool] = {}

    def all(self, roles: Collection[Role]) -> Iterator[TopLevelLoad]:
        """What the routes of these roles load, and the modules of Server Actions that something imports."""
        if not any(self.closure.is_wanted(path) for path in sorted(self.marked)):
            return
        for route in self.app.routes:
            if route.role in roles and route.path in self._leading and runtime_of(self.app, route) == "node":
                handlers = self.app.handlers(route)
                yield from self._loads(route.path, False, [(h.name, h.file, h.function) for h in handlers])
        for path in sorted(self.marked):
            if self.project.app_of(path) is self.app and path in self._leading and self._is_action_module(path):
                facts = self.code.surface(path)
                names = [export.name for export in facts.exports] if facts is not None else []
                yield from self._loads(path, True, [(name, path, -1) for name in dict.fromkeys(names)])

    def _is_wanted(self, path: str, modules: Collection[str]) -> bool:
        if not any(self._is_heavy(path, module) for module in modules):
            return False
        return not is_client_file(self.code.files.raw(path) or b"")

    def _is_heavy(self, path: str, module: str) -> bool:
        if module not in self._meant:
            self._meant[module] = any(fnmatchcase(module, glob) for glob in self.packages)
        return self._meant[module] and self.code.resolver.resolve(path, module) is None

    @cached_property
    def _leading(self) -> Collection[str]:
        """The files on some way from a route or a marked file to one that loads such a package."""
        return self.closure.relevant(*(route.path for route in self.app.routes), *sorted(self.marked))

    def _is_action_module(self, path: str) -> bool:
        facts = self.code.surface(path)
        has_directive = facts is not None and "use server" in facts.directives
        return has_directive and bool(self.project.graph.importers(path))

    def _loads(self, entry: str, is_action: bool, users: list[tuple[str, str, int]]) -> Iterator[TopLevelLoad]:
        """The packages an entry loads, each once, where it is nearest."""
        seen: set[str] = set()
        for path, visit in self.closure.visits(entry).items():
            for item in self._heavy(path):
                if users and item.module not in seen:
                    seen.add(item.module)
                    demands = self._demands_of(item.module)
                    needs = tuple(_need(demands, is_action, *user) for user in users)
                    yield TopLevelLoad(entry, is_action, path, item, visit.chain, needs, demands)

    def _heavy(self, path: str) -> Iterator[Import]:
        for item, target in self.closure.runs(path):
            if target is None and self._is_heavy(path, item.module):
                yield item

    def _demands_of(self, module: str) -> Demands:
        if module not in self._demands:
            wanted = (path for path in self.marked if self.closure.is_wanted(path))
            at = [path for path in wanted if any(item.module == module for item in self._heavy(path))]
            self._demands[module] = Demands(self.code, self.closure, module, at)
        return self._demands[module]


def _need(demands: Demands, is_action: bool, name: str, file: str, function: int) -> Need:
    known = demands.of_function(file, function) if function >= 0 else "unknown"
    return Need(name, demands.of_export(file, name) if is_action else known, file, function)


def naming(project: Project, globs: Collection[str]) -> set[str]:
    """The scripts whose text could name one of the packages."""
    words = tuple((max(glob.split("*"), key=len).encode(),) for glob in globs)
    return project.files.containing(project.scripts, {"named": words})["named"] if words else set()
