"""Path strings that keep a server on Express 5 from starting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.express import Dependency, express_behind, may_bring_5
from reviewer.core.expresspaths import equivalent, rejected
from reviewer.core.facts import Expr
from reviewer.core.finding import Finding, Site, Suggestion
from reviewer.core.project import Project
from reviewer.core.registrations import Registration, registrations_in

MANY = 3


@dataclass(frozen=True, slots=True)
class _Rejected:
    """A path string in a registration, the character Express 5 stumbles over, and the Express it is for."""

    registration: Registration
    path: Expr
    char: str
    express: Dependency


def express5_wildcard_path(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Every path string that the Express of a package rejects when it is registered."""
    owner = next(other for other in project.apps if other.package is app.package)
    if owner is not app or not may_bring_5(project.code, app.package):
        return
    found = {}
    for script in sorted(project.marked[settings.rule.id]):
        if project.code.package_of(script) is app.package:
            for rejected_path in _rejected_in(project.code, app, script, settings):
                place = rejected_path.path
                found[rejected_path.registration.path, place.line, place.column] = rejected_path
    for rejected_path in found.values():
        yield _finding(app, project.code, rejected_path, len(found), settings)


def _rejected_in(code: Code, app: App, script: str, settings: Settings) -> Iterator[_Rejected]:
    for registration in registrations_in(code, script):
        if registration.framework != "express":
            continue
        for path in registration.paths:
            char = rejected(path.name) if path.kind == "string" else ""
            if char:
                express = express_behind(code, app.package, registration.module)
                is_older = express.version.lt("5.0.0")
                if is_older is False or (is_older is None and settings.options["assume_express_major"] >= 5):
                    yield _Rejected(registration, path, char, express)


def _finding(app: App, code: Code, found: _Rejected, count: int, settings: Settings) -> Finding:
    registration, path = found.registration, found.path
    is_assumed = found.express.version.lt("5.0.0") is None
    drops = registration.method == "use" and path.name == "*" and len(registration.paths) == 1
    same = "" if drops else equivalent(path.name)
    here = Site(registration.path, path.line, path.column, path.end_line, f"Express 5 rejects `{path.name}`")
    return settings.finding(
        app,
        (here, *([found.express.site] if found.express.site is not None else [])),
        key=f"{registration.method} {path.name}",
        evidence="medium" if is_assumed else "high",
        args={
            "path": path.name,
            "char": found.char,
            "same": same,
            "fix": "many" if count >= MANY else ("drop" if drops else ("same" if same else "")),
            "named": "*splat" in same,
            "count": count,
            "assumed": is_assumed,
        },
        subjects=[f"{registration.path}:{registration.line}"],
        suggestion=_suggestion(code, registration, path, same, drops) if count < MANY else None,
    )


def _suggestion(code: Code, registration: Registration, path: Expr, same: str, drops: bool) -> Suggestion | None:
    """The line of the path with its equivalent, where the path is written out there."""
    source = code.files.source(registration.path)
    if source is None:
        return None
    line = source.line_text(path.line)
    before, behind = line[: path.column - 1], line[path.column - 1 :]
    written = re.escape(path.name) + (r"\2,\s*" if drops else r"\2")
    changed = re.sub(rf"^((['\"`])){written}", lambda match: "" if drops else f"{match[2]}{same}{match[2]}", behind)
    return Suggestion(registration.path, path.line, path.line, before + changed) if same or drops else None
