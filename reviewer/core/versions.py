"""Which versions of a dependency an installation may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import nodesemver

from reviewer.core.files import Files
from reviewer.core.finding import Evidence
from reviewer.core.lockfiles import Lockfile, lockfiles_of
from reviewer.core.manifest import Package, Workspace, ancestors, join

_EXACT = re.compile(r"^[=v]*[0-9]{1,15}\.[0-9]{1,15}\.[0-9]{1,15}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$")
_RANGE = re.compile(r"^[\d^~<>=v\s.xX*|-]+[\w.\s<>=|^~*-]*$", re.ASCII)
_MAX_LENGTH = 256
_LAST = "999999.0.0"


@dataclass(frozen=True, slots=True)
class Version:
    """Half-open intervals of possible versions; none at all means unknown. ``exact`` is set for one version.

    A prerelease stands before its release, yet may hold what the release brings: ``lt`` of that release is unknown.
    ``path`` and ``line`` are the place of the spec in a manifest, ``lockfile`` is the file that pins the version;
    neither is part of what a version is when it is compared.
    """

    intervals: tuple[tuple[str, str], ...] = ()
    exact: str = ""
    path: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)
    lockfile: str = field(default="", compare=False)
    evidence: Evidence = field(default="high", compare=False)

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

    def major(self) -> int | None:
        """The major version, where every possible version has the same one."""
        versions = self.intervals or ((self.exact, self.exact),)
        majors = {int(low.partition(".")[0]) for low, _ in versions if low}
        only = majors.pop() if len(majors) == 1 else None
        return only if only is not None and self.lt(f"{only + 1}.0.0") is True else None


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


class Versions:
    """The versions of one tree. Lock files are read once each."""

    def __init__(self, files: Files, packages: Mapping[str, Package], workspaces: tuple[Workspace, ...]) -> None:
        self.files = files
        self.packages = packages
        self.workspaces = workspaces
        self._lockfiles: dict[str, tuple[list[Lockfile], Evidence]] = {}

    def installed(self, package: Package, name: str, spec: str) -> Version:
        """The version of a dependency of *package*: that of a lock file, of an override, or what *spec* admits."""
        spec, override = self.resolved(package, name, spec), self._override(package, name)
        for directory in self._governing(package):
            locks, evidence = self._locks(directory)
            for lock in locks:
                for asked in dict.fromkeys((spec, override or spec)):
                    pinned = self._linked(package, lock.version(package.dir, package.name, name, asked))
                    if isinstance(pinned, str) and len(pinned) <= _MAX_LENGTH and _EXACT.match(pinned):
                        return Version(exact=pinned.lstrip("=v"), lockfile=lock.path, evidence=evidence)
        return from_spec(override or spec)

    def resolved(self, package: Package, name: str, spec: str) -> str:
        """A spec with a reference to a catalog put in place; '' where there is no such entry."""
        if not spec.startswith("catalog:"):
            return spec
        wanted = spec[8:] if spec[8:] != "default" else ""
        for workspace in self.workspaces:
            if package.dir in workspace.members or package.dir == workspace.root:
                return workspace.catalogs.get(wanted, {}).get(name, "")
        return ""

    def _governing(self, package: Package) -> Iterator[str]:
        """The directories whose lock files may hold a package, the one that governs it first."""
        roots = [workspace.root for workspace in self.workspaces if package.dir in workspace.members]
        yield from dict.fromkeys((*roots, *ancestors(package.dir)))

    def _locks(self, directory: str) -> tuple[list[Lockfile], Evidence]:
        if directory not in self._lockfiles:
            self._lockfiles[directory] = lockfiles_of(self.files, self.packages.get(directory), directory)
        return self._lockfiles[directory]

    def _linked(self, package: Package, pinned: object) -> object:
        """What is linked instead of installed has the version its own manifest says."""
        scheme, _, place = pinned.partition(":") if isinstance(pinned, str) else ("", "", "")
        if scheme not in ("link", "file"):
            return pinned
        linked = self.packages.get(join(package.dir, place))
        return linked.manifest.get("version") if linked is not None else None

    def _override(self, package: Package, name: str) -> str:
        """The spec that the governing manifest puts in place of every other one, or ''."""
        roots = [workspace for workspace in self.workspaces if package.dir in (*workspace.members, workspace.root)]
        holders = [workspace.overrides for workspace in roots[:1]]
        manifest = self.packages.get(roots[0].root if roots else package.dir)
        if manifest is not None:
            holders.append(manifest.overrides)
        for holder in holders:
            spec = holder.get(name, "")
            if spec.startswith("$") and manifest is not None:
                spec = manifest.dependencies.get(spec[1:], ("", ""))[0]
            if spec:
                return self.resolved(package, name, spec)
        return ""


def package_behind(spec: str, name: str) -> str:
    """The package a dependency really is: that of an ``npm:`` alias, else the one it is named after."""
    if not spec.startswith("npm:"):
        return name
    target = spec[4:]
    return target if target.rfind("@") <= 0 else target[: target.rfind("@")]


def express_behind(nest: Version) -> Version:
    """The Express that ``@nestjs/platform-express`` of a version brings along."""
    if nest.lt("5.0.0") is False and nest.lt("11.0.0") is True:
        return replace(nest, intervals=(("4.0.0", "5.0.0"),), exact="")
    if nest.lt("11.0.0") is False and nest.lt("12.0.0") is True:
        return replace(nest, intervals=(("5.0.0", "6.0.0"),), exact="")
    return UNKNOWN
