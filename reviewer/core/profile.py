"""The architecture profile of each application of a tree: its facts gathered, and the matrix read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.behaviours import Behaviour
from reviewer.core.consumers import Consumers, contract, native_clients
from reviewer.core.durations import NAME as MAX_DURATION
from reviewer.core.durations import declared
from reviewer.core.features import Feature, FeatureKind, Features
from reviewer.core.links import Link, Links
from reviewer.core.manifest import join
from reviewer.core.matrix import Confidence, Fact, Has, Measures, Place, Profile, Reason, judged
from reviewer.core.memory import process_memory
from reviewer.core.packaged import Packaged
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.servertraits import only_forwards, purpose_of
from reviewer.core.services import Service, Services
from reviewer.core.snapshot import is_script
from reviewer.core.surface import Surface, Surfaces, backend, nouns, pipeline, rendering
from reviewer.core.vercel import CONFIGS, function_limits

LONG_SECONDS = 300
_POINTS: dict[FeatureKind, tuple[str, int]] = {
    "websocket": ("sockets", 3),
    "scheduler": ("timers", 2),
    "queue-consumer": ("timers", 2),
    "listener": ("listeners", 2),
}
HOST_NAMES = {
    "vercel": "Vercel",
    "netlify": "Netlify",
    "cloudflare": "Cloudflare",
    "lambda": "AWS Lambda",
    "amplify": "AWS Amplify",
    "firebase": "Firebase Hosting",
    "vercel-container": "a container on Vercel",
    "cloud-run": "Cloud Run",
    "app-hosting": "Firebase App Hosting",
    "fly": "Fly.io",
    "render": "Render",
    "railway": "Railway",
    "heroku": "Heroku",
    "gae": "App Engine",
    "container": "a container",
    "node": "a Node.js process",
    "static": "a host of files",
}
_PLACES: tuple[Place, ...] = ("route", "instrumentation", "custom-server", "service")
_SURENESS: tuple[Confidence, ...] = ("high", "medium", "low")


class Profiles:
    """The profiles of one tree, made application by application; a collection has none."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.features = project.once(Features)
        self.packaged = project.once(Packaged)
        self.services = Services(project, self.features, self.packaged)
        self.links = Links(project, self.services)

    @cached_property
    def apps(self) -> tuple[App, ...]:
        """The applications that have a profile."""
        if self.project.is_collection:
            return ()
        return tuple(app for app in self.project.apps if app.kind == "next" or self.services.of(app) is not None)

    def of(self, app: App) -> Profile:
        service = self.services.of(app)
        return judged(self._service(app, service) if service is not None else self._next(app))

    # -- a Next application --------------------------------------------------

    def _next(self, app: App) -> Measures:
        surface = self.project.once(Surfaces).of(app)
        launched = [server for server in self.project.servers_of(app) if self._is_launched(app, server)]
        handlers = [fact for server in launched for fact in _behaviours(server, ("api",))]
        passed = [fact for server in launched for fact in _behaviours(server, ("middleware", "security", "auth"))]
        features = self.features.of(app)
        links = self.links.of(app)
        has, has_facts = self._has(app, launched, links, features)
        reasons = (
            *rendering(surface),
            *backend(surface, handlers),
            *_process(features),
            *self._more_process(surface, launched, features),
            *pipeline(surface, passed),
            *self.project.once(Consumers).reasons(app),
        )
        return Measures(
            app.root,
            app.name,
            "next",
            _what(app),
            has=has,
            host=app.deployment.model,
            host_fact=_host(app),
            host_conflicts=tuple(_host_conflicts(app)),
            replicas=app.deployment.replicas,
            pages=len(surface.pages),
            is_bare=surface.is_bare,
            handlers=len(surface.handlers) + len(handlers),
            actions=surface.actions[0],
            is_static=app.is_static,
            server_does_more=not all(only_forwards(app, server) for server in launched),
            service_is_small=bool(links) and all(self._is_small(link.service) for link in links),
            places=frozenset(feature.place for feature in features),
            socket_places=self._socket_places(features, links),
            reasons=reasons,
            has_facts=has_facts,
            context=tuple(_context(surface, links)),
            failed=self._failed(app),
        )

    def _is_launched(self, app: App, server: CustomServer) -> bool:
        """Whether something starts a custom server in production, which an image of Next's own server does not."""
        starts = self.features.launchers(server.entry).production
        return bool(starts) and purpose_of(self.project.code, app, server) == "production"

    def _has(
        self, app: App, launched: list[CustomServer], links: tuple[Link, ...], features: tuple[Feature, ...]
    ) -> tuple[Has, tuple[Fact, ...]]:
        if app.is_static:
            return "static", (Fact("the build is exported as files", app.config.path),)
        if launched:
            starter = self.features.starter(launched[0].entry)
            text = "starts Next itself, and is started by {}"
            return "next+custom-server", (Fact(text, launched[0].file, launched[0].line, names=(starter,)),)
        if links:
            return "next+service", tuple(link.fact for link in links[:1])
        for feature in features:
            if feature.place == "service":
                starter = self.features.starter(feature.entry)
                text = "runs beside Next, started by {}"
                return "next+service", (Fact(text, feature.entry, 1, feature.confidence, (starter,)),)
        return "next", ()

    def _is_small(self, service: Service) -> bool:
        """Whether a service does nothing that handlers of Next could not: few routes, and no process is needed."""
        return not self.features.of(service.app) and service.routes <= 25 and service.role == "API"

    def _socket_places(self, features: tuple[Feature, ...], links: tuple[Link, ...]) -> frozenset[Place]:
        linked = [feature for link in links for feature in self.features.of(link.service.app)]
        found = {feature.place for feature in (*features, *linked) if feature.kind == "websocket"}
        return frozenset(found)

    def _more_process(
        self, surface: Surface, launched: list[CustomServer], features: tuple[Feature, ...]
    ) -> Iterator[Reason]:
        """P: what adds to the need of a process without making it one."""
        behaviours = [fact for server in launched for fact in _behaviours(server, ())]
        told = {(feature.path, feature.line) for feature in features}
        if behaviours:
            new = next((fact for fact in behaviours if (fact.path, fact.line) not in told), None)
            text = "the custom server does more than hand requests to Next"
            if new is not None:
                yield Reason("P", 1, replace(new, text=f"{text}: {new.text}"))
            else:
                yield Reason("P", 1, Fact(text, launched[0].file, launched[0].line))
        if (memory := process_memory(surface, self.features.loaders)) is not None:
            yield Reason("P", 1, memory)
        if (duration := self._duration(surface)) is not None:
            yield Reason("P", 1, duration)

    def _duration(self, surface: Surface) -> Fact | None:
        """A duration beyond the usual one, of a route file or of Vercel's configuration."""
        text, app, files = "a duration of {} seconds is declared", surface.app, self.project.files
        routes = {route.path: route for route in app.routes}
        for path in sorted(files.containing(list(routes), {"duration": ((MAX_DURATION.encode(),),)})["duration"]):
            found = declared(app.code, routes[path], LONG_SECONDS)
            if found is not None and (found.seconds or 0) > LONG_SECONDS:
                return Fact(text, path, found.line, names=(found.seconds or 0,))
        for limit in (limit for name in CONFIGS for limit in function_limits(files, join(app.root, name))):
            if limit.seconds > LONG_SECONDS:
                return Fact(text, limit.path, limit.line, names=(limit.seconds,))
        return None

    def _failed(self, app: App) -> tuple[str, ...]:
        """The application's scripts whose analysis failed: what they hold is unknown."""
        prefix, code = f"{app.root}/" if app.root else "", self.project.code
        failed = (p.path for p in self.project.files.problems.values() if p.kind == "failed" and is_script(p.path))
        return tuple(sorted(p for p in failed if p.startswith(prefix) and code.package_of(p) is app.package))

    # -- a service --------------------------------------------------

    def _service(self, app: App, service: Service) -> Measures:
        starter = self.features.starter(service.entry)
        by = "is started by {}" if starter else "is handed to a function host"
        opened = Fact(
            f"opens its port here, and {by}", service.entry, service.line, names=(starter,) if starter else ()
        )
        return Measures(
            app.root,
            app.name,
            "service",
            f"{service.kind} service ({service.role})",
            has="service",
            host=app.deployment.model,
            host_fact=_host(app),
            host_conflicts=tuple(_host_conflicts(app)),
            handlers=service.routes,
            places=frozenset(feature.place for feature in self.features.of(app)),
            reasons=(
                *_answered(service),
                *self._database(service),
                *_process(self.features.of(app)),
                *self._callers(app, service),
            ),
            has_facts=(opened,),
            failed=self._failed(app),
        )

    def _database(self, service: Service) -> Iterator[Reason]:
        if (database := self.services.database(service)) is not None:
            yield Reason("B", 1, database)

    def _callers(self, app: App, service: Service) -> Iterator[Reason]:
        linked = [
            link.fact for other in self.project.next_apps for link in self.links.of(other) if link.service is service
        ]
        if linked:
            text = f"{nouns(len(linked), 'Next.js application')} linked to it"
            yield Reason("C", min(2, len(linked)), replace(linked[0], text=text, names=(len(linked),)))
        for fact in (native_clients(self.project, app.package), contract(self.project, app)):
            if fact is not None:
                yield Reason("C", 1, fact)


# -- facts ------------------------------------------------------------------------------------------------


def _what(app: App) -> str:
    version = app.version("next").exact
    name = f"Next.js {version}" if version else "Next.js"
    routers = [word for word, there in (("Pages Router", app.pages_dir), ("App Router", app.app_dir)) if there]
    return f"{name} application ({' and '.join(routers)})" if routers else f"{name} application"


def _host(app: App) -> Fact | None:
    deployment = app.deployment
    if deployment.model == "unknown":
        return None
    if not deployment.signals:
        return Fact("the build is exported as files", app.config.path, 1, deployment.evidence)
    targets = dict.fromkeys(HOST_NAMES[signal.target] for signal in deployment.signals)
    text = f"set up for {' and '.join(targets)}"
    return Fact(text, deployment.path, deployment.line, deployment.evidence)


def _host_conflicts(app: App) -> Iterator[Fact]:
    """The file that speaks loudest for each host, where they are of different kinds."""
    deployment = app.deployment
    for target in deployment.conflicts:
        best = deployment.best_of(signal for signal in deployment.signals if signal.target == target)
        if best is not None:
            yield Fact(f"says {HOST_NAMES[target]}", best.path, best.line)


def _behaviours(server: CustomServer, kinds: tuple[str, ...]) -> list[Fact]:
    """What a custom server does itself, of some kinds or of all."""
    return [_behaviour(behaviour) for behaviour in server.behaviours if not kinds or behaviour.kind in kinds]


def _behaviour(behaviour: Behaviour) -> Fact:
    if behaviour.kind == "websocket" and behaviour.label.endswith(" server"):
        module = behaviour.label.removesuffix(" server")
        return Fact("a WebSocket server ({})", behaviour.path, behaviour.line, names=(module,))
    return Fact("{}", behaviour.path, behaviour.line, names=(behaviour.label,))


def _process(features: tuple[Feature, ...]) -> Iterator[Reason]:
    """P: what must be owned by something that lives longer than a request, the surest of each sort."""
    ordered = sorted(features, key=lambda f: (_SURENESS.index(f.confidence), _PLACES.index(f.place), f.path, f.line))
    seen: set[str] = set()
    for feature in ordered:
        sort, points = _POINTS[feature.kind]
        if sort not in seen:
            seen.add(sort)
            text = feature.text.replace("a WebSocket server is made with {}", "a WebSocket server ({})")
            module = feature.symbol.partition("#")[0]
            yield Reason("P", points, Fact(text, feature.path, feature.line, feature.confidence, (module,)))


def _answered(service: Service) -> Iterator[Reason]:
    points = next((points for least, points in ((100, 4), (26, 3), (6, 2), (1, 1)) if service.routes >= least), 0)
    if points:
        text = f"{nouns(service.routes, 'registered route')}, counted by their spelling"
        yield Reason("B", points, Fact(text, service.entry, service.line, "medium", (service.routes,)))


def _context(surface: Surface, links: tuple[Link, ...]) -> Iterator[Fact]:
    """What speaks for leaving an application in one piece."""
    if surface.pages and not surface.is_bare:
        text = f"{nouns(len(surface.pages), 'page')} served by the same application, with its session and types"
        yield Fact(text, surface.pages[0].path, names=(len(surface.pages),))
    actions, first = surface.actions
    if first is not None:
        text = f"{nouns(actions, 'Server Action')} called without an API in between"
        yield replace(first, text=text, names=(actions,))
    yield from (replace(link.fact, text="linked to the service {}", names=(link.service.app.name,)) for link in links)
