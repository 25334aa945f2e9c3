"""Custom servers that only do what ``next start`` does."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Finding
from reviewer.core.project import Project
from reviewer.core.servertraits import only_forwards, purpose_of, server_sites
from reviewer.core.starts import Start, production_start


def redundant_custom_server(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Servers that hand every request to Next, listen, and do nothing else."""
    if app.is_static:
        return
    for server in project.servers_of(app):
        if purpose_of(project.code, app, server) != "production":
            continue
        if not only_forwards(app, server, settings.options["keep_for_hosts"]):
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
            subjects=[server.file],
        )


def _command(start: Start | None) -> str:
    return start.command if start is not None else ""


def _has_standalone(app: App) -> bool:
    return app.version("next").lt("12.0.0") is False
