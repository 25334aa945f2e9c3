"""What a Vercel configuration file says about how an application is built."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reviewer.core.facts import Expr
from reviewer.core.files import Files
from reviewer.core.manifest import join, matches, parent
from reviewer.core.syntax import InvalidJson, TooComplex, language_of, parse_json
from reviewer.core.text import Source

Preset = Literal["next", "unset", "other"]

CONFIGS = tuple(f"vercel.{suffix}" for suffix in ("json", "toml", "ts", "js", "mjs", "cjs", "mts"))
NAME = re.compile(r"(?:^|/)vercel\.(?:json|toml|ts|js|mjs|cjs|mts)$")
_FRAMEWORK = re.compile(r"\bframework['\"]?\s*[:=]\s*['\"]?([\w-]+)")
_SERVICES = ("services", "experimentalServices")
_NODE_BUILDERS = ("@vercel/node", "@now/node")


def preset_of(files: Files, path: str, root: str) -> Preset:
    """How the file has *root* built: by the Next.js preset, by Vercel's choice, or in some other way.

    A service of its own for that root counts as another way. Configuration that is code is read as text.
    """
    config = _config(files, path)
    if config is None:
        text = _text(files, path)
        match = _FRAMEWORK.search(text)
        name = match.group(1) if match is not None else ""
        has_services = any(re.search(rf"\b{key}\b", text) for key in _SERVICES)
    else:
        name = config.get("framework", "")
        has_services = root in _service_roots(config, parent(path))
    if has_services or name not in ("", "nextjs"):
        return "other"
    return "next" if name else "unset"


def builds_as_function(files: Files, path: str, file: str) -> bool:
    """Whether the file's legacy ``builds`` make *file* a Node function of its own."""
    config = _config(files, path) or {}
    builds = config.get("builds")
    for build in builds if isinstance(builds, list) else ():
        source, builder = (build.get("src"), build.get("use")) if isinstance(build, dict) else (None, None)
        is_named = isinstance(source, str) and matches(join(parent(path), source), file)
        if is_named and isinstance(builder, str) and builder.startswith(_NODE_BUILDERS):
            return True
    return False


@dataclass(frozen=True, slots=True)
class FunctionLimit:
    """A duration that the configuration gives the functions of a glob, in seconds."""

    glob: str
    seconds: int
    path: str
    line: int


def function_limits(files: Files, path: str) -> Iterator[FunctionLimit]:
    """What ``functions`` of a configuration file says about durations, as far as it is plain numbers."""
    if language_of(path) is not None:
        yield from _written_limits(files, path)
        return
    config, source = _config(files, path) or {}, files.source(path)
    functions = config.get("functions")
    positions = _positions(source) if path.endswith(".json") and config and source is not None else {}
    for glob, function in functions.items() if isinstance(functions, dict) else ():
        seconds = function.get("maxDuration") if isinstance(function, dict) else None
        if type(seconds) is int:
            key = positions.get(("functions", glob, "maxDuration"))
            yield FunctionLimit(glob, seconds, path, key[0] if key is not None else _line_of(_text(files, path), glob))


def _positions(source: Source) -> Mapping[tuple[str | int, ...], tuple[int, int]]:
    try:
        return parse_json(source).positions
    except (InvalidJson, TooComplex):
        return {}


def _written_limits(files: Files, path: str) -> Iterator[FunctionLimit]:
    """The same of configuration that is code."""
    facts = files.facts(path)
    export = (facts.export("config") or facts.export("default")) if facts is not None else None
    if facts is None or export is None or export.expr is None:
        return

    def value_of(expr: Expr | None) -> Expr | None:
        return facts.values.get(expr.name, expr) if expr is not None and expr.kind == "ref" else expr

    config = value_of(export.expr)
    functions = value_of(config.prop("functions")) if config is not None else None
    for glob, function in functions.props if functions is not None else ():
        given = value_of(function)
        seconds = given.prop("maxDuration") if given is not None else None
        if seconds is not None and seconds.kind == "number" and seconds.name.isdigit():
            yield FunctionLimit(glob, int(seconds.name), path, seconds.line)


def shifted(files: Files, root: str, glob: str, paths: Iterable[str]) -> str:
    """The first of some files of *root* that a glob would reach if ``src/`` stood before it, where it reaches none."""
    inside = [path[len(root) :].lstrip("/") for path in paths]
    found = next((path for path in inside if matches(f"src/{glob}", path)), "")
    if not found or any(matches(glob, path[len(root) :].lstrip("/")) for path in files.below(root)):
        return ""
    return join(root, found)


def _line_of(text: str, glob: str) -> int:
    """The line of a duration below a table of TOML, or of the table."""
    start = max(text.find(glob), 0)
    named = text.find("maxDuration", start)
    return text.count("\n", 0, named if named >= 0 else start) + 1


def _service_roots(config: dict[str, Any], directory: str) -> Iterator[str]:
    for key in _SERVICES:
        services = config.get(key)
        for service in services.values() if isinstance(services, dict) else ():
            root = service.get("root", ".") if isinstance(service, dict) else "."
            yield join(directory, root if isinstance(root, str) else ".")


def _config(files: Files, path: str) -> dict[str, Any] | None:
    """The configuration as data; None where it is code or cannot be read."""
    try:
        if path.endswith(".json"):
            value: object = json.loads(_text(files, path))
        elif path.endswith(".toml"):
            value = tomllib.loads(_text(files, path))
        else:
            return None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(files: Files, path: str) -> str:
    source = files.source(path)
    return source.data.decode() if source is not None else ""
