"""Whether a request leads back to the application that sends it: its origin, its route, and what lies between."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.commands import next_arguments
from reviewer.core.finding import Evidence, weakest
from reviewer.core.manifest import ancestors, join
from reviewer.core.rewrites import Rewrite, is_rewritten, rewrites_of
from reviewer.core.roles import Route, answering
from reviewer.core.urls import HOLE, Address, Origin, Part, Url, address_of, shown

NEXT_PORT = "3000"
_ENV_FILES = tuple(
    f".env{suffix}"
    for suffix in ("", ".local", ".development", ".production", ".example", ".sample", ".template", ".local.example")
)
_ENV_LINE = re.compile(rb"(?m)^[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]*)[ \t]*=[ \t]*['\"]?([^\s'\"#]*)")
_PORT = re.compile(r"\bPORT=(\d{2,5})\b")
_NEXT = re.compile(rb"['\"]next['\"]")
_LISTENED = re.compile(rb"""(?:PORT\w*['"\])\s]*(?:\|\||\?\?|=)\s*|\.listen\(\s*|\bport\s*[:=]\s*)['"]?(\d{4,5})\b""")
_PUBLIC = "NEXT_PUBLIC_"
_BACKEND = re.compile(r"API|SERVER|BACKEND")
_HOSTED = re.compile(r"\.vercel\.app$")


@dataclass(frozen=True, slots=True)
class OwnCall:
    """A request an application sends to itself: the route that answers, and what kind of origin says so."""

    route: Route
    origin: Origin
    path: str
    text: str
    evidence: Evidence


class OwnRoutes:
    """What an application answers itself. ``names`` are variables of the environment that hold its own origin."""

    def __init__(self, app: App, names: Collection[str]) -> None:
        self.app = app
        self.names = frozenset(names)

    def called(self, urls: Iterable[Url]) -> OwnCall | None:
        """The call of its own route that alternatives of one URL make; None where some lead elsewhere.

        Where one of them has an origin, relative ones are what browsers are given.
        """
        read = [(url, address_of(url)) for url in urls]
        placed = [pair for pair in read if pair[1].origin not in ("relative", "browser")]
        read = placed or [pair for pair in read if pair[1].origin == "relative"]
        hosts = [pair for pair in read if pair[1].origin == "host"]
        local = [pair for pair in read if pair[1].origin == "local"]
        if hosts and (len(hosts) > 1 or not local):
            return None
        calls = [self._call(url, address) for url, address in read if address.origin != "host"]
        known = [call for call in calls if call is not None]
        if not known or len(known) < len(calls):
            return None
        first = min(known, key=lambda call: (call.route.pattern.count("["), call.origin == "local"))
        several = len({call.route.path for call in known}) > 1
        evidence = weakest(*(call.evidence for call in known), "medium" if hosts or several else "high")
        return replace(first, evidence=evidence)

    def _call(self, url: Url, address: Address) -> OwnCall | None:
        origin = self._origin(address)
        if origin is None:
            return None
        evidence, prefix = origin
        found = self.answer(prefix + address.path, address.is_open)
        if found is None:
            return None
        route, sure = found
        if address.origin == "env" and self._is_backend(address.name, route):
            return None
        return OwnCall(route, address.origin, address.path, shown(url), weakest(evidence, sure))

    # -- the origin ---------------------------------------------------------------------------------------------------

    def _origin(self, address: Address) -> tuple[Evidence, str] | None:
        """How sure it is that an origin is the application's own, and the path it brings along; None if it is not."""
        if address.origin in ("relative", "request"):
            return "high", ""
        if address.origin == "local":
            return self._local(address.port)
        return self._variable(address.name) if address.origin == "env" else None

    def _local(self, port: str) -> tuple[Evidence, str] | None:
        if port in self.ports:
            return "high", ""
        return ("medium", "") if port in ("PORT", "NEXT_PORT") else None

    @cached_property
    def ports(self) -> frozenset[str]:
        """The ports the application listens on, as its scripts start it; Next's own where none is named."""
        found: set[str] = set()
        package = self.app.package
        for script in package.scripts.values():
            named = _PORT.search(script)
            for process in self.app.code.commands.resolve(script, package.dir):
                if process.kind == "next" and next_arguments(process)[0] in ("dev", "start"):
                    port = _flag(next_arguments(process)[2]) or (named.group(1) if named is not None else "")
                    found.add(port or NEXT_PORT)
                elif process.kind == "file" and self.app.code.files.is_file(process.file):
                    found |= _listened(self.app.code.files.raw(process.file) or b"")
        return frozenset(found or {NEXT_PORT})

    def _variable(self, name: str) -> tuple[Evidence, str] | None:
        """A variable that holds the application's origin by its value in files of the repository, else by its name."""
        addresses = [address_of((Part("text", value),)) for value in self.environment.get(name, ())]
        is_set = any(address.origin == "local" for address in addresses)
        is_named = name.removeprefix(_PUBLIC) in self.names or name in self.names
        if not is_set and not is_named and _BACKEND.search(name):
            return None
        prefixes = set()
        for address in addresses:
            if address.origin == "local":
                if self._local(address.port) is None:
                    return None
                prefixes.add(address.path.rstrip("/"))
            elif address.origin == "host" and _BACKEND.search(name) and not _HOSTED.search(address.name):
                return None
        return ("medium" if is_set or is_named else "low"), prefixes.pop() if len(prefixes) == 1 else ""

    def _is_backend(self, name: str, route: Route) -> bool:
        """Whether the route that answers reads the variable itself, as one that forwards to a backend does."""
        is_site = name.removeprefix(_PUBLIC) in self.names and not _BACKEND.search(name)
        return not is_site and name.encode() in (self.app.code.files.raw(route.path) or b"")

    @property
    def api_variables(self) -> Iterator[str]:
        """Variables that are set to a path of the application, so that URLs made of them need not name it."""
        for name, values in self.environment.items():
            for value in values:
                address = address_of((Part("text", value),))
                if address.origin == "local" and address.path.strip("/") and self._local(address.port) is not None:
                    yield name

    @cached_property
    def environment(self) -> dict[str, list[str]]:
        """What the environment files of the application and of the folders above it set, examples included."""
        files, found = self.app.code.files, dict[str, list[str]]()
        paths = [join(folder, name) for folder in ancestors(self.app.root) for name in _ENV_FILES]
        for path in paths:
            for name, value in _ENV_LINE.findall(files.raw(path) or b"") if files.is_file(path) else ():
                if value:
                    found.setdefault(name.decode(), []).append(value.decode("utf-8", "replace"))
        return found

    # -- the route ----------------------------------------------------------------------------------------------------

    def answer(self, path: str, is_open: bool = False) -> tuple[Route, Evidence] | None:
        """The API route that answers a path, ``basePath`` included, and how sure that is; None where none does."""
        base = self.app.config.text("basePath")
        if base is None or not f"{path}/".startswith(f"{base}/"):
            return None
        for text, evidence in self._readings(path[len(base) :], is_open):
            route = answering(self._routes, text)
            if route is not None and not is_rewritten(self._rewrites, route) and self.app.handlers(route):
                return route, weakest(evidence, "low" if _takes_any(route) else "high")
        return None

    def _readings(self, path: str, is_open: bool) -> Iterator[tuple[str, Evidence]]:
        """A path as it is, and without a last open part that may as well begin a query."""
        yield path, "high"
        if is_open and path.endswith(HOLE):
            yield path.rstrip(HOLE), "medium"

    @cached_property
    def _routes(self) -> tuple[Route, ...]:
        return tuple(route for route in self.app.api_routes if route.is_addressable)

    @cached_property
    def _rewrites(self) -> tuple[Rewrite, ...]:
        return rewrites_of(self.app)


def _takes_any(route: Route) -> bool:
    """Whether a route answers whatever it is asked, as those of libraries and of forwarding servers do."""
    return "[..." in route.pattern or "/api/auth" in route.pattern


def _listened(data: bytes) -> set[str]:
    """The ports a file that starts Next itself listens on, where it writes them out."""
    if _NEXT.search(data) is None:
        return set()
    return {match.group(1).decode() for match in _LISTENED.finditer(data)}


def _flag(flags: tuple[str, ...]) -> str:
    """The port among the flags of ``next``."""
    for flag, value in zip(flags, (*flags[1:], ""), strict=False):
        name, equals, inline = flag.partition("=")
        if name in ("-p", "--port"):
            return inline if equals else value
    return ""
