"""From one file's syntax tree to its facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from reviewer.core.exports import Exports, commonjs_exports, source_module, specifier_names
from reviewer.core.exprs import Expressions
from reviewer.core.facts import (
    Assignment,
    Call,
    FileFacts,
    Function,
    Import,
    Prologue,
    Ref,
    Suppression,
)
from reviewer.core.nodes import FUNCTIONS, all_types, is_branch, is_conditional, is_type, is_type_import, parameters
from reviewer.core.returns import default_returns
from reviewer.core.scopes import Binding, Scope, is_await_call, pattern_names, string_value, strip
from reviewer.core.syntax import MAX_DEPTH, Node, TooComplex, Tree, captures, parse
from reviewer.core.text import Source

_BLOCKS = ("statement_block", "for_statement", "for_in_statement", "catch_clause", "switch_body")
_OTHER = (
    "import_statement",
    "export_statement",
    "class_declaration",
    "variable_declarator",
    "call_expression",
    "new_expression",
    "assignment_expression",
    "augmented_assignment_expression",
    "update_expression",
    "return_statement",
    "comment",
)
_FIELDS = ("field_definition", "public_field_definition")
_ASSIGNMENTS = ("assignment_expression", "augmented_assignment_expression")
_REASSIGNING = (*_ASSIGNMENTS, "update_expression")
_TYPESCRIPT = (
    "ambient_declaration",
    "abstract_class_declaration",
    "enum_declaration",
    "function_signature",
    _FIELDS[1],
)
_COMMON = " ".join(f"({kind}) @{kind}" for kind in (*FUNCTIONS, *_BLOCKS, *_OTHER))
_INTEREST = f"{_COMMON} ({_FIELDS[0]}) @{_FIELDS[0]}"
_INTEREST_TYPESCRIPT = _COMMON + " " + " ".join(f"({kind}) @{kind}" for kind in _TYPESCRIPT)

_DIRECTIVE = re.compile(r"(?://|/\*)\s*reviewer-disable-(next-line|file)\s+([a-z0-9-]+)(?:\s+--\s*(.*))?", re.DOTALL)


def extract(source: Source, language: str) -> FileFacts:
    """The facts of a script. Raises TooComplex for trees beyond the caps."""
    return _Extraction(parse(source, language)).facts()


def extract_surface(source: Source, language: str) -> FileFacts:
    """The facts of a script's module level: imports, exports and values, without what functions do.

    Enough to tell handlers and their wrappers, at a third of the cost. Raises TooComplex for trees beyond the caps.
    """
    return _Extraction(parse(source, language)).surface()


def extract_imports(source: Source, language: str) -> FileFacts:
    """What a script imports at its module level, and nothing else. Raises TooComplex for trees beyond the caps."""
    return _Extraction(parse(source, language)).loads()


class _Extraction:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.module = Scope(len(tree.source.data) + 1, None, -1, True)
        self.exprs = Expressions(tree)
        self.exports = Exports(tree, self.exprs, self.module)
        self.functions: list[tuple[Node, str, int]] = []
        self.reassigned: set[str] = set()
        self.uses: list[tuple[Node, Scope]] = []
        self.returns: dict[int, list[tuple[Node, Scope]]] = {}
        self.statements: list[Node] = []
        self.suppressions: list[Suppression] = []
        self.imports: list[Import] = []

    def facts(self) -> FileFacts:
        self._collect()
        self._settle_constants()
        calls, assignments = self._uses()
        return self._gathered(calls, assignments, self._functions(calls))

    def surface(self) -> FileFacts:
        for node in self.tree.root.named_children:
            self._note_statement(node)
        self._settle_constants()
        _, assignments = self._uses()
        return self._gathered([], assignments, None)

    def loads(self) -> FileFacts:
        for node in self.tree.root.named_children:
            self._note_statement(node)
        return FileFacts(imports=tuple(self.imports), unread=self.tree.unread())

    def _gathered(
        self, calls: list[Call], assignments: list[Assignment], functions: Iterator[Function] | None
    ) -> FileFacts:
        exports = [export for node in self.statements for export in self.exports.exports(node)]
        exports += commonjs_exports(assignments)
        values = self.exports.values()
        if functions is None:
            functions = (self._function(node, "", -1) for node in self.exprs.functions.values())
        return FileFacts(
            imports=tuple(self.imports),
            exports=tuple(exports),
            values=values,
            functions=tuple(functions),
            calls=tuple(calls),
            assignments=tuple(assignments),
            directives=tuple(self._directives()),
            suppressions=tuple(self.suppressions),
            unread=self.tree.unread(),
            lines=self.tree.source.data.count(b"\n") + 1,
            returns=default_returns(self.exprs, exports, values, self.returns),
        )

    def _note_statement(self, node: Node) -> None:
        declared = node
        if node.type == "export_statement":
            self._note(node, node.type, self.module)
            declared = node.child_by_field_name("declaration") or node
        if declared.type in ("lexical_declaration", "variable_declaration"):
            for child in declared.named_children:
                if child.type == "variable_declarator":
                    self._declare_variable(child, self.module)
        elif declared.type == "expression_statement":
            for child in declared.named_children:
                while child.type == "assignment_expression":
                    self._note(child, child.type, self.module)
                    child = child.child_by_field_name("right") or child.named_children[-1]
        elif declared.type != "export_statement":
            self._note(declared, declared.type, self.module)

    # -- collection: scopes, names and the nodes worth a second look ------------------------------------------------

    def _collect(self) -> None:
        pattern = _INTEREST if self.tree.language == "javascript" else _INTEREST_TYPESCRIPT
        scope, skip_until = self.module, -1
        for node, kind in captures(self.tree, pattern):
            if node.start_byte < skip_until:
                continue
            while node.start_byte >= scope.end and scope.parent is not None:
                scope = scope.parent
            if kind == "ambient_declaration":
                skip_until = node.end_byte
            elif kind in FUNCTIONS:
                scope = self._open_function(node, kind, scope)
            elif kind in _BLOCKS:
                scope = self._open_block(node, kind, scope)
            else:
                self._note(node, kind, scope)

    def _note(self, node: Node, kind: str, scope: Scope) -> None:
        if kind == "variable_declarator":
            self._declare_variable(node, scope)
        elif kind in ("call_expression", "new_expression"):
            if not is_type_import(node):
                self.uses.append((node, scope))
        elif kind in _REASSIGNING:
            target = node.child_by_field_name("left") or node.child_by_field_name("argument")
            if target is not None and target.type in ("identifier", "object_pattern", "array_pattern"):
                self.reassigned.update(name for name, _ in pattern_names(self.tree, target))
            if kind in _ASSIGNMENTS:
                self.uses.append((node, scope))
        elif kind in _FIELDS:
            self.uses.append((node, scope))
        elif kind == "return_statement":
            self.returns.setdefault(scope.function, []).append((node, scope))
        elif kind == "import_statement":
            self._import(node)
        elif kind == "export_statement":
            if scope is self.module:
                self.statements.append(node)
                self._note_reexport(node)
        elif kind == "comment":
            self._comment(node)
        else:
            self._declare_name(node, scope)

    def _open_function(self, node: Node, kind: str, scope: Scope) -> Scope:
        id = node.start_byte
        name_node = node.child_by_field_name("name")
        name = self.tree.text(name_node) if name_node is not None else self._name_from_parent(node)
        if kind.endswith("function_declaration"):
            self._declare_name(node, scope)
        self.functions.append((node, name, scope.function))
        inner = self._inner(node, scope, id, True, scope.in_catch)
        if name_node is not None and kind in ("function_expression", "generator_function"):
            inner.names[name] = Binding()
        body = node.child_by_field_name("body")
        if kind == "arrow_function" and body is not None and body.type != "statement_block":
            self.returns[id] = [(body, inner)]
        for index, parameter in enumerate(parameters(node)):
            for bound, steps in pattern_names(self.tree, parameter):
                inner.names[bound] = Binding(Ref("param", bound if not steps else "", "", steps, id, index))
        return inner

    def _name_from_parent(self, node: Node) -> str:
        parent = node.parent
        if parent is not None and parent.type in ("variable_declarator", "pair", "public_field_definition"):
            name = parent.child_by_field_name("name") or parent.child_by_field_name("key")
            return self.tree.text(name) if name is not None else ""
        return ""

    def _inner(self, node: Node, scope: Scope, function: int, is_function: bool, in_catch: bool) -> Scope:
        if scope.depth >= MAX_DEPTH:
            raise TooComplex(f"its blocks and functions nest more than {MAX_DEPTH:,} deep")
        may_not_run = not is_function and (scope.conditional or is_branch(node))
        return Scope(node.end_byte, scope, function, is_function, in_catch, scope.depth + 1, may_not_run)

    def _open_block(self, node: Node, kind: str, scope: Scope) -> Scope:
        inner = self._inner(node, scope, scope.function, False, scope.in_catch or kind == "catch_clause")
        bound = node.child_by_field_name("parameter" if kind == "catch_clause" else "left")
        if bound is not None:
            declares = kind == "catch_clause" or node.child_by_field_name("kind") is not None
            for name, _ in pattern_names(self.tree, bound):
                if declares:
                    inner.names[name] = Binding(constant=False)
                else:
                    self.reassigned.add(name)
        return inner

    def _declare_name(self, node: Node, scope: Scope) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            scope.names.setdefault(self.tree.text(name), Binding())

    def _declare_variable(self, node: Node, scope: Scope) -> None:
        name, init = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return
        declaration = node.parent
        is_var = declaration is not None and declaration.type == "variable_declaration"
        target = scope.var_scope() if is_var else scope
        for bound, steps in pattern_names(self.tree, name):
            target.names[bound] = Binding(init=init, steps=steps, scope=scope)
        if init is not None:
            self._note_require(name, init, scope)

    def _settle_constants(self) -> None:
        scopes = {id(scope): scope for _, scope in self.uses} | {id(self.module): self.module}
        for scope in list(scopes.values()):
            above: Scope | None = scope
            while above is not None:
                scopes[id(above)] = above
                above = above.parent
        for scope in scopes.values():
            for name in self.reassigned & scope.names.keys():
                scope.names[name].constant = False

    # -- imports --------------------------------------------------

    def _import(self, node: Node) -> None:
        line = self.tree.line(node)
        for child in node.named_children:
            if child.type == "import_require_clause":
                self._import_require(child, line, any(c.type == "type" for c in node.children))
                return
        source = node.child_by_field_name("source")
        module = string_value(self.tree, source) if source is not None else None
        if module is None:
            return
        type_only = any(child.type in ("type", "typeof") for child in node.children)
        names = tuple(self._imported_names(node))
        for imported, local in names:
            self.module.names[local] = Binding(None if type_only else Ref("import", imported, module))
        self.imports.append(Import(module, "static", () if type_only else names, type_only or all_types(node), line))

    def _note_reexport(self, node: Node) -> None:
        if (module := source_module(self.tree, node)) and not any(child.type == "type" for child in node.children):
            self.imports.append(Import(module, "reexport", (), all_types(node), self.tree.line(node)))

    def _import_require(self, clause: Node, line: int, type_only: bool) -> None:
        local = next((child for child in clause.named_children if child.type == "identifier"), None)
        source = clause.child_by_field_name("source")
        module = string_value(self.tree, source) if source is not None else None
        if local is not None and module is not None:
            name = self.tree.text(local)
            self.module.names[name] = Binding(None if type_only else Ref("import", "*", module))
            self.imports.append(Import(module, "require", () if type_only else (("*", name),), type_only, line))

    def _imported_names(self, node: Node) -> Iterator[tuple[str, str]]:
        clause = next((child for child in node.named_children if child.type == "import_clause"), None)
        for child in clause.named_children if clause is not None else ():
            if child.type == "identifier":
                yield "default", self.tree.text(child)
            elif child.type == "namespace_import":
                yield "*", self.tree.text(child.named_children[-1])
            elif child.type == "named_imports":
                for specifier in child.named_children:
                    if specifier.type == "import_specifier" and not is_type(specifier):
                        yield specifier_names(self.tree, specifier)

    def _note_require(self, name: Node, init: Node, scope: Scope) -> None:
        stripped, step = strip(init), ""
        while stripped.type in ("member_expression", "call_expression") and (
            stripped.type == "member_expression" or self.exprs.resolver.required_module(stripped, scope) is None
        ):
            below = stripped.child_by_field_name("object") or stripped.child_by_field_name("function")
            if below is None:
                return
            property_ = stripped.child_by_field_name("property")
            step = f".{self.tree.text(property_)}" if property_ is not None else "()"
            stripped = strip(below)
        if stripped.type != "call_expression":
            return
        module = self.exprs.resolver.required_module(stripped, scope)
        if module is None:
            return
        bindings = [(bound, step or next(iter(steps), "")) for bound, steps in pattern_names(self.tree, name)]
        names = tuple((first[1:] or "*", bound) for bound, first in bindings if first[:1] in ("", "."))
        self.imports.append(Import(module, "require", names, False, self.tree.line(init)))

    # -- calls and assignments --------------------------------------------------------------------------------------

    def _uses(self) -> tuple[list[Call], list[Assignment]]:
        calls: list[Call] = []
        assignments: list[Assignment] = []
        for node, scope in self.uses:
            if node.type in _FIELDS:
                assignments += self._field(node, scope)
            elif node.type in _ASSIGNMENTS:
                if (assignment := self._assignment(node, scope)) is not None:
                    assignments.append(assignment)
            elif not is_await_call(node):
                calls.append(self._call(node, scope))
        return calls, assignments

    def _call(self, node: Node, scope: Scope) -> Call:
        tree = self.tree
        callee_node = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        callee, method, called = None, "", node
        if callee_node is not None:
            callee_node = strip(callee_node)
            callee = self.exprs.resolver.ref(callee_node, scope)
            property_ = callee_node.child_by_field_name("property")
            method = tree.text(property_) if property_ is not None else ""
            called = property_ or callee_node
        self._note_dynamic(node, scope)
        return Call(
            callee,
            method,
            node.type == "new_expression",
            self.exprs.call_arguments(node, scope),
            tree.line(node),
            tree.column(node),
            tree.end_line(node),
            scope.function,
            scope.in_catch,
            scope.conditional,
            node.start_byte,
            (called.start_byte, tree.line(called)),
        )

    def _note_dynamic(self, node: Node, scope: Scope) -> None:
        module = self.exprs.resolver.required_module(node, scope)
        if module is not None and not any(i.module == module and i.kind == "require" for i in self.imports):
            self.imports.append(Import(module, "dynamic", (), False, self.tree.line(node)))

    def _field(self, node: Node, scope: Scope) -> Iterator[Assignment]:
        """``private app = express()`` in a class sets ``this.app`` as a constructor would."""
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
        value = node.child_by_field_name("value")
        if name is None or value is None or any(child.type == "static" for child in node.children):
            return
        target = Ref("this", "this", steps=(f".{self.tree.text(name)}",))
        line, column, end = self.tree.line(node), self.tree.column(node), self.tree.end_line(node)
        yield Assignment(target, self.exprs.convert(value, scope), line, column, end, scope.function)

    def _assignment(self, node: Node, scope: Scope) -> Assignment | None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        target = self.exprs.resolver.ref(left, scope) if left is not None else None
        if target is None or right is None:
            return None
        tree, value = self.tree, self.exprs.convert(right, scope)
        conditional = is_conditional(node)
        line, column, end = tree.line(node), tree.column(node), tree.end_line(node)
        return Assignment(target, value, line, column, end, scope.function, conditional)

    # -- declarations -----------------------------------------------------------------------------------------------

    def _functions(self, calls: list[Call]) -> Iterator[Function]:
        by_function: dict[int, list[Call]] = {}
        for call in calls:
            by_function.setdefault(call.function, []).append(call)
        for node, name, parent in self.functions:
            prologue = self._prologue(node, by_function.get(node.start_byte, []))
            yield self._function(node, name, parent, prologue, self._returned(node.start_byte))

    def _function(
        self, node: Node, name: str, parent: int, prologue: Prologue | None = None, returned: Ref | None = None
    ) -> Function:
        tree = self.tree
        params = tuple(tree.text(p) if p.type == "identifier" else "" for p in parameters(node))
        line, end = tree.line(node), tree.end_line(node)
        return Function(node.start_byte, name, params, line, end, parent, prologue, returned)

    def _returned(self, function: int) -> Ref | None:
        places = self.returns.get(function, [])
        if len(places) != 1:
            return None
        node, scope = places[0]
        if node.type == "return_statement":
            node = next((child for child in node.named_children if child.type != "comment"), node)
        return self.exprs.resolver.ref(node, scope)

    def _prologue(self, node: Node, calls: list[Call]) -> Prologue | None:
        body = node.child_by_field_name("body")
        if body is None or body.type != "statement_block":
            return None
        statements = [child for child in body.named_children if child.type != "comment"][:2]
        if not statements:
            return None
        first, last = self.tree.line(statements[0]), self.tree.end_line(statements[0])
        called = tuple(call.callee for call in calls if call.callee and first <= call.line <= last)
        texts = [self.tree.text(statement) for statement in statements]
        rejecting = next(
            (i for i, text in enumerate(texts) if re.search(r"\b401\b", text) and text.startswith("if")), -1
        )
        if not called or rejecting < 0:
            return Prologue(called, False, "", first, last)
        digest = hashlib.sha256(" ".join(" ".join(texts[: rejecting + 1]).split()).encode()).hexdigest()[:12]
        return Prologue(called, True, digest, first, self.tree.end_line(statements[rejecting]))

    # -- comments and directives ------------------------------------------------------------------------------------

    def _comment(self, node: Node) -> None:
        text = self.tree.text(node)
        if "reviewer-disable-" not in text:
            return
        match = _DIRECTIVE.fullmatch(text.removesuffix("*/").rstrip())
        if match is not None:
            scope, rule, reason = match.groups()
            covers = self.tree.end_line(node) + 1 if scope == "next-line" else None
            self.suppressions.append(Suppression(rule, reason or "", self.tree.line(node), covers))

    def _directives(self) -> Iterator[str]:
        for node in self.tree.root.named_children:
            if node.type == "comment":
                continue
            inner = node.named_children[0] if node.type == "expression_statement" and node.named_children else None
            if inner is None or inner.type != "string":
                return
            yield string_value(self.tree, inner) or ""
