"""Differences between trees: renames, added and kept lines, and the lines a comment can stand on."""

from __future__ import annotations

import pytest

from reviewer.core.diff import Diff, compare_lines
from reviewer.core.snapshot import snapshot_of

TEN = [b"line %d" % number for number in range(1, 11)]


def diff(base: dict[str, bytes | str], head: dict[str, bytes | str]) -> Diff:
    return Diff(snapshot_of(base), snapshot_of(head))


@pytest.mark.parametrize(
    ("new", "added", "commentable"),
    [
        (TEN, [], []),
        ([*TEN[:4], b"new", *TEN[4:]], [5], [2, 3, 4, 5, 6, 7, 8]),
        ([*TEN[:9], b"other"], [10], [7, 8, 9, 10]),
        (TEN[:4] + TEN[5:], [], [2, 3, 4, 5, 6, 7]),
        ([b"first", *TEN], [1], [1, 2, 3, 4]),
    ],
)
def test_added_lines_and_three_lines_around_them_can_be_commented_on(
    new: list[bytes], added: list[int], commentable: list[int]
) -> None:
    lines = compare_lines(TEN, new)
    assert sorted(lines.added) == added
    assert sorted(lines.commentable) == commentable


def test_kept_lines_are_known_by_where_they_went() -> None:
    lines = compare_lines(TEN, [b"a", b"b", *TEN[:3], *TEN[5:]])
    assert (lines.kept[1], lines.kept[3], lines.kept.get(4), lines.kept[6]) == (3, 5, None, 6)


def test_a_file_moved_as_it_is_is_a_rename_and_adds_no_line() -> None:
    moved = diff({"a/x.ts": "one\n", "b.ts": "b\n"}, {"c/x.ts": "one\n", "b.ts": "b\n"})
    assert {path: (file.status, file.old_path) for path, file in moved.files.items()} == {
        "c/x.ts": ("renamed", "a/x.ts")
    }
    assert moved.lines("c/x.ts").added == frozenset()
    assert moved.new_path("a/x.ts") == "c/x.ts"


def test_a_file_moved_and_edited_is_a_rename_when_asked_about() -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    moved = diff({"old.ts": text}, {"new.ts": text + "one more\n"})
    assert moved.files["new.ts"].status == "added"
    moved.match_similar(["old.ts"], ["new.ts"])
    assert (moved.files["new.ts"].status, sorted(moved.lines("new.ts").added)) == ("renamed", [21])


def test_a_file_with_little_in_common_is_no_rename() -> None:
    other = diff({"old.ts": "a\nb\nc\nd\n"}, {"new.ts": "a\nx\ny\nz\n"})
    other.match_similar(["old.ts"], ["new.ts"])
    assert {path: file.status for path, file in other.files.items()} == {"new.ts": "added", "old.ts": "removed"}


def test_all_lines_of_a_new_file_are_added_and_an_untouched_one_has_none() -> None:
    both = diff({"same.ts": "a\n"}, {"same.ts": "a\n", "new.ts": "a\nb\n"})
    assert sorted(both.lines("new.ts").added) == [1, 2]
    assert both.lines("same.ts").added == frozenset()
    assert both.maps_to("same.ts", 1, 1)
