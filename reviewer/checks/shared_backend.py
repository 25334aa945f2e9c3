"""API routes of a Next application that serve others than its own pages."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Premise, Settings
from reviewer.core.consumers import Consumers, Signal, SignalKind
from reviewer.core.finding import Finding, Site, weakest
from reviewer.core.matrix import Fact
from reviewer.core.project import Project

MIN_SIGNALS = 2
ALONE = "the API serves the application's own pages"
_SAID: dict[SignalKind, str] = {
    "cors": "other origins may call it",
    "keys": "keys or bearer tokens are taken beside sessions",
    "versions": "its URLs carry versions",
    "contract": "an OpenAPI document describes it",
    "sdk": "a published package wraps it",
    "client": "another package calls it",
}


def shared_backend_in_api_routes(app: App, project: Project, settings: Settings) -> Iterator[Finding | Premise]:
    """The signs that an API has other callers, where there are two kinds of them."""
    if project.is_collection:
        return
    signals = list(_signals(app, project, settings))
    if len(signals) < MIN_SIGNALS:
        yield Premise(ALONE)
        return
    kinds = {signal.kind for signal in signals}
    evidence = weakest(*(signal.fact.confidence for signal in signals))
    for signal in signals:
        fact = signal.fact
        yield settings.finding(
            app,
            [Site(fact.path, fact.line, 1, fact.line, _SAID[signal.kind])],
            key=signal.kind,
            evidence=evidence,
            args={"routes": len(app.api_routes), **{kind: kind in kinds for kind in _SAID}},
            premise=ALONE,
            group="shared",
        )


def _signals(app: App, project: Project, settings: Settings) -> Iterator[Signal]:
    known = project.once(Consumers).of(app)
    for signal in known:
        is_rare = 0 < signal.routes < settings.options["min_routes_with_cors"]
        if signal.kind in _SAID and not is_rare:
            yield signal
    named = [p for p in project.code.packages.values() if p.name in settings.options["client_packages"]]
    if named and all(signal.kind != "client" for signal in known):
        yield Signal("client", Fact("named in the configuration", named[0].path))
