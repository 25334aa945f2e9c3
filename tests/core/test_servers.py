"""Custom servers: which files start Next, where they listen, and what they do of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

Tree = Mapping[str, str]

_BASE = {
    "package.json": json.dumps({"dependencies": {"next": "15.5.0"}, "scripts": {"start": "next start"}}),
    "pages/index.js": "export default function Home() { return null; }",
}
_NEXT = "const next = require('next'); const app = next({ dev: false }); const handle = app.getRequestHandler();\n"
_EXPRESS = "const express = require('express'); const server = express();\n"
_END = "server.all('*', (req, res) => handle(req, res)); server.listen(3000);\n"


def _servers(tree: Tree) -> tuple[CustomServer, ...]:
    return Project(snapshot_of({**_BASE, **tree}), built_in_rulebook().names, {}, NoCache()).custom_servers


def _only(tree: Tree) -> CustomServer:
    (server,) = _servers(tree)
    return server


def _labels(server: CustomServer) -> list[tuple[str, str]]:
    return [(behaviour.kind, behaviour.label) for behaviour in server.behaviours]


@pytest.mark.parametrize(
    "start",
    [
        "const next = require('next'); const app = next({});",
        "const next = require('next').default; const app = next();",
        "const { default: next } = require('next'); const app = next({});",
        "import next from 'next'; const app = next({});",
        "import createNext from 'next'; const app = createNext({});",
        "import * as next from 'next'; const app = next.default({});",
        "const app = require('next')({});",
        "let app; app = require('next')({});",
        "const make = () => require('next')({}); const app = make();",
        "function make() { const made = require('next')({}); return made; } const app = make();",
        "const next = require('next'); const options = { dev: false }; const app = next(options);",
    ],
)
def test_next_is_started_however_it_is_spelled(start: str) -> None:
    server = _only({"server.js": f"{start}\nconst handle = app.getRequestHandler();\n{_EXPRESS}{_END}"})
    assert (server.entry, server.file, server.frameworks, server.behaviours) == (
        "server.js",
        "server.js",
        ("express",),
        (),
    )


def test_type_assertions_do_not_hide_it() -> None:
    code = "import next from 'next';\nimport express from 'express';\nconst app = (next as any)({});\n"
    code += "const handle = app.getRequestHandler()!; const server = express();\n"
    assert _only({"server.ts": code + _END}).behaviours == ()


@pytest.mark.parametrize(
    ("tree", "entry", "file"),
    [
        (
            {
                "lib/next.js": "const next = require('next');\nmodule.exports = next({});",
                "app.js": "const app = require('./lib/next'); const handle = app.getRequestHandler();\n"
                + _EXPRESS
                + "server.get('/a', (req, res) => res.end()); server.use((req, res) => handle(req, res));\n"
                "module.exports = server;",
                "index.js": "require('./app').listen(3000);",
            },
            "index.js",
            "lib/next.js",
        ),
        (
            {
                "lib/next.js": "const next = require('next');\nmodule.exports = function make() { return next({}); };",
                "server.js": "const app = require('./lib/next')(); const handle = app.getRequestHandler();\n"
                + _EXPRESS
                + "server.get('/a', (req, res) => res.end());\n"
                + _END,
            },
            "server.js",
            "lib/next.js",
        ),
        (
            {
                "lib/next.ts": "import next from 'next';\nexport const app = next({});\n"
                "export const handle = app.getRequestHandler();",
                "server.ts": "import express from 'express';\nimport { handle } from './lib/next';\n"
                "const server = express(); server.get('/a', (req, res) => res.end());\n" + _END,
            },
            "server.ts",
            "lib/next.ts",
        ),
        (
            {
                "setup.js": "module.exports = (server, nextApp) => { const handle = nextApp.getRequestHandler();\n"
                "server.get('/a', (req, res) => res.end()); server.all('*', (req, res) => handle(req, res)); };",
                "server.js": "const next = require('next'); const app = next({});\n"
                + _EXPRESS
                + "require('./setup')(server, app); server.listen(3000);",
            },
            "server.js",
            "server.js",
        ),
        (
            {
                "next.js": _NEXT + "module.exports = { handle };",
                "app.js": "const { handle } = require('./next');\n"
                + _EXPRESS
                + "server.get('/a', (req, res) => res.end()); server.use(handle); module.exports = server;",
                "www.js": "const http = require('http'); const server = require('./app');\n"
                "http.createServer(server).listen(3000);",
            },
            "www.js",
            "next.js",
        ),
    ],
)
def test_a_server_may_be_spread_over_three_files(tree: Tree, entry: str, file: str) -> None:
    server = _only(tree)
    assert (server.entry, server.file, server.frameworks) == (entry, file, ("express",))
    assert _labels(server) == [("api", "GET /a")]


def test_fields_of_a_class_and_variables_set_once_are_followed() -> None:
    in_class = """
    import express from 'express'; import next from 'next';
    class Server {
      constructor() { this.app = next({}); this.server = express(); }
      run() {
        const handle = this.app.getRequestHandler();
        this.server.get('/a', (req, res) => res.end());
        this.server.use((req, res) => handle(req, res));
        this.server.listen(3000);
      }
    }
    new Server().run();
    """
    in_function = """
    const next = require('next'); let app; let server; let handle;
    async function main() {
      app = next({}); server = require('express')(); handle = app.getRequestHandler();
      server.get('/a', (req, res) => res.end());
    """
    for tree in ({"server.ts": in_class}, {"server.js": in_function + _END + "}\nmain();"}):
        assert _labels(_only(tree)) == [("api", "GET /a")]


_FRAMEWORKS = {
    "koa": "const Koa = require('koa'); const Router = require('@koa/router');\n"
    "const server = new Koa(); const router = new Router();\n"
    "router.get('/a', async (ctx) => { ctx.body = 'a'; });\n"
    "router.all('(.*)', async (ctx) => { await handle(ctx.req, ctx.res); ctx.respond = false; });\n"
    "server.use(async (ctx, next) => { ctx.res.statusCode = 200; await next(); });\n"
    "server.use(router.routes()); server.listen(3000);",
    "fastify": "const server = require('fastify')({ logger: true });\nserver.get('/a', async () => ({}));\n"
    "server.all('/*', (req, reply) => handle(req.raw, reply.raw)); server.listen({ port: 3000 });",
    "polka": "require('polka')().get('/a', (req, res) => res.end()).use(handle).listen(3000);",
    "hono": "const { Hono } = require('hono'); const { serve } = require('@hono/node-server');\n"
    "const server = new Hono(); server.get('/a', (c) => c.text('a'));\n"
    "server.all('*', (c) => handle(c.env.incoming, c.env.outgoing)); serve({ fetch: server.fetch });",
}


@pytest.mark.parametrize("framework", _FRAMEWORKS)
def test_other_frameworks_are_known(framework: str) -> None:
    server = _only({"server.js": _NEXT + _FRAMEWORKS[framework]})
    assert framework in server.frameworks
    assert _labels(server) == [("api", "GET /a")]


def test_routes_given_as_objects_are_registrations_too() -> None:
    fastify = "const server = require('fastify')();\nserver.route({ method: 'GET', url: '/a', handler: () => 1 });\n"
    hapi = "const Hapi = require('@hapi/hapi'); const server = Hapi.server({ port: 3000 });\n"
    hapi += "server.route({ method: 'GET', path: '/a', handler: () => 1 });\n"
    hapi += "server.route({ method: '*', path: '/{p*}', handler: (req) => handle(req.raw.req, req.raw.res) });\n"
    assert _labels(_only({"server.js": _NEXT + fastify + _END})) == [("api", "ROUTE /a")]
    assert _labels(_only({"server.js": _NEXT + hapi + "server.start();"})) == [("api", "ROUTE /a")]


def test_nest_starts_next_in_a_module_or_in_its_main_file() -> None:
    main = "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\n"
    in_module = "import Next from 'next'; import { RenderModule } from 'nest-next';\n"
    in_module += "@Module({ imports: [RenderModule.forRootAsync(Next({}))] })\nexport class AppModule {}"
    create = "async function run() { const server = await NestFactory.create(AppModule);"
    first = _only({"src/main.ts": main + create + " await server.listen(3000); }", "src/app.module.ts": in_module})
    assert (first.entry, first.file) == ("src/main.ts", "src/app.module.ts")
    second = "import next from 'next';\n" + main + create
    second += " const app = next({}); const handle = app.getRequestHandler();\n"
    second += "server.use((req, res) => handle(req, res)); await server.listen(3000); }"
    for server in (first, _only({"src/main.ts": second, "src/app.module.ts": "export class AppModule {}"})):
        assert _labels(server) == [("modules", "NestJS modules")]
    controller = "import { Controller, Get } from '@nestjs/common';\n@Controller('users')\nexport class Users {\n"
    controller += "  @Get(':id')\n  one() {}\n  // @Post()\n  @Render('home')\n  @Get()\n  home() {}\n}\n"
    more = {"src/users.controller.ts": controller, "src/users.controller.spec.ts": controller}
    third = _only({"src/main.ts": second, "src/app.module.ts": "export class AppModule {}", **more})
    assert _labels(third) == [("api", "@Get(':id')"), ("page", "@Get()")]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("require('https').createServer({}, (req, res) => handle(req, res))", [("tls", "https.createServer()")]),
        ("require('node:http').createServer((req, res) => handle(req, res))", []),
        ("require('http').createServer(handle)", []),
        (
            "require('http').createServer((q, r) => { if (q.url === '/health') r.end('ok'); else handle(q, r); })",
            [("api", "answers of its own")],
        ),
        (
            "require('http').createServer(async (q, r) => { try { await handle(q, r); } catch (e) { r.end('no'); } })",
            [],
        ),
        ("require('http').createServer((q, r) => { app.render(q, r, '/b', {}); })", [("page", "render('/b')")]),
    ],
)
def test_servers_without_a_framework(code: str, expected: list[tuple[str, str]]) -> None:
    assert _labels(_only({"server.js": f"{_NEXT}{code}.listen(3000);"})) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("server.get('/a', (req, res) => res.end());", [("api", "GET /a")]),
        ("server.route('/a').get((req, res) => res.end());", [("api", "GET /a")]),
        ("server.route('*').all((req, res) => handle(req, res));", []),
        ("if (server.get('env') === 'production') server.set('trust proxy', 1);", []),
        ("server.get('/p/:id', (req, res) => app.render(req, res, '/p', {}));", [("page", "GET /p/:id")]),
        ("server.use(require('helmet')());", [("security", "helmet()")]),
        ("const { auth } = require('express-oauth2-jwt-bearer'); server.use(auth());", [("auth", "auth()")]),
        ("server.use(require('compression')());", [("middleware", "compression()")]),
        ("server.use(express.json());", [("middleware", "json()")]),
        ("server.use('/static', express.static('static'));", [("middleware", "use('/static')")]),
        ("server.use('/api', require('./api'));", [("api", "use('/api')")]),
        ("require('./routes')(server);", [("api", "POST /hook")]),
        ("server.use(require('morgan')('tiny'));", []),
        ("server.use((error, req, res, following) => res.end());", []),
        ("const failed = (error, req, res, following) => res.end(); server.use(failed);", []),
        ("server.use(handle);", []),
        ("function forward(req, res) { return handle(req, res); } server.use(forward);", []),
        ("new (require('ws').WebSocketServer)({ port: 1 });", [("websocket", "ws server")]),
        ("const http = require('http').createServer(server); http.on('upgrade', app.getUpgradeHandler());", []),
        (
            "const http = require('http').createServer(server); http.on('upgrade', (req, socket) => socket.end());",
            [("websocket", "upgrade listener")],
        ),
    ],
)
def test_behaviours_are_what_does_not_go_to_next(code: str, expected: list[tuple[str, str]]) -> None:
    tree = {
        "server.js": f"{_NEXT}{_EXPRESS}{code}\n{_END}",
        "api.js": "const router = require('express').Router(); router.get('/x', (req, res) => res.end());\n"
        "module.exports = router;",
        "routes.js": "module.exports = (app) => { app.post('/hook', (req, res) => res.end()); };",
    }
    assert _labels(_only(tree)) == expected


@pytest.mark.parametrize(
    ("options", "serves"),
    [
        ("{}", ""),
        ("{ dir: '.' }", ""),
        ("{ dir: './web' }", "web"),
        ("{ dir: __dirname }", "backend"),
        ("{ dir: somewhere() }", ""),
        ("settings", "web"),
        ("null", ""),
        ("...all", ""),
    ],
)
def test_the_directory_served_is_the_option_or_the_package(options: str, serves: str) -> None:
    code = f"const settings = {{ dir: 'web' }};\nconst app = require('next')({options});\n"
    code += "const handle = app.getRequestHandler();\n" + _EXPRESS + _END
    assert _only({"backend/server.js": code}).serves == serves


@pytest.mark.parametrize(
    "code",
    [
        "/**\n * const app = require('next')({}); app.getRequestHandler();\n */\n" + _EXPRESS + "server.listen(3000);",
        "const text = \"require('next')({}).getRequestHandler()\";\n" + _EXPRESS + "server.listen(3000);",
        _EXPRESS + "server.use(require('http-proxy-middleware').createProxyMiddleware({})); server.listen(3000);",
        _EXPRESS + "server.get('/a', (req, res, next) => next({ status: 404 })); server.listen(3000);",
        "const build = require('next/dist/build'); build.default(); // getRequestHandler\n" + _EXPRESS + _END,
        _NEXT,
        "const app = require('next')({});\n" + _EXPRESS + "server.listen(3000);",
    ],
)
def test_what_looks_like_a_server_and_is_none(code: str) -> None:
    assert _servers({"server.js": code}) == ()


@pytest.mark.parametrize(
    "path", [".history/server_1.js", ".next/standalone/server.js", "e2e/server.js", "server.test.js"]
)
def test_ignored_files_are_no_servers(path: str) -> None:
    assert _servers({path: _NEXT + _EXPRESS + _END}) == ()


@pytest.mark.parametrize(
    "code",
    [
        "next(); next(1); next(...all); next({ dir: 1 }).getRequestHandler(); require('express')().listen();",
        _NEXT
        + _EXPRESS
        + "server.get(); server.use(); server.on(); server.on('upgrade'); server.use([]); server.listen();",
        _NEXT
        + _EXPRESS
        + "server.get(...all); server.use(...all); server.route({}); server.route({ handler: 1 });"
        + _END,
        _NEXT + "function a() { return b(); } function b() { return a(); } a().listen(); b().get('/x', a);" + _END,
        "let x; x = x; x.listen(); this.a = this.a; this.a.listen(); " + _NEXT,
        "module.exports = require('./server'); module.exports.listen(); " + _NEXT,
        "const next = require('next'); const app = next({; app.getRequestHandler(",
        _NEXT + "const Router = require('@koa/router'); Router.use(Router()); Router().use(Router.routes());" + _END,
    ],
)
def test_odd_code_does_not_matter(code: str) -> None:
    assert {server.entry for server in _servers({"server.js": code})} <= {"server.js"}


@pytest.mark.parametrize(
    ("code", "owner"),
    [
        ("const http = require('http').createServer(handle); http.listen(1);", "require('http').createServer"),
        (
            "const http = require('http').createServer((q, s) => handle(q, s)); http.listen(1);",
            "require('http').create",
        ),
        (
            "const { Server } = require('http'); const h = new Server(); h.on('request', handle); h.listen(1);",
            "new S",
        ),
        (
            _EXPRESS + "server.use(handle); const http = require('http').Server(server); http.listen(1);",
            "require('http').S",
        ),
        (_EXPRESS + "server.use(handle); const http = server.listen(1);", "server.listen(1)"),
        (_EXPRESS + "server.use(handle); const http = server.listen(1);", "express();"),
    ],
)
def test_what_hands_requests_to_next(code: str, owner: str) -> None:
    text = _NEXT + code
    assert f"server.js:{text.encode().index(owner.encode())}" in _only({"server.js": text}).dispatchers


def test_what_serves_something_else_does_not() -> None:
    other = "const other = require('http').createServer((q, s) => s.end());\n"
    server = _only({"server.js": _NEXT + other + _EXPRESS + _END})
    made = (_NEXT + other).index("require('http')")
    assert f"server.js:{made}" not in server.dispatchers


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ("{ dev: true }", "bool"),
        ("{ dev: !false }", "not"),
        ("{ dev }", "choice"),
        ("options", "choice"),
        ("{ quiet: true }", None),
        ("{ ...rest, dev: true }", "bool"),
    ],
)
def test_options_of_next_are_read(options: str, kind: str | None) -> None:
    start = (
        "const next = require('next'); const dev = process.env.NODE_ENV !== 'production'; const options = { dev };\n"
    )
    server = _only(
        {"server.js": f"{start}const app = next({options}); const handle = app.getRequestHandler();\n{_EXPRESS}{_END}"}
    )
    found = server.option("dev")
    assert found is not None
    assert (found[1].kind if found[1] is not None else None) == kind


@pytest.mark.parametrize("options", ["{ dev: true, ...rest }", "{ ...rest }", "makeOptions()"])
def test_options_that_may_be_set_elsewhere_are_unknown(options: str) -> None:
    code = f"const next = require('next'); const app = next({options}); const handle = app.getRequestHandler();\n"
    assert _only({"server.js": code + _EXPRESS + _END}).option("dev") is None


def test_options_of_one_of_several_starts_are_unknown() -> None:
    code = "const next = require('next'); const admin = next({ dev: true }); const app = next({ dev: false });\n"
    code += "const handle = app.getRequestHandler();\n"
    assert _only({"server.js": code + _EXPRESS + _END}).option("dev") is None


@pytest.mark.parametrize("private", ["private ", "readonly ", "#"])
def test_fields_of_a_class_are_what_their_initialisers_make(private: str) -> None:
    name = "#" if private == "#" else ""
    word = "" if private == "#" else private
    code = f"""
    import express from 'express'; import next from 'next';
    class Server {{
      static made = 0;
      {word}{name}app = express();
      {word}{name}nextApp = next({{ dev: true }});
      {word}{name}handle = this.{name}nextApp.getRequestHandler();
      run() {{
        this.{name}app.get('/a', (req, res) => res.end());
        this.{name}app.use((req, res) => this.{name}handle(req, res));
        this.{name}app.listen(3000);
      }}
    }}
    new Server().run();
    """
    server = _only({"server.ts": code})
    assert _labels(server) == [("api", "GET /a")]
    assert [r.dispatch for r in server.registrations] == ["", "handle"]
