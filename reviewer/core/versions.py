"""Which versions of a dependency an installation may have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import nodesemver

from reviewer.core.files import Files
from reviewer.core.manifest import Package, Workspace, ancestors, join

_EXACT = re.compile(r"^[=v]*[0-9]{1,15}\.[0-9]{1,15}\.[0-9]{1,15}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$")
_RANGE = re.compile(r"^[\d^~<>=v\s.xX*|-]+[\w.\s<>=|^~*-]*$", re.ASCII)
_MAX_LENGTH = 256
_PNPM_SECTION = re.compile(
    r"^( *)(?:dependencies|devDependencies|optionalDependencies):\n((?:\1 +.*\n|\n)*)", re.MULTILINE
)
_PNPM_VERSION = re.compile(r"(?:/?(?:@[^/@]+/)?[^/@]+[/@])??(\d+\.\d+\.\d+[^(_]*)", re.ASCII)
_LAST = "999999.0.0"
_LOCKFILES = ("pnpm-lock.yaml", "yarn.lock", "bun.lock", "package-lock.json", "npm-shrinkwrap.json")


@dataclass(frozen=True, slots=True)
class Version:
    """Half-open intervals of possible versions; none at all means unknown. ``exact`` is set for one version.

    A prerelease stands before its release, yet may hold what the release brings: ``lt`` of that release is unknown.
    """

    intervals: tuple[tuple[str, str], ...] = ()
    exact: str = ""

    def lt(self, version: str) -> bool | None:
        """Whether the version is below *version*: None when some possible versions are and some are not."""
        if self.exact:
            is_prerelease_of = re.split(r"[-+]", self.exact)[0] == version and "-" in self.exact
            return None if is_prerelease_of else _compare(self.exact, version) < 0
        below = [_compare(high, version) <= 0 for _, high in self.intervals]
        above = [_compare(low, version) >= 0 for low, _ in self.intervals]
        if below and all(below):
            return True
        return False if above and all(above) else None

    def within(self, *ranges: tuple[str, str]) -> bool | None:
        """Whether an exact version lies in one of the half-open ranges; None for any other version."""
        if not self.exact:
            return None
        return any(_compare(self.exact, low) >= 0 and _compare(self.exact, high) < 0 for low, high in ranges)


UNKNOWN = Version()


def _compare(left: str, right: str) -> int:
    return int(nodesemver.compare(left, right, True))


def from_spec(spec: str) -> Version:
    """The versions a manifest's spec admits; tags, URLs and ``*`` are unknown."""
    spec = spec.strip()
    if spec.startswith("npm:"):
        spec = spec[4:].rpartition("@")[2]
    if spec.startswith("workspace:"):
        spec = spec[10:]
    if len(spec) > _MAX_LENGTH:
        return UNKNOWN
    if _EXACT.match(spec):
        return Version(exact=spec.lstrip("=v"))
    if not _RANGE.match(spec) or not re.search(r"\d", spec):
        return UNKNOWN
    try:
        alternatives = nodesemver.Range(spec, True).set
    except (ValueError, IndexError):
        return UNKNOWN
    intervals = (_interval(comparators) for comparators in alternatives)
    return Version(tuple((low, high) for low, high in intervals if _compare(low, high) < 0))


def _interval(comparators: Iterable[nodesemver.Comparator]) -> tuple[str, str]:
    low, high = "0.0.0", _LAST
    for comparator in comparators:
        version = str(getattr(comparator, "semver", ""))
        if not _EXACT.match(version):
            continue
        if comparator.operator in (">=", ">"):
            low = version
        elif comparator.operator in ("<", "<="):
            high = version if comparator.operator == "<" else _after(version)
        elif comparator.operator in ("", "="):
            low, high = version, _after(version)
    return low, high


def _after(version: str) -> str:
    release = nodesemver.make_semver(version, True)
    return f"{release.major}.{release.minor}.{release.patch + 1}-0"


def installed(files: Files, package: Package, spec: str, name: str, workspaces: tuple[Workspace, ...]) -> Version:
    """The version of a dependency: what a lock file pins, else what the spec admits."""
    spec = _resolve_catalog(spec, name, package.dir, workspaces)
    for directory in ancestors(package.dir):
        for lockfile in _LOCKFILES:
            path = join(directory, lockfile)
            if files.is_file(path):
                pinned = _pinned(files, path, package, directory, name, spec)
                if isinstance(pinned, str) and len(pinned) <= _MAX_LENGTH and _EXACT.match(pinned):
                    return Version(exact=pinned.lstrip("=v"))
    return from_spec(spec)


def _resolve_catalog(spec: str, name: str, directory: str, workspaces: tuple[Workspace, ...]) -> str:
    if not spec.startswith("catalog:"):
        return spec
    wanted = spec[8:] if spec[8:] != "default" else ""
    for workspace in workspaces:
        if directory in workspace.members or directory == workspace.root:
            return workspace.catalogs.get(wanted, {}).get(name, "")
    return ""


def _pinned(files: Files, path: str, package: Package, root: str, name: str, spec: str) -> object:
    source = files.source(path)
    if source is None:
        return None
    text = source.data.decode().replace("\r\n", "\n") + "\n"
    relative = package.dir[len(root) :].lstrip("/")
    if path.endswith("pnpm-lock.yaml"):
        return _from_pnpm(text, relative, name)
    if path.endswith("yarn.lock"):
        return _from_yarn(text, name, spec)
    if path.endswith("bun.lock"):
        return _from_bun(text, package.name, name)
    return _from_npm(text, relative, name)


def _from_pnpm(text: str, relative: str, name: str) -> str | None:
    """Importers of workspaces, the nearest first; files of a single package have the sections at top level."""
    entry = re.compile(
        rf"^ +['\"]?{re.escape(name)}['\"]?:(?: (\S+)|\n(?: *specifier:[^\n]*+\n)? +version: (\S+))", re.MULTILINE
    )
    head = text.partition("\npackages:")[0] + "\n"
    bodies = [head]
    if re.search(r"^importers:", head, re.MULTILINE):
        quoted = [re.escape(directory or ".") for directory in ancestors(relative)]
        blocks = [rf"^  (?:'{path}'|\"{path}\"|{path}):\n((?:    .*\n|\n)*)" for path in quoted]
        bodies = [match.group(1) for block in blocks if (match := re.search(block, head, re.MULTILINE)) is not None]
    for body in bodies:
        for section in _PNPM_SECTION.finditer(body):
            if (match := entry.search(section.group(2))) is not None:
                version = _PNPM_VERSION.match((match.group(1) or match.group(2)).strip("'\""))
                return version.group(1) if version is not None else None
    return None


def _from_yarn(text: str, name: str, spec: str) -> str | None:
    header = rf'^"?(?:[^\n]*, )?"?{re.escape(name)}@(?:npm:)?{re.escape(spec)}[",:][^\n]*\n((?:  [^\n]*\n)+)'
    match = re.search(header, text, re.MULTILINE)
    version = re.search(r'^  version:? "?([^"\n]+)"?', match.group(1), re.MULTILINE) if match else None
    return version.group(1) if version else None


def _from_bun(text: str, package: str, name: str) -> str | None:
    """The package's own entry, else the shared one; an alias is filed under its alias."""
    for key in (f"{package}/{name}", name):
        match = re.search(rf'"{re.escape(key)}":\s*\["[^"]+@([^"@]+)"', text)
        if match is not None:
            return match.group(1)
    return None


def _from_npm(text: str, relative: str, name: str) -> object:
    try:
        lock = json.loads(text)
    except (ValueError, RecursionError):
        return None
    packages = _member(lock, "packages")
    if not isinstance(packages, dict):
        return _member(_member(_member(lock, "dependencies"), name), "version")
    for directory in ancestors(relative):
        entry = packages.get(join(directory, f"node_modules/{name}"))
        if _member(entry, "link") is True and isinstance(target := _member(entry, "resolved"), str):
            entry = packages.get(target)
        if (version := _member(entry, "version")) is not None:
            return version
    return None


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
