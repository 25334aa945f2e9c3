"""URLs in parts: origin, path, and the route that answers."""

from __future__ import annotations

import pytest

from reviewer.core.roles import Route, answering
from reviewer.core.urls import HOLE, Address, Part, Url, address_of, based, on_origin, shown

HOST, BASE, ID = Part("request", "req.headers.host"), Part("env", "BASE_URL"), Part("hole", "id")


def url(*parts: Part | str) -> Url:
    return tuple(Part("text", part) if isinstance(part, str) else part for part in parts)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["/api/x?a=1#b"], Address("relative", "/api/x")),
        (["http://localhost:3000/api/x"], Address("local", "/api/x", "localhost", "3000")),
        (["http://127.0.0.1/api"], Address("local", "/api", "localhost", "")),
        (["http://localhost:", Part("env", "PORT"), "/api"], Address("local", "/api", "localhost", "PORT")),
        (["http://localhost:", ID, "/api"], Address("local", "/api", "localhost", HOLE)),
        (["https://acme.example/api/x"], Address("host", "/api/x", "acme.example")),
        (["//acme.example/api/x"], Address("host", "/api/x", "acme.example")),
        ([BASE, "/api/x"], Address("env", "/api/x", "BASE_URL")),
        ([BASE, "api/x"], Address("env", "/api/x", "BASE_URL")),
        (["https://", BASE, "/api/x"], Address("env", "/api/x", "BASE_URL")),
        (["https://", ID, ".acme.example/api"], Address("host", "/api", "\x011\x01.acme.example")),
        ([ID, "://", HOST, "/api"], Address("request", "/api", "req.headers.host")),
        ([ID, "//", HOST, "/api"], Address("request", "/api", "req.headers.host")),
        ([Part("browser", "location.origin"), "/api"], Address("browser", "/api", "location.origin")),
        (["/api/users/", ID], Address("relative", f"/api/users/{HOLE}")),
        (["/api/users", ID], Address("relative", f"/api/users{HOLE}", is_open=True)),
        (["/api/users/", ID, "?a=1"], Address("relative", f"/api/users/{HOLE}")),
        ([ID, "/api"], Address("unknown", "/api")),
        (["api/x"], Address("unknown", "")),
        ([BASE], Address("env", "", "BASE_URL")),
    ],
)
def test_origin_and_path_of_a_url(parts: list[Part | str], expected: Address) -> None:
    assert address_of(url(*parts)) == expected


def test_a_base_is_put_before_what_is_not_absolute() -> None:
    base = [url(BASE, "/api")]
    assert [shown(one) for one in based(base, [url("users"), url("/users"), url("https://a.example")])] == [
        "$BASE_URL/api/users",
        "$BASE_URL/api/users",
        "https://a.example",
    ]


def test_a_path_is_put_on_the_origin_of_a_base() -> None:
    found = on_origin([url("https://a.example/deep/page"), url(HOST)], [url("/api/x")])
    assert [shown(one) for one in found] == ["https://a.example/api/x", "…/api/x"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/users", "/api/users"),
        ("/api/users/", "/api/users"),
        ("/api/users/1", "/api/users/[id]"),
        (f"/api/users/{HOLE}", "/api/users/[id]"),
        ("/api/users/me", "/api/users/me"),
        (f"/api/{HOLE}", "/api/[...rest]"),
        ("/api/a/b", "/api/[...rest]"),
        ("/api", None),
        ("/users", None),
    ],
)
def test_the_most_particular_route_answers(path: str, expected: str | None) -> None:
    patterns = ("/api/[...rest]", "/api/users/[id]", "/api/users", "/api/users/me")
    route = answering([Route("x.ts", "pages-api-route", pattern) for pattern in patterns], path)
    assert (route.pattern if route is not None else None) == expected
