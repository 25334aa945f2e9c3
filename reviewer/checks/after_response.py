"""Work of a request that nothing ties to the request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.facts import Call
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion, weakest
from reviewer.core.flow import Answer, Step, answers_of, may_go_on
from reviewer.core.outcomes import Use
from reviewer.core.project import Project
from reviewer.core.promises import Made, Promises
from reviewer.core.requests import Ran, Started, actions_started, handlers_started, outlets, ran_by
from reviewer.core.suspects import may_drop
from reviewer.core.syntax import language_of

_METHODS = (".then", ".catch", ".finally")
_GIVEN = re.compile(rb"\bwaitUntil\(\s*(?:async\b|function\b|\(\s*\)\s*=>|[\w$]+\s*=>|[\w$.]+\s*\))")
_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*")
_ONE_LINE = re.compile(r"(\s*)waitUntil\((.*)\)(;?)\s*")


@dataclass(frozen=True, slots=True)
class _Work:
    """Work that is cut loose: how it is written, what makes its promise, and the answer before it, if any."""

    shape: str
    use: Use
    made: Made
    ran: Ran


def work_after_response(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Promises of an application's handlers and actions that nothing waits for."""
    if app.is_static:
        return
    search = _Search(app, project, settings)
    reported: set[tuple[str, int]] = set()
    for started in search.started():
        for finding, key in search.findings(started):
            if key not in reported:
                reported.add(key)
                yield finding
    yield from search.given_functions()


class _Search:
    def __init__(self, app: App, project: Project, settings: Settings) -> None:
        self.app = app
        self.project = project
        self.settings = settings
        self.promises = Promises(project.code)
        self.marked = sorted(path for path in project.marked[settings.rule.id] if project.app_of(path) is app)

    def _raw(self, path: str) -> bytes:
        return self.app.code.files.raw(path) or b""

    def started(self) -> Iterator[Started]:
        """Handlers and actions in files that a cheap look does not clear."""
        routes = self.app.routes_of(self.settings.rule.head.where.roles)
        code = self.app.code
        pages = {route.path for route in routes if route.role == "pages-api-route"}

        def is_worth(path: str) -> bool:
            return may_drop(code, path) or (bool(pages) and may_go_on(self._raw(path)))

        yield from handlers_started(self.app, routes, is_worth)
        actions = [path for path in self.marked if b"use server" in self._raw(path) and may_drop(code, path)]
        yield from actions_started(self.app, self.promises, actions)

    # -- places -------------------------------------------------------------------------------------------------------

    def findings(self, started: Started) -> Iterator[tuple[Finding, tuple[str, int]]]:
        later: set[int] = set()
        for answer in self._answers(started):
            steps = [step for step in answer.steps if self._matters(started.path, step)]
            later |= {step.place for step in steps}
            if steps:
                yield self._answered(started, answer, steps), (started.path, steps[0].start)
        for work in self._cut_loose(started):
            if work.use.place not in later:
                yield self._dropped(started, work), (started.path, work.use.start)

    def _answers(self, started: Started) -> Sequence[Answer]:
        source, language = self.app.code.files.source(started.path), language_of(started.path)
        if started.kind != "pages" or source is None or language is None or not may_go_on(source.data):
            return ()
        return answers_of(source, language, started.function)

    def _matters(self, path: str, step: Step) -> bool:
        """Whether a step after an answer is work: something awaited, or a call that makes a promise."""
        if self._is_left_out(step.name):
            return False
        if step.kind == "await":
            return True
        uses = [u for u in self.promises.outcomes(path).uses if (u.start, u.place) == (step.start, step.place)]
        return any(self._work(path, Ran(use, "high")) is not None for use in uses)

    def _cut_loose(self, started: Started) -> Iterator[_Work]:
        names = outlets(self.promises, started)
        for ran in ran_by(self.promises, started):
            work = self._work(started.path, ran) if ran.use.outcome == "dropped" else None
            if work is not None and not names & self._mentioned(started.path, work):
                yield work

    def _mentioned(self, path: str, work: _Work) -> frozenset[str]:
        """Names that work uses: where it is started, and in a function around there that does it."""
        body = work.made.body
        is_near = body is not None and body.parent != -1
        inside = _NAME.findall(self.promises.text(path, body)) if body is not None and is_near else []
        return work.use.mentions | frozenset(inside)

    def _work(self, path: str, ran: Ran) -> _Work | None:
        use = ran.use
        if use.name.endswith(_METHODS) or self._is_left_out(use.name):
            return None
        if use.shape != "call":
            body = self.promises.outcomes(path).body(use.function_given)
            if body is None or not body.awaits:
                return None
            evidence: Evidence = "medium" if use.shape == "each" else "high"
            return _Work(use.shape, use, Made(evidence), ran)
        made = self.promises.made(path, use)
        if made is None:
            return None
        return _Work("lazy" if made.lazy else "drop", use, made, ran)

    def _is_left_out(self, name: str) -> bool:
        """Telemetry, and calls that only let go of a connection."""
        last = name.rpartition(".")[2]
        if last in self.settings.listed("cleanups"):
            return True
        return any(fnmatchcase(name, pattern) for pattern in self.settings.options["telemetry_symbols"])

    # -- findings -----------------------------------------------------------------------------------------------------

    def _answered(self, started: Started, answer: Answer, steps: list[Step]) -> Finding:
        step = steps[0]
        shape = "goes-on" if answer.goes_on else "after"
        work = f"{'await ' if step.kind == 'await' else ''}{_called(step.name)}"
        sites = [Site(started.path, step.line, step.column, step.end_line, "this runs after the answer")]
        sites.append(Site(started.path, answer.line, answer.column, answer.end_line, "the request is answered here"))
        args: dict[str, Arg] = {
            "shape": shape,
            "work": work,
            "answer": answer.name,
            "caught": False,
            "lazy": "",
            "helper": "",
        }
        return self._finding(started, sites, f"{shape}:{step.name}", args, "high")

    def _dropped(self, started: Started, work: _Work) -> Finding:
        use = work.use
        message = "nothing waits for this"
        sites = [Site(started.path, use.line, use.column, use.end_line, message)]
        sites += [Site(started.path, v.line, v.column, v.end_line, "a request calls it here") for v in work.ran.via]
        sites += [work.made.site] if work.made.site is not None else []
        args: dict[str, Arg] = {
            "shape": work.shape,
            "work": _called(use.name),
            "answer": "",
            "caught": "catch" in use.chained,
            "lazy": work.made.lazy,
            "helper": work.ran.via[-1].name if work.ran.via else "",
            "has_helper": bool(work.ran.via),
        }
        evidence = weakest(work.made.evidence, work.ran.evidence)
        around = self.promises.outcomes(started.path).around(use.function)
        finding = self._finding(started, sites, f"{work.shape}:{around}:{use.name}", args, evidence)
        return replace(finding, suggestion=self._awaited(started, work))

    def _finding(
        self, started: Started, sites: list[Site], key: str, args: dict[str, Arg], evidence: Evidence
    ) -> Finding:
        host = _host(self.app)
        level: Level = "notice" if host == "process" and args["shape"] not in ("lazy", "goes-on") else "warning"
        args |= {
            "host": host,
            "host_file": self.app.deployment.path,
            "router": started.kind,
            "after": _has_after(self.app) if started.kind != "pages" else "none",
        }
        return self.settings.finding(self.app, sites, key=key, level=level, evidence=evidence, args=args)

    def _awaited(self, started: Started, work: _Work) -> Suggestion | None:
        """The line with ``await`` before the call, where that is asked for and the function is async."""
        use = work.use
        body = self.promises.outcomes(started.path).body(use.function)
        source = self.app.code.files.source(started.path)
        offered = self.settings.options["offer_await_suggestion"] and work.shape in ("drop", "lazy")
        if not offered or body is None or not body.is_async or source is None:
            return None
        text = source.line_text(use.line)
        before, rest = text[: use.column - 1], text[use.column - 1 :]
        return Suggestion(started.path, use.line, use.line, f"{before.removesuffix('void ')}await {rest}")

    # -- waitUntil ----------------------------------------------------------------------------------------------------

    def given_functions(self) -> Iterator[Finding]:
        """Calls of ``waitUntil`` with a function, which takes a promise."""
        wait_until = self.settings.symbols("wait_until")
        for path in self.marked:
            facts = self.app.code.facts(path) if _GIVEN.search(self._raw(path)) else None
            for call in facts.calls if facts is not None else ():
                if wait_until.match(call.callee) and self._is_function(path, call):
                    site = Site(path, call.line, call.column, call.end_line, "a function is given here")
                    yield self._given(path, call, site)

    def _is_function(self, path: str, call: Call) -> bool:
        return bool(call.args) and self.app.code.follow(path, call.args[0])[1].kind == "function"

    def _given(self, path: str, call: Call, site: Site) -> Finding:
        args: dict[str, Arg] = {"shape": "wait-until", "work": "", "answer": "", "caught": False, "lazy": ""}
        args |= {"host": _host(self.app), "host_file": "", "router": "app", "after": _has_after(self.app), "helper": ""}
        suggestion = self._called_at_once(path, call)
        key = f"wait-until:{self.promises.outcomes(path).around(call.function)}"
        return self.settings.finding(
            self.app, [site], key=key, level="error", args=args, group="wait-until", suggestion=suggestion
        )

    def _called_at_once(self, path: str, call: Call) -> Suggestion | None:
        """``waitUntil((async () => …)())`` for a call that is one line by itself."""
        source = self.app.code.files.source(path)
        match = _ONE_LINE.fullmatch(source.line_text(call.line)) if source is not None else None
        if match is None or call.args[0].kind != "function":
            return None
        indent, function, end = match.groups()
        return Suggestion(path, call.line, call.line, f"{indent}waitUntil(({function})()){end}")


def _called(name: str) -> str:
    """A called thing as people write of it, with what is passed left out."""
    return f"{name.replace('()', '(…)')}(…)" if name else "an expression"


def _host(app: App) -> str:
    """``vercel``, ``function``, ``process`` (one that is kept running) or ``unknown``."""
    deployment = app.deployment
    if deployment.is_vercel():
        return "vercel"
    if deployment.model in ("function", "scale-to-zero"):
        return "function"
    return "process" if deployment.model == "long-lived" else "unknown"


def _has_after(app: App) -> str:
    """Whether Next has a stable ``after``: since 15.1. ``maybe`` where the version is not known."""
    is_older = app.version("next").lt("15.1.0")
    return "maybe" if is_older is None else "none" if is_older else "stable"
