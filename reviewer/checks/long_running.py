"""Schedulers, consumers, timers, endless loops and long waits that a Next.js route starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site
from reviewer.core.longrunning import Kind, LongRunning, Work, works_of, worth_entering
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.running import Part, Running
from reviewer.core.symbols import Symbols

_BY_SYMBOL: tuple[Kind, ...] = ("scheduler", "consumer", "bot", "subscription")
_GRAVE = ("scheduler", "consumer", "bot")
MAX_SITES = 4


def long_running_work_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """What an application's routes start that outlives the request, or keeps it open for long."""
    if app.is_static:
        return
    running = Running(project.code)
    search = LongRunning(running, _symbols(settings), settings.options["max_sleep_ms"])
    routes = app.routes_of(settings.rule.head.where.roles)
    candidates = worth_entering(project, search, project.marked[settings.rule.id])
    shared: dict[tuple[str, str], list[tuple[Route, Part, Work]]] = {}
    for route in (route for route in routes if route.path in candidates):
        own: dict[str, list[tuple[Route, Part, Work]]] = {}
        for part, work in works_of(search, running.of(route.path, app.handlers(route))):
            found = (route, part, work)
            if part.on_load and part.path != route.path:
                shared.setdefault((part.path, _key(work)), []).append(found)
            else:
                own.setdefault(f"{'load:' if part.on_load else ''}{_key(work)}", []).append(found)
        for key, same in own.items():
            yield from _finding(app, key, same, settings)
    for (_, key), same in shared.items():
        yield from _finding(app, f"load:{key}", same, settings)


def _symbols(settings: Settings) -> dict[Kind, Symbols]:
    listed = {kind: settings.listed(f"{kind}s") for kind in _BY_SYMBOL}
    listed["scheduler"] += settings.options["scheduler_packages"]
    return {kind: Symbols.of(texts) for kind, texts in listed.items()}


def _key(work: Work) -> str:
    return f"{work.kind}:{work.module or work.symbol}"


def _finding(app: App, key: str, found: list[tuple[Route, Part, Work]], settings: Settings) -> Iterator[Finding]:
    route, part, work = found[0]
    level = _level(app, route, part, work, settings)
    if level is None:
        return
    evidence = _evidence(work)
    if level == "error" and app.deployment.evidence == "medium":
        evidence = "medium"
    yield settings.finding(
        app,
        _sites(found),
        key=key,
        level=level,
        evidence=evidence,
        args=_args(app, route, part, work),
        group=f"{work.site.path}:{key}",
        subject=f"{work.site.path}:{work.start}",
    )


def _sites(found: Iterable[tuple[Route, Part, Work]]) -> list[Site]:
    """The call in the route that leads to the work, and the work; loaded work comes before those who load it."""
    sites: dict[Site, None] = {}
    for route, part, work in found:
        shared = part.on_load and part.path != route.path
        sites |= dict.fromkeys((work.site, *part.via) if shared else (*part.via, work.site))
    return list(sites)[:MAX_SITES]


def _level(app: App, route: Route, part: Part, work: Work, settings: Settings) -> Level | None:
    """Error where functions are to keep a scheduler or consumer alive; what the build starts too is told anyway."""
    if _host(app) == "function" and work.kind in _GRAVE:
        return "error"
    deployment = app.deployment
    single = deployment.model == "long-lived" and deployment.replicas == "1"
    if single and settings.options["allow_single_replica"] and not _builds(route, part):
        return None
    return "warning"


def _evidence(work: Work) -> Evidence:
    if work.kind == "program":
        return "low"
    return "medium" if work.kept else "high"


def _builds(route: Route, part: Part) -> bool:
    """Whether ``next build`` runs it as well, as it loads the modules of the App Router."""
    return part.on_load and route.role == "app-route-handler"


def _host(app: App) -> str:
    """``function``, ``process`` (something that keeps a process, or restarts it) or ``unknown``."""
    model = app.deployment.model
    if model in ("long-lived", "scale-to-zero"):
        return "process"
    return "function" if model == "function" else "unknown"


def _args(app: App, route: Route, part: Part, work: Work) -> dict[str, Arg]:
    return {
        "kind": work.kind,
        "symbol": work.symbol,
        "made": f"new {work.symbol}(…)" if work.is_new else f"{work.symbol}(…)",
        "loaded": part.on_load,
        "built": _builds(route, part),
        "indirect": part.path != route.path,
        "helper": part.path,
        "seconds": work.milliseconds // 1000,
        "host": _host(app),
        "host_file": app.deployment.path,
    }
