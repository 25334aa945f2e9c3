"""Requests that an application's server code sends to the application itself, found from the text of few files on."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reviewer.core.app import App
from reviewer.core.bindings import Scripts
from reviewer.core.clientfiles import is_client_file, uses_browser
from reviewer.core.finding import Evidence, weakest
from reviewer.core.httpcalls import HttpCalls, Request, Step
from reviewer.core.ownroutes import OwnCall, OwnRoutes
from reviewer.core.project import Project
from reviewer.core.serverside import Entry, ServerSide
from reviewer.core.urls import HOLE, Url, address_of

MAX_LAYERS = 4
_API = re.compile(rb"api(?=[/'\"`?#$])")
_BEFORE = re.compile(rb"(?:['\"`}]|['\"`}]/(?:[\w-]+/)*|(?:localhost|127\.0\.0\.1)[^'\"`\s]*/)$")
_INSTANCE = re.compile(rb"\b(?:axios|ky|got|ofetch)\.(?:create|extend)\b")
_SENDS = re.compile(
    rb"\b(?:fetch|axios|ky|got|ofetch)(?:\.\w+)?\s*+(?:<[^()\n]{0,200}>)?\("
    rb"|\b(?:axios|ky|got|ofetch)\.(?:create|extend)\b"
)
_CONSTANT = re.compile(rb"\bexport\s+(?:const|let|var|default)\b[^;\n]{0,200}/api/?['\"`]")
_GIVEN = re.compile(
    rb"(?:\bawait|\breturn|=>|[\[,(])\s*+(?:(?!(?:URL|redirect|permanentRedirect|revalidatePath|expect|use[A-Z]\w*)\b)\w+"
    rb"|\w+\.(?:get|post|put|patch|delete))(?:<[^<>()\n]{0,80}>)?\(\s*['\"`](?:\$\{[^{}]{0,80}\})?/?api/"
)
_REVALIDATES = re.compile(rb"\bres\.(?:unstable_)?revalidate\(")

_RENDERED = ("component", "generateMetadata", "file")

Outcome = Literal["relative", "local", "build", "asked"]


@dataclass(frozen=True, slots=True)
class SelfCall:
    """A request of server code that a route of the same application answers."""

    entry: Entry
    request: Request
    own: OwnCall

    @property
    def builds(self) -> bool | None:
        """Whether it is sent while the application is built; a request that is to be fresh keeps its page from that."""
        return False if self.entry.kind in _RENDERED and self.request.is_fresh else self.entry.builds

    @property
    def outcome(self) -> Outcome:
        """What becomes of it: a ``relative`` URL has no host, ``local`` and ``build`` ones are sent by the build."""
        if self.own.origin == "relative":
            return "relative"
        if self.builds:
            return "local" if self.own.origin == "local" else "build"
        return "asked"

    @property
    def evidence(self) -> Evidence:
        """How sure it is; that a page is prerendered follows from what it does not use."""
        is_inferred = self.entry.kind in _RENDERED and self.outcome in ("local", "build")
        return weakest(self.own.evidence, "medium" if is_inferred else "high")

    @property
    def key(self) -> str:
        """What tells it from others of the file it is found in."""
        is_here = self.places[0].path == self.entry.script.path
        return f"{f'{self.entry.kind}:{self.entry.name}' if is_here else 'shared'}:{self.own.route.pattern}"

    @property
    def is_own_handler(self) -> bool:
        """Whether a route asks itself."""
        return self.entry.route is not None and self.entry.route.path == self.own.route.path

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it is sent, the place to change first: what reaches for it from outside its file, then the request.

        Components that only lead there come last.
        """
        request = self.request
        sent = Place(request.path, request.line, request.column, request.end_line, "sent")
        steps = list(request.chain)
        last = max((index for index, step in enumerate(steps) if step.kind == "element"), default=-1)
        calls = [_place(step) for step in steps[last + 1 :]]
        files = [*(place.path for place in calls), sent.path]
        leaving = next((index for index, path in enumerate(files[1:]) if path != files[index]), len(calls))
        return (*calls[leaving:], sent, *calls[:leaving], *(_place(step) for step in reversed(steps[: last + 1])))


@dataclass(frozen=True, slots=True)
class Place:
    """Where something on the way of a request stands: it is ``sent``, or a function or component is used by name."""

    path: str
    line: int
    column: int
    end_line: int
    what: Literal["sent", "call", "element"]
    name: str = ""


def _place(step: Step) -> Place:
    return Place(step.path, step.line, step.column, step.end_line, step.kind, step.name)


class SelfCalls:
    """The requests of one application to itself. ``names`` are variables that hold its own origin."""

    def __init__(self, app: App, project: Project, marked: Iterable[str], names: Collection[str]) -> None:
        self.app = app
        self.project = project
        self.files = project.files
        self.marked = sorted(marked)
        self.scripts = Scripts(project.code)
        self.http = HttpCalls(self.scripts)
        self.own = OwnRoutes(app, names)
        self.server = ServerSide(app, self.scripts)

    def found(self) -> Iterator[SelfCall]:
        """Every such request, for each piece of server code it is sent from."""
        for path in self._starts():
            for entry in self.server.entries(path):
                for request in self.http.requests(entry.script, entry.node):
                    own = self.own.called(request.urls)
                    if own is None or self._may_lead_elsewhere(request, own) or self._revalidates(own):
                        continue
                    yield SelfCall(entry, request, own)

    def _revalidates(self, own: OwnCall) -> bool:
        """Whether the route is there to renew pages, which only handlers of the Pages Router can do."""
        return _REVALIDATES.search(self.files.raw(own.route.path) or b"") is not None

    def _may_lead_elsewhere(self, request: Request, own: OwnCall) -> bool:
        """Whether a relative URL may have an origin after all: in browsers, or from the defaults of a client."""
        if own.origin != "relative":
            return False
        return request.asks_browser or (request.client == "axios" and self._has_default_base)

    @cached_property
    def _has_default_base(self) -> bool:
        return any(b"defaults.baseURL" in data for data in self._pool.values())

    # -- which files to begin with ------------------------------------------------------------------------------------

    def _starts(self) -> list[str]:
        """The files Next runs by itself from which such a request may be sent."""
        speaking = [path for path in self.marked if self._speaks(path) and self._is_ours(path)]
        sources = {path for path in speaking if self._may_call(path)}
        sources |= {path for path in speaking if _GIVEN.search(self.files.raw(path) or b"")}
        within = self._above(sources | self._named())
        self.http.within = frozenset(within)
        return sorted(path for path in within if self.server.is_entry(path))

    def _named(self) -> set[str]:
        """The scripts that use a variable which holds the address of the API, as an environment file has it."""
        names = [name.encode() for name in self.own.api_variables]
        using = (path for path, data in (self._pool.items() if names else ()) if any(name in data for name in names))
        return {path for path in using if not uses_browser(self._pool[path])}

    def _is_ours(self, path: str) -> bool:
        owner = self.project.app_of(path)
        return owner is None or owner is self.app

    def _speaks(self, path: str) -> bool:
        data = self.files.raw(path) or b""
        return not is_client_file(data) and _names_api(data) and not uses_browser(data)

    def _may_call(self, path: str) -> bool:
        """Whether the file sends a request that may be the application's own, or names the path of one."""
        data = self.files.raw(path) or b""
        if _CONSTANT.search(data) is not None or _INSTANCE.search(data) is not None:
            return True
        script = self.scripts.of(path) if _SENDS.search(data) is not None else None
        if script is None:
            return False
        return any(self._may_be_own(url) for request in self.http.direct(script) for url in request.urls)

    def _may_be_own(self, url: Url) -> bool:
        address = address_of(url)
        if address.origin in ("host", "browser"):
            return False
        is_given = HOLE in address.path or not address.path.strip("/")
        if is_given:
            return address.origin != "unknown" or "api" in address.path
        return self.own.answer(address.path, address.is_open) is not None

    # -- who loads them -----------------------------------------------------------------------------------------------

    def _above(self, sources: set[str]) -> set[str]:
        """The files and those that load them on the server, through a few others."""
        seen, layer = set(sources), set(sources)
        for _ in range(MAX_LAYERS):
            layer = self._importers(layer) - seen
            seen |= layer
        return seen

    def _importers(self, targets: set[str]) -> set[str]:
        lent = (target for target in targets if b"export" in (self.files.raw(target) or b""))
        wanted = {target for target in lent if target not in self.server.routes}
        namers = self._namers
        found = {path for target in wanted for path in namers.get(target, ())} - targets
        return {path for path in found if not uses_browser(self._pool[path])}

    @cached_property
    def _namers(self) -> Mapping[str, list[str]]:
        return self.project.code.specifiers.namers(self._pool)

    @cached_property
    def _pool(self) -> dict[str, bytes]:
        """The scripts that may run on the server, and their bytes."""
        raw = self.files.raw
        texts = ((path, raw(path) or b"") for path in self.project.scripts)
        return {path: data for path, data in texts if not is_client_file(data) and self._is_ours(path)}


def _names_api(data: bytes) -> bool:
    """Whether a script spells a path that begins, or goes on, with ``/api``."""
    return any(_BEFORE.search(data, max(0, at.start() - 80), at.start()) is not None for at in _API.finditer(data))
