"""Profiles of trees: pipeline and consumers, hosts, links to services, and when nothing is said."""

from __future__ import annotations

import json

import pytest

from reviewer.core.hosts import MODELS
from reviewer.core.matrix import Fact, Reason
from reviewer.core.profile import HOST_NAMES, Profiles
from tests.core.profiled import (
    LIVE,
    NEXT,
    PAGE,
    PHONE,
    ROUTE,
    SERVER,
    WORKSPACE,
    Tree,
    manifest,
    profile,
    profiles,
    project_of,
    reasons,
    routes,
)

# -- pipeline and consumers --------------------------------------------------


def test_chains_wrapped_exports_and_middlewares_add_to_the_pipeline() -> None:
    wrapped = "import { a, b } from '../../../lib/w';\nexport const GET = a(async () => new Response());\n"
    chained = wrapped.replace("a(async", "a(b(async").replace("());", "()));")
    assert reasons({**NEXT, **routes(9, wrapped)}, "M") == []
    assert reasons({**NEXT, **routes(10, wrapped)}, "M") == [(1, "app/api/r0/route.ts", 2)]
    assert reasons({**NEXT, **routes(2, chained)}, "M") == []
    assert reasons({**NEXT, **routes(3, chained)}, "M") == [(1, "app/api/r0/route.ts", 2)]
    middlewares = "server.use(one()); server.use(two()); server.use(three());\nserver.all"
    imports = "import one from 'one'; import two from 'two'; import three from 'three';\n"
    tree = {**NEXT, "package.json": manifest("next", "express", scripts={"start": "node server.js"})}
    assert reasons({**tree, "server.js": imports + SERVER}, "M") == []
    assert reasons({**tree, "server.js": imports + SERVER.replace("server.all", middlewares)}, "M") == [
        (1, "server.js", 7)
    ]


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ("'Access-Control-Allow-Origin': '*'", True),
        ("'Access-Control-Allow-Origin': 'https://app.example.com'", True),
        ("'Access-Control-Allow-Origin': origin", True),
        ("'Access-Control-Allow-Origin': 'http://localhost:3000'", False),
    ],
)
def test_foreign_origins_in_two_routes_are_consumers(header: str, counts: bool) -> None:
    code = f"const headers = {{ {header} }};\n{ROUTE}"
    assert reasons({**NEXT, **routes(1, code)}, "C") == []
    assert reasons({**NEXT, **routes(2, code)}, "C") == ([(1, "app/api/r0/route.ts", 1)] if counts else [])


ANY_ORIGIN = "{ key: 'Access-Control-Allow-Origin', value: '*' }"


def headers(source: str, header: str = ANY_ORIGIN) -> Tree:
    """A configuration with one header."""
    listed = f"[{{ source: {source!r}, headers: [{header}] }}]"
    return {"next.config.js": f"module.exports = {{\n  async headers() {{ return {listed}; }},\n}};\n"}


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        ("/api/:path*", True),
        ("/api/(.*)", True),
        ("/:path*", True),
        ("/((?!_next|static).*)", True),
        ("/api/:name", True),
        ("/api/(r0|r1)", True),
        ("/api/:name(r0|r1)", True),
        ("/api/r0", True),
        ("/((?!api).*)", False),
        ("/((?!api/|static).*)", False),
        ("/api/(r1|r2)", False),
        ("/api/auth/session", False),
        ("/api", False),
        ("/script.js", False),
        ("/generated/:path*", False),
    ],
)
def test_headers_for_routes_of_the_api_are_consumers(source: str, counts: bool) -> None:
    tree = {**NEXT, **routes(1), **headers(source)}
    assert reasons(tree, "C") == ([(1, "next.config.js", 2)] if counts else [])
    facts = [reason.fact for reason in profile(tree).measures.reasons if reason.score == "C"]
    assert [fact.names for fact in facts] == ([(source,)] if counts else [])


@pytest.mark.parametrize(
    ("header", "counts"),
    [
        ("{ key: 'access-control-allow-origin', value: '*' }", True),
        ("{ key: 'Access-Control-Allow-Origin', value: process.env.ORIGIN || '*' }", True),
        ("...(process.env.OPEN ? [" + ANY_ORIGIN + "] : [])", True),
        ("{ key: 'Access-Control-Allow-Origin', value: 'https://example.com' }", False),
        ("{ key: 'Access-Control-Allow-Origin', value: process.env.ORIGIN }", False),
        ("{ key: 'Access-Control-Allow-Methods', value: '*' }", False),
    ],
)
def test_headers_for_one_named_origin_are_no_consumers(header: str, counts: bool) -> None:
    tree = {**NEXT, **routes(1), **headers("/api/:path*", header)}
    assert reasons(tree, "C") == ([(1, "next.config.js", 2)] if counts else [])


def test_headers_are_followed_to_the_constants_they_are_made_of() -> None:
    code = f"const SCRIPT = '/script.js';\nconst open = [{ANY_ORIGIN}];\nconst api = [\n  {ANY_ORIGIN},\n];\n"
    code += "const headers = [{ source: SCRIPT, headers: open }, { source: '/api/:path*', headers: api }];\n"
    code += "export default { headers: async () => headers };\n"
    assert reasons({**NEXT, **routes(1), "next.config.mjs": code}, "C") == [(1, "next.config.mjs", 4)]
    listed = f"[{{ source: '/api/x/:p*', headers: [{ANY_ORIGIN}] }}]"
    assigned = f"const config = {{}};\nif (1) config.headers = async () => {listed};\n"
    assert reasons({**NEXT, **routes(1), "next.config.mjs": assigned}, "C") == []
    assert reasons({**NEXT, "app/api/x/[id]/route.ts": ROUTE, "next.config.mjs": assigned}, "C") != []
    vercel = {"headers": [{"source": "/api/(.*)", "headers": [{"key": "Access-Control-Allow-Origin", "value": "*"}]}]}
    tree = {**NEXT, **routes(1), "vercel.json": json.dumps(vercel, indent=1)}
    assert reasons(tree, "C") == [(1, "vercel.json", 7)]


def test_keys_beside_sessions_are_consumers() -> None:
    code = "export async function GET(req) { const key = req.headers.get('x-api-key'); }\n"
    tree = {**NEXT, **routes(1, code)}
    assert reasons(tree, "C") == []
    assert reasons({**tree, "package.json": manifest("next", "next-auth")}, "C") == [(1, "app/api/r0/route.ts", 1)]
    outgoing = "export async function GET() { fetch('https://a', { headers: { authorization: `Bearer ${key}` } }); }\n"
    sessions = {"package.json": manifest("next", "next-auth")}
    assert reasons({**NEXT, **routes(1, outgoing), **sessions}, "C") == []


def test_a_contract_is_for_consumers() -> None:
    versioned = {f"app/api/v1/r{index}/route.ts": ROUTE for index in range(3)}
    assert reasons({**NEXT, **versioned}, "C") == [(1, "app/api/v1/r0/route.ts", 1)]
    assert reasons({**NEXT, **routes(1), "openapi.yaml": "openapi: 3.1.0\n"}, "C") == [(1, "openapi.yaml", 1)]


def test_a_client_of_the_workspace_counts_once_it_is_there_and_more_when_it_calls() -> None:
    assert reasons(WORKSPACE, "C", "apps/web") == []
    assert reasons({**WORKSPACE, **PHONE}, "C", "apps/web") == [(1, "apps/phone/package.json", 1)]
    calling = {"apps/phone/src/api.ts": "export const posts = () => fetch(`${url}/api/posts`);\n"}
    assert reasons({**WORKSPACE, **PHONE, **calling}, "C", "apps/web") == [(2, "apps/phone/src/api.ts", 1)]
    vite = {"apps/shop/package.json": manifest("vite", name="shop"), "apps/shop/index.html": "<html></html>"}
    assert reasons({**WORKSPACE, **vite}, "C", "apps/web") == [(1, "apps/shop/package.json", 1)]
    assert reasons({**WORKSPACE, **PHONE, **calling, **vite}, "C", "apps/web") == [
        (2, "apps/phone/src/api.ts", 1),
        (1, "apps/shop/package.json", 1),
    ]
    stories = {**vite, "apps/shop/package.json": manifest("vite", "storybook", name="shop")}
    assert reasons({**WORKSPACE, **stories}, "C", "apps/web") == []
    other = {"apps/phone/src/api.ts": "export const posts = () => fetch(`${url}/api/other`);\n"}
    assert reasons({**WORKSPACE, **PHONE, **other}, "C", "apps/web") == [(1, "apps/phone/package.json", 1)]


def test_another_next_app_that_serves_the_url_itself_does_not_call() -> None:
    admin = {"apps/admin/package.json": manifest("next", name="admin"), "apps/admin/app/page.tsx": PAGE}
    admin |= {"apps/admin/lib/a.ts": "fetch('/api/posts');\n"}
    assert [points for points, _, _ in reasons({**WORKSPACE, **admin}, "C", "apps/web")] == [2]
    admin |= {"apps/admin/app/api/posts/route.ts": ROUTE}
    assert [points for points, _, _ in reasons({**WORKSPACE, **admin}, "C", "apps/web")] == [1]


def test_a_published_package_around_the_api_is_a_consumer() -> None:
    sdk = {
        "packages/sdk/package.json": json.dumps({"name": "@acme/sdk", "main": "index.ts"}),
        "packages/sdk/index.ts": "export const posts = () => fetch(`${base}/api/posts`);\n",
    }
    assert reasons({**WORKSPACE, **sdk}, "C", "apps/web") == [(1, "packages/sdk/index.ts", 1)]
    private = {"packages/sdk/package.json": json.dumps({"name": "@acme/sdk", "private": True})}
    assert reasons({**WORKSPACE, **sdk, **private}, "C", "apps/web") == []


# -- hosts, statics, collections, failures --------------------------------------------------


def test_the_host_is_named_with_its_file() -> None:
    tree = {**NEXT, "package.json": manifest("next", "ws"), "pages/api/live.ts": LIVE}
    assert profile(tree).mismatch == "process-on-unknown-host"
    vercel = profile({**tree, "vercel.json": '{"framework": "nextjs"}'})
    assert (vercel.mismatch, vercel.measures.host) == ("process-in-functions", "function")
    assert vercel.measures.host_fact == Fact("set up for Vercel", "vercel.json", 1, "high")
    fly = "auto_stop_machines = true\nmin_machines_running = 0\n"
    assert profile({**tree, "fly.toml": fly}).mismatch == "process-on-scale-to-zero"
    assert profile({**tree, "fly.toml": ""}).mismatch == "process-on-long-lived-host"
    ecosystem = "module.exports = { apps: [{ script: 'next', args: 'start', instances: 1 }] };\n"
    assert profile({**tree, "ecosystem.config.js": ecosystem}).mismatch == "process-on-one-instance"


def test_files_that_name_hosts_of_different_kinds_are_told() -> None:
    made = profile({**NEXT, "vercel.json": '{"framework": "nextjs"}', "Dockerfile": "FROM node\nCMD npm start\n"})
    assert (made.measures.host, made.measures.host_fact) == ("unknown", None)
    facts = (Fact("says a container", "Dockerfile", 2), Fact("says Vercel", "vercel.json", 1))
    assert made.measures.host_conflicts == facts
    assert profile({**NEXT, "fly.toml": "", "Dockerfile": "FROM node\n"}).measures.host_conflicts == ()


def test_hosts_of_one_kind_are_all_named() -> None:
    made = profile({**NEXT, "fly.toml": "", "railway.json": "{}"})
    assert made.measures.host_fact == Fact("set up for Fly.io and Railway", "fly.toml", 1, "high")


def test_every_host_has_a_name() -> None:
    assert HOST_NAMES.keys() == MODELS.keys()


def test_an_exported_build_is_static() -> None:
    static = profile({**NEXT, "next.config.js": "module.exports = { output: 'export' };\n"})
    assert (static.label, static.has, static.mismatch) == ("S", "static", None)
    fact = static.measures.host_fact
    assert fact is not None
    assert (fact.text, fact.path) == ("the build is exported as files", "next.config.js")


def chapter(root: str) -> Tree:
    return {f"{root}/package.json": manifest("next"), f"{root}/app/page.tsx": PAGE}


@pytest.mark.parametrize(
    ("roots", "more", "expected"),
    [
        ([f"part{index}" for index in range(6)], {}, True),
        ([f"part{index}" for index in range(5)], {}, False),
        ([f"part{index}" for index in range(6)], {"package.json": '{"workspaces": ["*"]}'}, False),
        (["book/a", "book/b", "site"], {}, True),
        (["book/a", "site"], {}, False),
        (["book/a"], {}, False),
        (["1-begin", "1-end"], {}, True),
        (["1-begin"], {}, False),
    ],
)
def test_a_collection_of_examples_has_no_profiles(roots: list[str], more: Tree, expected: bool) -> None:
    tree = {**more, **{path: text for root in roots for path, text in chapter(root).items()}}
    assert project_of(tree).is_collection is expected
    assert (profiles(tree) == {}) is expected


def test_the_order_of_files_does_not_matter() -> None:
    tree = {**WORKSPACE, **PHONE, **{f"apps/web/{path}": text for path, text in routes(3).items()}}
    tree |= {"apps/web/pages/api/live.ts": LIVE, "apps/web/package.json": manifest("next", "ws", "pg")}
    assert profiles(tree) == profiles(dict(reversed(tree.items())))


def test_every_fact_names_a_line_that_is_there() -> None:
    tree = {**WORKSPACE, **PHONE, "apps/web/pages/api/live.ts": LIVE, "apps/web/package.json": manifest("next", "ws")}
    facts = [reason.fact for made in profiles(tree).values() for reason in made.measures.reasons]
    assert len(facts) > 3
    for fact in facts:
        assert 1 <= fact.line <= tree[fact.path].count("\n") + 1
        assert fact.text.count("{}") == len(fact.names)


def test_a_script_whose_analysis_failed_keeps_its_application_silent() -> None:
    project = project_of({**NEXT, **routes(3), "lib/a.ts": ROUTE})
    project.files.fail("lib/a.ts", "it crashed the parser")
    (made,) = [Profiles(project).of(app) for app in project.apps]
    assert (made.measures.failed, made.is_published) == (("lib/a.ts",), False)


def test_a_reason_is_a_fact_with_points() -> None:
    (reason,) = [reason for reason in profile(NEXT).measures.reasons if reason.score == "U"]
    assert reason == Reason("U", 1, Fact("{} page", "app/page.tsx", 1, "high", (1,)))
