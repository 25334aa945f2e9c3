"""Streamed responses that are held back by compression, or that nothing ends."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.callgraph import CallGraph, Part
from reviewer.core.check import Settings
from reviewer.core.compressing import compressed_routes
from reviewer.core.finding import Arg, Evidence, Finding, Site, weakest
from reviewer.core.longrunning import subject_at
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.streaming import (
    Streaming,
    changed_first,
    compresses,
    endless_sends,
    has_limit,
    no_transform,
    streaming_of,
    worth_streaming,
)


def streaming_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """The streams of an application's routes, and of Express routes behind ``compression()``, that meet a trap."""
    any_stream = settings.options["info_on_any_stream"] or app.deployment.target == "amplify"
    marked = project.marked[settings.rule.id]
    search = CallGraph(project.code, worth_streaming(project, marked, any_stream=any_stream))
    for compressed in compressed_routes(project.code, app.package, marked):
        streaming = streaming_of(search, search.of_function(compressed.path, compressed.function))
        key = f"compression:{compressed.route.label}"
        yield from _held_back(app, streaming, (compressed.site,), key, settings)
    for route in [] if app.is_static else app.routes_of(settings.rule.head.where.roles):
        if route.path in search.candidates:
            yield from _of_route(app, route, search, settings)


def _of_route(app: App, route: Route, search: CallGraph, settings: Settings) -> Iterator[Finding]:
    parts = search.of(route.path, app.handlers(route))
    streaming = streaming_of(search, parts)
    unsupported = list(_unsupported(app, streaming, settings))
    trapped = [
        *_compressed(app, route, streaming, settings),
        *_unbounded(app, route, streaming, search, parts, settings),
    ]
    yield from unsupported or trapped or _mentioned(app, streaming, settings)


def _compressed(app: App, route: Route, streaming: Streaming, settings: Settings) -> Iterator[Finding]:
    """Server-sent events of a Pages API route that Next's own gzip holds back."""
    if route.role == "pages-api-route" and app.deployment.model != "function" and compresses(app):
        yield from _held_back(app, streaming, (), "gzip", settings)


def _held_back(
    app: App, streaming: Streaming, more: tuple[Site, ...], key: str, settings: Settings
) -> Iterator[Finding]:
    events = streaming.events
    if events is None or not streaming.writes or not streaming.may_be_compressed:
        return
    header, via = events
    suggestion = no_transform(app.code, streaming)
    cached = (cached.site("sent as it is, without `no-transform`") for cached in streaming.named("cache-control"))
    places = changed_first(suggestion, [header.site("the type is set here"), *more, *cached, streaming.writes[0]])
    args: dict[str, Arg] = {
        "trap": "compression" if more else "gzip",
        "proxy": settings.options["assume_proxy"] == "nginx" and not streaming.named("x-accel-buffering"),
    }
    sites = dict.fromkeys((*via, *places))
    yield settings.finding(app, sites, key=key, args=args, suggestion=suggestion)


def _unsupported(app: App, streaming: Streaming, settings: Settings) -> Iterator[Finding]:
    """Any stream on a host whose support of Next leaves streaming out."""
    if app.deployment.target == "amplify" and (streams := _streams(streaming)):
        site = Site(app.deployment.path, app.deployment.line, 1, app.deployment.line, "the host is named here")
        evidence: Evidence = weakest("high", app.deployment.evidence)
        args: dict[str, Arg] = {"trap": "host", "host_file": app.deployment.path, "proxy": False}
        yield settings.finding(app, (*streams, site), key="amplify", evidence=evidence, args=args)


def _unbounded(
    app: App, route: Route, streaming: Streaming, search: CallGraph, parts: list[Part], settings: Settings
) -> Iterator[Finding]:
    """What goes on sending in a function although nobody asks whether the client is still there."""
    if app.deployment.model != "function" or streaming.notices or has_limit(app, route):
        return
    for site, label, via in endless_sends(search, parts):
        args: dict[str, Arg] = {
            "trap": "unbounded",
            "label": label,
            "host_file": app.deployment.path,
            "proxy": False,
        }
        evidence: Evidence = weakest("high", app.deployment.evidence)
        key = f"unbounded:{label}"
        yield settings.finding(app, (*via, site), key=key, evidence=evidence, args=args, subjects=[subject_at(site)])


def _mentioned(app: App, streaming: Streaming, settings: Settings) -> Iterator[Finding]:
    if settings.options["info_on_any_stream"] and (streams := _streams(streaming)):
        args: dict[str, Arg] = {"trap": "any", "proxy": False}
        yield settings.finding(app, streams, key="any", level="notice", args=args)


def _streams(streaming: Streaming) -> list[Site]:
    """The first place that answers in pieces, and the calls that lead there; none where nothing does."""
    for begun in streaming.begun:
        return [*begun.via, begun.site]
    if streaming.events is not None and streaming.writes:
        header, via = streaming.events
        return [*via, header.site("the type is set here")]
    return []
