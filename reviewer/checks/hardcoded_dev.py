"""Custom servers that start Next in development mode where production runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.devmode import is_dev, is_environment_text, is_node_env
from reviewer.core.facts import Expr
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion
from reviewer.core.launch import may_start
from reviewer.core.launchfiles import launch_files
from reviewer.core.manifest import matches
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.starts import NOT_SAID, NodeEnv, Start, production_commands

Form = Literal["literal", "inverted", "text", "unset"]

_ASKS = "process.env.NODE_ENV !== 'production'"
_ALWAYS = re.compile(r"(\bdev(?:\s*:\s*boolean)?\s*[:=]\s*)(?:true|!\s*false)\b")
_WRONG_WAY = re.compile(r"(?:===?\s*(['\"])production\1|!==?\s*(['\"])development\2)")
_LOADS = re.compile(r"NODE_ENV|dotenv|env-cmd|with-env|--env-file|\b(?:doppler|infisical|op|varlock)\s+run\b")
_LOADERS = ("dotenv", "@next/env", "env-cmd")


@dataclass(frozen=True)
class _Launch:
    """A production command that runs the server. It is *inferred* where another command takes effect before it."""

    start: Start
    inferred: bool
    node_env: NodeEnv

    def site(self) -> Site:
        start = self.start
        return Site(start.path, start.line, start.column, start.line, "production runs the server from here")


def custom_server_hardcoded_dev(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Servers whose ``dev`` is true in production, or is true there unless somebody sets NODE_ENV."""
    for server in project.servers_of(app):
        launches = list(_launches(project.code, app, server))
        given = server.option("dev")
        is_local = any(matches(glob, server.entry) for glob in settings.options["dev_only_entries"])
        if not launches or given is None or given[1] is None or server.start.conditional or is_local:
            continue
        path, dev = given[0], given[1]
        form = _form(project.code, server, dev, launches)
        if form is not None:
            site = Site(path, dev.line, dev.column, dev.end_line, "this decides the mode of Next")
            yield _finding(app, project.code, server, form, site, launches[0], settings)


def _launches(code: Code, app: App, server: CustomServer) -> Iterator[_Launch]:
    for index, start in enumerate(production_commands(code, app)):
        for entry, node_env in start.entries(code):
            if entry == server.entry:
                yield _Launch(start, index > 0, node_env)


def _form(code: Code, server: CustomServer, dev: Expr, launches: list[_Launch]) -> Form | None:
    if is_environment_text(dev):
        return "text"
    production, development, unset = (is_dev(dev, value) for value in ("production", "development", ""))
    if production:
        return "literal" if development else "inverted"
    is_unset = all(launch.node_env == NOT_SAID and not _LOADS.search(launch.start.command) for launch in launches)
    return "unset" if production is False and unset and is_unset and not _sets_it(code, server) else None


def _sets_it(code: Code, server: CustomServer) -> bool:
    """Whether a file that starts things names NODE_ENV, or one of the server sets it or loads variables from a file."""
    launch = (path for path in launch_files(code.files) if may_start(code, path, server.entry))
    if any(b"NODE_ENV" in (code.files.raw(path) or b"") for path in launch):
        return True
    for path in server.files:
        facts = code.facts(path)
        if facts is not None and any(item.module.startswith(_LOADERS) for item in facts.imports):
            return True
        if facts is not None and any(is_node_env(assignment.target) for assignment in facts.assignments):
            return True
    return False


def _finding(
    app: App, code: Code, server: CustomServer, form: Form, dev: Site, launch: _Launch, settings: Settings
) -> Finding:
    started = Site(server.file, server.line, server.start.column, server.line, "Next is started here")
    sites = [launch.site(), dev, started] if form == "unset" else [dev, started, launch.site()]
    evidence: Evidence = "medium" if launch.inferred or form == "unset" else "high"
    level: Level = "error" if evidence == "high" and form != "text" else "warning"
    prefix = "cross-env " if app.depends_on("cross-env") else ""
    fixed = f"{prefix}NODE_ENV=production {launch.start.command}"
    args: dict[str, Arg] = {"form": form, "entry": server.entry, "command": launch.start.command, "fixed": fixed}
    suggestion = _start_line(code, launch, fixed) if form == "unset" else _dev_line(code, dev)
    return settings.finding(app, sites, key=form, level=level, evidence=evidence, args=args, suggestion=suggestion)


def _dev_line(code: Code, dev: Site) -> Suggestion | None:
    """The expression put right on its line, as far as it is written in one of the usual ways."""
    source = code.files.source(dev.path)
    if source is None or dev.line is None:
        return None
    line = _ALWAYS.sub(rf"\g<1>{_ASKS}", _WRONG_WAY.sub("!== 'production'", source.line_text(dev.line)))
    return Suggestion(dev.path, dev.line, dev.line, line)


def _start_line(code: Code, launch: _Launch, fixed: str) -> Suggestion | None:
    """The start script with NODE_ENV set."""
    start = launch.start
    source = code.files.source(start.path)
    if source is None:
        return None
    line = source.line_text(start.line).replace(f'"{start.command}"', f'"{fixed}"')
    return Suggestion(start.path, start.line, start.line, line)
