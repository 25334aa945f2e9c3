"""Schedulers, consumers, timers, endless loops and long waits that a Next.js route starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.callgraph import CallGraph, Part
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site
from reviewer.core.longrunning import Kind, LongRunning, Work, narrow, works_of
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.symbols import Symbols

_BY_SYMBOL: tuple[Kind, ...] = ("scheduler", "consumer", "bot", "subscription")
_GRAVE = ("scheduler", "consumer", "bot")
MAX_SITES = 4


def long_running_work_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """What an application's routes start that outlives the request, or keeps it open for long."""
    if app.is_static:
        return
    calls = CallGraph(project.code)
    search = LongRunning(calls, _symbols(settings), settings.options["max_sleep_ms"])
    narrow(search, project, project.marked[settings.rule.id])
    found: dict[tuple[str, str], list[_Begun]] = {}
    routes = app.routes_of(settings.rule.head.where.roles)
    for route in (route for route in routes if route.path in search.candidates):
        for part, work in works_of(search, calls.of(route.path, app.handlers(route))):
            begun = _Begun(route, part, work)
            found.setdefault((begun.sites[0].path, f"{work.kind}:{work.module}"), []).append(begun)
    for (_, key), same in found.items():
        yield from _finding(app, key, same, settings)


@dataclass(frozen=True, slots=True)
class _Begun:
    """Long work and the route because of which it runs."""

    route: Route
    part: Part
    work: Work

    @property
    def sites(self) -> tuple[Site, ...]:
        """The call that leads to the work, the work, and the imports that load their file."""
        return (*self.part.via, self.work.site, *self.part.loaded)

    @property
    def is_built(self) -> bool:
        """Whether ``next build`` runs it as well, as it loads the modules of the App Router."""
        return self.part.on_load and self.route.role == "app-route-handler"


def _symbols(settings: Settings) -> dict[Kind, Symbols]:
    listed = {kind: settings.listed(f"{kind}s") for kind in _BY_SYMBOL}
    listed["scheduler"] += settings.options["scheduler_packages"]
    return {kind: Symbols.of(texts) for kind, texts in listed.items()}


def _finding(app: App, key: str, same: list[_Begun], settings: Settings) -> Iterator[Finding]:
    begun, work = same[0], same[0].work
    level = _level(app, begun, settings)
    if level is None:
        return
    evidence = _evidence(begun)
    if level == "error" and app.deployment.evidence == "medium":
        evidence = "medium"
    sites = list(dict.fromkeys(site for each in same for site in each.sites))
    yield settings.finding(
        app,
        sites[:MAX_SITES],
        key=key,
        level=level,
        evidence=evidence,
        args=_args(app, begun),
        group=f"{work.site.path}:{key}",
        subjects=[work.subject],
    )


def _level(app: App, begun: _Begun, settings: Settings) -> Level | None:
    """Error where functions are to keep a scheduler or consumer alive; what the build starts too is told anyway."""
    if _host(app) == "function" and begun.work.kind in _GRAVE:
        return "error"
    is_single = app.deployment.model == "long-lived" and app.deployment.replicas == "1"
    if is_single and settings.options["allow_single_replica"] and not begun.is_built:
        return None
    return "warning"


def _evidence(begun: _Begun) -> Evidence:
    """Low for programs, which may be quick, and for timers of a module that may only keep its memory in order."""
    if begun.work.kind == "program" or (begun.work.light and begun.part.on_load):
        return "low"
    return "medium" if begun.work.kept else "high"


def _host(app: App) -> str:
    """``function``, ``process`` (something that keeps a process, or restarts it) or ``unknown``."""
    model = app.deployment.model
    if model in ("long-lived", "scale-to-zero"):
        return "process"
    return "function" if model == "function" else "unknown"


def _args(app: App, begun: _Begun) -> dict[str, Arg]:
    part, work = begun.part, begun.work
    return {
        "kind": work.kind,
        "symbol": work.symbol,
        "made": f"new {work.symbol}(…)" if work.is_new else f"{work.symbol}(…)",
        "loaded": part.on_load,
        "built": begun.is_built,
        "imported": bool(part.loaded),
        "indirect": part.path != begun.route.path,
        "helper": begun.sites[0].path if part.loaded else part.path,
        "seconds": work.milliseconds // 1000,
        "host": _host(app),
        "host_file": app.deployment.path,
    }
