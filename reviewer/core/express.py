"""Which Express a file imports: its versions, and where a manifest asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.finding import Site
from reviewer.core.manifest import Package, ancestors
from reviewer.core.resolve import package_name
from reviewer.core.versions import UNKNOWN, Version

_PLATFORM = "@nestjs/platform-express"
_OTHER_PLATFORM = "@nestjs/platform-fastify"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency as its package has it: possible versions, and the place that asks for it."""

    name: str
    version: Version
    site: Site | None


def dependency(code: Code, package: Package, name: str) -> Dependency:
    """What a package has of a dependency; unknown versions and no place where nothing asks for it."""
    spec = code.spec(package, name)
    if spec is None:
        return Dependency(name, UNKNOWN, None)
    return Dependency(name, code.version(package, name), _asked(code, package, name))


def express_behind(code: Code, package: Package, module: str) -> Dependency:
    """The Express that a module is or runs on: Express itself, an alias of it, or the one under Nest's platform."""
    name = package_name(module)
    if name != "@nestjs/core":
        is_express = code.aliases.get(name, name) == "express"
        return dependency(code, package, name) if is_express else Dependency(name, UNKNOWN, None)
    found = dependency(code, package, _PLATFORM)
    if code.spec(package, _OTHER_PLATFORM) is not None:
        return Dependency(_PLATFORM, UNKNOWN, found.site)
    return Dependency(_PLATFORM, _under_platform(found.version), found.site)


def _under_platform(platform: Version) -> Version:
    """``@nestjs/platform-express`` 11 depends on Express 5, 10 and older ones on Express 4."""
    if platform.lt("11.0.0") is False:
        return Version((("5.0.0", "6.0.0"),))
    return Version((("4.0.0", "5.0.0"),)) if platform.lt("11.0.0") is True else UNKNOWN


def _asked(code: Code, package: Package, name: str) -> Site | None:
    """The line of the manifest that asks for a dependency: the package's own, else one above."""
    for directory in ancestors(package.dir):
        above = code.packages.get(directory)
        if above is not None and name in above.dependencies:
            spec, section = above.dependencies[name]
            line, column = above.positions.get((section, name), (1, 1))
            return Site(above.path, line, column, line, f"{name} {spec}")
    return None
