"""Which binding a name means at a place, and the reference an expression amounts to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reviewer.core.facts import Ref
from reviewer.core.syntax import Node, Tree

MAX_HOPS = 12
MAX_STEPS = 60

_TRANSPARENT = frozenset(
    {
        "parenthesized_expression",
        "as_expression",
        "satisfies_expression",
        "non_null_expression",
        "type_assertion",
        "await_expression",
        "instantiation_expression",
    }
)
_SPACES = re.compile(r"\s+|\?(?=\.)|!(?=\.)")


@dataclass(slots=True)
class Binding:
    """What a name was declared as."""

    ref: Ref | None = None
    init: Node | None = None
    steps: tuple[str, ...] = ()
    scope: Scope | None = None
    constant: bool = True


@dataclass(slots=True)
class Scope:
    """A function, block or module scope."""

    end: int
    parent: Scope | None
    function: int
    is_function: bool
    in_catch: bool = False
    depth: int = 0
    conditional: bool = False
    names: dict[str, Binding] = field(default_factory=dict)

    def lookup(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            if (binding := scope.names.get(name)) is not None:
                return binding
            scope = scope.parent
        return None

    def var_scope(self) -> Scope:
        scope = self
        while not scope.is_function and scope.parent is not None:
            scope = scope.parent
        return scope


def strip(node: Node) -> Node:
    """The expression under parentheses, type assertions and ``await``."""
    while node.type in _TRANSPARENT or is_await_call(node):
        if node.type == "call_expression":
            node = node.named_children[1].named_children[0]
            continue
        children = [child for child in node.named_children if child.type != "comment"]
        if not children:
            return node
        node = children[-1] if node.type == "type_assertion" else children[0]
    return node


def is_await_call(node: Node) -> bool:
    """Whether a call is really ``await (x)``, which the grammar takes for a call of a function named await."""
    if node.type != "call_expression" or node.named_child_count != 2:
        return False
    callee, arguments = node.named_children
    return (
        callee.type == "identifier"
        and callee.end_byte - callee.start_byte == 5
        and callee.text == b"await"
        and arguments.type == "arguments"
        and arguments.named_child_count == 1
    )


def string_value(tree: Tree, node: Node) -> str | None:
    """The value of a string literal or of a template without substitutions, else None."""
    if node.type == "string":
        return unescape(tree.text(node)[1:-1])
    if node.type == "template_string" and not any(c.type == "template_substitution" for c in node.named_children):
        return unescape(tree.text(node)[1:-1])
    return None


def compact(text: str) -> str:
    """The text of what is called without spaces, optional chaining and assertions: ``a?.b!.c`` as ``a.b.c``."""
    return _SPACES.sub("", text)


def unescape(text: str) -> str:
    if "\\" not in text:
        return text
    simple = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
    out, chars = [], iter(text)
    for char in chars:
        if char != "\\":
            out.append(char)
            continue
        escaped = next(chars, "")
        out.append(simple.get(escaped, escaped))
    return "".join(out)


def pattern_names(tree: Tree, pattern: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every name a declaration pattern binds, with the member steps that lead to its value."""
    stack: list[tuple[Node, tuple[str, ...]]] = [(pattern, ())]
    while stack:
        node, steps = stack.pop()
        kind = node.type
        if kind in ("identifier", "shorthand_property_identifier_pattern"):
            name = tree.text(node)
            yield name, (*steps, f".{name}") if kind.startswith("shorthand") else steps
        elif kind == "pair_pattern":
            key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if key is not None and value is not None:
                stack.append((value, (*steps, f".{tree.text(key).strip(chr(34) + chr(39))}")))
        elif kind in ("object_assignment_pattern", "assignment_pattern"):
            left = node.child_by_field_name("left")
            if left is not None:
                stack.append((left, steps))
        elif kind == "object_pattern":
            stack.extend((child, steps) for child in node.named_children)
        elif kind in ("array_pattern", "rest_pattern"):
            stack.extend((child, (*steps, "[]")) for child in node.named_children)


def pattern_identifiers(pattern: Node) -> Iterator[Node]:
    """The nodes of the names a declaration pattern binds; its defaults and types are none."""
    stack = [pattern]
    while stack:
        node = stack.pop()
        if node.type in ("identifier", "shorthand_property_identifier_pattern"):
            yield node
        elif node.type in ("object_assignment_pattern", "assignment_pattern"):
            left = node.child_by_field_name("left")
            stack += [left] if left is not None else []
        elif node.type != "type_annotation":
            stack += node.named_children


class Resolver:
    """Turns expressions into references, following constants within the file."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.makes_require = b"createRequire" in tree.source.data
        self._making = False

    def ref(self, node: Node, scope: Scope, hops: int = 0) -> Ref | None:
        """The reference *node* amounts to, or None when it is no chain, or a very long one, of names and calls.

        Methods are taken to return their object, as registrations do; ``listen`` returns another one.
        """
        steps: list[str] = []
        made, listens = "", False
        while len(steps) < MAX_STEPS:
            node = strip(node)
            if node.type in ("member_expression", "subscript_expression"):
                step = self._member_step(node)
                object_ = node.child_by_field_name("object")
                if step is None or object_ is None:
                    return None
                steps.append(step)
                node = object_
            elif node.type in ("call_expression", "new_expression"):
                if (module := self.required_module(node, scope)) is not None:
                    return Ref("import", "*", module, tuple(reversed(steps)), origin=made)
                callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
                if callee is None:
                    return None
                if not listens:
                    made, listens = str(node.start_byte), self._is_listen(callee)
                steps.append("()" if node.type == "call_expression" else "new")
                node = callee
            else:
                root = self._root(node, scope, hops)
                return _reached(root, steps, made, listens) if root is not None else None
        return None

    def _is_listen(self, callee: Node) -> bool:
        property_ = callee.child_by_field_name("property")
        return property_ is not None and property_.text == b"listen"

    def _root(self, node: Node, scope: Scope, hops: int) -> Ref | None:
        if node.type == "this":
            return Ref("this", "this")
        if node.type != "identifier":
            return None
        name = self.tree.text(node)
        binding = scope.lookup(name)
        if binding is None:
            return Ref("global", name)
        if binding.ref is not None:
            return binding.ref
        if binding.init is not None and binding.constant and hops < MAX_HOPS:
            value = self.ref(binding.init, binding.scope or scope, hops + 1)
            if value is not None:
                return replace(value.then(*binding.steps), origin="") if binding.steps else value
        return Ref("local", name)

    def _member_step(self, node: Node) -> str | None:
        if node.type == "member_expression":
            name = node.child_by_field_name("property")
            return f".{self.tree.text(name)}" if name is not None else None
        index = node.child_by_field_name("index")
        value = string_value(self.tree, index) if index is not None else None
        return f".{value}" if value is not None else "[]"

    def required_module(self, node: Node, scope: Scope) -> str | None:
        """The module a ``require('x')`` or ``import('x')`` loads, else None."""
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None or not self._loads(function, scope):
            return None
        first = next((child for child in arguments.named_children if child.type != "comment"), None)
        return string_value(self.tree, strip(first)) if first is not None else None

    def _loads(self, function: Node, scope: Scope) -> bool:
        """Whether a callee is ``import``, ``require`` or what ``createRequire`` made."""
        if function.type == "import":
            return True
        if function.type != "identifier":
            return self.makes_require and function.type == "call_expression" and self._made(function, scope)
        name = self.tree.text(function)
        if name != "require" and not self.makes_require:
            return False
        binding = scope.lookup(name)
        if binding is None:
            return name == "require"
        init = binding.init if binding.constant and not binding.steps else None
        return self.makes_require and init is not None and self._made(init, binding.scope or scope)

    def _made(self, node: Node, scope: Scope) -> bool:
        """Whether an expression is a call of Node's ``createRequire``."""
        call = strip(node)
        callee = call.child_by_field_name("function") if call.type == "call_expression" else None
        if callee is None or self._making:
            return False
        self._making = True  # a name may be declared through itself
        maker = self.ref(callee, scope, 1)
        self._making = False
        return maker is not None and maker.module in ("module", "node:module") and maker.path() == (".createRequire",)


def _reached(root: Ref, steps: list[str], made: str, listens: bool) -> Ref:
    """What steps, the last one first, lead to from a root; the object is the root's own unless a call made another."""
    path = root.steps + tuple(reversed(steps))
    if root.kind != "import" or not path:
        return Ref(root.kind, root.name, root.module, path, root.function, root.index)
    origin = made if listens or not root.origin else root.origin
    return Ref(root.kind, root.name, root.module, path, root.function, root.index, origin)
