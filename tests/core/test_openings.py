"""Services whose started file opens no port itself, and what starts them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.features import Features
from reviewer.core.packaged import Packaged
from reviewer.core.services import Services
from tests.core.profiled import PAGE, manifest, profile, profiles, project_of
from tests.core.test_links import services_of

Tree = Mapping[str, str]

APPLICATION = "import express from 'express';\nconst app = express();\nexport default app;\n"
BOOT = "import express from 'express';\nexport async function boot() {\n  express().listen(4000);\n}\n"
CLASS = """import express from 'express';
export class Server {
  constructor() {
    this.app = express();
  }
  open() {
    this.app.listen(4000);
  }
}
"""
CALLS = "import { boot } from './boot';\nboot();\n"


def package(*depends: str, start: str = "node src/main.ts", **more: object) -> str:
    return manifest(*depends, name="api", scripts={"start": start}, **more)


def found(tree: Tree) -> list[tuple[str, int]]:
    return [(service.entry, service.line) for service in services_of(tree)]


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        ({"src/main.ts": CALLS, "src/boot.ts": BOOT}, ("src/boot.ts", 3)),
        ({"src/main.ts": "const { boot } = require('./boot');\nboot();\n", "src/boot.ts": BOOT}, ("src/boot.ts", 3)),
        (
            {
                "src/main.ts": "import { boot } from './lib';\nboot();\n",
                "src/lib/index.ts": "export * from './boot';\n",
                "src/lib/boot.ts": BOOT,
            },
            ("src/lib/boot.ts", 3),
        ),
        (
            {
                "src/main.ts": "import { run } from './run';\nrun();\n",
                "src/run.ts": "import { boot } from './boot';\nexport const run = () => boot();\n",
                "src/boot.ts": BOOT,
            },
            ("src/boot.ts", 3),
        ),
        ({"src/main.ts": "import('./boot').then(({ boot }) => boot());\n", "src/boot.ts": BOOT}, ("src/boot.ts", 3)),
        ({"src/main.ts": "import './boot';\n", "src/boot.ts": f"{BOOT}boot();\n"}, ("src/boot.ts", 3)),
        ({"src/main.ts": "import './boot';\n", "src/boot.ts": f"{CLASS}new Server().open();\n"}, ("src/boot.ts", 7)),
        (
            {
                "src/main.ts": (
                    "async function start() {\n  const mod = await import('./app.js');\n"
                    "  mod.default.listen(4000);\n}\nstart().catch(console.error);\n"
                ),
                "src/app.ts": APPLICATION,
            },
            ("src/main.ts", 3),
        ),
        (
            {
                "src/main.ts": (
                    "import { Server } from './server';\nlet server;\nasync function start() {\n"
                    "  server = new Server();\n  server.open();\n}\nstart();\n"
                ),
                "src/server.ts": CLASS,
            },
            ("src/server.ts", 7),
        ),
    ],
)
def test_a_service_may_open_its_port_in_a_file_that_its_entry_loads(files: Tree, entry: tuple[str, int]) -> None:
    tree = {**files, "package.json": package("express")}
    assert found(tree) == [entry]
    (made,) = profiles(tree).values()
    assert made.measures.has_facts[0].names == ("package.json script start",)


@pytest.mark.parametrize(
    "files",
    [
        {"src/main.ts": "import { name } from './boot';\nname;\n"},
        {"src/main.ts": "import type { boot } from './boot';\n"},
        {"src/main.ts": "import { boot } from './boot';\nexport function run() {\n  boot();\n}\n"},
        {
            "src/main.ts": "import { a } from './a';\na();\n",
            "src/a.ts": "import { b } from './b';\nexport const a = () => b();\n",
            "src/b.ts": "import { c } from './c';\nexport const b = () => c();\n",
            "src/c.ts": "import { boot } from './boot';\nexport const c = () => boot();\n",
        },
        {
            "src/main.ts": "import { makeHistory } from 'history';\nimport './app';\nmakeHistory().listen(f);\n",
            "src/app.ts": APPLICATION,
            "src/boot.ts": "",
        },
        {
            "src/main.ts": "",
            "src/generate.ts": CALLS,
            "package.json": manifest("express", scripts={"generate:docs": "tsx src/generate.ts"}),
        },
        {
            "src/main.ts": "",
            "src/dev.ts": CALLS,
            "package.json": manifest("express", scripts={"dev": "tsx src/dev.ts"}),
        },
    ],
)
def test_what_does_not_run_what_opens_the_port_is_no_service(files: Tree) -> None:
    assert found({"package.json": package("express"), "src/boot.ts": BOOT, **files}) == []


def test_the_main_file_of_a_package_is_started_by_its_directory() -> None:
    tree = {
        "apps/live/package.json": package("express", start="node --env-file=.env .", main="./dist/start.mjs"),
        "apps/live/src/start.ts": "import { Server } from './server';\nnew Server().open();\n",
        "apps/live/src/server.ts": CLASS,
        "package.json": "{}",
    }
    assert found(tree) == [("apps/live/src/server.ts", 7)]
    assert found({**tree, "apps/live/package.json": package("express", start="node .")}) == []


@pytest.mark.parametrize(
    ("depends", "start", "code", "line"),
    [
        (
            "hono",
            "deno run -A --sloppy-imports src/main.ts",
            "import { app } from './app';\nDeno.serve({}, app.fetch);\n",
            2,
        ),
        ("hono", "bun src/main.ts", "import { app } from './app';\nBun.serve({ fetch: app.fetch });\n", 2),
        (
            "hono",
            "bun run src/main.ts",
            "import { app } from './app';\nexport default { port: 1, fetch: app.fetch };\n",
            2,
        ),
        ("hono", "bun run src/main.ts", "import { app } from './app';\n\nexport default app;\n", 3),
        ("@hapi/hapi", "node src/main.ts", "import Hapi from '@hapi/hapi';\nconst s = Hapi.server();\ns.start();\n", 3),
    ],
)
def test_runtimes_serve_in_their_own_ways(depends: str, start: str, code: str, line: int) -> None:
    application = "import { Hono } from 'hono';\nexport const app = new Hono();\n"
    tree = {"package.json": package(depends, start=start), "src/main.ts": code, "src/app.ts": application}
    assert found(tree) == [("src/main.ts", line)]


def test_routes_given_as_objects_count() -> None:
    code = "import { serve } from '@hono/node-server';\nimport { OpenAPIHono } from '@hono/zod-openapi';\n"
    code += "app.openapi(list, f);\napp.openapi(one, f);\nserver.route({ method: 'GET' });\nserve(app); // hono\n"
    (service,) = services_of({"package.json": package("hono"), "src/main.ts": code})
    assert service.routes == 3


def test_an_exported_application_is_served_by_bun_only() -> None:
    code = "import { Hono } from 'hono';\nconst app = new Hono();\nexport default app;\n"
    assert found({"package.json": package("hono"), "src/main.ts": code}) == []
    settings = "export default { fetch: 1, retries: 2 };\n"
    tree = {"package.json": package("hono", start="bun src/main.ts"), "src/main.ts": "", "src/fetch.ts": settings}
    assert found(tree) == []


NX = {"build": {"executor": "@nx/esbuild:esbuild", "options": {"main": "src/main.ts"}}}
SERVE = {"serve": {"executor": "@nx/js:node", "options": {"buildTarget": "api:build"}}}


def nx(targets: object, start: str = "nx serve", name: str = "api") -> Tree:
    return {
        "nx.json": "{}",
        "package.json": package("express", start=start),
        "project.json": json.dumps({"name": name, "targets": targets}),
        "src/main.ts": CALLS,
        "src/boot.ts": BOOT,
    }


def test_projects_that_nx_runs_are_services() -> None:
    tree = nx({**NX, **SERVE})
    assert found(tree) == [("src/boot.ts", 3)]
    (made,) = profiles(tree).values()
    assert made.measures.has_facts[0].names == ("package.json script start",)
    assert found({**tree, "src/main.ts": BOOT + "boot();\n"}) == [("src/main.ts", 3)]
    (made,) = profiles(nx({**NX, **SERVE}, start="nx lint")).values()
    assert made.measures.has_facts[0].names == ("project.json",)


@pytest.mark.parametrize(
    "targets",
    [
        NX,
        {},
        None,
        {**NX, "serve": {"executor": "@nx/vite:dev-server"}},
        {**NX, "serve": None},
        {"serve": {"executor": 1}},
    ],
)
def test_other_projects_of_nx_are_none(targets: object) -> None:
    assert found(nx(targets)) == []


def test_projects_without_a_package_of_their_own_are_services_of_an_nx_workspace() -> None:
    tree = {
        "nx.json": "{}",
        "package.json": manifest("express", "next", scripts={"api": "nx serve api"}),
        "apps/web/project.json": json.dumps({"targets": {"build": {"executor": "@nx/next:build"}}}),
        "apps/web/pages/index.tsx": PAGE,
        "apps/api/project.json": json.dumps({"name": "api", "targets": SERVE}),
        "apps/api/src/main.ts": BOOT + "boot();\n",
    }
    assert found(tree) == [("apps/api/src/main.ts", 3)]
    assert sorted(profiles(tree)) == ["apps/api", "apps/web"]
    alone = {path: text for path, text in tree.items() if not path.startswith("apps/web")}
    assert found(alone) == [("apps/api/src/main.ts", 3)]


# -- by path, not by name --------------------------------------------------

STARTED = 'FROM node:22\nCMD ["node", "dist/main.js"]\n'
TWO: Tree = {
    "package.json": "{}",
    "apps/api/package.json": manifest("express", name="api", scripts={"dev": "tsx src/main.ts"}),
    "apps/api/src/main.ts": BOOT + "boot();\n",
    "play/demo/package.json": manifest("express", name="demo", scripts={"dev": "tsx src/main.ts"}),
    "play/demo/src/main.ts": BOOT + "boot();\n",
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("apps/api/Dockerfile", STARTED),
        ("docker/api/Dockerfile", STARTED),
        ("Dockerfile.api", STARTED),
        ("Dockerfile", f"FROM node:22\nCOPY apps/api .\n{STARTED}"),
        ("compose.yml", "services:\n  api:\n    build: ./apps/api\n    command: node dist/main.js\n"),
        ("deploy/package.json", json.dumps({"scripts": {"start": "node ../apps/api/src/main.ts"}})),
        ("deploy/package.json", json.dumps({"scripts": {"start": "node ../apps/api/dist/main.js"}})),
    ],
)
def test_a_service_is_started_by_what_names_its_place(path: str, text: str) -> None:
    assert found({**TWO, path: text}) == [("apps/api/src/main.ts", 3)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Dockerfile", STARTED),
        ("apps/other/Dockerfile", STARTED),
        ("apps/other/Dockerfile", STARTED.replace("dist/main.js", "apps/api-two/main.js")),
        ("apps/other/package.json", json.dumps({"scripts": {"start": "node dist/main.js"}})),
    ],
)
def test_the_same_name_elsewhere_starts_nothing(path: str, text: str) -> None:
    assert found({**TWO, "apps/other/package.json": "{}", path: text}) == []


# -- Nest --------------------------------------------------

NEST = """import { NestFactory } from '@nestjs/core';
async function start() {
  const app = await NestFactory.create(AppModule);
  await app.listen(4000);
}
start();
"""
GATEWAY = """import { WebSocketGateway, SubscribeMessage } from '@nestjs/websockets';
@WebSocketGateway()
export class Live {}
"""


def nest(*depends: str, **files: str) -> Tree:
    modules = {f"src/{name}.ts": text for name, text in files.items()}
    return {"package.json": package("@nestjs/core", *depends), "src/main.ts": NEST, **modules}


@pytest.mark.parametrize(
    ("depends", "code", "kind", "line"),
    [
        ("@nestjs/websockets", GATEWAY, "websocket", 2),
        ("rxjs", GATEWAY, "websocket", 2),
        (
            "@nestjs/bull",
            "import { Processor } from '@nestjs/bull';\n\n@Processor('a')\nexport class A {}\n",
            "queue-consumer",
            3,
        ),
        (
            "@nestjs/bullmq",
            "import { Processor } from '@nestjs/bullmq';\n@Processor('a')\nexport class A {}\n",
            "queue-consumer",
            2,
        ),
        (
            "@nestjs/schedule",
            "import { ScheduleModule } from '@nestjs/schedule';\n@Module({ imports: [ScheduleModule.forRoot()] })\n",
            "scheduler",
            2,
        ),
    ],
)
def test_decorators_of_nest_need_a_process(depends: str, code: str, kind: str, line: int) -> None:
    project = project_of(nest(depends, more=code))
    (app,) = project.apps
    (feature,) = Features(project).of(app)
    assert (feature.kind, feature.path, feature.line, feature.place) == (kind, "src/more.ts", line, "service")


def test_other_decorators_and_sockets_of_clients_need_none() -> None:
    code = "import { SubscribeMessage } from '@nestjs/websockets';\nclass A {\n  @SubscribeMessage('a')\n  a() {}\n}\n"
    project = project_of(nest("@nestjs/websockets", more=code))
    assert Features(project).of(project.apps[0]) == ()


@pytest.mark.parametrize(
    ("depends", "code", "counts"),
    [
        ("@nestjs/typeorm", "import { TypeOrmModule } from '@nestjs/typeorm';\n", True),
        ("@prisma/client", "import { PrismaClient } from '@prisma/client';\n", True),
        ("mongoose", "import type { Model } from 'mongoose';\n", False),
        ("rxjs", "import { of } from 'rxjs';\n", False),
    ],
)
def test_the_database_of_a_service_is_found(depends: str, code: str, counts: bool) -> None:
    project = project_of(nest(depends, data=code))
    packaged = Packaged(project)
    services = Services(project, Features(project), packaged)
    (service,) = services.entries
    fact = services.database(service)
    assert (fact is not None and (fact.path, fact.line) == ("src/data.ts", 1)) is counts


def test_handlers_of_nest_beside_next_are_counted_by_their_decorators() -> None:
    server = "import next from 'next';\nimport { NestFactory } from '@nestjs/core';\nasync function start() {\n"
    server += "  const web = next({});\n  const handle = web.getRequestHandler();\n"
    server += "  const app = await NestFactory.create(M);\n  app.use((req, res) => handle(req, res));\n"
    server += "  await app.listen(3000);\n}\nstart();\n"
    methods = "".join(f"  @Get('{name}')\n  {name}() {{}}\n" for name in "abcdefg")
    controller = f"import {{ Controller, Get }} from '@nestjs/common';\n@Controller()\nexport class C {{\n{methods}}}\n"
    tree = {
        "package.json": manifest("next", "@nestjs/core", scripts={"start": "ts-node src/main.ts"}),
        "src/main.ts": server,
        "pages/index.tsx": PAGE,
    }
    (bare,) = profiles(tree).values()
    (made,) = profiles({**tree, "src/c.controller.ts": controller}).values()
    assert (bare.measures.handlers, made.measures.handlers) == (0, 7)
    assert not [reason for reason in bare.measures.reasons if reason.score == "B"]
    (reason,) = [reason for reason in made.measures.reasons if reason.score == "B"]
    assert (reason.points, reason.fact.confidence, reason.fact.path) == (2, "medium", "src/c.controller.ts")


# -- pages --------------------------------------------------

SOCKETS = "import { Server } from 'socket.io';\nexport const attach = (http) => {\n  http.io = new Server(http);\n};\n"
PROPS = """import { attach } from '../lib/sockets';
export async function getServerSideProps({ req }) {
  attach(req.socket.server);
  return { props: {} };
}
"""


def live(page: str, **files: str) -> list[tuple[str, str, str, str]]:
    """Kind, file, place and entry of what needs a process, in an application with a page and a custom server."""
    tree = {
        "package.json": manifest("next", "socket.io"),
        "pages/live.tsx": page + PAGE,
        "lib/sockets.ts": SOCKETS,
        **{f"lib/{name}.ts": text for name, text in files.items()},
    }
    project = project_of(tree)
    return [(f.kind, f.path, f.place, f.entry) for f in Features(project).of(project.next_apps[0])]


@pytest.mark.parametrize(
    "page",
    [
        PROPS,
        PROPS.replace("export async function getServerSideProps({ req })", "const p = async ({ req }) =>")
        + "export { p as getServerSideProps };\n",
        PROPS.replace(
            "export async function getServerSideProps({ req }) {", "export const getServerSideProps = w((req) => {"
        ).rstrip("\n")
        + ");\n",
        "export async function getServerSideProps({ req }) {\n  const { attach } = await import('../lib/sockets');\n"
        "  attach(req.socket.server);\n}\n",
        PROPS.replace("../lib/sockets", "../lib"),
    ],
)
def test_sockets_made_for_a_page_are_made_in_a_route(page: str) -> None:
    assert live(page, index="export * from './sockets';\n") == [
        ("websocket", "lib/sockets.ts", "route", "pages/live.tsx")
    ]


HUB = """import { Server } from 'socket.io';
class Hub {
  constructor(http) {
    this.open(http);
  }
  open(http) {
    http.io = new Server(http);
  }
}
export const name = () => 'hub';
export default Hub;
"""
USED = "import Hub, { name } from '../lib/hub';\nexport async function getServerSideProps({ req }) {\n  CALL;\n}\n"


@pytest.mark.parametrize(("call", "confidence"), [("new Hub(req.socket.server)", "high"), ("name()", "medium")])
def test_what_surely_makes_sockets_for_a_page_is_told_as_sure(call: str, confidence: str) -> None:
    tree = {
        "package.json": manifest("next", "socket.io"),
        "pages/live.tsx": USED.replace("CALL", call) + PAGE,
        "lib/hub.ts": HUB,
    }
    (reason,) = [reason for reason in profile(tree).measures.reasons if reason.score == "P"]
    assert (reason.points, reason.fact.line, reason.fact.confidence) == (3, 7, confidence)
    assert profile(tree).is_published is (confidence == "high")


@pytest.mark.parametrize(
    "page",
    [
        PROPS.replace("getServerSideProps", "helper"),
        PROPS.replace("  attach(req.socket.server);\n", "") + "export const other = () => attach();\n",
        PROPS.replace("lib/sockets", "lib/others"),
        PROPS.replace("import {", "import type {"),
    ],
)
def test_what_a_page_does_not_do_for_a_request_is_not_its_own(page: str) -> None:
    assert live(page, others="export const attach = () => null; // not sockets\n") == []


def test_sockets_of_a_package_on_a_framework_are_a_routes_where_that_loads_it() -> None:
    route = "import { attach } from '@acme/live';\nexport default function handler(req, res) {\n  attach(res);\n}\n"
    tree = {
        "package.json": json.dumps({"workspaces": ["apps/*", "packages/*"]}),
        "apps/web/package.json": manifest("next", "@acme/live"),
        "apps/web/pages/api/live.ts": route,
        "packages/live/package.json": manifest("express", "socket.io", name="@acme/live", main="index.ts"),
        "packages/live/index.ts": SOCKETS,
    }
    project = project_of(tree)
    (feature,) = Features(project).of(project.next_apps[0])
    assert (feature.path, feature.place, feature.entry) == (
        "packages/live/index.ts",
        "route",
        "apps/web/pages/api/live.ts",
    )
