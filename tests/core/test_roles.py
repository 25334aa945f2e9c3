"""Roles that follow from a path."""

from __future__ import annotations

import pytest

from reviewer.core.roles import DEFAULT_EXTENSIONS, app_route, is_ignored, pages_route, pattern_matches

API, PAGE, HANDLER = "pages-api-route", "page", "app-route-handler"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("index.tsx", (PAGE, "/")),
        ("index/index.tsx", (PAGE, "/index")),
        ("blog/index.js", (PAGE, "/blog")),
        ("blog/[id].jsx", (PAGE, "/blog/[id]")),
        ("[[...all]].ts", (PAGE, "/[[...all]]")),
        ("api/x.ts", (API, "/api/x")),
        ("api/index.ts", (API, "/api")),
        ("api.ts", (API, "/api")),
        ("api/404.ts", (API, "/api/404")),
        ("api/db/middleware.ts", (API, "/api/db/middleware")),
        ("api/docs/fixtures.ts", (API, "/api/docs/fixtures")),
        ("apis/x.ts", (PAGE, "/apis/x")),
        ("blog/404.tsx", (PAGE, "/blog/404")),
        ("_app.tsx", None),
        ("_document.tsx", None),
        ("_error.js", None),
        ("404.tsx", None),
        ("500.tsx", None),
        ("_middleware.ts", None),
        ("api/_middleware.ts", None),
        ("api/x.d.ts", None),
        ("api/x.mjs", None),
        ("api/x.css", None),
        ("api/.ts", None),
        ("api/x.test.ts", None),
        ("api/__tests__/x.ts", None),
        ("guide.mdx", None),
    ],
)
def test_files_of_the_pages_directory(path: str, expected: tuple[str, str] | None) -> None:
    route = pages_route(f"src/pages/{path}", "src/pages", DEFAULT_EXTENSIONS)
    assert (route and (route.role, route.pattern)) == expected
    assert route is None or route.path == f"src/pages/{path}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("api/x/route.ts", (HANDLER, "/api/x")),
        ("route.js", (HANDLER, "/")),
        ("(group)/a/@slot/[id]/route.ts", (HANDLER, "/a/[id]")),
        ("%5Fhidden/route.ts", (HANDLER, "/_hidden")),
        ("docs/fixtures/route.ts", (HANDLER, "/docs/fixtures")),
        ("feed/(.)photo/page.tsx", (PAGE, "/feed/(.)photo")),
        ("feed/(..)(..)photo/page.tsx", (PAGE, "/feed/(..)(..)photo")),
        ("page.tsx", (PAGE, "/")),
        ("a/layout.jsx", (PAGE, "/a")),
        ("a/not-found.tsx", (PAGE, "/a")),
        ("sitemap.ts", (PAGE, "/")),
        ("_private/route.ts", None),
        ("a/_lib/b/route.ts", None),
        ("api/socket.ts", None),
        ("api/config.ts", None),
        ("api/x/router.ts", None),
        ("api/x/route.mts", None),
        ("api/x/route.d.ts", None),
        ("api/x/route.test.ts", None),
        ("api/__mocks__/x/route.ts", None),
    ],
)
def test_files_of_the_app_directory(path: str, expected: tuple[str, str] | None) -> None:
    route = app_route(f"app/{path}", "app", DEFAULT_EXTENSIONS)
    assert (route and (route.role, route.pattern)) == expected
    assert route is None or route.is_api is (route.role != "page")


@pytest.mark.parametrize(
    ("extensions", "path", "pattern"),
    [
        (("page.tsx", "api.ts"), "api/x.api.ts", "/api/x"),
        (("page.tsx", "api.ts"), "blog.page.tsx", "/blog"),
        (("page.tsx", "api.ts"), "api/x.ts", None),
        (("page.tsx", "api.ts"), "api/xapi.ts", None),
        (("ts", "page.ts"), "blog.page.ts", "/blog"),
        (("mdx",), "guide.mdx", "/guide"),
        (("ts",), "types.d.ts", None),
    ],
)
def test_configured_page_extensions(extensions: tuple[str, ...], path: str, pattern: str | None) -> None:
    route = pages_route(f"pages/{path}", "pages", extensions)
    assert (route and route.pattern) == pattern


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("src/server.ts", False),
        ("types/next.d.ts", True),
        ("types/x.d.mts", True),
        ("node_modules/ws/index.js", True),
        ("apps/web/.next/standalone/server.js", True),
        ("dist/a.js", True),
        (".history/server_1.js", True),
        ("a/__tests__/b.ts", True),
        ("e2e/x.ts", True),
        ("examples/a/server.js", True),
        ("example/server.js", True),
        ("src/x.test.tsx", True),
        ("src/x.spec.mjs", True),
        ("src/x.stories.jsx", True),
        ("public/app.min.js", True),
        ("src/contest.ts", False),
        ("src/latest/x.ts", False),
        ("src/tests.ts", False),
        ("distribution/x.ts", False),
    ],
)
def test_tests_builds_and_examples_are_ignored(path: str, ignored: bool) -> None:
    assert is_ignored(path) is ignored


@pytest.mark.parametrize(
    ("pattern", "url", "matches"),
    [
        ("/", "/", True),
        ("/", "", True),
        ("/", "/a", False),
        ("/api/x", "/api/x", True),
        ("/api/x", "/api/x/y", False),
        ("/api/[id]", "/api/x", True),
        ("/api/[id]", "/api", False),
        ("/api/[id]/y", "/api/x/y", True),
        ("/api/[...all]", "/api", False),
        ("/api/[...all]", "/api/x/y", True),
        ("/api/[[...all]]", "/api", True),
        ("/api/[[...all]]", "/api/x/y", True),
        ("/api/[[...all]]", "/other", False),
        ("/feed/(.)photo", "/feed", False),
    ],
)
def test_patterns_match_urls(pattern: str, url: str, matches: bool) -> None:
    assert pattern_matches(pattern, url) is matches
