"""Numbers a file spells out: literals, products of them and constants, and how often a loop runs at most."""

from __future__ import annotations

import re

from reviewer.core.nodes import FUNCTIONS
from reviewer.core.syntax import Node, Tree, captures

_LITERAL = re.compile(r"\d[\d_]{0,12}(?:\.\d{1,9})?(?:e\d)?")
_BOUND = re.compile(r"([\w$]+)\s*(<=?)\s*([\w$]+)")
MAX_PARTS = 12


class Numbers:
    """The numbers of one tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._constants: dict[str, Node] = {}
        doubtful: set[str] = set()
        for node, _ in captures(tree, "(lexical_declaration) @declaration"):
            if node.children[0].type != "const":
                continue
            for child in node.named_children:
                name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
                if name is not None and value is not None:
                    text = tree.text(name)
                    if text in self._constants:
                        doubtful.add(text)
                    self._constants[text] = value
        self._constants = {name: value for name, value in self._constants.items() if name not in doubtful}

    def value(self, node: Node, parts: int = MAX_PARTS) -> int:
        """The whole number an expression amounts to, 0 where that cannot be told."""
        if node.type == "number":
            text = self.tree.text(node)
            return int(float(text.replace("_", ""))) if _LITERAL.fullmatch(text) else 0
        if parts <= 0:
            return 0
        if node.type == "parenthesized_expression" and node.named_children:
            return self.value(node.named_children[0], parts - 1)
        if node.type == "binary_expression":
            return self._product(node, parts - 1)
        held = self._constants.get(self.tree.text(node)) if node.type == "identifier" else None
        return self.value(held, parts // 2) if held is not None else 0

    def _product(self, node: Node, parts: int) -> int:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None or self.tree.text(operator) not in ("*", "+"):
            return 0
        values = self.value(left, parts // 2), self.value(right, parts // 2)
        if not all(values):
            return 0
        return values[0] * values[1] if self.tree.text(operator) == "*" else values[0] + values[1]

    def times(self, node: Node) -> int:
        """How often a node runs at most each time its function does, as far as loops around it have a literal end."""
        times, above = 1, node.parent
        while above is not None and above.type not in FUNCTIONS:
            times *= max(self._turns(above), 1)
            above = above.parent
        return times

    def _turns(self, loop: Node) -> int:
        """The turns of a loop that counts from 0 or 1 to a number; 0 for any other."""
        condition = loop.child_by_field_name("condition")
        if condition is None or loop.type not in ("for_statement", "while_statement"):
            return 0
        match = _BOUND.search(self.tree.text(condition))
        if match is None or not self._counts(loop, match.group(1)):
            return 0
        bound = match.group(3)
        if _LITERAL.fullmatch(bound):
            return int(float(bound.replace("_", "")))
        held = self._constants.get(bound)
        return self.value(held) if held is not None else 0

    def _counts(self, loop: Node, name: str) -> bool:
        """Whether a loop adds one to a name at each turn."""
        text = self.tree.text(loop)
        escaped = re.escape(name)
        return re.search(rf"(?<![\w$.]){escaped}\s*(?:\+\+|\+=\s*1\b)|\+\+\s*{escaped}(?![\w$])", text) is not None
