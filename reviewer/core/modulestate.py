"""What a file keeps between calls: bindings of its module that can hold something, and everything done to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from reviewer.core.accesses import MUTATORS, Access, Accesses
from reviewer.core.modulenames import Name, Names, Use
from reviewer.core.nodes import FUNCTIONS
from reviewer.core.scopes import string_value, strip
from reviewer.core.syntax import Node, Tree, parse
from reviewer.core.text import Source

Holder = Literal["variable", "global", "field", "static", "closure", "import", "result"]
Holds = Literal["map", "set", "list", "object", "record", "value", "flag", "nothing", "library", "other"]

GLOBALS = frozenset({"globalThis", "global"})
_CONTAINERS: dict[str, Holds] = {"Map": "map", "Set": "set", "Array": "list", "WeakMap": "other", "WeakSet": "other"}
_LITERALS: dict[str, Holds] = {
    "array": "list",
    "object": "object",
    "number": "value",
    "string": "value",
    "template_string": "value",
    "true": "flag",
    "false": "flag",
    "null": "nothing",
    "undefined": "nothing",
}
_HELD = frozenset({"map", "set", "list", "object", "record"})
_FIELDS = ("field_definition", "public_field_definition")
_CLASSES = ("class_declaration", "abstract_class_declaration", "class")
_LOADED = re.compile(rb"\b(?:from|import|require)\s*\(?\s*['\"]([^'\"\n]+)['\"]")
_DEVELOPMENT = re.compile(
    r"NODE_ENV\W*\s*!==?\s*['\"]production|NODE_ENV\W*\s*===?\s*['\"](?:development|test)|\bimport\.meta\.hot\b"
)


@dataclass(slots=True, eq=False)
class State:
    """Something a module holds, and what this file does with it.

    ``label`` is how the code spells it. For an import, ``name`` tells whose exported name it is; for a field, ``owner``
    is the class, and for what the functions share that a function returns, that function. ``made`` is the expression
    it starts with.
    """

    holder: Holder
    label: str
    node: Node
    holds: Holds
    made: Node | None = None
    name: Name | None = None
    owner: str = ""
    accesses: list[Access] = field(default_factory=list)
    inside: list[int] = field(default_factory=list)
    touched: list[int] = field(default_factory=list)
    returned: dict[str, bool] = field(default_factory=dict)

    @property
    def writes(self) -> list[Access]:
        """What functions of the file do to it once the module is loaded."""
        return [access for access in self.accesses if access.is_write]


class FileState:
    """The states of one parsed file. Raises TooComplex as the parser does."""

    def __init__(self, source: Source, language: str) -> None:
        self.tree: Tree = parse(source, language)
        self.names = Names(self.tree)
        self.directives = frozenset(_directives(self.tree))
        loaded = _LOADED.findall(source.data)
        self.modules = frozenset(module.decode("utf-8", "replace") for module in loaded)
        self.classes = {name: cls for cls in self._classes() if (name := self._named(cls))}
        self._by_name: dict[str, list[State]] = {}

    def states(self, borrows: Callable[[str], bool] = lambda _module: False) -> Iterator[State]:
        """What the file holds, and what it does with imports of the modules that *borrows* takes."""
        yield from self._apart[0]
        for name in self.names.module.values():
            if not name.module or borrows(name.module):
                if name.text not in self._by_name:
                    self._by_name[name.text] = [state for state in self._states_of(name) if _is_used(state)]
                yield from self._by_name[name.text]

    def text(self, node: Node | None) -> str:
        return self.tree.text(node) if node is not None else ""

    def outermost(self, node: Node) -> Node | None:
        """The function of the module, or the method of a class of it, that a place lies in; None at module level."""
        found = None
        above: Node | None = node
        while above is not None:
            if above.type in _CLASSES:
                return found if found is not None else None
            if above.type in FUNCTIONS:
                found = above
            above = above.parent
        return found

    def runs_in_production(self, node: Node) -> bool:
        """Whether no condition around a place asks for development or for tests."""
        below, above = node, node.parent
        while above is not None:
            guards = above.type == "if_statement" and above.child_by_field_name("consequence") == below
            if guards and _DEVELOPMENT.search(self.text(above.child_by_field_name("condition"))):
                return False
            below, above = above, above.parent
        return True

    def makes(self, node: Node | None) -> str:
        """The name of the class an expression makes an instance of; '' for anything else."""
        made = self.initial(node)
        constructor = made.child_by_field_name("constructor") if made is not None else None
        return self.text(constructor) if made is not None and made.type == "new_expression" else ""

    def initial(self, node: Node | None) -> Node | None:
        """The value a declaration starts with, behind ``??``, ``||``, assignments and conditions."""
        while node is not None and node.type != "await_expression":
            node = strip(node)
            if node.type in ("binary_expression", "assignment_expression", "augmented_assignment_expression"):
                node = node.child_by_field_name("right")
            elif node.type == "ternary_expression":
                node = node.child_by_field_name("alternative")
            else:
                return node
        return node

    def holds(self, node: Node | None) -> Holds:
        """What kind of thing an expression makes."""
        made = self.initial(node)
        if made is None:
            return "nothing"
        if made.type == "identifier" and self.text(made) == "undefined":
            return "nothing"
        if made.type == "new_expression":
            return _CONTAINERS.get(self.makes(made), "library")
        if made.type == "call_expression":
            callee = self.text(made.child_by_field_name("function"))
            return {"Object.create": "object", "Array": "list", "Array.from": "list"}.get(callee, "library")  # type: ignore[return-value]
        if made.type == "object" and made.named_children:
            return "record"
        return _LITERALS.get(made.type, "other")

    # -- what there is ------------------------------------------------------------------------------------------------

    @cached_property
    def _apart(self) -> tuple[list[State], set[Name]]:
        """What no name of the module holds: properties of the global object and fields; and the names that copy it."""
        found: list[State] = []
        aliased: set[Name] = set()
        for state, nodes in (*self._of_globals(), *self._of_fields()):
            aliased |= self._fill(state, nodes)
            found += [state] if _is_used(state) else []
        return found, aliased

    def _states_of(self, name: Name) -> Iterator[State]:
        if name not in self._apart[1]:
            yield from self._of_name(name)
        if (maker := self.maker(name)) is not None:
            yield from self._of_maker(name.text, maker)

    def maker(self, name: Name) -> Node | None:
        """The function a name of the module is, or the one that is called at once to make its value."""
        made = strip(name.init) if name.init is not None and not name.steps else None
        called = made.child_by_field_name("function") if made is not None and made.type == "call_expression" else None
        node = strip(called) if called is not None else made
        return node if node is not None and node.type in FUNCTIONS else None

    def _of_maker(self, owner: str, maker: Node) -> Iterator[State]:
        for name in self.names.locals_of(maker):
            held = self.holds(name.init) if name.init is not None and not name.steps else "nothing"
            if held in _HELD or held == "library":
                state = State("closure", name.text, name.node, held, name.init, name, owner)
                self._fill(state, [use.node for use in name.uses])
                state.accesses = [a for a in state.accesses if _function_of(a.node) != maker]
                yield state

    def _of_name(self, name: Name) -> Iterator[State]:
        uses = [use.node for use in name.uses]
        if name.kind == "import" or name.module:
            state = State("import", name.text, name.node, "other", None, name)
            self._fill(state, uses)
            yield state
            called = State("result", name.text, name.node, "other", None, name)
            self._fill(called, [call for node in uses if (call := _call_of(node)) is not None])
            yield called
        elif name.kind in ("constant", "variable") and not name.steps and not self._is_global(name):
            if name.kind == "constant" and self.holds(name.init) in ("value", "flag", "nothing"):
                return
            state = State("variable", name.text, name.node, self.holds(name.init), name.init, name)
            self._fill(state, uses)
            yield state

    def _fill(self, state: State, nodes: Iterable[Node]) -> set[Name]:
        seen = Accesses(self.names)
        seen.follow(nodes)
        state.accesses = [
            access for access in seen.found if self._is_later(access.node) and self.runs_in_production(access.node)
        ]
        if state.holds in ("nothing", "other"):
            values = (self.holds(a.value) for a in seen.found if a.is_write and a.how.endswith("=") and not a.inside)
            state.holds = next((held for held in values if held in _HELD), state.holds)
            if state.holds == "nothing" and any(self.makes(a.value) for a in seen.found if a.how.endswith("=")):
                state.holds = "library"
        if state.holds in ("record", "value", "flag"):  # whose methods are its own
            state.accesses = [a for a in state.accesses if a.inside or not a.is_write or a.how not in MUTATORS]
        state.inside, state.touched, state.returned = sorted(seen.held), sorted(seen.touched), seen.returned
        return {name for name in seen.aliases if name.owner == -1}

    def _is_later(self, node: Node) -> bool:
        """Whether code runs after the module is loaded, and after the object it belongs to is made."""
        function = self.outermost(node)
        return function is not None and self.text(function.child_by_field_name("name")) != "constructor"

    # -- globalThis ---------------------------------------------------------------------------------------------------

    def _of_globals(self) -> Iterator[tuple[State, list[Node]]]:
        """``globalThis.x``, ``(global as any).x`` and ``g.x`` where g is a constant for the global object."""
        members: dict[str, list[Node]] = {}
        for node in self._global_objects():
            member = _outside(node).parent
            if member is None or member.child_by_field_name("object") != _outside(node):
                continue
            key = member.child_by_field_name("property") or member.child_by_field_name("index")
            text = self._spelled(key)
            if text and member.type in ("member_expression", "subscript_expression"):
                members.setdefault(text, []).append(member)
        for text, nodes in members.items():
            made = next((right for node in nodes if (right := _assigned(node)) is not None), None)
            yield State("global", f"globalThis.{text}", nodes[0], self.holds(made), made), nodes

    def _spelled(self, key: Node | None) -> str:
        """The name of a member of the global object, also where a constant holds it."""
        name = self.names.of(key) if key is not None else None
        if name is not None and name.kind == "constant" and not name.steps and name.init is not None:
            key = strip(name.init)
        literal = string_value(self.tree, key) if key is not None and key.type == "string" else None
        return literal or (f"[{self.text(key)}]" if name is not None else self.text(key))

    def _global_objects(self) -> Iterator[Node]:
        for text in GLOBALS:
            yield from (use.node for use in self.names.globals.get(text, ()))
        for name in self.names.module.values():
            if self._is_global(name):
                yield from (use.node for use in name.uses)

    def _is_global(self, name: Name) -> bool:
        made = strip(name.init) if name.init is not None and not name.steps else None
        return made is not None and made.type == "identifier" and self.text(made) in GLOBALS

    # -- classes ------------------------------------------------------------------------------------------------------

    def _classes(self) -> Iterator[Node]:
        for node in self.tree.root.named_children:
            declared = node.child_by_field_name("declaration") if node.type == "export_statement" else node
            if declared is None:
                declared = node.child_by_field_name("value")
            if declared is not None and declared.type in _CLASSES:
                yield declared

    def _named(self, cls: Node) -> str:
        return self.text(cls.child_by_field_name("name"))

    def _of_fields(self) -> Iterator[tuple[State, list[Node]]]:
        for name, cls in self.classes.items():
            yield from self._fields(name, cls)

    def _fields(self, owner: str, cls: Node) -> Iterator[tuple[State, list[Node]]]:
        own = self.names.module.get(owner)
        body = cls.child_by_field_name("body")
        for node in body.named_children if body is not None else ():
            key = node.child_by_field_name("property") or node.child_by_field_name("name")
            if node.type not in _FIELDS or key is None:
                continue
            made, text = node.child_by_field_name("value"), self.text(key)
            is_static = any(child.type == "static" for child in node.children)
            objects = [use.node for use in own.uses] if own is not None and is_static else []
            objects += [use.node for use in self._this_of(cls)]
            nodes = [m for o in objects if (m := o.parent) is not None and self._is_member(m, o, text)]
            holder: Holder = "static" if is_static else "field"
            yield State(holder, f"{owner}.{text}", node, self.holds(made), made, None, owner), nodes

    def _is_member(self, member: Node, object_: Node, text: str) -> bool:
        is_object = member.type == "member_expression" and member.child_by_field_name("object") == object_
        return is_object and self.text(member.child_by_field_name("property")) == text

    def _this_of(self, cls: Node) -> Iterator[Use]:
        return (use for use in self.names.this if cls.start_byte <= use.node.start_byte < cls.end_byte)


def _is_used(state: State) -> bool:
    return bool(state.accesses) or state.holds in _HELD


def _function_of(node: Node) -> Node | None:
    """The innermost function a place lies in."""
    above = node.parent
    while above is not None and above.type not in FUNCTIONS:
        above = above.parent
    return above


def _directives(tree: Tree) -> Iterator[str]:
    for node in tree.root.named_children:
        if node.type == "comment":
            continue
        child = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
        if child is None or child.type != "string":
            return
        yield string_value(tree, child) or ""


def _outside(node: Node) -> Node:
    """The expression with the type assertions and parentheses around it."""
    while node.parent is not None and node.parent.type in (
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
    ):
        node = node.parent
    return node


def _assigned(node: Node) -> Node | None:
    """What is assigned to a member, if anything."""
    outside = _outside(node)
    parent = outside.parent
    if (
        parent is None
        or parent.child_by_field_name("left") != outside
        or not parent.type.endswith("assignment_expression")
    ):
        if parent is not None and parent.type == "binary_expression" and parent.child_by_field_name("left") == outside:
            return parent.child_by_field_name("right")
        return None
    return parent.child_by_field_name("right")


def _call_of(node: Node) -> Node | None:
    parent = node.parent
    is_call = parent is not None and parent.type == "call_expression" and parent.child_by_field_name("function") == node
    return parent if is_call else None
