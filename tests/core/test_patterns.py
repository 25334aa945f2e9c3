"""Path patterns and regular expressions of strangers."""

from __future__ import annotations

import time

import pytest

from reviewer.core.patterns import Unreadable, compile_path, compile_regex

LOOKAHEAD = "/((?!api|_next/static|favicon.ico|.*\\.(?:svg|png)$).*)"


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/admin/:path*", "/admin", True),
        ("/admin/:path*", "/admin/a/b", True),
        ("/admin/:path*", "/administrator", False),
        ("/admin/:path+", "/admin", False),
        ("/chat/:id", "/chat/9", True),
        ("/chat/:id", "/chat", False),
        ("/chat/:id?", "/chat", True),
        ("/chat/:id(\\d+)", "/chat/x", False),
        ("/(api|trpc)(.*)", "/api/x", True),
        ("/about{/:more}?", "/about/us", True),
        ("/", "/", True),
        ("/", "/a", False),
        (LOOKAHEAD, "/", True),
        (LOOKAHEAD, "/api/x", False),
        (LOOKAHEAD, "/a/b.svg", False),
        (LOOKAHEAD, "/a/b.svgx", True),
        ("/((?!.+\\.[\\w]+$|_next).*)", "/x.png", False),
        ("/dashboard(.*)", "/dashboards", True),
    ],
)
def test_a_path_pattern_matches_as_in_next(pattern: str, path: str, matches: bool) -> None:
    assert compile_path(pattern).search(path) is matches


@pytest.mark.parametrize(
    ("regex", "flags", "text", "matches"),
    [
        ("^/api", "", "/api/x", True),
        ("\\.(.*)$", "", "/x", False),
        ("[^a-c]{2}", "", "abxyc", True),
        ("^A[B-D]$", "i", "ac", True),
        ("a(?=b)", "", "ac", False),
        ("^(?:a|b)+?c$", "", "abac", True),
    ],
)
def test_a_regular_expression_matches_as_in_javascript(regex: str, flags: str, text: str, matches: bool) -> None:
    assert compile_regex(regex, flags).search(text) is matches


@pytest.mark.parametrize("regex", ["(?<=a)b", "a{2000}", "(", "*", "\\bword", "(" * 60 + ")" * 60])
def test_what_is_not_understood_is_told(regex: str) -> None:
    with pytest.raises(Unreadable):
        compile_regex(regex)


def test_an_expression_that_would_backtrack_for_ever_is_answered_at_once() -> None:
    started = time.perf_counter()
    assert compile_regex("^(a+)+$").search("a" * 60 + "!") is False
    assert time.perf_counter() - started < 1
