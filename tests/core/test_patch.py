"""Suggestions applied to bytes."""

from __future__ import annotations

from reviewer.core.finding import Suggestion
from reviewer.core.patch import apart, patched


def on(line: int, end_line: int, replacement: str, path: str = "a.js") -> Suggestion:
    return Suggestion(path, line, end_line, replacement)


def test_lines_are_replaced_from_the_last_to_the_first() -> None:
    assert patched(b"one\ntwo\nthree\n", [on(1, 1, "a\nb"), on(3, 3, "c")]) == b"a\nb\ntwo\nc\n"


def test_several_lines_become_one() -> None:
    assert patched(b"one\ntwo\nthree", [on(1, 2, "both")]) == b"both\nthree"


def test_an_empty_replacement_deletes_the_lines() -> None:
    assert patched(b"one\ntwo\nthree\n", [on(2, 2, "")]) == b"one\nthree\n"


def test_every_line_written_ends_as_the_replaced_one_did() -> None:
    assert patched(b"one\r\ntwo\r\n", [on(1, 1, "a\nb")]) == b"a\r\nb\r\ntwo\r\n"


def test_lines_that_are_not_there_are_not_replaced() -> None:
    assert patched(b"one\n", [on(3, 3, "c")]) is None


def test_of_suggestions_that_share_a_line_the_first_is_kept() -> None:
    first, second, third, other = on(1, 2, "a"), on(2, 3, "b"), on(3, 3, "c"), on(2, 2, "d", "b.js")
    assert list(apart([first, second, third, other])) == [first, third, other]
