"""Calls of one file that send a piece of a streamed response, directly or through functions of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from reviewer.core.nodes import functions_around, parameters
from reviewer.core.syntax import Node, Tree, captures

Kind = Literal["", "enqueue", "write"]

_ROUNDS = 3
_NAMED_BY = {"variable_declarator": "name", "pair": "key", "assignment_expression": "left"}


class StreamWrites:
    """Tells what sends: ``enqueue`` of a stream's controller, or ``write`` of a parameter or a stream's writer."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.senders: dict[str, Kind] = {}
        data = tree.source.data
        if b"enqueue" not in data and b".write" not in data:
            return
        self._writers = _writers(tree)
        calls = [node for node, _ in captures(tree, "(call_expression) @call")]
        for _ in range(_ROUNDS):
            known = len(self.senders)
            for call in calls:
                if kind := self.kind_of(call):
                    self._note(call, kind)
            if len(self.senders) == known:
                break

    def _note(self, call: Node, kind: Kind) -> None:
        """Every function with a name around a call that sends is a sender."""
        for function in functions_around(call):
            if name := name_of(self.tree, function):
                self.senders.setdefault(name, kind)

    def kind_of(self, call: Node) -> Kind:
        """How a call sends, '' where it does not."""
        called = call.child_by_field_name("function")
        property_ = called.child_by_field_name("property") if called is not None else None
        if called is None or property_ is None:
            return self.senders.get(self.tree.text(called), "") if called is not None else ""
        name, object_ = self.tree.text(property_), called.child_by_field_name("object")
        if name == "enqueue":
            return "enqueue"
        receiver = self.tree.text(object_) if object_ is not None else ""
        if name == "write":
            return "write" if receiver in self._writers or self.is_parameter(call, receiver) else ""
        return self.senders.get(name, "")

    def within(self, nodes: Iterable[Node]) -> Kind:
        """How the calls among some nodes send, the first kind of them."""
        return next((kind for node in nodes if node.type == "call_expression" and (kind := self.kind_of(node))), "")

    def is_parameter(self, node: Node, name: str) -> bool:
        """Whether a name is a parameter of a function around a node."""
        return any(
            self.tree.text(pattern).partition(":")[0].strip() == name
            for function in functions_around(node)
            for pattern in parameters(function)
        )


def _writers(tree: Tree) -> set[str]:
    """Names that hold the writer of a stream."""
    text = tree.source.data.decode("utf-8", "replace")
    return set(re.findall(r"([\w$]+)\s*=\s*[\w$.]{1,80}\.getWriter\(", text))


def name_of(tree: Tree, function: Node) -> str:
    """What a function is called or kept in, '' without either."""
    name, around = function.child_by_field_name("name"), function.parent
    if name is None and around is not None and around.type in _NAMED_BY:
        name = around.child_by_field_name(_NAMED_BY[around.type])
    return tree.text(name).rpartition(".")[2] if name is not None else ""
