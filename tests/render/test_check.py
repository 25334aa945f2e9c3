"""Check runs: the verdict in one line, every finding in the table, and nothing that GitHub or a reader chokes on."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reviewer.core.finding import Conclusion, Fixed, Problem, Reported, Review
from reviewer.render.check import (
    MAX_ANNOTATIONS,
    MAX_BYTES,
    MAX_ROWS,
    Check,
    Other,
    Subject,
    check,
    fit,
    irrelevant,
    still,
    superseded,
    title,
    together,
    trouble,
)
from reviewer.render.message import visible
from reviewer.render.plan import CAPPED, SAID, UNSHOWN, Plan
from reviewer.resources import built_in_rulebook
from tests.render.made import SOCKET, found, review
from tests.render.test_markdown import HOSTILE, plain_text, tokens

RULEBOOK = built_in_rulebook()
SUBJECT = Subject("https://github.example/acme/shop", 7, "a" * 40, "b" * 40, 3)
FAILED = Problem("failed", "a.js", "crashed")
BLAMED = replace(FAILED, caused_by_change=True)
NO_PLAN = Plan()
FIXED = Fixed(SOCKET, "pages/api/live.js", "0" * 16)
ECHOED = [
    *HOSTILE,
    "@scope/pkg",
    "#12",
    "![x](https://evil.example/x.png)",
    "<details>",
    "<!-- reviewer:findings a b -->",
]
TABLE = MarkdownIt("commonmark").enable("table")


def made(*findings: Reported, plan: Plan = NO_PLAN, subject: Subject = SUBJECT, **more: Any) -> Check:
    return check(replace(review(*findings), **more), plan, subject, RULEBOOK)


def rows(markdown: str) -> list[list[str]]:
    """The cells of the first table's body, as GitHub splits them, their code spans unwrapped."""
    cells = [t for t in TABLE.parse(markdown) if t.type in ("tr_open", "inline", "th_open", "heading_open")]
    found: list[list[str]] = []
    for index, token in enumerate(cells):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and found and token.level >= 3 and cells[index - 1].type != "th_open":
            found[-1].append("".join(c.content for c in token.children or () if c.type in ("text", "code_inline")))
    return [cells for cells in found if cells]


def links(markdown: str) -> list[str]:
    return [str(t.attrs["href"]) for t in tokens(markdown) if t.type == "link_open"]


# -- the title --------------------------------------------------

TITLES: list[tuple[Review, str, Conclusion]] = [
    (review(), "Nothing to report", "success"),
    (replace(review(), fixed=(FIXED,)), "Nothing to report, 1 finding fixed", "success"),
    (replace(review(), fixed=(FIXED, FIXED)), "Nothing to report, 2 findings fixed", "success"),
    (review(found()), "1 finding, which does not fail the check", "success"),
    (review(found(), found(line=2)), "2 findings, none fails the check", "success"),
    (review(found(gates=True), found(line=2)), "1 finding keeps this from being merged", "failure"),
    (review(found(gates=True), found(line=2, gates=True)), "2 findings keep this from being merged", "failure"),
    (review(found(status="existing"), found(line=2, status="suppressed")), "Nothing to report", "success"),
    (replace(review(verdict="incomplete"), problems=(FAILED,)), "The analysis is incomplete", "neutral"),
    (
        replace(review(verdict="incomplete"), problems=(BLAMED,)),
        "A file of this change could not be analysed",
        "failure",
    ),
    (
        replace(review(found(gates=True)), problems=(BLAMED,)),
        "1 finding keeps this from being merged",
        "failure",
    ),
]


@pytest.mark.parametrize(("of", "expected", "conclusion"), TITLES, ids=[t[1] for t in TITLES])
def test_the_title_is_the_verdict(of: Review, expected: str, conclusion: Conclusion) -> None:
    concluded = check(of, Plan(), SUBJECT, RULEBOOK)
    assert (title(of), concluded.title, concluded.conclusion) == (expected, expected, conclusion)
    assert concluded.summary.startswith(f"**{expected}.** 3 changed files, `bbbbbbb` to `aaaaaaa`.")


# -- the table --------------------------------------------------


def test_every_finding_has_a_row_and_what_gates_comes_first() -> None:
    quiet, gating = found("a.js", 3, level="error", evidence="low"), found("b.js", 9, rule=SOCKET, gates=True)
    first, second = rows(made(quiet, gating).summary)
    assert first[0].endswith(gating.id)
    assert first[1:] == ["b.js:9", "warning, high", "fails the check"]
    assert second[0].endswith(quiet.id)
    assert second[1:] == ["a.js:3", "error, low", ""]


@pytest.mark.parametrize("path", ["a|b.js", "a\\|b.js", "|", "`a|`b.js", "a||b.js"])
def test_a_pipe_in_a_path_stays_in_its_cell(path: str) -> None:
    [cells] = rows(made(found(path, 3)).summary)
    assert cells[1:] == [f"{path}:3", "warning, high", ""]


def test_a_long_table_is_cut_with_the_number_of_what_is_missing() -> None:
    summary = made(*(found("a.js", line) for line in range(1, MAX_ROWS + 4))).summary
    assert len(rows(summary)) == MAX_ROWS
    assert "*3 more are not in this table" in summary


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("app/(shop)/[id]/x.ts", "app/%28shop%29/%5Bid%5D/x.ts"),
        ("a file #1?.js", "a%20file%20%231%3F.js"),
        ("é/日.js", "%C3%A9/%E6%97%A5.js"),
        ("a\\xff.js", "a%5Cxff.js"),
        ("\ud800.js", "%5Cud800.js"),
        ("a|b`c.js", "a%7Cb%60c.js"),
    ],
)
def test_links_are_percent_encoded(path: str, quoted: str) -> None:
    [link] = links(made(found(path, 3)).summary)
    assert link == f"{SUBJECT.url}/blob/{SUBJECT.head}/{quoted}#L3"


def test_a_finding_about_a_whole_file_links_to_it() -> None:
    [cells] = rows(made(found("a.js", None)).summary)
    assert cells[1] == "a.js"


# -- the rest of the summary --------------------------------------------------


def section(summary: str, heading: str) -> list[str]:
    """The entries below a heading, as a reader sees them."""
    [text] = re.findall(rf"### {heading}\n\n((?:- .*\n?)+)", summary)
    return [
        " ".join(t.content for t in tokens(line) if t.type in ("text", "code_inline")) for line in text.splitlines()
    ]


def test_suppressions_are_listed_with_their_reasons() -> None:
    one = found("a|b.js", 3, status="suppressed")
    one = replace(one, finding=replace(one.finding, suppression="it's @fine | `really`"))
    [entry] = section(made(one).summary, "Suppressed in the code")
    assert re.sub(r"\s+", " ", entry) == f"a|b.js:3 {one.finding.rule} : it's @fine | `really`"


def test_what_is_fixed_or_was_not_analysed_is_listed_by_file() -> None:
    problems = (FAILED, Problem("failed", "", "the child died"), Problem("skipped", "min.js", "minified"))
    summary = made(fixed=(FIXED,), problems=problems).summary
    assert [re.sub(r"\s+", " ", e) for e in section(summary, "Fixed by this change")] == [
        "websocket-in-api-route in pages/api/live.js"
    ]
    assert [e.split() for e in section(summary, "Could not be analysed")] == [
        ["a.js", ":", "crashed"],
        ["the", "child", "died"],
    ]
    assert [e.split() for e in section(summary, "Not analysed")] == [["min.js", ":", "minified"]]


def test_a_long_list_is_cut_with_a_number() -> None:
    skipped = tuple(Problem("skipped", f"{n}.js", "minified") for n in range(MAX_ROWS + 5))
    entries = section(made(problems=skipped).summary, "Not analysed")
    assert (len(entries), entries[-1]) == (MAX_ROWS + 1, "and 5 more")


def test_notes_stand_between_the_verdict_and_the_table() -> None:
    summary = made(found(), subject=replace(SUBJECT, notes=("**A note.**",))).summary
    assert summary.split("\n\n")[1] == "**A note.**"


def test_what_has_no_comment_is_explained_in_full_with_the_reason() -> None:
    capped, said, spoken = found("a.js", 1), found("a.js", 2), found("a.js", 3)
    plan = Plan((), {capped.fingerprint: CAPPED, said.fingerprint: SAID})
    text = made(capped, said, spoken, plan=plan).text
    assert text.count("What it costs here.") == 1
    assert f"*Said only here: {CAPPED}.*" in text
    assert made(said, spoken, plan=Plan((), {said.fingerprint: SAID})).text == ""


# -- annotations --------------------------------------------------


def test_an_annotation_is_on_the_line_of_its_finding() -> None:
    [one, two] = made(found("a.js", 3, level="error"), found("b.js", None, level="notice")).annotations
    assert (one.path, one.start_line, one.end_line, one.level) == ("a.js", 3, 3, "failure")
    assert (two.path, two.start_line, two.end_line, two.level) == ("b.js", 1, 1, "notice")
    assert one.title.endswith(f"({found('a.js', 3).id})")


def test_annotations_stay_within_their_number() -> None:
    many = [found("a.js", line) for line in range(1, MAX_ANNOTATIONS + 3)]
    late = found("z.js", 1, gates=True)
    annotations = made(*many, late).annotations
    assert len(annotations) == MAX_ANNOTATIONS
    assert annotations[0].path == "z.js"


def test_an_annotation_beside_a_comment_says_only_what_was_seen() -> None:
    one = found("a.js", 3)
    [short] = made(one).annotations
    [full] = made(one, plan=Plan(unsaid={one.fingerprint: UNSHOWN})).annotations
    assert full.message.startswith(short.message + "\n")
    assert "When it is fine" not in short.message


@pytest.mark.parametrize("letter", ["a", "é", "𝒳", "\u202e"])
def test_an_annotation_stays_within_64_kb(letter: str) -> None:
    lost = tuple(f"{n} {letter * 110}" for n in range(400))
    one = found(level="error")
    one = replace(one, id="f" * 300, finding=replace(one.finding, args={**one.finding.args, "lost": lost}))
    [annotation] = made(one, plan=Plan(unsaid={one.fingerprint: UNSHOWN})).annotations
    assert 20_000 < len(annotation.message.encode()) <= 64 * 1024
    assert len(annotation.title) <= 255


# -- hostile text --------------------------------------------------


@pytest.mark.parametrize("text", [text for text in ECHOED if text])
def test_text_of_a_repository_is_code_wherever_it_stands(text: str) -> None:
    def summary(text: str) -> str:
        quiet = found("b.js", 1, status="suppressed")
        quiet = replace(quiet, finding=replace(quiet.finding, suppression=text))
        problems = (Problem("failed", text, text), Problem("skipped", text, text))
        return made(found(text, 3), quiet, fixed=(replace(FIXED, path=text),), problems=problems).summary

    shape = [t.type for t in TABLE.parse(summary("clean"))]
    assert [t.type for t in TABLE.parse(summary(text))] == shape
    assert re.sub(r"\w{7}$", "", plain_text(summary(text))) == re.sub(r"\w{7}$", "", plain_text(summary("clean")))
    assert not any(t.type == "image" for t in tokens(summary(text)))


@pytest.mark.parametrize("text", ECHOED)
def test_a_reason_is_quoted_as_it_is_and_does_nothing(text: str) -> None:
    summary = trouble(f"it said {text}").summary
    assert plain_text(summary) == plain_text(trouble("it said nothing").summary)
    quoted = [t.content for t in tokens(summary) if t.type == "fence"]
    assert quoted == [f"it said {visible(text)}\n"]


# -- fitting --------------------------------------------------

WORDS = st.text(st.sampled_from("aé日😀 \n|`"), min_size=1, max_size=300)
FENCED = WORDS.map(lambda text: f"words\n\n```\n{text.replace('`', '')}\n```\n\nwords")
LIST = st.lists(st.text("aé😀`|", min_size=1, max_size=40), min_size=1, max_size=30).map(
    lambda items: "### Heading\n\n" + "\n".join(f"- {item}" for item in items)
)
LEFT = re.compile(r"\*(\d+) parts? left out or cut: GitHub takes no more text\.")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(WORDS, FENCED, LIST), max_size=8), st.sampled_from(["", "---"]), st.integers(300, 1500))
def test_text_is_never_larger_than_its_limit(blocks: list[str], rule: str, limit: int) -> None:
    fitted = fit(blocks, rule, limit)
    assert len(fitted.encode()) <= limit
    glue = f"\n\n{rule}\n\n" if rule else "\n\n"
    if fitted == glue.join(blocks):
        return
    [number] = LEFT.findall(fitted)
    whole = len(blocks) - int(number)
    assert fitted.startswith(glue.join(blocks[:whole]))


@settings(max_examples=100, deadline=None)
@given(st.lists(FENCED, max_size=8), st.integers(300, 1500))
def test_a_fence_is_never_cut(blocks: list[str], limit: int) -> None:
    assert fit(blocks, "---", limit).count("```") % 2 == 0


@pytest.mark.parametrize("odd", ["plain", "a ```b``` c", "`````"])
def test_a_list_is_cut_between_its_entries(odd: str) -> None:
    entries = [f"- {n} `{odd}`" for n in range(100)]
    fitted = fit(["lead", "\n".join(["### Heading\n", *entries]), "tail"], limit=1000)
    kept = fitted.split("\n\n")[2].split("\n")
    assert 10 < len(kept) < 100
    assert kept == entries[: len(kept)]
    assert "*2 parts left out or cut" in fitted
    assert "tail" not in fitted


def test_a_review_of_many_long_paths_is_cut_in_its_table() -> None:
    deep = "```" + "日" * 100
    summary = made(*(found(f"{deep}/{n}.js", 1) for n in range(MAX_ROWS))).summary
    assert 20 < len(rows(summary)) < MAX_ROWS
    assert len(summary.encode()) <= MAX_BYTES
    assert len(LEFT.findall(summary)) == 1


# -- other check runs --------------------------------------------------

OWN = Check("success", "Nothing to report", "**Nothing to report.** Words.", "details", ())


def test_a_head_of_one_pull_request_stays_as_it_is() -> None:
    assert together(OWN, 7, []) is OWN


def test_pull_requests_on_one_head_share_the_worst_verdict() -> None:
    others = [Other(9, "neutral", "The analysis is incomplete"), Other(3, "failure", "1 finding keeps …")]
    shared = together(OWN, 7, others)
    assert (shared.conclusion, shared.title, shared.text) == ("failure", "#3: 1 finding keeps …", "details")
    assert "(#3, #7, #9)" in shared.summary
    for row in ("- #7: Nothing to report", "- #9: The analysis is incomplete", "- #3: 1 finding keeps …"):
        assert row in shared.summary.split("\n")
    assert shared.summary.endswith(OWN.summary)


@pytest.mark.parametrize("other", ["success", "neutral", "failure"])
def test_the_own_verdict_counts_where_no_other_is_worse(other: Conclusion) -> None:
    own = Check("failure", "1 finding keeps …", "words")
    shared = together(own, 7, [Other(9, other, "another")])
    assert (shared.conclusion, shared.title) == ("failure", "1 finding keeps …")


def test_a_long_summary_is_cut_and_not_dropped_where_pull_requests_share_it() -> None:
    entries = [f"- {n}" for n in range(20_000)]
    own = replace(OWN, summary=fit(["**Nothing to report.**", "\n".join(["### Not analysed\n", *entries])]))
    shared = together(own, 7, [Other(9, "success", "Nothing to report")])
    assert len(shared.summary.encode()) <= MAX_BYTES
    assert "**Nothing to report.**\n\n### Not analysed\n\n- 0\n- 1\n" in shared.summary
    assert len(re.findall(r"(?m)^- \d+$", shared.summary)) > 5_000


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (0, "This pull request changes no file."),
        (1, "The only changed file is no JavaScript"),
        (5, "None of the 5 changed files is JavaScript"),
    ],
)
def test_a_change_without_relevant_files_is_a_success_with_one_line_why(changed: int, words: str) -> None:
    made = irrelevant(changed)
    assert (made.conclusion, made.title, made.text, made.annotations) == ("success", "Nothing to review", "", ())
    assert made.summary.startswith(words)
    assert "\n" not in made.summary


def test_trouble_says_what_to_do_and_gates_nobody() -> None:
    made = trouble("GitHub was away.")
    assert (made.conclusion, made.title) == ("neutral", "The review could not be finished")
    assert "GitHub was away." in made.summary
    assert "Use **Re-run** on this check" in made.summary
    assert trouble("", "failure").conclusion == "failure"


def test_a_replaced_run_lets_nothing_through() -> None:
    assert (superseded().conclusion, superseded().title) == ("cancelled", "Replaced")


def test_a_failure_that_is_known_stays_one_when_it_cannot_be_looked_at_again() -> None:
    made = still("failure", "1 finding keeps this from being merged", "git: @acme is away")
    assert (made.conclusion, made.title) == ("failure", "1 finding keeps this from being merged")
    assert "```\ngit: @acme is away\n```" in made.summary


def test_trouble_says_whether_the_change_is_let_through() -> None:
    assert "does not keep it from being merged" in trouble("away").summary
    assert "it fails the check" in trouble("too large", "failure").summary
