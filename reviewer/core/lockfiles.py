"""Lock files of npm, pnpm, yarn and Bun: which version of a package they pin."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reviewer.core.files import Files
from reviewer.core.finding import Evidence
from reviewer.core.manifest import Package, ancestors, join, parent

_PNPM_SECTION = re.compile(
    r"^( *)(?:dependencies|devDependencies|optionalDependencies):\n((?:\1 +.*\n|\n)*)", re.MULTILINE
)
_PNPM_VERSION = re.compile(r"(?:/?(?:@[^/@]+/)?[^/@]+[/@])??(\d+\.\d+\.\d+[^(_]*)|((?:link|file):.*)", re.ASCII)
# by manager, the one to believe first where nothing says which is used
_NAMES: Mapping[str, tuple[str, ...]] = {
    "pnpm": ("pnpm-lock.yaml", "common/config/rush/pnpm-lock.yaml"),
    "yarn": ("yarn.lock",),
    "bun": ("bun.lock",),
    "npm": ("npm-shrinkwrap.json", "package-lock.json"),
}
_UNREADABLE = "bun.lockb"
_INSTALL = re.compile(r"\b(?:(pnpm|yarn|bun) (?:install|i\b|--frozen|--immutable)|(npm) (?:ci|install|i)\b)")


class Lockfile:
    """One lock file, read when it is first asked."""

    def __init__(self, files: Files, path: str) -> None:
        self.path = path
        self.files = files
        self.root = parent(path.removesuffix("common/config/rush/pnpm-lock.yaml"))
        self._document: Any = None
        self._is_read = False

    def version(self, directory: str, package: str, name: str, spec: str) -> object:
        """What it pins for a dependency of the package *package* in *directory*; None where it does not."""
        if not self._is_read:
            self._document, self._is_read = self._read(), True
        if self._document is None:
            return None
        relative = directory[len(self.root) :].lstrip("/")
        if self.path.endswith("pnpm-lock.yaml"):
            prefix = "../../../" if self.path.endswith("rush/pnpm-lock.yaml") else ""
            return _from_pnpm(self._document, relative, name, prefix)
        if self.path.endswith("yarn.lock"):
            return _from_yarn(self._document, name, spec)
        if self.path.endswith("bun.lock"):
            return _from_bun(self._document, package, name)
        return _from_npm(self._document, relative, name)

    def _read(self) -> object:
        source = self.files.source(self.path)
        if source is None:
            return None
        text = source.data.decode().replace("\r\n", "\n") + "\n"
        if self.path.endswith("pnpm-lock.yaml"):
            return text.partition("\npackages:")[0] + "\n"
        if not self.path.endswith(".json"):
            return text
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


def lockfiles_of(files: Files, package: Package | None, directory: str) -> tuple[list[Lockfile], Evidence]:
    """The lock files of a directory, the one to believe first, and how sure it is that this one is used.

    Where the manifest names the package manager, or a workflow installs with one only, other files are left over.
    """
    found = {
        manager: [join(directory, name) for name in names if files.is_file(join(directory, name))]
        for manager, names in _NAMES.items()
    }
    has_binary = files.is_file(join(directory, _UNREADABLE))
    present = [manager for manager, paths in found.items() if paths or (manager == "bun" and has_binary)]
    evidence: Evidence = "high"
    if len(present) > 1:
        named = _manager(package) if package is not None else ""
        used = [named] if named in present else [m for m in _installing(files) if m in present]
        if len(used) == 1:
            present = used
        else:
            evidence = "medium"
    return [Lockfile(files, path) for manager in present for path in found[manager]], evidence


def _manager(package: Package) -> str:
    """The package manager a manifest asks for, or ''."""
    named = package.manifest.get("packageManager")
    if isinstance(named, str):
        return named.partition("@")[0]
    engines = package.manifest.get("devEngines")
    wanted = engines.get("packageManager") if isinstance(engines, dict) else None
    name = wanted.get("name") if isinstance(wanted, dict) else None
    return name if isinstance(name, str) else ""


def _installing(files: Files) -> list[str]:
    """The package managers that workflows install with."""
    used: set[str] = set()
    for path in files.workflows:
        source = files.source(path)
        text = source.data.decode() if source is not None else ""
        used.update(match.group(1) or match.group(2) for match in _INSTALL.finditer(text))
    return sorted(used)


def _from_pnpm(head: str, relative: str, name: str, prefix: str) -> str | None:
    """Importers of workspaces, the nearest first; files of a single package have the sections at top level."""
    entry = re.compile(
        rf"^ +['\"]?{re.escape(name)}['\"]?:(?: (\S+)|\n(?: *specifier:[^\n]*+\n)? +version: (\S+))", re.MULTILINE
    )
    bodies = [head]
    if re.search(r"^importers:", head, re.MULTILINE):
        quoted = [
            re.escape(prefix + directory if directory else prefix.rstrip("/") or ".")
            for directory in ancestors(relative)
        ]
        blocks = [rf"^  (?:'{path}'|\"{path}\"|{path}):\n((?:    .*\n|\n)*)" for path in quoted]
        bodies = [match.group(1) for block in blocks if (match := re.search(block, head, re.MULTILINE)) is not None]
    for body in bodies:
        for section in _PNPM_SECTION.finditer(body):
            if (match := entry.search(section.group(2))) is not None:
                version = _PNPM_VERSION.match((match.group(1) or match.group(2)).strip("'\""))
                return version.group(1) or version.group(2) if version is not None else None
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


def _from_npm(lock: object, relative: str, name: str) -> object:
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
