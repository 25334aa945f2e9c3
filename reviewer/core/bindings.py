"""What a name at a place of a syntax tree was declared as, followed into other files of the repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from reviewer.core.code import MAX_HOPS, Code
from reviewer.core.nodes import FUNCTIONS, PLAIN_FUNCTIONS, parameters
from reviewer.core.scopes import pattern_names, strip
from reviewer.core.syntax import Node, Tree, captures, parse

_BLOCKS = ("statement_block", "program", "switch_case", "for_statement")
_DECLARATIONS = ("lexical_declaration", "variable_declaration")
MAX_STARS = 20


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration: a ``value`` with the member steps that lead to it, a ``function``, a ``parameter`` with its
    function and index, or an ``import``, whose module and exported name are the steps."""

    kind: Literal["value", "function", "parameter", "import"]
    script: Script
    node: Node
    steps: tuple[str, ...] = ()
    index: int = 0


class Script:
    """The syntax tree of one file, and the names declared in it."""

    def __init__(self, code: Code, path: str, tree: Tree) -> None:
        self.code = code
        self.path = path
        self.tree = tree
        self._blocks: dict[tuple[int, int, str], dict[str, Declared]] = {}
        self._written: dict[str, list[Node]] | None = None

    def text(self, node: Node) -> str:
        return self.tree.text(node)

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local names of what the file imports: (module, exported name)."""
        facts = self.code.surface(self.path)
        named = (
            (local, item.module, imported)
            for item in (facts.imports if facts is not None else ())
            for imported, local in item.names
        )
        return {local: (module, imported) for local, module, imported in named}

    @property
    def is_client(self) -> bool:
        """Whether the file says that it, and whatever only it loads, runs in browsers."""
        facts = self.code.surface(self.path)
        return facts is not None and "use client" in facts.directives

    def lookup(self, name: str, node: Node) -> Declared | None:
        """The declaration a name means where a node stands; None for a global."""
        above = node.parent
        while above is not None:
            if above.type in FUNCTIONS or above.type in _BLOCKS:
                found = self._declared(above).get(name)
                if found is not None:
                    return found
            above = above.parent
        return None

    def top(self, name: str) -> Declared | None:
        """What the file declares under a name at module level."""
        return self._declared(self.tree.root).get(name)

    def assigned(self, name: str) -> list[Node]:
        """The values assigned to a name anywhere in the file, its declaration aside."""
        if self._written is None:
            self._written = {}
            for node, _ in captures(self.tree, "(assignment_expression) @assignment"):
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                if left is not None and right is not None and left.type == "identifier":
                    self._written.setdefault(self.text(left), []).append(right)
        return self._written.get(name, [])

    # -- declarations of one block ------------------------------------------------------------------------------------

    def _declared(self, block: Node) -> dict[str, Declared]:
        key = (block.start_byte, block.end_byte, block.type)
        if key not in self._blocks:
            found = self._parameters(block) if block.type in FUNCTIONS else self._statements(block)
            self._blocks[key] = dict(found)
        return self._blocks[key]

    def _parameters(self, function: Node) -> Iterator[tuple[str, Declared]]:
        for index, pattern in enumerate(parameters(function)):
            for name, steps in pattern_names(self.tree, pattern):
                yield name, Declared("parameter", self, function, steps, index)

    def _statements(self, block: Node) -> Iterator[tuple[str, Declared]]:
        if block.type == "program":
            for local, (module, imported) in self.imports.items():
                yield local, Declared("import", self, block, (module, imported))
        for statement in block.named_children:
            declared = statement
            if statement.type == "export_statement":
                declared = statement.child_by_field_name("declaration") or statement
            name = declared.child_by_field_name("name")
            if declared.type in _DECLARATIONS:
                yield from self._variables(declared)
            elif declared.type in PLAIN_FUNCTIONS and name is not None:
                yield self.text(name), Declared("function", self, declared)

    def _variables(self, declaration: Node) -> Iterator[tuple[str, Declared]]:
        for declarator in declaration.named_children:
            pattern, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
            if declarator.type != "variable_declarator" or pattern is None or value is None:
                continue
            value = strip(value)
            if value.type == "call_expression" and self._is_required(value):
                continue
            for name, steps in pattern_names(self.tree, pattern):
                is_function = value.type in PLAIN_FUNCTIONS and not steps
                yield name, Declared("function" if is_function else "value", self, value, steps)

    def _is_required(self, call: Node) -> bool:
        function = call.child_by_field_name("function")
        return function is not None and self.text(function) == "require"


class Scripts:
    """The scripts of one tree, each parsed once, and names followed between them."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._scripts: dict[str, Script | None] = {}

    def of(self, path: str) -> Script | None:
        """The script at a path; None where it cannot be read."""
        if path not in self._scripts:
            tree = self.code.read(path, parse)
            self._scripts[path] = Script(self.code, path, tree) if tree is not None else None
        return self._scripts[path]

    def resolved(self, declared: Declared | None, hops: int = MAX_HOPS) -> Declared | None:
        """What a declaration amounts to once imports and plain aliases are followed; None outside the repository."""
        for _ in range(12):
            if declared is None:
                return None
            if declared.kind == "import":
                module, name = declared.steps
                declared = self.exported(declared.script.path, module, name, hops)
                hops -= 1
            elif declared.kind == "value" and declared.node.type == "identifier" and not declared.steps:
                name = declared.script.text(declared.node)
                further = declared.script.lookup(name, declared.node)
                if further is None or further == declared:
                    return declared
                declared = further
            else:
                return declared
        return None

    def exported(self, importer: str, module: str, name: str, hops: int = MAX_HOPS) -> Declared | None:
        """What a module of the repository exports under a name; re-exports count as no hop of their own."""
        target = self.code.resolver.resolve(importer, module) if hops > 0 else None
        return self.export(target, name, hops - 1) if target is not None else None

    def export(self, path: str, name: str, hops: int = MAX_HOPS) -> Declared | None:
        """What a file exports under a name, be it from other files."""
        facts, script = self.code.surface(path), self.of(path)
        if facts is None or script is None:
            return None
        export = facts.export(name)
        if export is not None and not export.module:
            return self._local(script, name, export.expr.name if export.expr is not None else "")
        if export is not None:
            return self.exported(path, export.module, export.imported, hops)
        stars = [star.module for star in facts.exports if star.name == "*"][:MAX_STARS]
        found = (self.exported(path, star, name, hops) for star in stars)
        return next((declared for declared in found if declared is not None), None)

    def _local(self, script: Script, name: str, spelled: str) -> Declared | None:
        """A declaration behind an export of its own file: by its name, or the expression after ``default``."""
        declared = (script.top(spelled) if spelled else None) or (script.top(name) if name != "default" else None)
        if declared is not None or name != "default":
            return declared
        for statement in script.tree.root.named_children:
            if statement.type == "export_statement" and any(c.type == "default" for c in statement.children):
                value = statement.child_by_field_name("value") or statement.child_by_field_name("declaration")
                if value is not None:
                    value = strip(value)
                    return Declared("function" if value.type in PLAIN_FUNCTIONS else "value", script, value)
        return None
