"""Which versions of a dependency an installation may have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import nodesemver

from reviewer.core.files import Files
from reviewer.core.manifest import Package, Workspace, ancestors, join

_EXACT = re.compile(r"^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$")
_LAST = "999999.0.0"
_LOCKFILES = ("pnpm-lock.yaml", "yarn.lock", "bun.lock", "package-lock.json", "npm-shrinkwrap.json")


@dataclass(frozen=True, slots=True)
class Version:
    """Half-open intervals of possible versions; none at all means unknown. ``exact`` is set for one version."""

    intervals: tuple[tuple[str, str], ...] = ()
    exact: str = ""

    def lt(self, version: str) -> bool | None:
        """Whether the version is below *version*: None when some possible versions are and some are not."""
        if self.exact:
            return _compare(self.exact, version) < 0
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
    if _EXACT.match(spec):
        return Version(exact=spec.lstrip("v"))
    if not re.match(r"^[\d^~<>=v\s.xX*|-]+[\w.\s<>=|^~*-]*$", spec) or not re.search(r"\d", spec):
        return UNKNOWN
    try:
        alternatives = nodesemver.Range(spec, True).set
    except (ValueError, IndexError):
        return UNKNOWN
    intervals = tuple(_interval(comparators) for comparators in alternatives)
    return Version(intervals) if all(intervals) else UNKNOWN


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
    for directory in ancestors(package.dir):
        for lockfile in _LOCKFILES:
            path = join(directory, lockfile)
            if files.is_file(path):
                pinned = _pinned(files, path, package.dir, directory, name, spec)
                if pinned and _EXACT.match(pinned):
                    return Version(exact=pinned)
    return from_spec(_resolve_catalog(spec, name, package.dir, workspaces))


def _resolve_catalog(spec: str, name: str, directory: str, workspaces: tuple[Workspace, ...]) -> str:
    if not spec.startswith("catalog:"):
        return spec
    wanted = spec[8:] if spec[8:] != "default" else ""
    for workspace in workspaces:
        if directory in workspace.members or directory == workspace.root:
            return workspace.catalogs.get(wanted, {}).get(name, "")
    return ""


def _pinned(files: Files, path: str, directory: str, root: str, name: str, spec: str) -> str | None:
    source = files.source(path)
    if source is None:
        return None
    text = source.data.decode()
    relative = directory[len(root) :].lstrip("/") if root else directory
    if path.endswith("pnpm-lock.yaml"):
        return _from_pnpm(text, relative or ".", name)
    if path.endswith("yarn.lock"):
        return _from_yarn(text, name, spec)
    if path.endswith("bun.lock"):
        match = re.search(rf'"{re.escape(name)}": \["{re.escape(name)}@([^"]+)"', text)
        return match.group(1) if match else None
    return _from_npm(text, relative, name)


def _from_pnpm(text: str, importer: str, name: str) -> str | None:
    """Importers of lock files from 6.0 on; single-package files of 5 and 6 have the sections at top level."""
    quoted = re.escape(importer)
    block = re.search(rf"^  (?:'{quoted}'|\"{quoted}\"|{quoted}):\n((?:    .*\n|\n)*)", text, re.MULTILINE)
    body = block.group(1) if block else text.partition("\npackages:")[0]
    entry = rf"^ +['\"]?{re.escape(name)}['\"]?:(?: (\S+)|\n(?:.*specifier:.*\n)? +version: (\S+))"
    match = re.search(entry, body, re.MULTILINE)
    version = (match.group(1) or match.group(2)) if match else ""
    return re.split(r"[(_]", version.strip("'\""))[0] or None


def _from_yarn(text: str, name: str, spec: str) -> str | None:
    header = rf'^"?(?:[^\n]*, )?"?{re.escape(name)}@(?:npm:)?{re.escape(spec)}["|,:][^\n]*\n((?:  [^\n]*\n)+)'
    match = re.search(header, text, re.MULTILINE)
    version = re.search(r'^  version:? "?([^"\n]+)"?', match.group(1), re.MULTILINE) if match else None
    return version.group(1) if version else None


def _from_npm(text: str, relative: str, name: str) -> str | None:
    try:
        lock = json.loads(text)
    except (ValueError, RecursionError):
        return None
    packages = lock.get("packages") if isinstance(lock, dict) else None
    if not isinstance(packages, dict):
        entries = lock.get("dependencies") if isinstance(lock, dict) else None
        entry = entries.get(name) if isinstance(entries, dict) else None
        return entry.get("version") if isinstance(entry, dict) else None
    for directory in ancestors(relative):
        entry = packages.get(join(directory, f"node_modules/{name}"))
        if isinstance(entry, dict) and isinstance(entry.get("version"), str):
            return str(entry["version"])
    return None
