"""What starts an application: package scripts, images, platform files, and who mentions a server's entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.commands import Process, next_arguments
from reviewer.core.manifest import Package, join, parent

_LAUNCH_FILE = re.compile(
    r"(?:^|/)(?:[^/]*Dockerfile[^/]*|[^/]*Containerfile[^/]*|(?:docker-)?compose[^/]*\.ya?ml|Procfile[^/]*|"
    r"ecosystem[^/]*\.(?:[cm]?js|json|ya?ml)|pm2[^/]*\.(?:json|[cm]?js|ya?ml)|process\.(?:json|ya?ml)|fly[^/]*\.toml|"
    r"app\.ya?ml|render\.ya?ml|railway\.(?:json|toml)|nixpacks\.toml|railpack\.json|web\.config|iisnode\.yml|"
    r"[^/]*\.service|[^/]*\.sh|Makefile|appspec\.ya?ml|amplify\.ya?ml|serverless\.ya?ml|captain-definition|"
    r"playwright\.config\.[cm]?[jt]s|cypress\.config\.[cm]?[jt]s)$"
    r"|^\.github/workflows/|(?:^|/)\.platform[^/]*/|(?:^|/)(?:k8s|kubernetes|deploy|deployment|helm|charts|manifests|\.do)/.*\.ya?ml$"
)
_DEVELOPMENT_SCRIPT = re.compile(
    r"^(?:dev|develop|development|watch|local|https?|ssl|tls|debug|tunnel|storybook|lint|build|compile|type-?check)(?:[:._-]|$)"
    r"|[:._-](?:dev|local|https|watch|debug)(?:[:._-]|$)"
)
_TEST_SCRIPT = re.compile(r"(?:^|[:._-])(?:test|tests|e2e|cypress|playwright|jest|vitest|smoke)(?:[:._-]|$)")
_LOCAL_TLS_SCRIPT = re.compile(r"(?:^|[:._-])(?:https|ssl|tls|local|tunnel)(?:[:._-]|$)")
_TEST_FILE = re.compile(r"(?:^|[/._-])(?:playwright|cypress|e2e|tests?)(?:[/._-]|$)")
_COPIES = re.compile(r"^\s*(?:COPY|ADD|#|//|\*|<!--)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Start:
    """The production start of an application: the processes of one command and where it is written."""

    path: str
    line: int
    column: int
    script: str
    command: str
    processes: tuple[Process, ...]

    def runs_next_start(self, app: App) -> Process | None:
        """The ``next start`` of this application among the processes, when all of them are known."""
        if any(process.kind == "unknown" for process in self.processes):
            return None
        for process in self.processes:
            if process.kind == "next":
                command, directory, _ = next_arguments(process)
                if command == "start" and directory == app.root:
                    return process
        return None


@dataclass(frozen=True, slots=True)
class Launchers:
    """Who else starts a server entry: names of development scripts, of test launchers, of all others."""

    development: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    local_tls: bool = False


def production_start(code: Code, app: App) -> Start | None:
    """The command a host runs by convention: the package's ``start`` script, else a Procfile's web process."""
    package = app.package
    command = package.scripts.get("start")
    if command is not None:
        line, column = package.positions.get(("scripts", "start"), (1, 1))
        return Start(package.path, line, column, "start", command, tuple(code.commands.resolve(command, package.dir)))
    for path in code.files.paths("Procfile"):
        if parent(path) == package.dir and (start := _procfile(code, path, package)) is not None:
            return start
    return None


def _procfile(code: Code, path: str, package: Package) -> Start | None:
    source = code.files.source(path)
    for number, line in enumerate(source.data.decode().split("\n") if source is not None else (), 1):
        if line.startswith("web:"):
            command = line[4:].strip()
            return Start(path, number, 1, "web", command, tuple(code.commands.resolve(command, package.dir)))
    return None


def launchers_of(code: Code, entry: str, extra_files: tuple[str, ...] = ()) -> Launchers:
    """Everything in the repository that could start *entry*, by purpose. Doubt counts as production."""
    development, tests, production = [], [], []
    local_tls = False
    for package, name, command in _scripts(code):
        if not _reaches(code, code.commands.resolve(command, package.dir), entry):
            continue
        label = f"{package.path} script {name}"
        if _TEST_SCRIPT.search(name) or "SERVER_MODE" in command:
            tests.append(label)
        elif _DEVELOPMENT_SCRIPT.search(name):
            development.append(label)
            local_tls = local_tls or _LOCAL_TLS_SCRIPT.search(name) is not None
        else:
            production.append(label)
    for path in _mentions(code, entry, extra_files):
        (tests if _TEST_FILE.search(path) else production).append(path)
    return Launchers(tuple(development), tuple(tests), tuple(production), local_tls)


def _scripts(code: Code) -> Iterator[tuple[Package, str, str]]:
    for package in code.packages.values():
        for name, command in package.scripts.items():
            yield package, name, command


def _reaches(code: Code, processes: list[Process], entry: str) -> bool:
    return any(process.kind == "file" and runs(code, process, entry) for process in processes)


def runs(code: Code, process: Process, entry: str) -> bool:
    """Whether a process runs a script, be it compiled first (``dist/server.js`` for ``server.ts``)."""
    stem, target = _stem(entry), process.file
    package = code.packages.get(target)
    if package is not None and isinstance(main := package.manifest.get("main"), str):
        target = join(target, main)
    if _stem(target) == stem or join(target, "index") == stem:
        return True
    if code.files.is_file(target) or ".next/standalone" in target:
        return _pm2_names(code, target, entry) if code.files.is_file(target) else False
    return _stem(target).rpartition("/")[2] == stem.rpartition("/")[2]


def _pm2_names(code: Code, path: str, entry: str) -> bool:
    source = code.files.source(path) if "config" in path else None
    return source is not None and _mention(entry).search(source.data.decode()) is not None


def _stem(path: str) -> str:
    return re.sub(r"\.[cm]?[jt]sx?$", "", path)


def _mention(entry: str) -> re.Pattern[str]:
    stem = re.escape(_stem(entry).rpartition("/")[2])
    return re.compile(rf"(?<![\w.-])(?:[\w./-]*/)?{stem}(?:\.[cm]?[jt]s)(?![\w-])")


def _mentions(code: Code, entry: str, extra_files: tuple[str, ...]) -> Iterator[str]:
    """Launch files with a line, other than a copy or a comment, that names the entry."""
    pattern = _mention(entry)
    for path, item in code.files.listing.items():
        if item.kind != "file" or (path not in extra_files and not _LAUNCH_FILE.search(path)):
            continue
        source = code.files.source(path)
        for line in source.data.decode().split("\n") if source is not None else ():
            if not _COPIES.match(line) and pattern.search(line.replace(".next/standalone/server.js", "")):
                yield path
                break


def mentions_host(code: Code, path: str) -> str:
    """The kind of host a server file says it is an entry for: ``passenger``, ``iisnode`` or ''."""
    source = code.files.source(path)
    text = source.data.decode().lower() if source is not None else ""
    if re.search(r"passenger|cpanel|plesk|phusion", text):
        return "passenger"
    return "iisnode" if re.search(r"iisnode", text) else ""
