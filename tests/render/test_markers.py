"""Hidden marks: what was written is read again, and nothing that others write is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.render.markers import FindingsMark, findings_mark, review_mark, review_marks

PRINT = "0123456789abcdef"
HEAD = "a" * 40
MARK = FindingsMark("websocket-in-api-route", (PRINT, PRINT[::-1]), gates=True)

PRINTS = st.text("0123456789abcdef", min_size=16, max_size=16)
MARKS = st.builds(
    FindingsMark,
    st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True),
    st.lists(PRINTS, min_size=1, max_size=5).map(tuple),
    st.booleans(),
)


@given(MARKS, st.text())
def test_what_was_written_is_read_again(mark: FindingsMark, rest: str) -> None:
    assert findings_mark(f"{mark}{rest}") == mark


@pytest.mark.parametrize("before", [" ", "\n", "> ", "`", "```\n", "<!-- ", "\ufeff", "I saw this:\n"])
def test_a_mark_counts_at_the_very_beginning_only(before: str) -> None:
    assert findings_mark(f"{before}{MARK}") is None
    assert review_marks([f"{before}{review_mark(HEAD, 0)}"]) == set()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<!-- reviewer:findings websocket-in-api-route  -->",
        f"<!-- reviewer:findings  {PRINT} -->",
        f"<!-- reviewer:findings Rule {PRINT} -->",
        f"<!-- reviewer:findings a/b {PRINT} -->",
        f"<!-- reviewer:findings rule {PRINT[:15]} -->",
        f"<!-- reviewer:findings rule {PRINT}0 -->",
        f"<!-- reviewer:findings rule {PRINT.upper()} -->",
        f"<!-- reviewer:findings rule {PRINT}, -->",
        f"<!-- reviewer:findings rule {PRINT} {PRINT} -->",
        f"<!-- reviewer:findings rule {PRINT} gates gates -->",
        f"<!-- reviewer:findings rule {PRINT} --",
        f"<!-- reviewer:findings rule {PRINT}\n-->",
        f"<!-- reviewer:findings rule {'٠' * 16} -->",
        f"<!-- other:findings rule {PRINT} -->",
        review_mark(HEAD, 0),
    ],
)
def test_a_malformed_mark_is_none(body: str) -> None:
    assert findings_mark(body) is None


@pytest.mark.parametrize("head", ["a" * 40, "b" * 64])
def test_a_review_is_known_by_its_head_and_part(head: str) -> None:
    bodies = [f"{review_mark(head, part)}\nwords" for part in (0, 3)]
    assert review_marks([*bodies, "words", str(MARK)]) == {(head, 0), (head, 3)}


@pytest.mark.parametrize(("head", "part"), [("a" * 39, "0"), ("g" * 40, "0"), ("a" * 41, "0"), (HEAD, "x"), (HEAD, "")])
def test_a_malformed_review_mark_is_none(head: str, part: str) -> None:
    assert review_marks([f"<!-- reviewer:review {head} {part} -->"]) == set()


@given(MARKS)
def test_no_mark_can_end_its_comment_early(mark: FindingsMark) -> None:
    assert str(mark).count("-->") == 1
    assert str(mark).endswith("-->")
