"""Features of code that need a process: sockets, timers, consumers and listeners, and where each of them runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.entries import source_of, stem_of
from reviewer.core.facts import Call, Ref
from reviewer.core.launch import Launchers, launchers_of, runs
from reviewer.core.loaders import Loaders
from reviewer.core.manifest import join, parent
from reviewer.core.matrix import Confidence, Place
from reviewer.core.onload import exported, running
from reviewer.core.project import Project
from reviewer.core.symbols import SPEAKING_LENGTH, Symbols

FeatureKind = Literal["websocket", "scheduler", "queue-consumer", "listener"]

MAX_ENTRIES = 8
_MADE: dict[FeatureKind, Symbols] = {
    "scheduler": Symbols.of(
        (
            *("node-cron#schedule", "cron#CronJob", "cron#CronJob.from", "croner#Cron", "croner#default"),
            *("bree#default", "agenda#Agenda", "agenda#default", "node-schedule#scheduleJob"),
            *("toad-scheduler#ToadScheduler", "@nestjs/schedule#ScheduleModule.forRoot"),
        )
    ),
    "queue-consumer": Symbols.of(
        (
            *("bullmq#Worker", "graphile-worker#run", "@nestjs/bull#Processor", "@nestjs/bullmq#Processor"),
            "@golevelup/nestjs-rabbitmq#RabbitSubscribe",
        )
    ),
}
_METHODS: dict[tuple[str, str], FeatureKind] = {
    ("bull", "process"): "queue-consumer",
    ("bee-queue", "process"): "queue-consumer",
    ("amqplib", "consume"): "queue-consumer",
    ("kafkajs", "run"): "queue-consumer",
    ("pg-boss", "work"): "queue-consumer",
    ("mongoose", "watch"): "listener",
    ("mongodb", "watch"): "listener",
    ("ioredis", "subscribe"): "listener",
    ("redis", "subscribe"): "listener",
    ("discord.js", "login"): "listener",
    ("telegraf", "launch"): "listener",
    ("grammy", "start"): "listener",
    ("net", "listen"): "listener",
    ("node:net", "listen"): "listener",
}
_BUILT_IN = frozenset({"net", "node:net"})
_SUBSCRIPTIONS = frozenset({"watch", "subscribe", "query"})
_NAMES: dict[FeatureKind, str] = {
    "websocket": "a WebSocket server is made",
    "scheduler": "a schedule is started",
    "queue-consumer": "a queue is consumed",
    "listener": "something is listened to for as long as the process runs",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that needs a process. ``entry`` is the file that runs it there: a route, a server, a script."""

    kind: FeatureKind
    symbol: str
    path: str
    line: int
    method: str = ""
    place: Place = "service"
    entry: str = ""
    confidence: Confidence = "high"

    @property
    def text(self) -> str:
        where = {"route": "in a route", "instrumentation": "at start-up, by the instrumentation file"}
        where |= {"custom-server": "in the custom server", "service": "in a process of its own"}
        return f"{_NAMES[self.kind]} with {{}} {where[self.place]}"


class Features:
    """The features of one tree, by the application that runs them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.code: Code = project.code
        self.loaders = Loaders(project)
        self.starters: dict[str, str] = {}  # by the file that opens a port: what starts the file that loads it
        self._by_request: dict[str, list[str]] = {}
        self._launchers: dict[str, Launchers] = {}
        self._started: dict[str, tuple[str, ...]] = {}

    def of(self, app: App) -> tuple[Feature, ...]:
        """What an application runs; each kind and place once for every file that makes it."""
        return self._by_root.get((app.kind, app.root), ())

    @cached_property
    def _by_root(self) -> dict[tuple[str, str], tuple[Feature, ...]]:
        found: dict[tuple[str, str], list[Feature]] = {}
        made = {path: features for path in sorted(self._marked()) if (features := list(recognised(self.code, path)))}
        reached = self.loaders.reach(path for path in made if not self._is_apart(path))
        for path, features in made.items():
            for app, place, entry, confidence in self._places(path, reached.get(path, {path})):
                rows = found.setdefault((app.kind, app.root), [])
                for feature in features:
                    if place == "route" and self._feeds_a_response(feature, entry):
                        continue
                    rows.append(replace(feature, place=place, entry=entry, confidence=confidence))
        return {root: tuple(rows) for root, rows in found.items()}

    def _is_apart(self, path: str) -> bool:
        """Whether only files of its own package load a file of a service: no other package asks for that."""
        package = self.code.package_of(path)
        return package is not None and package.dir in self._services_apart

    @cached_property
    def _services_apart(self) -> set[str]:
        asked = {name for package in self.code.packages.values() for name in package.dependencies}
        services = (app.package for app in self.project.apps if app.kind == "service")
        return {package.dir for package in services if package.dir and package.name not in asked}

    def _marked(self) -> set[str]:
        """Scripts that hold the name of a package some manifest asks for; components are no servers."""
        routes = {route.path for app in self.project.next_apps for route in app.api_routes}
        scripts = [path for path in self.project.scripts if not path.endswith("x") or path in routes]
        words = tuple(self._words())
        return self.project.files.containing(scripts, {"features": words})["features"] if words else set()

    def _words(self) -> Iterator[tuple[bytes, ...]]:
        asked = {name for package in self.code.packages.values() for name in package.dependencies}
        if "@nestjs/core" in asked:  # what it is extended by may be installed without being asked for
            asked |= {"@nestjs/websockets", "@nestjs/schedule", "@nestjs/bull", "@nestjs/bullmq"}
        symbols = [*self.code.ws_servers.symbols, *(s for made in _MADE.values() for s in made.symbols)]
        yield from Symbols.of(str(s) for s in symbols if package_name(s.module) in asked).words()
        for module, method in (*_METHODS, ("pg", "query")):
            if module in asked or module in _BUILT_IN:
                last = b"LISTEN " if module == "pg" else f".{method}".encode()
                yield from ((word, last) for word in _module_words(module))

    def _feeds_a_response(self, feature: Feature, entry: str) -> bool:
        """A subscription of a route that streams lasts as long as its response, not as long as a process."""
        if feature.method not in _SUBSCRIPTIONS:
            return False
        blobs = [self.code.files.raw(path) or b"" for path in (feature.path, entry)]
        return any(b"ReadableStream" in blob or b"text/event-stream" in blob for blob in blobs)

    # -- where it runs --------------------------------------------------

    def _places(self, path: str, reach: set[str]) -> Iterator[tuple[App, Place, str, Confidence]]:
        """The applications that run a file, and how: each application once, the surest place first."""
        found = False
        for app in self.project.apps:
            place = self._place_in(app, path, reach)
            if place is not None:
                found = True
                yield app, *place
        owner = self.project.app_of(path)
        if not found and owner is not None and (entry := self._own_process(reach, owner)):
            yield owner, "service", entry, "high"

    def _place_in(self, app: App, path: str, reach: set[str]) -> tuple[Place, str, Confidence] | None:
        if app.kind == "service":
            inside = not app.root or path.startswith(app.root + "/")
            return ("service", path, "high") if inside else None
        for server in self.project.servers_of(app):
            if not reach.isdisjoint({server.entry, server.file, *server.files}):
                return ("custom-server", server.entry, "high") if self.launchers(server.entry).production else None
        routes = sorted(route.path for route in app.api_routes if route.path in reach)
        if path in routes:
            return "route", path, "high"
        instrumentation = self._instrumentation(app) & reach
        if instrumentation:
            return "instrumentation", min(instrumentation), "high" if path in instrumentation else "medium"
        if routes:
            return "route", routes[0], "medium"
        page = next((page for page in self._pages(app) if self._called_for_requests(page, reach)), "")
        return ("route", page, "high" if self._makes_for_requests(page, path) else "medium") if page else None

    def _pages(self, app: App) -> list[str]:
        """The pages of an application that run code of their own for each request."""
        if app.root not in self._by_request:
            pages = [route.path for route in app.routes if not route.is_api]
            marked = self.code.files.containing(pages, {"props": ((b"getServerSideProps",),)})["props"]
            self._by_request[app.root] = sorted(marked)
        return self._by_request[app.root]

    def _called_for_requests(self, page: str, reach: set[str]) -> list[Call]:
        """The calls of ``getServerSideProps`` of a page that run something of the given files."""
        data, resolve = self.code.files.raw(page) or b"", self.code.resolver.resolve
        folders = {parent(path) for path in reach if stem_of(path).endswith("/index")}
        names = {path.rpartition("/")[2].encode() for path in (*map(stem_of, reach), *folders)}
        facts = self.code.facts(page) if any(name in data for name in names) else None
        export = facts.export("getServerSideProps") if facts is not None else None
        if facts is None or export is None or export.expr is None:
            return []
        written = self.code.follow(page, export.expr, 0)[1].walk()
        inside = {id for expr in written if expr.kind == "function" for id in facts.within(expr.function)}
        called = ((call, call.callee) for call in facts.calls if call.function in inside and call.callee is not None)
        return [call for call, ref in called if ref.kind == "import" and resolve(page, ref.module) in reach]

    def _makes_for_requests(self, page: str, path: str) -> bool:
        """Whether what a page calls of a file for a request is what makes a feature there."""
        facts = self.code.facts(path)
        lines = {feature.line for feature in recognised(self.code, path)}
        for call in self._called_for_requests(page, {path}) if facts is not None else ():
            name = call.callee.path()[0][1:] if call.callee is not None and call.callee.path() else "default"
            ids = running(facts, exported(facts, name, is_new=call.is_new)) if facts is not None else set()
            if facts is not None and any(made.line in lines and made.function in ids for made in facts.calls):
                return True
        return False

    def _instrumentation(self, app: App) -> set[str]:
        directory = parent(app.pages_dir or app.app_dir)
        return {join(directory, f"instrumentation{suffix}") for suffix in (".ts", ".js", ".node.ts", ".node.js")}

    def _own_process(self, reach: set[str], app: App) -> str:
        """The script of an application's own package that a production command starts beside Next, or ''."""
        inside = sorted(path for path in reach if self.code.package_of(path) is app.package)
        return next((path for path in inside[:MAX_ENTRIES] if self.started(path)), "")

    def starter(self, entry: str) -> str:
        """What starts an entry in production, its own package first; '' where nothing does."""
        if starter := self.starters.get(entry):
            return starter
        package = self.code.package_of(entry)
        own = f"{package.path} script " if package is not None else ""
        production = self.started(entry) or self.launchers(entry).production
        return min(production, key=lambda label: (not label.startswith(own), label), default="")

    def started(self, entry: str) -> tuple[str, ...]:
        """What starts an entry in production by its path, or from its own package: a base name alone says nothing."""
        if entry not in self._started:
            production = self.launchers(entry).production
            self._started[entry] = tuple(label for label in production if self._means(label, entry))
        return self._started[entry]

    def _means(self, label: str, entry: str) -> bool:
        path, _, script = label.partition(" script ")
        if not script:
            return self._names_place(path, entry)
        owner = self.code.packages[parent(path)]
        processes = self.code.commands.resolve(owner.scripts[script], owner.dir)
        files = (process.file for process in processes if process.kind == "file" and runs(self.code, process, entry))
        return any(self._leads(file, entry) for file in files)

    def _leads(self, file: str, entry: str) -> bool:
        """Whether a started file is an entry by its path, is built in the entry's package, or is told of it."""
        package = self.code.package_of(entry)
        if source_of(self.code, file) is None:
            return self.code.package_of(file) is package
        return stem_of(source_of(self.code, file) or file) == stem_of(entry) or self._names_place(file, entry)

    def _names_place(self, path: str, entry: str) -> bool:
        """Whether a file that starts processes belongs to an entry's package, or says its directory."""
        package, owner = self.code.package_of(entry), self.code.package_of(path)
        if package is owner or package is None:
            return True
        source = self.code.files.source(path) if package.dir else None
        if source is None:
            return False
        place = re.compile(rf"(?<![\w-]){re.escape(package.dir)}(?![\w.-])")
        is_beside = owner is not None and not f"{package.dir}/".startswith(f"{owner.dir}/".lstrip("/"))
        words = () if is_beside else re.split(r"[/._]", path)
        return package.dir.rpartition("/")[2] in words or place.search(source.data.decode()) is not None

    def launchers(self, entry: str) -> Launchers:
        if entry not in self._launchers:
            self._launchers[entry] = launchers_of(self.code, entry)
        return self._launchers[entry]


# -- what a file makes --------------------------------------------------


def recognised(code: Code, path: str) -> Iterator[Feature]:
    """The features a file makes, the first of each kind and symbol."""
    facts = code.facts(path)
    seen: set[tuple[str, str]] = set()
    for call in facts.calls if facts is not None else ():
        ref = code.expand(path, call.callee)
        kind = _kind(code, call, ref) if ref is not None and ref.kind == "import" else None
        if ref is not None and kind is not None and (kind, symbol := _spelled(ref)) not in seen:
            seen.add((kind, symbol))
            yield Feature(kind, symbol, path, call.line, call.method)


def _kind(code: Code, call: Call, ref: Ref) -> FeatureKind | None:
    if code.ws_servers.match(ref):
        return "websocket"
    for kind, symbols in _MADE.items():
        if symbols.match(ref):
            return kind
    if ref.module == "pg" and call.method == "query" and call.args and call.args[0].name.upper().startswith("LISTEN "):
        return "listener"
    return _METHODS.get((ref.module, call.method))


def package_name(module: str) -> str:
    """The package of a module: ``graphql-ws`` for ``graphql-ws/use/ws``."""
    return "/".join(module.split("/")[: 2 if module.startswith("@") else 1])


def _module_words(module: str) -> Iterator[bytes]:
    """A long module name stands for itself; a short one is looked for in its quotes."""
    if len(module) >= SPEAKING_LENGTH:
        yield module.encode()
    else:
        yield from (f"{quote}{module}{quote}".encode() for quote in "'\"")


def _spelled(ref: Ref) -> str:
    """``ws#WebSocketServer`` for what an import leads to, short enough for a sentence."""
    steps = [step.lstrip(".") for step in ref.path() if step.startswith(".")]
    return ref.module + (f"#{'.'.join(steps[-2:])}" if steps else "")
