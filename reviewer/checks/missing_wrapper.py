"""Handlers that go without the wrapper nearly all handlers beside them have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.answers import is_public_by_nature
from reviewer.core.app import App
from reviewer.core.check import Premise, Settings
from reviewer.core.finding import Finding, Site, Suggestion
from reviewer.core.gatekeeping import Gatekeeping
from reviewer.core.guards import Guards
from reviewer.core.manifest import matches
from reviewer.core.peers import Equivalents, Majority, Peer, incomplete, local_name, majorities, peers_of
from reviewer.core.project import Project

_OF_AUTHORIZATION = re.compile(r"auth(?!or(?!i[sz]))|session|user|admin|permission|role|protect|secure", re.IGNORECASE)
KINDS = ("auth", "named", "other")
_PLAIN_EXPORT = re.compile(r"(export (?:const \w+ = |default ))([\w$]+)(;?)\r?")


def route_missing_shared_middleware(app: App, project: Project, settings: Settings) -> Iterator[Finding | Premise]:
    """Handlers without a wrapper that most of their group have, and without anything that does the same."""
    routes = app.routes_of(settings.rule.head.where.roles)
    options = settings.options
    peers = list(peers_of(project.code, ((route, handler) for route in routes for handler in app.handlers(route))))
    found = list(majorities(peers, options["peer_depth"], options["min_peers"], options["majority"]))
    search = _Search(app, Guards(project.code, options["guards"]), Gatekeeping(app), settings)
    told: set[tuple[str, str]] = set()
    for majority in found:
        yield Premise(_premise(majority))
    for kind, majority in search.told_apart(found):
        for peer in majority.others:
            place = peer.route.path, peer.handler.name
            if place not in told and (finding := search.finding(kind, majority, peer)) is not None:
                told.add(place)
                yield finding


def _premise(majority: Majority) -> str:
    return f"most handlers under {majority.scope}/ are wrapped in {majority.symbol}"


@dataclass(frozen=True)
class _Search:
    app: App
    guards: Guards
    gatekeeping: Gatekeeping
    settings: Settings

    def told_apart(self, found: list[Majority]) -> list[tuple[str, Majority]]:
        """The wrappers by what they do: ``auth`` by their body or their package, ``named`` so, and ``other``."""
        ignored = self.settings.options["ignore_wrappers"]
        kinds = [(self._kind(m), m) for m in incomplete(found) if m.name not in ignored]
        return sorted((row for row in kinds if row[0]), key=lambda row: (KINDS.index(row[0]), row[1].symbol))

    def _kind(self, majority: Majority) -> str:
        """What a wrapper is for; '' for one that a provider asks its users to put around everything."""
        if self.guards.of_wrapper(majority.wrapper) is not None:
            return "auth"
        if majority.name in self.settings.names["provider_wrappers"]:
            return ""
        return "named" if _OF_AUTHORIZATION.search(majority.name) else "other"

    def finding(self, kind: str, majority: Majority, peer: Peer) -> Finding | None:
        if self._is_public(peer) or not self._goes_without(kind, majority, peer):
            return None
        covered = self.gatekeeping.covers(peer.route, peer.method) if kind != "other" else False
        if covered:
            return None
        export, wrapper = peer.handler.export, majority.wrapper
        usual = f"`{majority.name}` is around a handler here"
        return self.settings.finding(
            self.app,
            [
                Site(peer.route.path, export.line, export.column, export.end_line, f"`{peer.label}` goes without it"),
                Site(wrapper.path, wrapper.line, wrapper.column, wrapper.line, usual),
            ],
            key=f"{peer.handler.name}:{majority.name}",
            level="notice" if kind == "other" else "warning",
            evidence="high" if kind == "auth" and covered is False else "medium",
            args={
                "kind": kind,
                "front": covered is None,
                "wrapper": majority.name,
                "source": majority.source,
                "handler": peer.label,
                "count": len(majority.wrapped),
                "total": len(majority.group),
                "scope": majority.scope,
            },
            premise=_premise(majority),
            group=_premise(majority),
            suggestion=self._suggestion(majority, peer),
        )

    def _goes_without(self, kind: str, majority: Majority, peer: Peer) -> bool:
        """Whether nothing in a handler, nor around it, stands for the wrapper it lacks."""
        if kind != "other" and self.guards.is_open(peer.handler) is not True:
            return False
        same = Equivalents(self.guards)
        if same.runs_it(peer, majority) is not False:
            return False
        return kind == "auth" or not same.does_the_same(peer, majority)

    def _is_public(self, peer: Peer) -> bool:
        """Whether a route is named as one that stays open, or answers what depends on nobody."""
        url, body = peer.route.pattern.lstrip("/"), self.guards.body_of(peer.handler)
        if any(matches(glob.lstrip("/"), url) for glob in self.settings.options["public_routes"]):
            return True
        return body is not None and is_public_by_nature(self.guards.code, peer.route, body)

    def _suggestion(self, majority: Majority, peer: Peer) -> Suggestion | None:
        """The wrapper put around a handler that is exported by name, where the file imports it already."""
        path, line = peer.route.path, peer.handler.export.line
        source = self.guards.code.files.source(path)
        plain = _PLAIN_EXPORT.fullmatch(source.line_text(line)) if source is not None else None
        name = local_name(self.guards.code, path, majority.symbol)
        if plain is None or name is None or not majority.takes_only_handlers:
            return None
        return Suggestion(path, line, line, f"{plain[1]}{name}({plain[2]}){plain[3]}")
