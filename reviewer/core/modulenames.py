"""The names a file declares, and every place where each of them is used."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.nodes import DECLARED_FUNCTIONS, FUNCTIONS, is_type, parameters
from reviewer.core.scopes import pattern_identifiers, pattern_names, string_value, strip
from reviewer.core.syntax import Node, Tree, captures

NameKind = Literal["constant", "variable", "function", "class", "import", "parameter", "local"]

_BLOCKS = ("statement_block", "for_statement", "for_in_statement", "catch_clause", "switch_body")
_NAMES = frozenset({"identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"})
_DECLARED = (*DECLARED_FUNCTIONS, "class_declaration")
_COMMON = " ".join(
    f"({kind}) @{kind}"
    for kind in (*FUNCTIONS, *_BLOCKS, "class_declaration", "variable_declarator", "import_statement", "this")
)
_INTEREST = f"{_COMMON} (identifier) @use (shorthand_property_identifier) @use"
_INTEREST_TYPESCRIPT = f"{_INTEREST} (ambient_declaration) @ambient (abstract_class_declaration) @class_declaration"


@dataclass(frozen=True, slots=True)
class Use:
    """A place where a name is used; ``function`` is the first byte of the function it stands in, -1 at module level."""

    node: Node
    function: int


@dataclass(slots=True, eq=False)
class Name:
    """A declared name. ``init`` is what it is declared with, ``steps`` lead from there to its value.

    ``module`` and ``imported`` say what an import is of; ``owner`` is the function that declares the name, or -1.
    """

    text: str
    kind: NameKind
    node: Node
    owner: int
    init: Node | None = None
    steps: tuple[str, ...] = ()
    module: str = ""
    imported: str = ""
    uses: list[Use] = field(default_factory=list)


@dataclass(slots=True)
class _Scope:
    end: int
    parent: _Scope | None
    function: int
    is_function: bool
    names: dict[str, Name] = field(default_factory=dict)

    def lookup(self, text: str) -> Name | None:
        scope: _Scope | None = self
        while scope is not None:
            if (name := scope.names.get(text)) is not None:
                return name
            scope = scope.parent
        return None


class Names:
    """The names of one parsed file. ``globals`` are the uses of names the file does not declare."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._module = _Scope(len(tree.source.data) + 1, None, -1, True)
        self.globals: dict[str, list[Use]] = {}
        self.this: list[Use] = []
        self.functions: dict[int, Node] = {}
        self.imports: list[tuple[str, tuple[Name, ...]]] = []
        self._named: dict[int, Name] = {}
        self._declaring: set[int] = set()
        self._locals: dict[int, list[Name]] = {}
        self._sorted: list[tuple[int, Name, Node]] = []
        self._read()

    @property
    def module(self) -> dict[str, Name]:
        """The names of the module's own scope."""
        return self._module.names

    def of(self, node: Node) -> Name | None:
        """What an identifier names; None for globals and for what is no identifier."""
        return self._named.get(node.start_byte) if node.type in _NAMES else None

    def locals_of(self, function: Node) -> list[Name]:
        """What a function declares in its own body, nested functions aside."""
        if not self._locals:
            for name in dict.fromkeys(self._named.values()):
                self._locals.setdefault(name.owner, []).append(name)
        return [n for n in self._locals.get(function.start_byte, ()) if n.kind in ("constant", "variable")]

    def used_within(self, start: int, end: int) -> Iterator[tuple[Node, Name]]:
        """The names of the module used in a range of bytes, with the places."""
        for index in range(bisect_left(self._sorted, start, key=lambda row: row[0]), len(self._sorted)):
            if self._sorted[index][0] >= end:
                return
            yield self._sorted[index][2], self._sorted[index][1]

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        pattern = _INTEREST if self.tree.language == "javascript" else _INTEREST_TYPESCRIPT
        scope, skip_until = self._module, -1
        pending: list[tuple[Node, _Scope]] = []
        for node, kind in captures(self.tree, pattern):
            if node.start_byte < skip_until:
                continue
            while node.start_byte >= scope.end and scope.parent is not None:
                scope = scope.parent
            if kind == "ambient":
                skip_until = node.end_byte
            elif kind == "use":
                pending.append((node, scope))
            elif kind == "this":
                self.this.append(Use(node, scope.function))
            else:
                scope = self._enter(node, kind, scope)
        for node, scope in pending:
            self._resolve(node, scope)
        self._sorted.sort(key=lambda row: row[0])

    def _resolve(self, node: Node, scope: _Scope) -> None:
        text = self.tree.text(node)
        name, use = scope.lookup(text), Use(node, scope.function)
        if name is None:
            self.globals.setdefault(text, []).append(use)
            return
        self._named[node.start_byte] = name
        if node.start_byte not in self._declaring:
            name.uses.append(use)
            if name.owner == -1 and self._module.names.get(text) is name:
                self._sorted.append((node.start_byte, name, node))

    def _enter(self, node: Node, kind: str, scope: _Scope) -> _Scope:
        if kind in _DECLARED and (named := node.child_by_field_name("name")) is not None:
            self._declare(named, "class" if kind == "class_declaration" else "function", scope, node)
        if kind in FUNCTIONS:
            return self._open_function(node, scope)
        if kind in _BLOCKS:
            return self._open_block(node, kind, scope)
        if kind == "variable_declarator":
            self._declare_variable(node, scope)
        elif kind == "import_statement":
            self._declare_imports(node)
        return scope

    def _open_function(self, node: Node, scope: _Scope) -> _Scope:
        self.functions[node.start_byte] = node
        inner = _Scope(node.end_byte, scope, node.start_byte, True)
        for parameter in parameters(node):
            self._declare_pattern(parameter, "parameter", inner, parameter)
        return inner

    def _open_block(self, node: Node, kind: str, scope: _Scope) -> _Scope:
        inner = _Scope(node.end_byte, scope, scope.function, False)
        bound = node.child_by_field_name("parameter" if kind == "catch_clause" else "left")
        if bound is not None and (kind == "catch_clause" or node.child_by_field_name("kind") is not None):
            self._declare_pattern(bound, "local", inner, None)
        return inner

    def _declare_variable(self, node: Node, scope: _Scope) -> None:
        bound, init, declaration = node.child_by_field_name("name"), node.child_by_field_name("value"), node.parent
        if bound is None or declaration is None:
            return
        while declaration.type == "variable_declaration" and not scope.is_function and scope.parent is not None:
            scope = scope.parent
        keyword = declaration.child_by_field_name("kind")
        kind: NameKind = "constant" if keyword is not None and keyword.type == "const" else "variable"
        self._declare_pattern(bound, kind, scope, init)
        module = required_module(self.tree, init) if init is not None else ""
        if module:
            names = [scope.names[text] for text, _ in pattern_names(self.tree, bound)]
            for name in names:
                name.module, name.imported = module, "".join(name.steps[:1])[1:] or "*"
            self.imports.append((module, tuple(names)))

    def _declare_pattern(self, pattern: Node, kind: NameKind, scope: _Scope, init: Node | None) -> None:
        places = {self.tree.text(node): node for node in pattern_identifiers(pattern)}
        for text, steps in pattern_names(self.tree, pattern):
            if (node := places.get(text)) is not None:
                self._declaring.add(node.start_byte)
                self._named[node.start_byte] = scope.names[text] = Name(text, kind, node, scope.function, init, steps)

    def _declare(self, node: Node, kind: NameKind, scope: _Scope, init: Node) -> None:
        text = self.tree.text(node)
        self._declaring.add(node.start_byte)
        scope.names[text] = Name(text, kind, node, scope.function, init)

    def _declare_imports(self, statement: Node) -> None:
        source = statement.child_by_field_name("source")
        module = string_value(self.tree, source) if source is not None else None
        if not module or any(child.type == "type" for child in statement.children):
            return
        names = []
        for imported, node in _imported(self.tree, statement):
            self._declare(node, "import", self._module, statement)
            name = self._module.names[self.tree.text(node)]
            name.module, name.imported = module, imported
            names.append(name)
        self.imports.append((module, tuple(names)))


def _imported(tree: Tree, statement: Node) -> Iterator[tuple[str, Node]]:
    clause = next((child for child in statement.named_children if child.type == "import_clause"), None)
    for child in clause.named_children if clause is not None else ():
        if child.type == "identifier":
            yield "default", child
        elif child.type == "namespace_import":
            yield "*", child.named_children[-1]
        elif child.type == "named_imports":
            for specifier in child.named_children:
                name = specifier.child_by_field_name("name")
                if specifier.type == "import_specifier" and name is not None and not is_type(specifier):
                    yield tree.text(name), specifier.child_by_field_name("alias") or name


def required_module(tree: Tree, init: Node) -> str:
    """The module of ``require('x')`` or ``require('x').y``; '' for any other expression."""
    node: Node | None = strip(init)
    if node is not None and node.type == "member_expression":
        node = node.child_by_field_name("object")
    function = node.child_by_field_name("function") if node is not None and node.type == "call_expression" else None
    arguments = node.child_by_field_name("arguments") if node is not None else None
    if function is None or arguments is None or tree.text(function) != "require" or not arguments.named_children:
        return ""
    return string_value(tree, arguments.named_children[0]) or ""
