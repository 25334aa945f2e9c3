"""Services of a repository: which are started, on what they are built, what they are for, and on which port."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.features import Features
from reviewer.core.manifest import join
from reviewer.core.matrix import Fact
from reviewer.core.openings import ADAPTERS, Openings
from reviewer.core.packaged import Packaged
from reviewer.core.project import SERVICE_FRAMEWORKS, Project
from reviewer.core.surface import Surfaces, database_of

_VIEWS = ("ejs", "pug", "hbs", "nunjucks", "express-handlebars")
_PROXIES = ("http-proxy-middleware", "express-http-proxy", "@fastify/http-proxy")
_RENDERERS = ("nuxt", "astro", "@sveltejs/kit", "@remix-run/react", "react-router", "@tanstack/react-start", "gatsby")
_MOCK = re.compile(r"(?:^|[/@._-])mocks?(?:$|[/._-])")
_REGISTRATION = re.compile(
    rb"""\.(?:get|post|put|patch|delete|all)\(\s*['"`]/|\.openapi\(\s*\w|\.route\(\s*\{|^[^\S\n]*@(?:Get|Post|Put|Patch|Delete|All)\(""",
    re.MULTILINE,
)
_PORT = re.compile(rb"""(?:PORT\w*['"\])\s]*(?:\|\||\?\?|=)\s*|\.listen\(\s*|\bport:\s*)['"]?(\d{4,5})\b""")
ENV_EXAMPLES = (".env.example", ".env.template", ".env.sample")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that something starts, or that a function host is given. ``port`` is its default, 0 if unknown."""

    app: App
    kind: str
    role: str
    entry: str
    line: int
    port: int
    routes: int


@dataclass
class Services:
    """The services of one tree."""

    project: Project
    features: Features
    packaged: Packaged

    @cached_property
    def entries(self) -> tuple[Service, ...]:
        """Every service with a way to be started; mocks are none."""
        apps = [app for app in self.project.apps if app.kind == "service"]
        return tuple(service for app in apps if (service := self._service(app)) is not None)

    def database(self, service: Service) -> Fact | None:
        """Where a service imports a database client, or a package of the workspace made around one."""
        return database_of(self.project.once(Surfaces).of(service.app))

    def of(self, app: App) -> Service | None:
        return next((service for service in self.entries if service.app is app), None)

    @cached_property
    def _openings(self) -> Openings:
        return Openings(self.project, self.features)

    def _service(self, app: App) -> Service | None:
        if _is_something_else(app):
            return None
        scripts = self.packaged.scripts(app)
        openings = self._openings.of(app, scripts)
        for opening in sorted(openings, key=lambda opening: not self.features.started(opening.path)):
            starter = self._openings.starter(app, scripts, opening)
            if starter or self._is_function(opening.path):
                self.features.starters[opening.path] = starter
                routes, path = self._routes(scripts), opening.path
                role, port = self._role(app, routes), self._port(app, path)
                return Service(app, _kind(app), role, path, opening.line, port, routes)
        return None

    def _is_function(self, path: str) -> bool:
        facts = self.project.code.facts(path)
        return facts is not None and any(item.module in ADAPTERS for item in facts.imports)

    def _routes(self, scripts: Sequence[str]) -> int:
        words = {"routes": ((b"express",), (b"fastify",), (b"koa",), (b"hono",), (b"@nestjs/common",), (b"polka",))}
        marked = self.project.files.containing(scripts, words)["routes"]
        return sum(len(_REGISTRATION.findall(self.project.files.raw(path) or b"")) for path in marked)

    def _role(self, app: App, routes: int) -> str:
        """What a service is for, as far as its dependencies and features say."""
        depends = app.package.dependencies
        kinds = {feature.kind for feature in self.features.of(app)}
        if "queue-consumer" in kinds and routes <= 2:
            return "worker"
        if "websocket" in kinds and routes <= 2:
            return "socket server"
        if any(name in depends for name in _VIEWS):
            return "server of views"
        if any(name in depends for name in _PROXIES):
            return "backend for a frontend"
        return "API"

    def _port(self, app: App, entry: str) -> int:
        paths = [entry, *(join(app.root, name) for name in ENV_EXAMPLES)]
        for path in paths:
            source = self.project.files.source(path) if self.project.files.is_file(path) else None
            match = _PORT.search(source.data) if source is not None else None
            if match is not None:
                return int(match.group(1))
        return 0


def _is_something_else(app: App) -> bool:
    """Whether it renders pages by another framework, or stands in for a service in tests."""
    depends = app.package.dependencies
    if _MOCK.search(f"{app.root}/") or _MOCK.search(app.package.name):
        return True
    if app.root != app.package.dir:
        return False  # the package is that of several projects
    answers = "json-server" in depends or depends.get("msw", ("", ""))[1] == "dependencies"
    return answers or any(name in depends for name in _RENDERERS)


def _kind(app: App) -> str:
    """The framework as people call it, with what Nest runs on."""
    depends = app.package.dependencies
    if "@nestjs/core" in depends:
        return "NestJS on Fastify" if "@nestjs/platform-fastify" in depends else "NestJS on Express"
    name = next(name for name in SERVICE_FRAMEWORKS if depends.get(name, ("", ""))[1] == "dependencies")
    return {"@hapi/hapi": "hapi"}.get(name, name.capitalize())
