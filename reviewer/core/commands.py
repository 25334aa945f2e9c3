"""What a start command finally runs: wrappers stripped, package scripts expanded, programs named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from reviewer.core.manifest import Package, Workspace, join

MAX_DEPTH = 6

_OPERATORS = frozenset({"&&", "||", ";", "&", "|"})
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_PLAIN_WRAPPERS = frozenset(
    [
        "cross-env",
        "cross-env-shell",
        "env",
        "exec",
        "time",
        "nice",
        "nohup",
        "npx",
        "bunx",
        "pnpx",
        "tini",
        "dumb-init",
        "with-env",
        "env-cmd",
        "dotenv",
        "sudo",
    ]
)
_RUN_WRAPPERS = frozenset({"dotenvx", "doppler", "infisical", "op", "varlock"})
_VALUE_FLAGS: Mapping[str, frozenset[str]] = {
    "env-cmd": frozenset({"-f", "-e", "-r", "--file"}),
    "dotenv": frozenset({"-e", "-p", "-v"}),
    "npx": frozenset({"-p", "--package"}),
    "node": frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader", "--env-file", "-C"}),
    "ts-node": frozenset({"-P", "--project", "-O", "--compiler-options", "-r", "--require"}),
    "nodemon": frozenset({"--exec", "-x", "--watch", "-w", "--ext", "-e", "--ignore", "-i", "--config"}),
    "next": frozenset({"-p", "--port", "-H", "--hostname", "--keepAliveTimeout"}),
    "tsx": frozenset({"--tsconfig", "-r", "--require", "--import", "--env-file"}),
}
_RUNNERS = frozenset(
    [
        "node",
        "tsx",
        "ts-node",
        "ts-node-dev",
        "esno",
        "jiti",
        "swc-node",
        "babel-node",
        "bun",
        "deno",
        "nodemon",
        "sucrase-node",
    ]
)
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_NOT_SCRIPTS = frozenset(
    [
        "install",
        "ci",
        "add",
        "i",
        "exec",
        "dlx",
        "create",
        "init",
        "audit",
        "publish",
        "pack",
        "workspaces",
        "cache",
        "config",
    ]
)
_PARALLEL = frozenset({"npm-run-all", "npm-run-all2", "run-p", "run-s", "concurrently"})
_SELECTORS = frozenset({"-w", "--workspace", "--filter", "-F", "-C", "--dir", "--prefix", "--cwd", "--scope"})


@dataclass(frozen=True, slots=True)
class Process:
    """A process a command ends in. ``file`` is relative to the repository; ``unknown`` could be anything."""

    kind: Literal["next", "file", "other", "unknown"]
    name: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    cwd: str = ""
    file: str = ""


class Commands:
    """Resolves commands within the packages of one tree."""

    def __init__(self, packages: Mapping[str, Package], workspaces: tuple[Workspace, ...]) -> None:
        self.packages = packages
        self.workspaces = workspaces

    def resolve(self, command: str, directory: str, depth: int = 0) -> list[Process]:
        """Every process *command* starts when run in *directory*; an ``unknown`` one where that cannot be told."""
        if depth > MAX_DEPTH:
            return [Process("unknown", command)]
        try:
            simple = list(_simple_commands(command))
        except ValueError:
            return [Process("unknown", command)]
        processes: list[Process] = []
        for tokens in simple:
            if tokens[:1] == ["cd"] and len(tokens) == 2:
                directory = join(directory, tokens[1])
            else:
                processes += self._simple(tokens, directory, (), depth)
        return processes

    def _simple(self, tokens: list[str], directory: str, env: tuple[str, ...], depth: int) -> list[Process]:
        tokens, env = _unwrap(tokens, env)
        if not tokens:
            return []
        program, args = _program(tokens[0]), tokens[1:]
        if program in ("sh", "bash", "/bin/sh", "/bin/bash") and args[:1] == ["-c"] and len(args) > 1:
            return self._with_env(self.resolve(args[1], directory, depth + 1), env)
        if program in _MANAGERS:
            return self._with_env(self._manager(program, args, directory, depth), env)
        if program in ("turbo", "nx", "lerna"):
            return self._with_env(self._task_runner(program, args, directory, depth), env)
        if program in _PARALLEL:
            return self._with_env(self._parallel(program, args, directory, depth), env)
        return [_leaf(program, tuple(args), env, directory)]

    def _with_env(self, processes: list[Process], env: tuple[str, ...]) -> list[Process]:
        return [replace(process, env=env + process.env) for process in processes]

    # -- package managers and task runners ---------------------------------------------------------------------------

    def _manager(self, manager: str, args: list[str], directory: str, depth: int) -> list[Process]:
        words, selected = _selectors(args)
        if words[:1] in (["exec"], ["dlx"], ["x"]):
            return self._simple([w for w in words[1:] if w != "--"], directory, (), depth + 1)
        if words[:1] == ["workspace"] and len(words) > 2:
            selected, words = words[1], words[2:]
        explicit = words[:1] in (["run"], ["run-script"])
        words = words[1:] if explicit else words
        if not words or words[0] in _NOT_SCRIPTS:
            return [Process("other", f"{manager} {' '.join(args)}".strip())]
        package = self._package(selected, directory)
        if package is None:
            return [Process("unknown", f"{manager} {' '.join(args)}")]
        script = package.scripts.get(words[0])
        if script is not None:
            extra = " ".join(word for word in words[1:] if word != "--")
            return self.resolve(f"{script} {extra}".strip(), package.dir, depth + 1)
        if manager == "bun" or not explicit:
            tokens = ["node", *words] if manager == "bun" and re.search(r"\.[cm]?[jt]sx?$", words[0]) else words
            return self._simple(tokens, package.dir, (), depth + 1) if manager != "npm" else []
        return [Process("unknown", f"{manager} {' '.join(args)}")]

    def _package(self, selector: str, directory: str) -> Package | None:
        if not selector:
            return self.packages.get(directory)
        name = selector.strip("./") if selector.startswith(".") else selector
        for package in self.packages.values():
            if package.name == selector or package.dir == join(directory, name):
                return package
        last = [package for package in self.packages.values() if package.dir.rpartition("/")[2] == name]
        return last[0] if len(last) == 1 else None

    def _task_runner(self, program: str, args: list[str], directory: str, depth: int) -> list[Process]:
        words, selected = _selectors(args)
        if program == "nx":
            return [Process("unknown", f"nx {' '.join(args)}")]
        tasks = words[1:] if words[:1] == ["run"] else words
        members = [self._package(selected.removesuffix("..."), directory)] if selected else self._members(directory)
        processes: list[Process] = []
        for package in members:
            for task in tasks:
                if package is None:
                    processes.append(Process("unknown", f"{program} {' '.join(args)}"))
                elif task in package.scripts and package.dir != directory:
                    processes += self.resolve(package.scripts[task], package.dir, depth + 1)
        return processes

    def _members(self, directory: str) -> list[Package | None]:
        workspace = next((w for w in self.workspaces if w.root == directory), None)
        return [self.packages[d] for d in sorted(workspace.members)] if workspace is not None else []

    def _parallel(self, program: str, args: list[str], directory: str, depth: int) -> list[Process]:
        processes: list[Process] = []
        package = self.packages.get(directory)
        for word in args:
            if word.startswith("-"):
                continue
            names = [word]
            if program != "concurrently" or word.startswith(("npm:", "yarn:", "pnpm:", "bun:")):
                pattern = re.escape(word.partition(":")[2] if program == "concurrently" else word).replace(r"\*", ".*")
                names = [s for s in (package.scripts if package else {}) if re.fullmatch(pattern, s)]
                names = [package.scripts[s] for s in names] if package else []
            for command in names:
                processes += self.resolve(command, directory, depth + 1)
        return processes


def _simple_commands(command: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, ""
    tokens: list[str] = []
    for token in lexer:
        if token in _OPERATORS:
            yield tokens
            tokens = []
        else:
            tokens.append(token)
    yield tokens


def _unwrap(tokens: list[str], env: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Drops assignments (collecting them) and programs that only run another one."""
    while tokens:
        word = tokens[0]
        if _ASSIGNMENT.match(word):
            env, tokens = (*env, word), tokens[1:]
        elif word in ("set", "export") and len(tokens) > 1 and "=" in tokens[1]:
            return [], env
        elif _program(word) in _PLAIN_WRAPPERS:
            tokens = _after_flags(_program(word), tokens[1:])
        elif word in _RUN_WRAPPERS and "run" in tokens[1:3]:
            rest = tokens[tokens.index("run") + 1 :]
            tokens = rest[rest.index("--") + 1 :] if "--" in rest else _after_flags("env-cmd", rest)
        else:
            break
    return tokens, env


def _program(word: str) -> str:
    """A program's name without the ways to spell where it lies."""
    if word.endswith("next/dist/bin/next"):
        return "next"
    return word.rpartition("/")[2] if "node_modules/.bin/" in word or word.startswith(("/usr/", "/bin/")) else word


def _after_flags(program: str, tokens: list[str]) -> list[str]:
    values = _VALUE_FLAGS.get(program, frozenset())
    while tokens and tokens[0].startswith("-"):
        if tokens[0] == "--":
            return tokens[1:]
        tokens = tokens[2:] if tokens[0] in values else tokens[1:]
    return tokens


def _selectors(args: list[str]) -> tuple[list[str], str]:
    """The words of a package manager call without flags, and the workspace it selects."""
    words: list[str] = []
    selected, rest = "", list(args)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag in _SELECTORS:
            selected = value if equals else (rest.pop(0) if rest else "")
        elif word == "--":
            words += rest
            break
        elif not word.startswith("-") or words[:1] == ["run"] or len(words) > 1:
            words.append(word)
    return words, selected


def _leaf(program: str, args: tuple[str, ...], env: tuple[str, ...], cwd: str) -> Process:
    if program == "next":
        return Process("next", "next", args, env, cwd)
    if program in _RUNNERS:
        return _runner(program, list(args), env, cwd)
    if program in ("pm2", "pm2-runtime", "forever") and args:
        return _process_manager(program, args, env, cwd)
    if "$" in program:
        return Process("unknown", program, args, env, cwd)
    return Process("other", program, args, env, cwd)


def _runner(program: str, args: list[str], env: tuple[str, ...], cwd: str) -> Process:
    if program in ("bun", "deno", "tsx") and args[:1] in (["run"], ["watch"], ["--watch"]):
        args = args[1:]
    rest = _after_flags("node" if program in ("node", "bun", "deno") else program, args)
    if not rest:
        return Process("other", program, tuple(args), env, cwd)
    if "$" in rest[0]:
        return Process("unknown", " ".join([program, *args]), (), env, cwd)
    if _program(rest[0]) == "next":
        return Process("next", "next", tuple(rest[1:]), env, cwd)
    return Process("file", program, tuple(rest[1:]), env, cwd, join(cwd, rest[0]))


def _process_manager(program: str, args: tuple[str, ...], env: tuple[str, ...], cwd: str) -> Process:
    words = [arg for arg in args if not arg.startswith("-")]
    words = words[1:] if words[:1] == ["start"] else words
    if not words:
        return Process("other", program, args, env, cwd)
    if words[0] in _MANAGERS or words[0].endswith(("next", "bin/next")):
        return Process("unknown", " ".join((program, *args)), (), env, cwd)
    return Process("file", program, tuple(words[1:]), env, cwd, join(cwd, words[0]))


def next_arguments(process: Process) -> tuple[str, str, tuple[str, ...]]:
    """Of a ``next`` process: its sub-command, the directory it serves and its remaining flags."""
    words, flags, rest = [], [], list(process.args)
    values = _VALUE_FLAGS["next"]
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            flags.append(word)
            if word in values and rest:
                flags.append(rest.pop(0))
        else:
            words.append(word)
    command = words[0] if words and words[0] in ("dev", "build", "start", "export", "lint") else "dev"
    below = words[1:] if words and words[0] == command else words
    return command, join(process.cwd, below[0] if below else "."), tuple(flags)
