"""Handlers beside each other: what most of a group are wrapped in, and what stands for it elsewhere."""

from __future__ import annotations

import pytest

from reviewer.core.answers import is_public_by_nature
from reviewer.core.guards import Body, Guards
from reviewer.core.handlers import handlers_of
from reviewer.core.peers import (
    Equivalents,
    Majority,
    Peer,
    incomplete,
    local_name,
    majorities,
    peers_of,
)
from reviewer.core.roles import Role, Route
from tests.core.trees import code_of

IMPORT = "import { withLog, withUser } from '../../lib/wrap';\nconst h = async (request) => run(request);\n"
WRAP = """import { send } from './send';
export const withLog = (handler) => async (request) => { send(1); return handler(request); };
export const withUser = (handler) => withLog((request) => handler(request));
"""


def grouped(routes: dict[str, str], depth: int = 2, least: int = 2, share: float = 0.5, **more: str) -> list[Majority]:
    """The majorities of App Router routes by URL below ``/api``; other files as ``lib__x=...``."""
    paths = {url: f"app/api{url}/route.ts" for url in routes}
    files = {name.replace("__", "/") + ".ts": text for name, text in more.items()}
    code = code_of({"package.json": "{}", **files, **{paths[url]: text for url, text in routes.items()}})
    role: Role = "app-route-handler"
    pairs = [(r, h) for url in routes for r in [Route(paths[url], role, f"/api{url}")] for h in handlers_of(code, r)]
    return list(majorities(list(peers_of(code, pairs)), depth, least, share))


def told(found: list[Majority]) -> list[tuple[str, str, int, int, list[str]]]:
    return [(m.scope, m.name, len(m.wrapped), len(m.group), [peer.label for peer in m.others]) for m in found]


def test_a_majority_is_told_with_those_that_go_without() -> None:
    text = "import { withUser as u } from 'acme';\nexport const GET = u(() => 1), POST = u(() => 1), PUT = () => 1;\n"
    text += "export const OPTIONS = () => 1;"
    assert told(grouped({"/a": text})) == [("/api/a", "withUser", 2, 3, ["PUT /api/a"])]


def test_small_groups_are_compared_with_everything() -> None:
    text = "import { withUser } from 'acme';\nexport const GET = withUser(() => 1), POST = withUser(() => 1);"
    found = grouped({"/a": text, "/b": "export const GET = () => 1;"})
    assert told(incomplete(found)) == [("", "withUser", 2, 3, ["GET /api/b"])]


@pytest.mark.parametrize(("least", "share", "count"), [(3, 0.75, 1), (4, 0.75, 0), (3, 0.8, 0)])
def test_a_majority_has_enough_handlers_and_share(least: int, share: float, count: int) -> None:
    wrapped = ", ".join(f"{method} = withUser(() => 1)" for method in ("GET", "POST", "PUT"))
    text = f"import {{ withUser }} from 'acme';\nexport const {wrapped}, PATCH = () => 1;"
    assert len(grouped({"/a": text}, least=least, share=share)) == count


def test_depth_says_how_much_of_the_url_is_shared() -> None:
    text = "import { withUser } from 'acme';\nexport const GET = withUser(() => 1), POST = withUser(() => 1);"
    routes = {"/a/x": text, "/a/y": text, "/b": text}
    assert [m.scope for m in grouped(routes, depth=2)] == ["/api/a", "/api/b"]
    assert [m.scope for m in grouped(routes, depth=3)] == ["/api/a/x", "/api/a/y", "/api/b"]


@pytest.mark.parametrize(
    ("wrapped", "only"),
    [
        ("withUser(h)", True),
        ("withUser(h, { role: 1 })", False),
        ("withUser('x')(h)", False),
        ("log(withUser(h))", True),
    ],
)
def test_wrappers_that_take_nothing_but_the_handler(wrapped: str, only: bool) -> None:
    text = (
        f"import {{ log, withUser }} from 'acme';\nconst h = () => 1;\nexport const GET = {wrapped}, POST = {wrapped};"
    )
    majority = next(m for m in grouped({"/a": text}) if m.name == "withUser")
    assert majority.takes_only_handlers is only


def test_a_default_export_is_called_as_it_is_imported() -> None:
    text = "import guard from 'acme';\nexport const GET = guard(() => 1), POST = guard(() => 1);"
    assert [(m.name, m.source) for m in grouped({"/a": text})] == [("guard", "acme")]
    code = code_of({"package.json": "{}", "a.ts": text})
    assert (local_name(code, "a.ts", "acme#default"), local_name(code, "a.ts", "acme#other")) == ("guard", None)


WITHOUT = [
    ("export const DELETE = async () => run();", False),
    ("export const DELETE = async (request) => withLog(h)(request);", True),
    ("export const DELETE = withUser(h);", True),
    ("const other = withLog(h);\nexport const DELETE = (request) => other(request);", True),
    ("const local = (request) => withLog(h)(request);\nexport const DELETE = (request) => local(request);", True),
    ("export const DELETE = chain().use(log).get(h);", None),
    ("export const { DELETE } = serve({});", None),
]


@pytest.mark.parametrize(("text", "runs"), WITHOUT)
def test_a_wrapper_that_runs_elsewhere(text: str, runs: bool | None) -> None:
    route = (
        IMPORT
        + f"import {{ chain, log, run, serve }} from 'acme';\nexport const GET = withLog(h), POST = withLog(h);\n{text}"
    )
    majority, peer, same = _without(route)
    assert same.runs_it(peer, majority) is runs


@pytest.mark.parametrize(
    ("body", "is_same"),
    [
        ("return run();", False),
        ("send(2); return run();", True),
        ("try { return run(); } catch (error) { note(error); }", False),
    ],
)
def test_a_handler_that_does_what_the_wrapper_does(body: str, is_same: bool) -> None:
    route = IMPORT + "import { note, run } from 'acme';\nimport { send } from '../../lib/send';\n"
    route += f"export const GET = withLog(h), POST = withLog(h);\nexport async function DELETE() {{ {body} }}"
    majority, peer, same = _without(route)
    assert same.does_the_same(peer, majority) is is_same


def _without(route: str) -> tuple[Majority, Peer, Equivalents]:
    files = {"package.json": "{}", "lib/wrap.ts": WRAP, "lib/send.ts": "export const send = (x) => x;"}
    code = code_of({**files, "app/api/route.ts": route})
    found = Route("app/api/route.ts", "app-route-handler", "/api")
    peers = list(peers_of(code, [(found, handler) for handler in handlers_of(code, found)]))
    majority = next(m for m in majorities(peers, 1, 2, 0.5) if m.name == "withLog")
    return majority, majority.others[0], Equivalents(Guards(code))


@pytest.mark.parametrize(
    ("body", "pattern", "is_public"),
    [
        ("return Response.json({ ok: true });", "/api/x", True),
        ("return NextResponse.json({ at: new Date() });", "/api/x", True),
        ("const rows = await load(); return Response.json(rows);", "/api/x", False),
        ("return Response.json(await request.json());", "/api/x", False),
        ("return new ImageResponse(await load());", "/api/x", True),
        ("log(1); return new Response('', { status: 410 });", "/api/x", True),
        ("log(1); return new Response('', { status: 4100 });", "/api/x", False),
        ("return fetch(base + request.url);", "/api/[...path]", True),
        ("return fetch(base + request.url);", "/api/x", False),
        ("return fetch(base, { headers: { cookie: request.headers.get('cookie') } });", "/api/x", True),
    ],
)
def test_answers_that_depend_on_nobody(body: str, pattern: str, is_public: bool) -> None:
    head = "import { ImageResponse } from 'next/og';\nimport { NextResponse } from 'next/server';\n"
    text = f"{head}import {{ load, log }} from 'acme';\nexport async function GET(request) {{\n{body}\n}}"
    code = code_of({"package.json": "{}", "app/api/x/route.ts": text})
    route = Route("app/api/x/route.ts", "app-route-handler", pattern)
    handler = next(handlers_of(code, route))
    assert is_public_by_nature(code, route, Body(handler.file, handler.function)) is is_public


def test_a_pages_route_that_sends_a_constant() -> None:
    code = code_of({"package.json": "{}", "pages/api/x.ts": "export default (req, res) => res.status(200).json({});"})
    route = Route("pages/api/x.ts", "pages-api-route", "/api/x")
    handler = next(handlers_of(code, route))
    assert is_public_by_nature(code, route, Body(handler.file, handler.function))
    assert [peer.label for peer in peers_of(code, [(route, handler)])] == ["/api/x"]
