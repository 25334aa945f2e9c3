"""Who else calls an application's API."""

from __future__ import annotations

import pytest

from reviewer.core.consumers import Consumers, Signal
from tests.core.profiled import project_of

APP = {"package.json": '{ "dependencies": { "next": "16.4.6" }, "scripts": { "start": "next start" } }'}
OPEN = "export const GET = () => Response.json([], { headers: { 'Access-Control-Allow-Origin': %s } });\n"


def signals(files: dict[str, str]) -> tuple[Signal, ...]:
    project = project_of({**APP, **files})
    return project.once(Consumers).of(project.next_apps[0])


def test_routes_that_answer_preflight_requests_by_headers_of_another_file_allow_origins() -> None:
    route = (
        "import { corsHeaders } from '../../../lib/cors';\n\n"
        "export const OPTIONS = () => new Response(null, { headers: corsHeaders });\n"
    )
    (signal,) = signals({"app/api/a/route.ts": route, "app/api/b/route.ts": route})
    assert (signal.kind, signal.routes, signal.fact.path, signal.fact.line) == ("cors", 2, "app/api/a/route.ts", 3)


def test_a_preflight_answer_alone_says_nothing() -> None:
    route = "export const OPTIONS = () => new Response(null, { status: 204 });\n"
    assert signals({"app/api/a/route.ts": route, "app/api/b/route.ts": route}) == ()


def test_a_middleware_that_allows_origins_speaks_for_every_route() -> None:
    middleware = "import { NextResponse } from 'next/server';\nexport const proxy = () =>\n" + (
        "  NextResponse.next({ headers: { 'Access-Control-Allow-Origin': '*' } });\n"
    )
    (signal,) = signals({"proxy.ts": middleware, "app/api/a/route.ts": OPEN % "process.env.SITE_URL"})
    assert (signal.kind, signal.routes, signal.fact.path, signal.fact.line) == ("cors", 0, "proxy.ts", 3)


@pytest.mark.parametrize(
    "origin", ["process.env.NEXT_PUBLIC_APP_URL", "'http://localhost:3000'", "'https://shop.acme.example'"]
)
def test_an_own_address_is_not_another_origin(origin: str) -> None:
    layout = "export const metadata = { metadataBase: new URL('https://www.acme.example') };\n"
    routes = {f"app/api/{name}/route.ts": OPEN % origin for name in "ab"}
    assert signals({**routes, "app/layout.tsx": layout}) == ()


@pytest.mark.parametrize("origin", ["'*'", "origin", "'https://acme.example.org'", "process.env.PARTNER_URL"])
def test_what_may_be_another_origin_counts(origin: str) -> None:
    layout = "export const metadata = { metadataBase: new URL('https://acme.example') };\n"
    routes = {f"app/api/{name}/route.ts": OPEN % origin for name in "ab"}
    (signal,) = signals({**routes, "app/layout.tsx": layout})
    assert (signal.kind, signal.routes) == ("cors", 2)


def test_versions_and_a_contract_are_two_signals_and_one_point() -> None:
    routes = {f"app/api/v1/{name}/route.ts": "export const GET = () => new Response();\n" for name in "abc"}
    project = project_of({**APP, **routes, "openapi.json": "{}"})
    (app,) = project.next_apps
    consumers = project.once(Consumers)
    assert [signal.kind for signal in consumers.of(app)] == ["versions", "contract"]
    assert [reason.fact.path for reason in consumers.reasons(app)] == ["app/api/v1/a/route.ts"]
