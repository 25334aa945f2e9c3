"""Profiles of trees: rendering, backend and what needs a process."""

from __future__ import annotations

import json

import pytest

from reviewer.core.matrix import Place
from tests.core.profiled import BARE, LIVE, NEXT, PAGE, ROUTE, SERVER, SOCKET, Tree, manifest, profile, reasons, routes

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


@pytest.mark.parametrize("written", ["15 * 60", "9e2", "0x384"])
def test_a_long_duration_counts_however_it_is_written(written: str) -> None:
    tree = {**NEXT, "app/api/a/route.ts": f"{ROUTE}export const maxDuration = {written};\n"}
    assert reasons(tree, "P") == [(1, "app/api/a/route.ts", 2)]


@pytest.mark.parametrize(("seconds", "counts"), [(300, False), (301, True)])
def test_a_long_duration_adds_a_point(seconds: int, counts: bool) -> None:
    tree = {**NEXT, "app/api/a/route.ts": f"{ROUTE}export const maxDuration = {seconds};\n"}
    assert reasons(tree, "P") == ([(1, "app/api/a/route.ts", 2)] if counts else [])
    config = {"vercel.json": json.dumps({"functions": {"app/api/a/route.ts": {"maxDuration": seconds}}})}
    assert reasons({**NEXT, **config}, "P") == ([(1, "vercel.json", 1)] if counts else [])
