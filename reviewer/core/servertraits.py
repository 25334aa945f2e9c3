"""What the files of a custom server do besides registering: process management, sockets, environment, hosts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.behaviours import Behaviour
from reviewer.core.code import Code
from reviewer.core.facts import Assignment, Call, Expr, FileFacts, Import, Ref
from reviewer.core.finding import Site
from reviewer.core.images import images_of, started
from reviewer.core.launch import launchers_of, mentions_host, runs
from reviewer.core.manifest import ancestors, join, package_name
from reviewer.core.registrations import Registration, dispatch_of, is_instance, is_next, registrations_in
from reviewer.core.runs import FRAMEWORKS, HTTP, SECURE, calls_in, framework_of
from reviewer.core.servers import CustomServer
from reviewer.core.starts import Start, production_start

TraitKind = Literal[
    "instrumentation", "environment", "cluster", "shutdown", "timeouts", "tls", "pipe", "several-apps", "hosts", "other"
]
Purpose = Literal["production", "development", "tests"]

_PACKAGES: dict[str, TraitKind] = {
    **dict.fromkeys(
        ("newrelic", "dd-trace", "elastic-apm-node", "applicationinsights", "appdynamics"), "instrumentation"
    ),
    **dict.fromkeys(("@sentry/node", "@sentry/nextjs", "@google-cloud/trace-agent", "prom-client"), "instrumentation"),
    **dict.fromkeys(("dotenv", "dotenv-flow", "dotenv-expand", "dotenv-safe", "@next/env", "envalid"), "environment"),
    **dict.fromkeys(("cluster", "node:cluster", "throng", "pm2"), "cluster"),
    **dict.fromkeys(("http-terminator", "stoppable", "http-graceful-shutdown", "@godaddy/terminus"), "shutdown"),
    **dict.fromkeys(("lightship", "close-with-grace", "death", "node-graceful-shutdown"), "shutdown"),
    **dict.fromkeys((*SECURE, "tls", "node:tls", "mkcert", "devcert", "greenlock-express"), "tls"),
    **dict.fromkeys(("vhost", "portfinder", "get-port", "detect-port"), "hosts"),
}
_INSTRUMENTATION = re.compile(
    r"@opentelemetry/|(?:^|/)(?:tracing|tracer|instrumentation|instrument|telemetry|apm|otel)$"
)
_ENVIRONMENT_FILE = re.compile(r"^\.{1,2}/(?:.*/)?(?:load-?)?env$")
_LOGGER_FILE = re.compile(r"(?:^|/)(?:logger|logging|log)$")
_TIMEOUTS = frozenset({"keepAliveTimeout", "headersTimeout", "requestTimeout", "timeout", "setTimeout"})
_PLAIN_MODULES = FRAMEWORKS | HTTP | {"next", "url", "node:url", "path", "node:path", "process", "node:process"}
_PLAIN_GLOBALS = frozenset(
    {"console", "parseInt", "Number", "String", "Boolean", "URL", "require", "__dirname", "Date", "JSON"}
)
_PLAIN_METHODS = frozenset(
    {"listen", "Router", "register", "route", "routes", "allowedMethods", "callback", "address", "ready"}
)
_PLAIN_OPTIONS = frozenset(
    {"dev", "dir", "hostname", "port", "quiet", "customServer", "httpServer", "turbo", "turbopack", "webpack"}
)
_LOG_OPTIONS = frozenset({"logger", "disableRequestLogging"})
_PLACE_OPTIONS = frozenset({"port", "host", "hostname"})
_GRAVITY = ("websocket", "auth", "security", "api")
_STATUS = frozenset({"statusCode", "status", "respond", "sent"})
_COMMENT = re.compile(r"(?<![:\"'`\w/])//[^\n]*|/\*.*?\*/", re.DOTALL)
# what facts of a file do not hold: a request that is dropped, or stripped of something
_DROPS = re.compile(r"\bif\s*\([^{};]*\)\s*\{?\s*return\s*[;}\n]|\bdelete\s+[\w$]+\s*[.\[?]")
_BRANCHES = re.compile(r"\b(?:if|switch|delete|throw|while|for)\b|\?(?![.:])|&&|\|\|")
_PRELOADS = re.compile(r"(?:^|\s)(?:-r|--require|--import|--loader|--env-file(?:-if-exists)?)[\s=]")
HOST_KINDS = ("passenger", "iisnode")
_HOST_FILES = (
    ("web.config", "iisnode", re.compile(r"iisnode")),
    ("iisnode.yml", "iisnode", re.compile(r"")),
    ("Passengerfile.json", "passenger", re.compile(r"")),
    (".cpanel.yml", "passenger", re.compile(r"")),
    (".htaccess", "passenger", re.compile(r"Passenger")),
)


@dataclass(frozen=True, slots=True)
class Trait:
    """One thing a server does beside registering and forwarding; ``other`` is whatever is not known to be plain."""

    kind: TraitKind
    label: str
    path: str
    line: int


def traits_of(server: CustomServer) -> tuple[Trait, ...]:
    """Everything the server's files do that ``next start`` would not, each place once, in order of files and lines."""
    found: dict[tuple[str, int], Trait] = {}
    for path in server.files:
        facts = server.code.facts(path)
        if facts is None:
            found[path, 1] = Trait("other", path, path, 1)
            continue
        for trait in _in_file(server, path, facts):
            found.setdefault((trait.path, trait.line), trait)
    return tuple(sorted(found.values(), key=lambda trait: (server.files.index(trait.path), trait.line)))


def purpose_of(code: Code, app: App, server: CustomServer) -> Purpose:
    """What the server is started for: where nothing starts it, or there is doubt, production.

    An image that starts the ``server.js`` Next generates names that file, and not this one.
    """
    launchers = launchers_of(code, server.entry)
    generated = {image.path for image in images_of(code.files, app) if started(code, app, image) == "generated"}
    if generated.issuperset(launchers.production) and (launchers.development or launchers.tests):
        return "development" if launchers.development else "tests"
    return "production"


def host_entry(code: Code, server: CustomServer) -> str:
    """The kind of host that asks for the server's file (``passenger``, ``iisnode``), or ''."""
    for above in ancestors(server.package_dir):
        for name, host, pattern in _HOST_FILES:
            source = code.files.source(join(above, name)) if code.files.is_file(join(above, name)) else None
            if source is not None and pattern.search(source.data.decode()):
                return host
    return mentions_host(code, server.entry) or mentions_host(code, server.file)


def only_forwards(app: App, server: CustomServer, kept_hosts: Collection[str] = HOST_KINDS) -> bool:
    """Whether a server does what ``next start`` does and nothing else.

    One a host asks for by its file is kept for *kept_hosts*, and one whose start command loads something into the
    process first is more than its files.
    """
    # middleware that does more than log is a trait
    answers = any(behaviour.kind != "middleware" for behaviour in server.behaviours)
    if answers or traits_of(server) or host_entry(server.code, server) in kept_hosts:
        return False
    start = start_of(server.code, app, server)
    return start is None or _PRELOADS.search(start.command) is None


def gravest(server: CustomServer, count: int) -> tuple[list[Behaviour], int]:
    """What a server does itself, each label once, the gravest first: *count* of them, and how many more there are."""
    ordered = sorted(server.behaviours, key=lambda b: _GRAVITY.index(b.kind) if b.kind in _GRAVITY else len(_GRAVITY))
    named = list({behaviour.label: behaviour for behaviour in reversed(ordered)}.values())[::-1]
    return named[:count], max(len(named) - count, 0)


def start_of(code: Code, app: App, server: CustomServer) -> Start | None:
    """The production start of an application, where it is this server that it runs."""
    start = production_start(code, app)
    processes = start.processes if start is not None else ()
    is_own = any(process.kind == "file" and runs(code, process, server.entry) for process in processes)
    return start if is_own else None


def server_sites(app: App, server: CustomServer) -> Iterator[Site]:
    """Where a server is: the call that starts Next, the entry when it is another file, and the script that runs it."""
    yield Site(server.file, server.line, server.start.column, server.line, "Next is started here")
    if server.entry != server.file:
        yield Site(server.entry, 1, 1, 1, "this file listens")
    start = start_of(server.code, app, server)
    if start is not None:
        yield Site(start.path, start.line, start.column, start.line, f"`{start.script}` runs the server")


def _in_file(server: CustomServer, path: str, facts: FileFacts) -> Iterator[Trait]:
    code = server.code
    for item in facts.imports:
        if (kind := _imported(server, path, item)) is not None:
            yield Trait(kind, item.module, path, item.line)
    registrations = [r for r in registrations_in(code, path) if r.path == path]
    registered = {r.order[3] if r.order[3] >= 0 else r.order[2] for r in registrations}
    starts = 0
    for call in facts.calls:
        ref = code.expand(path, call.callee)
        if ref is not None and (ref.kind, ref.module, ref.path()) == ("import", "next", ()):
            starts += 1
            if starts > 1:
                yield Trait("several-apps", "another next()", path, call.line)
            if _sets_more(server, path, call):
                yield Trait("other", "options of next()", path, call.line)
        elif call.place[0] not in registered and (kind := _called(server, path, facts, call, ref)) is not None:
            yield Trait(kind, _spelled(call), path, call.line)
    for assignment in facts.assignments:
        if (changed := _assigned(assignment)) is not None:
            yield Trait(changed, f"{assignment.target.last_member()} = …", path, assignment.line)
    for registration in registrations:
        if _does_more(server, registration):
            yield Trait("other", registration.label, path, registration.line)
    text = _text(server.code, path)
    for match in _DROPS.finditer(text):
        label = "delete …" if match.group().startswith("delete") else "return"
        yield Trait("other", label, path, text.count("\n", 0, match.start()) + 1)


def _text(code: Code, path: str) -> str:
    """A file without its comments, line for line."""
    source = code.files.source(path)
    return _without_comments(source.data.decode()) if source is not None else ""


def _without_comments(text: str) -> str:
    return _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)


# -- imports --------------------------------------------------


def _imported(server: CustomServer, path: str, item: Import) -> TraitKind | None:
    module, name = item.module, package_name(item.module)
    if item.type_only or module in _PLAIN_MODULES or module.startswith("next/"):
        return None
    if name in _PACKAGES or module in _PACKAGES:
        return _PACKAGES.get(module) or _PACKAGES[name]
    stem = re.sub(r"\.[cm]?[jt]s$", "", module)
    if _INSTRUMENTATION.search(stem):
        return "instrumentation"
    if _ENVIRONMENT_FILE.search(stem):
        return "environment"
    is_own = server.code.resolver.resolve(path, module) in server.files
    return None if is_own or _is_logger(server, module) else "other"


# -- middleware --------------------------------------------------


def _does_more(server: CustomServer, registration: Registration) -> bool:
    """Whether middleware does more than log, or hands only some of its requests to Next."""
    if registration.dispatch:
        return registration.dispatch == "partly"
    is_middleware = registration.method in ("use", "register")
    return is_middleware and not all(_only_logs(server, registration.path, target) for target in registration.targets)


def _only_logs(server: CustomServer, path: str, target: Expr) -> bool:
    code = server.code
    where, value = code.follow(path, target)
    if value.kind == "function":
        return _logs_and_goes_on(code, where, value)
    ref = code.expand(path, target.ref)
    if ref is None or ref.kind != "import":
        return False
    steps = ref.path()
    is_router = bool(framework_of(code, ref.module)) and (".Router" in steps or steps[:1] in (("()",), ("new",)))
    return is_router or _is_logger(server, ref.module)


def _logs_and_goes_on(code: Code, path: str, value: Expr) -> bool:
    """Whether a function runs the next handler whatever the request is; its other calls are judged by themselves."""
    facts, source = code.facts(path), code.files.source(path)
    function = facts.function(value.function) if facts is not None else None
    if function is None or source is None:
        return False
    after = source.data[function.id :].decode(errors="replace").split("\n")
    text = _without_comments("\n".join(after[: function.end_line - function.line + 1]))
    goes_on = any(
        call.callee is not None and call.callee.kind == "param" and not call.callee.steps and call.callee.index > 0
        for call in calls_in(code, path, value)
    )
    return goes_on and _BRANCHES.search(text) is None


def _is_logger(server: CustomServer, module: str) -> bool:
    stem = re.sub(r"\.[cm]?[jt]s$", "", module)
    is_listed = package_name(module) in server.code.names.get("logging_middleware", ())
    return is_listed or _LOGGER_FILE.search(stem) is not None


# -- calls --------------------------------------------------


def _called(server: CustomServer, path: str, facts: FileFacts, call: Call, ref: Ref | None) -> TraitKind | None:
    if facts.function(call.place[0]) is not None:
        return None  # a function that is run where it is written
    if ref is None:
        return "other"
    if ref.kind == "import":
        return _called_import(server, path, call, ref)
    if ref.kind == "global":
        return _called_global(call, ref)
    if ref.kind == "param":
        plain = not ref.steps or call.in_catch or ref.last_member() == "hijack"
        return None if plain or _forwards(server.code, path, call) else "other"
    value = facts.values.get(ref.name)
    is_own = value is not None and value.kind == "function"
    is_declared = any(function.name == ref.name for function in facts.functions)
    return None if is_own or is_declared else "other"


def _called_import(server: CustomServer, path: str, call: Call, ref: Ref) -> TraitKind | None:
    module, member = ref.module, ref.last_member()
    if is_next(ref):
        return "other" if call.conditional and ref.path()[-1:] == ("()",) else _handled(server.code, path, call)
    if member in _TIMEOUTS and module in FRAMEWORKS | HTTP | SECURE:
        return "timeouts"
    if module in FRAMEWORKS | HTTP:
        return _called_server(server, path, call, ref)
    if module in _PACKAGES or package_name(module) in _PACKAGES:
        return _PACKAGES.get(module) or _PACKAGES[package_name(module)]
    if module in _PLAIN_MODULES or _is_logger(server, module):
        return None
    return None if server.code.resolver.resolve(path, module) in server.files else "other"


def _called_server(server: CustomServer, path: str, call: Call, ref: Ref) -> TraitKind | None:
    """What a call of a framework, or of a server it made, amounts to."""
    member = ref.last_member()
    if member == "listen":
        return "pipe" if _is_pipe(server.code, path, call) else None
    if member in ("on", "once"):
        return None if _is_plain_event(server.code, path, call) else "other"
    made = not is_instance(server.code, ref) or member in ("then", "catch", "finally")
    is_maker = made and (member.startswith("create") or member in ("", "then", "catch", "finally", "fastify", "Hono"))
    if is_maker and (kind := _made_with(server.code, path, call)) is not None:
        return kind
    is_plain = ".log" in ref.steps or is_maker
    return None if is_plain or member in _PLAIN_METHODS else "other"


def _made_with(code: Code, path: str, call: Call) -> TraitKind | None:
    """What the options a server is made with amount to; those of a log are plain."""
    options = code.follow(path, call.args[0])[1] if call.args else None
    names = {key for key, _ in options.props} - _LOG_OPTIONS if options is not None else set()
    if not names:
        return None
    return "timeouts" if names <= _TIMEOUTS else "tls" if names & {"https", "http2"} else "other"


def _is_plain_event(code: Code, path: str, call: Call) -> bool:
    event = call.args[0].name if call.args else ""
    if event == "upgrade" and len(call.args) > 1:
        return is_next(code.expand(path, call.args[1].ref)) or dispatch_of(code, path, call.args[1]) == "handle"
    return event in ("error", "listening", "request")


def _called_global(call: Call, ref: Ref) -> TraitKind | None:
    if ref.name == "process":
        if ref.last_member() not in ("on", "once"):
            return None if ref.last_member() in ("exit", "cwd") else "other"
        event = call.args[0].name if call.args else ""
        return "shutdown" if event.startswith("SIG") or event in ("beforeExit", "exit") else "other"
    if ref.name == "isNaN" or (ref.name, ref.last_member()) == ("Number", "isNaN"):
        return "pipe"
    return None if ref.name in _PLAIN_GLOBALS else "other"


def _handled(code: Code, path: str, call: Call) -> TraitKind | None:
    """What handing a request to Next, or preparing it, does beyond that: another URL, or another page."""
    if call.method in ("render", "renderToHTML", "render404", "renderError", "setAssetPrefix"):
        return None if call.in_catch or call.method in ("renderError", "render404") else "other"
    for arg in call.args[2:]:
        ref = code.expand(path, arg.ref) if arg.ref is not None else None
        if ref is None or ref.kind != "import" or ref.module not in ("url", "node:url"):
            return None if ref is not None and ref.kind == "global" and ref.name == "URL" else "other"
    return None


def _forwards(code: Code, path: str, call: Call) -> bool:
    """Whether a call on a parameter only passes what Next is given on, as ``reply.raw`` or ``promise.then`` do."""
    return call.method in ("then", "catch") or is_next(code.expand(path, call.callee))


def _is_pipe(code: Code, path: str, call: Call) -> bool:
    """Whether a server listens where no TCP port is: on a named pipe, a socket, or whatever the host puts in PORT."""
    if not call.args:
        return False
    first = code.follow(path, call.args[0])[1]
    if first.kind == "object":
        return not {key for key, _ in first.props} <= _PLACE_OPTIONS
    return (first.kind == "string" and not first.name.isdigit()) or _is_environment(first)


def _is_environment(expr: Expr) -> bool:
    """Whether a value is a variable of the environment as it comes, with nothing to fall back on."""
    return expr.ref is not None and expr.ref.kind == "global" and expr.ref.steps[:1] == (".env",)


def _sets_more(server: CustomServer, path: str, call: Call) -> bool:
    """Whether ``next(...)`` is given options ``next start`` has no flag for, or ones that cannot be read."""
    if not call.args:
        return False
    options = server.code.follow(path, call.args[0])[1]
    return options.kind != "object" or not {key for key, _ in options.props} <= _PLAIN_OPTIONS


def _spelled(call: Call) -> str:
    owner = call.callee.name if call.callee is not None and call.callee.kind == "global" else ""
    first = f"'{call.args[0].name}', …" if call.args and call.args[0].kind == "string" else "…"
    return f"{owner}.{call.method}({first})" if owner and call.method else f"{call.method or owner or 'call'}({first})"


# -- assignments --------------------------------------------------


def _assigned(assignment: Assignment) -> TraitKind | None:
    target, member = assignment.target, assignment.target.last_member()
    if member in _TIMEOUTS:
        return "timeouts"
    if target.kind == "global" and target.name in ("module", "exports"):
        return None
    if target.kind == "global" and target.steps[:1] == (".env",):
        return "environment"
    if target.kind == "param" and member in _STATUS:
        return None
    return "other" if target.steps else None
