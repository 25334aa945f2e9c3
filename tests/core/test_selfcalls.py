"""Requests of server code that the same application answers: where they are sent from, to where, and when."""

from __future__ import annotations

import pytest

from tests.core.asking import HANDLER, ROUTE, asked, self_calls

APP = {"app/api/users/route.ts": ROUTE, "app/api/users/[id]/route.ts": ROUTE}
FORCED = "export const dynamic = 'force-dynamic';\n"


def page(call: str, head: str = FORCED) -> dict[str, str]:
    return {**APP, "app/page.tsx": f"{head}export default async function Page() {{ await {call}; return null; }}\n"}


# -- origins and routes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "route", "evidence"),
    [
        ("fetch('http://localhost:3000/api/users')", "app/api/users/route.ts", "high"),
        ("fetch('http://localhost:3000/api/users/7')", "app/api/users/[id]/route.ts", "high"),
        ("fetch(`http://localhost:3000/api/users/${id}`)", "app/api/users/[id]/route.ts", "high"),
        ("fetch(`http://localhost:3000/api/users${query}`)", "app/api/users/route.ts", "medium"),
        ("fetch(`http://localhost:${process.env.PORT}/api/users`)", "app/api/users/route.ts", "medium"),
        ("fetch(`${process.env.NEXT_PUBLIC_BASE_URL}/api/users`)", "app/api/users/route.ts", "medium"),
        ("fetch(`https://${process.env.VERCEL_URL}/api/users`)", "app/api/users/route.ts", "medium"),
        ("fetch(`${process.env.SOME_HOST}/api/users`)", "app/api/users/route.ts", "low"),
        ("fetch(`${proto}://${list.get('host')}/api/users`)", "app/api/users/route.ts", "high"),
        (
            "fetch((isLive ? 'https://a.example' : 'http://localhost:3000') + '/api/users')",
            "app/api/users/route.ts",
            "medium",
        ),
    ],
)
def test_urls_that_lead_back(call: str, route: str, evidence: str) -> None:
    found = [(c.own.route.path, c.own.evidence) for c in self_calls(page(call))]
    assert found == [(route, evidence)]


@pytest.mark.parametrize(
    "call",
    [
        "fetch('http://localhost:8000/api/users')",
        "fetch('http://localhost/api/users')",
        "fetch('https://a.example/api/users')",
        "fetch(`${process.env.BACKEND_API}/api/users`)",
        "fetch('http://localhost:3000/api/missing')",
        "fetch(`http://localhost:3000/api/${name}`)",
        "fetch(`${unknown}/api/users`)",
        "fetch((flag ? 'https://a.example' : 'https://b.example') + '/api/users')",
        "fetch((flag ? 'http://localhost:3000' : 'http://localhost:8000') + '/api/users')",
        "redirect('/api/users')",
    ],
)
def test_urls_that_lead_elsewhere_or_nobody_knows_where(call: str) -> None:
    assert asked(page(call)) == []


def test_environment_files_say_where_a_variable_leads() -> None:
    call = page("fetch(`${process.env.DATA}/users`)")
    assert len(asked({**call, ".env": "DATA=http://localhost:3000/api\n"})) == 1
    assert asked({**call, ".env": "DATA=http://localhost:9000/api\n"}) == []
    assert asked(call) == []


def test_a_variable_for_another_port_leads_elsewhere_whatever_its_name() -> None:
    call = page("fetch(`${process.env.BASE_URL}/api/users`)")
    assert asked({**call, ".env.example": "BASE_URL='http://localhost:9000'\n"}) == []
    assert len(asked({**call, ".env.example": "# BASE_URL=\nexport BASE_URL=https://a.example\n"})) == 1


def test_the_port_of_the_scripts_counts() -> None:
    manifest = '{ "dependencies": { "next": "15.5.29" }, "scripts": { "dev": "next dev -p 4000" } }'
    for port, found in (("4000", 1), ("3000", 0)):
        assert len(asked({**page(f"fetch('http://localhost:{port}/api/users')"), "package.json": manifest})) == found


def test_the_port_of_a_custom_server_counts() -> None:
    scripts = '"scripts": { "build": "next build", "dev": "node server.js" }'
    manifest = f'{{ "dependencies": {{ "next": "15.5.29" }}, {scripts} }}'
    server = "const next = require('next');\nserver.listen(process.env.PORT || 4001);\n"
    files = {"package.json": manifest, "server.js": server}
    assert len(asked({**page("fetch('http://localhost:4001/api/users')"), **files})) == 1
    assert asked({**page("fetch('http://localhost:3000/api/users')"), **files}) == []


def test_a_base_path_belongs_to_the_url() -> None:
    config = {"next.config.js": "module.exports = { basePath: '/shop' };"}
    assert asked({**page("fetch('http://localhost:3000/api/users')"), **config}) == []
    assert len(asked({**page("fetch('http://localhost:3000/shop/api/users')"), **config})) == 1


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("{ beforeFiles: [{ source: '/api/users', destination: 'https://a.example' }] }", 0),
        ("{ fallback: [{ source: '/api/users', destination: 'https://a.example' }] }", 1),
        ("[{ source: '/api/:path*', destination: 'https://a.example/:path*' }]", 1),
        ("{ beforeFiles: [{ source: '/api/teams', destination: 'https://a.example' }] }", 1),
    ],
)
def test_rewrites_before_files_take_a_fixed_path(rules: str, found: int) -> None:
    config = {"next.config.js": f"module.exports = {{ rewrites() {{ return {rules}; }} }};"}
    assert len(asked({**page("fetch('http://localhost:3000/api/users')"), **config})) == found


def test_rewrites_after_files_take_an_open_path() -> None:
    config = {"vercel.json": '{"rewrites": [{"source": "/api/users/:id", "destination": "https://a.example"}]}'}
    assert asked({**page("fetch('http://localhost:3000/api/users/7')"), **config}) == []


# -- where it is sent from --------------------------------------------------------------------------------------------


def test_a_helper_is_found_where_it_is_called() -> None:
    lib = {"lib/api.ts": "export const users = () => fetch('/api/users');\n"}
    head = "import { users } from '../lib/api';\n"
    assert asked({**page("users()", head), **lib}) == ["app/page.tsx:2 app/api/users/route.ts relative"]


def test_a_helper_behind_a_barrel_and_another_helper_is_found() -> None:
    files = {
        "lib/http.ts": "export const get = (path: string) => fetch(`${process.env.APP_URL}${path}`);\n",
        "lib/users.ts": "import { get } from './http';\nexport const users = () => get('/api/users');\n",
        "lib/index.ts": "export * from './users';\n",
    }
    head = f"import {{ users }} from '../lib';\n{FORCED}"
    assert asked({**page("users()", head), **files}) == ["app/page.tsx:3 app/api/users/route.ts asked"]


def test_a_path_given_to_a_helper_without_one_is_found() -> None:
    lib = {"lib/http.ts": "export const get = (path: string) => fetch('http://localhost:3000' + path);\n"}
    head = f"import {{ get }} from '../lib/http';\n{FORCED}"
    assert asked({**page("get('/api/users')", head), **lib}) == ["app/page.tsx:3 app/api/users/route.ts asked"]


def test_a_component_is_found_where_it_asks() -> None:
    files = {
        "components/list.tsx": "export async function List() { await fetch('/api/users'); return null; }\n",
        "app/page.tsx": "import { List } from '../components/list';\nexport default () => <List />;\n",
    }
    assert asked({**APP, **files}) == ["components/list.tsx:1 app/api/users/route.ts relative"]


@pytest.mark.parametrize("head", ["'use client';\n", "// a\n'use client'\n", "import { useState } from 'react';\n"])
def test_client_components_are_left_alone(head: str) -> None:
    assert asked(page("fetch('/api/users')", head)) == []


def test_what_a_client_component_renders_is_left_alone() -> None:
    files = {
        "components/list.tsx": "export async function List() { await fetch('/api/users'); return null; }\n",
        "components/box.tsx": "'use client';\nimport { List } from './list';\nexport const Box = () => <List />;\n",
        "app/page.tsx": "import { Box } from '../components/box';\nexport default () => <Box />;\n",
    }
    assert asked({**APP, **files}) == []


@pytest.mark.parametrize(
    "code",
    [
        "export async function getServerSideProps() { return fetch('/api/x'); }",
        "export const getServerSideProps = async () => fetch('/api/x');",
        "export const getServerSideProps = withAuth(async () => fetch('/api/x'));",
        "const load = async () => fetch('/api/x');\nexport { load as getServerSideProps };",
        "class P { static async getInitialProps() { return fetch('/api/x'); } }",
    ],
)
def test_functions_of_a_page_are_the_servers(code: str) -> None:
    files = {
        "pages/api/x.js": HANDLER,
        "pages/index.js": f"{code}\nexport default function Page() {{ return null; }}\n",
    }
    assert [call.own.route.path for call in self_calls(files)] == ["pages/api/x.js"]


def test_what_a_page_renders_is_not_the_servers() -> None:
    files = {
        "pages/api/x.js": HANDLER,
        "pages/index.js": "export default function P() { fetch('/api/x'); return null; }",
    }
    assert asked(files) == []


def test_an_action_in_a_component_counts_once() -> None:
    code = "export default function P() { async function go() { 'use server'; await fetch('/api/users'); } return go; }"
    calls = self_calls({**APP, "app/page.tsx": code})
    assert [call.entry.kind for call in calls] == ["action"]


# -- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("", "local"),
        ("export const revalidate = 60;", "local"),
        ("export const dynamic = 'force-static'; cookies();", "local"),
        ("export const dynamic = 'force-dynamic';", "asked"),
        ("export const revalidate = 0;", "asked"),
        ("import { cookies } from 'next/headers'; cookies();", "asked"),
        ("import { auth } from '@clerk/nextjs/server';", "asked"),
        ("import { read } from '../lib/session';", "asked"),
        ("import { plain } from '../lib/plain';", "local"),
    ],
)
def test_a_page_is_built_unless_something_ties_it_to_a_request(code: str, outcome: str) -> None:
    lib = {
        "lib/session.ts": "import { cookies } from 'next/headers';\nexport const read = () => cookies();\n",
        "lib/plain.ts": "export const plain = 1;\n",
    }
    calls = self_calls({**page("fetch('http://localhost:3000/api/users')", f"{code}\n"), **lib})
    assert [call.outcome for call in calls] == [outcome]


def test_a_layout_may_tie_its_pages_to_a_request() -> None:
    layout = {"app/layout.tsx": "import { headers } from 'next/headers';\nexport default () => headers();\n"}
    calls = self_calls({**page("fetch('http://localhost:3000/api/users')", ""), **layout})
    assert [call.builds for call in calls] == [False]


def test_a_fresh_request_ties_its_page_to_a_request() -> None:
    calls = self_calls(page("fetch('http://localhost:3000/api/users', { cache: 'no-store' })", ""))
    assert [call.outcome for call in calls] == ["asked"]


@pytest.mark.parametrize(
    ("params", "builds"),
    [
        ("", False),
        ("export const generateStaticParams = () => [{ id: '1' }];", True),
        ("export function generateStaticParams() { return []; }", None),
    ],
)
def test_an_open_segment_is_built_for_the_parameters_it_has(params: str, builds: bool | None) -> None:
    code = f"{params}\nexport default async function P() {{ await fetch('http://localhost:3000/api/users'); }}"
    calls = self_calls({**APP, "app/u/[id]/page.tsx": code})
    assert [call.builds for call in calls] == [builds]


def test_cached_components_leave_it_open() -> None:
    config = {"next.config.js": "module.exports = { cacheComponents: true };"}
    calls = self_calls({**page("fetch('http://localhost:3000/api/users')", ""), **config})
    assert [call.builds for call in calls] == [None]


@pytest.mark.parametrize(("paths", "builds"), [("paths: [], fallback: true", None), ("paths: all", True)])
def test_static_props_run_in_the_build_unless_no_path_is_named(paths: str, builds: bool | None) -> None:
    code = (
        f"export const getStaticPaths = () => ({{ {paths} }});\n"
        "export const getStaticProps = () => fetch('http://localhost:3000/api/x');\n"
        "export default function P() { return null; }\n"
    )
    calls = self_calls({"pages/api/x.js": HANDLER, "pages/[id].js": code})
    assert [call.builds for call in calls] == [builds]


# -- how --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "is_detached"),
    [
        ("await fetch(url)", False),
        ("const a = fetch(url)", False),
        ("return fetch(url).then((a) => a.json())", False),
        ("await Promise.all([fetch(url)])", False),
        ("fetch(url)", True),
        ("void fetch(url)", True),
        ("fetch(url).catch(() => {})", True),
        ("after(() => fetch(url))", True),
        ("context.waitUntil(fetch(url))", True),
    ],
)
def test_requests_nobody_waits_for(call: str, is_detached: bool) -> None:
    code = f"export async function POST() {{ const url = 'http://localhost:3000/api/users'; {call}; }}"
    calls = self_calls({**APP, "app/api/run/route.ts": code})
    assert [found.request.is_detached for found in calls] == [is_detached]


def test_options_say_what_is_kept_and_passed_on() -> None:
    options = "{ next: { revalidate: 5 }, headers: { cookie: jar } }"
    (call,) = self_calls(page(f"fetch('http://localhost:3000/api/users', {options})"))
    assert (call.request.is_kept, call.request.is_fresh, call.request.forwards) == (True, False, True)


def test_relative_urls_that_may_have_an_origin_are_left_alone() -> None:
    guarded = "(() => { if (typeof window === 'undefined') return null; return fetch('/api/users'); })()"
    assert asked(page(guarded)) == []
    lib = {
        "lib/load.ts": "const load = (path: string) => fetch(path);\n"
        "export function users() { return typeof window === 'undefined' ? null : load('/api/users'); }\n"
    }
    assert asked({**page("users()", "import { users } from '../lib/load';\n"), **lib}) == []
    head = f"import axios from 'axios';\n{FORCED}"
    assert len(asked(page("axios.get('/api/users')", head))) == 1
    base = {"lib/setup.ts": "import axios from 'axios';\naxios.defaults.baseURL = 'https://a.example';\n"}
    assert asked({**page("axios.get('/api/users')", head), **base}) == []


def test_a_route_that_renews_pages_is_there_to_be_asked() -> None:
    route = {"pages/api/renew.js": "export default async function renew(req, res) { await res.revalidate('/'); }\n"}
    code = "export const getServerSideProps = () => fetch('http://localhost:3000/api/renew');\n"
    assert asked({**route, "pages/index.js": f"{code}export default function P() {{ return null; }}\n"}) == []
