"""Next applications that are an API and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.consumers import Consumers, web_client
from reviewer.core.features import Features
from reviewer.core.finding import Finding, Site
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.surface import Surface, Surfaces, repeated_chain

_APART = re.compile(r"(?i)/(?:auth|oauth|callback|preview|draft|exit-preview|revalidate|disable-draft)(?:/|$)|nextauth")
_IMAGES = re.compile(rb"['\"](?:next/og|next/server\.og|@vercel/og)['\"]")


def api_only_next_app(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """An application without pages whose API shows a need that other frameworks are made for."""
    asked = project.code.asked(app.package, "next")
    if asked is None or project.is_collection or not settings.options["enabled"]:
        return
    routes = [route for route in app.api_routes if not _is_apart(app, route)]
    surface = project.once(Surfaces).of(app)
    if len(routes) < settings.options["min_routes"] or not surface.is_bare or _is_beside_pages(app, project):
        return
    signals = list(_signals(app, project, surface))
    if signals:
        needs = {need for need, _ in signals}
        args = {"routes": len(routes), "pages": len(surface.pages), **{need: need in needs for need in _NEEDS}}
        here = Site(asked.package.path, asked.line, 1, asked.line, "Next is asked for here")
        yield settings.finding(app, [here, *(site for _, site in signals)], key="api", evidence="medium", args=args)


_NEEDS = ("process", "chain", "callers")


def _signals(app: App, project: Project, surface: Surface) -> Iterator[tuple[str, Site]]:
    """What the API needs, the first place of each need."""
    for feature in project.once(Features).of(app):
        if feature.place == "route":
            yield "process", Site(feature.path, feature.line, 1, feature.line, "this needs a process")
            break
    if (chain := repeated_chain(surface)) is not None:
        yield "chain", Site(chain.path, chain.line, 1, chain.line, "a chain of wrappers is spelled out here")
    for signal in project.once(Consumers).of(app):
        if signal.kind != "workspace":
            fact = signal.fact
            yield "callers", Site(fact.path, fact.line, 1, fact.line, "others call the API")
            break


def _is_apart(app: App, route: Route) -> bool:
    """Whether a route is a login's, a preview's or an image's: what an application without pages may be for."""
    return bool(_APART.search(route.pattern) or _IMAGES.search(app.code.files.raw(route.path) or b""))


def _is_beside_pages(app: App, project: Project) -> bool:
    """Whether another package of the workspace is the user interface, so that this one is its back end on purpose."""
    return web_client(project, app.package) is not None
