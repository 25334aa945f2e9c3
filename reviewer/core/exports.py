"""What a file exports, and the module-level values it exports them from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.exprs import Expressions
from reviewer.core.facts import Assignment, Export, Expr
from reviewer.core.nodes import DECLARED_FUNCTIONS, is_type
from reviewer.core.scopes import Scope, pattern_names, string_value
from reviewer.core.syntax import Node, Tree


class Exports:
    """Reads the export statements and top-level declarations of one file."""

    def __init__(self, tree: Tree, exprs: Expressions, module: Scope) -> None:
        self.tree = tree
        self.exprs = exprs
        self.module = module
        self._known: dict[int, tuple[tuple[str, Expr], ...]] = {}

    def values(self) -> dict[str, Expr]:
        """Module-level names whose value is written in the file: functions, classes and constants."""
        values: dict[str, Expr] = {}
        for node in self.tree.root.named_children:
            declared = node.child_by_field_name("declaration") if node.type == "export_statement" else node
            for name, expr in self._declared(declared) if declared is not None else ():
                values[name] = expr
        return values

    def _declared(self, node: Node) -> tuple[tuple[str, Expr], ...]:
        """The names a statement declares with their values, read once for values and exports."""
        if node.start_byte not in self._known:
            self._known[node.start_byte] = tuple(self._read(node))
        return self._known[node.start_byte]

    def _read(self, node: Node) -> Iterator[tuple[str, Expr]]:
        if node.type in ("lexical_declaration", "variable_declaration"):
            for declarator in node.named_children:
                name = declarator.child_by_field_name("name")
                value = declarator.child_by_field_name("value")
                if declarator.type == "variable_declarator" and name is not None and value is not None:
                    expr = self.exprs.convert(value, self.module)
                    for bound, steps in pattern_names(self.tree, name):
                        yield bound, self.exprs.member(expr, steps, declarator)
        elif node.type in DECLARED_FUNCTIONS or "class_declaration" in node.type:
            name = node.child_by_field_name("name")
            if name is not None:
                yield self.tree.text(name), self.exprs.convert(node, self.module)

    def exports(self, node: Node) -> Iterator[Export]:
        """What one export statement exports; types are left out."""
        if any(child.type == "type" for child in node.children):
            return
        line, column, end = self.tree.line(node), self.tree.column(node), self.tree.end_line(node)
        module = source_module(self.tree, node)
        value = node.child_by_field_name("value")
        declaration = node.child_by_field_name("declaration")
        if declaration is not None and declaration.type == "interface_declaration":
            return
        if any(child.type == "default" for child in node.children) and (value or declaration) is not None:
            expr = self.exprs.convert(value or declaration, self.module)  # type: ignore[arg-type]
            yield Export("default", line, column, end, expr)
        elif declaration is not None:
            for name, expr in self._declared(declaration):
                yield Export(name, expr.line, expr.column, expr.end_line, expr)
        else:
            yield from self._export_clause(node, module)

    def _export_clause(self, node: Node, module: str) -> Iterator[Export]:
        tree = self.tree
        position = (tree.line(node), tree.column(node), tree.end_line(node))
        for child in node.children:
            if child.type == "export_clause":
                yield from self._specifiers(child, module)
            elif child.type == "namespace_export":
                yield Export(tree.text(child.named_children[-1]), *position, None, module, "*")
            elif child.type == "*":
                yield Export("*", *position, None, module, "*")
            elif child.type == "=":
                yield Export("default", *position, self.exprs.convert(node.named_children[-1], self.module))

    def _specifiers(self, clause: Node, module: str) -> Iterator[Export]:
        for specifier in clause.named_children:
            if specifier.type != "export_specifier" or is_type(specifier):
                continue
            imported, exported = specifier_names(self.tree, specifier)
            name = specifier.child_by_field_name("name")
            expr = None if module or name is None else self.exprs.convert(name, self.module)
            position = (self.tree.line(specifier), self.tree.column(specifier), self.tree.end_line(specifier))
            yield Export(exported, *position, expr, module, imported if module else "")


def source_module(tree: Tree, statement: Node) -> str:
    """The module an import or export statement names, or ''."""
    source = statement.child_by_field_name("source")
    return (string_value(tree, source) or "") if source is not None else ""


def specifier_names(tree: Tree, specifier: Node) -> tuple[str, str]:
    """The imported (or local) and the local (or exported) name of a specifier."""
    name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
    imported = tree.text(name).strip("\"'") if name is not None else ""
    return imported, tree.text(alias).strip("\"'") if alias is not None else imported


def commonjs_exports(assignments: Iterable[Assignment]) -> Iterator[Export]:
    """What ``module.exports = …`` and ``exports.x = …`` at module level export."""
    for assignment in assignments:
        target = assignment.target
        steps = (f".{target.name}", *target.steps) if target.kind == "global" else ()
        if steps[:2] == (".module", ".exports"):
            steps = steps[2:]
        elif steps[:1] == (".exports",):
            steps = steps[1:]
        else:
            continue
        if len(steps) > 1 or assignment.function != -1:
            continue
        name = steps[0][1:] if steps else "default"
        position = (assignment.line, assignment.column, assignment.end_line)
        yield Export(name, *position, assignment.value)
        if not steps:
            for key, value in assignment.value.props:
                yield Export(key, value.line, value.column, value.end_line, value)
