"""Work of a request that nothing ties to the request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reviewer.core.app import App
from reviewer.core.callresults import Use
from reviewer.core.check import Settings
from reviewer.core.facts import Call
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion, weakest
from reviewer.core.flow import Answer, Step, answers_of
from reviewer.core.project import Project
from reviewer.core.promises import Made, Promises
from reviewer.core.requests import Ran, Requests, Started, functions_kept, outlets, ran_by
from reviewer.core.text import Source

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
    marked = {path for path in project.marked[settings.rule.id] if project.app_of(path) is app}
    search = _Search(app, settings)
    found: dict[tuple[str, int], Finding] = {}
    for started in search.started(marked):
        for start, finding in search.findings(started):
            found.setdefault((started.path, start), finding)
    yield from found.values()
    for path, call in functions_kept(app.code, marked, settings.symbols("wait_until")):
        yield search.given(path, call)


class _Search:
    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.promises = Promises(app.code)

    def started(self, marked: Iterable[str]) -> Iterator[Started]:
        """Handlers and actions that could leave work behind."""
        requests = Requests(self.app, self.promises)
        yield from requests.handlers(self.app.routes_of(self.settings.rule.head.where.roles))
        yield from requests.actions(marked)

    # -- places -------------------------------------------------------------------------------------------------------

    def findings(self, started: Started) -> Iterator[tuple[int, Finding]]:
        """Findings by the first byte of the call they are about."""
        later: set[int] = set()
        for answer in self._answers(started):
            steps = [step for step in answer.steps if self._matters(started.path, step)]
            later |= {step.place for step in steps}
            if steps:
                yield steps[0].start, self._answered(started, answer, steps[0])
        for work in self._cut_loose(started):
            if work.use.place not in later:
                yield work.use.start, self._dropped(started, work)

    def _answers(self, started: Started) -> Sequence[Answer]:
        def read(source: Source, language: str) -> Sequence[Answer]:
            return answers_of(source, language, started.function)

        found = self.app.code.read(started.path, read) if started.kind == "pages" else None
        return found if found is not None else ()

    def _matters(self, path: str, step: Step) -> bool:
        """Whether a step after an answer is work: something awaited, or a call that makes a promise."""
        if self._is_left_out(step.name):
            return False
        if step.kind == "await":
            return True
        use = self.promises.use_at(path, step.start, step.place)
        return use is not None and self._work(path, Ran(use, "high")) is not None

    def _cut_loose(self, started: Started) -> Iterator[_Work]:
        names = outlets(self.promises, started)
        for ran in ran_by(self.promises, started):
            work = self._work(started.path, ran) if ran.use.outcome == "dropped" else None
            if work is not None and not names & self._mentioned(started.path, work):
                yield work

    def _mentioned(self, path: str, work: _Work) -> frozenset[str]:
        """Names that work uses: where it is started, and in a function around there that does it."""
        body = work.made.body
        if body is None or body.parent == -1:
            return work.use.mentions
        return work.use.mentions | frozenset(_NAME.findall(self.promises.text(path, body)))

    def _work(self, path: str, ran: Ran) -> _Work | None:
        use = ran.use
        if self._is_left_out(use.name):
            return None
        if use.shape != "call":
            body = self.promises.results(path).body(use.function_given)
            if body is None or not body.awaits:
                return None
            evidence: Evidence = "medium" if use.shape == "each" else "high"
            return _Work(use.shape, use, Made(evidence), ran)
        made = self.promises.made(path, use)
        if made is None or self.promises.only_connects(made):
            return None
        return _Work("lazy" if made.lazy else "drop", use, made, ran)

    def _is_left_out(self, name: str) -> bool:
        """Telemetry, and calls that only let go of a connection."""
        last = name.rpartition(".")[2]
        if last in self.settings.listed("cleanups"):
            return True
        return any(fnmatchcase(name, pattern) for pattern in self.settings.options["telemetry_symbols"])

    # -- findings -----------------------------------------------------------------------------------------------------

    def _answered(self, started: Started, answer: Answer, step: Step) -> Finding:
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
        around = self.promises.results(started.path).around(use.function)
        finding = self._finding(started, sites, f"{work.shape}:{around}:{use.name}", args, evidence)
        if work.made.site is not None:  # one function of the repository, one comment
            finding = replace(finding, group=f"{work.made.site.path}:{use.name}:{started.kind}:{args['caught']}")
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
        body = self.promises.results(started.path).body(use.function)
        source = self.app.code.files.source(started.path)
        offered = self.settings.options["offer_await_suggestion"] and work.shape in ("drop", "lazy")
        if not offered or body is None or not body.is_async or source is None:
            return None
        text = source.line_text(use.line)
        before, rest = text[: use.column - 1], text[use.column - 1 :]
        return Suggestion(started.path, use.line, use.line, f"{before.removesuffix('void ')}await {rest}")

    # -- waitUntil ----------------------------------------------------------------------------------------------------

    def given(self, path: str, call: Call) -> Finding:
        """The finding about a ``waitUntil`` that is given a function."""
        site = Site(path, call.line, call.column, call.end_line, "a function is given here")
        args: dict[str, Arg] = {"shape": "wait-until", "work": "", "answer": "", "caught": False, "lazy": ""}
        args |= {"host": _host(self.app), "host_file": "", "router": "app", "after": _has_after(self.app)}
        args |= {"helper": "", "has_helper": False}
        key = f"wait-until:{self.promises.results(path).around(call.function)}"
        suggestion = self._called_at_once(path, call)
        return self.settings.finding(
            self.app, [site], key=key, level="error", args=args, group="wait-until", suggestion=suggestion
        )

    def _called_at_once(self, path: str, call: Call) -> Suggestion | None:
        """``waitUntil((async () => …)())`` for a call that is one line by itself."""
        source = self.app.code.files.source(path)
        match = _ONE_LINE.fullmatch(source.line_text(call.line)) if source is not None else None
        if match is None:
            return None
        indent, function, end = match.groups()
        called = f"({function})()" if call.args[0].kind == "function" else f"{function}()"
        return Suggestion(path, call.line, call.line, f"{indent}waitUntil({called}){end}")


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
    """Whether Next has a stable ``after``: since 15.1, but not on Amplify. ``maybe`` where the version is not known."""
    if app.deployment.target == "amplify":
        return "none"
    is_older = app.version("next").lt("15.1.0")
    return "maybe" if is_older is None else "none" if is_older else "stable"
