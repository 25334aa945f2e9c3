"""A repository as its applications and custom servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.files import FactsCache, Words
from reviewer.core.graph import ImportGraph
from reviewer.core.roles import is_ignored
from reviewer.core.roots import is_collection, next_roots, node_roots
from reviewer.core.servers import SERVER_WORDS, CustomServer, find_custom_servers
from reviewer.core.snapshot import Snapshot, is_script

SERVICE_FRAMEWORKS = (
    "express",
    "fastify",
    "koa",
    "@hapi/hapi",
    "hono",
    "@nestjs/core",
    "restify",
    "polka",
    "h3",
    "elysia",
)

T = TypeVar("T")


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
        started = [app for app in self.apps if app.kind == "next" or "start" in app.package.scripts]
        for app in self.apps:
            app.is_only = all(other is app for other in started)
        self.scripts = self._scripts()
        self.graph = ImportGraph(self.code, self.scripts)
        self.marked = self.files.containing(self.scripts, {**words, "custom-server": SERVER_WORDS})
        self._made: dict[Callable[[Project], Any], Any] = {}

    def once(self, make: Callable[[Project], T]) -> T:
        """What *make* makes of this project, made when somebody asks first."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    def forget(self) -> None:
        """Lets go of what was made once: it refers to the project, which would outlive its analysis by that."""
        self._made.clear()

    def _apps(self) -> Iterator[App]:
        marked, nodes = next_roots(self.code), node_roots(self.code)
        for directory, package in sorted(self.code.packages.items()):
            if is_ignored(f"{directory}/"):
                continue
            asked = self.code.asked(package, "next")
            is_user = asked is not None and asked.section != "peerDependencies"
            roots = marked.get(directory, {}) if is_user else {}
            for root, evidence in sorted(roots.items()):
                app = App(self.code, root, package)
                app.evidence = evidence
                if app.routes:
                    yield app
            runs = (n for n in SERVICE_FRAMEWORKS if package.dependencies.get(n, ("", ""))[1] == "dependencies")
            if any(runs):
                projects = [root for root in nodes.get(directory, ()) if root not in roots]
                for root in projects or ([] if roots else [directory]):
                    yield App(self.code, root, package, kind="service")

    @cached_property
    def is_collection(self) -> bool:
        """Whether the applications are chapters or examples, so that none says anything about another."""
        has_workspace = any(workspace.root == "" and workspace.members for workspace in self.code.workspaces)
        return is_collection((app.root for app in self.next_apps), has_workspace)

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
