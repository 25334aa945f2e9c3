"""Start scripts that leave a custom server out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from posixpath import relpath

from reviewer.core.app import App
from reviewer.core.behaviours import Behaviour
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.commands import Process, next_arguments
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion, weakest
from reviewer.core.launch import Launchers, launchers_of, mentions_host
from reviewer.core.manifest import matches
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.starts import Start, production_commands

MAX_NAMED = 3
PLAIN = (".js", ".mjs", ".cjs")
_SERIOUS = frozenset({"api", "auth", "modules", "security", "websocket"})


def start_script_bypasses_custom_server(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """An application whose production start is ``next start`` though a custom server does more than forward."""
    code = project.code
    start = _effective(code, app)
    process = start.runs_next_start(app) if start is not None else None
    if start is None or process is None or app.is_static or app.deployment.is_vercel():
        return
    for server in project.servers_of(app):
        server = replace(server, behaviours=tuple(b for b in server.behaviours if not _is_served_anyway(app, b)))
        if not _is_considered(server, settings):
            continue
        launchers = launchers_of(code, server.entry, tuple(settings.options["launch_files"]))
        host = mentions_host(code, server.entry)
        if launchers.production or _is_local(server, launchers) or host in settings.options["ignore_when_host"]:
            continue
        yield _finding(app, code, server, start, process, launchers, host, settings)
        return


def _effective(code: Code, app: App) -> Start | None:
    """What takes effect in production; where an image or a host runs the start script, that script."""
    starts = production_commands(code, app)
    script = next(
        (start for start in starts if start.source == "script" and start.processes == starts[0].processes), None
    )
    return script or next(iter(starts), None)


def _is_served_anyway(app: App, behaviour: Behaviour) -> bool:
    """Whether a file of Next is written for the URL as well, so that nothing is missing without the server."""
    route = app.serves(behaviour.url.rstrip("/")) if behaviour.url else None
    return route is not None and "[" not in route.pattern


def _is_considered(server: CustomServer, settings: Settings) -> bool:
    entries = settings.options["server_entries"]
    return not entries or any(matches(glob, server.entry) for glob in entries)


def _is_local(server: CustomServer, launchers: Launchers) -> bool:
    """Whether the server exists for tests, or for TLS on a developer's machine."""
    if launchers.tests and not launchers.development:
        return True
    only_tls = all(behaviour.kind == "tls" for behaviour in server.behaviours)  # or it does nothing of its own
    return only_tls or launchers.local_tls


def _finding(
    app: App,
    code: Code,
    server: CustomServer,
    start: Start,
    process: Process,
    launchers: Launchers,
    host: str,
    settings: Settings,
) -> Finding:
    is_dead = bool(server.frameworks) and not any(app.depends_on(name) for name in server.frameworks)
    level, evidence = _weight(server, launchers, host, is_dead)
    lost = _named(server.behaviours)
    more = len({behaviour.label for behaviour in server.behaviours}) - len(lost)
    args: dict[str, Arg] = {
        "command": start.command,
        "script": start.script,
        "entry": server.entry,
        "lost": tuple(behaviour.label for behaviour in lost),
        "more": more,
        "has_more": more > 0,
        "dead": is_dead,
        "frameworks": server.frameworks,
        "launched_in_development": bool(launchers.development),
        "host": host,
        "fixed": f"NODE_ENV=production node {relpath(server.entry, app.package.dir or '.')}",
        "compiled": not server.entry.endswith(PLAIN),
    }
    return settings.finding(
        app,
        _sites(server, start, lost),
        key=start.script,
        level=level,
        evidence=evidence,
        args=args,
        subjects=[server.file],
        suggestion=_suggestion(app, code, server, start, process),
    )


def _weight(server: CustomServer, launchers: Launchers, host: str, is_dead: bool) -> tuple[Level, Evidence]:
    evidence: Evidence = weakest("medium" if launchers.development else "high", "medium" if host else "high")
    if is_dead:
        return "notice", evidence
    serious = any(behaviour.kind in _SERIOUS for behaviour in server.behaviours)
    return ("error" if serious and evidence == "high" else "warning"), evidence


def _named(behaviours: tuple[Behaviour, ...]) -> list[Behaviour]:
    """The behaviours worth naming: serious ones first, each spelling once."""
    ordered = sorted(behaviours, key=lambda b: (b.kind not in _SERIOUS, b.line))
    by_label = {behaviour.label: behaviour for behaviour in reversed(ordered)}
    return list(reversed(by_label.values()))[:MAX_NAMED]


def _sites(server: CustomServer, start: Start, lost: list[Behaviour]) -> Iterator[Site]:
    yield Site(start.path, start.line, start.column, start.line, f"`{start.script}` runs `{start.command}`")
    yield Site(server.entry, 1, 1, 1, "this server is not started")
    yield Site(server.file, server.line, 1, server.line, "Next is started here")
    for behaviour in lost:
        yield Site(behaviour.path, behaviour.line, 1, behaviour.line, f"`{behaviour.label}` is not active")


def _suggestion(app: App, code: Code, server: CustomServer, start: Start, process: Process) -> Suggestion | None:
    """The start line rewritten, where that is all it takes: a plain script at the root and no flags it would lose."""
    port = _port(code, server, process)
    source = code.files.source(start.path)
    written = f'"{start.script}": "{" ".join(("next", *process.args))}"'
    entry = server.entry.rpartition("/")
    if port is None or source is None or not entry[2].endswith(PLAIN) or entry[0] != app.package.dir:
        return None
    if not _suits_node(app, code, server.entry):
        return None
    prefix = "cross-env " if app.depends_on("cross-env") else ""
    line = source.line_text(start.line)
    replacement = line.replace(written, f'"{start.script}": "{prefix}{port}NODE_ENV=production node {entry[2]}"')
    return Suggestion(start.path, start.line, start.line, replacement)


def _suits_node(app: App, code: Code, entry: str) -> bool:
    """Whether a script is written in the kind of module that Node takes it for by its name and its manifest."""
    facts = code.facts(entry)
    imports = facts.imports if facts is not None else ()
    is_module = app.package.manifest.get("type") == "module"
    return not entry.endswith(".js") or any(item.kind == "static" for item in imports) == is_module


def _port(code: Code, server: CustomServer, process: Process) -> str | None:
    """``PORT=N `` for ``next start -p N`` when the server reads PORT, '' without flags, None for anything else."""
    flags = next_arguments(process)[2]
    source = code.files.source(server.entry)
    if flags[:1] in (("-p",), ("--port",)) and source is not None and b"process.env.PORT" in source.data:
        return f"PORT={flags[1]} " if len(flags) == 2 else None
    return "" if not flags else None
