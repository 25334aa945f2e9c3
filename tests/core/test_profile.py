"""Profiles of trees: the signals of each score, where features run, links to services, and when nothing is said."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.hosts import MODELS
from reviewer.core.matrix import Fact, Place, Profile, Reason, ScoreName
from reviewer.core.profile import HOST_NAMES, Profiles
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

Tree = Mapping[str, str]

PAGE = "export default function Page() { return <main>" + "<p>a</p>" * 15 + "</main>; }\n"
BARE = "export default function Page() { return <main><h1>API</h1></main>; }\n"
ROUTE = "export async function GET() { return Response.json([]); }\n"


def manifest(*depends: str, name: str = "web", **more: object) -> str:
    """A package that depends on these and starts Next."""
    scripts = {"start": "next start"} if "next" in depends else {"start": "node index.js"}
    document = {"name": name, "private": True, "scripts": scripts, "dependencies": dict.fromkeys(depends, "15.5.0")}
    return json.dumps({**document, **more})


NEXT: Tree = {"package.json": manifest("next"), "app/page.tsx": PAGE}


def routes(number: int, code: str = ROUTE) -> Tree:
    return {f"app/api/r{index}/route.ts": code for index in range(number)}


def project_of(files: Tree) -> Project:
    return Project(snapshot_of(files), built_in_rulebook().names, {}, NoCache())


def profiles(files: Tree) -> dict[str, Profile]:
    made = Profiles(project_of(files))
    return {app.root: made.of(app) for app in made.apps}


def profile(files: Tree, root: str = "") -> Profile:
    return profiles(files)[root]


def reasons(files: Tree, score: ScoreName, root: str = "") -> list[tuple[int, str, int]]:
    """Points, path and line of what adds to a score."""
    found = [reason for reason in profile(files, root).measures.reasons if reason.score == score]
    return [(reason.points, reason.fact.path, reason.fact.line) for reason in found]


# -- rendering --------------------------------------------------


@pytest.mark.parametrize(("pages", "score"), [(1, 1), (2, 1), (3, 2), (9, 2), (10, 3)])
def test_pages_are_counted(pages: int, score: int) -> None:
    tree = {"package.json": manifest("next"), "next-env.d.ts": ""}
    tree |= {f"app/p{index}/page.tsx": PAGE for index in range(pages)}
    assert profile(tree).score("U") == score
    assert profile(tree).measures.pages == pages


def test_layouts_slots_special_pages_and_intercepted_routes_are_no_pages_of_their_own() -> None:
    tree = {
        **NEXT,
        "app/layout.tsx": PAGE,
        "app/loading.tsx": PAGE,
        "app/@side/page.tsx": PAGE,
        "app/(.)photo/page.tsx": PAGE,
        "pages/_app.tsx": PAGE,
        "pages/404.tsx": PAGE,
        "pages/old.tsx": PAGE,
    }
    assert profile(tree).measures.pages == 2


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"app/sitemap.ts": "export default function sitemap() { return []; }\n"}, ("app/sitemap.ts", 1)),
        ({"app/page.tsx": "export const metadata = {};\n" + PAGE}, ("app/page.tsx", 1)),
        ({"app/page.tsx": PAGE + "export async function generateStaticParams() {}\n"}, ("app/page.tsx", 2)),
        ({"app/page.tsx": "// export const metadata = {};\n" + PAGE}, None),
    ],
)
def test_prerendering_adds_a_point(files: Tree, place: tuple[str, int] | None) -> None:
    found = [(path, line) for points, path, line in reasons({**NEXT, **files}, "U")[1:]]
    assert found == ([place] if place is not None else [])


def test_data_of_the_server_adds_a_point() -> None:
    asynchronous = "export default async function Page() { return <main>" + "<p/>" * 15 + "</main>; }\n"
    assert reasons({**NEXT, "app/page.tsx": asynchronous}, "U")[1:] == [(1, "app/page.tsx", 1)]
    props = {"pages/a.tsx": PAGE + "export async function getServerSideProps() { return {}; }\n"}
    assert reasons({"package.json": manifest("next"), "next-env.d.ts": "", **props}, "U")[1:] == [(1, "pages/a.tsx", 2)]


@pytest.mark.parametrize(
    ("page", "is_bare"),
    [
        (BARE, True),
        (PAGE, False),
        ("import { Chat } from '../components/chat';\n" + BARE, False),
        ("import { Chat } from './chat';\n" + BARE, False),
        ("import type { Chat } from './chat';\n" + BARE, True),
        ("import styles from './a.module.css';\n" + BARE, True),
        ("export { default } from './chat';\n", False),
        (BARE + "export async function getServerSideProps() { return {}; }\n", False),
        ("export default async function Page() { return <p/>; }\n", False),
    ],
)
def test_a_page_that_renders_next_to_nothing_is_bare(page: str, is_bare: bool) -> None:
    tree = {**NEXT, "app/page.tsx": page, "app/chat.tsx": PAGE, "components/chat.tsx": PAGE, **routes(3)}
    assert profile(tree).measures.is_bare is is_bare
    assert profile(tree).label == ("R2api" if is_bare else "R3")
    assert (profile(tree).score("U") > 0) is not is_bare


def test_three_pages_are_not_bare_however_short() -> None:
    assert not profile({**NEXT, **{f"app/p{i}/page.tsx": BARE for i in range(3)}}).measures.is_bare


# -- backend --------------------------------------------------


def test_handlers_are_counted_per_method() -> None:
    tree = {**NEXT, **routes(2, ROUTE + "export const POST = async () => new Response();\n")}
    assert profile(tree).measures.handlers == 4
    assert reasons(tree, "B") == [(1, "app/api/r0/route.ts", 1)]
    assert reasons({**NEXT, **routes(6)}, "B") == [(2, "app/api/r0/route.ts", 1)]
    assert reasons({**NEXT, **routes(26)}, "B") == [(3, "app/api/r0/route.ts", 1)]


def test_helpers_beside_routes_are_no_handlers() -> None:
    assert profile({**NEXT, "pages/api/db.ts": "export default { url: '' };\n"}).measures.handlers == 0


def test_server_actions_are_counted_in_modules_and_in_components() -> None:
    module = "'use server';\nexport async function save() {}\nexport async function drop() {}\n"
    inline = (
        "export default function Page() {\n  async function send() {\n    'use server';\n  }\n  return <Form/>;\n}\n"
    )
    tree = {**NEXT, "app/actions.ts": module, "app/page.tsx": inline, "lib/no.ts": "const a = 'use server';\n"}
    assert profile(tree).measures.actions == 3
    assert profile(tree).label == "R3"
    assert profile({**tree, "package.json": manifest("next"), "app/actions.ts": ROUTE}).measures.actions == 1


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("import mongoose from 'mongoose';\n", True),
        ("const mongoose = require('mongoose');\n", True),
        ("import type { Model } from 'mongoose';\n", False),
        ("import { hydrate } from 'mongoose-hydrate';\n", False),
        ("'use client';\nimport mongoose from 'mongoose';\n", False),
    ],
)
def test_a_database_client_that_server_code_imports_adds_a_point(code: str, counts: bool) -> None:
    tree = {**NEXT, "package.json": manifest("next", "mongoose"), "lib/db.ts": code}
    assert (reasons(tree, "B") != []) is counts
    assert reasons({**tree, "package.json": manifest("next")}, "B") == []


def test_a_database_package_of_the_workspace_counts_where_it_is_imported() -> None:
    tree = {
        "package.json": json.dumps({"private": True, "workspaces": ["apps/*", "packages/*"]}),
        "apps/web/package.json": manifest("next", "@acme/db"),
        "apps/web/app/page.tsx": PAGE,
        "apps/web/app/api/a/route.ts": "import { db } from '@acme/db';\n" + ROUTE,
        "packages/db/package.json": manifest("pg", name="@acme/db"),
    }
    assert reasons(tree, "B", "apps/web")[1:] == [(1, "apps/web/app/api/a/route.ts", 1)]


POOL = "import { Pool } from 'pg';\nexport const pool = new Pool();\n"


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"lib/a.ts": "import { pgEnum } from 'drizzle-orm/pg-core';\n", "lib/z.ts": POOL}, ("lib/z.ts", 2)),
        ({"db/migrations/a.ts": POOL, "lib/z.ts": POOL}, ("lib/z.ts", 2)),
        ({"app/api/a/route.ts": "import { pool } from 'pg';\n" + ROUTE, "lib/z.ts": POOL}, ("lib/z.ts", 2)),
        ({"db/schema.ts": "import { x } from 'drizzle-orm';\n", "lib/z.ts": "import pg from 'pg';\n"}, ("lib/z.ts", 1)),
        ({"lib/a.ts": "import { and } from 'pg';\n", "lib/z.ts": "import { Client } from 'pg';\n"}, ("lib/z.ts", 1)),
        ({"lib/a.ts": "// new Pool()\n" + POOL}, ("lib/a.ts", 3)),
        ({"db/schema.ts": "import { x } from 'drizzle-orm';\n"}, ("db/schema.ts", 1)),
        ({"lib/a.ts": "export const pool = new Pool();\n"}, None),
    ],
)
def test_the_file_that_makes_a_client_is_named_first(files: Tree, place: tuple[str, int] | None) -> None:
    tree = {**NEXT, "package.json": manifest("next", "pg", "drizzle-orm"), **files}
    found = [reason.fact for reason in profile(tree).measures.reasons if "database" in reason.fact.text]
    assert [(fact.path, fact.line) for fact in found] == ([place] if place is not None else [])


@pytest.mark.parametrize("depends", [("@prisma/adapter-pg",), ("prisma",), ("@prisma/client",)])
def test_a_generated_client_is_a_client(depends: tuple[str, ...]) -> None:
    code = "import { PrismaClient } from '@/generated/prisma/client';\nexport const prisma = new PrismaClient({});\n"
    tree = {**NEXT, "lib/prisma.ts": code, "lib/a.ts": "import type { A } from '@/generated/prisma/client';\n"}
    made = reasons({**tree, "package.json": manifest("next", *depends)}, "B")
    assert made == [(1, "lib/prisma.ts", 2)]
    assert reasons(tree, "B") == []
    adapter = "import { PrismaPg } from '@prisma/adapter-pg';\n"
    only = {**NEXT, "package.json": manifest("next", "@prisma/adapter-pg"), "lib/prisma.ts": adapter}
    assert reasons(only, "B") == [(1, "lib/prisma.ts", 1)]


# -- process need --------------------------------------------------

SOCKET = "import { WebSocketServer } from 'ws';\n"
LIVE = SOCKET + "export default function handler(req, res) { new WebSocketServer({ port: 1 }); res.end(); }\n"
SERVER = """import next from 'next';
import express from 'express';
const app = next({ dev: false });
const handle = app.getRequestHandler();
const server = express();
server.all('*', (req, res) => handle(req, res));
server.listen(3000);
"""


def process(files: Tree, *depends: str, **scripts: str) -> list[tuple[int, str, Place]]:
    """Points, path and place of what needs a process, in an application with one page."""
    package = manifest("next", *depends, scripts={"start": "next start", **scripts})
    found = profile({"app/page.tsx": PAGE, "package.json": package, **files})
    places = found.measures.places
    assert len(places) <= 1
    rows = [r for r in found.measures.reasons if r.score == "P" and r.points > 1]
    return [(reason.points, reason.fact.path, next(iter(places))) for reason in rows]


def test_a_socket_server_in_a_route_needs_a_process() -> None:
    assert process({"pages/api/live.ts": LIVE}, "ws") == [(3, "pages/api/live.ts", "route")]
    assert process({"pages/api/live.ts": LIVE}) == []


def test_a_helper_a_route_imports_counts_less_surely() -> None:
    helper = SOCKET + "export const start = () => new WebSocketServer({ port: 1 });\n"
    route = "import { start } from '../../lib/live';\nexport default function handler(req, res) { start(); }\n"
    tree = {**NEXT, "package.json": manifest("next", "ws"), "lib/live.ts": helper, "pages/api/live.ts": route}
    (reason,) = [reason for reason in profile(tree).measures.reasons if reason.score == "P"]
    assert (reason.fact.path, reason.fact.line, reason.fact.confidence) == ("lib/live.ts", 2, "medium")
    assert not profile(tree).is_published


def test_a_socket_server_in_a_custom_server_is_the_servers() -> None:
    code = SERVER + SOCKET + "new WebSocketServer({ noServer: true });\n"
    tree = {**NEXT, "package.json": manifest("next", "express", "ws", scripts={"start": "node server.js"})}
    made = profile({**tree, "server.js": code})
    assert (made.has, made.label, made.mismatch) == ("next+custom-server", "R5", None)
    assert made.measures.places == frozenset({"custom-server"})
    assert [(r.points, r.fact.line) for r in made.measures.reasons if r.score == "P"] == [(3, 9), (1, 3)]
    texts = [reason.fact.text for reason in made.measures.reasons if reason.score == "P"]
    assert texts == [
        "a WebSocket server ({}) in the custom server",
        "the custom server does more than hand requests to Next",
    ]
    more = code.replace("server.all", "server.post('/hook', (req, res) => res.end());\nserver.all")
    facts = [r.fact for r in profile({**tree, "server.js": more}).measures.reasons if (r.score, r.points) == ("P", 1)]
    text = "the custom server does more than hand requests to Next: {}"
    assert [(fact.text, fact.line) for fact in facts] == [(text, 6)]


def test_an_application_at_the_root_is_called_like_its_package() -> None:
    assert profile(NEXT).name == "web"
    assert profile({**NEXT, "package.json": manifest("next", name="")}).name == "the repository root"


def test_a_socket_server_beside_other_features_is_told_in_words() -> None:
    code = SERVER + SOCKET + "new WebSocketServer({ noServer: true });\n"
    tree = {**NEXT, "package.json": manifest("next", "express", scripts={"start": "node server.js"})}
    facts = [reason.fact for reason in profile({**tree, "server.js": code}).measures.reasons if reason.score == "P"]
    text = "the custom server does more than hand requests to Next: a WebSocket server ({})"
    assert [(fact.text, fact.names) for fact in facts] == [(text, ("ws",))]


def test_a_custom_server_that_nothing_starts_is_not_what_an_application_has() -> None:
    tree = {**NEXT, "package.json": manifest("next", "express", "ws"), "server.js": SERVER}
    assert profile({**tree, "server.js": SERVER + SOCKET + "new WebSocketServer({});\n"}).has == "next"
    dev = manifest("next", "express", scripts={"start": "next start", "dev": "node server.js"})
    assert profile({**tree, "package.json": dev}).has == "next"


def test_a_custom_server_that_only_forwards_is_named_where_pages_are_all_there_is() -> None:
    tree = {**NEXT, "package.json": manifest("next", "express", scripts={"start": "node server.js"})}
    assert profile({**tree, "server.js": SERVER}).mismatch == "forwarding-server"
    more = SERVER.replace("server.all", "server.post('/hook', (req, res) => res.end());\nserver.all")
    assert profile({**tree, "server.js": more}).mismatch is None
    assert reasons({**tree, "server.js": more}, "P") == [(1, "server.js", 6)]
    assert profile({**tree, "server.js": more}).measures.handlers == 1


@pytest.mark.parametrize(
    ("more", "server"),
    [
        ({}, SERVER.replace("=> handle", "=> { req.server = server; return handle").replace("));", "); });")),
        ({"web.config": '<handlers><add name="iisnode" path="server.js"/></handlers>\n'}, SERVER),
        ({"package.json": manifest("next", "express", scripts={"start": "node -r ./env.js server.js"})}, SERVER),
        ({}, "import 'dotenv/config';\n" + SERVER),
    ],
    ids=["hands its server on", "asked for by the host", "preloads", "reads the environment"],
)
def test_a_custom_server_that_may_be_kept_for_something_is_not_told_to_only_forward(more: Tree, server: str) -> None:
    tree = {**NEXT, "package.json": manifest("next", "express", scripts={"start": "node server.js"})}
    made = profile({**tree, "server.js": server, **more})
    assert (made.has, made.label, made.mismatch) == ("next+custom-server", "R1", None)


def test_an_image_of_the_generated_server_does_not_start_a_custom_one() -> None:
    scripts = {"start": "next start", "dev": "node server.js"}
    image = 'FROM node:22\nWORKDIR /app\nCOPY --from=build /app/.next/standalone ./\nCMD ["node", "server.js"]\n'
    tree = {**NEXT, "package.json": manifest("next", "express", scripts=scripts), "server.js": SERVER}
    config = {"next.config.js": "module.exports = { output: 'standalone' };\n"}
    assert profile({**tree, **config, "Dockerfile": "FROM node:22 AS build\n" + image}).has == "next"


def test_a_worker_a_script_starts_is_a_service_beside_next() -> None:
    code = "import { Worker } from 'bullmq';\nnew Worker('mail', async () => {});\n"
    assert process({"worker.ts": code}, "bullmq", worker="tsx worker.ts") == [(2, "worker.ts", "service")]
    assert process({"worker.ts": code}, "bullmq") == []
    package = manifest("next", "bullmq", scripts={"start": "next start", "worker": "tsx worker.ts"})
    assert profile({**NEXT, "package.json": package, "worker.ts": code}).has == "next+service"


@pytest.mark.parametrize(
    ("depends", "code"),
    [
        ("node-cron", "import cron from 'node-cron';\ncron.schedule('* * * * *', () => {});\n"),
        ("cron", "import { CronJob } from 'cron';\nnew CronJob('* * * * *', () => {});\n"),
        ("node-schedule", "const schedule = require('node-schedule');\nschedule.scheduleJob('a', () => {});\n"),
        ("kafkajs", "import { Kafka } from 'kafkajs';\nnew Kafka({}).consumer({}).run({});\n"),
        ("pg-boss", "import PgBoss from 'pg-boss';\nconst boss = new PgBoss('');\nboss.work('a', () => {});\n"),
        ("discord.js", "import { Client } from 'discord.js';\nconst bot = new Client({});\nbot.login('');\n"),
        ("ioredis", "import Redis from 'ioredis';\nconst client = new Redis();\nclient.subscribe('a');\n"),
        ("pg", "import { Client } from 'pg';\nconst client = new Client();\nclient.query('LISTEN jobs');\n"),
    ],
)
def test_timers_consumers_and_listeners_need_a_process(depends: str, code: str) -> None:
    assert process({"instrumentation.ts": code}, depends) == [(2, "instrumentation.ts", "instrumentation")]
    assert process({"lib/unused.ts": code}, depends) == []
    assert process({"tests/a.ts": code}, depends) == []


def test_a_consumer_of_a_workspace_package_is_found_through_its_index() -> None:
    tree = {
        "package.json": json.dumps({"private": True, "workspaces": ["apps/*", "packages/*"]}),
        "apps/web/package.json": manifest("next", "@acme/jobs"),
        "apps/web/app/page.tsx": PAGE,
        "apps/web/instrumentation.ts": "export const register = async () => { await import('./jobs'); };\n",
        "apps/web/jobs.ts": "import { start } from '@acme/jobs';\nstart();\n",
        "packages/jobs/package.json": manifest("bullmq", name="@acme/jobs", main="src/index.ts"),
        "packages/jobs/src/index.ts": "export { start } from './work';\n",
        "packages/jobs/src/work.ts": "import { Worker } from 'bullmq';\nexport const start = () => new Worker('');\n",
    }
    assert reasons(tree, "P", "apps/web") == [(2, "packages/jobs/src/work.ts", 2)]


def test_what_only_computes_or_asks_needs_none() -> None:
    code = "import { Client } from 'pg';\nconst client = new Client();\nclient.query('SELECT 1');\n"
    assert process({"instrumentation.ts": code}, "pg") == []
    code = "import { io } from 'socket.io-client';\nio('wss://example.com');\n"
    assert process({"instrumentation.ts": code}, "socket.io-client") == []


def test_a_subscription_that_feeds_a_response_lasts_as_long_as_the_response() -> None:
    code = "import Redis from 'ioredis';\nconst client = new Redis();\nexport async function GET() {\n"
    stream = "  client.subscribe('a');\n  return new Response(new ReadableStream({}));\n}\n"
    assert process({"app/api/a/route.ts": code + stream}, "ioredis") == []
    assert process({"app/api/a/route.ts": code + "  client.subscribe('a');\n}\n"}, "ioredis") != []


def test_sorts_of_features_count_once_each() -> None:
    code = "import cron from 'node-cron';\ncron.schedule('a', () => {});\ncron.schedule('b', () => {});\n"
    queue = "import { Worker } from 'bullmq';\nnew Worker('a', async () => {});\n"
    tree = {"instrumentation.ts": code + queue}
    assert [points for points, _, _ in process(tree, "node-cron", "bullmq")] == [2]


@pytest.mark.parametrize(
    ("code", "counts"),
    [
        ("const rateLimits = new Map();\nexport async function GET() { rateLimits.set('a', 1); }\n", True),
        ("const clients: Set<string> = new Set();\nexport async function GET() { clients.add('a'); }\n", True),
        ("const colours = new Map();\nexport async function GET() { colours.set('a', 1); }\n", False),
        ("const rateLimits = new Map();\nexport async function GET() { rateLimits.get('a'); }\n", False),
        ("export async function GET() { const seen = new Set(); seen.add('a'); }\n", False),
    ],
)
def test_memory_that_requests_rely_on_adds_a_point(code: str, counts: bool) -> None:
    assert reasons({**NEXT, "app/api/a/route.ts": code}, "P") == ([(1, "app/api/a/route.ts", 2)] if counts else [])


def test_memory_of_a_module_counts_where_a_route_imports_it() -> None:
    module = "const rateLimits = new Map();\nexport function limit(ip) { rateLimits.set(ip, 1); }\n"
    route = "import { limit } from '../../../lib/rate-limit';\nexport async function GET() { limit('a'); }\n"
    tree = {**NEXT, "lib/rate-limit.ts": module, "app/api/a/route.ts": ROUTE}
    assert reasons(tree, "P") == []
    assert reasons({**tree, "app/api/a/route.ts": route}, "P") == [(1, "lib/rate-limit.ts", 2)]


@pytest.mark.parametrize(("seconds", "counts"), [(300, False), (301, True)])
def test_a_long_duration_adds_a_point(seconds: int, counts: bool) -> None:
    tree = {**NEXT, "app/api/a/route.ts": f"{ROUTE}export const maxDuration = {seconds};\n"}
    assert reasons(tree, "P") == ([(1, "app/api/a/route.ts", 2)] if counts else [])
    config = {"vercel.json": json.dumps({"functions": {"app/api/a/route.ts": {"maxDuration": seconds}}})}
    assert reasons({**NEXT, **config}, "P") == ([(1, "vercel.json", 1)] if counts else [])


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


WORKSPACE: Tree = {
    "package.json": json.dumps({"private": True, "workspaces": ["apps/*", "packages/*"]}),
    "apps/web/package.json": manifest("next"),
    "apps/web/app/page.tsx": PAGE,
    "apps/web/app/api/posts/route.ts": ROUTE,
}
PHONE: Tree = {"apps/phone/package.json": manifest("expo", name="phone")}


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
