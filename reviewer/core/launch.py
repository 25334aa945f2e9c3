"""Who starts a server: package scripts, and files of the deployment that mention its entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.commands import Process
from reviewer.core.entries import source_of, stem_of
from reviewer.core.launchfiles import launch_files
from reviewer.core.manifest import Package, ancestors

_DEVELOPMENT_SCRIPT = re.compile(
    r"^(?:dev|develop|development|watch|local|https?|ssl|tls|debug|tunnel|storybook|lint|build|compile|type-?check)(?:[:._-]|$)"
    r"|[:._-](?:dev|local|https|watch|debug)(?:[:._-]|$)"
)
_TEST_SCRIPT = re.compile(r"(?:^|[:._-])(?:test|tests|e2e|cypress|playwright|jest|vitest|smoke)(?:[:._-]|$)")
_LOCAL_TLS_SCRIPT = re.compile(r"(?:^|[:._-])(?:https|ssl|tls|local|tunnel)(?:[:._-]|$)")
_TEST_FILE = re.compile(r"(?:^|[/._-])(?:playwright|cypress|e2e|tests?)(?:[/._-]|$)")
_COPIES = re.compile(r"^\s*(?:COPY|ADD|#|//|\*|<!--)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Launchers:
    """Who else starts a server entry: names of development scripts, of test launchers, of all others."""

    development: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    production: tuple[str, ...] = ()
    local_tls: bool = False


def launchers_of(code: Code, entry: str, extra_files: tuple[str, ...] = ()) -> Launchers:
    """Everything in the repository that could start *entry*, by purpose. Doubt counts as production."""
    development, tests, production = [], [], []
    local_tls = False
    for package, name, command in _scripts(code):
        ways = [
            (name, *process.scripts) for process in _reaching(code, code.commands.resolve(command, package.dir), entry)
        ]
        if not ways:
            continue
        label = f"{package.path} script {name}"
        if "SERVER_MODE" in command or all(_is_one(_TEST_SCRIPT, way) for way in ways):
            tests.append(label)
        elif all(_is_one(_DEVELOPMENT_SCRIPT, way) for way in ways):
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


def _reaching(code: Code, processes: list[Process], entry: str) -> list[Process]:
    return [process for process in processes if process.kind == "file" and runs(code, process, entry)]


def _is_one(pattern: re.Pattern[str], names: tuple[str, ...]) -> bool:
    """Whether one of the scripts on the way is of a kind: what ``start:web`` runs may be ``dev`` all the same."""
    return any(pattern.search(name) for name in names)


def runs(code: Code, process: Process, entry: str) -> bool:
    """Whether a process runs a script, be it compiled first. Where that cannot be told, its name decides."""
    target = process.file
    if code.files.is_file(target) and stem_of(target) != stem_of(entry):
        return _pm2_names(code, target, entry)
    if ".next/standalone" in target:
        return False
    source = source_of(code, target)
    if source is not None:
        return stem_of(source) == stem_of(entry)
    is_near = not process.cwd or entry.startswith(f"{process.cwd}/")
    return is_near and stem_of(target).rpartition("/")[2] == stem_of(entry).rpartition("/")[2]


def _pm2_names(code: Code, path: str, entry: str) -> bool:
    source = code.files.source(path) if "config" in path else None
    return source is not None and _mention(entry).search(source.data.decode()) is not None


def _mention(entry: str) -> re.Pattern[str]:
    stem = re.escape(stem_of(entry).rpartition("/")[2])
    return re.compile(rf"(?<![\w.-]){stem}(?:\.[cm]?[jt]s)(?![\w-])")


def _mentions(code: Code, entry: str, extra_files: tuple[str, ...]) -> Iterator[str]:
    """Launch files with a line, other than a copy or a comment, that names the entry."""
    pattern = _mention(entry)
    for path in launch_files(code.files, extra_files):
        source = code.files.source(path) if path in extra_files or may_start(code, path, entry) else None
        for line in source.data.decode().split("\n") if source is not None else ():
            if not _COPIES.match(line) and pattern.search(line.replace(".next/standalone/server.js", "")):
                yield path
                break


def may_start(code: Code, path: str, entry: str) -> bool:
    """Whether a launch file could be about the package of an entry: it lies there or above, not in another package."""
    own, other = code.package_of(entry), code.package_of(path)
    return own is None or other is None or other.dir in ancestors(own.dir)


def mentions_host(code: Code, path: str) -> str:
    """The kind of host a server file says it is an entry for: ``passenger``, ``iisnode`` or ''."""
    source = code.files.source(path)
    text = source.data.decode().lower() if source is not None else ""
    if re.search(r"passenger|cpanel|plesk|phusion", text):
        return "passenger"
    return "iisnode" if re.search(r"iisnode", text) else ""
