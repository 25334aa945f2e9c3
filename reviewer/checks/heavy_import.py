"""Large packages that a function loads at its top for the few requests that need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, weakest
from reviewer.core.lazyimport import moved_into_its_user
from reviewer.core.project import Project
from reviewer.core.toplevelloads import TopLevelLoad, TopLevelLoads, naming

Form = Literal["method", "branch"]

_HOSTS = ("unknown", "scale-to-zero", "function")
_EXTERNAL = ("serverExternalPackages", "experimental.serverComponentsExternalPackages")
_EXCLUDED = ("outputFileTracingExcludes", "experimental.outputFileTracingExcludes")


def heavy_import_on_cold_start(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Imports at the top of routes and Server Actions that only some of their requests need."""
    if not _counts(app, settings):
        return
    more = settings.options["heavy_packages"]
    marked = project.marked[settings.rule.id] | naming(project, more)
    loads = TopLevelLoads(app, project, [*settings.listed("heavy"), *more], marked)
    for load in loads.all(settings.rule.head.where.roles):
        form = _form(load)
        if form is not None and not _is_left_out(app, load.item.module):
            yield _finding(app, load, form, settings)


def _counts(app: App, settings: Settings) -> bool:
    """Whether starting matters where the application runs: processes that keep running pay once."""
    model = app.deployment.model
    wanted = _HOSTS.index(settings.options["min_severity_target"])
    return model in _HOSTS and _HOSTS.index(model) >= wanted


def _form(load: TopLevelLoad) -> Form | None:
    """How only a part of the requests needs the package; None where all may, or none is known to."""
    demands = {need.demand for need in load.needs}
    if not demands & {"some", "all"}:
        return None
    if "none" in demands:
        return "method"
    return "branch" if demands == {"some"} else None


def _is_left_out(app: App, module: str) -> bool:
    """Whether the configuration keeps the package's files out of the functions, which is care of another kind."""
    values = [value for name in _EXCLUDED for value in app.config.option(name).values]
    return any(module in part.name for value in values for part in value.walk())


def _finding(app: App, load: TopLevelLoad, form: Form, settings: Settings) -> Finding:
    item, is_native = load.item, load.item.module in settings.listed("native")
    is_function = app.deployment.model == "function"
    level: Level = "warning" if is_native and is_function else "notice"
    evidence: Evidence = "high" if form == "method" else "medium"
    if level == "warning":
        evidence = weakest(evidence, app.deployment.evidence)
    users = tuple(need.name for need in load.needs if need.demand in ("some", "all"))
    args: dict[str, Arg] = {
        "file": load.entry,
        "module": item.module,
        "place": load.path,
        "lazy": load.entry_import.module,
        "indirect": bool(load.chain),
        "form": "action" if load.is_action and form == "method" else form,
        "users": users,
        "idle": tuple(need.name for need in load.needs if need.demand == "none"),
        "host": app.deployment.model,
        "external": _is_external(app, item.module),
    }
    return settings.finding(
        app,
        _sites(app, load),
        key=item.module,
        level=level,
        evidence=evidence,
        args=args,
        group=f"{load.path}:{item.module}",
        subjects=[f"import:{load.entry}:{load.entry_import.module}"],
        suggestion=moved_into_its_user(load) if form == "method" else None,
    )


def _is_external(app: App, module: str) -> bool:
    return any(module in (app.config.texts(name) or ()) for name in _EXTERNAL)


def _sites(app: App, load: TopLevelLoad) -> Iterator[Site]:
    for step in load.chain:
        yield Site(step.path, step.line, 1, step.line, f"`{step.target}` is loaded here")
    yield Site(load.path, load.item.line, 1, load.item.line, f"`{load.item.module}` is loaded here")
    for mention in load.mentions[:1]:
        yield Site(load.entry, mention.line, 1, mention.line, f"`{mention.name}` is used here")
    if app.deployment.model == "function":
        line = app.deployment.line
        yield Site(app.deployment.path, line, 1, line, f"the host: {app.deployment.target}")
