"""YAML without its traps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core.yamlsafe import MAX_BYTES, InvalidYaml, load_yaml


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("off", "off"),
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("y", "y"),
        ("null", None),
        ("~", None),
        ("", None),
        ("''", ""),
        ("'true'", "true"),
        ("5", 5),
        ("-3", -3),
        ("+1", 1),
        ("010", 10),
        ("09", 9),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("2026-01-01", "2026-01-01"),
        ("1" * 5000, "1" * 5000),
        ("!!bool off", "off"),
        ("!!int x", "x"),
        ("!!int ''", ""),
        ("!!str 5", "5"),
        ("!own 5", "5"),
        ("!!python/object:os.system x", "x"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_scalars_follow_yaml_1_2(scalar: str, value: object) -> None:
    found = load_yaml(f"a: {scalar}").value["a"]
    assert (found, type(found)) == (value, type(value))


def test_keys_and_items_are_located() -> None:
    text = "# x\na:\n  - 1\n  - b: 2\n    c:\n      d\ne: {f: [1,\n  2]}\n"
    assert load_yaml(text).lines == {
        ("a",): 2,
        ("a", 0): 3,
        ("a", 1): 4,
        ("a", 1, "b"): 4,
        ("a", 1, "c"): 5,
        ("e",): 7,
        ("e", "f"): 7,
        ("e", "f", 0): 7,
        ("e", "f", 1): 8,
    }


def test_keys_are_words_whatever_they_look_like() -> None:
    assert load_yaml("1: a\ntrue: b\n2026-01-01: c").value == {"1": "a", "true": "b", "2026-01-01": "c"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: &x 2", 2, "anchors and aliases"),
        ("a:\n  - *x", 2, "anchors and aliases"),
        ("a: 1\nb: 2\na: 3", 3, "the key 'a' stands twice"),
        ("a:\n  b: 1\n  b: 2", 3, "the key 'b' stands twice"),
        ("1: a\n'1': b", 2, "the key '1' stands twice"),
        ("a: 1\n? [b]\n: 2", 2, "a key must be a plain word"),
        ("a:\n\tb: 1", 2, "cannot start any token"),
        ("a: 1\nb: c: d", 2, "mapping values are not allowed"),
        ("a: 1\nb: [", 2, "did not find expected node content"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("a: 1\nb: \x00", 2, r"the character '\x00' is not accepted"),
        ("a: 1\nb: \x1b[0m", 2, r"the character '\x1b' is not accepted"),
        ("a: 1\nb: \u2028", 2, r"the character '\u2028' is not accepted"),
        ("a: 1\nb: \ud800", 2, r"the character '\ud800' is not accepted"),
        ("a:\n" + "- " * 41 + "1", 2, "nested too deeply"),
        ("[" * 60_000, 1, "nested too deeply"),
        ("\n".join(" " * depth + "a:" for depth in range(60)), 41, "nested too deeply"),
        ("a" * (MAX_BYTES + 1), 1, "larger than 64 KB"),
        ("# " + "é" * (MAX_BYTES // 2), 1, "larger than 64 KB"),
    ],
)
def test_traps_are_refused_with_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(InvalidYaml) as error:
        load_yaml(text)
    assert error.value.line == line
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &x {k: 1}\nb: *x", {"a": {"k": 1}, "b": {"k": 1}}),
        ("a: 1\na: 2", {"a": 2}),
        ("a: 1\n---\nb: 2", {"a": 1}),
        ("", None),
    ],
)
def test_files_of_other_tools_may_hold_aliases(text: str, value: object) -> None:
    assert load_yaml(text, aliases=True).value == value


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


@pytest.mark.parametrize("text", [BOMB, "&a [*a]", "a: &a {b: *a}", "[" * 60_000, "- " * 30_000, "a: *missing"])
def test_bombs_of_aliases_and_depth_end(text: str) -> None:
    with pytest.raises(InvalidYaml):
        load_yaml(text, aliases=True)


def test_a_larger_limit_can_be_asked_for() -> None:
    text = "a: " + "x" * MAX_BYTES
    assert load_yaml(text, limit=2 * MAX_BYTES).value == {"a": "x" * MAX_BYTES}


def named_lines(text: str, aliases: bool) -> list[int]:
    """The lines a document's keys and items stand on, or that of its error."""
    try:
        return list(load_yaml(text, aliases=aliases).lines.values())
    except InvalidYaml as error:
        return [error.line]


def assert_located(text: str, aliases: bool) -> None:
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= line <= lines for line in named_lines(text, aliases))


@settings(deadline=None)
@given(st.text(max_size=80), st.booleans())
def test_any_text_is_yaml_or_refused(text: str, aliases: bool) -> None:
    assert_located(text, aliases)


@settings(deadline=None)
@given(st.text(alphabet="ab:-?[]{}!&*|>'\"%@`#~,0. \n\t", max_size=60), st.booleans())
def test_any_punctuation_is_yaml_or_refused(text: str, aliases: bool) -> None:
    assert_located(text, aliases)
