"""Options of a next.config file, read without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

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
            return None if self.open else ()
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
    for setting in _settings(facts, export.expr, 0):
        if setting is None:
            is_open = True
            options.clear()
        else:
            options[setting[0]] = setting[1]
    return NextConfig(path, options, is_open)


def _settings(facts: FileFacts, expr: Expr, depth: int) -> Iterator[tuple[str, Expr] | None]:
    """The options an export sets, in the order they apply; None for what cannot be read and may set any of them."""
    if depth > MAX_DEPTH:
        yield None
    elif expr.kind == "object":
        for key, value in expr.props:
            if key == "..." or key.startswith("["):
                yield from _settings(facts, value, depth + 1) if key == "..." else (None,)
            else:
                yield key, value
    elif expr.kind == "ref" and expr.name in facts.values:
        yield from _settings(facts, facts.values[expr.name], depth + 1)
        yield from _assigned(facts, expr.name)
    elif expr.kind == "call":
        parts = [list(_settings(facts, item, depth + 1)) for item in expr.items]
        readable = [part for part in parts if part != [None]]
        # a plugin such as withMDX(config) may add keys, hardly output or basePath
        yield from (setting for part in readable for setting in part) if readable else (None,)
    else:
        yield None


def _assigned(facts: FileFacts, name: str) -> Iterator[tuple[str, Expr]]:
    """``config.output = 'export'``: what the module sets on an object of its own once it is made."""
    for assignment in facts.assignments:
        target, value = assignment.target, assignment.value
        if assignment.function == -1 and (target.kind, target.name) == ("local", name) and len(target.steps) == 1:
            yield target.last_member(), replace(value, kind="choice") if assignment.conditional else value
