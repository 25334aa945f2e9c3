"""Routes that are applications of another framework, or hand their requests to one."""

from __future__ import annotations

import pytest

from reviewer.core.bodies import EVERY_MEDIA
from reviewer.core.bridges import Bridge, bridges_of, imported_by, out_of_reach, read_twice, registered
from reviewer.core.files import NoCache
from reviewer.core.parsers import Parsers
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.core.symbols import Symbols
from tests.core.trees import NAMES

VERSIONS = '"express": "4.21.2", "body-parser": "1.20.3", "fastify": "5.0.0", "koa": "2.0.0", "@nestjs/core": "11.0.0"'
MANIFEST = f'{{"dependencies": {{"next": "15.5.0", {VERSIONS}}}, "scripts": {{"build": "next build"}}}}'
ROUTE = "pages/api/[...path].js"
PARSERS: Parsers = {kind: Symbols.of(NAMES.get(f"{kind}_parsers", ())) for kind in EVERY_MEDIA}


def _project(files: dict[str, str]) -> Project:
    return Project(snapshot_of({"package.json": MANIFEST, **files}), NAMES, {}, NoCache())


def _bridges(project: Project) -> list[Bridge]:
    (app,) = project.next_apps
    return list(bridges_of(app, project, set(project.scripts)))


EXPRESS = "import express from 'express';\nexport const app = express();\nexport default app;\n"


@pytest.mark.parametrize(
    ("route", "server", "framework"),
    [
        ("export { default } from '../../server/app';", EXPRESS, "express"),
        ("module.exports = require('../../server/app').app;", EXPRESS, "express"),
        ("import * as all from '../../server/app';\nexport default all.app;", EXPRESS, "express"),
        ("import app from '../../server/app';\nexport default (req, res) => app.handle(req, res);", EXPRESS, "express"),
        (
            "import app from '../../server/app';\nexport default (a, b) => { const c = a; app(c, b); }",
            EXPRESS,
            "express",
        ),
        (
            "import app from '../../server/app';\nexport default app;",
            "import { Router } from 'express';\nexport default Router().use((req, res) => res.end());",
            "express",
        ),
        (
            "import { createServer } from 'http';\nimport app from '../../server/app';\n"
            "const server = createServer(app);\nexport default (req, res) => server.emit('request', req, res);",
            EXPRESS,
            "express",
        ),
        (
            "import { make } from '../../server/app';\nlet app;\n"
            "export default async (req, res) => { app = await make(); app.server.emit('request', req, res); };",
            "import Fastify from 'fastify';\nexport async function make() { const app = Fastify(); return app; }",
            "fastify",
        ),
        (
            "import koa from '../../server/app';\nexport default koa.callback();",
            "import Koa from 'koa';\nexport default new Koa();",
            "koa",
        ),
        (
            "import { listener } from '../../server/app';\n"
            "export default async (req, res) => { const handle = await listener(); handle(req, res); };",
            "import { NestFactory } from '@nestjs/core';\nlet app;\nexport async function listener() {\n"
            "  app = await NestFactory.create(X);\n  return app.getHttpServer().listeners('request')[0];\n}",
            "@nestjs/core",
        ),
    ],
)
def test_applications_behind_a_pages_route(route: str, server: str, framework: str) -> None:
    (bridge,) = _bridges(_project({ROUTE: route, "server/app.js": server}))
    assert (bridge.framework, bridge.maker) == (framework, "server/app.js")


@pytest.mark.parametrize(
    "route",
    [
        "import app from '../../server/app';\nexport default (req, res) => app(res, req);",
        "import app from '../../server/app';\nexport default (req, res) => app(req);",
        "import app from '../../server/app';\nexport default (req, res) => app.render(req, res);",
        "import app from '../../server/app';\nexport default (req, res) => app.emit('mount', req, res);",
        "import app from '../../server/app';\nexport default (req, res) => { app.get('x'); res.end(); };",
        "import express from 'express';\nexport default (req, res) => express.json()(req, res, () => res.end());",
        "import express from 'express';\nexport default express.static('public');",
        "import { listeners } from '../../server/app';\nexport default (req, res) => listeners()(req, res);",
        "import type app from '../../server/app';\nexport default (req, res) => res.end();",
    ],
)
def test_what_is_no_bridge(route: str) -> None:
    more = "export function listeners() { return app.listeners('close')[0]; }"
    assert _bridges(_project({ROUTE: route, "server/app.js": EXPRESS + more})) == []


def test_a_call_in_a_promise_of_the_handler_is_not_direct() -> None:
    head = "import app from '../../server/app';\n"
    direct = f"{head}export default (req, res) => {{ app(req, res); }};"
    waiting = f"{head}export default (req, res) => new Promise((done) => {{ res.on('finish', done); app(req, res); }});"
    found = [_bridges(_project({ROUTE: text, "server/app.js": EXPRESS}))[0].direct for text in (direct, waiting)]
    assert found == [True, False]


def _bridged(server: str, route: str = "") -> tuple[Project, Bridge]:
    exported = f"import app from '../../server/app';\n{route or 'export default app;'}"
    others = {"server/routes.js": "import { Router } from 'express';\nexport const routes = Router();\n"}
    project = _project({ROUTE: exported, "server/app.js": server, **others})
    (bridge,) = _bridges(project)
    return project, bridge


HEAD = "import express from 'express';\nimport cors from 'cors';\nimport bodyParser from 'body-parser';\n"


@pytest.mark.parametrize(
    ("lines", "parser"),
    [
        ("app.use(express.json());", "express.json"),
        ("app.use(bodyParser.urlencoded());", "body-parser.urlencoded"),
        ("app.post('/x', express.json(), h);", "express.json"),
        ("app.get('/x', express.json(), h);", None),
        ("const inner = express.Router(); inner.use(express.json()); app.use('/x', inner);", "express.json"),
        ("const other = express.Router(); other.use(express.json());", None),
        ("if (process.env.X) { app.use(express.json()); }", None),
        ("app.use(require('express-formidable')());", None),
        ("app.use(cors());", None),
    ],
)
def test_a_parser_that_meets_a_body_next_has_read(lines: str, parser: str | None) -> None:
    project, bridge = _bridged(f"{HEAD}const app = express();\n{lines}\nexport default app;\n")
    found = read_twice(project.code, bridge, registered(project.code, bridge), PARSERS)
    assert (found[1].name if found is not None else None) == parser


@pytest.mark.parametrize(
    ("lines", "is_missed"),
    [
        ("app.get('/users', h);", True),
        ("app.get('/', h); app.use('/users', h);", True),
        ("app.get('/users', h); app.get('/API/users', h);", False),
        ("app.use('/', h); app.get('/users', h);", False),
        ("app.use('/api', h);", False),
        ("app.get('/ap*', h);", False),
        ("app.get('/:any', h);", False),
        ("app.get('*', h); app.get('/users', h);", False),
        ("app.get(/users/, h);", False),
        ("app.get(path, h);", False),
        ("app.use(cors()); app.get('/users', h);", True),
        ("app.use(local); app.get('/users', h);", False),
        ("app.get('/users', h); app.use(local);", True),
        ("const inner = express.Router(); inner.get('/users', h); app.use(inner);", True),
        ("const inner = express.Router(); inner.get('/api/users', h); app.use(inner);", False),
        ("app.use(cors());", False),
        ("app.use('/apis', h);", True),
    ],
)
def test_paths_that_no_url_of_the_route_has(lines: str, is_missed: bool) -> None:
    local = "const h = (req, res) => res.end();\nconst local = (req, res, next) => next();\n"
    project, bridge = _bridged(f"{HEAD}{local}const app = express();\n{lines}\nexport default app;\n")
    found = out_of_reach(project.next_apps[0], bridge, registered(project.code, bridge))
    assert (found is not None) == is_missed


@pytest.mark.parametrize(
    "route",
    [
        "export default (req, res) => { req.url = req.url.slice(4); app(req, res); };",
        "export default (req, res) => {\n  strip(req);\n  app(req, res);\n};",
    ],
)
def test_a_route_that_may_change_the_url_is_not_judged(route: str) -> None:
    server = f"{HEAD}const app = express();\napp.get('/users', (req, res) => res.end());\nexport default app;\n"
    project, bridge = _bridged(server, route)
    assert out_of_reach(project.next_apps[0], bridge, registered(project.code, bridge)) is None


@pytest.mark.parametrize(
    ("text", "is_bridge"),
    [
        ("export { app as GET } from '../../../server/app';", True),
        ("import { app } from '../../../server/app';\nexport const POST = app;", True),
        ("import { app } from '../../../server/app';\nexport async function POST(req) { return app(req, {}); }", True),
        ("import { app } from '../../../server/app';\nexport async function POST(req) { return app({ req }); }", False),
        ("import { app } from '../../../server/app';\nexport async function POST(req) { return serve(app); }", False),
    ],
)
def test_express_in_a_route_handler(text: str, is_bridge: bool) -> None:
    found = _bridges(_project({"app/api/a/route.js": text, "server/app.js": EXPRESS}))
    assert [bridge.route.role for bridge in found] == ["app-route-handler"] * is_bridge


@pytest.mark.parametrize(
    ("files", "module"),
    [
        ({ROUTE: "import express from 'express';\nexport default express();\n"}, "express"),
        (
            {
                ROUTE: "export { default } from '../../server/app';\n",
                "server/app.js": "import express from 'express';\nexport default express();\n",
            },
            "../../server/app",
        ),
        (
            {
                ROUTE: "import './x.js';\nimport app from '../../server';\nexport default app;\n",
                "server/index.js": "export { default } from './app';\n",
                "server/app.js": "import express from 'express';\nexport default express();\n",
            },
            "../../server",
        ),
    ],
)
def test_the_import_by_which_a_route_loads_the_application(files: dict[str, str], module: str) -> None:
    project = _project(files)
    (bridge,) = _bridges(project)
    assert imported_by(project, bridge) == module
