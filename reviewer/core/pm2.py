"""The applications of a pm2 ecosystem file, read without running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reviewer.core.configvalues import ConfigReader, plain
from reviewer.core.files import Files
from reviewer.core.manifest import load_jsonc, load_yaml_file
from reviewer.core.snapshot import is_script

ECOSYSTEM = re.compile(r"(?:ecosystem|pm2|process)[^/]*\.(?:[cm]?[jt]s|json|ya?ml)")

Replicas = Literal["1", "many", "unknown"]


@dataclass(frozen=True, slots=True)
class PmApp:
    """One application: what it runs, as words, or none where that cannot be told, where, and with what variables."""

    name: str
    words: tuple[str, ...]
    cwd: str
    line: int
    replicas: Replicas
    env: Mapping[str, str] = field(default_factory=dict)
    production: Mapping[str, str] = field(default_factory=dict)


def pm2_apps(files: Files, path: str) -> tuple[PmApp, ...] | None:
    """The applications a file declares; None where it is no such file or cannot be read."""
    if not files.is_file(path) or not ECOSYSTEM.fullmatch(path.rpartition("/")[2]):
        return None
    declared = list(_from_script(files, path) if is_script(path) else _from_data(files, path))
    return tuple(_app(options, line) for options, line in declared) or None


def _from_data(files: Files, path: str) -> Iterator[tuple[Mapping[str, Any], int]]:
    is_json = path.endswith(".json")
    document, lines = (load_jsonc(files, path), {}) if is_json else load_yaml_file(files, path, quiet=True)
    apps = document.get("apps")
    for index, app in enumerate(apps if isinstance(apps, list) else [apps or document]):
        if isinstance(app, dict) and "script" in app:
            yield app, lines.get(("apps", index), 1)


def _from_script(files: Files, path: str) -> Iterator[tuple[Mapping[str, Any], int]]:
    facts = files.facts(path)
    export = facts.export("default") if facts is not None else None
    if facts is None or export is None or export.expr is None:
        return
    reader = ConfigReader(facts)
    exported = export.expr
    apps = reader.read(exported).slots.get("apps")
    lists = apps.values if apps is not None else (exported,)
    for item in (item for value in lists if value.kind == "array" for item in value.items):
        options = plain(reader, item)
        if isinstance(options, dict):
            yield options, item.line


def _app(options: Mapping[str, Any], line: int) -> PmApp:
    cwd = options.get("cwd")
    return PmApp(
        str(options.get("name", "")),
        _words(options),
        cwd if isinstance(cwd, str) and not cwd.startswith(("/", "~")) and "$" not in cwd else "",
        line,
        _replicas(options),
        _variables(options.get("env")),
        _variables(options.get("env_production")),
    )


def _words(options: Mapping[str, Any]) -> tuple[str, ...]:
    script, args, interpreter = options.get("script"), options.get("args", []), options.get("interpreter")
    try:
        args = shlex.split(args) if isinstance(args, str) else args
        words = shlex.split(script) if isinstance(script, str) else []
    except ValueError:
        return ()
    if not words or not isinstance(args, list) or not all(isinstance(arg, str | int) for arg in args):
        return ()
    runner = [interpreter] if isinstance(interpreter, str) and interpreter not in ("none", "node") else []
    return tuple(map(str, (*runner, *words, *args)))


def _variables(value: object) -> dict[str, str]:
    return (
        {key: str(item) for key, item in value.items() if isinstance(item, str | int)}
        if isinstance(value, dict)
        else {}
    )


def _replicas(options: Mapping[str, Any]) -> Replicas:
    instances = options.get("instances", 1)
    if instances in ("max", 0, -1, "0", "-1") or (isinstance(instances, int) and instances > 1):
        return "many"
    if isinstance(instances, str) and instances.isdecimal():
        return "1" if instances == "1" else "many"
    return "1" if instances == 1 else "unknown"
