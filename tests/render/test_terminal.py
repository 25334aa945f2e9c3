"""Text for the terminal: by file, with a caret, and without a control character of the repository's."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace

import pytest
from rich.console import Console

from reviewer.core.finding import Finding, Fixed, Problem, Review, Site, Suggestion
from reviewer.render.terminal import print_review, total
from reviewer.resources import built_in_rulebook
from tests.helpers import GATING
from tests.render.samples import finding, reported, review, review_of


def printed(review: Review, lines: Mapping[tuple[str, int], str] | None = None, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, markup=False, emoji=False, force_terminal=color)
    print_review(review, built_in_rulebook(), lambda path, line: (lines or {}).get((path, line)), console)
    return out.getvalue()


def at(path: str, line: int | None = 1, column: int = 1, message: str = "") -> Finding:
    return replace(finding(), sites=(Site(path, line, column, message=message),), suggestion=None)


def caret(text: str, column: int) -> tuple[str, int]:
    """The line shown for a finding, and how far into it the caret stands."""
    rows = printed(review(at("a.js", 7, column)), {("a.js", 7): text}).splitlines()
    shown = next(row for row in rows if row.startswith("    7 | "))
    below = rows[rows.index(shown) + 1]
    return shown[8:], below.index("^") - 8


def test_findings_are_grouped_by_file() -> None:
    rows = printed(review(at("a.js"), at("a.js", 2), at("b.js"))).splitlines()
    assert [row for row in rows if row in ("a.js", "b.js")] == ["a.js", "b.js"]
    assert [row.split()[0] for row in rows if row.startswith("  ") and ":1  " in row] == ["1:1", "2:1", "1:1"]


def test_one_cause_is_explained_once() -> None:
    text = printed(review(at("a.js"), at("b.js")))
    assert (text.count("What it costs here:"), text.count("The same cause as above.")) == (1, 1)


@pytest.mark.parametrize(
    ("text", "column", "under"),
    [
        ("new X();", 1, "new"),
        ("  return new X();", 10, "new"),
        ("\t\treturn new X();", 10, "new"),
        ("a\tnew X();", 3, "new"),
        ("é✓ new X();", 4, "new"),
        ("\u202e new X();", 3, "new"),
        ("x" * 400 + " new X(); " + "y" * 400, 402, "new"),
        ("new X();" + "y" * 400, 1, "new"),
        ("x" * 400 + "new", 401, "new"),
    ],
    ids=["start", "indented", "tabs", "tab inside", "unicode", "escape before", "long", "long start", "long end"],
)
def test_the_caret_stands_under_its_column(text: str, column: int, under: str) -> None:
    shown, position = caret(text, column)
    assert shown[position:].startswith(under)
    assert len(shown) <= 100


def test_a_line_that_is_not_there_is_left_out() -> None:
    assert "^" not in printed(review(at("a.js")))
    assert "  -  error" in printed(review(at("a.js", None)))


HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b31m\r\u202e\x00\x7f"


def everything(text: str) -> Review:
    """A review that says a text in every place that has room for one."""
    found = replace(
        finding(),
        sites=(Site(f"a{text}.js", 1, 1, message=text), Site(f"b{text}.js", 2, message=f"`{text}`")),
        args={name: text if isinstance(value, str) else value for name, value in finding().args.items()},
        suggestion=Suggestion("a.js", 1, 1, f"x{text}y"),
    )
    problems = (Problem("failed", f"c{text}", f"because {text}"),)
    return Review((reported(found),), (Fixed(found.rule, f"d{text}", "f"),), problems, "failure")


def test_no_control_character_of_a_repository_reaches_the_terminal() -> None:
    text = printed(everything(HOSTILE), {(f"a{HOSTILE}.js", 1): f"line {HOSTILE}"})
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert "\\u{1b}]0;title\\u{7}" in text


def test_markup_of_the_terminal_library_is_only_text() -> None:
    text = printed(everything("[bold]:smile:[/bold]"), {("a[bold]:smile:[/bold].js", 1): "x = a[red]"})
    assert "a[bold]:smile:[/bold].js" in text
    assert "x = a[red]" in text


def test_colour_is_used_where_the_terminal_has_it() -> None:
    assert "\x1b[" in printed(review(finding()), color=True)
    assert "\x1b[" not in printed(review(finding()))


def test_what_gates_and_what_is_suppressed_is_marked() -> None:
    suppressed = replace(reported(at("b.js")), status="suppressed", gates=False)
    rows = printed(Review((reported(at("a.js")), suppressed), (), (), "failure")).splitlines()
    heads = [row for row in rows if row.startswith("  1:1")]
    assert ["(gates)" in row for row in heads] == [True, False]
    assert ["(suppressed)" in row for row in heads] == [False, True]


@pytest.mark.parametrize(
    ("review", "line"),
    [
        (Review((), (), (), "success"), "No findings. Nothing stands in the way."),
        (review_of(GATING), "1 finding (1 error), 1 of them gating. This fails the check."),
        (
            Review((), (Fixed("r", "a.js", "f"),), (Problem("failed", "b.js", "x"),), "incomplete"),
            "No findings, 1 fixed. Not analysed or only in part: 1 failed. The result is incomplete.",
        ),
        (
            Review((), (), (Problem("skipped", "a", "x"), Problem("skipped", "b", "x")), "success"),
            "No findings. Not analysed or only in part: 2 skipped. Nothing stands in the way.",
        ),
    ],
    ids=["nothing", "gates", "failed", "skipped"],
)
def test_the_last_line_is_the_whole_review(review: Review, line: str) -> None:
    assert total(review) == line
    assert printed(review).splitlines()[-1] == line


def test_problems_and_repairs_are_named() -> None:
    sample = Review(
        (), (Fixed("rule-id", "a.js", "f"),), (Problem("failed", "", "nothing was analysed"),), "incomplete"
    )
    rows = printed(sample).splitlines()
    assert rows[:2] == ["Fixed: a.js no longer has rule-id.", "Failed: .: nothing was analysed."]


def test_a_line_to_delete_is_named() -> None:
    def deleting(line: int, end_line: int) -> str:
        return printed(review(replace(at("a.js", 3), suggestion=Suggestion("a.js", line, end_line, ""))))

    assert "    Delete this line\n" in deleting(3, 3)
    assert "    Delete line 4\n" in deleting(4, 4)
    assert "    Delete lines 3 to 5\n" in deleting(3, 5)
    assert "Suggested line" not in deleting(3, 3)


def test_a_replacement_of_several_lines_is_shown_line_by_line() -> None:
    def suggesting(first: int, last: int, replacement: str) -> str:
        return printed(review(replace(at("a.js", 3), suggestion=Suggestion("a.js", first, last, replacement))))

    assert "    Suggested for lines 3 to 4:\n    one {\n      two\n    }\n" in suggesting(3, 4, "one {\n\ttwo\n}")
    assert "    Suggested for line 3:\n    one\n    two\n" in suggesting(3, 3, "one\ntwo")
    assert "    Suggested for lines 3 to 4:\n    both\n" in suggesting(3, 4, "both")
    assert "    l11\n    … and 3 more lines\n" in suggesting(3, 4, "\n".join(f"l{index}" for index in range(15)))


def test_places_and_links_are_never_broken() -> None:
    path = "apps/" + "a b/" * 30 + "c.js"
    found = replace(at("a.js"), sites=(Site("a.js", 1, 1), Site(path, 12, message="and `here` it is, " * 12)))
    rows = printed(review(found)).splitlines()
    assert any(f"{path}:12" in row for row in rows)
    assert max(len(row) for row in rows if path not in row and "http" not in row) <= 100


def test_code_keeps_its_ticks_where_bold_cannot_be_seen() -> None:
    found = replace(at("a.js"), sites=(Site("a.js", 1, 1), Site("b.js", 2, message="the `wrapper` here")))
    assert "see b.js:2: the `wrapper` here" in printed(review(found))
    assert "`wrapper`" not in printed(review(found), color=True)
