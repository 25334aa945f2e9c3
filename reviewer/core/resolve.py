"""From an import specifier to the file it means: relative paths, tsconfig paths, workspace packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reviewer.core.files import Files
from reviewer.core.manifest import Package, Workspace, ancestors, join, load_jsonc, parent

_EXTENSIONS = (".ts", ".tsx", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs")
_SOURCE_OF = {".js": (".ts", ".tsx", ".jsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
_CONDITIONS = ("source", "development", "import", "module", "node", "default", "require", "types")
MAX_EXTENDS = 8


@dataclass(frozen=True, slots=True)
class _Paths:
    """Path mappings in force below a tsconfig: base directory for bare names, and patterns with their targets.

    A pattern is the text before and after its star; without a star the text after is None.
    """

    base: str | None
    patterns: tuple[tuple[str, str | None, tuple[str, ...]], ...]


class ImportResolver:
    """Resolves specifiers within one snapshot."""

    def __init__(self, files: Files, packages: Mapping[str, Package], workspaces: tuple[Workspace, ...]) -> None:
        self.files = files
        self.packages = packages
        self.by_name = {
            packages[member].name: packages[member]
            for workspace in workspaces
            for member in workspace.members
            if packages[member].name
        }
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._config_dirs: dict[str, str] = {}
        self._configs: dict[str, _Paths | None] = {}
        self._read: dict[str, _Paths] = {}

    def resolve(self, importer: str, specifier: str) -> str | None:
        """The file a specifier in *importer* means, or None for packages outside the repository."""
        directory = parent(importer)
        key = (directory if specifier.startswith(".") else self._configured(directory), specifier)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        return self._resolved[key]

    def _configured(self, directory: str) -> str:
        """The directory above, or this one, whose configuration maps bare names; the root where there is none."""
        if directory not in self._config_dirs:
            above = (a for a in ancestors(directory) if self._paths(a) is not None)
            self._config_dirs[directory] = next(above, "")
        return self._config_dirs[directory]

    def _resolve(self, directory: str, specifier: str) -> str | None:
        if specifier.startswith((".", "/")):
            return None if specifier.startswith("/") else self._file(join(directory, specifier))
        for candidate in self._mapped(directory, specifier):
            if (found := self._file(candidate)) is not None:
                return found
        return self._workspace(specifier)

    def _file(self, path: str) -> str | None:
        if path.startswith(".."):
            return None
        stem, dot, suffix = path.rpartition(".")
        if dot and f".{suffix}" in _EXTENSIONS:
            for candidate in (path, *(stem + other for other in _SOURCE_OF.get(f".{suffix}", ()))):
                if self.files.is_file(candidate):
                    return candidate
        return self._by_stem.get(path) or self._by_stem.get(f"{path}/index".lstrip("/"))

    @cached_property
    def _by_stem(self) -> Mapping[str, str]:
        """Scripts by their path without its extension; of several the one whose extension is tried first."""
        found: dict[str, str] = {}
        for extension in reversed(_EXTENSIONS):
            length = len(extension)
            for path, entry in self.files.listing.items():
                if path.endswith(extension) and entry.kind == "file":
                    found[path[:-length]] = path
        return found

    # -- tsconfig ---------------------------------------------------------------------------------------------------

    def _mapped(self, directory: str, specifier: str) -> Iterator[str]:
        for above in ancestors(directory):
            paths = self._paths(above)
            if paths is None:
                continue
            for prefix, suffix, targets in paths.patterns:
                if suffix is None:
                    yield from targets if specifier == prefix else ()
                elif _star(specifier, prefix, suffix) is not None:
                    middle = _star(specifier, prefix, suffix) or ""
                    yield from (join("", target.replace("*", middle, 1)) for target in targets)
            if paths.base is not None:
                yield join(paths.base, specifier)
            return

    def _paths(self, directory: str) -> _Paths | None:
        if directory not in self._configs:
            self._configs[directory] = None
            for name in ("tsconfig.json", "jsconfig.json"):
                path = join(directory, name)
                if self.files.is_file(path):
                    self._configs[directory] = self._read_paths(path, 0)
                    break
        return self._configs[directory]

    def _read_paths(self, path: str, depth: int) -> _Paths:
        """The mappings of a tsconfig, extended through *depth* others; in a cycle the second reading is empty."""
        if depth > MAX_EXTENDS:
            return _Paths(None, ())
        if path not in self._read:
            self._read[path] = _Paths(None, ())
            self._read[path] = self._paths_of(path, depth)
        return self._read[path]

    def _paths_of(self, path: str, depth: int) -> _Paths:
        config = load_jsonc(self.files, path)
        options = config.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        directory = parent(path)
        inherited = self._inherited(config, directory, depth)
        base = options.get("baseUrl")
        base_dir = join(directory, base) if isinstance(base, str) else inherited.base
        declared = options.get("paths")
        if not isinstance(declared, dict):
            return _Paths(base_dir, inherited.patterns)
        anchor = base_dir if base_dir is not None else directory
        return _Paths(base_dir, tuple(_patterns(declared, anchor)))

    def _inherited(self, config: Mapping[str, Any], directory: str, depth: int) -> _Paths:
        """What the extended files say, of several the last one that says it."""
        extends = config.get("extends")
        result = _Paths(None, ())
        for item in extends if isinstance(extends, list) else [extends]:
            target = self._extended(directory, item) if isinstance(item, str) else None
            if target is not None:
                found = self._read_paths(target, depth + 1)
                result = _Paths(result.base if found.base is None else found.base, found.patterns or result.patterns)
        return result

    def _extended(self, directory: str, specifier: str) -> str | None:
        if specifier.startswith("."):
            path = join(directory, specifier)
        else:
            name, rest = _split_package(specifier)
            package = self.by_name.get(name)
            if package is None:
                return None
            path = join(package.dir, rest or "tsconfig.json")
        return next((p for p in (path, path + ".json", join(path, "tsconfig.json")) if self.files.is_file(p)), None)

    # -- workspace packages -----------------------------------------------------------------------------------------

    def _workspace(self, specifier: str) -> str | None:
        name, rest = _split_package(specifier)
        package = self.by_name.get(name)
        if package is None:
            return None
        for target in self._entries(package, rest):
            found = self._file(join(package.dir, target)) or self._source_of_build(package, target)
            if found is not None:
                return found
        fallbacks = (rest, f"src/{rest}") if rest else ("src/index", "index", "src/main", "lib/index")
        return next((f for target in fallbacks if (f := self._file(join(package.dir, target))) is not None), None)

    def _entries(self, package: Package, rest: str) -> Iterator[str]:
        exports = package.manifest.get("exports")
        wanted = f"./{rest}" if rest else "."
        if isinstance(exports, dict) and any(str(key).startswith(".") for key in exports):
            yield from _export_targets(exports, wanted)
        elif not rest:
            yield from _conditions(exports)
        if not rest:
            for key in ("source", "module", "main", "types"):
                if isinstance(target := package.manifest.get(key), str):
                    yield target

    def _source_of_build(self, package: Package, target: str) -> str | None:
        parts = target.removeprefix("./").split("/")
        if len(parts) < 2 or parts[0] not in ("dist", "build", "lib", "out"):
            return None
        stem = "/".join(parts[1:]).removesuffix(".d.ts")
        stem = stem.rpartition(".")[0] if stem.endswith(_EXTENSIONS) else stem
        return self._file(join(package.dir, f"src/{stem}")) or self._file(join(package.dir, stem))


def _split_package(specifier: str) -> tuple[str, str]:
    parts = specifier.split("/")
    count = 2 if specifier.startswith("@") else 1
    return "/".join(parts[:count]), "/".join(parts[count:])


def _star(text: str, prefix: str, suffix: str) -> str | None:
    """What the star of a pattern stands for in *text*, or None where the pattern does not match."""
    if not (text.startswith(prefix) and text.endswith(suffix) and len(text) >= len(prefix) + len(suffix)):
        return None
    return text[len(prefix) : len(text) - len(suffix)]


def _patterns(declared: Mapping[str, Any], base: str) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
    ordered = sorted(declared.items(), key=lambda item: ("*" in item[0], -len(item[0].partition("*")[0])))
    for pattern, targets in ordered:
        if isinstance(targets, list):
            prefix, star, suffix = pattern.partition("*")
            resolved = tuple(join(base, target) for target in targets if isinstance(target, str))
            yield prefix, suffix if star else None, resolved


def _export_targets(by_subpath: Mapping[str, Any], wanted: str) -> Iterator[str]:
    yield from _conditions(by_subpath.get(wanted))
    for subpath, value in by_subpath.items():
        prefix, star, suffix = str(subpath).partition("*")
        if star and (middle := _star(wanted, prefix, suffix)) is not None:
            yield from (target.replace("*", middle) for target in _conditions(value))


def _conditions(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < 6:
        for condition in _CONDITIONS:
            if condition in value:
                yield from _conditions(value[condition], depth + 1)
    elif isinstance(value, list) and depth < 6:
        for item in value:
            yield from _conditions(item, depth + 1)
