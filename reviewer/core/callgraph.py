"""What runs because of a route: when its file is loaded, and when its handlers are called, in other files as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from reviewer.core.code import MAX_HOPS, Code
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.finding import Site
from reviewer.core.handlers import Handler
from reviewer.core.lifetimes import Lifetimes, lifetimes_of

MODULE = -1
_SETTLED = frozenset({"then", "catch", "finally"})


@dataclass(frozen=True, slots=True)
class Part:
    """Functions of one file that run because of a route; -1 among them is the file's module level.

    ``via`` are the calls that lead there. ``on_load`` says that they run as soon as the route's file is loaded, before
    any request, and ``loaded`` are the imports that load the file where those calls begin.
    """

    path: str
    functions: frozenset[int]
    via: tuple[Site, ...] = ()
    on_load: bool = False
    loaded: tuple[Site, ...] = ()


@dataclass
class CallGraph:
    """Follows calls and imports from a route on, into the files that are *candidates*, at most *hops* away."""

    code: Code
    candidates: frozenset[str] = frozenset()
    hops: int = MAX_HOPS
    _lifetimes: dict[str, Lifetimes] = field(default_factory=dict)

    def of(self, path: str, handlers: Iterable[Handler]) -> list[Part]:
        """Everything that runs because of a route, what runs when it is loaded first."""
        handlers = list(handlers)
        parts = list(self._loaded(path, (), self.hops, {path}))
        starts = [function for handler in handlers if handler.file == path for function in self._starts(path, handler)]
        parts += self._part(path, self.closure(path, starts), (), self.hops, on_load=False)
        for handler in handlers:
            if handler.file != path and handler.function >= 0:
                export = handler.export
                message = "the handler is taken from another file here"
                here = Site(path, export.line, export.column, export.end_line, message)
                inside = self.closure(handler.file, [handler.function])
                parts += self._part(handler.file, inside, (here,), self.hops - 1, on_load=False)
        return parts

    def of_function(self, path: str, function: int) -> list[Part]:
        """Everything that runs because of one function."""
        return list(self._part(path, self.closure(path, [function]), (), self.hops, on_load=False))

    def lifetimes(self, path: str) -> Lifetimes:
        """The timers, loops and waits of a script."""
        if path not in self._lifetimes:
            self._lifetimes[path] = self.code.files.read(path, lifetimes_of) or Lifetimes()
        return self._lifetimes[path]

    def _starts(self, path: str, handler: Handler) -> list[int]:
        """The functions a handler is; where a chain hides it, all those the module hands over.

        What a library's factory was given runs when the library says so: then nothing is known to run.
        """
        if handler.function >= 0 or not handler.chain:
            return [handler.function] if handler.function >= 0 else []
        facts = self.code.facts(path)
        return [function.id for function in facts.functions if function.parent == MODULE] if facts is not None else []

    def _loaded(self, path: str, loaded: tuple[Site, ...], hops: int, seen: set[str]) -> Iterator[Part]:
        """What loading a file runs, the files it imports included."""
        facts = self.code.facts(path)
        if facts is None:
            return
        for part in self._part(path, self.closure(path, [MODULE], on_load=True), (), hops, on_load=True):
            yield replace(part, loaded=loaded)
        for item in facts.imports if hops > 0 else ():
            target = None if item.type_only else self.code.resolver.resolve(path, item.module)
            if target in self.candidates and target not in seen:
                seen.add(target)
                here = Site(path, item.line, 1, item.line, "it is loaded here")
                yield from self._loaded(target, (*loaded, here), hops - 1, seen)

    def _part(
        self, path: str, functions: frozenset[int], via: tuple[Site, ...], hops: int, *, on_load: bool
    ) -> Iterator[Part]:
        yield Part(path, functions, via, on_load)
        facts = self.code.facts(path)
        for call in facts.calls if facts is not None and hops > 0 else ():
            if call.function in functions and (found := self._elsewhere(path, call)) is not None:
                where, function = found
                here = Site(path, call.line, call.column, call.end_line, f"`{_spelled(call)}()` is called here")
                inside = self.closure(where, [function], on_load=on_load)
                yield from self._part(where, inside, (*via, here), hops - 1, on_load=on_load)

    # -- within a file -------------------------------------------------------------------------------------------------

    def closure(self, path: str, starts: Iterable[int], *, on_load: bool = False) -> frozenset[int]:
        """Ids of the functions that run when some of a file do, or with -1 its module level.

        Functions written inside one that runs are taken to run; when a file is loaded, where most of them are handlers
        to be, only those that are called there. What a workflow engine runs (``'use workflow'``) does not count.
        """
        facts = self.code.facts(path)
        if facts is None:
            return frozenset()
        known, lifetimes = _Functions(facts), self.lifetimes(path)
        seen: set[int] = set()
        queue = list(starts)
        while queue:
            function = queue.pop()
            if function in seen or function in lifetimes.durable:
                continue
            called = known.called_within(function, lifetimes.called_in_place)
            inside = (called if on_load else known.within(function)) - lifetimes.durable
            seen |= inside
            queue += known.used_by(inside, handed_over=not on_load)
        return frozenset(seen)

    # -- in other files ------------------------------------------------------------------------------------------------

    def _elsewhere(self, path: str, call: Call) -> tuple[str, int] | None:
        """The function of another file that a call runs: an export, or a method of an object or class it exports."""
        callee = call.callee
        if callee is None or callee.kind != "import" or self._target(path, callee) not in self.candidates:
            return None
        where, value = self.code.value_of(path, callee)
        if value.kind == "function":
            return (where, value.function) if where in self.candidates else None
        return self._method(path, callee, call)

    def _target(self, path: str, ref: Ref) -> str | None:
        return self.code.resolver.resolve(path, ref.module)

    def _method(self, path: str, callee: Ref, call: Call) -> tuple[str, int] | None:
        """A method of a class, as ``scheduler.start()`` and ``Scheduler.get().start()`` call, or a constructor."""
        steps = callee.path()
        names = [("default", steps)] + ([(steps[0][1:], steps[1:])] if steps and steps[0].startswith(".") else [])
        for name, rest in reversed(names):
            found = self.code.exported(path, callee.module, name, MAX_HOPS)
            if found is None:
                continue
            where, value = self.code.follow(found[0], found[1], found[2])
            method = "constructor" if call.is_new and not rest else (rest[-1].lstrip(".") if rest else "")
            facts = self.code.facts(where) if where in self.candidates else None
            if facts is None or not _is_own(value):
                return None
            if value.kind == "object" and (inner := value.prop(method)) is not None:
                return (where, inner.function) if inner.kind == "function" else None
            function = _Functions(facts).method(method)
            return (where, function) if function is not None else None
        return None


def _is_own(value: Expr) -> bool:
    """Whether a value is an object, a class, or made by a class or function of its own file."""
    if value.kind == "choice":
        return any(_is_own(item) for item in value.items)
    made = value.ref.kind if value.ref is not None else ""
    return value.kind in ("object", "other") or (value.kind in ("new", "call") and made == "local")


def _spelled(call: Call) -> str:
    """What people call the function: its last name."""
    if call.method:
        return call.method
    steps = [step.lstrip(".") for step in call.callee.path()] if call.callee is not None else []
    named = [step for step in steps if step not in ("()", "new", "[]")]
    return named[-1] if named else "default"


class _Functions:
    """The functions of a file, by name and by the function they are written in."""

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self.inner: dict[int, list[int]] = {}
        self.calls: dict[int, list[Call]] = {}
        for function in facts.functions:
            self.inner.setdefault(function.parent, []).append(function.id)
        for call in facts.calls:
            self.calls.setdefault(call.function, []).append(call)

    def within(self, function: int) -> frozenset[int]:
        found, queue = {function}, [function]
        while queue:
            more = self.inner.get(queue.pop(), [])
            found.update(more)
            queue += more
        return frozenset(found)

    def called_within(self, function: int, called: frozenset[int]) -> frozenset[int]:
        """A function, and those in it that are called where they are written or when a promise settles."""
        found, queue = {function}, [function]
        while queue:
            outer = queue.pop()
            more = {inner for inner in self.inner.get(outer, []) if inner in called}
            for call in self.calls.get(outer, []):
                if call.method in _SETTLED:
                    more |= {arg.function for arg in call.args if arg.kind == "function"}
            queue += more - found
            found |= more
        return frozenset(found)

    def method(self, name: str) -> int | None:
        """The one method or function of that name."""
        found = [function.id for function in self.facts.functions if function.name == name]
        return found[0] if name and len(found) == 1 else None

    def used_by(self, functions: frozenset[int], *, handed_over: bool) -> Iterator[int]:
        """Functions of the file that calls in some functions name: as callee or method, and as arguments."""
        for function in functions:
            for call in self.calls.get(function, []):
                yield from self._called(call)
                if handed_over or call.method in _SETTLED:
                    yield from self._given(call)

    def _called(self, call: Call) -> Iterator[int]:
        callee = call.callee
        if callee is not None and callee.kind in ("local", "this"):
            if callee.steps or call.is_new:
                method = self.method("constructor" if call.is_new else call.method)
                if method is not None:
                    yield method
            else:
                yield from self._value(callee.name)

    def _given(self, call: Call) -> Iterator[int]:
        for arg in call.args:
            if arg.kind == "ref" and arg.ref is not None and arg.ref.kind == "local":
                yield from self._value(arg.name)

    def _value(self, name: str) -> Iterator[int]:
        value = self.facts.values.get(name)
        if value is not None and value.kind == "function":
            yield value.function
