"""What a start command finally runs: wrappers stripped, package scripts expanded, programs named."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Literal

from reviewer.core.manifest import Package, Workspace, join, parent
from reviewer.core.pm2 import PmApp
from reviewer.core.shell import Lines

MAX_DEPTH = 6
MAX_COMMANDS = 2_000
MAX_NESTED = 20_000
MAX_LENGTH = 8_000
SERVING = ("dev", "build", "start", "export")

_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_UNKNOWN_PLACE = re.compile(r"[/~-]|.*[$`]", re.DOTALL)
_SCRIPT = re.compile(r"\.[cm]?[jt]sx?$")
_KEYWORDS = frozenset({"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_PLAIN_WRAPPERS = frozenset(
    {"cross-env", "env-cmd", "with-env", "dotenv", "env", "exec", "time", "nice", "nohup", "sudo"}
    | {"npx", "bunx", "pnpx", "corepack", "tini", "dumb-init"}
)
_RUN_WRAPPERS = frozenset({"dotenvx", "doppler", "infisical", "op", "varlock"})
_PM2_FLAGS = frozenset(
    {"--name", "-n", "-i", "--instances", "--interpreter", "--node-args", "--env", "--cwd", "--log", "-l", "-o", "-e"}
    | {"--max-memory-restart", "--only", "--ignore-watch", "--namespace", "--output", "--error", "--cron"}
)
_RUN_ALL_FLAGS = frozenset({"--max-parallel", "--npm-path"})
_VALUE_FLAGS: Mapping[str, frozenset[str]] = {
    "env": frozenset({"-u", "--unset", "-C", "--chdir"}),
    "nice": frozenset({"-n"}),
    "sudo": frozenset({"-u", "-g"}),
    "env-cmd": frozenset({"-f", "-e", "-r", "--file"}),
    "dotenv": frozenset({"-e", "-p", "-v", "-c"}),
    "npx": frozenset({"-p", "--package"}),
    "npm": frozenset({"--loglevel"}),
    "pnpm": frozenset({"--loglevel", "--reporter"}),
    "bun": frozenset({"--env-file", "--preload", "-r", "--port"}),
    "turbo": frozenset({"--concurrency", "--output-logs", "--log-order", "--log-prefix", "--cache-dir", "--env-mode"}),
    "lerna": frozenset({"--concurrency"}),
    "nx": frozenset({"-c", "--configuration", "-t", "--target", "-p", "--projects", "--parallel"}),
    "node": frozenset(
        {"-r", "--require", "--import", "--loader", "--experimental-loader", "--env-file", "--env-file-if-exists", "-C"}
        | {"--conditions", "--max-old-space-size", "--watch-path", "--title"}
    ),
    "ts-node": frozenset({"-P", "--project", "-O", "--compiler-options", "-r", "--require"}),
    "ts-node-dev": frozenset({"-P", "--project", "-O", "-r", "--require", "--watch", "--ignore-watch"}),
    "babel-node": frozenset({"--presets", "--plugins", "--config-file", "-x", "--extensions", "-r", "--require"}),
    "nodemon": frozenset({"--exec", "-x", "--watch", "-w", "--ext", "-e", "--ignore", "-i", "--config", "--delay"}),
    "next": frozenset(
        {"-p", "--port", "-H", "--hostname", "--keepAliveTimeout", "-o", "--outdir", "--dir"}
        | {"--experimental-https-key", "--experimental-https-cert", "--experimental-https-ca"}
    ),
    "tsx": frozenset({"--tsconfig", "-r", "--require", "--import", "--env-file", "--include", "--exclude", "--ignore"}),
    "npm-run-all": _RUN_ALL_FLAGS,
    "npm-run-all2": _RUN_ALL_FLAGS,
    "run-p": _RUN_ALL_FLAGS,
    "concurrently": frozenset(
        {"-n", "--names", "-c", "--prefix-colors", "-p", "--prefix", "-l", "--prefix-length", "-m", "--max-processes"}
        | {"-s", "--success", "--hide", "--restart-tries", "--restart-after", "--kill-signal", "--name-separator"}
    ),
    "pm2": _PM2_FLAGS,
    "pm2-runtime": _PM2_FLAGS,
    "forever": frozenset({"-c", "-l", "-o", "-e", "-m", "--uid", "--workingDir", "--sourceDir", "--minUptime"}),
}
_RUNNERS = frozenset(
    {"node", "tsx", "ts-node", "ts-node-dev", "esno", "jiti", "swc-node", "babel-node", "sucrase-node"}
    | {"bun", "deno", "nodemon"}
)
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_NOT_SCRIPTS = frozenset(
    {"install", "ci", "add", "i", "create", "init", "audit", "publish", "pack", "workspaces", "cache", "config"}
)
_EXECUTES = (["exec"], ["dlx"], ["x"])
_BEFORE_SCRIPT = frozenset({"run", "run-script", "exec", "dlx", "x", "workspaces", "foreach"})
_SUBCOMMANDS = (*SERVING, "lint", "info", "telemetry", "typegen", "upgrade", "analyze", "experimental-test")
_PARALLEL = frozenset({"npm-run-all", "npm-run-all2", "run-p", "run-s", "concurrently"})
_SUPERVISORS = frozenset({"pm2", "pm2-runtime", "forever"})
_STARTS = frozenset({"start", "restart", "reload", "startOrReload", "startOrRestart"})
_SELECTORS: Mapping[str, frozenset[str]] = {
    "npm": frozenset({"-w", "--workspace", "-C", "--prefix"}),
    "pnpm": frozenset({"--filter", "--filter-prod", "-F", "-C", "--dir"}),
    "yarn": frozenset({"--cwd"}),
    "bun": frozenset({"--filter", "-F", "--cwd"}),
    "turbo": frozenset({"--filter", "-F", "--scope", "--cwd"}),
    "lerna": frozenset({"--scope"}),
}
_EVERY_MEMBER: Mapping[str, frozenset[str]] = {
    "npm": frozenset({"--workspaces", "-ws"}),
    "pnpm": frozenset({"-r", "--recursive"}),
    "bun": frozenset({"--workspaces"}),
}


@dataclass(frozen=True, slots=True)
class Process:
    """A process a command ends in. ``file`` is relative to the repository; ``unknown`` could be anything.

    ``scripts`` are the package scripts that led to it, the outermost first.
    """

    kind: Literal["next", "file", "other", "unknown"]
    name: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    cwd: str = ""
    file: str = ""
    scripts: tuple[str, ...] = field(default=(), compare=False)


class _Endless(Exception):
    """A command leads to more commands than are worth following."""


class Commands:
    """Resolves commands within the packages of one tree; ``nested`` counts those that other commands led to."""

    def __init__(
        self,
        packages: Mapping[str, Package],
        workspaces: tuple[Workspace, ...],
        pm2_apps: Callable[[str], tuple[PmApp, ...] | None] = lambda _: None,
    ) -> None:
        self.packages = packages
        self.workspaces = workspaces
        self.pm2_apps = pm2_apps
        self._resolved: dict[tuple[str, str], tuple[Process, ...]] = {}
        self._lines = Lines()
        self._left = MAX_COMMANDS
        self.nested = 0

    def resolve(self, command: str, directory: str) -> list[Process]:
        """Every process *command* starts when run in *directory*; an ``unknown`` one where that cannot be told."""
        known = self._resolved.get((command, directory))
        if known is None:
            known = self._bounded(lambda: self._resolve(command, directory, 0), command)
            self._resolved[command, directory] = known
        return list(known)

    def declared(self, words: list[str], args: list[str], directory: str) -> list[Process]:
        """What the applications of a pm2 file run; none where *words* name no such file, or one that cannot be read."""
        return list(self._bounded(lambda: self._declared(words, args, directory, 0), " ".join(words)))

    def _bounded(self, resolve: Callable[[], list[Process]], command: str) -> tuple[Process, ...]:
        self._left = MAX_COMMANDS
        try:
            return tuple(resolve())
        except _Endless:
            return (Process("unknown", command),)

    def _spend(self, count: int, depth: int) -> None:
        """Counts commands looked at: those of one command, and those that commands of the tree lead to."""
        self._left -= count
        self.nested += count if depth else 0
        if self._left < 0 or (depth and self.nested > MAX_NESTED):
            raise _Endless

    def _resolve(self, command: str, directory: str, depth: int) -> list[Process]:
        self._spend(1, depth)
        simple = self._lines.read(command) if depth <= MAX_DEPTH and len(command) <= MAX_LENGTH else None
        if simple is None:
            return [Process("unknown", command)]
        self._spend(len(simple) - 1, depth)
        processes: list[Process] = []
        directories = [directory]
        for tokens in map(list, simple):
            if tokens == ["("]:
                directories.append(directories[-1])
            elif tokens == [")"]:
                directories = directories[:-1] or [directory]
            elif tokens[:1] == ["cd"] and len(tokens) == 2:
                if _UNKNOWN_PLACE.match(tokens[1]):
                    return [*processes, Process("unknown", command)]
                directories[-1] = join(directories[-1], tokens[1])
            else:
                processes += self._simple(tokens, directories[-1], (), depth)
        return processes

    def _simple(self, tokens: list[str], directory: str, env: tuple[str, ...], depth: int) -> list[Process]:
        if depth > MAX_DEPTH:
            return [Process("unknown", " ".join(tokens))]
        tokens, env = _unwrap(tokens, env)
        if not tokens:
            return []
        program, args = _program(tokens[0]), tokens[1:]
        expanded = self._expanded(program, args, directory, depth)
        if expanded is None:
            return [_leaf(program, tuple(args), env, directory)]
        return [replace(process, env=env + process.env) for process in expanded]

    def _expanded(self, program: str, args: list[str], directory: str, depth: int) -> list[Process] | None:
        """What a program that runs other commands ends in; None for a program that does not."""
        if (line := _command_line(program, args)) is not None:
            return self._resolve(line, directory, depth + 1)
        if program in _MANAGERS:
            return self._manager(program, args, directory, depth)
        if (program, args[:1]) in (("node", ["--run"]), ("deno", ["task"])):
            return self._manager("npm", ["run", *args[1:]], directory, depth)
        if program in ("turbo", "nx", "lerna"):
            return self._task_runner(program, args, directory, depth)
        if program in _PARALLEL:
            return self._parallel(program, args, directory, depth)
        return self._supervisor(program, args, directory, depth) if program in _SUPERVISORS else None

    # -- package managers and task runners ---------------------------------------------------------------------------

    def _manager(self, manager: str, args: list[str], directory: str, depth: int) -> list[Process]:
        words, selectors = _selectors(manager, args)
        if words[:1] == ["workspace"] and len(words) > 2:
            selectors, words = [words[1]], words[2:]
        elif words[:1] == ["workspaces"] and "run" in words:
            selectors, words = ["*"], words[words.index("run") :]
        call = " ".join((manager, *args))
        if not selectors:
            return self._call(manager, words, directory, depth, call)
        processes: list[Process] = []
        for selector in selectors:
            members = self._selected(selector, directory)
            self._spend(len(members), depth)
            for selected in members:
                if selected is None:
                    processes.append(Process("unknown", call))
                elif selector != "*" or _script_name(words) in self.packages[selected].scripts:
                    processes += self._call(manager, words, selected, depth, call)
        return processes

    def _call(self, manager: str, words: list[str], directory: str, depth: int, call: str) -> list[Process]:
        if words[:1] in _EXECUTES:
            return self._simple([word for word in words[1:] if word != "--"], directory, (), depth + 1)
        explicit = words[:1] in (["run"], ["run-script"])
        words = words[1:] if explicit else words
        if not words or (words[0] in _NOT_SCRIPTS and not explicit):
            return [Process("other", call)]
        package = self.packages.get(directory)
        if package is None:
            return [Process("unknown", call)]
        script = package.scripts.get(words[0])
        if script is not None:
            extra = shlex.join(word for word in words[1:] if word != "--")
            found = self._resolve(f"{script} {extra}".strip(), directory, depth + 1)
            return [replace(process, scripts=(words[0], *process.scripts)) for process in found]
        if manager == "npm" or (manager == "pnpm" and explicit):
            return [Process("unknown" if explicit or words[0] == "start" else "other", call)]
        tokens = ["node", *words] if manager == "bun" and _SCRIPT.search(words[0]) else words
        return self._simple(tokens, directory, (), depth + 1)

    def _selected(self, selector: str, directory: str) -> list[str | None]:
        """Directories of the packages a selector means; None where it means none that is known."""
        if selector == "*":
            return list(self._members(directory))
        if selector == "/":
            return [next((w.root for w in self.workspaces if directory in w.members), directory)]
        name = selector.removeprefix("...").removesuffix("...").removesuffix("^").strip("{}")
        if not name or name.startswith("/"):
            return [None]
        for package in self.packages.values():
            if package.name == name or package.dir == join(directory, name):
                return [package.dir]
        last = [package.dir for package in self.packages.values() if package.dir.rpartition("/")[2] == name]
        return [last[0] if len(last) == 1 else None]

    def _members(self, directory: str) -> list[str]:
        return next((sorted(w.members) for w in self.workspaces if w.root == directory), [])

    def _task_runner(self, program: str, args: list[str], directory: str, depth: int) -> list[Process]:
        unknown = Process("unknown", " ".join((program, *args)))
        if program == "nx":
            return self._nx(list(_operands(program, args)), directory, depth) or [unknown]
        words, selectors = _selectors(program, args[: args.index("--")] if "--" in args else args)
        tasks = words[1:] if words[:1] == ["run"] else words
        processes: list[Process] = []
        members = [d for s in selectors or ["*"] for d in self._selected(s, directory)]
        self._spend(len(members), depth)
        for member in members:
            for task in tasks:
                if member is None:
                    processes.append(unknown)
                elif member != directory and (script := self.packages[member].scripts.get(task)) is not None:
                    processes += self._resolve(script, member, depth + 1)
        return processes

    def _nx(self, words: list[str], directory: str, depth: int) -> list[Process]:
        """``nx run project:task`` and ``nx task project``, where the task is a script of the project's package."""
        words = words[1:] if words[:1] == ["run"] else [":".join(words[1::-1])] if len(words) == 2 else []
        project, _, task = (words[0] if len(words) == 1 else "").partition(":")
        selected = self._selected(project, directory)[0] if project else None
        script = self.packages[selected].scripts.get(task.partition(":")[0]) if selected is not None else None
        return self._resolve(script, selected, depth + 1) if selected is not None and script is not None else []

    def _parallel(self, program: str, args: list[str], directory: str, depth: int) -> list[Process]:
        package = self.packages.get(directory)
        processes: list[Process] = []
        for word in _operands(program, args):
            commands = [word]
            if program != "concurrently" or word.startswith(("npm:", "yarn:", "pnpm:", "bun:")):
                commands = list(_matching(program, word, package.scripts if package is not None else {}))
            if not commands:
                processes.append(Process("unknown", " ".join((program, *args))))
            for command in commands:
                processes += self._resolve(command, directory, depth + 1)
        return processes

    def _supervisor(self, program: str, args: list[str], directory: str, depth: int) -> list[Process]:
        """``pm2 start x -- args``, where x is a script, a program, a whole command or a file of applications."""
        end = args.index("--") if "--" in args else len(args)
        words, own = list(_operands(program, args[:end])), args[end + 1 :]
        starts = bool(words) and words[0] in _STARTS
        words = words[1:] if starts else words
        if (starts or program != "pm2") and (declared := self._declared(words[:1], args[:end], directory, depth)):
            return declared
        if not words or (program == "pm2" and not starts):
            return [Process("other", program, tuple(args), (), directory)]
        target = words[0]
        if " " in target:
            return self._resolve(target, directory, depth + 1)
        if "$" in target:
            return [Process("unknown", " ".join((program, *args)), (), (), directory)]
        return self._started(program, [target, *own], directory, depth)

    def _started(self, program: str, words: list[str], directory: str, depth: int) -> list[Process]:
        if _program(words[0]) in _MANAGERS | _RUNNERS | _SHELLS | {"next"}:
            return self._simple(words, directory, (), depth + 1)
        return [Process("file", program, tuple(words[1:]), (), directory, join(directory, words[0]))]

    def _declared(self, words: list[str], args: list[str], directory: str, depth: int) -> list[Process]:
        path = join(directory, words[0] if words else "ecosystem.config.js")
        only = [args[index + 1] for index, word in enumerate(args[:-1]) if word == "--only"]
        is_production = "production" in args or "--env=production" in args
        processes: list[Process] = []
        apps = self.pm2_apps(path) or ()
        self._spend(len(apps), depth)
        for app in apps:
            if only and app.name not in only[0].split(","):
                continue
            variables = {**app.env, **(app.production if is_production else {})}
            env = tuple(f"{name}={value}" for name, value in variables.items())
            place = join(parent(path), app.cwd)
            known = self._started("pm2", list(app.words), place, depth + 1) if app.words else [Process("unknown", path)]
            processes += [replace(process, env=env + process.env) for process in known]
        return processes


def _unwrap(tokens: list[str], env: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Drops assignments (collecting them), shell keywords and programs that only run another one."""
    while tokens:
        word = tokens[0]
        if _ASSIGNMENT.match(word):
            env, tokens = (*env, word), tokens[1:]
        elif word.lower() in ("set", "export") and len(tokens) > 1 and "=" in tokens[1]:
            return [], env
        elif word in _KEYWORDS:
            tokens = tokens[1:]
        elif _program(word) in _PLAIN_WRAPPERS:
            tokens = _after_flags(_program(word), tokens[1:])
        elif word in _RUN_WRAPPERS and "run" in tokens[1:3]:
            rest = tokens[tokens.index("run") + 1 :]
            tokens = rest[rest.index("--") + 1 :] if "--" in rest else _after_flags("env-cmd", rest)
        else:
            break
    return tokens, env


def _program(word: str) -> str:
    """A program's name without the ways to spell where it lies and which version is meant."""
    if word.endswith("next/dist/bin/next"):
        return "next"
    if "node_modules/.bin/" in word or word.startswith(("/usr/", "/bin/", "/sbin/")):
        word = word.rpartition("/")[2]
    return word.partition("@")[0] or word


def _after_flags(program: str, tokens: list[str]) -> list[str]:
    values = _VALUE_FLAGS.get(program, frozenset())
    while tokens and tokens[0].startswith("-"):
        if tokens[0] == "--":
            return tokens[1:]
        takes_value = tokens[0] in values and not "".join(tokens[1:2]).startswith("-")
        tokens = tokens[2:] if takes_value else tokens[1:]
    return tokens


def _operands(program: str, args: Iterable[str]) -> Iterator[str]:
    """The arguments that are neither flags nor values of flags."""
    words = iter(args)
    values = _VALUE_FLAGS.get(program, frozenset())
    for word in words:
        if not word.startswith("-"):
            yield word
        elif word in values:
            next(words, None)


def _command_line(program: str, args: list[str]) -> str | None:
    """The command line a program is given as an argument, as in ``sh -c "…"`` and ``nodemon --exec "…"``."""
    if program in _SHELLS and len(args) > 1 and re.fullmatch(r"-[a-z]*c", args[0]):
        return args[1]
    if program == "cross-env-shell":
        return " ".join(args)
    for index, word in enumerate(args if program == "nodemon" else ()):
        flag, equals, value = word.partition("=")
        if flag in ("--exec", "-x"):
            after = args[index + (1 if equals else 2) :]
            command = value if equals else "".join(args[index + 1 : index + 2])
            return " ".join((command, shlex.join(_operands(program, [*args[:index], *after]))))
    return None


def _selectors(program: str, args: list[str]) -> tuple[list[str], list[str]]:
    """The words of a package manager's or task runner's call without its flags, and what it selects.

    What follows the name of a script is the script's own, but npm and task runners read their flags up to ``--``.
    """
    words: list[str] = []
    selected: list[str] = []
    rest = iter(args)
    for word in rest:
        if program in ("pnpm", "yarn", "bun") and words and words[-1] not in _BEFORE_SCRIPT:
            return [*words, word, *rest], selected
        flag, equals, value = word.partition("=")
        if word == "--":
            return [*words, *rest], selected
        if flag in _SELECTORS[program]:
            selected.append(value if equals else next(rest, ""))
        elif word in _EVERY_MEMBER.get(program, ()):
            selected.append("*")
        elif program == "pnpm" and word in ("-w", "--workspace-root"):
            selected.append("/")
        elif word in _VALUE_FLAGS.get(program, ()):
            next(rest, None)
        elif not word.startswith("-"):
            words.append(word)
    return words, selected


def _script_name(words: list[str]) -> str:
    return next((word for word in words if word not in _BEFORE_SCRIPT), "")


def _matching(program: str, word: str, scripts: Mapping[str, str]) -> Iterator[str]:
    """The scripts a name with stars means. A star of npm-run-all ends at a colon, one of concurrently does not."""
    name, _, extra = (word.partition(":")[2] if program == "concurrently" else word).partition(" ")
    if not set("*?[") & set(name):
        scripts = {name: scripts[name]} if name in scripts else {}
    crosses = program == "concurrently" or "**" in name
    for script, command in scripts.items():
        parts = [(script, name)] if crosses else list(zip_longest(script.split(":"), name.split(":"), fillvalue=""))
        if all(fnmatchcase(part, pattern) for part, pattern in parts):
            yield f"{command} {extra}".strip()


def _leaf(program: str, args: tuple[str, ...], env: tuple[str, ...], cwd: str) -> Process:
    if program == "next":
        return Process("next", "next", args, env, cwd)
    if program in _RUNNERS:
        return _runner(program, list(args), env, cwd)
    if program == "nest" and args[:1] == ("start",):
        return Process("file", program, args[1:], env, cwd, join(cwd, "dist/main.js"))
    if "$" in program or "`" in program:
        return Process("unknown", program, args, env, cwd)
    return Process("other", program, args, env, cwd)


def _runner(program: str, args: list[str], env: tuple[str, ...], cwd: str) -> Process:
    if program in ("bun", "deno", "tsx") and args[:1] in (["run"], ["watch"], ["--watch"]):
        args = args[1:]
    rest = _after_flags("node" if program in ("node", "bun", "deno") else program, args)
    flags = args[: len(args) - len(rest)]
    if not rest or (program == "node" and not {"-e", "--eval", "-p", "--print", "-pe"}.isdisjoint(flags)):
        return Process("other", program, tuple(args), env, cwd)
    if "$" in rest[0] or "`" in rest[0]:
        return Process("unknown", " ".join([program, *args]), (), env, cwd)
    if _program(rest[0]) == "next":
        return Process("next", "next", tuple(rest[1:]), env, cwd)
    return Process("file", program, tuple(rest[1:]), env, cwd, join(cwd, rest[0]))


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
    command = words[0] if words and words[0] in _SUBCOMMANDS else "dev"
    below = words[1:] if words and words[0] == command else words
    return command, join(process.cwd, below[0] if below else "."), tuple(flags)
