"""Which directories of a tree are Next applications, by what tells Next to serve them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.commands import SERVING, Process, next_arguments
from reviewer.core.entries import source_of
from reviewer.core.facts import Call
from reviewer.core.finding import Evidence
from reviewer.core.manifest import Package, ancestors, join, load_jsonc, parent
from reviewer.core.nextconfig import CONFIG_NAMES
from reviewer.core.roles import is_ignored

_NX_EXECUTOR = re.compile(r"@(?:nx|nrwl)/next:(?:build|server|dev-server)")
_NX_NODE = re.compile(r"@(?:nx|nrwl)/(?:js:node|node:[\w-]+|nest:[\w-]+)")
_GALLERIES = frozenset({"book", "chapters", "lessons", "examples", "starters", "templates"})
_CHAPTER = re.compile(r"[0-9][^/]*-(?:begin|end|start|final)")
MANY_APPS = 6


def next_roots(code: Code) -> dict[str, dict[str, Evidence]]:
    """By the directory of the package that owns them: the directories that Next is told to serve, and how surely."""
    found: dict[str, dict[str, Evidence]] = {}
    owners: dict[str, Package | None] = {}
    for root, owner, evidence in _marked(code):
        if root not in owners:
            owners[root] = None if is_ignored(f"{root}/") else code.package_of(join(root, "x"))
        package = owners[root]
        if package is not None and (owner is None or owner is package):
            roots = found.setdefault(package.dir, {})
            roots[root] = "high" if "high" in (evidence, roots.get(root)) else "medium"
    return found


def _marked(code: Code) -> Iterator[tuple[str, Package | None, Evidence]]:
    """Directories with a sign of an application, the package the sign belongs to where that matters."""
    for name in CONFIG_NAMES:
        for path in code.files.paths(name):
            yield parent(path), None, "high"
    for path in code.files.paths("next-env.d.ts"):
        yield parent(path), None, "medium"
    for placed in code.hosts:
        if placed.is_next:
            yield placed.dir, None, "medium"
    if code.files.paths("nx.json"):
        for path in code.files.paths("project.json"):
            if _is_next_project(load_jsonc(code.files, path)):
                yield parent(path), None, "high"
    for package in code.packages.values():
        for root in _started(code, package):
            yield root, package, "high"


def _is_next_project(project: Mapping[str, object]) -> bool:
    targets = project.get("targets", project.get("architect"))
    for target in targets.values() if isinstance(targets, dict) else ():
        executor = target.get("executor", target.get("builder")) if isinstance(target, dict) else None
        if isinstance(executor, str) and _NX_EXECUTOR.fullmatch(executor):
            return True
    return False


@dataclass(frozen=True, slots=True)
class NxNode:
    """A project that Nx runs by Node.js: its root, the script it starts with, and what says so."""

    root: str
    main: str
    label: str


def nx_nodes(code: Code) -> Iterator[NxNode]:
    """The projects of an Nx workspace with a target that Node.js runs."""
    if not code.files.paths("nx.json"):
        return
    for path in sorted(code.files.paths("project.json")):
        root = parent(path)
        project = load_jsonc(code.files, path) if not is_ignored(f"{root}/") else {}
        targets = project.get("targets", project.get("architect"))
        rows = [row for row in targets.values() if isinstance(row, dict)] if isinstance(targets, dict) else []
        executors = [row.get("executor", row.get("builder")) for row in rows]
        if not any(isinstance(executor, str) and _NX_NODE.fullmatch(executor) for executor in executors):
            continue
        options = [row["options"] for row in rows if isinstance(row.get("options"), dict)]
        main = next(
            (given["main"] for given in options if isinstance(given.get("main"), str)), "{projectRoot}/src/main.ts"
        )
        entry = join("", main.replace("{workspaceRoot}/", "").replace("{projectRoot}", root or "."))
        yield NxNode(root, entry, _nx_script(code, root, project.get("name")) or path)


def node_roots(code: Code) -> dict[str, list[str]]:
    """By the directory of the package that owns them: the roots of the projects that Nx runs by Node.js."""
    found: dict[str, list[str]] = {}
    for node in nx_nodes(code):
        package = code.package_of(join(node.root, "x"))
        if package is not None:
            found.setdefault(package.dir, []).append(node.root)
    return found


def _nx_script(code: Code, root: str, name: object) -> str:
    """The script that has Nx serve a project, its own package's first; '' where none does."""
    for directory in ancestors(root):
        package = code.packages.get(directory)
        if package is None:
            continue
        for script, command in package.scripts.items():
            words = set(re.split(r"[\s:]+", command))
            if {"nx", "serve"} <= words and (directory == root or name in words):
                return f"{package.path} script {script}"
    return ""


def _started(code: Code, package: Package) -> Iterator[str]:
    """The directories that the scripts of a package make Next serve, be it through a server of its own."""
    if code.spec(package, "next") is None:
        return
    for command in package.scripts.values():
        for process in code.commands.resolve(command, package.dir):
            if process.kind == "next":
                subcommand, served, _ = next_arguments(process)
                if subcommand in SERVING:
                    yield served
            elif process.kind == "file":
                yield from _served(code, package, process)


def _served(code: Code, package: Package, process: Process) -> Iterator[str]:
    """The directory that a script gives to Next, where it starts Next itself."""
    path = source_of(code, process.file)
    source = code.files.source(path) if path is not None else None
    if path is None or source is None or b"getRequestHandler" not in source.data:
        return
    facts = code.facts(path)
    starts = [call for call in facts.calls if _starts_next(call)] if facts is not None else []
    for call in starts:
        options = call.args[0] if call.args else None
        directory = options.prop("dir") if options is not None else None
        if directory is not None and directory.name == "__dirname":
            yield parent(path)
        else:
            yield join(package.dir, directory.name if directory is not None and directory.kind == "string" else ".")
    if not starts:
        yield package.dir


def _starts_next(call: Call) -> bool:
    callee = call.callee
    return callee is not None and callee.kind == "import" and callee.module == "next" and callee.path() == ()


def is_collection(roots: Iterable[str], has_workspace: bool) -> bool:
    """Whether applications are chapters or examples that stand beside each other, and not parts of one product."""
    roots = list(roots)
    if len(roots) >= MANY_APPS and not has_workspace:
        return True
    names: dict[str, int] = {}
    for root in roots:
        for name in _GALLERIES.intersection(root.split("/")):
            names[name] = names.get(name, 0) + 1
    if any(count > 1 and count >= 0.6 * len(roots) for count in names.values()):
        return True
    chapters: dict[str, int] = {}
    for root in roots:
        above, _, name = root.rpartition("/")
        chapters[above] = chapters.get(above, 0) + (_CHAPTER.fullmatch(name) is not None)
    return any(count > 1 for count in chapters.values())
