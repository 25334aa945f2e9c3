"""Who else calls an application's API: other packages, foreign origins, holders of keys, readers of a contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from reviewer.core.app import App
from reviewer.core.crossorigin import covers, open_headers
from reviewer.core.manifest import Package, join
from reviewer.core.matrix import Fact, Reason
from reviewer.core.nextconfig import config_path
from reviewer.core.project import Project
from reviewer.core.roles import Route, is_ignored
from reviewer.core.surface import Surface
from reviewer.core.text import first_line

_NATIVE = {
    "expo": "an Expo app",
    "react-native": "a React Native app",
    "@capacitor/core": "a Capacitor app",
    "electron": "an Electron app",
}
_NEXT = "another Next.js app"
_SESSIONS = (
    *("next-auth", "iron-session", "better-auth", "@clerk/nextjs", "lucia", "@supabase/ssr", "@auth0/nextjs-auth0"),
    *("next-iron-session", "cookie-session", "express-session", "@auth/core", "@kinde-oss/kinde-auth-nextjs"),
)
_ALLOWED = re.compile(
    rb"""access-control-allow-origin['"`]?\s*[,:\]]\s*(?:=\s*)?(?:['"`](?P<text>[^'"`\n]*)['"`]|(?P<code>[\w$.]+))""",
    re.IGNORECASE,
)
_LOCAL = re.compile(rb"localhost|127\.0\.0\.1|^null$|^$")
_KEYS = re.compile(
    rb"""headers(?:\(\))?\s*(?:\??\.get\(\s*|\??\.?\[\s*)['"`](?i:x-api-key)['"`]"""
    rb"""|\.(?:startsWith|replace|split)\(\s*['"`]Bearer |/\^?Bearer\b"""
)
_LIKELY = re.compile(r"(?i)auth|key|token|session|middleware|proxy|guard")
_URL = re.compile(rb"""['"`}](/(?:api|v\d+)/[\w/.-]*)""")
_VERSIONED = re.compile(r"/v\d+(?:/|$)")
_CONTRACTS = tuple(f"{name}.{suffix}" for name in ("openapi", "swagger") for suffix in ("json", "yaml", "yml"))
_SDK = re.compile(r"(?:^|[/-])(?:sdk|client|api-client)(?:$|-)")


def consumers(surface: Surface) -> Iterator[Reason]:
    """C: signs that others than the application's own pages call its API."""
    if not surface.app.api_routes:
        return
    points = (
        (1, _foreign_origins(surface)),
        (1, _keys(surface)),
        (1, _versions(surface) or contract(surface.project, surface.app)),
        (1, _sdk(surface)),
    )
    yield from (Reason("C", number, fact) for number, fact in points if fact is not None)
    calling, other = _clients(surface)
    if calling is not None:
        yield Reason("C", 2, calling)
    if other is not None:
        yield Reason("C", 1, other)


# -- who may call -------------------------------------------------------------------------------------------------


def _foreign_origins(surface: Surface) -> Fact | None:
    """CORS for origins other than the developers' own machines, in two routes or in headers of the configuration."""
    files = surface.code.files
    routes = sorted(route.path for route in surface.app.api_routes)
    words = ((b"llow-Origin",), (b"llow-origin",), (b"nextjs-cors",))
    allowing = []
    for path in sorted(files.containing(routes, {"cors": words})["cors"]):
        data = files.raw(path) or b""
        if line := _allows(data) or first_line(data, re.compile(rb"from ['\"]nextjs-cors['\"]")):
            allowing.append((path, line))
    if len(allowing) >= 2:
        return Fact("{} route files allow other origins (CORS)", *allowing[0], names=(len(allowing),))
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
                return Fact(text, place, headers.line, "medium", (headers.source,))
    return None


def _allows(data: bytes) -> int:
    """The first line that allows an origin that is not local; 0 where none does."""
    for match in _ALLOWED.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        is_comment = data[start : match.end()].lstrip().startswith((b"//", b"* ", b"/*"))
        if not is_comment and (match["text"] is None or not _LOCAL.search(match["text"])):
            return data.count(b"\n", 0, match.start()) + 1
    return 0


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
    return "a Vite app" if is_page else ""


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
