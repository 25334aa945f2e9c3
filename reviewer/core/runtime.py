"""Which files Next runs on its Edge runtime, and what they load there that only Node.js has."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.facts import Expr, FileFacts, Import
from reviewer.core.finding import Evidence
from reviewer.core.roles import Route
from reviewer.core.syntax import language_of
from reviewer.core.usage import GlobalUse, Usage, usage_of

Runtime = Literal["edge", "node", "unknown"]
EntryKind = Literal["middleware", "route", "instrumentation"]
Nature = Literal["core", "package", "global"]

MAX_DEPTH = 4
EDGE_MODULES = frozenset({"buffer", "events", "assert", "util", "async_hooks"})
_NODE_MODULES = frozenset(
    {"child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns", "domain"}
    | {"fs", "http", "http2", "https", "inspector", "module", "net", "os", "path", "perf_hooks", "punycode"}
    | {"querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "trace_events", "tty"}
    | {"url", "v8", "vm", "wasi", "worker_threads", "zlib"}
)
_NODE_ONLY_MODULES = frozenset({"node:sea", "node:sqlite", "node:test"})
_GLOBALS = re.compile(
    rb"\b(?:__dirname|__filename|setImmediate|eval\s*\(|Function\s*\(|process\s*\??\.\s*(?:nextTick|versions?)\b|"
    rb"require\s*\(\s*[^\s'\"`)])"
)
_LOADS_LATE = re.compile(rb"\b(?:import|require)\s*\(")
_IMPORTS = re.compile(rb"\b(?:from|import|require)\s*+\(?\s*+(?:/\*[^*]*+\*/\s*+)?['\"`]([^'\"`\n]++)['\"`]")
_IMAGES = ("opengraph-image", "twitter-image", "icon", "apple-icon")


Load = tuple[Import, str | None]


@dataclass(frozen=True, slots=True)
class Declared:
    """The runtime a file asks for: ``edge``, ``nodejs``, '' for none, None where that cannot be told."""

    value: str | None = ""
    line: int = 1
    end_line: int = 1
    is_config: bool = False


@dataclass(frozen=True, slots=True)
class EdgeEntry:
    """A file Next runs on Edge: by default, or because it says so; instrumentation runs on Node as well."""

    path: str
    kind: EntryKind
    declared: Declared
    evidence: Evidence = "high"


@dataclass(frozen=True, slots=True)
class Step:
    """One import on the way from an entry to what it loads."""

    path: str
    line: int
    target: str


@dataclass(frozen=True, slots=True)
class NodeUse:
    """Something only Node.js has, loaded on Edge: ``name`` as the file writes it, the imports that lead there.

    ``called`` says that code of the file which runs calls it, as far as that can be told.
    """

    nature: Nature
    name: str
    path: str
    line: int
    chain: tuple[Step, ...]
    called: bool
    evidence: Evidence


# -- which files ------------------------------------------------------------------------------------------------------


def declared_runtime(facts: FileFacts, forms: Collection[str]) -> Declared:
    """What ``export const runtime`` and, in the files that heed it, ``config.runtime`` ask for."""
    for name in forms:
        export = facts.export(name)
        if export is None:
            continue
        expr = export.expr
        if expr is not None and name == "config" and expr.kind == "object":
            if any(key == "..." or key.startswith("[") for key, _ in expr.props):
                return Declared(None)
            expr = expr.prop("runtime")
            if expr is None:
                continue
        value = expr.name if expr is not None and expr.kind == "string" else None
        if name == "config" and expr is not None:
            return Declared(value, expr.line, expr.end_line, True)
        return Declared(value, export.line, export.end_line)
    return Declared()


def runtime_of(app: App, route: Route) -> Runtime:
    """The runtime of a route file: Node unless it asks for Edge in the form its router heeds."""
    facts = app.code.surface(route.path)
    declared = _declared_by_route(route, facts) if facts is not None else Declared(None)
    if declared.value is None:
        return "unknown"
    return "edge" if declared.value in ("edge", "experimental-edge") else "node"


def _declared_by_route(route: Route, facts: FileFacts) -> Declared:
    name = route.path.rpartition("/")[2].partition(".")[0]
    if route.role == "pages-api-route":
        return declared_runtime(facts, ("config", "runtime"))
    if route.role == "page" and name not in ("page", "layout", *_IMAGES):
        return Declared()
    return declared_runtime(facts, ("runtime",))


def edge_entries(app: App, marked: Collection[str]) -> Iterator[EdgeEntry]:
    """The files of an application that run on Edge; routes among those *marked* as naming the runtime at all."""
    for route in app.routes:
        is_page_of_pages = route.role == "page" and bool(app.pages_dir) and route.path.startswith(f"{app.pages_dir}/")
        if route.path in marked and not is_page_of_pages and runtime_of(app, route) == "edge":
            facts = app.code.surface(route.path)
            if facts is not None and "use client" not in facts.directives:
                yield EdgeEntry(route.path, "route", _declared_by_route(route, facts))
    yield from _by_convention(app)


def _has_no_choice(app: App) -> bool:
    """Whether this Next runs middleware on Edge whatever it asks for: before 15.5, or before 15.2 without the flag."""
    version = app.version("next")
    if version.lt("15.2.0"):
        return True
    return version.lt("15.5.0") is True and app.config.flag("experimental.nodeMiddleware") is False


def _by_convention(app: App) -> Iterator[EdgeEntry]:
    conventions = app.conventions
    evidence: Evidence = "medium" if conventions.extensions is None else "high"
    middleware, proxy = conventions.effective("middleware"), conventions.effective("proxy")
    refused = proxy is not None and conventions.loads("proxy") is not False
    if middleware is not None and not refused and conventions.loads("middleware") is not False:
        facts = app.code.facts(middleware.path)
        declared = declared_runtime(facts, ("config", "runtime")) if facts is not None else Declared(None)
        if declared.value in ("", "edge", "experimental-edge") or (declared.value == "nodejs" and _has_no_choice(app)):
            yield EdgeEntry(middleware.path, "middleware", declared, evidence)
    instrumentation = conventions.effective("instrumentation")
    if instrumentation is not None and conventions.loads("instrumentation"):
        yield EdgeEntry(instrumentation.path, "instrumentation", Declared(), evidence)


# -- what they load ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Visit:
    """A file on the way: how it was reached, and the names wanted of it, None for all of them."""

    chain: tuple[Step, ...]
    wanted: frozenset[str] | None
    is_certain: bool


class EdgeReader:
    """Follows Edge entries through the repository. ``packages`` and ``safe`` are globs of package names or imports."""

    def __init__(self, app: App, packages: Collection[str], safe: Collection[str]) -> None:
        self.app = app
        self.code: Code = app.code
        self.packages = packages
        self.safe = safe
        self._usages: dict[str, Usage] = {}
        self._targets: dict[str, tuple[str, ...]] = {}
        self._suspicious: dict[str, bool] = {}

    def uses(self, entry: EdgeEntry) -> list[NodeUse]:
        """What the entry loads that only Node.js has, nearest first."""
        relevant = self._relevant(entry.path)
        if entry.path not in relevant:
            return []
        visits = self._visits(entry.path, relevant)
        found = [use for path, visit in visits.items() for use in self._uses_in(path, visit)]
        adapted = any(
            item.module.startswith("@prisma/adapter-") for path in visits for item in self._facts(path).imports
        )
        return [use for use in found if use.name != "@prisma/client" or (use.called and not adapted)]

    def _facts(self, path: str) -> FileFacts:
        """What a file loads and gives; all of it where functions of the file matter, which may load something too."""
        raw = self.code.files.raw(path) or b""
        in_full = self._is_suspicious(path) or _LOADS_LATE.search(raw) is not None
        return (self.code.facts(path) if in_full else self.code.surface(path)) or FileFacts()

    def _usage(self, path: str) -> Usage:
        if path not in self._usages:
            source, language = self.code.files.source(path), language_of(path)
            read = source is not None and language is not None and self.code.surface(path) is not None
            self._usages[path] = usage_of(source, language) if read and source and language else Usage()
        return self._usages[path]

    # -- a first look, by text ----------------------------------------------------------------------------------------

    def _relevant(self, entry: str) -> set[str]:
        """The files on some way from the entry to a file that may need Node.js, that file included."""
        importers: dict[str, set[str]] = {entry: set()}
        layer = [entry]
        for _ in range(MAX_DEPTH):
            below: dict[str, None] = {}
            for path in layer:
                for target in self._named(path):
                    below.update({} if target in importers else {target: None})
                    importers.setdefault(target, set()).add(path)
            layer = list(below)
        relevant = {path for path in importers if self._is_suspicious(path)}
        queue = deque(relevant)
        while queue:
            above = importers[queue.popleft()] - relevant
            relevant |= above
            queue.extend(above)
        return relevant

    def _named(self, path: str) -> tuple[str, ...]:
        """The scripts of the repository whose imports the text of a file could hold."""
        self._look(path)
        return self._targets[path]

    def _is_suspicious(self, path: str) -> bool:
        self._look(path)
        return self._suspicious[path]

    def _look(self, path: str) -> None:
        if path in self._suspicious:
            return
        raw = self.code.files.raw(path) or b""
        modules = {module.decode("utf-8", "replace") for module in _IMPORTS.findall(raw)}
        found = {target for module in modules if (target := self._script(path, module)) is not None}
        self._targets[path] = tuple(sorted(found))
        needs = any(self._nature(path, module) for module in modules)
        self._suspicious[path] = needs or _GLOBALS.search(raw) is not None

    def _script(self, path: str, module: str) -> str | None:
        target = self.code.resolver.resolve(path, module)
        return target if target is not None and language_of(target) is not None else None

    def _nature(self, path: str, module: str) -> Nature | None:
        """Whether an import means a Node.js module Edge lacks, or a package known to need one."""
        if module.startswith((".", "/")) or self.code.resolver.resolve(path, module) is not None:
            return None
        name = _package(module)
        if any(fnmatchcase(text, glob) for glob in self.safe for text in (name, module)):
            return None
        bare = name.removeprefix("node:")
        if module in _NODE_ONLY_MODULES or (bare in _NODE_MODULES and not self._is_polyfill(module, bare)):
            return "core"
        return "package" if any(fnmatchcase(name, glob) for glob in self.packages) else None

    def _is_polyfill(self, module: str, name: str) -> bool:
        """Whether a package of the same name is meant: ``punycode/`` is one, and so is what is depended on."""
        return module.endswith("/") or (not module.startswith("node:") and self.app.depends_on(name))

    # -- the way ------------------------------------------------------------------------------------------------------

    def _visits(self, entry: str, relevant: set[str]) -> dict[str, _Visit]:
        visits = {entry: _Visit((), None, True)}
        queue = deque([entry])
        while queue:
            path = queue.popleft()
            visit = visits[path]
            for item, target, wanted in self._edges(path, visit) if len(visit.chain) < MAX_DEPTH else ():
                if target not in relevant:
                    continue
                certain = visit.is_certain and self._gives(target, wanted)
                chain = (*visit.chain, Step(path, item.line, target))
                if _visit(visits, target, _Visit(chain, wanted, certain)):
                    queue.append(target)
        return visits

    def _edges(self, path: str, visit: _Visit) -> Iterator[tuple[Import, str, frozenset[str] | None]]:
        for item, target in self._runs(path):
            if target is None:
                continue
            if item.kind == "reexport":
                yield item, target, self._passed_on(path, item, visit.wanted)
            elif item.kind == "dynamic" or not item.names or any(name == "*" for name, _ in item.names):
                yield item, target, None
            else:
                names = frozenset(name for name, local in item.names if self._is_value(path, item, local))
                yield item, target, names

    def _passed_on(self, path: str, item: Import, wanted: frozenset[str] | None) -> frozenset[str] | None:
        names: set[str] = set()
        for export in self._facts(path).exports:
            if export.module == item.module:
                if export.name == "*" and wanted is not None:
                    names |= wanted
                elif wanted is None or export.name in wanted:
                    if export.imported == "*":
                        return None
                    names.add(export.imported)
        return frozenset(names)

    def _gives(self, path: str, wanted: frozenset[str] | None) -> bool:
        """Whether a file has one of the names wanted of it: bundlers may drop one that is only passed by."""
        return wanted is None or any(e.name == "*" or e.name in wanted for e in self._facts(path).exports)

    def _runs(self, path: str) -> Iterator[Load]:
        """The imports of a file that happen on Edge: types, names used as types, and guarded ones left out."""
        loaded = [item for item in self._facts(path).imports if not item.type_only]
        for item, target in ((item, self._script(path, item.module)) for item in loaded):
            if item.kind in ("require", "dynamic"):
                if not self._usage(path).runs_elsewhere(item.line):
                    yield item, target
            elif not item.names or any(self._is_value(path, item, local) for _, local in item.names):
                yield item, target

    def _is_value(self, path: str, item: Import, local: str) -> bool:
        """Whether an imported name is used as a value: TypeScript drops imports that are not."""
        is_typed = path.endswith((".ts", ".tsx", ".mts", ".cts")) and item.kind == "static"
        return not is_typed or local in self._usage(path).values

    # -- what is found ------------------------------------------------------------------------------------------------

    def _uses_in(self, path: str, visit: _Visit) -> Iterator[NodeUse]:
        if not self._is_suspicious(path):
            return
        facts, runs = self._facts(path), self._running(path, visit.wanted)
        evidence: Evidence = "high" if visit.is_certain else "medium"
        seen: set[str] = set()
        for item, _ in self._runs(path):
            nature = self._nature(path, item.module)
            name = item.module if nature == "core" else _package(item.module)
            if nature is not None and name not in seen:
                seen.add(name)
                called = _is_called(facts, item.module, runs)
                yield NodeUse(nature, name, path, item.line, visit.chain, called, evidence)
        for use in self._globals(path, facts):
            if use.function in runs and use.name not in seen:
                seen.add(use.name)
                yield NodeUse("global", use.name, path, use.line, visit.chain, True, evidence)

    def _globals(self, path: str, facts: FileFacts) -> Iterator[GlobalUse]:
        raw = self.code.files.raw(path) or b""
        usage = self._usage(path) if _GLOBALS.search(raw) else Usage()
        config = facts.export("config")
        allows = config is not None and config.expr is not None and config.expr.prop("unstable_allowDynamic")
        for use in usage.globals:
            if not usage.runs_elsewhere(use.line) and not (allows and use.name in ("eval", "new Function")):
                yield use

    def _running(self, path: str, wanted: frozenset[str] | None) -> Container[int]:
        """Ids of the functions of a file that run when the names wanted of it are used; in doubt all of them."""
        facts = self._facts(path)
        exports = [facts.export(name) for name in wanted or ()]
        values = [_value(facts, export.expr) for export in exports if export is not None and export.expr is not None]
        if wanted is None or any(value.kind != "function" for value in values):
            return {-1, *(function.id for function in facts.functions)}
        names = [call.callee.name for call in facts.calls if call.function == -1 and call.callee is not None]
        loaded = [facts.values[name] for name in names if name in facts.values]
        return self.code.reachable(path, {value.function for value in (*values, *loaded) if value.function >= 0})


def _visit(visits: dict[str, _Visit], path: str, new: _Visit) -> bool:
    """Notes a way to a file; whether that is news, for the file or for what is wanted of it."""
    known = visits.get(path)
    if known is None:
        visits[path] = new
        return True
    wanted = None if known.wanted is None or new.wanted is None else known.wanted | new.wanted
    is_news = wanted != known.wanted or (new.is_certain and not known.is_certain)
    known.wanted, known.is_certain = wanted, known.is_certain or new.is_certain
    return is_news


def _value(facts: FileFacts, expr: Expr) -> Expr:
    return facts.values.get(expr.name, expr) if expr.kind == "ref" else expr


def _is_called(facts: FileFacts, module: str, runs: Container[int]) -> bool:
    for call in facts.calls:
        if call.function in runs and call.callee is not None and call.callee.module == module:
            return True
    return False


def _package(module: str) -> str:
    """The package an import is of: ``pg`` for ``pg/lib/x``, ``@scope/name`` for what lies below it."""
    parts = module.split("/")
    return "/".join(parts[: 2 if module.startswith("@") else 1])
