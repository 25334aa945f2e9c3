"""Files Next loads by their name, where it looks for them, and the bundler that builds an application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reviewer.core.code import Code
from reviewer.core.commands import Process, next_arguments
from reviewer.core.facts import FileFacts
from reviewer.core.manifest import Package, join, parent
from reviewer.core.nextconfig import NextConfig
from reviewer.core.roles import DEFAULT_EXTENSIONS
from reviewer.core.snapshot import SCRIPT_SUFFIXES, is_script
from reviewer.core.versions import Version

BundlerName = Literal["webpack", "turbopack", "rspack", "unknown"]

STEMS = ("middleware", "proxy", "instrumentation")
LOOKALIKES = ("middlewares", "_middleware")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file whose name is, or is nearly, one that Next loads by convention: ``stem.extension``."""

    path: str
    stem: str
    extension: str

    @property
    def directory(self) -> str:
        return parent(self.path)


@dataclass(frozen=True, slots=True)
class Bundler:
    """What ``next build`` bundles with, and the script that says so; without one, Next's default for the version."""

    name: BundlerName
    path: str = ""
    line: int | None = None


class Conventions:
    """Next's conventions in one application: ``pages`` decides where files are looked for, else ``app``."""

    def __init__(
        self,
        code: Code,
        root: str,
        directories: frozenset[str],
        used: tuple[str, str],
        config: NextConfig,
        next_: Version,
    ) -> None:
        self.code = code
        self.root = root
        self.pages_dir, self.app_dir = used
        self.version = next_
        self._directories = directories
        self._config = config

    @property
    def directory(self) -> str:
        """The folder whose ``middleware``, ``proxy`` and ``instrumentation`` files Next loads."""
        return parent(self.pages_dir or self.app_dir)

    @cached_property
    def extensions(self) -> tuple[str, ...] | None:
        """The page extensions; None when they cannot be told."""
        configured = self._config.texts("pageExtensions")
        return configured if configured is None else configured or DEFAULT_EXTENSIONS

    @property
    def is_split(self) -> bool | None:
        """Whether the build stops because ``pages`` and ``app`` lie in different folders, as from Next 16.0.1 on."""
        if not self.pages_dir or not self.app_dir or parent(self.pages_dir) == parent(self.app_dir):
            return False
        older = self.version.lt("16.0.1")
        return None if older is None else not older

    @property
    def dead_directories(self) -> tuple[str, ...]:
        """Folders that look like Next's, but are shadowed by one nearer to the root."""
        shadowed = ((self.pages_dir, "pages"), (self.app_dir, "app"))
        paths = [(used, join(self.root, f"src/{name}")) for used, name in shadowed]
        return tuple(path for used, path in paths if used and used != path and path in self._directories)

    @cached_property
    def marker(self) -> str:
        """A file of the folder that decides where Next looks: the first script by name, else the first file."""
        prefix = f"{self.pages_dir or self.app_dir}/"
        inside = (path for path in self.code.files.listing if path.startswith(prefix))
        return min(inside, key=lambda path: (not is_script(path), path))

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every file below the root whose name is, or nearly is, one of the convention, in order of path."""
        prefix = f"{self.root}/" if self.root else ""
        suffixes = {suffix[1:] for suffix in SCRIPT_SUFFIXES} | set(self.extensions or ())
        found = [
            Candidate(path, stem, extension)
            for stem in (*STEMS, *LOOKALIKES)
            for extension in suffixes
            for path in self.code.files.paths(f"{stem}.{extension}")
            if path.startswith(prefix)
        ]
        return tuple(sorted(found, key=lambda candidate: candidate.path))

    def loads(self, stem: str) -> bool | None:
        """Whether this version of Next knows the convention at all."""
        if stem == "proxy":
            older = self.version.lt("16.0.0")
        elif stem == "instrumentation" and not self._is_experimental("instrumentationHook"):
            older = self.version.lt("15.0.0")
        else:
            older = self.version.lt("12.2.0")
        return None if older is None else not older

    def _is_experimental(self, flag: str) -> bool:
        return self._config.flag(f"experimental.{flag}") is True

    def effective(self, stem: str) -> Candidate | None:
        """The file Next takes for a convention, if its version knows it: the one with the first page extension."""
        extensions = self.extensions or DEFAULT_EXTENSIONS
        here = {c.extension: c for c in self.candidates if c.stem == stem and c.directory == self.directory}
        return next((here[extension] for extension in extensions if extension in here), None)

    def path(self, stem: str, extension: str) -> str:
        """Where a convention's file belongs, with the given extension if it is a page extension."""
        extensions = self.extensions or DEFAULT_EXTENSIONS
        return join(self.directory, f"{stem}.{extension if extension in extensions else extensions[0]}")


def bundler_of(code: Code, root: str, package: Package, version: Version) -> Bundler:
    """The bundler of ``next build``, by the flags of the scripts that run it; ``unknown`` where they differ."""
    builds = [(script, process) for script in package.scripts for process in _builds(code, root, package, script)]
    own = [build for build in builds if build[0] == "build"] or builds
    has_rspack = code.spec(package, "next-rspack") is not None
    names = {_chosen(process, version, has_rspack) for _, process in own}
    if not names:
        return Bundler(_chosen(Process("next", "next"), version, has_rspack))
    path, line = package.path, package.positions.get(("scripts", own[0][0]), (1, 1))[0]
    return Bundler(names.pop() if len(names) == 1 else "unknown", path, line)


def _builds(code: Code, root: str, package: Package, script: str) -> Iterator[Process]:
    processes = code.commands.resolve(package.scripts[script], package.dir)
    builds = [process for process in processes if process.kind == "next" and _is_build(process, root)]
    yield from builds
    if script == "build" and not builds:
        yield from (process for process in processes if process.kind == "unknown")


def _is_build(process: Process, root: str) -> bool:
    command, served, _ = next_arguments(process)
    return command == "build" and (served == root or "$" in served)


def _chosen(process: Process, version: Version, has_rspack: bool) -> BundlerName:
    flags = set(process.args)
    turbopack, webpack = bool(flags & {"--turbopack", "--turbo"}), "--webpack" in flags
    rspack = has_rspack or any(name.startswith("NEXT_RSPACK") for name in process.env)
    if process.kind == "unknown" or turbopack + webpack + rspack > 1 or any("$" in flag for flag in flags):
        return "unknown"
    if turbopack or webpack or rspack:
        return "turbopack" if turbopack else "webpack" if webpack else "rspack"
    older = version.lt("16.0.0")
    return "unknown" if older is None else "webpack" if older else "turbopack"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file looks like to Next: the names it exports, the modules it names, and the literal matchers it has.

    ``is_open`` says that it may export more than can be read.
    """

    names: frozenset[str]
    modules: frozenset[str]
    has_matcher: bool
    matchers: tuple[str, ...]
    is_open: bool


def shape_of(facts: FileFacts) -> Shape:
    """The shape of a middleware file, or of one that may be meant as one."""
    names = frozenset(export.name for export in facts.exports)
    config = facts.export("config")
    matcher = config.expr.prop("matcher") if config is not None and config.expr is not None else None
    items = matcher.items if matcher is not None and matcher.kind == "array" else (matcher,)
    sources = [item.prop("source") if item is not None and item.kind == "object" else item for item in items]
    matchers = tuple(source.name for source in sources if source is not None and source.kind == "string")
    modules = frozenset(item.module for item in facts.imports)
    is_open = "*" in names or bool(facts.unread)
    return Shape(names, modules, matcher is not None, matchers, is_open)
