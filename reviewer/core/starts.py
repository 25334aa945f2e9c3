"""What starts an application in production: the commands of images, hosts and package scripts, by priority."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.commands import Process, next_arguments
from reviewer.core.deploy import about
from reviewer.core.dockerfile import Stage, last_stage
from reviewer.core.entries import source_of
from reviewer.core.hosts import Signal
from reviewer.core.launchfiles import launch_files
from reviewer.core.manifest import ancestors, join, parent
from reviewer.core.platforms import Given, commands_in
from reviewer.core.pm2 import pm2_apps

_SETS_PRODUCTION = frozenset({"heroku", "render", "railway"})
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_NAMED = ("start:prod", "start:production", "prod", "production", "serve")
Source = Literal["image", "platform", "script", "named"]


@dataclass(frozen=True, slots=True)
class NodeEnv:
    """Whether NODE_ENV is ``production`` for a process: None where nothing says so. ``path`` and ``line`` say it."""

    value: bool | None = None
    path: str = ""
    line: int = 1


NOT_SAID = NodeEnv()


@dataclass(frozen=True, slots=True)
class Start:
    """A production start of an application: the processes of one command and where it is written.

    ``environment`` has one entry for each process.
    """

    path: str
    line: int
    column: int
    script: str
    command: str
    processes: tuple[Process, ...]
    source: Source = "script"
    environment: tuple[NodeEnv, ...] = ()

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

    def entries(self, code: Code) -> Iterator[tuple[str | None, NodeEnv]]:
        """The scripts it runs, compiled ones by their source or None where that cannot be told, with their NODE_ENV."""
        for process, environment in zip(self.processes, self.environment, strict=True):
            if process.kind == "file":
                yield source_of(code, process.file), environment


def production_start(code: Code, app: App) -> Start | None:
    """The command a host runs by convention: the package's ``start`` script, else a Procfile's web process."""
    if (start := _script(code, app, "start", "script")) is not None:
        return start
    path = join(app.package.dir, "Procfile")
    given = next(commands_in(code.files, path), None) if code.files.is_file(path) else None
    return _given(code, path, replace(given, dir=app.package.dir), NOT_SAID) if given is not None else None


def production_commands(code: Code, app: App) -> list[Start]:
    """The commands that start an application in production; the first is the one that takes effect.

    An image comes before the file of a host, that before the ``start`` script, and a script of another name counts
    where a file of the deployment or another script runs it.
    """
    name = app.package.name
    signals = sorted(about(code.hosts, app.root, app.is_only, app.kind, name), key=lambda s: (s.path, s.line))
    signals += [s for s in about(code.hosts, app.package.dir, app.is_only, app.kind, name) if s not in signals]
    paths = dict.fromkeys(signal.path for signal in signals)
    hosting = next((s for s in signals if s.target in _SETS_PRODUCTION), None)
    default = NodeEnv(True, hosting.path, hosting.line) if hosting is not None else NOT_SAID
    starts = [start for path in paths if (start := _image(code, app, path)) is not None]
    for path in paths:
        starts += _from_platform(code, app, path, signals, default)
    for name in ("start", *(name for name in _NAMED if name in app.package.scripts and _is_run(code, name))):
        start = _script(code, app, name, "script" if name == "start" else "named", default)
        starts += [start] if start is not None else []
    return starts


def _script(code: Code, app: App, name: str, source: Source, default: NodeEnv = NOT_SAID) -> Start | None:
    package = app.package
    command = package.scripts.get(name)
    if command is None:
        return None
    line, column = package.positions.get(("scripts", name), (1, 1))
    processes = tuple(code.commands.resolve(command, package.dir))
    environment = _environment(processes, package.path, line, default)
    return Start(package.path, line, column, name, command, processes, source, environment)


def _environment(processes: tuple[Process, ...], path: str, line: int, default: NodeEnv) -> tuple[NodeEnv, ...]:
    found = []
    for process in processes:
        values = [word.partition("=")[2] for word in process.env if word.startswith("NODE_ENV=")]
        found.append(NodeEnv(_is_production(values[-1]), path, line) if values else default)
    return tuple(found)


def _is_production(value: str) -> bool | None:
    return None if "$" in value or "%" in value else value.strip() == "production"


# -- images --------------------------------------------------


def _image(code: Code, app: App, path: str) -> Start | None:
    if not re.search(r"(?:^|/)(?:Dockerfile|Containerfile)[^/]*$", path):
        return None
    source = code.files.source(path)
    stage = last_stage(source.data.decode()) if source is not None else None
    written = stage.start() if stage is not None else None
    if stage is None or written is None:
        return None
    place = stage.workdir.rstrip("/")
    command = re.sub(rf"(?<![\w.]){re.escape(place)}/", "", written.text) if place else written.text
    processes = tuple(_in_image(code, app, stage, command, path))
    variable = stage.env.get("NODE_ENV")
    default = NodeEnv(_is_production(variable.text), path, variable.line) if variable is not None else NOT_SAID
    environment = _environment(processes, path, written.line, default)
    return Start(path, written.line, 1, "CMD", written.text, processes, "image", environment)


def _in_image(code: Code, app: App, stage: Stage, command: str, path: str) -> Iterator[Process]:
    """The processes of an image. What is copied from Next's standalone output is not the file of the repository."""
    is_standalone = any(".next/standalone" in word for copied in stage.copies for word in copied.words)
    for process in code.commands.resolve(command, _directory(code, app, stage, path)):
        if process.kind == "other" and (process.name in _SHELLS or process.name.endswith(".sh")):
            yield Process("unknown", command)
        elif is_standalone and process.kind == "file" and process.file.rpartition("/")[2] == "server.js":
            yield replace(process, file=join(app.root, ".next/standalone/server.js"))
        else:
            yield process


def _directory(code: Code, app: App, stage: Stage, path: str) -> str:
    """The directory of the repository that the working directory of an image was copied from."""
    parts = [part for part in stage.workdir.split("/") if part]
    for index in range(len(parts)):
        if (directory := "/".join(parts[index:])) in code.packages:
            return directory
    sources = {join("", word) for copied in stage.copies for word in copied.words[:-1]}
    if app.package.dir in sources and app.package.dir:
        return app.package.dir
    above = parent(path)
    return above if above in code.packages else app.package.dir if "" not in code.packages else ""


# -- hosts and scripts of other names --------------------------------------------------


def _from_platform(code: Code, app: App, path: str, signals: list[Signal], default: NodeEnv) -> Iterator[Start]:
    places = {app.root, app.package.dir, *(ancestors(app.root) if app.is_only else ())}
    for signal in signals:
        if signal.path == path and signal.target in _SETS_PRODUCTION:
            default = NodeEnv(True, path, signal.line)
    if pm2_apps(code.files, path) is not None:
        yield from _ecosystem(code, app, path)
        return
    for given in commands_in(code.files, path):
        if given.dir in places:
            directory = given.dir if given.dir in code.packages else app.package.dir
            yield _given(code, path, replace(given, dir=directory), default)


def _ecosystem(code: Code, app: App, path: str) -> Iterator[Start]:
    """The applications of a pm2 file, as they are started for production."""
    for declared in pm2_apps(code.files, path) or ():
        args = ["--env", "production", "--only", declared.name] if declared.name else ["--env", "production"]
        processes = tuple(code.commands.declared([path], args, ""))
        if join(parent(path), declared.cwd) in (app.root, app.package.dir):
            environment = _environment(processes, path, declared.line, NOT_SAID)
            command = " ".join(declared.words)
            yield Start(path, declared.line, 1, declared.name, command, processes, "platform", environment)


def _given(code: Code, path: str, given: Given, default: NodeEnv) -> Start:
    processes = tuple(code.commands.resolve(given.command, given.dir))
    if given.node_env:
        default = NodeEnv(_is_production(given.node_env), path, given.node_env_line)
    environment = _environment(processes, path, given.line, default)
    return Start(path, given.line, 1, given.name, given.command, processes, "platform", environment)


def _is_run(code: Code, name: str) -> bool:
    """Whether a file of the deployment, or another script, runs a script of that name."""
    pattern = re.compile(rf"\b(?:run|yarn|pnpm|bun)[\s\"',]+{re.escape(name)}(?![\w:-])")
    if any(pattern.search(command) for package in code.packages.values() for command in package.scripts.values()):
        return True
    sources = (code.files.source(path) for path in launch_files(code.files))
    return any(source is not None and pattern.search(source.data.decode()) for source in sources)
