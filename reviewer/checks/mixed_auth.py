"""Applications in which two libraries own a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.finding import Arg, Finding, Site
from reviewer.core.migrations import is_migration
from reviewer.core.project import Project
from reviewer.core.serverloads import ServerLoads
from reviewer.core.sessions import SessionUse, SessionUses
from reviewer.core.symbols import Symbols

# passport keeps its login in whatever session the request has, so these two are one.
_TOGETHER = (frozenset({"passport", "iron-session"}),)


def mixed_auth_libraries(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Pairs of session owners that server code of an application uses."""
    if app.is_static:
        return
    families = {name: Symbols.of(settings.listed(name)) for name in settings.rule.head.symbols}
    found = SessionUses(project, families, settings.options["families"]).all(project.marked[settings.rule.id])
    side = ServerLoads(app, project, {use.path for use in found})
    processes = [{use.family for use in found if use.path in paths} for paths in (side.loaded, side.beside)]
    running = _by_family(use for use in found if use.path in side.loaded | side.beside)
    for pair in combinations(sorted(running), 2):
        one, other = running[pair[0]], running[pair[1]]
        if not _is_allowed(pair, settings) and not is_migration(project.code, side.closure, one, other):
            yield _finding(app, pair, one, other, any(families.issuperset(pair) for families in processes), settings)


def _by_family(uses: Iterator[SessionUse]) -> dict[str, list[SessionUse]]:
    families: dict[str, list[SessionUse]] = {}
    for use in uses:
        families.setdefault(use.family, []).append(use)
    return families


def _is_allowed(pair: tuple[str, str], settings: Settings) -> bool:
    allowed = [frozenset(part.strip() for part in text.split("+")) for text in settings.options["allow_pairs"]]
    return frozenset(pair) in (*_TOGETHER, *allowed)


def _finding(
    app: App,
    pair: tuple[str, str],
    one: Sequence[SessionUse],
    other: Sequence[SessionUse],
    together: bool,
    settings: Settings,
) -> Finding:
    asked = [site for uses in (one, other) for site in _asked(app, uses[0])]
    used = [_used(app, uses[0]) for uses in (one, other)]
    own = [uses[0] for uses, family in zip((one, other), pair, strict=True) if family == "own"]
    args: dict[str, Arg] = {
        "app": app.name,
        "first": one[0].package,
        "second": other[0].package,
        "together": together,
        "own": own[0].package if own else "",
        "has_own": bool(own),
    }
    return settings.finding(
        app,
        [*asked, *used],
        key="+".join(pair),
        level="warning" if together else "notice",
        evidence="high" if together else "medium",
        args=args,
        group="sessions",
    )


def _asked(app: App, use: SessionUse) -> Iterator[Site]:
    """The line of the manifest that asks for a session owner."""
    asked = app.code.asked(app.package, use.package)
    if asked is not None:
        yield Site(asked.package.path, asked.line, 1, asked.line, f"`{use.package}` is asked for here")


def _used(app: App, use: SessionUse) -> Site:
    """The import that brings a session owner, or its use where a helper brings it."""
    facts = app.code.surface(use.path)
    imports = [item for item in (facts.imports if facts is not None else ()) if item.module == use.module]
    line = imports[0].line if imports else use.line
    return Site(use.path, line, 1, line, f"`{use.package}` is used here (`{use.name}`)")
