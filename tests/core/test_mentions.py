"""Where names are mentioned, and which turns lead there."""

from __future__ import annotations

import pytest

from reviewer.core.mentions import Mention, mentions_of
from reviewer.core.text import Source


def places(code: str) -> tuple[Mention, ...]:
    return mentions_of(Source(code.encode()), "typescript", {"X"}).places


def is_optional(body: str) -> bool:
    (place,) = places(f"export async function f(req, res) {{ {body} }}")
    return bool(place.turns)


@pytest.mark.parametrize(
    "body",
    [
        "if (a) { X(); } return list();",
        "if (a) { X(); } else { return list(); }",
        "if (req.method === 'POST') { X(); } else if (GET) { list(); } else { res.status(405).end(); }",
        "if (cached) { return cached; } return X();",
        "return a ? X() : list();",
        "return a && X();",
        "return list() ?? X();",
        "switch (a) { case 1: X(); break; case 2: list(); break; }",
        "try { list(); } catch { X(); }",
        "if (a) { X(); }",
    ],
)
def test_places_that_a_request_can_do_without(body: str) -> None:
    assert is_optional(body)


@pytest.mark.parametrize(
    "body",
    [
        "X();",
        "if (!a) { return; } X();",
        "if (a < 1) { return res.status(400).end(); } X();",
        "if (a) { throw b; } X();",
        "if (a) { X(); } else { res.status(405).end(); }",
        "if (req.method === 'POST') { X(); return; } res.status(405).end();",
        "if (req.method === 'POST') { X(); }",
        "if (req.method === 'OPTIONS') { return res.end('yes'); } X();",
        "if (X) { list(); }",
        "return X() ?? list();",
        "return X ? 1 : 2;",
        "for (const a of b) { X(a); }",
        "try { X(); } catch { list(); }",
        "switch (a) { case 1: X(); break; default: throw b; }",
        "switch (X) { case 1: list(); }",
    ],
)
def test_places_that_every_answer_needs(body: str) -> None:
    assert not is_optional(body)


def test_what_the_process_keeps_is_needed_by_its_first_request() -> None:
    (place,) = places("let kept;\nfunction f() { if (kept) { return kept; } kept = X(); return kept; }")
    assert place.turns == ()
    (place,) = places("function f() { if (!getApps().length) { X(); } return getApps()[0]; }")
    assert place.turns == ()
    (place,) = places("let kept;\nfunction f() { if (!kept) { kept = X(); } return kept; }")
    assert place.turns == ()


def test_declarations_and_types_are_no_mentions() -> None:
    found = mentions_of(Source(b"import X from 'x';\nlet a: typeof X;\nlet b: X.Y;"), "typescript", {"X"})
    assert (found.places, found.elsewhere) == ((), frozenset({"X"}))


def test_the_declaration_and_the_functions_around_a_place() -> None:
    (place,) = places("const a = wrap(async () => { if (b) X(); return 1; });")
    assert place.owner == "a"
    assert [len(turns) for _, turns in place.functions] == [1]
    assert place.turns_in(place.functions[0][0]) == place.turns
    assert place.turns_in(-1) is None


def test_both_sides_of_a_branch_share_their_place() -> None:
    first, second = places("function f() { if (a) { return X(1); } return X(2); }")
    assert {place for place, _ in first.turns} == {place for place, _ in second.turns}
    assert set(first.turns) != set(second.turns)
