"""The code of one tree: its packages, and values followed across files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from operator import itemgetter
from typing import TypeVar

from reviewer.core.commands import Commands
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.files import FactsCache, Files
from reviewer.core.hosts import Placed, hosts_of
from reviewer.core.manifest import Asked, Package, ancestors, load_packages, load_workspaces, parent
from reviewer.core.pm2 import pm2_apps
from reviewer.core.resolve import ImportResolver
from reviewer.core.snapshot import Snapshot
from reviewer.core.specifiers import Specifiers
from reviewer.core.symbols import Symbols
from reviewer.core.text import Source
from reviewer.core.versions import UNKNOWN, Version, Versions, package_behind

MAX_HOPS = 2

T = TypeVar("T")


class Code:
    """One tree under analysis. ``names`` are the shared symbol lists of the rulebook, by list name."""

    def __init__(self, snapshot: Snapshot, names: Mapping[str, tuple[str, ...]], cache: FactsCache) -> None:
        self.files = Files(snapshot, cache)
        self.names = names
        self.ws_servers = Symbols.of(names.get("ws_servers", ()))
        self.packages = load_packages(self.files)
        self.workspaces = load_workspaces(self.files, self.packages)
        self.resolver = ImportResolver(self.files, self.packages, self.workspaces)
        self.specifiers = Specifiers(self.files, self.resolver)
        self.versions = Versions(self.files, self.packages, self.workspaces)
        self._insides: dict[str, _Inside] = {}
        self.commands = Commands(self.packages, self.workspaces, lambda path: pm2_apps(self.files, path))

    def calls_within(self, path: str, function: int) -> list[Call]:
        """The calls of a function of a file and of those written in it, in the order of the file."""
        facts = self.facts(path)
        if facts is None:
            return []
        inside = self._insides.get(path)
        if inside is None:
            inside = self._insides[path] = _Inside(facts)
        numbered, queue = [], [function]
        while queue:
            numbered += inside.calls.get(queue[-1], [])
            queue += inside.functions.get(queue.pop(), [])
        return [call for _, call in sorted(numbered, key=itemgetter(0))]

    @cached_property
    def hosts(self) -> tuple[Placed, ...]:
        """What the files of the tree say about hosts."""
        return hosts_of(self.files)

    @cached_property
    def tsconfigs(self) -> Mapping[str, tuple[str, ...]]:
        """The paths of ``tsconfig*.json`` by directory."""
        found: dict[str, list[str]] = {}
        for name in self.files.names():
            if name.startswith("tsconfig") and name.endswith(".json"):
                for path in self.files.paths(name):
                    found.setdefault(parent(path), []).append(path)
        return {directory: tuple(sorted(paths)) for directory, paths in found.items()}

    def package_of(self, path: str) -> Package | None:
        """The package that owns a path: the deepest one above it."""
        for directory in ancestors(parent(path)):
            if directory in self.packages:
                return self.packages[directory]
        return None

    def spec(self, package: Package, name: str) -> str | None:
        """How a package, or a package above it, asks for a dependency; None when neither does."""
        asked = self.asked(package, name)
        return asked.spec if asked is not None else None

    def asked(self, package: Package, name: str) -> Asked | None:
        """Where a package, or a package above it, asks for a dependency.

        A library's development and peer dependencies are not what it runs on.
        """
        own = package.dependencies.get(name)
        if own is not None and not (package.is_library and own[1] in ("devDependencies", "peerDependencies")):
            return Asked(package, name, *own)
        for directory in ancestors(package.dir):
            above = self.packages.get(directory)
            if above is not None and above is not package and name in above.dependencies:
                return Asked(above, name, *above.dependencies[name]) if own is None else None
        return None

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Packages that manifests install under another name, as ``npm:`` specs do: the package by that name."""
        found = {}
        for package in self.packages.values():
            for name, (spec, _) in package.dependencies.items():
                if spec.startswith(("npm:", "catalog:")):
                    found[name] = package_behind(self.versions.resolved(package, name, spec), name)
        return {name: behind for name, behind in found.items() if behind != name}

    def version(self, package: Package, name: str) -> Version:
        """Possible versions of a dependency; unknown where nothing asks for it."""
        asked = self.asked(package, name)
        if asked is None:
            return UNKNOWN
        version = self.versions.installed(package, name, asked.spec)
        return replace(version, path=asked.package.path, line=asked.line)

    def facts(self, path: str) -> FileFacts | None:
        return self.files.facts(path)

    def surface(self, path: str) -> FileFacts | None:
        """The facts of a script's module level; all of them where they are known anyway."""
        return self.files.surface(path)

    def read(self, path: str, reader: Callable[[Source, str], T]) -> T | None:
        """What *reader* makes of a script and its language, ``parse`` its tree; None where it was not analysed."""
        return self.files.read(path, reader)

    def follow(self, path: str, expr: Expr, hops: int = MAX_HOPS) -> tuple[str, Expr]:
        """Where a name's value is written: through module-level names, and at most *hops* files."""
        for _ in range(12):
            if expr.kind == "member" and expr.callee is not None:
                where, owner = self.follow(path, expr.callee, hops)
                value = owner.prop(expr.name) if owner.kind == "object" else None
                if value is not None:
                    path, expr = where, value
                    continue
            if expr.kind not in ("ref", "member") or expr.ref is None:
                return path, expr
            ref, facts = expr.ref, self.surface(path)
            value = facts.values.get(expr.name) if facts is not None and expr.kind == "ref" else None
            if value is not None and (ref.kind == "local" or value.ref == ref):
                expr = value
                continue
            found = self._imported(path, ref, hops)
            if found is None:
                return path, expr
            path, expr, hops = found
        return path, expr

    def value_of(self, path: str, ref: Ref) -> tuple[str, Expr]:
        """What a reference of a file stands for, such as the function that is called, and the file that is in."""
        return self.follow(path, Expr("ref", 0, 0, 0, ref.name, ref))

    def _imported(self, path: str, ref: Ref, hops: int) -> tuple[str, Expr, int] | None:
        if ref.kind != "import" or hops <= 0:
            return None
        steps = ref.path()
        name = "default" if ref.name == "default" or not steps else steps[0][1:]
        if len(steps) > 1:
            return None
        return self.exported(path, ref.module, name, hops)

    def exported(self, importer: str, module: str, name: str, hops: int) -> tuple[str, Expr, int] | None:
        """The expression a module exports under a name, following re-exports; each file counts as a hop."""
        target = self.resolver.resolve(importer, module)
        facts = self.surface(target) if target is not None and hops > 0 else None
        if target is None or facts is None:
            return None
        export = facts.export(name)
        if export is not None and export.expr is not None:
            return target, export.expr, hops - 1
        if export is not None and export.module:
            return self.exported(target, export.module, export.imported, hops - 1)
        for star in facts.exports:
            if star.name == "*" and (found := self.exported(target, star.module, name, hops - 1)) is not None:
                return found
        return None

    def expand(self, path: str, ref: Ref | None, hops: int = MAX_HOPS) -> Ref | None:
        """A reference with other files' names, fields set once and variables assigned once put in place."""
        facts = self.facts(path)
        if ref is None or facts is None:
            return ref
        if ref.kind == "import":
            found = self._expanded_import(path, ref, hops)
            return found if found is not None else ref
        held = 1 if ref.kind == "this" and ref.steps else 0
        if ref.kind == "local" or held:
            values = [a.value.ref for a in facts.assignments if _same_slot(a.target, ref, held)]
            if len(values) == 1 and values[0] is not None and values[0] != ref and hops > 0:
                return self.expand(path, values[0].then(*ref.steps[held:]), hops - 1)
            value = facts.values.get(ref.name) if ref.kind == "local" else None
            if value is not None and (made := self._result(path, value, ref.steps, hops - 1)) is not None:
                return made
        return ref

    def _result(self, path: str, function: Expr, steps: tuple[str, ...], hops: int) -> Ref | None:
        """What ``make().x`` amounts to when *function*, the make of the file, returns something imported."""
        facts = self.facts(path)
        if facts is None or function.kind != "function" or function.function < 0 or steps[:1] != ("()",) or hops < 0:
            return None
        made = facts.function(function.function)
        returned = self.expand(path, made.returned, hops) if made is not None else None
        if returned is None or returned.kind != "import":
            return None
        return _made_in(path, returned).then(*steps[1:])

    def _expanded_import(self, path: str, ref: Ref, hops: int) -> Ref | None:
        steps = ref.path()
        names = [("default", steps)] + ([(steps[0][1:], steps[1:])] if steps and steps[0].startswith(".") else [])
        for name, rest in reversed(names):
            found = self.exported(path, ref.module, name, hops)
            if found is not None:
                where, expr = self.follow(found[0], found[1], found[2])
                if expr.ref is None:
                    return self._result(where, expr, rest, found[2])
                inner = self.expand(where, expr.ref, found[2])
                return _made_in(where, inner).then(*rest) if inner is not None else None
        return None

    def identity(self, path: str, ref: Ref | None) -> str:
        """Which object a reference is, or calls a method of: equal for one object in all its files, '' if unknown."""
        expanded = self.expand(path, ref)
        return _made_in(path, expanded).origin if expanded is not None else ""

    def origin(self, path: str, ref: Ref) -> tuple[str, str]:
        """What a reference names, as (file or package, export path), with one re-export resolved."""
        if ref.kind != "import":
            return path, ".".join((ref.name, *(step.lstrip(".") for step in ref.steps)))
        steps = ".".join(step.lstrip(".") for step in ref.path()) or "default"
        target = self.resolver.resolve(path, ref.module)
        if target is None:
            return ref.module, steps
        facts = self.surface(target)
        export = facts.export(steps) if facts is not None else None
        if export is not None and export.module:
            further = self.resolver.resolve(target, export.module)
            return further or export.module, export.imported
        return target, steps

    def reachable(self, path: str, starts: Iterable[int]) -> frozenset[int]:
        """Ids of the functions of a file that run when the given ones do; the module itself, -1, always does.

        A start of -1 stands for a function nobody can name: then every function may run.
        """
        facts = self.facts(path)
        if facts is None:
            return frozenset()
        seen: set[int] = set()
        queue = list(starts)
        while queue:
            function = queue.pop()
            if function in seen:
                continue
            inside = facts.within(function)
            seen |= inside
            queue += [id for id in _used_functions(facts, inside.__contains__) if id not in seen]
        return frozenset(seen | {-1})


class _Inside:
    """The functions written in each function of a file, and the calls of each."""

    def __init__(self, facts: FileFacts) -> None:
        self.functions: dict[int, list[int]] = {}
        self.calls: dict[int, list[tuple[int, Call]]] = {}
        for function in facts.functions:
            self.functions.setdefault(function.parent, []).append(function.id)
        for numbered in enumerate(facts.calls):
            self.calls.setdefault(numbered[1].function, []).append(numbered)


def _used_functions(facts: FileFacts, runs: Callable[[int], bool]) -> Iterable[int]:
    """Functions of the file that calls made by running functions name, as callee or as argument."""
    for call in facts.calls:
        if not runs(call.function):
            continue
        names = [call.callee.name] if call.callee is not None and call.callee.kind == "local" else []
        names += [arg.name for arg in call.args if arg.kind == "ref" and arg.ref and arg.ref.kind == "local"]
        for name in names:
            value = facts.values.get(name)
            if value is not None and value.kind == "function":
                yield value.function


def _made_in(path: str, ref: Ref) -> Ref:
    """The reference with its origin placed in the file that makes the object."""
    return replace(ref, origin=f"{path}:{ref.origin}") if ref.origin.isdigit() else ref


def _same_slot(target: Ref, ref: Ref, held: int) -> bool:
    """Whether an assignment sets exactly the variable or ``this`` field a reference starts from."""
    return target.kind == ref.kind and target.name == ref.name and target.steps == ref.steps[:held]
