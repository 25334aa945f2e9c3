"""Options of a next.config file, read without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reviewer.core.facts import Expr, FileFacts
from reviewer.core.files import Files
from reviewer.core.manifest import ancestors, join

CONFIG_NAMES = ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.mts")
MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class NextConfig:
    """Literal options by name. ``open`` says that further options may be set in ways that cannot be read."""

    path: str = ""
    options: Mapping[str, Expr] = field(default_factory=dict)
    open: bool = False

    def text(self, name: str) -> str | None:
        """A string option; '' when it is not set, None when it cannot be told."""
        expr = self.options.get(name)
        if expr is None:
            return None if self.open else ""
        return expr.name if expr.kind == "string" else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings; () when it is not set, None when it cannot be told."""
        expr = self.options.get(name)
        if expr is None:
            return ()
        if expr.kind == "array" and all(item.kind == "string" for item in expr.items):
            return tuple(item.name for item in expr.items)
        return None


def config_path(files: Files, directory: str) -> str | None:
    """The config that applies to an application: its own, else the nearest one above, as Next looks it up."""
    for above in ancestors(directory):
        for name in CONFIG_NAMES:
            if files.is_file(join(above, name)):
                return join(above, name)
    return None


def read_config(files: Files, directory: str) -> NextConfig:
    path = config_path(files, directory)
    if path is None:
        return NextConfig()
    facts = files.facts(path)
    export = facts.export("default") if facts is not None else None
    if facts is None or export is None or export.expr is None:
        return NextConfig(path, {}, True)
    options: dict[str, Expr] = {}
    is_open = False
    for part in _objects(facts, export.expr, 0):
        if part is None:
            is_open = True
            continue
        for key, value in part.props:
            options[key] = value
    for assignment in facts.assignments:
        if assignment.function == -1 and len(assignment.target.steps) == 1 and assignment.target.kind == "local":
            options[assignment.target.last_member()] = assignment.value
    return NextConfig(path, options, is_open)


def _objects(facts: FileFacts, expr: Expr, depth: int) -> Iterator[Expr | None]:
    """The object literals an export is made of, in the order they apply; None for what cannot be read."""
    if depth > MAX_DEPTH:
        yield None
    elif expr.kind == "object":
        for key, value in expr.props:
            if key == "...":
                yield from _objects(facts, value, depth + 1)
        yield expr
    elif expr.kind == "ref" and expr.name in facts.values:
        yield from _objects(facts, facts.values[expr.name], depth + 1)
    elif expr.kind == "call":
        found = [o for item in expr.items for o in _objects(facts, item, depth + 1) if o is not None]
        if found:
            yield from found  # a plugin such as withMDX(config): it may add keys, hardly output or basePath
        else:
            yield None
    else:
        yield None
