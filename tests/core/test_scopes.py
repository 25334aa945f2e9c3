"""Names in patterns, and how what is called is spelled."""

from __future__ import annotations

import pytest

from reviewer.core.nodes import begins_with_directive
from reviewer.core.scopes import compact, pattern_identifiers
from reviewer.core.syntax import Tree, captures, parse
from reviewer.core.text import Source


def tree_of(code: str) -> Tree:
    return parse(Source(code.encode()), "typescript")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a", {"a"}),
        ("{ a, b: c }", {"a", "c"}),
        ("{ a = other, b: { c } = {} }", {"a", "c"}),
        ("[a, ...rest]", {"a", "rest"}),
    ],
)
def test_defaults_of_a_pattern_are_no_names_it_binds(pattern: str, names: set[str]) -> None:
    tree = tree_of(f"const {pattern} = value")
    (declarator, _), *_ = captures(tree, "(variable_declarator) @declarator")
    bound = declarator.child_by_field_name("name")
    assert bound is not None
    assert {tree.text(node) for node in pattern_identifiers(bound)} == names


@pytest.mark.parametrize("spelled", ["a.b.c", "a?.b!.c", "a\n  .b\n  .c"])
def test_a_callee_is_spelled_without_what_changes_nothing(spelled: str) -> None:
    assert compact(spelled) == "a.b.c"


@pytest.mark.parametrize(
    ("body", "begins"),
    [
        ("{ 'use server'; save() }", True),
        ('{ // saves\n "use server"\n save() }', True),
        ("{ save(); 'use server' }", False),
        ("{}", False),
    ],
)
def test_a_directive_is_the_first_statement_of_a_body(body: str, begins: bool) -> None:
    tree = tree_of(f"async function f() {body}")
    (function, _), *_ = captures(tree, "(function_declaration) @function")
    assert begins_with_directive(tree, function, "use server") is begins
