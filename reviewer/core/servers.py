"""Custom servers: files that start Next themselves, and what they do beyond forwarding requests to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from reviewer.core.behaviours import Behaviour, behaviours_in
from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, Ref
from reviewer.core.graph import ImportGraph
from reviewer.core.manifest import join, parent
from reviewer.core.registrations import Registration, dispatch_of, is_next, registrations_in
from reviewer.core.runs import HTTP, SECURE, Run, framework_of, is_server, makes_http_server, runs_in
from reviewer.core.symbols import Symbols

SERVER_WORDS = ((b"getRequestHandler",), (b"getUpgradeHandler",), (b"renderToHTML",), (b"next({",), (b"Next({",))
HANDLES = ("getRequestHandler", "getUpgradeHandler", "render", "renderToHTML", "renderError")
_LISTENERS = Symbols.of(["@hono/node-server#serve"])


@dataclass(frozen=True)
class CustomServer:
    """A file that starts Next. ``entry`` holds the listener, ``serves`` is the application root it starts.

    ``start`` is the first call ``next(...)`` in ``file``, ``others`` are further ones; ``files`` make up the server.
    """

    code: Code = field(repr=False, compare=False)
    entry: str
    file: str
    start: Call
    others: tuple[Call, ...]
    serves: str
    package_dir: str
    frameworks: tuple[str, ...]
    files: tuple[str, ...]
    behaviours: tuple[Behaviour, ...]

    @property
    def line(self) -> int:
        return self.start.line

    def option(self, name: str) -> tuple[str, Expr | None] | None:
        """The file and value of an option of ``next(...)``, no value where it is not given; None if not to be told."""
        if self.others:
            return None
        if not self.start.args:
            return self.file, None
        path, options = self.code.follow(self.file, self.start.args[0])
        if options.kind != "object":
            return None
        names = [key for key, _ in options.props]
        value = options.prop(name)
        if "..." in names[names.index(name) :] if name in names else "..." in names:
            return None
        return (path, None) if value is None else self.code.follow(path, value)

    @cached_property
    def registrations(self) -> tuple[Registration, ...]:
        """Everything the server registers, in the order of each function."""
        found = (registration for path in self.files for registration in registrations_in(self.code, path))
        return tuple(dict.fromkeys(found))

    @cached_property
    def dispatchers(self) -> frozenset[str]:
        """The identities of the applications and HTTP servers that hand requests to Next."""
        found = {r.app for r in self.registrations if r.dispatch and r.app}
        for path in self.files:
            for run in runs_in(self.code, path):
                if (server := self._handed_to(run, found)) is not None:
                    found.add(server)
        return frozenset(found)

    def _handed_to(self, run: Run, known: set[str]) -> str | None:
        """The HTTP server a call makes or tells to give its requests to Next, or to an application that does."""
        call, ref = run.call, run.expand(run.call.callee)
        if ref is None or ref.kind != "import":
            return None
        if call.method == "listen":
            return f"{run.path}:{call.start}" if run.identity(call.callee) in known else None
        listens = call.method == "on" and len(call.args) > 1 and call.args[0].name == "request"
        if ref.module not in HTTP | SECURE or not (listens or makes_http_server(ref)):
            return None
        if all(run.identity(arg.ref) not in known and not dispatch_of(run.code, run.path, arg) for arg in call.args):
            return None
        return run.identity(call.callee) if listens else f"{run.path}:{call.start}"


def find_custom_servers(code: Code, graph: ImportGraph, candidates: Iterable[str]) -> tuple[CustomServer, ...]:
    """Every custom server among the candidates; files without a listener within two imports are none."""
    found = []
    for path in sorted(candidates):
        facts = code.facts(path)
        starts = [call for call in facts.calls if _starts_next(call)] if facts is not None else []
        if not starts:
            continue
        group = [path, *sorted(graph.reachers([path]) - {path})]
        if not any(_uses_next(code, member) for member in group):
            continue
        entry = next((member for member in group if _listens(code, member)), None)
        if entry is not None:
            between = sorted(graph.imports(entry).intersection(group))
            found.append(_server(code, path, entry, starts, tuple(dict.fromkeys((path, *between, entry)))))
    return tuple(found)


def _starts_next(call: Call) -> bool:
    callee = call.callee
    return callee is not None and callee.kind == "import" and callee.module == "next" and callee.path() == ()


def _uses_next(code: Code, path: str) -> bool:
    for run in runs_in(code, path):
        call = run.call
        if call.method in HANDLES and is_next(run.expand(call.callee)):
            return True
        if call.method.startswith("forRoot") and any(is_next(arg.ref) for arg in call.args):
            return True  # nest-next: RenderModule.forRootAsync(Next({...}))
    return False


def _listens(code: Code, path: str) -> bool:
    facts = code.facts(path)
    if facts is None:
        return False
    if any(_opens_port(code.expand(path, call.callee)) for call in facts.calls):
        return True
    if not any(call.method == "listen" for call in facts.calls):
        return False
    if any(_makes_servers(code, item.module) and not item.type_only for item in facts.imports):
        return True
    listening = [code.expand(path, call.callee) for call in facts.calls if call.method == "listen"]
    return any(ref is not None and is_server(code, ref) for ref in listening)


def _makes_servers(code: Code, module: str) -> bool:
    return module in HTTP | SECURE or framework_of(code, module) != ""


def _opens_port(ref: Ref | None) -> bool:
    """Whether a call starts a server whose method is not named ``listen``."""
    is_hapi = ref is not None and ref.kind == "import" and ref.module == "@hapi/hapi"
    return _LISTENERS.match(ref) or (is_hapi and ref is not None and ref.last_member() == "start")


def _server(code: Code, path: str, entry: str, starts: list[Call], files: tuple[str, ...]) -> CustomServer:
    package = code.package_of(entry)
    directory = package.dir if package is not None else ""
    behaviours = [b for member in files for b in behaviours_in(code, member)]
    ordered = tuple(dict.fromkeys(sorted(behaviours, key=lambda b: (b.path, b.line))))
    facts = [code.facts(member) for member in files]
    modules = {item.module for f in facts if f is not None for item in f.imports if not item.type_only}
    frameworks = tuple(sorted(filter(None, {framework_of(code, module) for module in modules})))
    serves = _served(code, path, starts[0], directory)
    others = tuple(starts[1:])
    return CustomServer(code, entry, path, starts[0], others, serves, directory, frameworks, files, ordered)


def _served(code: Code, path: str, start: Call, directory: str) -> str:
    """The directory Next is given: by its option, else that of the package, where the process runs."""
    options = code.follow(path, start.args[0])[1] if start.args else None
    option = options.prop("dir") if options is not None else None
    if option is not None and option.name == "__dirname":
        return parent(path)
    return join(directory, option.name if option is not None and option.kind == "string" else ".")
