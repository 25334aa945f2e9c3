"""Code on the Edge runtime that needs Node.js."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion, weakest
from reviewer.core.project import Project
from reviewer.core.runtime import Declared, EdgeEntry, EdgeReader, NodeUse, declared_runtime, edge_entries

_WHOLE_LINE = re.compile(r"\s*export const runtime\b[^;]*;?\s*")
_ONLY_ON_EDGE = re.compile(
    rb"\b(?:EdgeRuntime|WebSocketPair|HTMLRewriter|getRequestContext|getCloudflareContext)\b|\bcaches\.default\b"
)


def node_api_in_edge_runtime(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Files an application runs on Edge that load what only Node.js has, and runtimes that are no longer wanted."""
    if app.is_static:
        return
    yield from _in_proxy(app, settings)
    packages = [*settings.listed("node_only"), *settings.options["node_only_packages"]]
    safe = [*settings.listed("edge_safe"), *settings.options["edge_safe_packages"]]
    reader = EdgeReader(app, packages, safe)
    for entry in edge_entries(app, project.marked[settings.rule.id]):
        found = [use for use in reader.uses(entry) if use.nature != "package" or use.called or not use.chain]
        for use in found:
            yield _finding(app, entry, use, settings)
        if not found and settings.options["flag_edge_deprecation"]:
            yield from _deprecated(app, entry, settings)


def _in_proxy(app: App, settings: Settings) -> Iterator[Finding]:
    """A runtime where none may be set: a proxy file runs on Node.js."""
    proxy = app.conventions.effective("proxy")
    facts = app.code.facts(proxy.path) if proxy is not None else None
    if proxy is None or facts is None or app.conventions.loads("proxy") is not True:
        return
    declared = declared_runtime(facts, ("config", "runtime"))
    if declared.value != "":
        sites = [Site(proxy.path, declared.line, 1, declared.end_line, "`runtime` is set here"), _version(app)]
        yield settings.finding(app, sites, key="runtime", args={"what": "proxy", "entry": "proxy", "file": proxy.path})


def _deprecated(app: App, entry: EdgeEntry, settings: Settings) -> Iterator[Finding]:
    if entry.kind != "route" or app.version("next").lt("16.3.0") is not False or _is_cloudflare(app):
        return
    yield settings.finding(
        app,
        [_declaration(entry.path, entry.declared), _version(app)],
        key="deprecated",
        level="notice",
        args={"what": "deprecated", "entry": "route", "file": entry.path},
        group="deprecated",
        suggestion=_without_runtime(app, entry),
    )


def _finding(app: App, entry: EdgeEntry, use: NodeUse, settings: Settings) -> Finding:
    level, evidence = _weight(entry, use)
    args: dict[str, Arg] = {
        "what": use.nature,
        "entry": entry.kind,
        "file": entry.path,
        "name": use.name,
        "place": use.path,
        "indirect": bool(use.chain),
        "bundler": app.bundler.name,
        "move": _way_to_node(app, entry),
    }
    return settings.finding(
        app,
        _sites(app, entry, use),
        key=f"{use.nature}:{use.name.removeprefix('node:')}",
        level=level,
        evidence=evidence,
        args=args,
        group=f"{use.nature}:{use.path}:{use.name}",
        suggestion=_suggestion(app, entry),
    )


def _weight(entry: EdgeEntry, use: NodeUse) -> tuple[Level, Evidence]:
    evidence = weakest(entry.evidence, use.evidence, "high" if use.called or use.nature == "core" else "medium")
    fails = use.nature == "core" or (use.nature == "package" and use.called)
    return ("error" if fails and entry.kind != "instrumentation" else "warning"), evidence


def _sites(app: App, entry: EdgeEntry, use: NodeUse) -> Iterator[Site]:
    """The entry's own line first, then the way to the use, then what makes the entry run on Edge."""
    for step in use.chain:
        yield Site(step.path, step.line, 1, step.line, f"`{step.target}` is loaded here")
    yield Site(use.path, use.line, 1, use.line, f"`{use.name}` is used here")
    if entry.kind == "route":
        yield _declaration(entry.path, entry.declared)
    if use.nature == "core":
        yield from _built(app)
    yield _version(app)


def _declaration(path: str, declared: Declared) -> Site:
    return Site(path, declared.line, 1, declared.end_line, "the Edge runtime is asked for here")


def _built(app: App) -> Iterator[Site]:
    if app.bundler.path:
        yield Site(app.bundler.path, app.bundler.line, 1, app.bundler.line, "the build runs here")


def _version(app: App) -> Site:
    version = app.version("next")
    return Site(version.path, version.line, 1, version.line, "the version of Next")


# -- ways out ---------------------------------------------------------------------------------------------------------


def _is_cloudflare(app: App) -> bool:
    return app.deployment.target == "cloudflare"


def _way_to_node(app: App, entry: EdgeEntry) -> str:
    """How the entry gets to Node.js: ``delete`` a line, ``config`` of Next 15.5, ``proxy`` of Next 16, or not yet."""
    version = app.version("next")
    if entry.kind != "middleware":
        return "delete"
    if _is_cloudflare(app):
        return "adapter"
    if version.lt("16.0.0") is False:
        return "proxy"
    return "config" if version.lt("15.5.0") is False and version.lt("16.0.0") else "later"


def _suggestion(app: App, entry: EdgeEntry) -> Suggestion | None:
    if entry.kind == "route":
        return _without_runtime(app, entry)
    fits = _way_to_node(app, entry) == "config" and not entry.declared.value
    return _with_runtime(app, entry) if fits else None


def _without_runtime(app: App, entry: EdgeEntry) -> Suggestion | None:
    """The line that asks for Edge left empty, where the file needs nothing that only Edge has."""
    source = app.code.files.source(entry.path)
    line = entry.declared.line
    if source is None or _is_cloudflare(app) or _ONLY_ON_EDGE.search(source.data):
        return None
    return Suggestion(entry.path, line, line, "") if _WHOLE_LINE.fullmatch(source.line_text(line)) else None


def _with_runtime(app: App, entry: EdgeEntry) -> Suggestion | None:
    """``runtime: 'nodejs'`` as the first member of the middleware's ``config``."""
    facts, source = app.code.facts(entry.path), app.code.files.source(entry.path)
    export = facts.export("config") if facts is not None else None
    if source is None or export is None:
        return None
    before, brace, after = source.line_text(export.line).partition("= {")
    return Suggestion(entry.path, export.line, export.line, f"{before}{brace} runtime: 'nodejs',{after}")
