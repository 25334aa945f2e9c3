"""The names of a module's top level, as syntax: what each is declared as, and what is exported under which name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from reviewer.core.code import Code
from reviewer.core.nodes import DECLARED_FUNCTIONS
from reviewer.core.scopes import pattern_names, string_value
from reviewer.core.syntax import Node, Tree, parse


@dataclass(frozen=True, slots=True)
class Declared:
    """A name of a module: the node it is declared as, and the members that lead from there to its value."""

    node: Node
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """A name another module exports; ``*`` is all of them, ``default`` the default."""

    module: str
    name: str


@dataclass(frozen=True)
class Module:
    """A parsed file of the repository."""

    path: str
    tree: Tree
    names: dict[str, Declared | Imported] = field(default_factory=dict)
    exports: dict[str, str | Declared | Imported] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


MAX_MODULES = 30


class Modules:
    """The modules of one tree, each parsed at most once."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._known: dict[str, Module | None] = {}

    def of(self, path: str) -> Module | None:
        """A module; None where it cannot be read whole."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def resolve(self, importer: str, module: str) -> str | None:
        return self.code.resolver.resolve(importer, module)

    def _read(self, path: str) -> Module | None:
        if len(self._known) > MAX_MODULES:
            return None
        facts = self.code.surface(path)
        tree = self.code.read(path, parse) if facts is not None and not facts.unread else None
        if facts is None or tree is None:
            return None
        module = Module(path, tree)
        for item in facts.imports:
            for imported, local in item.names:
                module.names[local] = Imported(item.module, imported)
        for statement in module.tree.root.named_children:
            if statement.type == "export_statement":
                _note_export(module, statement)
            else:
                module.names.update(_declared(module.tree, statement))
        return module


def _declared(tree: Tree, statement: Node) -> Iterator[tuple[str, Declared]]:
    if statement.type in DECLARED_FUNCTIONS:
        name = statement.child_by_field_name("name")
        if name is not None:
            yield tree.text(name), Declared(statement)
    elif statement.type in ("lexical_declaration", "variable_declaration"):
        for declarator in statement.named_children:
            pattern, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
            if pattern is not None and value is not None:
                for bound, steps in pattern_names(tree, pattern):
                    yield bound, Declared(value, steps)


def _note_export(module: Module, statement: Node) -> None:
    tree = module.tree
    source = statement.child_by_field_name("source")
    origin = string_value(tree, source) if source is not None else None
    declaration, value = statement.child_by_field_name("declaration"), statement.child_by_field_name("value")
    is_default = any(child.type == "default" for child in statement.children)
    if is_default and (node := declaration or value) is not None:
        module.exports["default"] = Declared(node)
    if declaration is not None:
        for local, declared in _declared(tree, declaration):
            module.names[local] = declared
            if not is_default:
                module.exports[local] = local
    for clause in statement.named_children:
        if clause.type == "export_clause":
            _note_clause(module, clause, origin)
    if origin is not None and any(child.type == "*" for child in statement.children):
        module.stars.append(origin)


def _note_clause(module: Module, clause: Node, origin: str | None) -> None:
    for specifier in clause.named_children:
        name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
        if name is not None:
            local = module.tree.text(name)
            exported = module.tree.text(alias) if alias is not None else local
            module.exports[exported] = Imported(origin, local) if origin is not None else local
