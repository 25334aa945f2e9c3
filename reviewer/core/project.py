"""A repository as its applications and custom servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.commands import SERVING, next_arguments
from reviewer.core.files import FactsCache, Words
from reviewer.core.graph import ImportGraph
from reviewer.core.manifest import Package, join, parent
from reviewer.core.nextconfig import CONFIG_NAMES
from reviewer.core.roles import is_ignored
from reviewer.core.servers import SERVER_WORDS, CustomServer, find_custom_servers
from reviewer.core.snapshot import Snapshot, is_script

SERVICE_FRAMEWORKS = ("express", "fastify", "koa", "@hapi/hapi", "hono", "@nestjs/core", "restify", "polka")


class Project:
    """One tree, modelled. ``words`` are byte strings by rule that mark the scripts the rule could speak about."""

    def __init__(
        self,
        snapshot: Snapshot,
        names: Mapping[str, tuple[str, ...]],
        words: Mapping[str, Words],
        cache: FactsCache,
    ) -> None:
        self.code = Code(snapshot, names, cache)
        self.files = self.code.files
        self.apps = tuple(self._apps())
        self.next_apps = tuple(app for app in self.apps if app.kind == "next")
        for app in self.next_apps:
            app.is_only = len(self.next_apps) == 1
        self.scripts = self._scripts()
        self.graph = ImportGraph(self.code, self.scripts)
        self.marked = self.files.containing(self.scripts, {**words, "custom-server": SERVER_WORDS})

    def _apps(self) -> Iterator[App]:
        for directory, package in sorted(self.code.packages.items()):
            if is_ignored(f"{directory}/"):
                continue
            roots = self._next_roots(package) if self.code.spec(package, "next") is not None else set()
            for root in sorted(roots):
                app = App(self.code, root, package)
                if app.pages_dir or app.app_dir:
                    yield app
            runs = (n for n in SERVICE_FRAMEWORKS if package.dependencies.get(n, ("", ""))[1] == "dependencies")
            if not roots and any(runs):
                yield App(self.code, directory, package, kind="service")

    def _next_roots(self, package: Package) -> set[str]:
        """Directories of a package that Next is told to serve: by a config file, a script or a custom server."""
        roots = {parent(path) for name in CONFIG_NAMES for path in self.files.paths(name)}
        roots = {root for root in roots if self._owner(root) is package and not is_ignored(f"{root}/")}
        for command in package.scripts.values():
            for process in self.code.commands.resolve(command, package.dir):
                subcommand, served, _ = next_arguments(process) if process.kind == "next" else ("", "", ())
                if subcommand in SERVING and self._owner(served) is package:
                    roots.add(served)
        if package.dir not in roots and self._is_served(package):
            roots.add(package.dir)
        return roots

    def _owner(self, directory: str) -> Package | None:
        return self.code.package_of(join(directory, "x"))

    def _is_served(self, package: Package) -> bool:
        """Weaker signs of an application: Next's generated types file, or a top-level server that starts Next."""
        if self.files.is_file(join(package.dir, "next-env.d.ts")):
            return True
        for script in package.scripts.values():
            for process in self.code.commands.resolve(script, package.dir):
                target = process.file if process.kind == "file" else ""
                source = self.files.source(target) if target and self.files.is_file(target) else None
                if source is not None and b"getRequestHandler" in source.data:
                    return True
        return False

    def app_of(self, path: str) -> App | None:
        """The Next application a path lies in: the deepest one."""
        owners = [app for app in self.next_apps if not app.root or path.startswith(app.root + "/")]
        return max(owners, key=lambda app: len(app.root), default=None)

    def _scripts(self) -> list[str]:
        """Every script worth reading: routes, and whatever is not tests, build output or examples."""
        routes = {route.path for app in self.next_apps for route in app.routes}
        listing = self.files.listing
        return [
            path
            for path, entry in listing.items()
            if entry.kind == "file" and is_script(path) and (path in routes or not is_ignored(path))
        ]

    @cached_property
    def custom_servers(self) -> tuple[CustomServer, ...]:
        """Every file that starts Next itself."""
        return find_custom_servers(self.code, self.graph, self.marked["custom-server"])

    def servers_of(self, app: App) -> tuple[CustomServer, ...]:
        """The custom servers that start an application."""
        return tuple(server for server in self.custom_servers if server.serves == app.root)
