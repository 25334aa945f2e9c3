"""What becomes of the result of every call of one file, and how its functions come to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.nodes import FUNCTIONS, begins_with_directive
from reviewer.core.scopes import is_await_call
from reviewer.core.syntax import Node, Tree, captures, parse
from reviewer.core.text import Source

Outcome = Literal["awaited", "returned", "yielded", "stored", "passed", "used", "dropped"]
Shape = Literal["call", "async-call", "timer", "each"]
Runs = Literal["at-once", "awaited", "later"]

CHAINED = frozenset({"then", "catch", "finally"})
KEEPERS = frozenset({"after", "unstable_after", "waitUntil"})
_ITERATIONS = frozenset(
    {"map", "flatMap", "forEach", "filter", "find", "findIndex", "some", "every", "reduce", "reduceRight", "sort"}
)
_TIMERS = frozenset({"setTimeout", "setImmediate", "setInterval", "process.nextTick", "queueMicrotask"})
_TRANSPARENT = frozenset(
    {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "type_assertion"}
)
_NAME = re.compile(r"(?<![\w$.])[A-Za-z_$][\w$]*")
_KINDS = (
    *FUNCTIONS,
    "call_expression",
    "await_expression",
    "return_statement",
    "class_declaration",
    "for_in_statement",
)
_INTEREST = " ".join(f"({kind}) @{kind}" for kind in _KINDS)


@dataclass(frozen=True, slots=True)
class Use:
    """A call and what becomes of its result.

    ``start`` and ``place`` are those of the call's facts, ``function`` the id of the function it stands in.
    ``chained`` are the methods of promises called on it, the first one first. ``name`` is how the called thing is
    spelled, '' where that is no chain of names; ``to`` is how the call is spelled that it is an argument of.
    ``function_given`` is the id of the function that is called where it is written, or given as an argument.
    ``mentions`` are the names in the statement that drops the result.
    """

    outcome: Outcome
    name: str
    start: int
    place: int
    function: int
    chained: tuple[str, ...]
    shape: Shape
    is_void: bool
    to: str
    function_given: int
    mentions: frozenset[str]
    line: int
    column: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Body:
    """A function: ``returns`` are the places of the calls whose results it returns, ``holder`` its class's name.

    ``stop`` is the byte after it.

    ``runs`` says whether it runs as soon as the code around it does: at once, as part of something that is awaited
    there, or later. ``makes`` says that it returns a promise whatever it calls.
    """

    id: int
    name: str
    parent: int
    is_async: bool
    is_generator: bool
    makes: bool
    awaits: bool
    runs: Runs
    returns: tuple[int, ...]
    line: int
    stop: int
    holder: str = ""
    is_action: bool = False


@dataclass(frozen=True, slots=True)
class CallResults:
    """The calls of one file in its order, and its functions by id."""

    uses: tuple[Use, ...] = ()
    bodies: dict[int, Body] | None = None

    def body(self, id: int) -> Body | None:
        return (self.bodies or {}).get(id)

    def enclosing(self, id: int) -> Iterator[int]:
        """Ids of a function and of those around it, innermost first, and -1."""
        while (body := self.body(id)) is not None:
            yield id
            id = body.parent
        yield -1

    def around(self, function: int) -> str:
        """The name of a function, or of the nearest one around it that has one; '' where none has."""
        named = (body.name for id in self.enclosing(function) if (body := self.body(id)) is not None and body.name)
        return next(named, "")

    def named(self, name: str, function: int) -> Body | None:
        """The function a name means inside a function of the file, by the nearest declaration around it."""
        for around in self.enclosing(function):
            for body in (self.bodies or {}).values():
                if body.name == name and body.parent == around and not body.holder:
                    return body
        return None


def call_results_of(source: Source, language: str) -> CallResults:
    """What becomes of the calls of a script. Raises TooComplex for trees beyond the caps."""
    return _Reading(parse(source, language)).results()


def spelled(tree: Tree, node: Node | None) -> str:
    """A chain of names as ``a.b``, with calls inside it as ``a().b``; '' for anything else."""
    steps: list[str] = []
    while node is not None and len(steps) < 20:
        kind = node.type
        if kind in _TRANSPARENT:
            node = next((child for child in node.named_children if child.type != "comment"), None)
        elif kind == "member_expression":
            property_ = node.child_by_field_name("property")
            steps.append("." + (tree.text(property_) if property_ is not None else ""))
            node = node.child_by_field_name("object")
        elif kind == "call_expression":
            steps.append("()")
            node = node.child_by_field_name("function")
        else:
            named = kind in ("identifier", "this", "super", "import")
            return tree.text(node) + "".join(reversed(steps)) if named else ""
    return ""


class _Reading:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.open: list[tuple[int, int]] = []
        self.holders: list[tuple[int, str]] = []
        self.bodies: dict[int, tuple[Node, int, str]] = {}
        self.awaits: set[int] = set()
        self.returned: dict[int, list[Node]] = {}
        self.calls: list[tuple[Node, int]] = []
        self.names: dict[str, list[Node]] | None = None

    def results(self) -> CallResults:
        for node, kind in captures(self.tree, _INTEREST):
            self._note(node, kind)
        uses = tuple(self._use(node, function) for node, function in self.calls if not is_await_call(node))
        return CallResults(uses, {id: self._body(*held) for id, held in self.bodies.items()})

    def _note(self, node: Node, kind: str) -> None:
        while self.open and node.start_byte >= self.open[-1][1]:
            self.open.pop()
        while self.holders and node.start_byte >= self.holders[-1][0]:
            self.holders.pop()
        function = self.open[-1][0] if self.open else -1
        if kind in FUNCTIONS:
            holder = self.holders[-1][1] if self.holders and kind == "method_definition" else ""
            self.bodies[node.start_byte] = (node, function, holder)
            self.open.append((node.start_byte, node.end_byte))
        elif kind == "class_declaration":
            name = node.child_by_field_name("name")
            self.holders.append((node.end_byte, self.tree.text(name) if name is not None else ""))
        elif kind == "call_expression":
            self.calls.append((node, function))
            if is_await_call(node):
                self.awaits.add(function)
        elif kind == "return_statement":
            self.returned.setdefault(function, []).append(node)
        elif kind == "await_expression" or any(child.type == "await" for child in node.children):
            self.awaits.add(function)

    # -- calls --------------------------------------------------------------------------------------------------------

    def _use(self, call: Node, function: int) -> Use:
        tree = self.tree
        callee = _bare(call.child_by_field_name("function"))
        property_ = callee.child_by_field_name("property") if callee is not None else None
        named = property_ or callee
        outcome, chained, is_void, to = self._becomes(call)
        given = callee if callee is not None and callee.type in FUNCTIONS else _function_given(call)
        return Use(
            outcome,
            spelled(tree, callee),
            call.start_byte,
            named.start_byte if named is not None else call.start_byte,
            function,
            chained,
            self._shape(call, callee),
            is_void,
            to,
            given.start_byte if given is not None else -1,
            _mentioned(self.tree, call) if outcome == "dropped" else frozenset(),
            tree.line(call),
            tree.column(call),
            tree.end_line(call),
        )

    def _shape(self, call: Node, callee: Node | None) -> Shape:
        if callee is not None and callee.type in FUNCTIONS:
            return "async-call" if _is_async(callee) else "call"
        first = _argument(call)
        if first is None or first.type not in FUNCTIONS or not _is_async(first):
            return "call"
        name = spelled(self.tree, callee)
        if name in _TIMERS:
            return "timer"
        return "each" if name.endswith(".forEach") else "call"

    def _becomes(self, node: Node, hops: int = 0) -> tuple[Outcome, tuple[str, ...], bool, str]:
        chained: list[str] = []
        is_void = False
        while (above := node.parent) is not None:
            step = self._step(node, above, hops)
            if isinstance(step, str):
                to = above.parent.child_by_field_name("function") if step == "passed" and above.parent else None
                return step, tuple(chained), is_void, spelled(self.tree, to)
            is_void = is_void or above.type == "unary_expression"
            if step.type == "call_expression" and above.type == "member_expression":
                property_ = above.child_by_field_name("property")
                chained.append(self.tree.text(property_) if property_ is not None else "")
            node = step
        return "used", tuple(chained), is_void, ""

    def _step(self, node: Node, above: Node, hops: int) -> Outcome | Node:
        """What becomes of a value, or the expression around it that has the same fate."""
        kind = above.type
        if kind in _TRANSPARENT or kind in ("array", "spread_element"):
            return above
        if kind == "unary_expression":
            return above if above.children[0].type == "void" else "used"
        if kind == "sequence_expression":
            return above if above.named_children[-1] == node else "dropped"
        if kind in ("ternary_expression", "binary_expression"):
            return self._either(node, above)
        if kind == "member_expression":
            return _chain(node, above, self.tree) or "used"
        if kind == "arguments":
            return self._handed(above)
        if kind == "arrow_function":
            return self._result(above, hops) if above.child_by_field_name("body") == node else "used"
        if kind == "variable_declarator":
            return self._stored(above, hops) if above.child_by_field_name("value") == node else "used"
        if kind == "assignment_expression":
            return "stored"
        plain: dict[str, Outcome] = {
            "await_expression": "awaited",
            "expression_statement": "dropped",
            "return_statement": "returned",
            "yield_expression": "yielded",
        }
        return plain.get(kind, "used")

    def _either(self, node: Node, above: Node) -> Outcome | Node:
        if above.type == "ternary_expression":
            return "used" if above.child_by_field_name("condition") == node else above
        operator = above.child_by_field_name("operator")
        text = self.tree.text(operator) if operator is not None else ""
        if text in ("||", "??") or (text == "&&" and above.child_by_field_name("right") == node):
            return above
        return "used"

    def _handed(self, arguments: Node) -> Outcome | Node:
        call = arguments.parent
        if call is not None and is_await_call(call):
            return "awaited"
        return "passed"

    def _result(self, arrow: Node, hops: int) -> Outcome | Node:
        """What becomes of what a short arrow function returns: its caller decides."""
        call = _called_with(arrow)
        name = spelled(self.tree, call.child_by_field_name("function")) if call is not None else ""
        if call is not None and name.endswith(".forEach"):
            return "dropped"
        if call is not None and name.endswith((".map", ".flatMap")) and hops < 3:
            return call
        return "returned"

    def _stored(self, declarator: Node, hops: int) -> Outcome:
        """A promise in a variable nobody reads, or on which only promise methods are called, is dropped."""
        name = declarator.child_by_field_name("name")
        if name is None or name.type != "identifier" or hops >= 3:
            return "stored"
        above = declarator.parent.parent if declarator.parent is not None else None
        if above is not None and above.type == "export_statement":
            return "stored"
        uses = [use for use in self._names().get(self.tree.text(name), []) if use != name]
        if all(self._becomes(use, hops + 1)[0] == "dropped" and _is_chained(use) for use in uses):
            return "dropped"
        return "stored"

    def _names(self) -> dict[str, list[Node]]:
        if self.names is None:
            self.names = {}
            for node, _ in captures(self.tree, "(identifier) @n (shorthand_property_identifier) @n"):
                self.names.setdefault(self.tree.text(node), []).append(node)
        return self.names

    # -- functions ----------------------------------------------------------------------------------------------------

    def _body(self, node: Node, parent: int, holder: str) -> Body:
        body = node.child_by_field_name("body")
        returned = [_returned(statement) for statement in self.returned.get(node.start_byte, [])]
        if node.type == "arrow_function" and body is not None and body.type != "statement_block":
            returned = [_bare(body)]
        values = [value for value in returned if value is not None]
        return Body(
            node.start_byte,
            self._name(node),
            parent,
            _is_async(node),
            "generator" in node.type or any(child.type == "*" for child in node.children),
            any(self._is_promise(value) for value in values),
            node.start_byte in self.awaits,
            self._runs(node),
            tuple(_place(value) for value in values if value.type == "call_expression"),
            self.tree.line(node),
            node.end_byte,
            holder,
            begins_with_directive(self.tree, node, "use server"),
        )

    def _name(self, node: Node) -> str:
        name = node.child_by_field_name("name")
        above = node.parent
        if name is None and above is not None and above.type == "variable_declarator":
            name = above.child_by_field_name("name")
        return self.tree.text(name) if name is not None else ""

    def _is_promise(self, value: Node) -> bool:
        maker = value.child_by_field_name("constructor") if value.type == "new_expression" else None
        return maker is not None and self.tree.text(maker) == "Promise"

    def _runs(self, node: Node) -> Runs:
        call = _called_with(node) or _called(node)
        if call is None:
            return "later"
        name = spelled(self.tree, _bare(call.child_by_field_name("function")))
        if name.rpartition(".")[2] in _ITERATIONS:
            return "at-once"
        if _called(node) is not None and not _is_async(node):
            return "at-once"
        kept = name.rpartition(".")[2] in KEEPERS
        return "awaited" if not kept and self._becomes(call)[0] in ("awaited", "returned") else "later"


def _bare(node: Node | None) -> Node | None:
    """The expression under parentheses and type assertions; ``await`` stays."""
    while node is not None and node.type in _TRANSPARENT:
        children = [child for child in node.named_children if child.type != "comment"]
        node = (children[-1] if node.type == "type_assertion" else children[0]) if children else None
    return node


def _argument(call: Node) -> Node | None:
    arguments = call.child_by_field_name("arguments")
    listed = arguments.named_children if arguments is not None else []
    return _bare(next((child for child in listed if child.type != "comment"), None))


def _function_given(call: Node) -> Node | None:
    arguments = call.child_by_field_name("arguments")
    listed = [_bare(child) for child in arguments.named_children] if arguments is not None else []
    return next((child for child in listed if child is not None and child.type in FUNCTIONS), None)


def _mentioned(tree: Tree, node: Node) -> frozenset[str]:
    """The names in the statement a call stands in."""
    while node.parent is not None and not node.type.endswith(("_statement", "_declaration")):
        node = node.parent
    return frozenset(_NAME.findall(tree.text(node)))


def _is_async(function: Node) -> bool:
    return any(child.type == "async" for child in function.children)


def _chain(node: Node, member: Node, tree: Tree) -> Node | None:
    """The call of a promise's method on a value: ``value.catch(…)``."""
    property_, call = member.child_by_field_name("property"), member.parent
    if (
        call is None
        or property_ is None
        or call.type != "call_expression"
        or member.child_by_field_name("object") != node
    ):
        return None
    return call if tree.text(property_) in CHAINED and call.child_by_field_name("function") == member else None


def _is_chained(name: Node) -> bool:
    return name.parent is not None and name.parent.type == "member_expression"


def _called_with(function: Node) -> Node | None:
    """The call a function expression is an argument of."""
    above = function.parent
    while above is not None and above.type in _TRANSPARENT:
        above = above.parent
    call = above.parent if above is not None and above.type == "arguments" else None
    return call if call is not None and call.type == "call_expression" else None


def _called(function: Node) -> Node | None:
    """The call of a function expression where it is written."""
    below, above = function, function.parent
    while above is not None and above.type in _TRANSPARENT:
        below, above = above, above.parent
    is_call = above is not None and above.type == "call_expression"
    return above if above is not None and is_call and above.child_by_field_name("function") == below else None


def _returned(statement: Node) -> Node | None:
    return _bare(next((child for child in statement.named_children if child.type != "comment"), None))


def _place(call: Node) -> int:
    callee = _bare(call.child_by_field_name("function"))
    property_ = callee.child_by_field_name("property") if callee is not None else None
    named = property_ or callee
    return named.start_byte if named is not None else call.start_byte
