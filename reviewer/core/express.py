"""Which Express a file imports: its versions, and where a manifest asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reviewer.core.code import Code
from reviewer.core.finding import Site
from reviewer.core.manifest import Package, package_name
from reviewer.core.versions import UNKNOWN, Version
from reviewer.core.versions import express_behind as behind_platform

_PLATFORM = "@nestjs/platform-express"
_OTHER_PLATFORM = "@nestjs/platform-fastify"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency as its package has it: possible versions, how it is asked for, and where."""

    name: str
    version: Version
    spec: str = ""
    site: Site | None = None

    @property
    def shown(self) -> str:
        """The name with the version, or with the range that is asked for."""
        return f"{self.name} {self.version.exact or self.spec}"


def dependency(code: Code, package: Package, name: str) -> Dependency:
    """What a package has of a dependency; unknown versions and no place where nothing asks for it."""
    asked = code.asked(package, name)
    if asked is None:
        return Dependency(name, UNKNOWN)
    site = Site(asked.package.path, asked.line, 1, asked.line, f"{name} {asked.spec}")
    return Dependency(name, code.version(package, name), asked.spec, site)


def express_behind(code: Code, package: Package, module: str) -> Dependency:
    """The Express that a module is or runs on: Express itself, an alias of it, or the one under Nest's platform."""
    name = package_name(module)
    if name != "@nestjs/core":
        is_express = code.aliases.get(name, name) == "express"
        return dependency(code, package, name) if is_express else Dependency(name, UNKNOWN)
    found = dependency(code, package, _PLATFORM)
    if code.asked(package, _OTHER_PLATFORM) is not None:
        return replace(found, version=UNKNOWN)
    return replace(found, version=behind_platform(found.version))


def express_aliases(code: Code) -> list[str]:
    """The names that manifests install Express under, besides its own."""
    return [alias for alias, name in code.aliases.items() if name == "express"]


def may_bring_5(code: Code, package: Package) -> bool:
    """Whether a package may import an Express that is not older than 5."""
    asked = [name for name in ("express", *express_aliases(code)) if code.asked(package, name) is not None]
    return any(dependency(code, package, name).version.lt("5.0.0") is not True for name in asked)
