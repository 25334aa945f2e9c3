"""Which pages come to use a file, found by the text of their imports and read no further than needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.manifest import parent
from reviewer.core.project import Project

MAX_HOPS = 3
MAX_READ = 80


def users_of(project: Project, target: str, ends: Iterable[str]) -> set[str] | None:
    """Those of some files that import the target, through at most three others; None where too many may do so."""
    goals = set(ends)
    seen, level, read = {target}, {target}, 0
    for _ in range(MAX_HOPS + 1):
        words = {path: tuple(_words(path)) for path in sorted(level - goals)}
        if not words:
            break
        found: set[str] = set()
        for path, candidates in project.files.containing(project.scripts, words).items():
            read += len(candidates - seen)
            if read > MAX_READ:
                return None
            found |= {candidate for candidate in candidates - seen if _imports(project, candidate, path)}
        level = found
        seen |= found
    return seen & goals


def _imports(project: Project, path: str, target: str) -> bool:
    facts = project.code.surface(path)
    modules = {item.module for item in facts.imports if not item.type_only} if facts is not None else set()
    return any(project.code.resolver.resolve(path, module) == target for module in modules)


def _words(path: str) -> Iterator[tuple[bytes, ...]]:
    """How the specifier of an import of a file ends: with its name, or that of its folder."""
    name = path.rpartition("/")[2]
    stem = name[: name.rfind(".")]
    if stem == "index":
        stem = parent(path).rpartition("/")[2] or "."
    yield from ((f"/{stem}{end}".encode(),) for end in ("'", '"', ".js'", '.js"'))
