"""Which scripts run on an application's server: loaded by Next, by its custom server, or by a process beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.closure import Closure
from reviewer.core.entries import source_of
from reviewer.core.project import Project

MAX_DEPTH = 6
_CONVENTIONS = ("middleware", "proxy", "instrumentation")


class ServerLoads:
    """Which of some scripts of interest the server of an application loads, types and dead files left out."""

    def __init__(self, app: App, project: Project, wanted: Collection[str]) -> None:
        self.app = app
        self.project = project
        self.wanted = frozenset(wanted)
        self.closure = Closure(project.code, lambda path, _modules: path in self.wanted, MAX_DEPTH)

    @cached_property
    def loaded(self) -> frozenset[str]:
        """What the process that answers for the application loads."""
        return self._loaded_by(self._entries())

    @cached_property
    def beside(self) -> frozenset[str]:
        """What another process loads that a script of the application's package starts, and that listens."""
        return self._loaded_by(self._started()) - self.loaded

    def _loaded_by(self, entries: Iterable[str]) -> frozenset[str]:
        entries = list(dict.fromkeys(entries))
        leading = self.closure.relevant(*entries)
        possible = self.wanted & leading
        found: set[str] = set()
        for entry in entries:
            if found >= possible:
                break
            if entry in leading:
                found.update(path for path in self.closure.visits(entry) if path in self.wanted)
        return frozenset(found)

    def _entries(self) -> Iterator[str]:
        if self.app.kind == "service":
            yield from self._started()
            return
        for name in _CONVENTIONS:
            effective = self.app.conventions.effective(name)
            if effective is not None and self.app.conventions.loads(name) is not False:
                yield effective.path
        yield from (route.path for route in self.app.routes)
        for server in self.project.servers_of(self.app):
            yield from server.files

    def _started(self) -> Iterator[str]:
        """The files the scripts of the package start that open a port."""
        code, package = self.project.code, self.app.package
        for command in package.scripts.values():
            for process in code.commands.resolve(command, package.dir):
                source = source_of(code, process.file) if process.kind == "file" else None
                if source is not None and b".listen(" in (code.files.raw(source) or b""):
                    yield source
