"""Reduction of syntax to expressions."""

from __future__ import annotations

from dataclasses import replace

from reviewer.core.facts import Expr, ExprKind, Ref
from reviewer.core.nodes import PLAIN_FUNCTIONS
from reviewer.core.scopes import Resolver, Scope, string_value, strip
from reviewer.core.syntax import Node, Tree

MAX_DEPTH = 16
CALL_DEPTH = 6
CONSTANT_DEPTH = 3  # of constants made from constants, which could double at every step

_LITERALS: dict[str, ExprKind] = {
    "number": "number",
    "true": "bool",
    "false": "bool",
    "null": "null",
    "undefined": "null",
    "regex": "regex",
}
_PLAIN = (*_LITERALS, "binary_expression", "unary_expression", "ternary_expression")


class Expressions:
    """Converts nodes of one tree, and keeps the function nodes it met; a function's id is its first byte."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.resolver = Resolver(tree)
        self.functions: dict[int, Node] = {}

    def convert(self, node: Node, scope: Scope, depth: int = 0) -> Expr:
        """The expression at *node*; what nests deeper than MAX_DEPTH becomes ``other``."""
        node = strip(node)
        kind = node.type
        if depth > MAX_DEPTH:
            return self._leaf(node, "other")
        if kind in ("identifier", "member_expression", "subscript_expression", "this"):
            return self._reference(node, scope, depth)
        if kind in ("call_expression", "new_expression"):
            return self._call(node, scope, depth)
        if kind in PLAIN_FUNCTIONS:
            name = node.child_by_field_name("name")
            text = self.tree.text(name) if name is not None else ""
            return self._function(node, text)
        if kind in ("string", "template_string"):
            value = string_value(self.tree, node)
            return self._leaf(node, "other" if value is None else "string", value or "")
        if kind in _LITERALS:
            return self._leaf(node, _LITERALS[kind], self.tree.text(node))
        if kind in ("object", "array", "ternary_expression", "binary_expression"):
            return self._compound(node, scope, depth)
        if kind == "unary_expression" and (argument := node.child_by_field_name("argument")) is not None:
            return self._unary(node, argument, scope, depth)
        return self._leaf(node, "other")

    def arguments(self, node: Node, scope: Scope, depth: int = 0) -> tuple[Expr, ...]:
        """The arguments of a call or construction."""
        arguments = node.child_by_field_name("arguments")
        if arguments is None or arguments.type != "arguments":
            return ()
        return tuple(
            self.convert(child, scope, depth + 1) for child in arguments.named_children if child.type != "comment"
        )

    def call_arguments(self, node: Node, scope: Scope) -> tuple[Expr, ...]:
        """The arguments of a call that is listed by itself, as the calls inside them are: read less deep."""
        return self.arguments(node, scope, MAX_DEPTH - CALL_DEPTH)

    def member(self, expr: Expr, steps: tuple[str, ...], node: Node) -> Expr:
        """The part of *expr* a destructuring pattern reaches by *steps*, placed at the pattern's node."""
        for step in steps:
            expr = Expr("member", expr.line, expr.column, expr.end_line, step.lstrip("."), callee=expr)
        if not steps:
            return expr
        line, column, end = self.tree.line(node), self.tree.column(node), self.tree.end_line(node)
        return Expr(expr.kind, line, column, end, expr.name, callee=expr.callee)

    def nothing(self, node: Node) -> Expr:
        """An expression nobody asks about, known by its place only."""
        return self._leaf(node, "other")

    def _leaf(self, node: Node, kind: ExprKind, name: str = "", ref: Ref | None = None, function: int = -1) -> Expr:
        tree = self.tree
        line, column, end = tree.line(node), tree.column(node), tree.end_line(node)
        return Expr(kind, line, column, end, name, ref, function=function)

    def _function(self, node: Node, name: str) -> Expr:
        self.functions[node.start_byte] = node
        return self._leaf(node, "function", name, function=node.start_byte)

    def _reference(self, node: Node, scope: Scope, depth: int) -> Expr:
        if node.type == "identifier" and self.tree.text(node) == "undefined":
            return self._leaf(node, "null", "undefined")
        if node.type == "identifier" and (literal := self._literal(node, scope, depth)) is not None:
            return literal
        ref = self.resolver.ref(node, scope)
        if node.type in ("identifier", "this"):
            return self._leaf(node, "ref", self.tree.text(node), ref)
        property_ = node.child_by_field_name("property") or node.child_by_field_name("index")
        object_ = node.child_by_field_name("object")
        name = self.tree.text(property_) if property_ is not None else ""
        callee = self.convert(object_, scope, depth + 1) if object_ is not None else None
        tree = self.tree
        return Expr("member", tree.line(node), tree.column(node), tree.end_line(node), name, ref, callee=callee)

    def _call(self, node: Node, scope: Scope, depth: int) -> Expr:
        tree = self.tree
        callee_node = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        callee = self.convert(callee_node, scope, depth + 1) if callee_node is not None else None
        kind: ExprKind = "new" if node.type == "new_expression" else "call"
        return Expr(
            kind,
            tree.line(node),
            tree.column(node),
            tree.end_line(node),
            ref=self.resolver.ref(node, scope),
            items=self.arguments(node, scope, depth),
            callee=callee,
        )

    def _compound(self, node: Node, scope: Scope, depth: int) -> Expr:
        tree = self.tree
        line, column, end = tree.line(node), tree.column(node), tree.end_line(node)
        if node.type == "object":
            return Expr("object", line, column, end, props=tuple(self._properties(node, scope, depth)))
        if node.type == "array":
            items = tuple(self.convert(c, scope, depth + 1) for c in node.named_children if c.type != "comment")
            return Expr("array", line, column, end, items=items)
        fields = ("consequence", "alternative") if node.type == "ternary_expression" else ("left", "right")
        parts = [node.child_by_field_name(field) for field in fields]
        items = tuple(self.convert(part, scope, depth + 1) for part in parts if part is not None)
        operator = node.child_by_field_name("operator")
        return Expr("choice", line, column, end, tree.text(operator) if operator is not None else "?", items=items)

    def _unary(self, node: Node, argument: Node, scope: Scope, depth: int) -> Expr:
        if node.children[0].type != "!":
            return self._leaf(node, "other")
        item = self.convert(argument, scope, depth + 1)
        return replace(self._leaf(node, "not", "!"), items=(item,))

    def _properties(self, node: Node, scope: Scope, depth: int) -> list[tuple[str, Expr]]:
        properties = []
        for child in node.named_children:
            if child.type == "pair":
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                if key is not None and value is not None:
                    name = string_value(self.tree, key) if key.type == "string" else self.tree.text(key)
                    properties.append((name or "", self.convert(value, scope, depth + 1)))
            elif child.type == "shorthand_property_identifier":
                properties.append((self.tree.text(child), self._shorthand(child, scope, depth)))
            elif child.type == "method_definition":
                key = child.child_by_field_name("name")
                properties.append((self.tree.text(key) if key is not None else "", self._function(child, "")))
            elif child.type == "spread_element" and child.named_children:
                properties.append(("...", self.convert(child.named_children[0], scope, depth + 1)))
        return properties

    def _literal(self, node: Node, scope: Scope, depth: int) -> Expr | None:
        """The plain value a constant was given: a string placed where it is used, any other where it is written."""
        binding = scope.lookup(self.tree.text(node))
        if binding is None or binding.init is None or binding.steps or not binding.constant:
            return None
        init = strip(binding.init)
        value = string_value(self.tree, init)
        if value is not None:
            return self._leaf(node, "string", value)
        return self.convert(init, binding.scope or scope, depth + CONSTANT_DEPTH) if init.type in _PLAIN else None

    def _shorthand(self, node: Node, scope: Scope, depth: int) -> Expr:
        name = self.tree.text(node)
        if (literal := self._literal(node, scope, depth + 1)) is not None:
            return literal
        binding = scope.lookup(name)
        ref = binding.ref if binding is not None else Ref("global", name)
        if ref is None and binding is not None and binding.constant and binding.init is not None:
            ref = self.resolver.ref(binding.init, binding.scope or scope)
            ref = ref.then(*binding.steps) if ref is not None else None
        return self._leaf(node, "ref", name, ref or Ref("local", name))
