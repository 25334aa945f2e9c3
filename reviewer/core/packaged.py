"""The scripts of each package of a tree, sorted once for everybody who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.manifest import parent
from reviewer.core.project import Project


class Packaged:
    """Scripts by the package that owns them, in the order of their paths."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def scripts(self, app: App) -> Sequence[str]:
        """The scripts below an application's root that its own package owns."""
        owned = self._by_package.get(app.package.dir, ())
        if app.root == app.package.dir:
            return owned
        return [path for path in owned if path.startswith(app.root + "/")]

    def servers(self, app: App) -> Sequence[str]:
        """Those of them that may run on a server: whatever holds no component, and every route."""
        routes = {route.path for route in app.routes}
        return [path for path in self.scripts(app) if not path.endswith("x") or path in routes]

    @cached_property
    def _by_package(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        owners: dict[str, str | None] = {}
        for path in sorted(self.project.scripts):
            directory = parent(path)
            if directory not in owners:
                package = self.project.code.package_of(path)
                owners[directory] = package.dir if package is not None else None
            if (owner := owners[directory]) is not None:
                found.setdefault(owner, []).append(path)
        return found
