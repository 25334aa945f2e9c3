"""Which files Next runs on its Edge runtime, and what they load there that only Node.js has."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from reviewer.core.app import App
from reviewer.core.closure import Closure, Step, Visit
from reviewer.core.code import Code
from reviewer.core.facts import Expr, FileFacts, Import
from reviewer.core.finding import Evidence
from reviewer.core.manifest import package_name
from reviewer.core.roles import Route
from reviewer.core.usage import GlobalUse, Usage

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
_IMAGES = ("opengraph-image", "twitter-image", "icon", "apple-icon")


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


class EdgeReader:
    """Follows Edge entries through the repository. ``packages`` and ``safe`` are globs of package names or imports."""

    def __init__(self, app: App, packages: Collection[str], safe: Collection[str]) -> None:
        self.app = app
        self.code: Code = app.code
        self.packages = packages
        self.safe = safe
        self.closure = Closure(app.code, self._needs_node, MAX_DEPTH, self._runs_elsewhere)

    def uses(self, entry: EdgeEntry) -> list[NodeUse]:
        """What the entry loads that only Node.js has, nearest first."""
        visits = self.closure.visits(entry.path)
        found = [use for path, visit in visits.items() for use in self._uses_in(path, visit)]
        adapted = any(
            item.module.startswith("@prisma/adapter-") for path in visits for item in self.closure.facts(path).imports
        )
        return [use for use in found if use.name != "@prisma/client" or (use.called and not adapted)]

    # -- what is looked for -------------------------------------------------------------------------------------------

    def _needs_node(self, path: str, modules: Collection[str]) -> bool:
        raw = self.code.files.raw(path) or b""
        return any(self._nature(path, module) for module in modules) or _GLOBALS.search(raw) is not None

    def _runs_elsewhere(self, path: str, item: Import) -> bool:
        """Whether a branch that runs on Node only holds a load inside a function."""
        return item.kind in ("require", "dynamic") and self.closure.usage(path).runs_elsewhere(item.line)

    def _nature(self, path: str, module: str) -> Nature | None:
        """Whether an import means a Node.js module Edge lacks, or a package known to need one."""
        if module.startswith((".", "/")) or self.code.resolver.resolve(path, module) is not None:
            return None
        name = package_name(module)
        if any(fnmatchcase(text, glob) for glob in self.safe for text in (name, module)):
            return None
        bare = name.removeprefix("node:")
        if module in _NODE_ONLY_MODULES or (bare in _NODE_MODULES and not self._is_polyfill(module, bare)):
            return "core"
        return "package" if any(fnmatchcase(name, glob) for glob in self.packages) else None

    def _is_polyfill(self, module: str, name: str) -> bool:
        """Whether a package of the same name is meant: ``punycode/`` is one, and so is what is depended on."""
        return module.endswith("/") or (not module.startswith("node:") and self.app.depends_on(name))

    # -- what is found ------------------------------------------------------------------------------------------------

    def _uses_in(self, path: str, visit: Visit) -> Iterator[NodeUse]:
        if not self.closure.is_wanted(path):
            return
        facts, runs = self.closure.facts(path), self._running(path, visit.wanted)
        evidence: Evidence = "high" if visit.is_certain else "medium"
        seen: set[str] = set()
        for item, _ in self.closure.runs(path):
            nature = self._nature(path, item.module)
            name = item.module if nature == "core" else package_name(item.module)
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
        usage = self.closure.usage(path) if _GLOBALS.search(raw) else Usage()
        config = facts.export("config")
        allows = config is not None and config.expr is not None and config.expr.prop("unstable_allowDynamic")
        for use in usage.globals:
            if not usage.runs_elsewhere(use.line) and not (allows and use.name in ("eval", "new Function")):
                yield use

    def _running(self, path: str, wanted: frozenset[str] | None) -> Container[int]:
        """Ids of the functions of a file that run when the names wanted of it are used; in doubt all of them."""
        facts = self.closure.facts(path)
        exports = [facts.export(name) for name in wanted or ()]
        values = [_value(facts, export.expr) for export in exports if export is not None and export.expr is not None]
        if wanted is None or any(value.kind != "function" for value in values):
            return {-1, *(function.id for function in facts.functions)}
        names = [call.callee.name for call in facts.calls if call.function == -1 and call.callee is not None]
        loaded = [facts.values[name] for name in names if name in facts.values]
        return self.code.reachable(path, {value.function for value in (*values, *loaded) if value.function >= 0})


def _value(facts: FileFacts, expr: Expr) -> Expr:
    return facts.values.get(expr.name, expr) if expr.kind == "ref" else expr


def _is_called(facts: FileFacts, module: str, runs: Container[int]) -> bool:
    for call in facts.calls:
        if call.function in runs and call.callee is not None and call.callee.module == module:
            return True
    return False
