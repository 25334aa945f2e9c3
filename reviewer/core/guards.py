"""Which check a function performs before it answers: who asks, or whether the request is from whom it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from reviewer.core.code import Code
from reviewer.core.facts import Call, Expr, Ref
from reviewer.core.handlers import Handler, Wrapper
from reviewer.core.refusals import GuardKind, Refusal, refusals_of
from reviewer.core.scopes import compact
from reviewer.core.symbols import Symbols

MAX_HOPS = 2
MAX_DEPTH = 3  # of values made from values
MAX_SPELLED = 200  # bytes of a chain of calls, its end
MAX_WIDTH = 60  # functions looked at on behalf of one

_CHECKED = (
    r"Auth(?!or(?!i[sz]))|Session|Admin|Signature|Secret|ApiKey|Permission|Access|Role|Membership|Jwt|Bearer|Hmac|Cron"
)
_SPEAKING = re.compile(
    rf"(?:require|assert|ensure|verify|authenticate|authorize|enforce|protect)\w*(?:{_CHECKED}|User|Owner|Token|Request|"
    rf"Webhook|Login|LoggedIn)\w*|(?:check|validate)\w*(?:{_CHECKED}|Token)\w*|"
    r"authenticate|authorize|is(?:Authenticated|Authorized|LoggedIn|Admin)\w*|(?:has|can)(?:Permission|Access|Role)s?"
)
_READING = re.compile(r"(?:\w+\.)*(?:auth|currentUser|unstable_getServerSession|get[A-Z]\w*)")
_LOOKING = ("next/", "@vercel/functions", "@vercel/edge")  # packages that read a request and answer nothing
_WORD = re.compile(rb"#?[\w$]+")
_KINDS: tuple[tuple[GuardKind, re.Pattern[str]], ...] = (
    ("signature", re.compile(r"signature|constructEvent|hmac|webhook|receiver|unwrap|subtle|verifyKey", re.IGNORECASE)),
    ("secret", re.compile(r"secret|api_?key|cron|timingSafe|compare|argon2|tsscmp|passw", re.IGNORECASE)),
    ("token", re.compile(r"token|jwt|bearer", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Guard:
    """A check a function performs: how it is called, and where. ``wrapper`` is one whose body a package holds."""

    name: str
    path: str
    line: int
    kind: GuardKind

    @property
    def only_reads(self) -> bool:
        """Whether it finds out who asks, and leaves it to its caller to turn anyone away."""
        return _READING.fullmatch(self.name) is not None


@dataclass(frozen=True, slots=True)
class Body:
    """A function of the repository: its file, and its id there."""

    path: str
    function: int


class Guards:
    """The guards of one tree, each function read at most once. *extra* are names that count as well."""

    def __init__(self, code: Code, extra: Iterable[str] = ()) -> None:
        self.code = code
        self.names = GuardNames((*code.names.get("guards", ()), *extra))
        self.wrappers = frozenset((*code.names.get("guarding_wrappers", ()), *extra))
        self._harmless = frozenset(code.names.get("provider_wrappers", ())) - self.wrappers
        self._factories = frozenset(code.names.get("factories", ()))
        self._own: dict[Body, tuple[Guard, ...]] = {}
        self._called: dict[Body, tuple[Body, ...]] = {}
        self._refusals: dict[str, tuple[Refusal, ...]] = {}

    # -- answers ------------------------------------------------------------------------------------------------------

    def of_function(self, path: str, function: int, hops: int = MAX_HOPS) -> Guard | None:
        """The first check a function performs, itself or through functions of the repository it calls."""
        return self._nearest([Body(path, function)], hops)

    def of_value(self, path: str, expr: Expr, hops: int = MAX_HOPS) -> Guard | None:
        """The first check in what a value is made of: a built handler, a procedure, a chain of middleware."""
        where, value = self.code.follow(path, expr)
        for part in _parts(value):
            name = _last(part.name)
            if part.kind in ("ref", "member") and (self.names.match(part.name) or name in self.wrappers):
                return Guard(name, where, part.line, _kind(name))
        return self._nearest(list(self._made_of(where, value, MAX_DEPTH)), hops)

    def of_wrapper(self, wrapper: Wrapper) -> Guard | None:
        """The check a wrapper performs around its handler: a package's that is known for it, or one in its body.

        What functions it calls read of a session may be for a log: there, only a check that refuses counts.
        """
        if wrapper.name in self.wrappers:
            return Guard(wrapper.name, wrapper.path, wrapper.line, "wrapper")
        return self._nearest(list(self.bodies_of(wrapper)), MAX_HOPS, reads_at_depth=False)

    def bodies_of(self, wrapper: Wrapper) -> Iterator[Body]:
        """The functions of the repository a wrapper is, or is made of."""
        if wrapper.ref is not None:
            yield from self._behind(wrapper.path, wrapper.ref)

    def of_handler(self, handler: Handler) -> Guard | None:
        """The first check on the way to a handler's answer: its wrappers', outermost first, then its own."""
        for wrapper in handler.chain:
            if (guard := self.of_wrapper(wrapper)) is not None:
                return guard
        body = self.body_of(handler)
        if body is not None and (guard := self.of_function(body.path, body.function)) is not None:
            return guard
        if (body is None or any(wrapper.composed for wrapper in handler.chain)) and handler.export.expr is not None:
            return self.of_value(handler.path, handler.export.expr)
        return None

    def is_open(self, handler: Handler) -> bool | None:
        """Whether a handler answers without any check; None where a part of it is a library's or unreadable."""
        if self.of_handler(handler) is not None:
            return False
        body = self.body_of(handler)
        if body is None or not all(self._is_known(wrapper) for wrapper in handler.chain):
            return None
        return self.is_open_function(body.path, body.function)

    def is_open_function(self, path: str, function: int) -> bool | None:
        """Whether a function answers without any check; None where it cannot be read, or lets a library answer."""
        if self.of_function(path, function) is not None:
            return False
        facts = self.code.facts(path)
        if function < 0 or facts is None or facts.unread:
            return None
        calls = self.code.calls_within(path, function)
        return None if any(self._lets_answer(path, call, function) for call in calls) else True

    def _lets_answer(self, path: str, call: Call, function: int) -> bool:
        """Whether a call hands the request to a library, which may look at who sent it."""
        if _last(self._spelled(path, call)) in self._factories:
            return True
        handed = any(arg.ref is not None and _is_request(arg.ref, function) for arg in call.args)
        if not handed or call.callee is None or call.callee.kind not in ("import", "local"):
            return False
        module = call.callee.module if call.callee.kind == "import" else ""
        return not module.startswith(_LOOKING) and next(self._behind(path, call.callee), None) is None

    def body_of(self, handler: Handler) -> Body | None:
        """A handler's function, also where a function of the repository returns it by its method's name."""
        if handler.function >= 0:
            return Body(handler.file, handler.function)
        expr = handler.export.expr
        while expr is not None and expr.kind == "member":
            expr = expr.callee
        if expr is None or expr.ref is None:
            return None
        where, made = self.code.follow(handler.path, expr)
        if made.kind == "call" and made.ref is not None:
            found = (self._method(body, handler.name) for body in self._behind(where, _maker(made.ref)))
            return next((body for body in found if body is not None), None)
        return None

    # -- reading ------------------------------------------------------------------------------------------------------

    def _nearest(self, bodies: list[Body], hops: int, reads_at_depth: bool = True) -> Guard | None:
        """The first guard among functions, then among those they call, and so on."""
        seen: set[Body] = set()
        for depth in range(hops + 1):
            level = [body for body in dict.fromkeys(bodies) if body not in seen][: MAX_WIDTH - len(seen)]
            seen.update(level)
            for guard in (guard for body in level for guard in self._performed(body)):
                if not guard.only_reads or depth == 0 or reads_at_depth:
                    return guard
            bodies = [called for body in level for called in self.calls(body)] if depth < hops else []
        return None

    def _performed(self, body: Body) -> tuple[Guard, ...]:
        """The checks in a function's own text, in its order."""
        if body not in self._own:
            found = [*self._named(body), *self._refused(body)]
            self._own[body] = tuple(sorted(found, key=lambda guard: guard.line))
        return self._own[body]

    def _named(self, body: Body) -> Iterator[Guard]:
        for call in self.code.calls_within(body.path, body.function):
            name = self.names.called(self._spelled(body.path, call), call.callee) if not call.in_catch else ""
            if name:
                yield Guard(name, body.path, call.place[1] or call.line, _kind(name))

    def _refused(self, body: Body) -> Iterator[Guard]:
        for refusal in self._refusals_in(body.path):
            if body.function in refusal.functions:
                yield Guard(refusal.name, body.path, refusal.line, refusal.kind)

    def _refusals_in(self, path: str) -> tuple[Refusal, ...]:
        if path not in self._refusals:
            self._refusals[path] = self.code.read(path, refusals_of) or ()
        return self._refusals[path]

    def _spelled(self, path: str, call: Call) -> str:
        """What is called, as the file spells it, on one line."""
        source = self.code.files.source(path)
        if source is None or call.start < 0:
            return ""
        place = max(call.place[0], call.start)
        name = _WORD.match(source.data, place)
        end = name.end() if name is not None else place
        text = source.data[max(call.start, end - MAX_SPELLED) : end]
        return compact(text.decode("utf-8", "replace").removeprefix("new "))

    # -- what a function calls ----------------------------------------------------------------------------------------

    def calls(self, body: Body) -> tuple[Body, ...]:
        """The functions of the repository that a function calls, or hands to what it calls, errors aside."""
        if body not in self._called:
            found: dict[Body, None] = {}
            calls = self.code.calls_within(body.path, body.function)
            for call in (call for call in calls if not call.in_catch):
                handed = [arg.ref for arg in call.args if arg.kind == "ref"]
                for ref in (call.callee, *handed):
                    if ref is not None:
                        found.update(dict.fromkeys(self._behind(body.path, ref)))
            self._called[body] = tuple(found)
        return self._called[body]

    def _behind(self, path: str, ref: Ref, depth: int = MAX_DEPTH) -> Iterator[Body]:
        """The functions of the repository a reference names or reaches into: functions, methods, and their makers."""
        if ref.kind == "this" and (member := ref.last_member()):
            yield from self._methods(path, member, None)
        if ref.kind not in ("import", "local") or depth < 0:
            return
        steps, base = list(ref.steps), replace(ref, steps=())
        if ref.kind == "import" and ref.name == "*" and steps and steps[0].startswith("."):
            base = replace(ref, name=steps.pop(0)[1:], steps=())
        where, value = self.code.value_of(path, base)
        if not (value.kind == "ref" and value.ref == base):
            members = [step.lstrip(".") for step in steps if step[0] in ".["]
            member = members[-1] if members else ""
            yield from self._reached(where, value, member, depth - 1)

    def _reached(self, where: str, value: Expr, member: str, depth: int) -> Iterator[Body]:
        if value.kind == "function" and not member:
            yield Body(where, value.function)
        elif value.kind in ("call", "new"):
            yield from self._made_of(where, value, depth)
            if member and value.ref is not None:
                yield from self._behind(where, _maker(value.ref).then(f".{member}"), depth)
        elif value.kind == "object" and member == "[]":
            yield from (Body(where, prop.function) for _, prop in value.props if prop.kind == "function")
        elif member and (prop := value.prop(member)) is not None:
            yield from self._reached(*self.code.follow(where, prop), "", depth)
        elif member:
            yield from self._methods(where, member, value)

    def _made_of(self, where: str, value: Expr, depth: int) -> Iterator[Body]:
        """The functions in an expression, and those its names stand for."""
        for part in _parts(value):
            if part.kind == "function":
                yield Body(where, part.function)
            elif part.kind == "ref" and part.ref is not None and depth > 0:
                there, made = self.code.follow(where, part)
                if made is part:
                    yield from self._behind(where, part.ref, depth - 1)
                else:
                    yield from self._reached(there, made, "", depth - 1)

    def _methods(self, path: str, name: str, owner: Expr | None) -> Iterator[Body]:
        """The functions of that name in a class, a function or a whole file."""
        facts = self.code.facts(path)
        for function in facts.functions if facts is not None else ():
            inside = owner is None or owner.line <= function.line <= function.end_line <= owner.end_line
            if function.name == name and inside:
                yield Body(path, function.id)

    def _method(self, maker: Body, name: str) -> Body | None:
        """The function of a name a function makes."""
        facts = self.code.facts(maker.path)
        inside = facts.within(maker.function) if facts is not None else frozenset[int]()
        found = (f.id for f in (facts.functions if facts is not None else ()) if f.name == name and f.id in inside)
        return next((Body(maker.path, id) for id in found), None)

    def _is_known(self, wrapper: Wrapper) -> bool:
        """Whether a wrapper's own body was read, or is known to let every request pass."""
        if wrapper.composed:
            return False
        return wrapper.name in self._harmless or (
            wrapper.ref is not None and next(self._behind(wrapper.path, wrapper.ref), None) is not None
        )


class GuardNames:
    """The calls that are guards: names, ends of what is called as it is spelled, and exports of modules."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = tuple(names)
        self.names = tuple(name for name in listed if "#" not in name)
        self.symbols = Symbols.of(name for name in listed if "#" in name)

    def called(self, spelled: str, ref: Ref | None = None) -> str:
        """The name of the guard a call is, by how it is spelled and what that refers to; '' for any other call."""
        if ref is not None and (ref.kind, ref.steps) == ("global", ()):
            return ""
        if found := self.match(spelled) or self.match(imported_name(ref)):
            return found
        return f"{ref.module}.{_last(spelled)}" if ref is not None and self.symbols.match(ref) else ""

    def match(self, spelled: str) -> str:
        """The name of the guard that is spelled so; '' for anything else."""
        for name in self.names:
            if spelled == name or spelled.endswith(f".{name}"):
                return name
        last = _last(spelled)
        return last if _SPEAKING.fullmatch(last) else ""


def imported_name(ref: Ref | None) -> str:
    """A reference as the chain of names that leads to it from its module, calls left out; '' for no import."""
    if ref is None or ref.kind != "import":
        return ""
    names = [ref.name, *(step.lstrip(".") for step in ref.steps if step != "()")]
    return ".".join(name for name in names if name not in ("*", "default"))


def _is_request(ref: Ref, function: int) -> bool:
    return (ref.kind, ref.function, ref.index, ref.steps) == ("param", function, 0, ())


def _last(spelled: str) -> str:
    return spelled.rpartition(".")[2]


def _parts(expr: Expr) -> Iterator[Expr]:
    """An expression and everything in it, what is called included, outermost first."""
    stack = [expr]
    while stack:
        part = stack.pop()
        yield part
        inner = [value for _, value in part.props]
        stack.extend(reversed([*([part.callee] if part.callee is not None else []), *inner, *part.items]))


def _maker(ref: Ref) -> Ref:
    """What is called to make the value a reference is: the reference up to its first call."""
    calls = [index for index, step in enumerate(ref.steps) if step in ("()", "new")]
    return replace(ref, steps=ref.steps[: calls[0]]) if calls else ref


def _kind(name: str) -> GuardKind:
    return next((kind for kind, pattern in _KINDS if pattern.search(name)), "session")
