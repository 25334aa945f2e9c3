"""Durations that are declared and do not apply: beyond what a host has, or where nothing reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.durations import Duration, declared, stray
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion
from reviewer.core.manifest import join
from reviewer.core.project import Project
from reviewer.core.runtime import runtime_of
from reviewer.core.serverless import timeouts
from reviewer.core.vercel import CONFIGS, function_limits, shifted

# Seconds, as of August 2026: what single functions may have, what a plan has, and the gateway before a function.
_MOST = {"vercel": 1800, "netlify": 60, "lambda": 900}
_GENERAL = 800
_PLANS = {"hobby": 300, "pro": _GENERAL, "enterprise": _GENERAL}
_GATEWAY = 30
_LEVELS: dict[str, Level] = {"computed": "error", "value": "error", "plan": "notice"}
_ANY = 10**9


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the host of an application allows: ``most`` seconds at all, ``usual`` without more ado.

    ``host`` is '' where nobody reads a duration, as on a server of one's own. ``plan`` is 0 where it is not known.
    """

    host: str
    most: int
    usual: int
    plan: int
    evidence: Evidence

    def exceeded(self, seconds: int, noted: bool) -> str:
        """What is wrong with a duration: ``value``, ``host``, ``plan`` or ``beta``, '' for nothing."""
        if seconds > self.most:
            return "value" if self.host in ("vercel", "unknown") else "host"
        if self.host == "vercel" and seconds > self.usual and not noted:
            return "plan" if self.plan and self.plan < _GENERAL else "beta"
        return ""


def serverless_time_limit(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Durations of route files, of Vercel's configuration and of the Serverless Framework's."""
    terms = _terms(app, settings)
    yield from _in_routes(app, project, terms, settings)
    yield from _in_vercel(app, terms, settings)
    yield from _in_serverless(app, settings)


def _terms(app: App, settings: Settings) -> _Terms:
    plan, given = settings.options["plan"], settings.options["limits"]
    host = _host(app, plan)
    limits = {**_MOST, **{name: int(text) for name, text in given.items() if text.isdigit()}}
    most = limits.get("vercel" if host == "unknown" else host, _ANY)
    extended = settings.options["extended_duration"] or "vercel" in given
    usual = most if extended else min(most, _PLANS.get(plan, _GENERAL))
    evidence: Evidence = "medium" if app.deployment.target == "unknown" else app.deployment.evidence
    return _Terms(host if most != _ANY else "", most, usual, _PLANS.get(plan, 0), evidence)


def _host(app: App, plan: str) -> str:
    """The host, ``unknown`` where it may be Vercel; a plan that is configured is one of Vercel's."""
    deployment = app.deployment
    if deployment.target != "unknown":
        return deployment.target
    if deployment.model != "unknown" or "vercel" not in (deployment.conflicts or ("vercel",)):
        return ""
    return "unknown" if plan == "unknown" else "vercel"


# -- route files ------------------------------------------------------------------------------------------------------


def _in_routes(app: App, project: Project, terms: _Terms, settings: Settings) -> Iterator[Finding]:
    marked = project.marked[settings.rule.id]
    routes = {route.path: route for route in app.routes}
    for path in sorted(marked & routes.keys()):
        found = declared(project.code, routes[path], terms.usual)
        if found is not None and (what := _fault(app, found, terms, runtime_of(app, routes[path]) == "edge")):
            yield _declared(app, found, what, terms, settings)
    below = f"{app.app_dir}/"
    for path in sorted(marked - routes.keys()) if terms.host in ("vercel", "unknown") else ():
        lost = stray(app, project.graph, path) if path.startswith(below) else None
        if lost is not None:
            yield _declared(app, lost, "stray", terms, settings)


def _fault(app: App, found: Duration, terms: _Terms, on_edge: bool) -> str:
    """What is wrong with a duration, '' for nothing."""
    if found.nature == "computed":
        return "dropped" if app.version("next").lt("15.0.0") is True else "computed"
    if found.nature == "unseen":
        return "unseen" if terms.host else ""
    if found.seconds is None:
        return ""
    if found.place == "nested":
        return "nested" if terms.host else ""
    if on_edge:
        return "edge" if terms.host in ("vercel", "unknown") else ""
    return terms.exceeded(found.seconds, found.noted)


def _declared(app: App, found: Duration, what: str, terms: _Terms, settings: Settings) -> Finding:
    sites = [found.site("the duration is declared here"), *_reasons(app, what)]
    by_host = what in ("value", "host", "beta", "plan", "edge")
    evidence: Evidence = terms.evidence if by_host else "medium" if what == "stray" else "high"
    return settings.finding(
        app,
        sites,
        key=what,
        level=_level(what, terms),
        evidence=evidence,
        args=_args(what, " ".join(found.text.split()), found.seconds, found.path, terms),
        group=f"{what}:{found.text}",
        suggestion=_suggestion(app, found, what, terms),
    )


def _reasons(app: App, what: str) -> Iterator[Site]:
    """The version of Next where that decides, the file that names the host where there is one."""
    version, deployment = app.version("next"), app.deployment
    if what in ("computed", "dropped"):
        yield Site(version.path, version.line, 1, version.line, "the version of Next")
    elif deployment.path:
        yield Site(deployment.path, deployment.line, 1, deployment.line, "the host is named here")


def _level(what: str, terms: _Terms) -> Level:
    """Errors are what fails wherever it runs, and what a host that is known refuses."""
    return "warning" if what == "value" and terms.host == "unknown" else _LEVELS.get(what, "warning")


def _args(what: str, text: str, seconds: int | None, file: str, terms: _Terms) -> dict[str, Arg]:
    return {
        "what": what,
        "text": text,
        "seconds": seconds if seconds is not None else 0,
        "file": file,
        "host": terms.host,
        "most": terms.most,
    }


def _suggestion(app: App, found: Duration, what: str, terms: _Terms) -> Suggestion | None:
    """The number in place of an expression, or the most that the configured plan has in place of the number."""
    source = app.code.files.source(found.path)
    if source is None or found.seconds is None or found.line != found.end_line:
        return None
    most = {"computed": terms.most, "dropped": terms.most}.get(what, terms.plan)
    seconds = min(found.seconds, terms.plan or most or found.seconds)
    if (seconds == found.seconds) != (what in ("computed", "dropped")) and not terms.plan:
        return None
    line, start = source.line_text(found.line), found.column - 1
    replaced = f"{line[:start]}{seconds}{line[start + len(found.text) :]}"
    return Suggestion(found.path, found.line, found.line, replaced)


# -- configuration files ----------------------------------------------------------------------------------------------


def _in_vercel(app: App, terms: _Terms, settings: Settings) -> Iterator[Finding]:
    """``functions`` of Vercel's configuration beside the application, unless another host runs it."""
    if terms.host not in ("vercel", "unknown"):
        return
    files = app.code.files
    held = _Terms("vercel", terms.most, terms.usual, terms.plan, "high")
    for limit in (limit for name in CONFIGS for limit in function_limits(files, join(app.root, name))):
        missed = shifted(files, app.root, limit.glob, (route.path for route in app.routes))
        what = "glob" if missed else held.exceeded(limit.seconds, False)
        if what:
            site = Site(limit.path, limit.line, 1, limit.line, f"`{limit.glob}` is given {limit.seconds} s here")
            sites = [site, Site(missed, 1, 1, 1, "the glob does not reach this route")] if missed else [site]
            yield settings.finding(
                app,
                sites,
                key=f"{what}:{limit.glob}",
                level=_level(what, held),
                args=_args(what, limit.glob, limit.seconds, missed or limit.path, held),
            )


def _in_serverless(app: App, settings: Settings) -> Iterator[Finding]:
    """Timeouts of the Serverless Framework beyond Lambda's, or beyond what API Gateway waits for."""
    terms = _Terms("lambda", _MOST["lambda"], _MOST["lambda"], 0, "high")
    for timeout in timeouts(app.code.files, app.root):
        if timeout.seconds <= terms.most and not (timeout.is_http and timeout.seconds > _GATEWAY):
            continue
        what = "host" if timeout.seconds > terms.most else "gateway"
        site = Site(timeout.path, timeout.line, 1, timeout.line, "the timeout is set here")
        yield settings.finding(
            app,
            [site],
            key=f"{what}:{timeout.function}",
            evidence="high" if what == "host" else "medium",
            args=_args(what, str(timeout.seconds), timeout.seconds, timeout.path, terms),
        )
