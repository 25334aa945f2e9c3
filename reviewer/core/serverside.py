"""Which code of a Next application runs on the server, and whether it runs while the application is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from reviewer.core.app import App
from reviewer.core.bindings import Script, Scripts
from reviewer.core.clientfiles import is_client_file
from reviewer.core.manifest import parent
from reviewer.core.nodes import PLAIN_FUNCTIONS, begins_with_directive
from reviewer.core.roles import METHODS, Route
from reviewer.core.syntax import Node, captures

EntryKind = Literal[
    "getServerSideProps",
    "getStaticProps",
    "getStaticPaths",
    "getInitialProps",
    "component",
    "generateMetadata",
    "generateStaticParams",
    "file",
    "handler",
    "action",
    "middleware",
]

MAX_CLOSURE = 60
_PAGE_FUNCTIONS: tuple[EntryKind, ...] = ("getServerSideProps", "getStaticProps", "getStaticPaths")
_APP_FUNCTIONS: dict[str, EntryKind] = {
    "default": "component",
    "generateMetadata": "generateMetadata",
    "generateViewport": "generateMetadata",
    "generateStaticParams": "generateStaticParams",
    "generateSitemaps": "generateStaticParams",
}
_FILES = frozenset({"sitemap", "robots", "manifest", "icon", "apple-icon", "opengraph-image", "twitter-image"})
_AROUND = ("layout", "template")
_DYNAMIC = re.compile(
    rb"(?<![\w.])(?:cookies|headers|draftMode|connection|noStore|unstable_noStore)\s*\("
    rb"|['\"](?:no-store|no-cache|force-dynamic|force-no-store)['\"]|\brevalidate\s*[:=]\s*0\b"
    rb"|\bruntime\s*=\s*['\"](?:experimental-)?edge|['\"]use cache: private['\"]"
)
_SEARCH = re.compile(rb"(?<![.\w])searchParams\b")
_STATIC = re.compile(rb"\bdynamic\s*=\s*['\"](?:force-static|error)['\"]")
_SESSIONS = re.compile(
    rb"['\"](?:next-auth|@auth/|@clerk/|iron-session|better-auth|@auth0/|@kinde-oss/|@workos-inc/|lucia|@supabase/"
    rb"|next-intl/server|server-only-context)|\bgetServerSession\b|(?<![\w.])auth\s*\("
)
_EMPTY_PATHS = re.compile(rb"\bpaths\s*:\s*\[\s*\]")
_EMPTY_PARAMS = re.compile(rb"generateStaticParams\b[^}]{0,120}?return\s*\[\s*\]")
_CACHED = re.compile(rb"\bcacheComponents\b|\bdynamicIO\b|\bppr\b|\buseCache\b")


@dataclass(frozen=True, slots=True)
class Entry:
    """Code that runs on the server: where it is written, as what, and for which route.

    ``builds`` says whether it runs while the application is built; None where that cannot be told.
    """

    kind: EntryKind
    name: str
    script: Script
    node: Node
    route: Route | None
    builds: bool | None = field(default=False)


class ServerSide:
    """The server's side of one application."""

    def __init__(self, app: App, scripts: Scripts) -> None:
        self.app = app
        self.code = app.code
        self.scripts = scripts

    @cached_property
    def routes(self) -> dict[str, Route]:
        return {route.path: route for route in self.app.routes}

    @cached_property
    def middleware(self) -> str:
        """The middleware or proxy file that Next loads, or ''."""
        names = ("proxy", "middleware")
        found = (self.app.conventions.effective(name) for name in names if self.app.conventions.loads(name))
        return next((candidate.path for candidate in found if candidate is not None), "")

    def is_entry(self, path: str) -> bool:
        """Whether Next may run code of the file by itself, as far as its name and a look at its text tell."""
        return path in self.routes or path == self.middleware or self._is_special(path) or self._has_actions(path)

    def _is_special(self, path: str) -> bool:
        pages = self.app.pages_dir
        return bool(pages) and parent(path) == pages and path.rpartition("/")[2].startswith(("_app.", "_document."))

    def _has_actions(self, path: str) -> bool:
        return b"use server" in (self.code.files.raw(path) or b"")

    def entries(self, path: str) -> Iterator[Entry]:
        """The code of a file that runs on the server by itself."""
        script = self.scripts.of(path)
        if script is None:
            return
        route = self.routes.get(path)
        if path == self.middleware:
            yield from self._exported(script, route, ("middleware", "proxy", "default"), "middleware", False)
        elif route is not None and route.is_api:
            names = ("default",) if route.role == "pages-api-route" else METHODS
            yield from self._exported(script, route, names, "handler", False)
        elif path.startswith(f"{self.app.app_dir}/") and self.app.app_dir and route is not None:
            yield from self._in_app(script, route)
        elif path.startswith(f"{self.app.pages_dir}/") and self.app.pages_dir:
            yield from self._in_pages(script, route)
        yield from self._actions(script)

    def _exported(
        self, script: Script, route: Route | None, names: tuple[str, ...], kind: EntryKind, builds: bool | None
    ) -> Iterator[Entry]:
        for name in names:
            declared = self.scripts.resolved(self.scripts.export(script.path, name))
            if declared is not None and not declared.steps and not declared.script.is_client:
                yield Entry(kind, name, declared.script, declared.node, route, builds)

    # -- pages --------------------------------------------------------------------------------------------------------

    def _in_pages(self, script: Script, route: Route | None) -> Iterator[Entry]:
        data = script.tree.source.data
        for kind in _PAGE_FUNCTIONS:
            builds = kind != "getServerSideProps"
            if kind == "getStaticProps" and _EMPTY_PATHS.search(data):
                yield from self._exported(script, route, (kind,), kind, None)
            else:
                yield from self._exported(script, route, (kind,), kind, builds)
        if b"getInitialProps" in data:
            yield from self._initial_props(script, route)

    def _initial_props(self, script: Script, route: Route | None) -> Iterator[Entry]:
        """``Page.getInitialProps = …`` and the static method of a class."""
        pattern = "(assignment_expression) @assignment (method_definition) @method"
        for node, kind in captures(script.tree, pattern):
            named = node.child_by_field_name("left" if kind == "assignment" else "name")
            value = node.child_by_field_name("right") if kind == "assignment" else node
            if named is not None and value is not None and script.text(named).endswith("getInitialProps"):
                yield Entry("getInitialProps", "getInitialProps", script, value, route)

    # -- the App Router -----------------------------------------------------------------------------------------------

    def _in_app(self, script: Script, route: Route) -> Iterator[Entry]:
        if script.is_client:
            return
        stem = route.path.rpartition("/")[2].partition(".")[0]
        for name, kind in _APP_FUNCTIONS.items():
            if stem in _FILES and name == "default":
                yield from self._exported(script, route, (name,), "file", self._builds(route, stem))
            elif kind == "generateStaticParams":
                yield from self._exported(script, route, (name,), kind, True)
            else:
                yield from self._exported(script, route, (name,), kind, self._builds(route, stem))

    def _builds(self, route: Route, stem: str) -> bool | None:
        """Whether a file of the App Router is rendered by the build: it must be static, and so must its layouts."""
        if self._has_cached_components:
            return None
        around = [path for path in self._around(route) if path != route.path] if stem not in _FILES else []
        own = self.code.files.raw(route.path) or b""
        texts = [own, *(self.code.files.raw(path) or b"" for path in around)]
        if any(_STATIC.search(text) for text in texts):
            return True
        if _SEARCH.search(own) or any(_DYNAMIC.search(text) for text in texts):
            return False
        if "[" in route.pattern:
            if not any(b"generateStaticParams" in text for text in texts):
                return False
            if any(_EMPTY_PARAMS.search(text) for text in texts):
                return None
        if stem not in ("page", *_FILES):
            return None
        return True if all(self._is_plain(path) for path in (route.path, *around)) else None

    @cached_property
    def _has_cached_components(self) -> bool:
        path = self.app.config.path
        return bool(path) and _CACHED.search(self.code.files.raw(path) or b"") is not None

    def _around(self, route: Route) -> list[str]:
        """The layouts and templates around a file."""
        found, directory = [], parent(route.path)
        while directory.startswith(self.app.app_dir):
            for stem in _AROUND:
                names = (f"{directory}/{stem}.{extension}" for extension in self.app.page_extensions)
                found += [name for name in names if name in self.routes]
            directory = parent(directory)
        return found

    def _is_plain(self, path: str) -> bool:
        """Whether neither the file nor what it loads on the server shows anything that ties it to a request."""
        seen, queue = {path}, [path]
        while queue:
            file = queue.pop()
            data = self.code.files.raw(file) or b""
            if _DYNAMIC.search(data) or _SESSIONS.search(data) or len(seen) > MAX_CLOSURE:
                return False
            for target in self._loaded(file):
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
        return True

    def _loaded(self, path: str) -> Iterator[str]:
        for target in self.code.specifiers.scripts(path):
            if not is_client_file(self.code.files.raw(target) or b""):
                yield target

    # -- Server Actions -----------------------------------------------------------------------------------------------

    def _actions(self, script: Script) -> Iterator[Entry]:
        facts = self.code.surface(script.path)
        if facts is None or b"use server" not in script.tree.source.data:
            return
        if "use server" in facts.directives:
            for export in facts.exports:
                declared = self.scripts.resolved(self.scripts.export(script.path, export.name))
                if declared is not None and declared.script is script:
                    yield Entry("action", export.name, script, declared.node, None)
            return
        pattern = " ".join(f"({kind}) @function" for kind in PLAIN_FUNCTIONS)
        for node, _ in captures(script.tree, pattern):
            if begins_with_directive(script.tree, node, "use server"):
                name = node.child_by_field_name("name")
                yield Entry("action", script.text(name) if name is not None else "", script, node, None)
