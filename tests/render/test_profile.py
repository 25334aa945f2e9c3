"""Profiles in words: calm ones, with a place for every fact, and nothing of the repository's that acts."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from reviewer.core.finding import Review
from reviewer.core.matrix import Fact, Host, Measures, Profile, ProfileChange, Reason, judged, profile_changes
from reviewer.render.check import Subject, check
from reviewer.render.json import Revisions, schema
from reviewer.render.json import document as review_document
from reviewer.render.plan import Plan
from reviewer.render.profile import FINE, HAS, HOSTS, LABELS, MISMATCHES, changes, code_place, rows, told
from reviewer.render.profile import document as profile_document
from reviewer.render.profile_schema import profile_schema
from reviewer.render.terminal import print_profiles, print_review
from reviewer.resources import built_in_rulebook
from tests.render.test_markdown import HOSTILE, plain_text, tokens

ROOT = Path(__file__).parent.parent.parent
FORBIDDEN = re.compile(
    r"wrong framework|should (?:migrate|move)|must move|better(?!-)|best practice|"
    r"\b(?:fast|slow)(?:er|est|ly)?\b|performan|scalab|blazing|efficient|lightweight|heavy|cold start|"
    r"static optimization|overhead|\brow [1-4]\b",
    re.IGNORECASE,
)
PAGES = Reason("U", 2, Fact("{} pages", "app/page.tsx", 1, "high", (5,)))
HANDLERS = Reason("B", 1, Fact("{} request handlers", "app/api/a/route.ts", 3, "high", (4,)))
SOCKET = Reason("P", 3, Fact("a WebSocket server is made with {}", "pages/api/live.ts", 7, "high", ("ws#Server",)))
BEFORE = Measures("web", "web", "next", "Next.js application", pages=5, handlers=4, reasons=(PAGES, HANDLERS))
AFTER = replace(BEFORE, reasons=(PAGES, HANDLERS, SOCKET), places=frozenset({"route"}), context=(PAGES.fact,))
SUBJECT = Subject("https://github.example/acme/shop", 7, "a" * 40, "b" * 40, 3)


def delta(before: Measures, after: Measures) -> tuple[ProfileChange, ...]:
    return tuple(profile_changes([judged(before)], [judged(after)]))


def reviewed(before: Measures, after: Measures) -> Review:
    return Review((), (), (), "success", profile_delta=delta(before, after))


def summary(review: Review) -> str:
    return check(review, Plan(), SUBJECT, built_in_rulebook()).summary


def in_terminal(*profiles: Profile) -> str:
    out = io.StringIO()
    print_profiles(profiles, (), Console(file=out, width=200, highlight=False, markup=False, emoji=False))
    return out.getvalue()


def spoken() -> Iterator[str]:
    """Every text of the modules that speak about profiles, comments and docstrings left out."""
    names = (
        "core/features",
        "core/links",
        "core/surface",
        "core/consumers",
        "core/database",
        "core/memory",
        "core/profile",
    )
    for name in (*names, "render/profile"):
        tree = ast.parse((ROOT / "reviewer" / f"{name}.py").read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in docs:
                yield node.value


def test_nothing_is_praised_blamed_or_told_to_move() -> None:
    texts = list(spoken())
    assert len(texts) > 200
    assert [text for text in texts if FORBIDDEN.search(text)] == []


def test_every_value_has_words() -> None:
    for words in (LABELS, HAS, HOSTS, FINE):
        assert all(words.values())
    assert all(kind in ("Mismatch", "Note") and text.endswith(".") for kind, text in MISMATCHES.values())
    assert LABELS.keys() == FINE.keys()


def test_a_profile_tells_needs_possessions_scores_reasons_and_what_stays_fine() -> None:
    found = list(rows(judged(AFTER), code_place))
    assert [label for label, _ in found] == [
        *("The code needs", "It has", "Host", "Scores", "Because", "", "", "Against", "Note", "If nothing changes"),
    ]
    assert found[4] == (
        "Because",
        "+3 process need: a WebSocket server is made with `ws#Server` (`pages/api/live.ts:7`)",
    )
    assert found[7] == ("Against", "5 pages (`app/page.tsx:1`)")


def test_files_that_disagree_on_the_host_are_told() -> None:
    facts = (Fact("says a container", "Dockerfile", 14), Fact("says Netlify", "netlify.toml"))
    conflicting = judged(replace(BEFORE, host_conflicts=facts))
    text = "unknown: two files disagree: `Dockerfile:14` says a container, `netlify.toml:1` says Netlify"
    assert dict(rows(conflicting, code_place))["Host"] == text
    document = profile_document([conflicting], (), "a" * 40)
    assert [fact["path"] for fact in document["profiles"][0]["host_conflicts"]] == ["Dockerfile", "netlify.toml"]
    Draft202012Validator(profile_schema()).validate(document)


def test_at_most_five_reasons_are_told_the_deciding_ones_first() -> None:
    many = tuple(replace(HANDLERS, fact=replace(HANDLERS.fact, path=f"r{index}.ts")) for index in range(9))
    texts = [text for _, text in rows(judged(replace(AFTER, reasons=(*many, SOCKET))), code_place)]
    found = [text for text in texts if "+" in text]
    assert len(found) == 5
    assert found[0].startswith("+3 process need")
    assert "and 5 more" in texts
    assert not any(text.startswith("and ") for _, text in rows(judged(AFTER), code_place))


def test_every_score_of_two_or_more_has_a_reason() -> None:
    reasons = [Reason("B", 3 - index % 2, Fact("a", f"b{index}.ts")) for index in range(6)]
    others = [Reason("C", 1, Fact("c", f"c{index}.ts")) for index in range(2)] + [Reason("M", 1, Fact("m", "m.ts"))]
    made = judged(replace(BEFORE, reasons=(*reasons, *others, PAGES)))
    texts = [text for _, text in rows(made, code_place) if text.startswith("+")]
    assert [text.split(":")[0] for text in texts] == ["+3 backend"] * 3 + ["+2 rendering", "+1 consumers"]


@pytest.mark.parametrize(("host", "fine"), [("long-lived", True), ("unknown", True), ("function", False)])
def test_a_custom_server_that_owns_sockets_is_fine_where_a_process_is_kept(host: Host, fine: bool) -> None:
    made = judged(replace(AFTER, has="next+custom-server", host=host))
    assert made.label == "R5"
    assert ("The custom server is fine" in dict(rows(made, code_place))["If nothing changes"]) is fine
    alone = dict(rows(judged(replace(AFTER, host=host)), code_place))["If nothing changes"]
    assert "custom server" not in alone


def test_a_doubtful_profile_is_not_told() -> None:
    assert [label for label, _ in rows(judged(replace(AFTER, failed=("a.ts",))), code_place)] == ["Unsure"]


def test_an_application_too_small_for_a_label_says_so() -> None:
    found = dict(rows(judged(replace(BEFORE, pages=0, handlers=1, reasons=())), code_place))
    assert found["The code needs"].startswith("There is too little")
    assert "If nothing changes" not in found


def test_the_terminal_has_a_block_for_each_application() -> None:
    text = in_terminal(judged(AFTER), judged(replace(BEFORE, root="api", name="api")))
    assert [line for line in text.splitlines() if not line.startswith(" ") and line] == [
        "web Next.js application",
        "api Next.js application",
    ]
    words = " ".join(text.split())
    assert "Because: +3 process need: a WebSocket server is made with `ws#Server` (pages/api/live.ts:7)" in words
    assert in_terminal().startswith("No application to profile: no Next.js application")


@pytest.mark.parametrize(
    "path", ["a/" * 60 + "[id]/page.tsx", "a b/" * 25 + "page.tsx", "app/(shop)/[...slug]/page.tsx"]
)
def test_a_place_is_never_broken(path: str) -> None:
    socket = replace(SOCKET, fact=replace(SOCKET.fact, path=path))
    out = io.StringIO()
    console = Console(file=out, width=80, highlight=False, markup=False, emoji=False)
    print_profiles([judged(replace(AFTER, reasons=(*AFTER.reasons, socket)))], (), console)
    assert f"({path}:7)" in out.getvalue()
    print_review(reviewed(BEFORE, replace(AFTER, reasons=(socket,))), built_in_rulebook(), lambda *_: None, console)
    assert out.getvalue().count(f"({path}:7)") == 2
    rest = [line for line in out.getvalue().splitlines() if path not in line]
    assert max(len(line) for line in rest) <= 80


def test_code_is_bold_where_bold_can_be_seen() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200, highlight=False, markup=False, emoji=False, force_terminal=True)
    print_profiles([judged(AFTER)], (), console)
    assert "`" not in out.getvalue()
    assert "\x1b[1mws#Server\x1b[0m" in out.getvalue()


# -- the change --------------------------------------------------


def test_a_change_is_told_with_its_facts_and_what_stays_fine() -> None:
    (change,) = delta(BEFORE, AFTER)
    told_lines = list(changes(change, code_place, code_place))
    assert told_lines[0] == f"The code needs {LABELS['R5']}; before: {LABELS['R3']}."
    assert told_lines[1:3] == [
        "Process need: 3 of 8; before: 0.",
        "+3 process need: a WebSocket server is made with `ws#Server` (`pages/api/live.ts:7`)",
    ]
    assert [line.partition(":")[0] for line in told_lines[3:]] == ["Against", "Note", "If nothing changes"]


def test_what_went_is_told_without_a_link() -> None:
    (change,) = delta(AFTER, BEFORE)
    told_lines = list(changes(change, lambda _: "head", lambda _: "base"))
    assert "no longer +3 process need: a WebSocket server is made with `ws#Server` (base)" in told_lines
    assert any(line.startswith("No longer so: ") for line in told_lines)


def test_a_mismatch_that_was_there_before_says_so() -> None:
    before = replace(AFTER, reasons=(*AFTER.reasons, Reason("C", 2, Fact("a", "a.ts"))))
    after = replace(before, reasons=(*before.reasons, Reason("C", 1, Fact("b", "b.ts"))))
    (change,) = delta(before, after)
    assert any(line.startswith("Note (as before): ") for line in changes(change, code_place, code_place))


def test_a_small_service_is_no_news() -> None:
    after = replace(BEFORE, has="next+service", service_is_small=True)
    (change,) = delta(BEFORE, after)
    assert not any(MISMATCHES["small-service"][1] in line for line in changes(change, code_place, code_place))


def test_the_check_names_the_change_with_links_and_stays_green() -> None:
    made = check(reviewed(BEFORE, AFTER), Plan(), SUBJECT, built_in_rulebook())
    assert (made.conclusion, made.title) == ("success", "Nothing to report")
    assert "### The architecture of `web` changes (for information)" in made.summary
    assert f"({SUBJECT.url}/blob/{SUBJECT.head}/pages/api/live.ts#L7)" in made.summary
    assert "architecture" not in summary(reviewed(AFTER, AFTER))


def test_the_terminal_tells_the_change_once() -> None:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, markup=False, emoji=False)
    print_review(reviewed(BEFORE, AFTER), built_in_rulebook(), lambda _path, _line: None, console)
    assert out.getvalue().count("The architecture of web changes") == 1


# -- hostile names --------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_the_repository_are_told_as_code(name: str) -> None:
    fact = replace(SOCKET.fact, names=(name,), path=f"{name}.ts")
    hostile = replace(AFTER, name=name, reasons=(replace(SOCKET, fact=fact),), context=(fact,))
    text = summary(reviewed(replace(BEFORE, name=name), hostile))
    allowed = {f"{SUBJECT.url}/blob/"}
    for token in tokens(text):
        assert token.type not in ("html_inline", "html_block", "image")
        if token.type == "link_open":
            assert any(str(token.attrs["href"]).startswith(start) for start in allowed)
    assert "a WebSocket server is made with" in plain_text(text)


@pytest.mark.parametrize("name", ["\x1b[31m", "\u202eabc", "a\nb"])
def test_no_control_character_reaches_the_terminal(name: str) -> None:
    fact = replace(SOCKET.fact, names=(name,), path=f"{name}.ts")
    text = in_terminal(judged(replace(AFTER, name=name, reasons=(replace(SOCKET, fact=fact),))))
    assert name not in text


# -- JSON --------------------------------------------------


def test_profiles_are_written_as_their_schema_says() -> None:
    validator = Draft202012Validator(profile_schema())
    host = Fact("set up for Fly.io", "fly.toml")
    several = [AFTER, BEFORE, replace(AFTER, failed=("a.ts",)), replace(AFTER, host="long-lived", host_fact=host)]
    value = profile_document([judged(measures) for measures in several], (), "a" * 40)
    validator.validate(value)
    first = value["profiles"][0]
    assert (first["label"], first["row"], first["scores"]["P"]) == ("R5", None, 3)
    reason = first["reasons"][0]
    assert (reason["score"], reason["points"], reason["line"], reason["confidence"]) == ("P", 3, 7, "high")
    assert (reason["fact"], reason["path"]) == ("a WebSocket server is made with `ws#Server`", "pages/api/live.ts")
    assert [value["profiles"][2][name] for name in ("label", "needs", "mismatch")] == [None, None, None]


def test_the_published_schema_is_the_one_profiles_are_held_to() -> None:
    published = json.loads((ROOT / "docs" / "profile-1.schema.json").read_text(encoding="utf-8"))
    assert published == profile_schema()


def test_a_review_has_the_change_as_a_member() -> None:
    value = review_document(reviewed(BEFORE, AFTER), Revisions(), built_in_rulebook())
    Draft202012Validator(schema()).validate(value)
    (change,) = value["profile_delta"]
    assert (change["root"], change["what"], change["since"]) == ("web", ["label", "mismatch", "P"], "this change")
    assert [change[side]["label"] for side in ("before", "after")] == ["R3", "R5"]
    assert [reason["path"] for reason in change["added"]] == ["pages/api/live.ts"]


def test_a_fact_is_told_with_its_numbers_and_names() -> None:
    assert told(Fact("{} of {}", "a.ts", 1, "high", (1200, "x`y"))) == "1,200 of ``x`y``"
