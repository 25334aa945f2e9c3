"""Work in the functions of one file that goes on for long, or outlives the request that began it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Literal

from reviewer.core.callgraph import MODULE, CallGraph, Part
from reviewer.core.clientfiles import is_react
from reviewer.core.code import Code
from reviewer.core.facts import Call, FileFacts, Ref
from reviewer.core.finding import Site
from reviewer.core.helpers import helpers_among
from reviewer.core.heritage import bases_of, inherited
from reviewer.core.lifetimes import Interval, Wait, may_go_on
from reviewer.core.project import Project
from reviewer.core.runs import is_server
from reviewer.core.symbols import Symbols

Kind = Literal["scheduler", "consumer", "bot", "subscription", "server", "socket", "timer", "loop", "wait", "program"]

_MADE = frozenset({"()", "new", "[]"})
_ENDS = frozenset({"cancel", "stop", "destroy", "close", "terminate", "disconnect", "gracefulShutdown", "kill", "off"})
_SIGNALS = frozenset({"on", "once", "addListener"})
_PROCESSES = frozenset({"child_process", "node:child_process", "execa", "util", "node:util"})
_PROGRAM = re.compile(
    rb"""[\w)\]]\(\s*['"`](?:[\w./-]*/)?(ffmpeg|python3?|yt-dlp|youtube-dl|whisper|blender|soffice|libreoffice|docker|"""
    rb"""terraform|torchrun)\b"""
)
_LISTEN = re.compile(r"\s*listen\s", re.IGNORECASE)
_CALLS = re.compile(rb"\.listen\(|child_process|execa|LISTEN |WebSocketServer")
_WAITS = re.compile(
    rb"(?:await\s+\w+\(|setTimeout\(\s*(?:\w+|\(\)\s*=>\s*\w+\(\))\s*,)\s*(\d[\d_ *]*|[A-Z][A-Z_]{2,})\s*[,)]"
)
_COUNTS = re.compile(rb"(?:while|for)\s*\([^()]{0,60}<[^()]{1,40}\)")
_NET = frozenset({"net", "node:net", "tls", "node:tls"})
_WAIT_PACKAGES = Symbols.of(
    ["timers/promises#setTimeout", "node:timers/promises#setTimeout", "delay#default", "sleep-promise#default"]
)


@dataclass(frozen=True, slots=True)
class Work:
    """Something long that runs. ``symbol`` is what people call it and ``module`` where it comes from, or ''.

    ``milliseconds`` is the time of waits together, ``start`` the first byte of the call that begins it. ``kept`` says
    that something holds on to it where other code might end it, ``light`` that it is a timer that waits for nothing.
    """

    kind: Kind
    symbol: str
    module: str
    site: Site
    function: int
    start: int = -1
    milliseconds: int = 0
    is_new: bool = False
    kept: bool = False
    light: bool = False

    @property
    def subject(self) -> str:
        """What it is, where other rules may speak of the same."""
        return f"{self.site.path}:{self.start}" if self.start >= 0 else subject_at(self.site)


def subject_at(site: Site) -> str:
    """A timer or a loop, where several rules may speak of it."""
    return f"{site.path}:{site.line}:{site.column}"


@dataclass(frozen=True)
class LongRunning:
    """Finds long work. ``symbols`` are the exports that begin it, by kind; calls and ``new`` leave no trace in them."""

    calls: CallGraph
    symbols: Mapping[Kind, Symbols]
    max_wait: int

    def is_helper(self, path: str) -> bool:
        """Whether a script that no route is has long work to do, or makes something that has."""
        if path.endswith("x") or is_react(self.code.files.raw(path) or b"") or not self.may_work(path):
            return False
        facts = self.code.facts(path)
        if facts is None:
            return False
        everything = frozenset({MODULE, *(function.id for function in facts.functions)})
        if self._makes(facts) or any(self._is_head(base) for base in bases_of(self.code, path).values()):
            return True
        return next(self.within(path, everything), None) is not None

    def may_work(self, path: str) -> bool:
        """Whether a script could hold long work: told by its bytes, and for timers, loops and waits by its syntax."""
        data = self.code.files.raw(path) or b""
        if _CALLS.search(data) or self._imports.search(data):
            return True
        if not (may_go_on(data) or self._may_wait(data)):
            return False
        lifetimes = self.calls.lifetimes(path)
        begins = any(not (timer.escapes or timer.tidies) for timer in lifetimes.intervals)
        endless = any(loop.awaits and not loop.leaves for loop in lifetimes.loops)
        return begins or endless or sum(wait.total for wait in lifetimes.waits) >= self.max_wait

    def _may_wait(self, data: bytes) -> bool:
        """Whether the waits of a script could be long: their numbers together, or one in a loop that counts."""
        total = 0
        for match in _WAITS.finditer(data):
            factors = re.findall(rb"\d[\d_]{0,12}", match.group(1))
            total += prod(int(factor) for factor in factors) if factors else self.max_wait
        return total >= self.max_wait or (total > 0 and _COUNTS.search(data) is not None)

    @cached_property
    def _imports(self) -> re.Pattern[bytes]:
        """An import of a package that has what begins work."""
        modules = {re.escape(symbol.module) for found in self.symbols.values() for symbol in found.symbols}
        named = "|".join(sorted(modules))
        return re.compile(rf"""(?:from|require\(|import\(|import)\s*['"](?:{named})['"]""".encode())

    @cached_property
    def _heads(self) -> frozenset[tuple[str, tuple[str, ...]]]:
        return frozenset((s.module, s.path[:1]) for found in self.symbols.values() for s in found.symbols)

    def _makes(self, facts: FileFacts) -> bool:
        refs = (call.callee for call in facts.calls if call.callee is not None and call.callee.kind == "import")
        return any(self._is_head(ref) for ref in refs)

    def _is_head(self, ref: Ref) -> bool:
        return (ref.module, ref.path()[:1]) in self._heads

    @property
    def code(self) -> Code:
        return self.calls.code

    @property
    def candidates(self) -> frozenset[str]:
        """The scripts that are worth a search."""
        return self.calls.candidates

    def within(self, path: str, functions: frozenset[int], everything: Collection[int] = ()) -> Iterator[Work]:
        """The long work of some functions of a file; *everything* are all those of the file that run, to end it too."""
        facts, lifetimes = self.code.facts(path), self.calls.lifetimes(path)
        if facts is None:
            return
        ended = _ended(facts, {*functions, *everything})
        for call in facts.calls:
            if call.function in functions and not lifetimes.is_development(call.line):
                work = self._begun(path, call)
                object_ = call.callee.origin if call.callee is not None else ""
                if work is not None and not ended & {str(call.start), object_ or "-"}:
                    yield work
        found = [*self._timers(path, {*functions, *everything}), *self._loops(path), *self._waits(path)]
        for work in found:
            if work.function in functions and not lifetimes.is_development(work.site.line or 0):
                yield work

    # -- what calls begin ----------------------------------------------------------------------------------------------

    def _begun(self, path: str, call: Call) -> Work | None:
        if (ref := self._named(path, call)) is not None and ref.kind == "import":
            plain = replace(ref, steps=tuple(step for step in ref.steps if step not in _MADE))
            for kind, symbols in self.symbols.items():
                if symbols.match(plain) and _really_starts(call, ref, plain):
                    streams = kind in ("subscription", "consumer") and self._feeds(path, call)
                    return None if streams else _work(kind, path, call, plain)
            if call.method == "listen" and (is_server(self.code, ref) or ref.module in _NET):
                return _work("server", path, call, plain)
            if self.code.ws_servers.match(ref) and _port(call):
                return _work("socket", path, call, plain)
        if call.method == "query" and call.args and call.args[0].kind == "string" and _LISTEN.match(call.args[0].name):
            return (
                None if self._feeds(path, call) else replace(_work("subscription", path, call, None), symbol="LISTEN")
            )
        return self._program(path, call)

    def _named(self, path: str, call: Call) -> Ref | None:
        """What a call names, where that is an import; other files are only asked where the name could begin work."""
        ref = call.callee
        if ref is not None and ref.kind == "param" and call.method in self._verbs:
            return _given(self.code.facts(path), ref)
        if ref is None or (ref.kind == "import" and self.code.resolver.resolve(path, ref.module) is None):
            return ref
        if call.method not in self._verbs or (ref.kind == "import" and not self._may_hold(path, ref)):
            return None
        expanded = self.code.expand(path, ref)
        if expanded is not None and expanded.kind == "import" and self._is_package(path, expanded):
            return expanded
        return inherited(self.code, path, ref)

    def _is_package(self, path: str, ref: Ref) -> bool:
        return self.code.resolver.resolve(path, ref.module) is None

    def _may_hold(self, path: str, ref: Ref) -> bool:
        return self.code.resolver.resolve(path, ref.module) in self.calls.candidates

    @cached_property
    def _verbs(self) -> frozenset[str]:
        """The methods that begin work."""
        symbols = (symbol for found in self.symbols.values() for symbol in found.symbols)
        return frozenset({"listen", *(symbol.path[-1][1:] for symbol in symbols if symbol.path)})

    def _feeds(self, path: str, call: Call) -> bool:
        """Whether a call stands in a function that answers with a stream."""
        facts = self.code.facts(path)
        outer = call.function
        while facts is not None and (function := facts.function(outer)) is not None and function.parent >= 0:
            outer = function.parent
        calls = self.code.calls_within(path, outer) if outer >= 0 else []
        return any(c.method in ("enqueue", "write", "getWriter", "push") for c in calls)

    def _program(self, path: str, call: Call) -> Work | None:
        callee = call.callee
        if callee is None or callee.kind != "import" or callee.module not in _PROCESSES:
            return None
        source = self.code.files.source(path)
        begun = source.data[max(call.place[0], 0) : call.place[0] + 200] if source is not None else b""
        match = _PROGRAM.search(begun.split(b"\n")[0] if b"(" in begun.split(b"\n")[0] else begun)
        if match is None:
            return None
        return replace(_work("program", path, call, callee), symbol=match.group(1).decode())

    # -- timers, loops and waits ---------------------------------------------------------------------------------------

    def _timers(self, path: str, runs: set[int]) -> Iterator[Work]:
        """Intervals that nothing that runs clears."""
        for timer in self.calls.lifetimes(path).intervals:
            stops = timer.label == "setTimeout" and timer.sends == "enqueue"  # on a closed stream it throws
            if stops or timer.escapes or timer.tidies or timer.callback in timer.cleared or timer.cleared & runs:
                continue
            if any(self._is_in(path, function, timer.callback) for function in timer.cleared):
                continue
            yield _timer(path, timer)

    def _is_in(self, path: str, function: int, around: int) -> bool:
        facts = self.code.facts(path)
        return facts is not None and around >= 0 and function in facts.within(around)

    def _loops(self, path: str) -> Iterator[Work]:
        """Endless loops that wait; one that fails as soon as its stream is closed has an end."""
        for loop in self.calls.lifetimes(path).loops:
            if loop.awaits and not loop.leaves and (loop.sends != "enqueue" or loop.catches):
                site = Site(path, loop.line, loop.column, loop.end_line, "the loop begins here")
                yield Work("loop", loop.label, "", site, loop.function)

    def _waits(self, path: str) -> Iterator[Work]:
        """Functions that wait for longer than is to be, each at its longest wait."""
        by_function: dict[int, list[Wait]] = {}
        for wait in self.calls.lifetimes(path).waits:
            if self._is_wait(path, wait):
                by_function.setdefault(wait.function, []).append(wait)
        for function, waits in by_function.items():
            sure = sum(wait.total for wait in waits if not wait.conditional)
            total = sure + max((wait.total for wait in waits if wait.conditional), default=0)
            if total >= self.max_wait:
                longest = max(waits, key=lambda wait: wait.total)
                site = Site(path, longest.line, longest.column, longest.end_line, "it waits here")
                yield Work("wait", "", "", site, function, milliseconds=total, kept=longest.times > 1)

    def _is_wait(self, path: str, wait: Wait) -> bool:
        """Whether what a wait goes through does wait: a function of the repository, or one of a package."""
        if wait.through in {"", *self.calls.lifetimes(path).sleepers}:
            return True
        facts = self.code.facts(path)
        call = next((c for c in facts.calls if (c.line, c.column) == (wait.line, wait.column)), None) if facts else None
        if call is None or call.callee is None or call.callee.kind != "import":
            return False
        if _WAIT_PACKAGES.match(call.callee):
            return True
        where, value = self.code.value_of(path, call.callee)
        made = self.code.facts(where) if value.kind == "function" else None
        function = made.function(value.function) if made is not None else None
        return function is not None and function.name in self.calls.lifetimes(where).sleepers


def _given(facts: FileFacts | None, ref: Ref, depth: int = 3) -> Ref | None:
    """What a parameter is given, where its function is the callback of a package: ``connect((error, it) => …)``."""
    for call in facts.calls if facts is not None and depth > 0 else ():
        if call.callee is not None and any(
            arg.kind == "function" and arg.function == ref.function for arg in call.args
        ):
            by = _given(facts, call.callee, depth - 1) if call.callee.kind == "param" else call.callee
            return by.then("()", *ref.steps) if by is not None and by.kind == "import" else None
    return None


def _work(kind: Kind, path: str, call: Call, ref: Ref | None) -> Work:
    steps = [step.lstrip(".") for step in ref.path() if step not in _MADE] if ref is not None else []
    module = ref.module if ref is not None else ""
    site = Site(path, call.place[1] or call.line, call.column, call.end_line, _BEGINS[kind])
    return Work(kind, ".".join(steps) or module, module, site, call.function, call.start, is_new=call.is_new)


_BEGINS: Mapping[Kind, str] = {
    "scheduler": "the scheduler is started here",
    "consumer": "the consumer is started here",
    "bot": "the bot is started here",
    "subscription": "the subscription begins here",
    "server": "the port is opened here",
    "socket": "the port is opened here",
    "program": "the program is run here",
}


def _timer(path: str, timer: Interval) -> Work:
    site = Site(path, timer.line, timer.column, timer.end_line, "the timer is started here")
    return Work("timer", timer.label, "", site, timer.function, kept=bool(timer.cleared), light=not timer.waits)


def _ended(facts: FileFacts, functions: set[int]) -> set[str]:
    """Origins of the objects that some functions end, but for what waits for a signal to the process."""
    on_signal = {
        arg.function
        for call in facts.calls
        if call.method in _SIGNALS and call.callee is not None and call.callee.name == "process"
        for arg in call.args
        if arg.kind == "function"
    }
    return {
        call.callee.origin
        for call in facts.calls
        if call.method in _ENDS and call.callee is not None and call.function in functions - on_signal
    }


def _really_starts(call: Call, ref: Ref, plain: Ref) -> bool:
    """Whether a call starts what it makes: not where an option says otherwise, or it has nothing to run."""
    off = [value for arg in call.args for name in ("scheduled", "autorun", "start") if (value := arg.prop(name))]
    if any(value.kind == "bool" and value.name == "false" for value in off):
        return False
    if (ref.module, plain.path()) == ("cron", (".CronJob",)):
        return len(call.args) > 3 and call.args[3].name == "true"
    if (ref.module, plain.path()) == ("cron", (".CronJob", ".from")):
        return any(value.kind == "bool" and value.name == "true" for value in off)
    if ref.module == "croner":
        paused = any(arg.prop("paused") is not None for arg in call.args)
        return any(arg.kind in ("function", "ref") for arg in call.args[0 if plain.path()[1:] else 1 :]) and not paused
    if ref.module == "node-telegram-bot-api" and call.is_new:
        return any(arg.prop("polling") is not None for arg in call.args)
    return True


def _port(call: Call) -> bool:
    """Whether a WebSocket server opens a port of its own."""
    return any(arg.kind == "number" or arg.prop("port") is not None for arg in call.args)


def narrow(search: LongRunning, project: Project, marked: Collection[str]) -> None:
    """Keeps a search to the scripts that could hold long work, routes and helpers, and those that load a helper."""
    routes = {route.path for app in project.next_apps for route in app.api_routes}
    helpers = [path for path in helpers_among(project, marked) if search.is_helper(path)]
    working = {path for path in routes if search.may_work(path)}
    search.calls.candidates = frozenset(working | project.graph.reachers(helpers))


def works_of(search: LongRunning, parts: Collection[Part]) -> Iterator[tuple[Part, Work]]:
    """The long work of what a route runs, each place once."""
    everything: dict[str, set[int]] = {}
    for part in parts:
        everything.setdefault(part.path, set()).update(part.functions)
    seen: set[tuple[str, int | None, int]] = set()
    for part in parts:
        for work in search.within(part.path, part.functions, everything[part.path]):
            place = (work.site.path, work.site.line, work.site.column)
            if place not in seen:
                seen.add(place)
                yield part, work
