"""Scripts that are no routes or pages, in packages that a Next application of the repository can load."""

from __future__ import annotations

from collections.abc import Collection

from reviewer.core.app import App
from reviewer.core.manifest import Package, ancestors
from reviewer.core.project import Project


def helpers_among(project: Project, paths: Collection[str]) -> list[str]:
    """The helpers among some scripts: those of an application's package, of one above it or of a dependency."""
    apps = project.next_apps
    served = {route.path for app in apps for route in app.routes}
    loaded = {package.path for package in project.code.packages.values() if any(_loads(app, package) for app in apps)}
    found = []
    for path in sorted(set(paths) - served):
        package = project.code.package_of(path)
        if package is not None and package.path in loaded:
            found.append(path)
    return found


def _loads(app: App, package: Package) -> bool:
    return package.dir in ancestors(app.root) or (bool(package.name) and app.depends_on(package.name))
