"""Custom servers that only do what ``next start`` does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.finding import Finding
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.servertraits import host_entry, purpose_of, server_sites, start_of, traits_of
from reviewer.core.starts import Start, production_start

_PRELOADS = re.compile(r"(?:^|\s)(?:-r|--require|--import|--loader|--env-file(?:-if-exists)?)[\s=]")


def redundant_custom_server(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Servers that hand every request to Next, listen, and do nothing else."""
    if app.is_static:
        return
    for server in project.servers_of(app):
        if _answers(server) or traits_of(server) or purpose_of(project.code, app, server) != "production":
            continue
        if (
            _is_kept(project.code, app, server)
            or host_entry(project.code, server) in settings.options["keep_for_hosts"]
        ):
            continue
        start = production_start(project.code, app)
        bypassed = start is not None and start.runs_next_start(app) is not None
        yield settings.finding(
            app,
            server_sites(app, server),
            key="forwards",
            args={
                "file": server.file,
                "bypassed": bypassed,
                "command": _command(start),
                "has_standalone": _has_standalone(app),
            },
            subject=server.file,
        )


def _answers(server: CustomServer) -> bool:
    """Whether anything but plain middleware is registered; one that does more than log has traits of its own."""
    return any(behaviour.kind != "middleware" for behaviour in server.behaviours)


def _is_kept(code: Code, app: App, server: CustomServer) -> bool:
    """Whether its start command loads something into the process before the server."""
    start = start_of(code, app, server)
    return start is not None and _PRELOADS.search(start.command) is not None


def _command(start: Start | None) -> str:
    return start.command if start is not None else ""


def _has_standalone(app: App) -> bool:
    return app.version("next").lt("12.0.0") is False
