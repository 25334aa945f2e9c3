"""Comments: what a reader of the pull request sees, and that no text of a repository gets out of its code span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reviewer.core.finding import Anchor, Site, Suggestion
from reviewer.render.markdown import MAX_PLACES, comment
from reviewer.render.message import MAX_ECHO, code, visible
from reviewer.resources import built_in_rulebook
from tests.helpers import GATING, MANIFEST, PAGE, SERVER
from tests.render.samples import finding, reported, review_of

RULE = built_in_rulebook().rules["start-script-bypasses-custom-server"]
HOSTILE = [
    "`",
    "``",
    "a`b``c```d",
    "`@everyone`",
    "@everyone",
    "fixes #1",
    "</sub><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "<!-- -->",
    "**bold**",
    "\\`",
    "a\n\n# b",
    "a\r\n```\n@everyone",
    "\u202edrow\u2066",
    "\x1b[31m",
    "\ud800",
    " ",
    "",
    "|",
    "~~~",
]


def tokens(markdown: str) -> Iterator[Token]:
    """Every token of a text, those within paragraphs included."""
    for token in MarkdownIt("commonmark").parse(markdown):
        yield token
        yield from token.children or ()


def plain_text(markdown: str) -> str:
    """What stands outside code."""
    return "".join(t.content for t in tokens(markdown) if t.type in ("text", "html_inline", "html_block"))


def spans(markdown: str) -> list[str]:
    return [token.content for token in tokens(markdown) if token.type == "code_inline"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_repository_is_one_code_span_and_nothing_else(text: str) -> None:
    markdown = f"before {code(text)} after"
    (span,) = spans(markdown)
    assert plain_text(markdown) == "before  after"
    assert span.strip() == visible(text).strip()


@pytest.mark.parametrize(
    "char", ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ufeff"]
)
def test_what_cannot_be_seen_is_shown_as_an_escape(char: str) -> None:
    assert visible(f"a{char}b") == f"a\\u{{{ord(char):x}}}b"


@pytest.mark.parametrize("text", ["é✓😀", "日本", "a\u00a0b", "a b"])
def test_what_can_be_seen_stays_what_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_long_text_is_cut_before_it_is_fenced() -> None:
    markdown = code("`" * 10 * MAX_ECHO)
    assert spans(markdown) == ["`" * MAX_ECHO + "…"]


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\ud800" not in text])
def test_a_hostile_route_in_the_code_stays_in_its_span(text: str) -> None:
    literal = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("'", "\\'")
    files = {**GATING, "server.js": SERVER.replace("/hooks/payment", f"/hooks/{literal}")}
    written = comment(review_of(files).findings[:1], RULE)
    clean = comment([reported(finding())], RULE)
    assert plain_text(written) == plain_text(clean)
    assert f"POST /hooks/{visible(text)}" in spans(written)
    assert [t.type for t in tokens(written)] == [t.type for t in tokens(clean)]


@pytest.mark.parametrize("name", ["ser`ver.js", "``@everyone``.js", "#1 <b>.js", "\u202eserver.js", "a\nb.js"])
def test_a_hostile_file_name_stays_in_its_span(name: str) -> None:
    files = {"package.json": MANIFEST, name: SERVER, "pages/index.js": PAGE}
    found = review_of(files).findings
    here = Anchor("package.json", 4)
    written = comment(found, RULE, here)
    assert visible(name) in spans(written)
    assert plain_text(written) == plain_text(comment([reported(finding())], RULE, here))


def test_places_of_the_same_cause_are_listed_in_spans_and_cut_off() -> None:
    others = [replace(finding(), sites=(Site(f"a`@b{n}.js", n),)) for n in range(1, MAX_PLACES + 3)]
    written = comment([reported(finding()), *map(reported, others)], RULE)
    assert "a`@b1.js:1" in spans(written)
    assert sum(span.startswith("a`@b") for span in spans(written)) == MAX_PLACES
    assert "and 2 more" in plain_text(written)


def test_a_comment_has_the_four_slots_and_its_source_in_order() -> None:
    text = plain_text(comment([reported(finding())], RULE))
    parts = [RULE.head.title, "What it costs here.", "When it is fine.", "The alternative.", "Source"]
    assert sorted(parts, key=text.index) == parts


def suggested(replacement: str) -> list[str]:
    found = replace(finding(), suggestion=Suggestion("package.json", 4, 4, replacement))
    written = comment([reported(found)], RULE, Anchor("package.json", 4))
    return [token.content for token in tokens(written) if token.type == "fence" and token.info == "suggestion"]


@pytest.mark.parametrize(
    "line", ['\t"start": "x"', '  "é": "`"', "```", "a ``` b\n~~~\n````", 'a "\\u{0}" b', "<!-- -->"]
)
def test_a_suggestion_is_exactly_what_applying_it_writes(line: str) -> None:
    assert suggested(line) == [line + "\n"]


@pytest.mark.parametrize("at", [None, Anchor("package.json", 5), Anchor("server.js", 4)])
def test_a_replacement_of_another_line_is_quoted_and_cannot_be_applied_here(at: Anchor | None) -> None:
    found = replace(finding(), suggestion=Suggestion("package.json", 4, 4, '"start": "x"'))
    written = comment([reported(found)], RULE, at)
    assert [(t.info, t.content) for t in tokens(written) if t.type == "fence"] == [("", '"start": "x"\n')]
    assert "package.json:4" in spans(written)


@pytest.mark.parametrize("line", ["a\u202eb", "a\x1bb", "a\rb", "a\u2028b"])
def test_a_line_that_cannot_be_shown_as_it_is_is_not_suggested(line: str) -> None:
    assert suggested(line) == []


def test_a_line_to_delete_is_named_where_the_comment_stands_elsewhere() -> None:
    gone = replace(finding(), suggestion=Suggestion("app/route.ts", 4, 4, ""))
    assert "**Instead**, delete `app/route.ts:4`." in comment([reported(gone)], RULE, Anchor("app/route.ts", 1))
    assert "```suggestion\n\n```" in comment([reported(gone)], RULE, Anchor("app/route.ts", 4))


def test_several_findings_of_one_cause_suggest_nothing() -> None:
    assert "```" not in comment([reported(finding()), reported(finding())], RULE)


def test_a_manifest_indented_with_tabs_is_suggested_with_tabs() -> None:
    files = {**GATING, "package.json": MANIFEST.replace("    ", "\t\t")}
    (found,) = review_of(files).findings
    written = comment([found], RULE)
    assert '\n\t\t"start": "NODE_ENV=production node server.js"\n' in written
