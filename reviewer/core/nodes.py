"""What a piece of syntax is, by its kind and by what stands around it."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.syntax import Node, Tree

_CONDITIONAL = (
    "if_statement",
    "ternary_expression",
    "binary_expression",
    "switch_statement",
    "catch_clause",
    "for_statement",
    "for_in_statement",
    "while_statement",
)
DECLARED_FUNCTIONS = ("function_declaration", "generator_function_declaration")
PLAIN_FUNCTIONS = (*DECLARED_FUNCTIONS, "function_expression", "generator_function", "arrow_function")
FUNCTIONS = (*PLAIN_FUNCTIONS, "method_definition")
_TYPES = ("type_annotation", "type_query", "type_arguments", "type_alias_declaration", "interface_declaration")


def parameters(function: Node) -> list[Node]:
    """The patterns of a function's parameters, without TypeScript's ``this``."""
    single = function.child_by_field_name("parameter")
    if single is not None:
        return [single]
    listed = function.child_by_field_name("parameters")
    patterns = []
    for node in listed.named_children if listed is not None else ():
        pattern = node.child_by_field_name("pattern") or node
        if node.type != "comment" and pattern.type != "this":
            patterns.append(pattern)
    return patterns


def functions_around(node: Node) -> Iterator[Node]:
    """The functions a node stands in, the innermost first."""
    above = node.parent
    while above is not None:
        if above.type in FUNCTIONS:
            yield above
        above = above.parent


def function_id(node: Node) -> int:
    """The id of the function around a node, -1 at module level."""
    return next((function.start_byte for function in functions_around(node)), -1)


def begins_with_directive(tree: Tree, function: Node, directive: str) -> bool:
    """Whether the body of a function begins with a directive, such as ``'use server'``."""
    body = function.child_by_field_name("body")
    statements = body.named_children if body is not None else ()
    first = next((statement for statement in statements if statement.type != "comment"), None)
    return first is not None and first.type == "expression_statement" and tree.text(first).strip("'\"; \n") == directive


def is_type_import(call: Node) -> bool:
    """Whether ``import('x')`` stands where a type does: ``typeof import('x')`` and ``import('x').Type``."""
    function = call.child_by_field_name("function")
    if function is None or function.type != "import":
        return False
    below, above = call, call.parent
    while above is not None:
        if above.type in _TYPES or (above.type == "unary_expression" and above.children[0].type == "typeof"):
            return True
        if above.type in ("as_expression", "satisfies_expression") and above.named_children[0] != below:
            return True
        below, above = above, above.parent
    return False


def is_conditional(node: Node) -> bool:
    """Whether code stands under a condition within its function, or within the module."""
    above = node.parent
    while above is not None and above.type not in FUNCTIONS:
        if above.type in _CONDITIONAL:
            return True
        above = above.parent
    return False


def is_branch(block: Node) -> bool:
    """Whether a block is a branch of a condition."""
    return block.parent is not None and block.parent.type in ("if_statement", "else_clause", "switch_statement")


def is_type(specifier: Node) -> bool:
    """Whether a name in the braces of an import or re-export is marked as a type."""
    return any(child.type in ("type", "typeof") for child in specifier.children)


def all_types(statement: Node) -> bool:
    """Whether every name in the braces of an import or re-export is a type."""
    specifiers = [
        specifier
        for child in statement.named_children
        for clause in ([child] if child.type == "export_clause" else child.named_children)
        if clause.type in ("named_imports", "export_clause")
        for specifier in clause.named_children
        if specifier.type.endswith("_specifier")
    ]
    others = [c for child in statement.named_children if child.type == "import_clause" for c in child.named_children]
    if any(other.type != "named_imports" for other in others):
        return False
    return bool(specifiers) and all(is_type(specifier) for specifier in specifiers)
