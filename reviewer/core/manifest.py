"""Package manifests and workspaces: which directory is a package, and what it depends on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from reviewer.core.files import Files
from reviewer.core.syntax import InvalidJson, TooComplex, parse_json
from reviewer.core.yamlsafe import InvalidYaml, load_yaml

YamlPath = tuple[str | int, ...]

SECTIONS = ("optionalDependencies", "peerDependencies", "devDependencies", "dependencies")
_STUB_KEYS = {"type", "main", "exports", "module", "types", "sideEffects"}


@dataclass(frozen=True)
class Package:
    """A directory with a package.json of its own. ``dir`` is '' for the repository root."""

    dir: str
    manifest: Mapping[str, Any]
    positions: Mapping[tuple[str | int, ...], tuple[int, int]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return join(self.dir, "package.json")

    @cached_property
    def name(self) -> str:
        name = self.manifest.get("name")
        return name if isinstance(name, str) else ""

    @cached_property
    def scripts(self) -> dict[str, str]:
        scripts = self.manifest.get("scripts")
        if not isinstance(scripts, dict):
            return {}
        return {name: command for name, command in scripts.items() if isinstance(command, str)}

    @cached_property
    def dependencies(self) -> dict[str, tuple[str, str]]:
        """Name to (spec, section); of several sections the one nearest to run time wins."""
        merged: dict[str, tuple[str, str]] = {}
        for section in SECTIONS:
            entries = self.manifest.get(section)
            for name, spec in entries.items() if isinstance(entries, dict) else ():
                if isinstance(spec, str):
                    merged[name] = (spec, section)
        return merged

    @cached_property
    def overrides(self) -> dict[str, str]:
        """Specs by name that stand in for every other one, as npm, pnpm and yarn spell them."""
        pnpm = self.manifest.get("pnpm")
        holders = (self.manifest.get("resolutions"), self.manifest.get("overrides"), _member(pnpm, "overrides"))
        return {name: spec for holder in holders for name, spec in _overrides(holder)}

    @cached_property
    def is_library(self) -> bool:
        published = any(key in self.manifest for key in ("main", "exports", "publishConfig"))
        return published and self.manifest.get("private") is not True


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a dependency is asked for: the package that says so, the section of its manifest, and the spec."""

    package: Package
    name: str
    spec: str
    section: str

    @property
    def line(self) -> int:
        return self.package.positions.get((self.section, self.name), (1, 1))[0]


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _overrides(holder: object) -> Iterator[tuple[str, str]]:
    for key, spec in holder.items() if isinstance(holder, dict) else ():
        spec = _member(spec, ".") if isinstance(spec, dict) else spec
        if isinstance(spec, str) and isinstance(key, str):
            yield key.removeprefix("**/"), spec


def package_name(module: str) -> str:
    """The package an import specifier names: ``@scope/name`` of ``@scope/name/inner``."""
    return "/".join(module.split("/")[: 2 if module.startswith("@") else 1])


def join(directory: str, name: str) -> str:
    """``directory/name`` in normal form, '' being the root; a path that climbs out keeps its leading ``..``."""
    parts: list[str] = []
    for part in f"{directory}/{name}".split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def parent(path: str) -> str:
    """The directory of a path; the root is its own parent."""
    return path.rpartition("/")[0]


def ancestors(directory: str) -> Iterator[str]:
    """The directory and every directory above it, the root last."""
    while directory:
        yield directory
        directory = parent(directory)
    yield ""


def load_packages(files: Files) -> dict[str, Package]:
    """Every package root by directory. Manifests that cannot be read are noted as problems and own nothing."""
    packages: dict[str, Package] = {}
    paths = [path for path in files.paths("package.json") if "node_modules" not in path.split("/")]
    files.prefetch(paths)
    for path in paths:
        package = _package(files, path)
        if package is not None:
            packages[package.dir] = package
    return packages


def _package(files: Files, path: str) -> Package | None:
    source = files.source(path)
    if source is None:
        return None
    try:
        document = parse_json(source)
    except InvalidJson as error:
        files.skip(path, f"it is not valid JSON on line {error.line}: {error}")
        return None
    except TooComplex as error:
        files.fail(path, str(error))
        return None
    value = document.value
    if not isinstance(value, dict):
        files.skip(path, "it is not a JSON object")
        return None
    if value and value.keys() <= _STUB_KEYS and path != "package.json":
        return None
    return Package(parent(path), value, document.positions)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The member packages of a workspace root, and the version catalogs and overrides it declares."""

    root: str
    members: frozenset[str]
    catalogs: Mapping[str, Mapping[str, str]]
    overrides: Mapping[str, str] = field(default_factory=dict)


def load_workspaces(files: Files, packages: Mapping[str, Package]) -> tuple[Workspace, ...]:
    """Every workspace of the tree, the innermost first; one without members only declares catalogs or overrides."""
    found = [_rush(files, packages, path) for path in files.paths("rush.json")]
    for directory, package in packages.items():
        pnpm = _mapping(files, join(directory, "pnpm-workspace.yaml"))
        globs = _strings(pnpm.get("packages")) or _workspace_globs(package) or _lerna_globs(files, directory)
        members = frozenset(d for d in packages if globs and d != directory and _is_member(d, directory, globs))
        yarn = _mapping(files, join(directory, ".yarnrc.yml"))
        declared = package.manifest.get("workspaces")
        workspaces = declared if isinstance(declared, dict) else {}
        catalogs = _catalogs(yarn, package.manifest, workspaces, pnpm)
        overrides = dict(_overrides(pnpm.get("overrides")))
        if globs or catalogs or overrides:
            found.append(Workspace(directory, members, catalogs, overrides))
    return tuple(sorted(found, key=lambda workspace: -len(workspace.root)))


def _lerna_globs(files: Files, directory: str) -> list[str]:
    lerna = load_jsonc(files, join(directory, "lerna.json"))
    if not lerna or lerna.get("useWorkspaces") is True:
        return []
    return _strings(lerna.get("packages", ["packages/*"]))


def _rush(files: Files, packages: Mapping[str, Package], path: str) -> Workspace:
    """Rush names each project; its versions stand in the configuration it hands to pnpm."""
    projects, root = load_jsonc(files, path).get("projects"), parent(path)
    folders = [_member(project, "projectFolder") for project in projects] if isinstance(projects, list) else []
    members = {join(root, folder) for folder in folders if isinstance(folder, str)}
    config = load_jsonc(files, join(root, "common/config/rush/pnpm-config.json"))
    catalogs = _catalogs({"catalogs": config.get("globalCatalogs")})
    return Workspace(
        root, frozenset(members & packages.keys()), catalogs, dict(_overrides(config.get("globalOverrides")))
    )


# What is not closed runs to the end, and nothing is tried twice: hostile files take linear time.
_STRING = r'("(?:[^"\\\n]|\\.)*+"?)'
_COMMENT_OR_STRING = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(_STRING + r"|,(?=\s*+[}\]])")


def load_jsonc(files: Files, path: str) -> Mapping[str, Any]:
    """The object a JSON file with comments and trailing commas holds; empty where there is none, or no such file."""
    source = files.source(path) if path in files.listing else None
    if source is None:
        return {}
    text = _COMMENT_OR_STRING.sub(lambda match: match.group(1) or " ", source.data.decode())
    text = _TRAILING_COMMA.sub(lambda match: match.group(1) or "", text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        files.skip(path, "it is not valid JSON")
        return {}
    return value if isinstance(value, dict) else {}


def _mapping(files: Files, path: str) -> Mapping[str, Any]:
    return load_yaml_file(files, path)[0]


def load_yaml_file(files: Files, path: str, *, quiet: bool = False) -> tuple[Mapping[str, Any], Mapping[YamlPath, int]]:
    """The mapping a YAML file holds, and its lines; empty where there is no such file, or no mapping in it.

    Unless *quiet*, a file that cannot be read is noted as a problem.
    """
    source = files.source(path) if path in files.listing else None
    if source is None:
        return {}, {}
    try:
        document = load_yaml(source.data.decode(), aliases=True)
    except InvalidYaml as error:
        if not quiet:
            files.skip(path, f"it is not valid YAML: {error}")
        return {}, {}
    return (document.value, document.lines) if isinstance(document.value, dict) else ({}, {})


def _workspace_globs(package: Package) -> list[str]:
    declared = package.manifest.get("workspaces")
    if isinstance(declared, dict):
        declared = declared.get("packages")
    return _strings(declared)


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _catalogs(*holders: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """Catalogs by name, the default one under ''. Later holders win."""
    catalogs: dict[str, Mapping[str, str]] = {}
    for holder in holders:
        named = holder.get("catalogs")
        declared = {"default": holder.get("catalog"), **(named if isinstance(named, dict) else {})}
        for name, entries in declared.items():
            if isinstance(entries, dict):
                specs = {key: spec for key, spec in entries.items() if isinstance(spec, str)}
                catalogs["" if name == "default" else name] = specs
    return catalogs


def _is_member(directory: str, root: str, globs: list[str]) -> bool:
    prefix = f"{root}/" if root else ""
    if not directory.startswith(prefix):
        return False
    relative, member = directory[len(prefix) :], False
    for glob in globs:
        if glob.startswith("!"):
            member = member and not matches(glob[1:], relative)
        else:
            member = member or matches(glob, relative)
    return member


def matches(glob: str, path: str) -> bool:
    """Whether a path matches a glob of ``*``, ``**``, ``?`` and ``{a,b}``, in time that no glob can make explode."""
    if glob not in _ALTERNATIVES:
        _ALTERNATIVES[glob] = [plain.split("/") for plain in _expanded(glob.removeprefix("./").rstrip("/"))]
    return any(_wild(plain, path.split("/"), "**", _is_segment) for plain in _ALTERNATIVES[glob])


MAX_ALTERNATIVES = 100
_ALTERNATIVES: dict[str, list[list[str]]] = {}
_INNERMOST_BRACES = re.compile(r"\{([^{}]*)\}")


def _expanded(glob: str) -> list[str]:
    """The globs without braces that a glob stands for; none when they are too many."""
    done: list[str] = []
    left = [glob]
    while left and len(done) + len(left) <= MAX_ALTERNATIVES:
        plain = left.pop()
        braces = _INNERMOST_BRACES.search(plain)
        if braces is None:
            done.append(plain)
        else:
            left += [plain[: braces.start()] + part + plain[braces.end() :] for part in braces.group(1).split(",")]
    return [] if left else done


def _wild(pattern: Sequence[str], text: Sequence[str], star: str, same: Callable[[str, str], bool]) -> bool:
    """Whether a pattern matches; *star* in it stands for any run. Only the last star is ever tried again."""
    at = position = resume = 0
    last = -1
    while position < len(text):
        if at < len(pattern) and pattern[at] == star:
            last, resume, at = at, position, at + 1
        elif at < len(pattern) and same(pattern[at], text[position]):
            at, position = at + 1, position + 1
        elif last >= 0:
            at, resume = last + 1, resume + 1
            position = resume
        else:
            return False
    return all(part == star for part in pattern[at:])


def _is_segment(glob: str, name: str) -> bool:
    return _wild(glob, name, "*", lambda wanted, char: wanted in ("?", char))
