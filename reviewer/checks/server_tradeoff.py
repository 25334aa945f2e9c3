"""What a custom server costs the application that gets one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.bodies import EVERY_MEDIA
from reviewer.core.check import Settings
from reviewer.core.expressquery import broken_query
from reviewer.core.finding import Finding, Site
from reviewer.core.parsers import parsers_ahead_of_next
from reviewer.core.project import Project
from reviewer.core.registrations import is_next
from reviewer.core.servers import CustomServer
from reviewer.core.servertraits import purpose_of, server_sites
from reviewer.core.symbols import Symbols

_KINDS = {
    "@nestjs/core": "nest",
    "express": "express",
    "fastify": "fastify",
    "koa": "koa",
    "@koa/router": "koa",
    "koa-router": "koa",
}
_DEPRECATED = ("render", "renderToHTML", "renderError", "renderErrorToHTML", "render404", "setAssetPrefix")


@dataclass(frozen=True, slots=True)
class _Cost:
    """A cost that applies here, by the name the page has for it, and the place that shows it."""

    name: str
    site: Site


def custom_server_tradeoff(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Every custom server that may run in production; those a change brings are news."""
    if app.is_static:
        return
    for server in project.servers_of(app):
        kind = _kind(server)
        if kind in settings.options["enabled_for"] and purpose_of(project.code, app, server) == "production":
            yield _finding(app, project, server, kind, settings)


def _kind(server: CustomServer) -> str:
    """What the server is built on, in the words of the options: ``http`` where it is on Node alone."""
    kinds = [_KINDS.get(name, "other") for name in server.frameworks]
    return min(kinds, key=[*_KINDS.values(), "other"].index, default="http")


def _finding(app: App, project: Project, server: CustomServer, kind: str, settings: Settings) -> Finding:
    build = next(_build(app, server), None)
    request = next(_request(app, project, server, settings), None)
    sites = [*server_sites(app, server), *(cost.site for cost in (build, request) if cost is not None)]
    return settings.finding(
        app,
        sites,
        key=kind,
        args={
            "file": server.file,
            "framework": server.frameworks or ("http",),
            "build": build.name if build is not None else "node",
            "request": request.name if request is not None else "headers",
            "uncaught": _uncaught(app),
            "host": _host(app),
            "hook": _hook(app),
        },
        group="custom-server",
        subjects=[server.file],
    )


def _build(app: App, server: CustomServer) -> Iterator[_Cost]:
    """What becomes of the file when the application is built."""
    if app.config.text("output") == "standalone":
        line = app.config.option("output").line
        yield _Cost("standalone", Site(app.config.path, line, 1, line, "standalone output"))
    if server.file.endswith("ts"):
        yield _Cost("typescript", Site(server.file, server.line, 1, server.line, "this file is TypeScript"))


def _request(app: App, project: Project, server: CustomServer, settings: Settings) -> Iterator[_Cost]:
    """What becomes of requests, the gravest first."""
    broken = broken_query(app, project, server)
    if broken is not None:
        yield _Cost("express5", broken.registration.site("Express 5 before Next"))
    parsers = {kind: Symbols.of(settings.listed(kind)) for kind in EVERY_MEDIA}
    for parser, _, _ in parsers_ahead_of_next(server, parsers):
        yield _Cost("parser", parser.site("bodies are read here"))
    if app.version("next").lt("16.0.0") is False:
        yield from (_Cost("render", site) for site in _deprecated(server))
    for behaviour in server.behaviours:
        if behaviour.kind == "websocket":
            site = Site(behaviour.path, behaviour.line, 1, behaviour.line, f"`{behaviour.label}` takes upgrades")
            yield _Cost("upgrade", site)


def _deprecated(server: CustomServer) -> Iterator[Site]:
    for path in server.files:
        facts = server.code.facts(path)
        for call in facts.calls if facts is not None else ():
            if call.method in _DEPRECATED and is_next(server.code.expand(path, call.callee)):
                yield Site(path, call.line, call.column, call.line, f"`{call.method}()` is called here")


def _uncaught(app: App) -> str:
    """What is seen of an uncaught error, as measured on Next 14 to 16."""
    version = app.version("next")
    if version.lt("14.0.0") is False and version.lt("15.0.0") is True:
        return "silent"
    return "logged" if version.lt("15.0.0") is False and version.lt("17.0.0") is True else "unknown"


def _host(app: App) -> str:
    if app.deployment.is_vercel():
        return "vercel"
    return "unknown" if app.deployment.model == "unknown" else "named"


def _hook(app: App) -> str:
    """The file of Next that sees requests first; ``none`` before Next 13, which has few of the ways there are now."""
    version = app.version("next")
    if version.lt("13.0.0"):
        return "none"
    is_before = version.lt("16.0.0")
    if is_before is None:
        return "unknown"
    return "middleware" if is_before else "proxy"
