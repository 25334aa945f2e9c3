"""Registrations: on which application, for which URLs and methods, in which order, and what is handed to Next."""

from __future__ import annotations

import pytest

from reviewer.core.registrations import EVERY_METHOD, Registration, made_with, registrations_in
from tests.core.trees import code_of

_START = """const express = require('express'); const next = require('next');
const app = next({}); const handle = app.getRequestHandler();
const server = express();
"""


def _registered(text: str, **others: str) -> list[Registration]:
    files = {f"{name}.js": content for name, content in others.items()}
    return list(registrations_in(code_of({"package.json": "{}", "server.js": _START + text, **files}), "server.js"))


def test_objects_made_alike_are_told_apart() -> None:
    first, second, third, same = _registered(
        "const a = express(), b = express(), c = a;\na.use(x); b.use(x); express().use(x); c.use(x);"
    )
    assert len({first.app, second.app, third.app}) == 3
    assert first.app == same.app


@pytest.mark.parametrize(
    ("code", "in_order"),
    [
        ("server.use(a); app.prepare().then(() => { server.use(b); });", True),
        ("server.use(a); app.prepare().then(function () { server.use(b); });", True),
        ("server.use(a); const start = async () => { [1].map(x => server.use(b)); };", True),
        ("server.use(a); async function start() { server.use(b); }", False),
        ("server.use(a); async function start() { [1].map((x) => server.use(b)); }", False),
        ("const start = async () => { server.use(a); }; const more = () => { server.use(b); };", False),
        ("const start = async () => { server.use(a); }; server.use(b);", False),
        ("const start = { then() { server.use(a); } }; server.use(b);", False),
    ],
)
def test_callbacks_run_after_what_stands_before_them(code: str, in_order: bool) -> None:
    first, second = _registered(code)
    assert first.runs_before(second) is in_order
    assert not second.runs_before(first)


def test_an_object_is_the_same_in_every_file() -> None:
    index, routes = _registered(
        "module.exports = server; server.get('/a', h); const { more } = require('./more'); more(server);",
        more="exports.more = (app) => { app.get('/b', h); };",
    )
    assert (index.app, index.url, routes.url, routes.path) == (routes.app, "/a", "/b", "more.js")
    assert index.runs_before(routes)
    code = code_of(
        {
            "package.json": "{}",
            "app.js": "const app = require('express')(); app.use(x); module.exports = app;",
            "index.js": "const app = require('./app'); app.get('/late', h); app.listen(3000);",
        }
    )
    (there,) = registrations_in(code, "app.js")
    (here,) = registrations_in(code, "index.js")
    assert there.app == here.app
    assert not there.runs_before(here)


def test_a_chain_of_calls_runs_from_its_start() -> None:
    found = _registered("server\n  .use(a)\n  .get('/x', b)\n  .all('*', handle);")
    assert [(r.method, r.line) for r in found] == [("use", 5), ("get", 6), ("all", 7)]
    assert found[0].runs_before(found[1])
    assert found[1].runs_before(found[2])


def test_registrations_of_different_functions_have_no_order() -> None:
    inner, outer = _registered("app.prepare().then(() => { server.all('*', handle); });\nserver.get('/x', h);")
    assert not inner.runs_before(outer)
    assert not outer.runs_before(inner)


@pytest.mark.parametrize(
    ("code", "is_catch_all"),
    [
        ("server.use(h)", True),
        ("server.use('/', h)", True),
        ("server.get('/', h)", False),
        ("server.all('*', h)", True),
        ("server.all('/*', h)", True),
        ("server.all('/{*splat}', h)", True),
        ("server.all('/*rest', h)", True),
        ("server.all('(.*)', h)", True),
        ("server.all(/.*/, h)", True),
        ("server.get(['/x', '*'], h)", True),
        ("server.all('/docs/*', h)", False),
        ("server.all(/^.api/, h)", False),
        ("server.all(path, h)", False),
        ("server.route('/x').get(h)", False),
        ("server.route('*').get(h)", True),
        ("const route = server.route('*'); route.get(h)", False),
    ],
)
def test_what_answers_every_url(code: str, is_catch_all: bool) -> None:
    found = _registered(f"const path = process.env.X + '';\n{code};")
    assert [registration.is_catch_all for registration in found] == [is_catch_all]


@pytest.mark.parametrize(
    ("target", "dispatch"),
    [
        ("handle", "handle"),
        ("app.getRequestHandler()", "handle"),
        ("(req, res) => handle(req, res)", "handle"),
        ("(req, res) => { return handle(req, res, {}); }", "handle"),
        ("(req, res, next) => { if (req.path === '/_next') return handle(req, res); next(); }", "partly"),
        ("(req, res, next) => handle(req, res).catch((error) => next(error))", "handle"),
        ("(req, res, next) => { if (req.path === '/_next') return handle(req, res); next('route'); }", "partly"),
        ("(req, res) => app.render(req, res, '/a', req.query)", "render"),
        ("async (req, res) => { res.send(await app.renderToHTML(req, res, '/a', {})); }", "render"),
        ("makeController(app, { cache: 1 })", "partly"),
        ("(req, res) => res.end()", ""),
        ("(req, res, next) => next()", ""),
    ],
)
def test_what_is_handed_to_next(target: str, dispatch: str) -> None:
    (registration,) = _registered(f"server.use({target});")
    assert registration.dispatch == dispatch


def test_methods_follow_from_the_name_called() -> None:
    found = {r.method: r.methods for r in _registered("server.get('/', h); server.post('/', h); server.use(h);")}
    assert found == {"get": {"GET", "HEAD"}, "post": {"POST"}, "use": EVERY_METHOD}


def test_settings_are_read_not_registered() -> None:
    assert _registered("server.get('env'); server.set('x', 1); express.static('y');") == []


def test_chained_registrations_have_the_url_of_their_route() -> None:
    found = _registered("server.route('/a').get(h).post(h); server.route('/b').put(h);")
    assert [(r.method, r.url) for r in found] == [("get", "/a"), ("post", "/a"), ("put", "/b")]


@pytest.mark.parametrize(
    ("options", "methods"),
    [
        ("method: 'GET'", {"GET"}),
        ("method: ['get', 'POST']", {"GET", "POST"}),
        ("method: [process.env.M]", EVERY_METHOD),
        ("method: '*'", EVERY_METHOD),
        ("x: 1", EVERY_METHOD),
    ],
)
def test_methods_of_a_route_are_read_from_its_options(options: str, methods: set[str]) -> None:
    code = f"const f = require('fastify')(); f.route({{ {options}, url: '/*', handler: h }});"
    (found,) = registrations_in(code_of({"package.json": "{}", "s.js": code}), "s.js")
    assert (set(found.methods), found.url) == (methods, "/*")


def test_what_is_mounted_is_known() -> None:
    files = {
        "package.json": "{}",
        "s.js": "const Koa = require('koa'), Router = require('@koa/router'); const app = new Koa();\n"
        "const r = new Router(); r.get('(.*)', h); app.use(r.routes());",
    }
    route, mount = registrations_in(code_of(files), "s.js")
    assert (route.is_router, mount.is_router, mount.mounts) == (True, False, (route.app,))


def test_an_alias_is_the_framework_it_installs() -> None:
    files = {
        "package.json": '{"dependencies": {"express4": "npm:express@^4.21.0"}}',
        "s.js": "import express from 'express4';\nconst app = express(); more(app);\n"
        "function more(server) { server.get('/x', h); }",
    }
    (found, *_) = registrations_in(code_of(files), "s.js")
    assert (found.framework, found.module, found.url) == ("express", "express4", "/x")


def test_nest_applications_take_middleware_and_their_adapters_routes() -> None:
    code = "import { NestFactory } from '@nestjs/core'; const app = await NestFactory.create(Main);\n"
    code += "app.get(Service); app.use(h); app.getHttpAdapter().getInstance().get('/x', h);"
    found = registrations_in(code_of({"package.json": "{}", "s.ts": code}), "s.ts")
    assert [(r.method, r.url) for r in found] == [("use", ""), ("get", "/x")]


def test_registrations_are_called_by_what_they_answer() -> None:
    found = _registered(
        "server.get('/a', h); server.use('/b', h); server.use(helmet()); server.use(log); server.use(() => {});\n"
        "server.get(/x/, h); server.route('/c').post(h); const r = server.route('/d'); r.put(h);"
    )
    assert [r.label for r in found] == [
        "GET /a", "use('/b')", "use(helmet())", "use(log)", "use(…)", "GET …", "POST /c", "PUT …"
    ]  # fmt: skip


def test_what_an_object_was_made_with() -> None:
    files = {"package.json": "{}", "s.js": "const R = require('koa-router'); new R({ prefix: '/x' }).get('/y', h);"}
    code = code_of(files)
    (found,) = registrations_in(code, "s.js")
    made = made_with(code, found)
    assert made is not None
    assert [value.name for _, value in made[0].props] == ["/x"]


@pytest.mark.parametrize(
    ("code", "url", "answers"),
    [
        ("server.all('*', h)", "/api/x", True),
        ("server.use('/api', h)", "/api/x", True),
        ("server.use('/api/', h)", "/api", True),
        ("server.use('/ap', h)", "/api", False),
        ("server.post('/api/x', h)", "/api/x", True),
        ("server.post('/api/x', h)", "/api/x/y", False),
        ("server.post('/api/auth/*', h)", "/api/auth/[...nextauth]", True),
        ("server.post(['/a', '/api/:id'], h)", "/api/[id]", True),
        ("server.post('/api/auth*', h)", "/other", False),
        ("server.post(/api/, h)", "/api/x", None),
        ("const r = server.route('/x'); r.post(h)", "/x", None),
    ],
)
def test_which_urls_are_answered(code: str, url: str, answers: bool | None) -> None:
    (found,) = _registered(code)
    assert found.answers(url) is answers


def test_functions_are_given_next_beside_a_server() -> None:
    files = {
        "routes": "module.exports = (server, nextApp) => {\n"
        "const handle = nextApp.getRequestHandler(); server.get('*', (req, res) => handle(req, res)); };",
        "end": "module.exports = (server, handle) => { server.post('*', handle); };",
    }
    found = _registered("require('./routes')(server, app); require('./end')(server, handle);", **files)
    assert [(r.method, r.dispatch) for r in found] == [("get", "handle"), ("post", "handle")]


def test_lists_of_middleware_are_taken_apart() -> None:
    (found,) = _registered("server.use([a, b], handle);")
    assert len(found.targets) == 3
    assert found.dispatch == "handle"
