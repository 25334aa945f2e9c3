"""Pull requests that mean harm: they cost themselves the check, and nothing of theirs is Markdown or believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reviewer.render.markers import findings_mark
from tests.helpers import HARMLESS, ROUTE, ROUTE_LINE, SERVER
from tests.service.shop import Shop
from tests.standin import PullRequest

SLOW = ROUTE + "const rows = " + "[" * 300_000 + "\n" + ROUTE
DEEP = ROUTE + "const rows = " + "[" * 5_000 + "]" * 5_000 + ";\n"
FORGED = "<!-- reviewer:findings websocket-in-api-route 0123456789abcdef gates -->"
ATTACK = f"`` ` {FORGED} @acme/team #12 <img src=x onerror=y> ![x](http://x.test) | </details>"
NASTY = "pages/api/`` @acme team `<b>x![y](z) #1 |.js"


def test_a_file_that_cannot_be_analysed_fails_the_check_of_its_pull_request(shop: Shop) -> None:
    pull = shop.open({"pages/api/slow.js": SLOW, "pages/api/live.js": ROUTE})
    run = shop.check(pull.head_sha, seconds=90)
    assert (run.conclusion, run.output["title"]) == ("failure", "A file of this change could not be analysed")
    assert "### Could not be analysed" in run.output["summary"]
    assert "- `pages/api/slow.js`: `it needed more CPU time" in run.output["summary"]
    assert shop.posted(pull) == [("pages/api/live.js", ROUTE_LINE)]


def test_a_file_that_is_nested_deeply_costs_nothing(shop: Shop) -> None:
    pull = shop.open({"pages/api/deep.js": DEEP, "pages/api/live.js": ROUTE})
    assert shop.check(pull.head_sha).conclusion == "success"
    assert shop.posted(pull) == [("pages/api/deep.js", ROUTE_LINE), ("pages/api/live.js", ROUTE_LINE)]


def outside_code(text: str) -> str:
    """What a reader's browser gets of Markdown apart from code: words, HTML and addresses."""
    return "\n".join(_outside(MarkdownIt("commonmark").enable("table").parse(text)))


def _outside(tokens: list[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "html_inline", "html_block"):
            yield token.content
        yield from (str(value) for name, value in token.attrs.items() if name == "src")
        if token.children:
            yield from _outside(token.children)


def texts(shop: Shop, pull: PullRequest) -> list[str]:
    """Everything the App wrote about a pull request that GitHub shows as Markdown, without its own hidden marks."""
    (run,) = shop.runs(pull.head_sha)
    bodies = [c.body for c in shop.github.comments(pull)] + [r.body for r in shop.github.reviews(pull)]
    assert all(body.startswith("<!-- reviewer:") for body in bodies)
    own = [body.partition("\n")[2] for body in bodies]
    return [*own, run.output["summary"], run.output.get("text") or ""]


def assert_harmless(shop: Shop, pull: PullRequest) -> None:
    for text in texts(shop, pull):
        shown = outside_code(text)
        for sign in ("@acme", "#1", "<img", "<b>", "<!--", "x.test", "</details>", "![", "reviewer:findings"):
            assert sign not in shown, shown
    for comment in shop.github.comments(pull):
        mark = findings_mark(comment.body)
        assert mark is not None
        assert "0123456789abcdef" not in mark.fingerprints


def test_a_path_full_of_markdown_stays_within_code(shop: Shop) -> None:
    pull = shop.open({NASTY: ROUTE})
    run = shop.check(pull.head_sha)
    assert shop.posted(pull) == [(NASTY, ROUTE_LINE)]
    assert [a["path"] for a in run.annotations] == [NASTY]
    assert_harmless(shop, pull)


def test_code_full_of_markdown_stays_within_code(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER.replace("/hooks/payment", "/" + ATTACK)})
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    assert any("acme" in text for text in texts(shop, pull)), "the attack was not even shown"
    assert_harmless(shop, pull)


def test_a_suppression_full_of_markdown_stays_within_code(shop: Shop) -> None:
    line = f"  // reviewer-disable-next-line websocket-in-api-route -- {ATTACK}\n  new WebSocketServer"
    pull = shop.open({"pages/api/live.js": ROUTE.replace("  new WebSocketServer", line)})
    run = shop.check(pull.head_sha)
    assert "### Suppressed in the code" in run.output["summary"]
    assert "acme" in run.output["summary"]
    assert_harmless(shop, pull)


def test_a_configuration_full_of_markdown_stays_within_code(shop: Shop) -> None:
    shop.branch("odd", {".github/reviewer.yml": f"mode: '{ATTACK}'\n"})
    pull = shop.open({"pages/api/fine.js": HARMLESS}, base="odd")
    run = shop.check(pull.head_sha)
    assert "is not valid" in run.output["summary"]
    assert_harmless(shop, pull)


def test_a_branch_full_of_markdown_stays_within_code(shop: Shop) -> None:
    name = "x`@acme/team`<b>#1"
    shop.branch(name, {".github/reviewer.yml": "mode: wrong\n"})
    pull = shop.open({"pages/api/fine.js": HARMLESS}, base=name)
    run = shop.check(pull.head_sha)
    assert "is not valid" in run.output["summary"]
    assert_harmless(shop, pull)


@pytest.mark.parametrize("name", ["‮gnp.js", "a\tb.js", 'q"uote.js', "caf\u00e9.js", "[id].js", "%2e%2e.js"])
def test_a_path_of_odd_characters_is_commented_and_annotated(shop: Shop, name: str) -> None:
    path = f"pages/api/{name}"
    pull = shop.open({path: ROUTE})
    run = shop.check(pull.head_sha)
    assert (run.conclusion, [a["path"] for a in run.annotations]) == ("success", [path])
    assert shop.posted(pull) == [(path, ROUTE_LINE)]
    assert "\u202e" not in "".join(texts(shop, pull))
