"""What an application shows and serves: its pages, handlers and Server Actions, and how handlers are wrapped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.database import database_client
from reviewer.core.facts import FileFacts
from reviewer.core.handlers import Handler
from reviewer.core.matrix import Confidence, Fact, Reason
from reviewer.core.packaged import Packaged
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.syntax import captures, language_of, parse
from reviewer.core.text import first_line

BARE_PAGES, BARE_ELEMENTS = 2, 15
MAX_HEAD = 1024  # where the directive of a module stands
_ELEMENTS = "(jsx_opening_element) @element (jsx_self_closing_element) @element"
_COMPONENTS = re.compile(r"(?:^|[/@~])(?:components?|features|views|widgets|sections|containers|screens)(?:/|$)")
_PRERENDER = re.compile(
    rb"^export\s+(?:default\s+)?(?:async\s+)?(?:function|const|let)\s+"
    rb"(?:getStaticProps|generateStaticParams|generateMetadata|metadata)\b",
    re.MULTILINE,
)
_SERVER_PROPS = re.compile(rb"^export\s+(?:async\s+)?(?:function|const)\s+getServerSideProps\b", re.MULTILINE)
_DATA = re.compile(rb"\b(?:getServerSideProps|getStaticProps|getInitialProps|useSWR|useQuery)\b|\bfetch\(")
_ASYNC_PAGE = re.compile(rb"^export\s+default\s+async\s+function\b", re.MULTILINE)
_DIRECTIVE = re.compile(rb"""(?:\xef\xbb\xbf)?(?>\s+|//[^\n]*\n|/\*(?s:.*?)\*/)*+['"]use server['"]""")
_ACTION = re.compile(rb"^export\s+(?:default\s+)?(?:async\s+function|function|const|let)\b", re.MULTILINE)
_INLINE_ACTION = re.compile(rb"""^[ \t]+['"]use server['"]""", re.MULTILINE)
_METADATA = frozenset({"sitemap", "robots"})


@dataclass(frozen=True)
class Surface:
    """The outside of a Next application, read once."""

    app: App
    project: Project
    packaged: Packaged

    @property
    def code(self) -> Code:
        return self.project.code

    @cached_property
    def pages(self) -> tuple[Route, ...]:
        """One page file for each URL, in the order of their paths."""
        by_pattern: dict[str, Route] = {}
        for route in sorted(self.app.routes, key=lambda route: route.path):
            if self._is_page(route) and "/(." not in route.pattern:
                by_pattern.setdefault(route.pattern, route)
        return tuple(by_pattern.values())

    def _is_page(self, route: Route) -> bool:
        below_pages = bool(self.app.pages_dir) and route.path.startswith(self.app.pages_dir + "/")
        return not route.is_api and (below_pages or route.path.rpartition("/")[2].startswith("page."))

    @cached_property
    def is_bare(self) -> bool:
        """Whether the pages hardly render anything: a landing page beside an API."""
        if len(self.pages) > BARE_PAGES:
            return False
        counts = [self._elements(page.path) for page in self.pages]
        return sum(counts) < BARE_ELEMENTS

    def _elements(self, path: str) -> int:
        """JSX elements of a page; as many as count where it gets data, uses components or cannot be read."""
        facts, source, language = self.code.facts(path), self.code.files.source(path), language_of(path)
        if facts is None or source is None or language is None or self._uses_more(path, facts):
            return BARE_ELEMENTS
        if _DATA.search(source.data) or _ASYNC_PAGE.search(source.data):
            return BARE_ELEMENTS
        return 0 if language == "typescript" else len(captures(parse(source, language), _ELEMENTS))

    def _uses_more(self, path: str, facts: FileFacts) -> bool:
        for item in facts.imports:
            target = self.code.resolver.resolve(path, item.module) if not item.type_only else None
            if target is not None and (target.endswith("x") or _COMPONENTS.search(item.module)):
                return True
        return False

    @cached_property
    def handlers(self) -> tuple[tuple[Route, Handler], ...]:
        """Every handler of a route, one for each method."""
        routes = sorted(self.app.api_routes, key=lambda route: route.path)
        self.code.files.prefetch(route.path for route in routes)
        return tuple((route, handler) for route in routes for handler in self.app.handlers(route))

    @cached_property
    def server_scripts(self) -> Sequence[str]:
        """The application's scripts that may run on a server."""
        return self.packaged.servers(self.app)

    @cached_property
    def actions(self) -> tuple[int, Fact | None]:
        """How many Server Actions there are, and where the first one is."""
        if not self.app.app_dir:
            return 0, None
        total, first = 0, None
        pages = {route.path for route in self.app.routes if not route.is_api}
        for path in self.server_scripts:
            data = self.code.files.raw(path) or b""
            if b"use server" not in (data if path in pages else data[:MAX_HEAD]):
                continue
            count, fact = self._actions_in(path)
            total, first = total + count, first or fact
        return total, first

    def _actions_in(self, path: str) -> tuple[int, Fact | None]:
        data = self.code.files.raw(path) or b""
        if _DIRECTIVE.match(data, 0, MAX_HEAD):
            line = first_line(data, _ACTION)
            return len(_ACTION.findall(data)), Fact("{} Server Actions", path, line) if line else None
        line = first_line(data, _INLINE_ACTION)
        return len(_INLINE_ACTION.findall(data)), Fact("{} Server Actions", path, line, "medium") if line else None


class Surfaces:
    """The surface of each application of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[App, Surface] = {}

    def of(self, app: App) -> Surface:
        if app not in self._known:
            self._known[app] = Surface(app, self.project, self.project.once(Packaged))
        return self._known[app]


def rendering(surface: Surface) -> Iterator[Reason]:
    """U: how much an application renders."""
    pages = surface.pages
    shown = 0 if surface.is_bare else len(pages)
    if shown:
        points = 1 if shown <= 2 else 2 if shown <= 9 else 3
        yield Reason("U", points, Fact(nouns(shown, "page"), pages[0].path, names=(shown,)))
        for fact in (_prerendered(surface), _server_data(surface)):
            if fact is not None:
                yield Reason("U", 1, fact)


def _prerendered(surface: Surface) -> Fact | None:
    for route in sorted(surface.app.routes, key=lambda route: route.path):
        name, _, suffix = route.path.rpartition("/")[2].partition(".")
        if name in _METADATA or suffix in ("md", "mdx"):
            return Fact("pages are made to be found by search engines", route.path)
    found = _first(surface, [route.path for route in surface.app.routes if not route.is_api], _PRERENDER)
    return Fact("pages are prerendered or set metadata", *found) if found is not None else None


def _server_data(surface: Surface) -> Fact | None:
    pages = [page.path for page in surface.pages]
    found = _first(surface, pages, _SERVER_PROPS)
    if found is None and surface.app.app_dir:
        found = _first(surface, [path for path in pages if path.startswith(surface.app.app_dir)], _ASYNC_PAGE)
    return Fact("pages load data on the server", *found) if found is not None else None


def _first(surface: Surface, paths: Sequence[str], pattern: re.Pattern[bytes]) -> tuple[str, int] | None:
    for path in sorted(paths):
        line = first_line(surface.code.files.raw(path) or b"", pattern)
        if line:
            return path, line
    return None


def backend(surface: Surface, own_handlers: Sequence[Fact]) -> Iterator[Reason]:
    """B: how much an application answers. *own_handlers* are those of a custom server it is started by."""
    actions, first_action = surface.actions
    handlers = len(surface.handlers) + len(own_handlers)
    total = handlers + actions
    points = next((points for least, points in ((100, 4), (26, 3), (6, 2), (1, 1)) if total >= least), 0)
    if points and surface.handlers:
        route, handler = surface.handlers[0]
        names: tuple[int, ...] = (handlers,)
        text = nouns(handlers, "request handler")
        if actions:
            names, text = (handlers, actions), f"{text} and {nouns(actions, 'Server Action')}"
        yield Reason("B", points, Fact(text, route.path, handler.export.line, names=names))
    elif points and own_handlers:
        first = own_handlers[0]
        text = f"{nouns(total, 'request handler')} of a custom server"
        told: Confidence = "medium" if any(str(fact.names[0]).startswith("@") for fact in own_handlers) else "high"
        yield Reason("B", points, Fact(text, first.path, first.line, told, (total,)))
    elif points and first_action is not None:
        text = nouns(actions, "Server Action")
        yield Reason("B", points, replace(first_action, text=text, names=(actions,)))
    if (database := database_of(surface)) is not None:
        yield Reason("B", 1, database)


def database_of(surface: Surface) -> Fact | None:
    """The file that makes or imports a database client. The application may be a service."""
    apis = sorted(route.path for route in surface.app.api_routes)
    return database_client(surface.code, surface.app.package, apis, surface.server_scripts)


def pipeline(surface: Surface, middlewares: Sequence[Fact]) -> Iterator[Reason]:
    """M: what every request passes. *middlewares* are those of a custom server the application is started by."""
    if len(middlewares) >= 3:
        first = middlewares[0]
        text = "{} middlewares registered in a custom server"
        yield Reason("M", 1, Fact(text, first.path, first.line, names=(len(middlewares),)))
    wrapped = [(route, handler) for route, handler in surface.handlers if handler.chain]
    if len(wrapped) >= 10:
        route, handler = wrapped[0]
        yield Reason("M", 1, Fact("{} wrapped handlers", route.path, handler.export.line, names=(len(wrapped),)))
    if (repeated := repeated_chain(surface)) is not None:
        yield Reason("M", 1, repeated)


def repeated_chain(surface: Surface) -> Fact | None:
    """The chain of wrappers that the most handlers spell out, three at least."""
    ignored = surface.code.names.get("provider_wrappers", ())
    chains: dict[tuple[str, ...], tuple[Route, Handler]] = {}
    counts: Counter[tuple[str, ...]] = Counter()
    for route, handler in surface.handlers:
        spelled = [w for w in handler.chain if w.path == route.path and not w.composed and w.name not in ignored]
        if len(spelled) >= 2:
            chain = tuple(wrapper.name for wrapper in spelled)
            counts[chain] += 1
            chains.setdefault(chain, (route, handler))
    chain, most = max(counts.items(), key=lambda row: (row[1], row[0]), default=((), 0))
    if most < 3:
        return None
    route, handler = chains[chain]
    text = "the chain {} is spelled out in {} handlers"
    return Fact(text, route.path, handler.export.line, names=(" > ".join(chain), most))


def nouns(number: int, noun: str) -> str:
    """``{} pages``, where a fact's names hold the number."""
    return f"{{}} {noun}{'' if number == 1 else 's'}"
