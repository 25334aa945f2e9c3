"""Parsing of scripts and of JSON."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core import syntax
from reviewer.core.syntax import InvalidJson, TooComplex, captures, language_of, parse, parse_json
from reviewer.core.text import Source


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.ts", "typescript"),
        ("a.d.mts", "typescript"),
        ("a/b.cts", "typescript"),
        ("a.tsx", "tsx"),
        ("a.js", "javascript"),
        ("a.jsx", "javascript"),
        ("a.mjs", "javascript"),
        ("a.cjs", "javascript"),
        ("a.json", None),
        ("Makefile", None),
        ("a.TS", None),
    ],
)
def test_the_suffix_decides_the_grammar(path: str, language: str | None) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("const a = 1;\n", None),
        ("const a = 1;\nconst b = ;\n", 2),
        ("f(\n", 1),
        ("const a = 1\n\n}\n", 3),
    ],
)
def test_what_cannot_be_read_is_located(code: str, line: int | None) -> None:
    unread = parse(Source(code.encode()), "typescript").unread()
    assert [first for first, _ in unread][:1] == ([line] if line is not None else [])
    assert all(first <= last <= code.count("\n") + 1 for first, last in unread)


def test_captures_come_in_source_order_outer_before_inner() -> None:
    tree = parse(Source(b"f(g(1), h())"), "javascript")
    found = [tree.text(node) for node, _ in captures(tree, "(call_expression) @call")]
    assert found == ["f(g(1), h())", "g(1)", "h()"]


def test_positions_are_one_based_lines_and_code_point_columns() -> None:
    tree = parse(Source("x;\n'é𝒳'; y(\n)".encode()), "javascript")
    node = captures(tree, "(call_expression) @call")[0][0]
    assert (tree.line(node), tree.column(node), tree.end_line(node)) == (2, 7, 3)


def test_a_tree_beyond_the_node_cap_is_refused() -> None:
    with pytest.raises(TooComplex, match=r"nodes \(limit 400,000\)"):
        parse(Source(b"a," * (syntax.MAX_NODES // 2)), "javascript")


def test_json_members_and_items_are_located() -> None:
    document = parse_json(Source('{\n  "é": 1, "a": [\n    {"b": null}\n  ]\n}'.encode()))
    assert document.value == {"é": 1, "a": [{"b": None}]}
    assert document.positions == {("é",): (2, 3), ("a",): (2, 11), ("a", 0): (3, 5), ("a", 0, "b"): (3, 6)}


def test_of_duplicate_keys_the_last_one_counts() -> None:
    document = parse_json(Source(b'{"scripts": {"a": "1"},\n"scripts": {"b": "2"}}'))
    assert document.value == {"scripts": {"b": "2"}}
    assert document.positions["scripts",] == (2, 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ('{\n  "a": 1,\n}', 3),
        ('{\n// no\n"a": 1}', 2),
        ('{"a": "\0"}', 1),
    ],
)
def test_what_is_no_json_is_located(text: str, line: int) -> None:
    with pytest.raises(InvalidJson) as error:
        parse_json(Source(text.encode()))
    assert error.value.line == line


@pytest.mark.parametrize("text", ["[" + "1" * 5000 + "]", "[" * 100_000, '{"a":' * 2_000 + "1" + "}" * 2_000])
def test_json_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises((TooComplex, InvalidJson)):
        parse_json(Source(text.encode()))


@settings(deadline=None)
@given(st.text(alphabet='{}[]",:\\0 1-eE.\na\u2028é', max_size=60))
def test_any_text_is_json_or_refused(text: str) -> None:
    try:
        document = parse_json(Source(text.encode()))
    except (InvalidJson, TooComplex):
        return
    assert all(1 <= line <= text.count("\n") + 1 for line, _ in document.positions.values())


def test_trees_of_the_last_sources_are_kept_and_no_more_than_that() -> None:
    recent = syntax._Recent()
    small, large = b"const a = 1\n", b"//" + b"x" * (syntax.MAX_REMEMBERED // 5)
    assert recent.tree(small, "tsx") is recent.tree(bytes(small), "tsx")
    assert recent.tree(small, "tsx") is not recent.tree(small, "typescript")
    kept = recent.tree(small, "tsx")
    for end in range(6):
        recent.tree(large + str(end).encode(), "tsx")
    assert recent.tree(small, "tsx") is not kept
    assert recent._kept <= syntax.MAX_REMEMBERED
