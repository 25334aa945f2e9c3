"""Links between Next applications and services: that both lie in one repository is none."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

from reviewer.core.app import App
from reviewer.core.commands import Process, next_arguments
from reviewer.core.manifest import ancestors, join, parent
from reviewer.core.matrix import Fact
from reviewer.core.nextconfig import config_path
from reviewer.core.project import Project
from reviewer.core.services import ENV_EXAMPLES, Service, Services
from reviewer.core.text import first_line

MAX_SERVICES = 6  # above that a shared package links nothing: it is what workspaces are made of
NEXT_PORT = 3000
_API_ENV = re.compile(rb"""\benv\.(\w*(?:API|BACKEND|GRAPHQL|SERVER)_?\w*(?:URL|HOST|ORIGIN|BASE|ENDPOINT))\b""")
_TOOLING = re.compile(r"eslint|tsconfig|typescript|prettier|config|tailwind|(?:^|[/-])ui$|icons?$|emails?$|logger$")
_COMPOSE = re.compile(r"(?:docker-)?compose[^/]*\.ya?ml")
_TASK_RUNNER = re.compile(r"\b(?:turbo|nx|lerna)\b|\s(?:-r|-ws)\b|--(?:recursive|workspaces|parallel)\b")
_STARTING = re.compile(r"(?:dev|start|develop|serve)(?:[:._-].*)?")


@dataclass(frozen=True, slots=True)
class Link:
    """Why a service belongs to a Next application. ``how`` numbers the kinds of links, 1 the plainest."""

    service: Service
    how: int
    fact: Fact


class Links:
    """The links between the applications and the services of one tree."""

    def __init__(self, project: Project, services: Services) -> None:
        self.project = project
        self.services = services
        self._known: dict[str, tuple[Link, ...]] = {}

    def of(self, app: App) -> tuple[Link, ...]:
        """The services linked to a Next application, each by the plainest link there is."""
        if app.root not in self._known:
            found = (self._link(app, service) for service in self.services.entries)
            self._known[app.root] = tuple(link for link in found if link is not None)
        return self._known[app.root]

    def _link(self, app: App, service: Service) -> Link | None:
        ways = (self._rewritten, self._read_origin, self._started_together, self._shared_package, self._only_two)
        for how, find in enumerate(ways, 1):
            if (fact := find(app, service)) is not None:
                return Link(service, how, fact)
        return None

    # -- 1: requests are sent on --------------------------------------------------

    def _rewritten(self, app: App, service: Service) -> Fact | None:
        config = config_path(self.project.files, app.root)
        source = self.project.files.source(config) if config is not None else None
        if config is not None and source is not None and b"rewrites" in source.data:
            line = first_line(source.data, _names_origin(service))
            if line:
                return Fact("requests are rewritten to the service {}", config, line, names=(service.app.name,))
        return self._vercel_services(app, service)

    def _vercel_services(self, app: App, service: Service) -> Fact | None:
        """One Vercel project that deploys both roots."""
        for directory in ancestors(app.root):
            path = join(directory, "vercel.json")
            source = self.project.files.source(path) if self.project.files.is_file(path) else None
            roots = _service_roots(source.data.decode(), directory) if source is not None else set()
            if source is not None and {app.root, service.app.root} <= roots:
                line = first_line(source.data, re.compile(rb'"services"')) or 1
                return Fact("one Vercel project deploys this and the service {}", path, line, names=(service.app.name,))
        return None

    # -- 2: an origin with its port --------------------------------------------------

    def _read_origin(self, app: App, service: Service) -> Fact | None:
        if service.port in (0, NEXT_PORT):
            return None
        pattern = re.compile(rb"(?:https?|wss?)://[\w.-]+:%d\b" % service.port)
        examples = [join(folder, name) for folder in {app.root, ""} for name in ENV_EXAMPLES]
        written = [path for path in sorted(examples) if self.project.files.is_file(path)]
        marked = self.project.files.containing(
            self.services.packaged.servers(app), {"port": ((f":{service.port}".encode(),),)}
        )["port"]
        for path in (*written, *sorted(marked)):
            source = self.project.files.source(path)
            line = first_line(source.data, pattern) if source is not None else 0
            if line:
                return Fact("reads an origin with the port of the service {}", path, line, names=(service.app.name,))
        return None

    # -- 3: started together --------------------------------------------------

    def _started_together(self, app: App, service: Service) -> Fact | None:
        for directory, package in self.project.code.packages.items():
            if directory not in ancestors(app.root):
                continue
            for name in package.scripts:
                if not _STARTING.fullmatch(name) or self._starts_all(package.scripts[name]):
                    continue
                processes = self._processes(package.dir, name)
                if _runs_next(processes, app) and _runs_in(processes, service.app.root):
                    line = package.positions.get(("scripts", name), (1, 1))[0]
                    return Fact(
                        "the script {} starts both this and {}", package.path, line, names=(name, service.app.name)
                    )
        return self._composed(app, service)

    def _starts_all(self, command: str) -> bool:
        """Whether a command runs a task in whatever packages have it: then it says nothing about two of several."""
        several = len(self.project.next_apps) + len(self.services.entries) > 2
        return several and _TASK_RUNNER.search(command) is not None

    def _processes(self, directory: str, script: str) -> list[Process]:
        package = self.project.code.packages[directory]
        return self.project.code.commands.resolve(package.scripts[script], directory)

    def _composed(self, app: App, service: Service) -> Fact | None:
        for path in self._compose_files:
            source = self.project.files.source(path)
            if source is None:
                continue
            built = [_built(source.data, parent(path), root) for root in (app.root, service.app.root)]
            if all(built):
                return Fact("one compose file builds both this and {}", path, built[1], names=(service.app.name,))
        return None

    @cached_property
    def _compose_files(self) -> list[str]:
        names = [name for name in self.project.files.names() if _COMPOSE.fullmatch(name)]
        return sorted(path for name in names for path in self.project.files.paths(name))

    # -- 4: a package both are made of --------------------------------------------------

    def _shared_package(self, app: App, service: Service) -> Fact | None:
        if len(self.services.entries) > MAX_SERVICES:
            return None
        own = service.app.package
        if own.name and own.name in app.package.dependencies:
            line = _dependency_line(app, own.name)
            return Fact("depends on the service's package {}", app.package.path, line, names=(own.name,))
        members = {p.name for p in self.project.code.packages.values() if p.name and not _TOOLING.search(p.name)}
        shared = sorted(members & self._asked(app) & self._asked(service.app))
        if not shared or not self._in_one_workspace(app, service.app):
            return None
        line = _dependency_line(app, shared[0])
        names = (shared[0], service.app.name)
        return Fact("shares the package {} with the service {}", app.package.path, line, "medium", names)

    def _asked(self, app: App) -> set[str]:
        depends = app.package.dependencies
        return {name for name, (_, section) in depends.items() if section == "dependencies"}

    def _in_one_workspace(self, app: App, other: App) -> bool:
        wanted = {app.package.dir, other.package.dir}
        return any(wanted <= {w.root, *w.members} for w in self.project.code.workspaces)

    # -- 5: there are only these two --------------------------------------------------

    def _only_two(self, app: App, service: Service) -> Fact | None:
        if len(self.project.next_apps) != 1 or len(self.services.entries) != 1:
            return None
        marked = self.project.files.containing(self.services.packaged.servers(app), {"env": ((b"env.",),)})["env"]
        for path in sorted(marked):
            data = self.project.files.raw(path) or b""
            if line := first_line(data, _API_ENV):
                text = "reads the address of an API, and the repository has one service, {}"
                return Fact(text, path, line, "medium", (service.app.name,))
        return None


def _names_origin(service: Service) -> re.Pattern[bytes]:
    """An origin that is the service's by its port or by its name, as compose files and clusters have them."""
    names = {service.app.root.rpartition("/")[2], service.app.package.name.rpartition("/")[2]} - {""}
    hosts = "|".join(re.escape(name) for name in sorted(names))
    port = rb"[\w.-]+:%d\b" % service.port if service.port not in (0, NEXT_PORT) else rb"(?!)"
    return re.compile(rb"https?://(?:" + port + rb"|(?:" + (hosts.encode() or rb"(?!)") + rb")(?=[:/'\"`$]))")


def _service_roots(text: str, directory: str) -> set[str]:
    """The roots of the services a vercel.json deploys."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return set()
    services = config.get("services") if isinstance(config, dict) else None
    rows = services.values() if isinstance(services, dict) else services if isinstance(services, list) else ()
    roots = (row.get("root") or row.get("entrypoint") for row in rows if isinstance(row, dict))
    return {join(directory, root) for root in roots if isinstance(root, str)}


def _runs_next(processes: list[Process], app: App) -> bool:
    served = (next_arguments(process)[1] for process in processes if process.kind == "next")
    return any(directory == app.root for directory in served) or any(
        process.kind == "file" and app.root and parent(process.file) == app.root for process in processes
    )


def _runs_in(processes: list[Process], root: str) -> bool:
    return any(process.kind == "file" and f"{process.file}/".startswith(f"{root}/") for process in processes)


def _built(data: bytes, directory: str, root: str) -> int:
    """The line of a compose file where a root is built; 0 where it is not."""
    for match in re.finditer(rb"(?m)^[ \t]*(?:build|context):[ \t]*['\"]?([\w./-]+)", data):
        if join(directory, match.group(1).decode()) == root:
            return data.count(b"\n", 0, match.start(1)) + 1
    return 0


def _dependency_line(app: App, name: str) -> int:
    sections = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
    places = (app.package.positions.get((section, name)) for section in sections)
    return next((place[0] for place in places if place is not None), 1)
