"""How long work in one file goes on: timers and who ends them, endless loops, and literal waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from reviewer.core.nodes import FUNCTIONS, function_id, functions_around
from reviewer.core.numbers import Numbers
from reviewer.core.streamwrites import Kind, StreamWrites, name_of
from reviewer.core.syntax import Node, Tree, captures, parse
from reviewer.core.text import Source

_CALLABLE = "(call_expression) @call (while_statement) @loop (for_statement) @loop (do_statement) @loop"
_DEVELOPMENT = re.compile(r"""NODE_ENV\s*(?:===?\s*['"](?:dev|test)|!==?\s*['"]prod)""")
_ALWAYS = frozenset({"true", "1", "!0"})
_LEAVES = frozenset({"return_statement", "throw_statement", "yield_expression"})
_CLEARS = frozenset({"clearInterval", "clearTimeout"})
_LOOPS = frozenset({"while_statement", "for_statement", "do_statement", "for_in_statement"})
_WRAPS = frozenset({"as_expression", "non_null_expression", "parenthesized_expression", "satisfies_expression"})
_ENDLESS = re.compile(rb"(?:while\s*\(\s*(?:true|1)|for\s*\(\s*;\s*;)\s*\)\s*\{")
_WAY_OUT = re.compile(rb"\b(?:break|return|throw)\b")
_AGAIN = re.compile(rb"setTimeout\(\s*(?:\(\)\s*=>\s*)?(?:this\.)?([\w$]+)")
_CALLED_ALONE = re.compile(r"(?:\(\)\s*=>\s*)?(?:void\s+)?(?:this\.)?([\w$]+)(?:\(\))?")
MAX_LOOP = 8_000
MAX_HANDLE = 120
_PLAIN = ("Date", "Map", "Set", "Number", "String")
_SETTLES = re.compile(r"\bawait\b|\basync\b|\.(?:then|catch|finally)\(|\bfetch\(|\bvoid\s")
MAX_READ = 200  # timers and loops of a file; one with more is no work of people
_DURABLE = re.compile(r"""['"]use (?:workflow|step)['"]""")
# what a timer does that only tidies the memory of its own process
_TIDIES = {"delete", "clear", "get", "set", "has", "add", "forEach", "entries", "keys", "values", "filter", "map"}
_TIDIES |= {"push", "shift", "pop", "splice", "slice", "some", "every", "find", "sort", "reduce", "includes", "from"}
_TIDIES |= {"now", "getTime", "toISOString", "floor", "min", "max", "round", "random", "abs", "toFixed", "toString"}
_FORGETS = {"delete", "clear", "splice", "shift", "pop", "filter", "set"}
_TIDIES |= {"log", "debug", "info", "warn", "error", "memoryUsage", "next"}


@dataclass(frozen=True, slots=True)
class Interval:
    """A ``setInterval``, or a ``setTimeout`` by which a function runs itself again, as ``label`` says.

    ``cleared`` are the functions that clear it, its own callback among them where it ends itself.
    ``escapes`` says that the handle is returned, passed on or kept where others may clear it, ``sends`` that a tick
    writes to a response or a stream, ``tidies`` that a tick only tidies memory: it awaits and asks for nothing, and
    ``waits`` that it waits for something itself.
    """

    line: int
    column: int
    end_line: int
    function: int
    callback: int
    cleared: frozenset[int]
    escapes: bool
    sends: Kind
    tidies: bool
    waits: bool
    label: str = "setInterval"


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop without a condition, spelled *label*. ``leaves`` says that something in it ends it.

    ``sends`` is how it writes to a response or stream, ``catches`` that it catches what that may throw.
    """

    line: int
    column: int
    end_line: int
    function: int
    label: str
    awaits: bool
    leaves: bool
    sends: Kind
    catches: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait of a literal time, *times* over where it stands in loops with a literal end.

    ``through`` is the name of the function it calls for that, '' where the promise is written there.
    """

    line: int
    column: int
    end_line: int
    function: int
    milliseconds: int
    times: int
    through: str
    conditional: bool

    @property
    def total(self) -> int:
        return self.milliseconds * self.times


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The timers, endless loops and waits of a file.

    ``durable`` are the functions a workflow engine runs in steps, ``called_in_place`` those called where they are
    written, and ``sleepers`` the names of functions that wait for as long as their first parameter says.
    ``development`` are ranges of lines under a condition on NODE_ENV that holds in development only.
    """

    intervals: tuple[Interval, ...] = ()
    loops: tuple[Loop, ...] = ()
    waits: tuple[Wait, ...] = ()
    durable: frozenset[int] = frozenset()
    called_in_place: frozenset[int] = frozenset()
    sleepers: frozenset[str] = frozenset()
    development: tuple[tuple[int, int], ...] = ()

    def is_development(self, line: int) -> bool:
        """Whether a line only runs in development."""
        return any(first <= line <= last for first, last in self.development)


def may_go_on(data: bytes) -> bool:
    """Whether the bytes of a script could hold a timer, or a loop without a condition that has no way out.

    None is written in such a loop, or maybe only in a function in it.
    """
    if b"setInterval" in data or any(_defines(data, name) for name in {*_AGAIN.findall(data)}):
        return True
    for match in _ENDLESS.finditer(data):
        body = _block(data, match.end())
        left = _WAY_OUT.findall(body)
        if b"break" not in left and (not left or b"=>" in body or b"function" in body):
            return True
    return False


def _defines(data: bytes, name: bytes) -> bool:
    """Whether the bytes of a script could give a function that name."""
    return re.search(rb"\bfunction\s+%b\b|\b%b\s*(?:=[^=]|\(\)\s*[{:])" % (name, name), data) is not None


def _block(data: bytes, start: int) -> bytes:
    """What stands between a brace and its partner, as far as counting them tells."""
    depth = 1
    for brace in re.finditer(rb"[{}]", data[start : start + MAX_LOOP]):
        depth += 1 if brace.group() == b"{" else -1
        if depth == 0:
            return data[start : start + brace.start()]
    return data[start : start + MAX_LOOP]


def lifetimes_of(source: Source, language: str) -> Lifetimes:
    """The lifetimes of a script the parser has read before. Raises TooComplex as that does."""
    return _Reading(parse(source, language)).lifetimes()


@dataclass
class _Reading:
    tree: Tree
    intervals: list[Interval] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    in_place: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        functions = [node for node, _ in captures(self.tree, " ".join(f"({kind}) @function" for kind in FUNCTIONS))]
        self.named: dict[str, Node] = {}
        for node in functions:
            self.named.setdefault(name_of(self.tree, node), node)
        marked = _DURABLE.search(self.tree.source.data.decode("utf-8", "replace")) is not None
        self.durable = {node.start_byte for node in functions if marked and self._is_durable(node)}
        self.sending = StreamWrites(self.tree)
        self.numbers = Numbers(self.tree)
        self.sleepers = {name for name, node in self.named.items() if name and self._sleeps(node)}

    def lifetimes(self) -> Lifetimes:
        for node, kind in captures(self.tree, _CALLABLE):
            if kind == "call":
                self._call(node)
            elif len(self.loops) < MAX_READ:
                self._loop(node)
        return Lifetimes(
            tuple(self.intervals),
            tuple(self.loops),
            tuple(self.waits),
            frozenset(self.durable),
            frozenset(self.in_place),
            frozenset(self.sleepers),
            tuple(self._development()),
        )

    def _development(self) -> Iterator[tuple[int, int]]:
        if b"NODE_ENV" not in self.tree.source.data:
            return
        for node, _ in captures(self.tree, "(if_statement) @if"):
            condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
            if condition is not None and then is not None and _DEVELOPMENT.search(self.tree.text(condition)):
                yield self.tree.line(then), self.tree.end_line(then)

    def _place(self, node: Node) -> tuple[int, int, int]:
        return self.tree.line(node), self.tree.column(node), self.tree.end_line(node)

    def _call(self, node: Node) -> None:
        called = node.child_by_field_name("function")
        while called is not None and called.type in _WRAPS and called.named_children:
            called = called.named_children[0]
        if called is None:
            return
        if called.type in FUNCTIONS:
            self.in_place.add(called.start_byte)
            return
        name = self.tree.text(called)
        if name.rpartition(".")[2] == "setInterval" and name.count(".") <= 1 and len(self.intervals) < MAX_READ:
            self._interval(node, self._callback(_first_argument(node)), "setInterval")
        elif name == "setTimeout" and (again := self._again(node)) is not None and len(self.intervals) < MAX_READ:
            self._interval(node, again, name)
        elif (waited := self._waited(node, name))[0] > 0:
            milliseconds, through = waited
            whole = node if through else _promise_of(node) or node
            times, conditional = self.numbers.times(whole), _is_conditional(whole)
            self.waits.append(Wait(*self._place(node), function_id(whole), milliseconds, times, through, conditional))

    def _is_durable(self, function: Node) -> bool:
        body = function.child_by_field_name("body")
        first = body.named_children[0] if body is not None and body.named_children else None
        return first is not None and _DURABLE.fullmatch(self.tree.text(first).rstrip(";")) is not None

    # -- timers --------------------------------------------------------------------------------------------------------

    def _again(self, node: Node) -> Node | None:
        """The function that a timer runs again, where it stands in that function and on every way through it."""
        match = _CALLED_ALONE.fullmatch(self.tree.text(first)) if (first := _first_argument(node)) is not None else None
        around = next(functions_around(node), None)
        if match is None or around is None or name_of(self.tree, around) != match.group(1) or _is_conditional(node):
            return None
        body = around.child_by_field_name("body")
        ends = body is None or any(child.type in _LEAVES or child.type in _LOOPS for child in _own(body))
        return None if ends else around

    def _interval(self, node: Node, callback: Node | None, label: str) -> None:
        handle, escapes = self._handle(node)
        cleared, used = self._cleared(handle) if handle else (frozenset[int](), False)
        sends = self.sending.within(_inside(callback, "call_expression")) if callback is not None else ""
        tidied: set[str] = set()
        tidies = callback is not None and self._tidies(callback, set(), tidied) and bool(tidied & _FORGETS)
        waits = callback is None or _SETTLES.search(self.tree.text(callback)) is not None
        id = callback.start_byte if callback is not None else -1
        kept = escapes or used
        place = (*self._place(node), function_id(node))
        self.intervals.append(Interval(*place, id, cleared, kept, sends, tidies, waits, label))

    def _callback(self, given: Node | None) -> Node | None:
        """The function a timer is given, or one of the file it names."""
        if given is None or given.type in FUNCTIONS:
            return given
        return self.named.get(self.tree.text(given).rpartition(".")[2])

    def _handle(self, node: Node) -> tuple[str, bool]:
        """What a timer is kept in, and whether it is given away at once."""
        below, above = node, node.parent
        while above is not None and (above.type in (*_WRAPS, "member_expression") or _calls(above, below)):
            below, above = above, above.parent
        if above is None or above.type == "expression_statement":
            return "", False
        if above.type == "variable_declarator":
            name = above.child_by_field_name("name")
            return (self._bare(name), False) if name is not None and name.type == "identifier" else ("", True)
        left = above.child_by_field_name("left")
        if above.type in ("assignment_expression", "augmented_assignment_expression") and left is not None:
            return self._bare(left), False
        return "", above.type != "arrow_function" or not self._is_callback(above)

    def _is_callback(self, function: Node) -> bool:
        """Whether a function is handed to another timer, which has no use for what it returns."""
        arguments = function.parent
        call = arguments.parent if arguments is not None and arguments.type == "arguments" else None
        called = call.child_by_field_name("function") if call is not None else None
        return called is not None and self.tree.text(called) in ("setTimeout", "setImmediate", "queueMicrotask")

    def _bare(self, node: Node) -> str:
        return re.sub(r"\s|[?!]|\bas\b[^).]*|[()]", "", self.tree.text(node))

    def _cleared(self, handle: str) -> tuple[frozenset[int], bool]:
        """The functions that clear what a name holds, and whether the name is given away."""
        cleared, escapes = set(), False
        for node in self.uses.get(handle, []):
            below, above = node, node.parent
            while above is not None and above.type in _WRAPS:
                below, above = above, above.parent
            if above is not None and above.type == "arguments":
                called = above.parent.child_by_field_name("function") if above.parent is not None else None
                if called is not None and self.tree.text(called).rpartition(".")[2] in _CLEARS:
                    cleared.add(function_id(node))
                else:
                    escapes = True
            elif above is not None:
                escapes |= node.type == "shorthand_property_identifier" or _gives_away(above, below)
        return frozenset(cleared), escapes

    @cached_property
    def uses(self) -> dict[str, list[Node]]:
        """Where each name, or short chain of members, is used."""
        found: dict[str, list[Node]] = {}
        for node in _inside(self.tree.root, "identifier", "member_expression", "shorthand_property_identifier"):
            if node.end_byte - node.start_byte <= MAX_HANDLE:
                found.setdefault(self._bare(node), []).append(node)
        return found

    def _tidies(self, function: Node, seen: set[int], names: set[str]) -> bool:
        """Whether a function awaits nothing and only calls what tidies memory; *names* gets the names it calls."""
        if function.start_byte in seen:
            return True
        seen.add(function.start_byte)
        if any(child.type == "async" for child in function.children):
            return False
        for call in _inside(function, "call_expression", "new_expression"):
            called = call.child_by_field_name("function") or call.child_by_field_name("constructor")
            property_ = called.child_by_field_name("property") if called is not None else None
            name = self.tree.text(property_ or called) if called is not None else ""
            names.add(name)
            own = self.named.get(name)
            if own is not None and not self._tidies(own, seen, names):
                return False
            given = property_ is None and self.sending.is_parameter(call, name)
            plain = given or name in (_TIDIES if property_ is not None else _PLAIN)
            if own is None and not plain and name not in _CLEARS:
                return False
        return True

    # -- loops ---------------------------------------------------------------------------------------------------------

    def _loop(self, node: Node) -> None:
        condition = node.child_by_field_name("condition")
        text = self.tree.text(condition).strip("(); \n") if condition is not None else ""
        is_for = node.type == "for_statement"
        if text not in (("",) if is_for else _ALWAYS) and text not in _ALWAYS:
            return
        body = node.child_by_field_name("body")
        if body is None:
            return
        inside = list(_own(body))
        awaits = any(child.type in ("await_expression", "for_in_statement") and _waits(child) for child in inside)
        leaves = any(child.type in _LEAVES or self._breaks(child, node) for child in inside) or self._exits(inside)
        label = "for (;;)" if is_for else f"while ({text})"
        line, column, _ = self._place(node)
        sends = self.sending.within(_inside(body, "call_expression"))
        catches = any(child.type == "catch_clause" for child in inside)
        loop = Loop(line, column, line, function_id(node), label, awaits, leaves, sends, catches)
        self.loops.append(loop)

    def _breaks(self, node: Node, loop: Node) -> bool:
        if node.type != "break_statement":
            return False
        if node.named_children:
            return True
        above = node.parent
        while above is not None and above.type not in _BREAKABLE:
            above = above.parent
        return above == loop

    def _exits(self, inside: list[Node]) -> bool:
        calls = (node.child_by_field_name("function") for node in inside if node.type == "call_expression")
        return any(called is not None and self.tree.text(called) == "process.exit" for called in calls)

    # -- waits ---------------------------------------------------------------------------------------------------------

    def _waited(self, node: Node, name: str) -> tuple[int, str]:
        """The milliseconds a call waits for, 0 where that is not known, and what it calls for that."""
        arguments = node.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        if name == "setTimeout" and len(given) > 1:
            return (self.numbers.value(given[1]), "") if self._resolves(node, given[0]) else (0, "")
        awaited = node.parent is not None and node.parent.type == "await_expression"
        return (self.numbers.value(given[0]), name) if awaited and given and "." not in name else (0, "")

    def _resolves(self, timer: Node, given: Node) -> bool:
        """Whether a timer resolves the promise it stands in: ``new Promise(r => setTimeout(r, 500))``."""
        promise, executor = _promise_of(timer), next(functions_around(timer), None)
        made = promise.child_by_field_name("constructor") if promise is not None else None
        if executor is None or made is None or self.tree.text(made) != "Promise":
            return False
        resolve = re.escape(_first_parameter(self.tree, executor))
        return bool(resolve) and re.search(rf"(?<![\w$]){resolve}(?![\w$])", self.tree.text(given)) is not None

    def _sleeps(self, function: Node) -> bool:
        """Whether a function waits for as long as its first parameter says, and does nothing else."""
        parameter = _first_parameter(self.tree, function)
        if not parameter or function.end_byte - function.start_byte > 300:
            return False
        for call in _inside(function, "call_expression"):
            called, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            given = arguments.named_children if arguments is not None else []
            if called is not None and self.tree.text(called) == "setTimeout" and len(given) > 1:
                return self.tree.text(given[1]) == parameter and self._resolves(call, given[0])
        return False


_BREAKABLE = ("while_statement", "for_statement", "do_statement", "for_in_statement", "switch_statement")


def _inside(node: Node, *kinds: str) -> Iterator[Node]:
    """The nodes of some kinds in a node, in functions written in it as well."""
    stack = [node]
    while stack:
        below = stack.pop()
        if below.type in kinds:
            yield below
        stack.extend(reversed(below.named_children))


def _own(node: Node) -> Iterator[Node]:
    """The nodes in a node that belong to its own function."""
    stack = [node]
    while stack:
        below = stack.pop()
        yield below
        stack.extend(child for child in reversed(below.named_children) if child.type not in FUNCTIONS)


def _waits(node: Node) -> bool:
    """Whether a node is an ``await``, or a ``for await``."""
    return node.type == "await_expression" or any(child.type == "await" for child in node.children)


def _calls(call: Node, below: Node) -> bool:
    """Whether a node is a call of the member below it, as ``setInterval(…).unref()`` is."""
    return call.type == "call_expression" and call.child_by_field_name("function") == below


def _gives_away(above: Node, below: Node) -> bool:
    """Whether what stands around a name returns it, or keeps it somewhere else."""
    if above.type in ("return_statement", "array", "export_specifier", "yield_expression"):
        return True
    if above.type == "arrow_function":
        return above.child_by_field_name("body") == below
    field_ = {"pair": "value", "assignment_expression": "right", "variable_declarator": "value"}.get(above.type)
    return field_ is not None and above.child_by_field_name(field_) == below


def _first_argument(call: Node) -> Node | None:
    arguments = call.child_by_field_name("arguments")
    return arguments.named_children[0] if arguments is not None and arguments.named_children else None


def _is_conditional(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type not in FUNCTIONS:
        if above.type in ("if_statement", "catch_clause", "switch_statement", "ternary_expression"):
            return True
        above = above.parent
    return False


def _promise_of(timer: Node) -> Node | None:
    """The ``new Promise(…)`` whose executor a timer stands in."""
    executor = next(functions_around(timer), None)
    arguments = executor.parent if executor is not None else None
    promise = arguments.parent if arguments is not None and arguments.type == "arguments" else None
    return promise if promise is not None and promise.type == "new_expression" else None


def _first_parameter(tree: Tree, function: Node) -> str:
    single = function.child_by_field_name("parameter")
    listed = function.child_by_field_name("parameters")
    nodes = [single] if single is not None else listed.named_children[:1] if listed is not None else []
    return next((tree.text(node.child_by_field_name("pattern") or node) for node in nodes), "")
