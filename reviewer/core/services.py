"""Services of a repository: which are started, on what they are built, what they are for, and on which port."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.features import Features
from reviewer.core.manifest import join
from reviewer.core.packaged import Packaged
from reviewer.core.project import SERVICE_FRAMEWORKS, Project

_LISTENING = ((b".listen(",), (b"serve(",), (b"serverless-http",), (b"serverless-express",))
_HTTP = frozenset({"http", "node:http", "https", "node:https", "http2", "node:http2"})
_ADAPTERS = frozenset({"serverless-http", "@vendia/serverless-express", "aws-lambda-fastify", "@fastify/aws-lambda"})
_VIEWS = ("ejs", "pug", "hbs", "nunjucks", "express-handlebars")
_PROXIES = ("http-proxy-middleware", "express-http-proxy", "@fastify/http-proxy")
_RENDERERS = ("nuxt", "astro", "@sveltejs/kit", "@remix-run/react", "react-router", "@tanstack/react-start", "gatsby")
_MOCK = re.compile(r"(?:^|[/@._-])mocks?(?:$|[/._-])")
_REGISTRATION = re.compile(
    rb"""\.(?:get|post|put|patch|delete|all)\(\s*['"`]/|^\s*@(?:Get|Post|Put|Patch|Delete|All)\(""", re.MULTILINE
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

    def of(self, app: App) -> Service | None:
        return next((service for service in self.entries if service.app is app), None)

    def _service(self, app: App) -> Service | None:
        depends = app.package.dependencies
        if (
            any(name in depends for name in _RENDERERS)
            or _MOCK.search(f"{app.root}/")
            or _MOCK.search(app.package.name)
            or {"msw", "json-server"} & depends.keys()
        ):
            return None
        scripts = self.packaged.scripts(app)
        marked = self.project.files.containing(scripts, {"listening": _LISTENING})["listening"]
        for path in sorted(marked):
            line = self._listens(path)
            if line and (self._is_started(path) or self._is_function(path)):
                routes = self._routes(scripts)
                return Service(app, _kind(app), self._role(app, routes), path, line, self._port(app, path), routes)
        return None

    def _listens(self, path: str) -> int:
        """The line where a file opens its port or hands its application to a function host; 0 where it does not."""
        code = self.project.code
        facts = code.facts(path)
        for call in facts.calls if facts is not None else ():
            ref = code.expand(path, call.callee)
            module = ref.module if ref is not None and ref.kind == "import" else ""
            if module in _ADAPTERS or (ref is not None and module == "@hono/node-server" and ref.path() == (".serve",)):
                return call.line
            if call.method in ("listen", "start") and module in (*SERVICE_FRAMEWORKS, *_HTTP):
                return call.line
        modules = {item.module for item in facts.imports if not item.type_only} if facts is not None else set()
        if facts is not None and modules & {*SERVICE_FRAMEWORKS, *_HTTP}:
            return next((call.line for call in facts.calls if call.method == "listen"), 0)
        return 0

    def _is_started(self, path: str) -> bool:
        return bool(self.features.launchers(path).production)

    def _is_function(self, path: str) -> bool:
        facts = self.project.code.facts(path)
        return facts is not None and any(item.module in _ADAPTERS for item in facts.imports)

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


def _kind(app: App) -> str:
    """The framework as people call it, with what Nest runs on."""
    depends = app.package.dependencies
    if "@nestjs/core" in depends:
        return "NestJS on Fastify" if "@nestjs/platform-fastify" in depends else "NestJS on Express"
    name = next(name for name in SERVICE_FRAMEWORKS if depends.get(name, ("", ""))[1] == "dependencies")
    return {"@hapi/hapi": "hapi"}.get(name, name.capitalize())
