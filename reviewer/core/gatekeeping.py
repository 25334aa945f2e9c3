"""What the middleware or proxy file of an application decides: which requests it turns away for want of a session.

A request without any credential is followed through the file, once for each path that is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from reviewer.core.anonymous import Outcome, Passage
from reviewer.core.app import App
from reviewer.core.conventions import Candidate
from reviewer.core.evaluation import Asked, Known, Thrown, TooMuch
from reviewer.core.facts import Expr
from reviewer.core.modules import Modules
from reviewer.core.patterns import Pattern, Unreadable, compile_path
from reviewer.core.roles import Route
from reviewer.core.syntax import TooComplex
from reviewer.core.values import Value

MAX_SAMPLES = 8
MAX_DOUBTS = 12
MAX_STEPS = 30_000  # of all requests together
_TOKENS = ("k7q", "42")
_VERSION = re.compile(r"v\d+")
_LOCALES = frozenset({"[locale]", "[lang]", "[lng]", "[language]", "[[locale]]"})
_PREFETCH = frozenset({"next-router-prefetch", "purpose", "next-action-not"})
_REQUEST = Value("host", "request")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One entry of ``config.matcher``; ``conditional`` ones ask for more than a path."""

    source: str
    pattern: Pattern | None
    conditional: bool = False


class Gatekeeping:
    """The decisions of one application's middleware."""

    def __init__(self, app: App, modules: Modules | None = None) -> None:
        self.app = app
        self._known = Known(modules if modules is not None else Modules(app.code))
        self._outcomes: dict[tuple[str | None, str | None], frozenset[Outcome] | None] = {}
        self._guards: dict[str, bool] = {}
        self._steps = 0

    @cached_property
    def file(self) -> Candidate | None:
        """The file Next loads; None where there is none, or Next's version leaves open which."""
        conventions = self.app.conventions
        if self.app.is_static or conventions.is_split is not False:
            return None
        found = {stem: conventions.effective(stem) for stem in ("proxy", "middleware")}
        loaded = [found[stem] for stem in found if found[stem] is not None and conventions.loads(stem) is True]
        is_one = len(loaded) == 1 or (loaded and conventions.loads("proxy") is not True)
        return loaded[-1] if is_one and loaded[-1] is not None and self._is_page_extension(loaded[-1]) else None

    def _is_page_extension(self, candidate: Candidate) -> bool:
        """Whether files of that extension are loaded: a configuration that cannot be read whole must name it."""
        config = self.app.config.path
        data = (self.app.code.files.raw(config) or b"") if config else b""
        quoted = (f"{quote}{candidate.extension}{quote}".encode() for quote in "'\"")
        is_usual = b"pageExtensions" not in data
        return self.app.conventions.extensions is not None or is_usual or any(text in data for text in quoted)

    @property
    def path(self) -> str:
        return self.file.path if self.file is not None else ""

    @cached_property
    def line(self) -> int:
        """The line of the function Next calls."""
        facts = self.app.code.surface(self.path) if self.path else None
        export = next((e for name in self._names if facts is not None and (e := facts.export(name)) is not None), None)
        return export.line if export is not None else 1

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.file.stem, "default") if self.file is not None else ()

    # -- where it runs ------------------------------------------------------------------------------------------------

    @cached_property
    def matchers(self) -> tuple[Matcher, ...] | None:
        """The entries of the matcher; none at all stand for every path. None where they cannot be told."""
        facts = self.app.code.surface(self.path) if self.path else None
        if facts is None:
            return None
        config = facts.export("config")
        if config is None:
            return None if "*" in {export.name for export in facts.exports} else ()
        if config.expr is None or config.expr.kind != "object":
            return None
        given = config.expr.prop("matcher")
        if given is None:
            return () if config.expr.prop("...") is None else None
        found = [_matcher(item) for item in (given.items if given.kind == "array" else (given,))]
        kept = tuple(matcher for matcher in found if matcher is not None)
        return kept if len(kept) == len(found) else None

    def runs_for(self, url: str) -> bool | None:
        """Whether the matcher lets the middleware run for a path."""
        if self.matchers is None:
            return None
        answers = {self._matches(matcher, url) for matcher in self.matchers}
        return True if True in answers or not self.matchers else None if None in answers else False

    def may_run_for(self, route: Route) -> bool:
        """Whether the matcher may let the middleware run for a route."""
        return any(self.runs_for(url) is not False for url in samples(route.pattern))

    def overlooked_area(self, route: Route) -> str | None:
        """The pages an API route is called like, such as ``/admin`` for ``/api/v1/admin/users``, where the matcher
        lists pages only."""
        area = self.area_of(route)
        return area if area and self.overlooks(route) else None

    def overlooks(self, route: Route) -> bool:
        """Whether the matcher lists other paths than a route's, and says nothing about APIs."""
        matchers = self.matchers or ()
        is_listed = bool(matchers) and not any("api" in matcher.source for matcher in matchers)
        return is_listed and all(self.runs_for(url) is False for url in samples(route.pattern))

    def _matches(self, matcher: Matcher, url: str) -> bool | None:
        try:
            matched = matcher.pattern.search(url) if matcher.pattern is not None else None
        except Unreadable:
            return None
        return None if matched and matcher.conditional else matched

    # -- what it decides ----------------------------------------------------------------------------------------------

    @cached_property
    def decides(self) -> bool | None:
        """Whether it turns anyone away for want of a session, on whatever path."""
        outcomes = self._answers(None, None) if self.file is not None else frozenset[Outcome]()
        if outcomes is None:
            return None
        return True if "denied" in outcomes else None if "open" in outcomes else False

    @cached_property
    def covers_any(self) -> bool:
        """Whether any route is known to be covered; an application that stays undetermined is given up early."""
        if self.decides is not True:
            return False
        doubts = 0
        for route in self.app.routes:
            answers = [self.covers(route, method) for method in ("GET", "POST")]
            if True in answers:
                return True
            doubts += None in answers
            if doubts > MAX_DOUBTS:
                return False
        return False

    def covers(self, route: Route, method: str | None = None) -> bool | None:
        """Whether a request without a session is turned away before it gets to a route."""
        answers = {self.denies(url, method) for url in samples(route.pattern)}
        return answers.pop() if len(answers) == 1 else None

    def area_of(self, route: Route) -> str:
        """The pages an API route is called like; '' without such."""
        segments = [part for part in route.pattern.split("/") if part]
        if segments[:1] != ["api"]:
            return ""
        named = next((part for part in segments[1:] if not _VERSION.fullmatch(part)), "")
        return f"/{named}" if named in self._areas else ""

    @cached_property
    def _areas(self) -> frozenset[str]:
        patterns = (route.pattern for route in self.app.routes if not route.is_api)
        return frozenset(pattern.split("/")[1] for pattern in patterns) - {"", "api"}

    def denies(self, url: str, method: str | None = None) -> bool | None:
        """Whether a request without a session is turned away at a path."""
        runs = self.runs_for(url) if self.file is not None and self.decides is not False else False
        if not runs:
            return runs
        outcomes = self._answers(url, method)
        if outcomes is None or ("denied" in outcomes and outcomes & {"passed", "open"}):
            return None
        return True if "denied" in outcomes else None if "open" in outcomes else False

    def _answers(self, url: str | None, method: str | None) -> frozenset[Outcome] | None:
        """Everything that may come of a request; None where the file cannot be followed."""
        if self._steps > MAX_STEPS:
            return None
        if (url, method) not in self._outcomes:
            self._outcomes[url, method] = self._followed(Asked(url, method))
        return self._outcomes[url, method]

    def _followed(self, asked: Asked) -> frozenset[Outcome] | None:
        passage = Passage(self._known, self._is_guard, asked)
        try:
            module = self._known.modules.of(self.path)
            name = next((name for name in self._names if module is not None and name in module.exports), "")
            entry = passage.exported(self.path, name)
            answer = passage.apply(entry, [_REQUEST])
        except Thrown as thrown:
            answers = [thrown.answer] if thrown.answer is not None else []
            return frozenset(passage.outcomes(answers) or {"stopped"})
        except (TooMuch, TooComplex, RecursionError):
            self._steps += MAX_STEPS
            return None
        finally:
            self._steps += passage.steps
        return frozenset(passage.outcomes([answer]))

    def _is_guard(self, spelled: str) -> bool:
        if spelled not in self._guards:
            names = self.app.code.names.get("guards", ())
            self._guards[spelled] = any(spelled == name or spelled.endswith(f".{name}") for name in names)
        return self._guards[spelled]


def _matcher(item: Expr) -> Matcher | None:
    source = item.prop("source") if item.kind == "object" else item
    if source is None or source.kind != "string":
        return None
    try:
        pattern = compile_path(source.name)
    except Unreadable:
        pattern = None
    return Matcher(source.name, pattern, item.kind == "object" and _asks_for_more(item))


def _asks_for_more(item: Expr) -> bool:
    """Whether an entry has conditions beside those that leave prefetches out."""
    missing = item.prop("missing")
    rows = missing.items if missing is not None else ()
    keys = [key.name if (key := row.prop("key")) is not None else "" for row in rows]
    return item.prop("has") is not None or not set(keys) <= _PREFETCH


def samples(pattern: str) -> list[str]:
    """Paths a route pattern answers, ordinary words in the place of its parameters."""
    paths = [""]
    for segment in (part for part in pattern.split("/") if part):
        paths = [f"{path}{more}" for path in paths for more in _segments(segment)][:MAX_SAMPLES]
    return [path or "/" for path in paths]


def _segments(segment: str) -> Iterator[str]:
    if segment in _LOCALES:
        yield "/en"
    elif segment.startswith("[[..."):
        yield from ("", f"/{_TOKENS[0]}")
    elif segment.startswith("[..."):
        yield from (f"/{_TOKENS[0]}", "/" + "/".join(_TOKENS))
    elif segment.startswith("["):
        yield from (f"/{token}" for token in _TOKENS)
    else:
        yield f"/{segment}"
