"""Start commands in the files of hosts: what they run, in which directory, and with which NODE_ENV."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reviewer.core.files import Files
from reviewer.core.manifest import YamlPath, join, load_jsonc, load_yaml_file, parent
from reviewer.core.yamlsafe import InvalidYaml, load_yaml

MAX_DOCUMENTS = 50
MAX_COMMAND = 2_000


@dataclass(frozen=True, slots=True)
class Given:
    """A command of a host's file: where it runs, relative to the repository, and the NODE_ENV it is given, or ''."""

    name: str
    command: str
    line: int
    dir: str
    node_env: str = ""
    node_env_line: int = 1


def commands_in(files: Files, path: str) -> Iterator[Given]:
    """The commands that start a process in production, as a file of a host gives them."""
    name = path.rpartition("/")[2]
    for pattern, reader in _READERS:
        if pattern.fullmatch(name):
            yield from reader(files, path)


def _procfile(files: Files, path: str) -> Iterator[Given]:
    for number, line in enumerate(_text(files, path).split("\n"), 1):
        if line.startswith("web:"):
            yield Given("web", line[4:].strip(), number, parent(path))


def _fly(files: Files, path: str) -> Iterator[Given]:
    text = _text(files, path)
    document = _toml(text)
    processes = _dict(document.get("processes"))
    for name in ("app", "web"):
        if isinstance(command := processes.get(name), str):
            env = _dict(document.get("env")).get("NODE_ENV")
            line = _line(text, rf"^[ \t]*{name}\s*=")
            yield Given(name, command, line, parent(path), _word(env), _line(text, r"^[ \t]*NODE_ENV\s*="))


def _railway(files: Files, path: str) -> Iterator[Given]:
    text = _text(files, path)
    document = load_jsonc(files, path) if path.endswith(".json") else _toml(text)
    command = _dict(document.get("deploy")).get("startCommand")
    if isinstance(command, str):
        yield Given("startCommand", command, _line(text, "startCommand"), parent(path))


def _nixpacks(files: Files, path: str) -> Iterator[Given]:
    text = _text(files, path)
    document = _toml(text)
    command = _dict(document.get("start")).get("cmd")
    if isinstance(command, str):
        env = _dict(document.get("variables")).get("NODE_ENV")
        line = _line(text, r"^[ \t]*cmd\s*=")
        yield Given("start", command, line, parent(path), _word(env), _line(text, "NODE_ENV"))


def _render(files: Files, path: str) -> Iterator[Given]:
    document, lines = load_yaml_file(files, path, quiet=True)
    for index, service in _items(document.get("services")):
        command = service.get("startCommand", service.get("dockerCommand"))
        if service.get("type") == "web" and isinstance(command, str):
            root = service.get("rootDir")
            key = "startCommand" if "startCommand" in service else "dockerCommand"
            env, line = _listed(service.get("envVars"), lines, ("services", index, "envVars"), "key")
            directory = join(parent(path), root if isinstance(root, str) else "")
            yield Given(key, command, lines.get(("services", index, key), 1), directory, env, line)


def _app_yaml(files: Files, path: str) -> Iterator[Given]:
    """Google's App Engine, or DigitalOcean's App Platform where the file lies in ``.do``."""
    document, lines = load_yaml_file(files, path, quiet=True)
    directory = parent(path)
    if directory.rpartition("/")[2] != ".do":
        command = document.get("entrypoint")
        if isinstance(command, str):
            env = _word(_dict(document.get("env_variables")).get("NODE_ENV"))
            env_line = lines.get(("env_variables", "NODE_ENV"), 1)
            yield Given("entrypoint", command, lines.get(("entrypoint",), 1), directory, env, env_line)
        return
    for index, service in _items(document.get("services")):
        command, source = service.get("run_command"), service.get("source_dir")
        if isinstance(command, str):
            env, line = _listed(service.get("envs"), lines, ("services", index, "envs"), "key")
            place = join(parent(directory), source.strip("/") if isinstance(source, str) else "")
            written = lines.get(("services", index, "run_command"), 1)
            yield Given("run_command", command, written, place, env, line)


def _compose(files: Files, path: str) -> Iterator[Given]:
    """Services that are built from the repository and given a command of their own."""
    document, lines = load_yaml_file(files, path, quiet=True)
    for name, service in _dict(document.get("services")).items():
        build, command = _dict(service).get("build"), _dict(service).get("command")
        context = build if isinstance(build, str) else _dict(build).get("context", "." if build else None)
        if not isinstance(context, str) or command is None:
            continue
        env, line = _compose_env(service.get("environment"), lines, ("services", name, "environment"))
        written = lines.get(("services", name, "command"), 1)
        yield Given(name, _joined(command), written, join(parent(path), context), env, line)


def _compose_env(given: object, lines: Mapping[YamlPath, int], path: YamlPath) -> tuple[str, int]:
    if isinstance(given, dict):
        return _word(given.get("NODE_ENV")), lines.get((*path, "NODE_ENV"), 1)
    for index, item in enumerate(given if isinstance(given, list) else ()):
        if isinstance(item, str) and item.startswith("NODE_ENV="):
            return item.partition("=")[2], lines.get((*path, index), 1)
    return "", 1


def _kubernetes(files: Files, path: str) -> Iterator[Given]:
    """The containers of workloads, where the file is no template."""
    text = _text(files, path)
    if not re.search(r"(?m)^kind:\s*['\"]?(?:Deployment|StatefulSet)\b", text):
        return
    first = 0
    for part in re.split(r"(?m)^---.*\n", text)[:MAX_DOCUMENTS]:
        try:
            document = load_yaml(part, aliases=True)
        except InvalidYaml:
            document = None
        if document is not None and _dict(document.value).get("kind") in ("Deployment", "StatefulSet"):
            yield from _containers(document.value, document.lines, first, path)
        first += part.count("\n") + 1


def _containers(value: Mapping[str, Any], lines: Mapping[YamlPath, int], first: int, path: str) -> Iterator[Given]:
    where: YamlPath = ("spec", "template", "spec", "containers")
    inner: Any = value
    for key in where:
        inner = _dict(inner).get(str(key))
    for index, container in _items(inner):
        words = [word for key in ("command", "args") for word in _list(container.get(key))]
        env, line = _listed(container.get("env"), lines, (*where, index, "env"), "name")
        key = "command" if "command" in container else "args"
        if words:
            written = first + lines.get((*where, index, key), 1)
            yield Given(key, shlex.join(map(str, words)), written, _above(path), env, first + line)


def _above(path: str) -> str:
    """The directory whose processes a manifest of a cluster describes."""
    match = re.search(r"(?:^|/)(?:k8s|kubernetes|deploy|deployments?|helm|charts?|manifests|kustomize)/", path)
    return path[: match.start()] if match is not None else parent(path)


def _systemd(files: Files, path: str) -> Iterator[Given]:
    text = _text(files, path)
    match = re.search(r"(?m)^ExecStart=(.*)$", text)
    if match is not None and len(match.group(1)) <= MAX_COMMAND:
        env = re.search(r"(?m)^Environment=.*\bNODE_ENV=([\w-]+)", text)
        line = text.count("\n", 0, env.start()) + 1 if env is not None else 1
        command = re.sub(r"(?<![\w.])/(?:opt|srv|var|home)/[\w./-]+/(?=[\w.-]+(?:\s|$))", "", match.group(1))
        written = text.count("\n", 0, match.start()) + 1
        yield Given("ExecStart", command, written, _above(path), env.group(1) if env is not None else "", line)


def _heroku(files: Files, path: str) -> Iterator[Given]:
    document, lines = load_yaml_file(files, path, quiet=True)
    command = _dict(document.get("run")).get("web")
    command = command.get("command") if isinstance(command, dict) else command
    if isinstance(command, str | list):
        yield Given("web", _joined(command), lines.get(("run", "web"), 1), parent(path))


_READERS: tuple[tuple[re.Pattern[str], Callable[[Files, str], Iterator[Given]]], ...] = (
    (re.compile(r"Procfile"), _procfile),
    (re.compile(r"fly\.toml"), _fly),
    (re.compile(r"railway\.(?:json|toml)"), _railway),
    (re.compile(r"nixpacks\.toml"), _nixpacks),
    (re.compile(r"render\.ya?ml"), _render),
    (re.compile(r"app\.ya?ml"), _app_yaml),
    (re.compile(r"(?:docker-)?compose[^/]*\.ya?ml"), _compose),
    (re.compile(r"heroku\.ya?ml"), _heroku),
    (re.compile(r"[^/]*\.service"), _systemd),
    (re.compile(r"[^/]*\.ya?ml"), _kubernetes),
)


def _text(files: Files, path: str) -> str:
    source = files.source(path)
    return source.data.decode() if source is not None else ""


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _line(text: str, pattern: str) -> int:
    match = re.search(pattern, text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match is not None else 1


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(value: object) -> Iterator[tuple[int, dict[str, Any]]]:
    return ((index, item) for index, item in enumerate(_list(value)) if isinstance(item, dict))


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _joined(command: object) -> str:
    return command if isinstance(command, str) else shlex.join(map(str, _list(command)))


def _listed(given: object, lines: Mapping[YamlPath, int], path: YamlPath, key: str) -> tuple[str, int]:
    """NODE_ENV in a list of names and values, and its line."""
    for index, item in _items(given):
        if item.get(key) == "NODE_ENV":
            return _word(item.get("value")), lines.get((*path, index), 1)
    return "", 1
