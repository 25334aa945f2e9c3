"""Who else calls an application's API: other packages, foreign origins, holders of keys, readers of a contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reviewer.core.app import App
from reviewer.core.crossorigin import covers, open_headers
from reviewer.core.manifest import Package, join
from reviewer.core.matrix import Fact, Reason
from reviewer.core.nextconfig import config_path
from reviewer.core.project import Project
from reviewer.core.roles import Route, is_ignored
from reviewer.core.surface import Surface, Surfaces
from reviewer.core.text import first_line

_NATIVE = {
    "expo": "an Expo app",
    "react-native": "a React Native app",
    "@capacitor/core": "a Capacitor app",
    "electron": "an Electron app",
}
_NEXT, _VITE = "another Next.js app", "a Vite app"
_SESSIONS = (
    *("next-auth", "iron-session", "better-auth", "@clerk/nextjs", "lucia", "@supabase/ssr", "@auth0/nextjs-auth0"),
    *("next-iron-session", "cookie-session", "express-session", "@auth/core", "@kinde-oss/kinde-auth-nextjs"),
)
_ALLOWED = re.compile(
    rb"""access-control-allow-origin['"`]?\s*[,:\]]\s*(?:=\s*)?(?:['"`](?P<text>[^'"`\n]*)['"`]|(?P<code>[\w$.]+))""",
    re.IGNORECASE,
)
_LOCAL = re.compile(rb"localhost|127\.0\.0\.1|^null$|^$")
_OWN = re.compile(
    rb"^process\.env\.(?:NEXT_PUBLIC_)?(?:APP|SITE|BASE|WEB|FRONTEND|VERCEL|NEXTAUTH)_?(?:URL|ORIGIN|HOST)$"
)
_HOST = re.compile(rb"https?://(?:www\.)?([\w-]+(?:\.[\w-]+)+)")
_METADATA_BASE = re.compile(rb"\bmetadataBase\s*:\s*new URL\(\s*['\"`]https?://(?:www\.)?([\w-]+(?:\.[\w-]+)+)")
_CORS_PACKAGE = re.compile(rb"\b(?:from|require\()\s*['\"](?:nextjs-cors|cors)['\"]")
_CORS_HELPER = re.compile(rb"import\b[^;'\"]*\b\w*[cC]ors\w*\b[^;'\"]*\bfrom\s*['\"]")
_PREFLIGHT = re.compile(rb"^export\s+(?:async\s+)?(?:function|const)\s+OPTIONS\b", re.MULTILINE)
MIN_ROUTES = 2
_KEYS = re.compile(
    rb"""headers(?:\(\))?\s*(?:\??\.get\(\s*|\??\.?\[\s*)['"`](?i:x-api-key)['"`]"""
    rb"""|\.(?:startsWith|replace|split)\(\s*['"`]Bearer |/\^?Bearer\b"""
)
_LIKELY = re.compile(r"(?i)auth|key|token|session|middleware|proxy|guard")
_URL = re.compile(rb"""['"`}](/(?:api|v\d+)/[\w/.-]*)""")
_VERSIONED = re.compile(r"/v\d+(?:/|$)")
_CONTRACTS = tuple(f"{name}.{suffix}" for name in ("openapi", "swagger") for suffix in ("json", "yaml", "yml"))
_SDK = re.compile(r"(?:^|[/-])(?:sdk|client|api-client)(?:$|-)")


SignalKind = Literal["cors", "keys", "versions", "contract", "sdk", "client", "workspace"]
_POINTS: dict[SignalKind, int] = {"client": 2}


@dataclass(frozen=True, slots=True)
class Signal:
    """A sign that others than the application's own pages call its API.

    ``routes`` counts the route files that each give it, 0 where one place speaks for all of them.
    """

    kind: SignalKind
    fact: Fact
    routes: int = 0


class Consumers:
    """Who else calls the API of each application of a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[App, tuple[Signal, ...]] = {}

    def of(self, app: App) -> tuple[Signal, ...]:
        """The signals, each kind once. A client of the workspace that is only there is the kind ``workspace``."""
        if app not in self._known:
            surface = self.project.once(Surfaces).of(app)
            self._known[app] = tuple(_signals(surface)) if app.api_routes else ()
        return self._known[app]

    def reasons(self, app: App) -> Iterator[Reason]:
        """C: the points of the signals. Versions in URLs and a contract are one."""
        kinds = {signal.kind for signal in self.of(app)}
        for signal in self.of(app):
            if signal.kind != "contract" or "versions" not in kinds:
                yield Reason("C", _POINTS.get(signal.kind, 1), signal.fact)


def _signals(surface: Surface) -> Iterator[Signal]:
    calling, other = _clients(surface)
    found: tuple[tuple[SignalKind, Fact | None], ...] = (
        ("keys", _keys(surface)),
        ("versions", _versions(surface)),
        ("contract", contract(surface.project, surface.app)),
        ("sdk", _sdk(surface)),
        ("client", calling),
        ("workspace", other),
    )
    origins = foreign_origins(surface)
    if origins is not None:
        yield origins
    yield from (Signal(kind, fact) for kind, fact in found if fact is not None)


# -- who may call -------------------------------------------------------------------------------------------------


def foreign_origins(surface: Surface) -> Signal | None:
    """CORS for origins other than the developers' own machines: in route files, before all of them, or in headers."""
    routes = sorted(route.path for route in surface.app.api_routes)
    allowing = list(_allowing(surface, routes))
    if len(allowing) >= MIN_ROUTES:
        text = "{} route files allow other origins (CORS)"
        return Signal("cors", Fact(text, *allowing[0], names=(len(allowing),)), len(allowing))
    for place in (surface.app.conventions.effective(stem) for stem in ("proxy", "middleware")):
        for path, line in _allowing(surface, [place.path] if place is not None else []):
            return Signal("cors", Fact("every route allows other origins (CORS)", path, line, "medium"))
    return _open_headers(surface)


def _allowing(surface: Surface, paths: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The files that allow foreign origins, with the line."""
    files, own = surface.code.files, list(_addresses(surface))
    words = ((b"llow-Origin",), (b"llow-origin",), (b"nextjs-cors",), (b"'cors'",), (b'"cors"',), (b"OPTIONS",))
    for path in sorted(files.containing(paths, {"cors": words})["cors"]):
        data = files.raw(path) or b""
        if line := _allows(data, own) or first_line(data, _CORS_PACKAGE) or _shares_headers(data):
            yield path, line


def _shares_headers(data: bytes) -> int:
    """Where a route answers preflight requests with headers of another file."""
    return first_line(data, _PREFLIGHT) if _CORS_HELPER.search(data) else 0


def _open_headers(surface: Surface) -> Signal | None:
    files = surface.code.files
    served = [
        route.pattern for route in surface.app.api_routes if "." not in route.pattern.rpartition("/")[2].lstrip("[.")
    ]
    config = config_path(files, surface.app.root)
    for place in (config, join(surface.app.root, "vercel.json")):
        if place is None or not files.is_file(place):
            continue
        for headers in open_headers(files, place):
            if covers(headers.source, served):
                text = "headers for {} allow other origins (CORS)"
                return Signal("cors", Fact(text, place, headers.line, "medium", (headers.source,)))
    return None


def _addresses(surface: Surface) -> Iterator[bytes]:
    """The application's own host names, as far as its manifest or its layout tell them."""
    homepage = surface.app.package.manifest.get("homepage")
    if isinstance(homepage, str):
        yield from (match[1] for match in _HOST.finditer(homepage.encode()))
    for extension in surface.app.page_extensions if surface.app.app_dir else ():
        layout = join(surface.app.app_dir, f"layout.{extension}")
        if surface.code.files.is_file(layout):
            yield from (match[1] for match in _METADATA_BASE.finditer(surface.code.files.raw(layout) or b""))


def _allows(data: bytes, own: Sequence[bytes]) -> int:
    """The first line that allows an origin that is neither local nor on one's own domain; 0 where none does."""
    for match in _ALLOWED.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        is_comment = data[start : match.end()].lstrip().startswith((b"//", b"* ", b"/*"))
        if not is_comment and not _is_own(match["text"], match["code"], own):
            return data.count(b"\n", 0, match.start()) + 1
    return 0


def _is_own(text: bytes | None, expression: bytes | None, own: Sequence[bytes]) -> bool:
    if text is None:
        return _OWN.search(expression or b"") is not None
    host = _HOST.match(text)
    name = host[1] if host is not None else b""
    return _LOCAL.search(text) is not None or any(name == domain or name.endswith(b"." + domain) for domain in own)


def _keys(surface: Surface) -> Fact | None:
    """Callers that bring a key or a bearer token, beside people with a session."""
    code = surface.code
    if not any(code.spec(surface.app.package, name) is not None for name in _SESSIONS):
        return None
    words = {"keys": ((b"x-api-key",), (b"X-API-Key",), (b"X-Api-Key",), (b"Bearer",))}
    routes = {route.path for route in surface.app.api_routes}
    likely = [path for path in surface.server_scripts if path in routes or _LIKELY.search(path)]
    for path in sorted(code.files.containing(likely, words)["keys"]):
        line = first_line(code.files.raw(path) or b"", _KEYS)
        if line:
            return Fact("callers may bring a key or a bearer token beside sessions", path, line, "medium")
    return None


def _versions(surface: Surface) -> Fact | None:
    versioned = sorted(route.path for route in surface.app.api_routes if _VERSIONED.search(route.pattern))
    if len(versioned) < 3:
        return None
    return Fact("{} routes under a version such as /v1/", versioned[0], names=(len(versioned),))


def contract(project: Project, app: App) -> Fact | None:
    """An OpenAPI document in an application's package."""
    for name in _CONTRACTS:
        for path in sorted(project.files.paths(name)):
            if project.code.package_of(path) is app.package and not is_ignored(path):
                return Fact("an OpenAPI document describes the API", path)
    return None


# -- who does call ------------------------------------------------------------------------------------------------


def _sdk(surface: Surface) -> Fact | None:
    for package in _others(surface.project, surface.app.package):
        if _SDK.search(package.name) and package.is_library and (fact := _calls(surface, package)) is not None:
            return Fact("the published package {} wraps the API", fact.path, fact.line, "medium", (package.name,))
    return None


def _clients(surface: Surface) -> tuple[Fact | None, Fact | None]:
    """A client of the workspace that calls this API, and the first one beside it that is only there."""
    calling, existing = None, None
    for package in _others(surface.project, surface.app.package):
        what = _client(surface.project, package)
        fact = _calls(surface, package) if what and calling is None else None
        if fact is not None:
            calling = replace(fact, text=f"{what}, {{}}, {fact.text}", names=(package.dir, *fact.names))
        elif what and existing is None:
            existing = Fact(f"the workspace holds {what}, {{}}", package.path, names=(package.dir,))
    return calling, existing


def native_clients(project: Project, own: Package) -> Fact | None:
    """The first client of the workspace that is no Next application."""
    for package in _others(project, own):
        what = _client(project, package)
        if what and what != _NEXT:
            return Fact(f"the workspace holds {what}, {{}}", package.path, names=(package.dir,))
    return None


def web_client(project: Project, own: Package) -> Package | None:
    """The first package of the workspace that shows pages in a browser."""
    for package in _others(project, own):
        if _client(project, package) in (_NEXT, _VITE):
            return package
    return None


def _others(project: Project, own: Package) -> Iterator[Package]:
    """The other packages of the workspace a package is in."""
    packages = project.code.packages
    for workspace in project.code.workspaces:
        members = {workspace.root, *workspace.members}
        if own.dir in members:
            names = (name for name in sorted(members - {own.dir}) if name and not is_ignored(f"{name}/"))
            yield from (packages[name] for name in names if name in packages)
            return


def _client(project: Project, package: Package) -> str:
    """What kind of client a package is; '' for one that is none."""
    for name, what in _NATIVE.items():
        if name in package.dependencies and not package.is_library:
            return what
    if any(app.package is package for app in project.next_apps):
        return _NEXT
    if any("storybook" in name for name in package.dependencies):
        return ""
    is_page = project.files.is_file(join(package.dir, "index.html")) and "vite" in package.dependencies
    return _VITE if is_page else ""


def _calls(surface: Surface, package: Package) -> Fact | None:
    """Where a package names a URL of this API that it does not serve itself, or imports its types."""
    own = surface.app.package.name
    if own and own in package.dependencies:
        section = package.dependencies[own][1]
        line = package.positions.get((section, own), (1, 1))[0]
        return Fact("depends on this package", package.path, line)
    scripts = _scripts_of(surface, package)
    files = surface.code.files
    itself = [app for app in surface.project.next_apps if app.package is package]
    for path in sorted(files.containing(scripts, {"url": ((b"/api/",), (b"/v1/",))})["url"]):
        data = files.raw(path) or b""
        for match in _URL.finditer(data):
            url = match[1].decode().rstrip("/")
            answering = surface.app.serves(url)
            if _is_api(answering) and not any(_is_api(app.serves(url)) for app in itself):
                return Fact("names {}", path, data.count(b"\n", 0, match.start()) + 1, "medium", (url,))
    return None


def _is_api(route: Route | None) -> bool:
    """Whether a route answers requests of its own; one that takes any URL says nothing."""
    return route is not None and route.is_api and not route.pattern.startswith(("/api/[...", "/api/[[...", "/[..."))


def _scripts_of(surface: Surface, package: Package) -> list[str]:
    prefix = f"{package.dir}/"
    return [path for path in surface.project.scripts if path.startswith(prefix)]
