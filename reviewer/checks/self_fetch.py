"""Server code that asks its own application over HTTP."""

from __future__ import annotations

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Finding
from reviewer.core.project import Project
from reviewer.core.selfcalls import SelfCalls
from collections.abc import Iterator


def self_fetch_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    calls = SelfCalls(app, project, project.marked[settings.rule.id], settings.options["own_origin_env"])
    yield from ()
