"""How the code of a file reads and writes a value and what it holds, through aliases and functions that return it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reviewer.core.modulenames import Name, Names
from reviewer.core.nodes import FUNCTIONS, parameters
from reviewer.core.scopes import pattern_identifiers, pattern_names, strip
from reviewer.core.syntax import Node

MAX_LOOKS = 4_000
MAX_DEPTH = 60
_OF_STORES = frozenset({"del", "take", "flushAll", "mset", "consume", "penalty", "reward"})
MUTATORS = _OF_STORES | {"set", "add", "push", "delete", "clear", "unshift", "splice", "pop", "shift"}
_ADDS_LAST = frozenset({"set", "add", "push", "unshift", "splice", "mset"})
_GIVES = frozenset(
    {"get", "find", "findLast", "at", "peek", "values", "entries", "filter", "slice", "map", "pop", "shift", "concat"}
    | {"sort", "toSorted", "reverse", "flat", "take", "flatMap"}
)
_EACH = frozenset({"forEach", "map", "filter", "find", "findIndex", "some", "every", "flatMap", "findLast"})
_ASKS = frozenset({"get", "has", "includes", "indexOf", "some", "find", "peek"})
_SENDS = frozenset({"enqueue", "write", "send", "emit"})
_SHOWS = frozenset({"json", "send", "end", "write", "stringify"})
_TRANSPARENT = frozenset(
    {"parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "await_expression"}
    | {"type_assertion", "spread_element"}
)
_RELATIONAL = frozenset({"<", ">", "<=", ">="})
_PASSES = frozenset({"??", "||", "&&"})
_COPIES = frozenset({"Object.values", "Object.entries", "Object.keys", "Array.from", "structuredClone"})
_REBINDS = ("assignment_expression", "augmented_assignment_expression", "update_expression")
_STATEMENTS = ("if_statement", "while_statement", "do_statement")


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """One place where code uses a value. ``inside`` says that it is about something the value holds.

    ``how`` is an operator, a method, or what is done with what is read. ``key`` and ``value`` are what a write names.
    """

    how: str
    node: Node
    inside: bool
    is_write: bool = False
    key: Node | None = None
    value: Node | None = None


class Accesses:
    """Everything that happens to one value in one file; ``touched`` are the first bytes of what stands for it."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.tree = names.tree
        self.found: list[Access] = []
        self.touched: list[int] = []
        self.held: list[int] = []
        self.aliases: list[Name] = []
        self.returned: dict[str, bool] = {}
        self._seen: set[tuple[int, int]] = set()
        self._depth = 0

    def follow(self, nodes: Iterable[Node]) -> None:
        """Looks at each expression that is the value."""
        for node in nodes:
            self._look(node, False)

    # -- one expression -----------------------------------------------------------------------------------------------

    def _look(self, node: Node, inside: bool, key: Node | None = None) -> None:
        place = (node.start_byte, node.end_byte)
        if place in self._seen or len(self._seen) > MAX_LOOKS or self._depth > MAX_DEPTH:
            return
        self._seen.add(place)
        self._depth += 1
        self._look_around(node, inside, key)
        self._depth -= 1

    def _look_around(self, node: Node, inside: bool, key: Node | None) -> None:
        (self.held if inside else self.touched).append(node.start_byte)
        spread = False
        while (parent := node.parent) is not None and parent.type in _TRANSPARENT:
            spread = spread or parent.type == "spread_element"
            node = parent
        if parent is None:
            return
        if spread:
            self._read(self._purpose(node), node, inside)
            return
        look = _PARENTS.get(parent.type)
        if look is not None:
            look(self, node, parent, inside, key)
        else:
            self._read(self._purpose(node), node, inside, key)

    def _read(self, how: str, node: Node, inside: bool, key: Node | None = None) -> None:
        self.found.append(Access(how, node, inside, key=key))

    def _write(self, how: str, node: Node, inside: bool, key: Node | None = None, value: Node | None = None) -> None:
        self.found.append(Access(how, node, inside, True, key, value))

    def _purpose(self, node: Node) -> str:
        """``show`` for what a response or a result is made of, ``read`` for anything else."""
        above = node.parent
        while above is not None and above.type not in ("statement_block", "program", *FUNCTIONS):
            if above.type == "return_statement":
                return "show"
            if above.type == "call_expression" and self._callee(above).rpartition(".")[2] in _SHOWS:
                return "show"
            above = above.parent
        return "show" if above is not None and above.type == "arrow_function" else "read"

    def _callee(self, call: Node) -> str:
        function = call.child_by_field_name("function") or call.child_by_field_name("constructor")
        return self.tree.text(function) if function is not None else ""

    # -- by what stands around it -------------------------------------------------------------------------------------

    def _assignment(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        right = parent.child_by_field_name("right")
        if parent.child_by_field_name("left") == node:
            self._write("=", parent, inside, key, right)
            return
        left = parent.child_by_field_name("left")
        name = self.names.of(left) if left is not None else None
        if name is not None and name.owner != -1:
            self._alias(name, inside)
        elif name is not None and name.init is None and not inside:
            self.aliases.append(name)
        self._look(parent, inside, key)

    def _augmented(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        operator = parent.child_by_field_name("operator")
        if parent.child_by_field_name("left") == node:
            how = self.tree.text(operator) if operator is not None else "+="
            self._write(how, parent, inside, key, parent.child_by_field_name("right"))
            if how in ("??=", "||="):
                self._look(parent, inside, key)
        else:
            self._read("read", node, inside)

    def _update(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:  # noqa: ARG002 - as all
        self._write("++", parent, inside, key)
        self._read(self._purpose(parent), parent, inside)

    def _unary(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        if parent.children[0].type == "delete":
            self._write("delete", parent, inside, key)
        else:
            self._read("test", node, inside, key)

    def _member(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        property_ = parent.child_by_field_name("property")
        if parent.child_by_field_name("object") != node or property_ is None:
            self._read("read", node, inside)
            return
        name, around = self.tree.text(property_), parent.parent
        if around is not None and around.type == "call_expression" and around.child_by_field_name("function") == parent:
            self._called(name, around, inside, key)
        elif name in ("length", "size"):
            self._measured(parent, inside)
        else:
            self._look(parent, True, key)

    def _measured(self, member: Node, inside: bool) -> None:
        around = member.parent
        if (
            around is not None
            and around.type == "assignment_expression"
            and around.child_by_field_name("left") == member
        ):
            self._write("length", around, inside)
        else:
            self._look(member, True)

    def _called(self, name: str, call: Node, inside: bool, key: Node | None) -> None:
        listed = call.child_by_field_name("arguments")
        args = [arg for arg in listed.named_children if arg.type != "comment"] if listed is not None else []
        first = args[0] if args else None
        if name in MUTATORS and not (inside and name in _OF_STORES):
            value = args[-1] if args and name in _ADDS_LAST else None
            self._write(name, call, inside, first if value is not first or not inside else key, value)
        elif name in _SENDS and inside:
            self._read("send", call, inside)
        elif name in _ASKS:
            self._read("has" if name in ("has", "includes", "indexOf") else "get", call, inside, first)
        else:
            self._read("call", call, inside, first)
        if name in _EACH and first is not None and first.type in FUNCTIONS:
            self._callback(first)
        if name in _GIVES:
            self._look(call, True, first)

    def _callback(self, function: Node) -> None:
        for parameter in parameters(function)[:1]:
            for node in pattern_identifiers(parameter):
                if (name := self.names.of(node)) is not None:
                    self._alias(name, True)

    def _subscript(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        if parent.child_by_field_name("object") == node:
            self._look(parent, True, key or parent.child_by_field_name("index"))
        else:
            self._read("read", node, inside)

    def _declarator(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:  # noqa: ARG002 - as all
        bound = parent.child_by_field_name("name")
        leaves = list(pattern_identifiers(bound)) if bound is not None else []
        for text, steps in pattern_names(self.tree, bound) if bound is not None else ():
            name = next((n for leaf in leaves if (n := self.names.of(leaf)) and n.text == text), None)
            if name is not None:
                self._alias(name, inside or bool(steps), key)

    def _alias(self, name: Name, inside: bool, key: Node | None = None) -> None:
        self.aliases.append(name)
        for use in name.uses:
            parent = use.node.parent
            changed = parent.child_by_field_name("left") or parent.child_by_field_name("argument") if parent else None
            if parent is None or parent.type not in _REBINDS or changed != use.node:
                self._look(use.node, inside, key)
            elif parent.type != "assignment_expression":
                self.found.append(Access("raise", parent, True))

    def _binary(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        operator = parent.child_by_field_name("operator")
        text = self.tree.text(operator) if operator is not None else ""
        if text in _PASSES:
            self._read("test", node, inside, key)
            self._look(parent, inside, key)
        elif text == "in" and parent.child_by_field_name("right") == node:
            self._read("has", parent, inside, parent.child_by_field_name("left"))
        elif text in _RELATIONAL:
            self._read("compare", node, inside)
        elif text in ("===", "==", "!==", "!="):
            self._read("test", node, inside, key)
        else:
            self._read("compare" if self._is_compared(parent) else self._purpose(parent), node, inside)
            if text in ("+", "-"):
                self._look(parent, True, key)

    def _is_compared(self, node: Node) -> bool:
        """Whether a sum or difference is compared with something."""
        while node.parent is not None and node.parent.type in ("binary_expression", "parenthesized_expression"):
            node = node.parent
            operator = node.child_by_field_name("operator")
            if operator is not None and operator.type in _RELATIONAL:
                return True
        return False

    def _ternary(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        if parent.child_by_field_name("condition") == node:
            self._read("test", node, inside, key)
        else:
            self._look(parent, inside, key)

    def _condition(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:  # noqa: ARG002 - as all
        self._read("test", node, inside, key)

    def _loop(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:  # noqa: ARG002 - as all
        self._read("iterate", node, inside)
        left = parent.child_by_field_name("left")
        for leaf in pattern_identifiers(left) if left is not None else ():
            if (name := self.names.of(leaf)) is not None:
                self._alias(name, True)

    def _argument(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        call = parent.parent
        callee = self._callee(call) if call is not None else ""
        if call is None:
            return
        if callee == "Object.assign" and parent.named_children[0] == node:
            self._write("assign", call, inside, key, parent)
        elif callee in _COPIES:
            self._read("iterate", node, inside)
            self._look(call, True)
        else:
            self._read(self._purpose(node) if call.type == "call_expression" else "read", node, inside)
            self._handed(parent.named_children.index(node), call, inside)

    def _handed(self, index: int, call: Node, inside: bool) -> None:
        """Follows what is handed to a function of the file into that function's parameter."""
        function = self._function(call.child_by_field_name("function"))
        for parameter in parameters(function)[index : index + 1] if function is not None else ():
            for leaf in pattern_identifiers(parameter):
                if (name := self.names.of(leaf)) is not None:
                    self._alias(name, inside or leaf != parameter)

    def _function(self, callee: Node | None) -> Node | None:
        """The function of the module, or the method of the same object, that is called; None for any other."""
        if callee is None or callee.type == "identifier":
            name = self.names.of(callee) if callee is not None else None
            made = strip(name.init) if name is not None and name.owner == -1 and name.init is not None else None
            return made if made is not None and made.type in FUNCTIONS and not (name and name.steps) else None
        object_ = callee.child_by_field_name("object")
        above: Node | None = callee if object_ is not None and object_.type == "this" else None
        while above is not None and above.type != "class_body":
            above = above.parent
        wanted = self.tree.text(callee.child_by_field_name("property") or callee)
        methods = above.named_children if above is not None else ()
        return next((m for m in methods if m.type == "method_definition" and self._is_called(m, wanted)), None)

    def _is_called(self, method: Node, wanted: str) -> bool:
        name = method.child_by_field_name("name")
        return name is not None and self.tree.text(name) == wanted

    def _invoked(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:  # noqa: ARG002 - as all
        self._read("send" if inside else "call", parent, inside)

    def _result(self, node: Node, parent: Node, inside: bool, key: Node | None) -> None:
        if parent.type == "arrow_function" and parent.child_by_field_name("body") != node:
            return
        self._read("return", node, inside, key)
        function: Node | None = node.parent
        while function is not None and function.type not in FUNCTIONS:
            function = function.parent
        named = self._named(function) if function is not None else None
        if named is None:
            return
        self.returned[named.text] = inside
        for use in named.uses:
            around = use.node.parent
            if (
                around is not None
                and around.type == "call_expression"
                and around.child_by_field_name("function") == use.node
            ):
                self._look(around, inside)

    def _named(self, function: Node) -> Name | None:
        """The name a function of the module goes by."""
        holder = function.parent if function.type not in ("function_declaration", "method_definition") else function
        name = holder.child_by_field_name("name") if holder is not None else None
        found = self.names.of(name) if name is not None and name.type == "identifier" else None
        return found if found is not None and found.owner == -1 else None


_PARENTS = {
    "assignment_expression": Accesses._assignment,
    "augmented_assignment_expression": Accesses._augmented,
    "update_expression": Accesses._update,
    "unary_expression": Accesses._unary,
    "member_expression": Accesses._member,
    "subscript_expression": Accesses._subscript,
    "variable_declarator": Accesses._declarator,
    "binary_expression": Accesses._binary,
    "ternary_expression": Accesses._ternary,
    "call_expression": Accesses._invoked,
    "for_in_statement": Accesses._loop,
    "arguments": Accesses._argument,
    "return_statement": Accesses._result,
    "arrow_function": Accesses._result,
    **dict.fromkeys(_STATEMENTS, Accesses._condition),
}
