"""Services of a repository, and the links without which they do not belong to an application."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.features import Features
from reviewer.core.links import Link, Links
from reviewer.core.packaged import Packaged
from reviewer.core.services import Service, Services
from tests.core.profiled import LIVE, PAGE, SOCKET, WORKSPACE, manifest, profile, profiles, project_of, routes

Tree = Mapping[str, str]

LISTENING = """const express = require('express');
const app = express();
app.get('/users', (req, res) => res.json([]));
app.post('/users', (req, res) => res.json({}));
app.listen(process.env.PORT || 4000);
"""
API: Tree = {
    "apps/api/package.json": manifest("express", name="api"),
    "apps/api/index.js": LISTENING,
}
BOTH: Tree = {**WORKSPACE, **API}
OTHER: Tree = {
    "apps/other/package.json": manifest("koa", name="other"),
    "apps/other/index.js": "const Koa = require('koa');\nconst app = new Koa();\napp.listen(5000);\n",
}


def services_of(files: Tree) -> tuple[Service, ...]:
    project = project_of(files)
    return Services(project, Features(project), Packaged(project)).entries


def links_of(files: Tree) -> list[tuple[str, int, str, int]]:
    """Service, kind of link, path and line, for the application in ``apps/web``."""
    project = project_of(files)
    links = Links(project, Services(project, Features(project), Packaged(project)))
    (app,) = [app for app in project.next_apps if app.root == "apps/web"]
    return [_row(link) for link in links.of(app)]


def _row(link: Link) -> tuple[str, int, str, int]:
    return link.service.app.root, link.how, link.fact.path, link.fact.line


# -- services --------------------------------------------------


def test_a_service_has_a_listener_a_port_and_routes() -> None:
    (service,) = services_of(API)
    assert (service.kind, service.role, service.entry, service.line) == ("Express", "API", "apps/api/index.js", 5)
    assert (service.port, service.routes) == (4000, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"apps/api/index.js": "module.exports = {};\n"},
        {"apps/api/package.json": manifest("express", name="api", scripts={"dev": "node index.js"})},
        {"apps/api/package.json": manifest("express", name="api", scripts={"test:e2e": "node index.js"})},
        {"apps/api/package.json": manifest("express", "json-server", name="api")},
        {"apps/api/package.json": manifest("express", name="mock-api")},
        {"apps/api/package.json": manifest("express", "@remix-run/react", name="api")},
        {
            "apps/api/package.json": json.dumps(
                {"scripts": {"start": "node ."}, "devDependencies": {"express": "4.0.0"}}
            )
        },
    ],
)
def test_what_nothing_starts_or_what_is_a_mock_is_no_service(change: Tree) -> None:
    assert services_of({**API, **change}) == ()
    assert profiles({**API, **change}) == {}


@pytest.mark.parametrize(
    ("depends", "code", "kind", "role"),
    [
        (("koa",), "const Koa = require('koa');\nconst app = new Koa();\napp.listen(1);\n", "Koa", "API"),
        (("fastify",), "import fastify from 'fastify';\nconst app = fastify();\napp.listen({});\n", "Fastify", "API"),
        (("hono",), "import { serve } from '@hono/node-server';\nserve({ port: 4000 });\n", "Hono", "API"),
        (
            ("@nestjs/core",),
            "import { NestFactory } from '@nestjs/core';\nconst app = NestFactory.create({});\napp.listen(1);\n",
            "NestJS on Express",
            "API",
        ),
        (("express", "ejs"), LISTENING, "Express", "server of views"),
        (("express", "http-proxy-middleware"), LISTENING, "Express", "backend for a frontend"),
        (("express", "ws"), LISTENING + SOCKET + "new WebSocketServer({});\n", "Express", "socket server"),
        (
            ("express", "bullmq"),
            LISTENING + "const { Worker } = require('bullmq');\nnew Worker('a', f);\n",
            "Express",
            "worker",
        ),
        (("express", "serverless-http"), "const wrap = require('serverless-http');\nwrap(app);\n", "Express", "API"),
    ],
)
def test_services_are_named_by_what_they_are_built_on_and_for(
    depends: tuple[str, ...], code: str, kind: str, role: str
) -> None:
    (service,) = services_of({"index.js": code, "package.json": manifest(*depends)})
    assert (service.kind, service.role) == (kind, role)


# -- links --------------------------------------------------


def test_a_service_that_merely_lies_in_the_repository_is_not_linked() -> None:
    assert links_of(BOTH) == []
    assert profile(BOTH, "apps/web").has == "next"


@pytest.mark.parametrize("origin", ["http://localhost:4000", "http://api:8080", "http://api"])
def test_rewrites_link(origin: str) -> None:
    config = f"module.exports = {{\n  rewrites: async () => [{{ source: '/a', destination: '{origin}/a' }}],\n}};\n"
    assert links_of({**BOTH, "apps/web/next.config.js": config}) == [("apps/api", 1, "apps/web/next.config.js", 2)]
    commented = config.replace("  rewrites", "  // rewrites")
    assert links_of({**BOTH, "apps/web/next.config.js": commented}) == []
    elsewhere = config.replace(origin, "https://example.com")
    assert links_of({**BOTH, "apps/web/next.config.js": elsewhere}) == []


def test_one_vercel_project_links() -> None:
    services = {"web": {"root": "apps/web", "framework": "nextjs"}, "api": {"root": "apps/api"}}
    assert links_of({**BOTH, "vercel.json": json.dumps({"services": services})}) == [("apps/api", 1, "vercel.json", 1)]
    del services["web"]
    assert links_of({**BOTH, "vercel.json": json.dumps({"services": services})}) == []


@pytest.mark.parametrize(
    ("path", "text", "links"),
    [
        ("apps/web/lib/api.ts", "export const api = 'http://localhost:4000';\n", True),
        ("apps/web/.env.example", "NEXT_PUBLIC_API_URL=http://localhost:4000\n", True),
        (".env.example", "\nAPI_URL=http://localhost:4000\n", True),
        ("apps/web/lib/api.ts", "export const api = 'http://localhost:40001';\n", False),
        ("apps/web/lib/api.ts", "// http://localhost:4000\n", False),
    ],
)
def test_an_origin_with_the_port_of_a_service_links(path: str, text: str, links: bool) -> None:
    found = links_of({**BOTH, path: text})
    assert found == ([("apps/api", 2, path, text.count("\n"))] if links else [])


def test_the_port_of_next_itself_links_nothing() -> None:
    api = {"apps/api/index.js": LISTENING.replace("4000", "3000")}
    assert links_of({**BOTH, **api, "apps/web/lib/api.ts": "fetch('http://localhost:3000/a');\n"}) == []


def test_what_is_started_together_is_linked() -> None:
    root = {"private": True, "workspaces": ["apps/*"]}
    scripts = {"dev": "concurrently 'next dev apps/web' 'node apps/api/index.js'"}
    both = {**BOTH, "package.json": json.dumps({**root, "scripts": scripts}, indent=1)}
    assert links_of(both) == [("apps/api", 3, "package.json", 7)]
    scripts = {"seed": scripts["dev"], "dev": "next dev apps/web"}
    assert links_of({**BOTH, "package.json": json.dumps({**root, "scripts": scripts})}) == []
    turbo = {**root, "scripts": {"dev": "turbo run start --filter=api --filter=web"}}
    assert links_of({**BOTH, "package.json": json.dumps(turbo)}) == [("apps/api", 3, "package.json", 1)]
    assert links_of({**BOTH, **OTHER, "package.json": json.dumps(turbo)}) == []
    compose = "services:\n  web:\n    build: ./apps/web\n  api:\n    build:\n      context: ./apps/api\n"
    assert links_of({**BOTH, "docker-compose.yml": compose}) == [("apps/api", 3, "docker-compose.yml", 6)]
    database = "services:\n  api:\n    build: ./apps/api\n  db:\n    image: postgres\n"
    assert links_of({**BOTH, "docker-compose.yml": database}) == []


def test_a_package_both_are_made_of_links_within_a_workspace() -> None:
    shared = {
        "packages/types/package.json": json.dumps({"name": "@acme/types"}),
        "apps/web/package.json": manifest("next", "@acme/types"),
        "apps/api/package.json": manifest("express", "@acme/types", name="api"),
    }
    assert links_of({**BOTH, **shared}) == [("apps/api", 4, "apps/web/package.json", 1)]
    assert profile({**BOTH, **shared}, "apps/web").has == "next+service"
    tooling = {path: text.replace("@acme/types", "@acme/eslint-config") for path, text in shared.items()}
    assert links_of({**BOTH, **tooling}) == []
    outside = {**BOTH, **shared, "package.json": json.dumps({"workspaces": ["apps/web", "packages/*"]})}
    assert links_of(outside) == []


def test_a_package_that_many_services_are_made_of_links_none() -> None:
    shared = {"packages/types/package.json": json.dumps({"name": "@acme/types"})}
    shared |= {"apps/web/package.json": manifest("next", "@acme/types")}
    for index in range(7):
        shared[f"apps/s{index}/package.json"] = manifest("express", "@acme/types", name=f"s{index}")
        shared[f"apps/s{index}/index.js"] = LISTENING.replace("4000", f"500{index}")
    assert links_of({**WORKSPACE, **shared}) == []


def test_the_types_of_a_service_link() -> None:
    web = {"apps/web/package.json": manifest("next", "api")}
    assert links_of({**BOTH, **web}) == [("apps/api", 4, "apps/web/package.json", 1)]


def test_the_address_of_an_api_links_where_there_is_one_of_each() -> None:
    reads = {"apps/web/lib/a.ts": "\nfetch(process.env.NEXT_PUBLIC_API_URL);\n"}
    assert links_of({**BOTH, **reads}) == [("apps/api", 5, "apps/web/lib/a.ts", 2)]
    assert links_of({**BOTH, **reads, **OTHER}) == []
    second = {"apps/two/package.json": manifest("next", name="two"), "apps/two/app/page.tsx": PAGE}
    assert links_of({**BOTH, **reads, **second}) == []


# -- what they mean for profiles --------------------------------------------------

LINKED: Tree = {**BOTH, "apps/web/lib/api.ts": "export const api = 'http://localhost:4000';\n"}


def test_sockets_of_a_linked_service_are_not_the_applications() -> None:
    api = {
        "apps/api/package.json": manifest("express", "ws", name="api"),
        "apps/api/index.js": LISTENING + SOCKET + "new WebSocketServer({});\n",
    }
    made = profiles({**LINKED, **api})
    assert (made["apps/web"].label, made["apps/web"].score("P"), made["apps/web"].mismatch) == ("R1", 0, None)
    assert (made["apps/api"].label, made["apps/api"].score("P")) == ("R2", 3)


def test_sockets_in_routes_and_in_a_linked_service_have_two_owners() -> None:
    live = {"apps/web/pages/api/live.ts": LIVE, "apps/web/package.json": manifest("next", "ws")}
    assert profile({**LINKED, **live}, "apps/web").mismatch == "process-on-unknown-host"
    api = {
        "apps/api/package.json": manifest("express", "ws", name="api"),
        "apps/api/index.js": LISTENING + SOCKET + "new WebSocketServer({});\n",
    }
    assert profile({**LINKED, **live, **api}, "apps/web").mismatch == "two-socket-owners"


def test_a_small_linked_service_could_be_handlers() -> None:
    assert profile(LINKED, "apps/web").mismatch == "small-service"
    many = {"apps/api/index.js": LISTENING.replace("app.listen", "app.get('/a', f);\n" * 24 + "app.listen")}
    assert profile({**LINKED, **many}, "apps/web").mismatch is None


def test_who_is_linked_to_a_service_depends_on_it() -> None:
    second = {"apps/two/package.json": manifest("next", name="two"), "apps/two/app/page.tsx": PAGE}
    second |= {"apps/two/lib/api.ts": "fetch('http://localhost:4000');\n"}
    assert (profile(LINKED, "apps/api").score("C"), profile(LINKED, "apps/api").label) == (1, "R2")
    made = profile({**LINKED, **second}, "apps/api")
    assert (made.score("C"), made.label) == (2, "R4")


def test_timers_of_a_service_on_functions_have_no_owner() -> None:
    api = {
        "apps/api/package.json": manifest("express", "node-cron", name="api"),
        "apps/api/index.js": LISTENING + "const cron = require('node-cron');\ncron.schedule('* * * * *', f);\n",
    }
    functions = {"apps/api/vercel.json": json.dumps({"functions": {}})}
    assert profile({**BOTH, **api}, "apps/api").mismatch is None
    assert profile({**BOTH, **api, **functions}, "apps/api").mismatch == "service-in-functions"


def test_routes_beside_a_service_stay_the_applications() -> None:
    tree = {**LINKED, **{f"apps/web/{path}": text for path, text in routes(3).items()}}
    assert profile(tree, "apps/web").label == "R3"


def test_the_package_of_an_entry_is_named_as_what_starts_it_whatever_the_order_of_files() -> None:
    other = {"apps/aaa/package.json": manifest("koa", name="aaa", scripts={"start": "node index.js"})}
    for tree in ({**API, **other}, {**other, **API}):
        (made,) = profiles(tree).values()
        assert made.measures.has_facts[0].names == ("apps/api/package.json script start",)
