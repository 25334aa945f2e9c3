"""One application of a repository: its directories, routes, handlers, versions and where it runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

from reviewer.core.code import Code
from reviewer.core.conventions import Bundler, Conventions, bundler_of
from reviewer.core.deploy import Deployment, deployment
from reviewer.core.finding import Evidence
from reviewer.core.handlers import Handler, handlers_of
from reviewer.core.manifest import Package, join
from reviewer.core.nextconfig import NextConfig, read_config
from reviewer.core.roles import DEFAULT_EXTENSIONS, Route, app_route, pages_route, pattern_matches
from reviewer.core.versions import Version


class App:
    """A Next application root, or the root of a service on Express and the like."""

    def __init__(self, code: Code, root: str, package: Package, kind: Literal["next", "service"] = "next") -> None:
        self.code = code
        self.root = root
        self.package = package
        self.kind = kind
        self.is_only = False
        self.evidence: Evidence = "high"

    # -- Next's directories -------------------------------------------------------------------------------------------

    @cached_property
    def config(self) -> NextConfig:
        return read_config(self.code.files, self.root, self.version("next"))

    @cached_property
    def page_extensions(self) -> tuple[str, ...]:
        extensions = self.config.texts("pageExtensions")
        return extensions or DEFAULT_EXTENSIONS

    @cached_property
    def _directories(self) -> frozenset[str]:
        candidates = [join(self.root, name) for name in ("pages", "src/pages", "app", "src/app")]
        return frozenset(candidate for candidate in candidates if self.code.files.below(candidate))

    def _directory(self, name: str) -> str:
        for candidate in (join(self.root, name), join(self.root, f"src/{name}")):
            if candidate in self._directories:
                return candidate
        return ""

    @cached_property
    def pages_dir(self) -> str:
        return self._directory("pages") if self.kind == "next" else ""

    @cached_property
    def app_dir(self) -> str:
        """The App Router's directory; before Next 13.4 ``app`` is an ordinary folder, but for those who tried it."""
        if self.kind != "next" or (self.version("next").lt("13.4.0") is True and not self._tries_app_router):
            return ""
        return self._directory("app")

    @property
    def _tries_app_router(self) -> bool:
        """Whether Next 13.0 to 13.3 is told to have an App Router."""
        return self.version("next").lt("13.0.0") is False and self.config.flag("experimental.appDir") is True

    @cached_property
    def conventions(self) -> Conventions:
        """The files Next loads by their name, and where it looks for them."""
        used = (self.pages_dir, self.app_dir)
        return Conventions(self.code, self.root, self._directories, used, self.config, self.version("next"))

    @cached_property
    def bundler(self) -> Bundler:
        """What ``next build`` bundles with."""
        return bundler_of(self.code, self.root, self.package, self.version("next"))

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every file Next serves, the App Router's first."""
        files, pages, app = self.code.files, self.pages_dir, self.app_dir
        found = [app_route(path, app, self.page_extensions) for path in (files.below(app) if app else ())]
        found += [pages_route(path, pages, self.page_extensions) for path in (files.below(pages) if pages else ())]
        return tuple(route for route in found if route is not None and files.is_file(route.path))

    @cached_property
    def api_routes(self) -> tuple[Route, ...]:
        return tuple(route for route in self.routes if route.is_api)

    def routes_of(self, roles: Sequence[str]) -> list[Route]:
        """The routes with one of the given roles."""
        self.code.files.prefetch(route.path for route in self.api_routes)
        return [route for route in self.routes if route.role in roles]

    def handlers(self, route: Route) -> tuple[Handler, ...]:
        """The request handlers a route file exports, one per HTTP method it names."""
        if route.path not in self._handlers:
            self._handlers[route.path] = tuple(handlers_of(self.code, route))
        return self._handlers[route.path]

    @cached_property
    def _handlers(self) -> dict[str, tuple[Handler, ...]]:
        return {}

    def serves(self, url: str) -> Route | None:
        """The route that answers a URL path, ``basePath`` included; None where that cannot be told."""
        base = self.config.text("basePath")
        if base is None or not url.startswith(base):
            return None
        path = url[len(base) :].rstrip("/")
        routes = (route for route in self.routes if route.is_addressable or route.path.startswith(f"{self.pages_dir}/"))
        return next((route for route in routes if pattern_matches(route.pattern, path)), None)

    @property
    def is_static(self) -> bool:
        """Whether the build is exported as files, so that no server of Next's ever runs."""
        return self.config.text("output") == "export"

    # -- what it is made of and where it runs --------------------------------------------------------------------------

    def version(self, name: str) -> Version:
        """Possible versions of a dependency; unknown where nothing asks for it."""
        if name not in self._versions:
            self._versions[name] = self.code.version(self.package, name)
        return self._versions[name]

    @cached_property
    def _versions(self) -> dict[str, Version]:
        return {}

    def depends_on(self, name: str) -> bool:
        return self.code.spec(self.package, name) is not None

    @cached_property
    def deployment(self) -> Deployment:
        return deployment(
            self.code.hosts,
            self.root,
            self.is_only,
            kind=self.kind,
            package=self.package,
            exported=self.kind == "next" and self.is_static,
        )

    @property
    def name(self) -> str:
        """How people call it: its directory, or the package's name for the root."""
        return self.root or self.package.name or "the repository root"
