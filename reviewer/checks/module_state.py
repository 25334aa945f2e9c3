"""State that requests keep in the memory of a module: limits, sessions, locks, registries and data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Evidence, Finding, Site
from reviewer.core.project import Project
from reviewer.core.statereach import Kept, Reach, module_states

Kind = Literal["limit", "clients", "seen", "lock", "sessions", "codes", "tokens", "data", "count", "cache"]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SHARED = re.compile(r"redis|upstash|@vercel/kv|memcache|valkey|/kv$|durable", re.IGNORECASE)
_QUIET = frozenset(
    {"metric", "metrics", "stats", "stat", "log", "logs", "logger", "logged", "warned", "telemetry", "tracker", "prom"}
    | {"config", "registry", "hook", "hooks", "context", "contexts", "ctx", "circuit", "circuits", "breaker", "slots"}
    | {"fallback", "emergency"}
)
_CACHE = frozenset({"cache", "cached", "caches", "memo", "inflight", "lru", "pending", "ongoing"})
_NOUNS: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("limit", frozenset({"rate", "limit", "limits", "limiter", "attempts", "throttle", "hits"})),
    ("codes", frozenset({"otp", "otps", "code", "codes", "pin", "verification"})),
    ("sessions", frozenset({"session", "sessions"})),
    ("tokens", frozenset({"token", "tokens", "nonce", "nonces", "challenge", "challenges"})),
    ("lock", frozenset({"lock", "locks", "mutex"})),
    ("seen", frozenset({"seen", "processed", "dedupe"})),
)
_KEYED = ("map", "set", "object", "record")
_CONTAINERS = (*_KEYED, "list", "library")
_SURVIVES_ONE_PROCESS = ("limit", "clients", "seen", "lock", "cache")


def in_memory_state_in_api_route(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """States of modules that requests of an application rely on."""
    if app.is_static or settings.options["single_instance"]:
        return
    routes = frozenset(route.path for each in project.next_apps for route in each.api_routes)
    purpose = _Purpose(settings, routes)
    states = module_states(project, lambda kept: purpose.of(kept) is not None)
    for kept in Reach(app, states).kept():
        told = purpose.of(kept) if kept.places or purpose.is_limiter(kept) else None
        if told is not None and not _is_one_process(app, kept, told[0]):
            yield _finding(app, kept, told, settings)


class _Purpose:
    """Tells what a state is for, by its use first and by its name second."""

    def __init__(self, settings: Settings, routes: frozenset[str]) -> None:
        self.routes = routes
        self.patterns = frozenset(settings.options["name_patterns"])
        self.flags_caches = settings.options["flag_caches"]
        self.limiters = settings.symbols("limiters")
        self.stores = settings.symbols("stores")

    def of(self, kept: Kept) -> tuple[Kind, Evidence] | None:
        if any(_SHARED.search(module) for module in kept.modules) or _words(kept.state.label) & _QUIET:
            return None
        words = _words(kept.state.label.rpartition(".")[2])
        if self.is_limiter(kept):
            return None if "store" in kept.given else ("limit", "high")
        if kept.state.holds == "library" and not self._is_memory(kept):
            return None
        if (told := self._counted(kept) or self._marked(kept)) is not None:
            return told
        if kept.state.holder == "closure":
            return None
        if "fills" not in kept.traits or _words(kept.state.label) & _CACHE:
            return ("cache", "medium") if self.flags_caches and {"caches", "timed"} <= kept.traits else None
        return self._stored(kept, words) or self._by_name(kept, words)

    def is_limiter(self, kept: Kept) -> bool:
        """Whether a package counts requests in it."""
        return self.limiters.match(kept.library)

    def _is_memory(self, kept: Kept) -> bool:
        return self.stores.match(kept.library) and "store" not in kept.given

    def _counted(self, kept: Kept) -> tuple[Kind, Evidence] | None:
        traits = kept.traits
        if {"counts", "timed", "compares"} <= traits or ({"cools", "timed"} <= traits and kept.by):
            return "limit", "high"
        return ("clients", "high") if {"sends", "streams"} & traits and "fills" in traits else None

    def _marked(self, kept: Kept) -> tuple[Kind, Evidence] | None:
        if "skips" in kept.traits and "cools" not in kept.traits and self._is_mark(kept):
            return "seen", "high" if kept.by else "medium"
        return ("lock", "medium") if "locks" in kept.traits else None

    def _is_mark(self, kept: Kept) -> bool:
        """Whether it only says that a key was there: what is stored with a key would be data."""
        is_plain = not {"stores-request", "stores-parameter"} & kept.traits
        return kept.state.holds == "set" or is_plain

    def _stored(self, kept: Kept, words: frozenset[str]) -> tuple[Kind, Evidence] | None:
        traits, noun = kept.traits, _noun(words)
        if "reads" not in traits or not (kept.state.holds in _CONTAINERS or self._is_near(kept)):
            return None
        if "stores-request" in traits or ("keyed" in traits and noun != "data"):
            return noun, "high"
        if {"shows"} < traits & {"steps", "counts", "shows"}:
            return "count", "medium"
        return (noun, "medium") if "stores-parameter" in traits and kept.state.holds != "record" else None

    def _is_near(self, kept: Kept) -> bool:
        """Whether a route itself declares it, or the global object holds it: what a helper sets may be a setting."""
        return kept.path in self.routes or kept.state.holder == "global"

    def _by_name(self, kept: Kept, words: frozenset[str]) -> tuple[Kind, Evidence] | None:
        is_named = "notes" not in kept.traits and bool(
            self.patterns & (words | {word.removesuffix("s") for word in words})
        )
        return (_noun(words), "medium") if is_named and kept.state.holds in _KEYED else None


def _words(label: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(label))


def _noun(words: frozenset[str]) -> Kind:
    return next((kind for kind, nouns in _NOUNS if words & nouns), "data")


def _is_one_process(app: App, kept: Kept, kind: Kind) -> bool:
    """Whether what is lost with a restart is little, and the deployment keeps one process with one copy."""
    is_one = app.deployment.replicas == "1"
    return is_one and kind in _SURVIVES_ONE_PROCESS and not _is_split(app, kept)


def _is_split(app: App, kept: Kept) -> bool:
    """Whether both routers load the module: each has an instance of its own."""
    roles = {route.role for route in app.api_routes if route.path in kept.entries}
    return len(roles) > 1


def _host(app: App) -> str:
    if app.deployment.is_vercel():
        return "vercel"
    return "function" if app.deployment.model == "function" else "other"


def _finding(app: App, kept: Kept, told: tuple[Kind, Evidence], settings: Settings) -> Finding:
    kind, evidence = told
    sites = [Site(kept.path, kept.line, kept.column, kept.end_line, f"`{kept.state.label}` is declared here")]
    sites += [
        Site(place.path, place.line, 1, place.end_line, f"`{kept.state.label}` is changed here (`{place.how}`)")
        for place in kept.places
    ]
    args: dict[str, Arg] = {
        "name": kept.state.label,
        "kind": kind,
        "per": "address" if kept.by == "client address" else "user" if kept.by not in ("", "token") else "",
        "host": _host(app),
        "host_file": app.deployment.path,
        "replicas": app.deployment.replicas,
        "split": _is_split(app, kept),
        "paces": "cools" in kept.traits and "counts" not in kept.traits,
        "indirect": kept.path not in kept.entries,
        "entry": min(kept.entries),
    }
    return settings.finding(
        app,
        sites,
        key=kept.state.label,
        level="notice" if kind == "cache" else "warning",
        evidence=evidence,
        args=args,
        subjects=[f"clients in {kept.path}"] if kind == "clients" else [],
    )
