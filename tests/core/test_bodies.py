"""What an application reads from bodies itself: Route Handlers, raw Pages routes and Server Actions."""

from __future__ import annotations

import pytest

from reviewer.core.app import App
from reviewer.core.bodies import ACTION_MEDIA, EVERY_MEDIA, Endpoint, api_option, endpoints_of
from tests.core.trees import code_of


def _endpoints(files: dict[str, str]) -> list[Endpoint]:
    code = code_of({"package.json": '{"dependencies": {"next": "15.5.0"}}', **files})
    return list(endpoints_of(App(code, "", code.packages[""]), [path for path in files if not path.endswith(".json")]))


@pytest.mark.parametrize(
    ("body", "media"),
    [
        ("const data = await request.json();", frozenset({"json"})),
        ("await request.clone().json();", frozenset({"json"})),
        ("const { name } = await request.json(); use(name);", frozenset({"json"})),
        ("await request.formData();", frozenset({"form", "multipart"})),
        ("await request.text();", EVERY_MEDIA),
        ("await fetch(url, { body: request.body });", EVERY_MEDIA),
        ("const { body } = request; await drain(body);", EVERY_MEDIA),
        ("await parse(request);", frozenset({"json"})),
        ("return Response.json({});", frozenset()),
        ("await response.json();", frozenset()),
        ("await other.json(request);", frozenset()),
    ],
)
def test_what_a_route_handler_reads(body: str, media: frozenset[str]) -> None:
    code = f"import {{ parse }} from '../../../lib/parse';\nexport async function POST(request) {{ {body} }}"
    files = {"app/api/x/route.js": code, "lib/parse.js": "export const parse = (incoming) => incoming.json();"}
    (found,) = _endpoints(files)
    assert (found.label, frozenset[str](found.media)) == ("POST /api/x", media)


def test_wrapped_handlers_and_every_changing_method_count() -> None:
    code = "export const PUT = withUser(async ({ req }) => { await req.json(); });\n"
    code += "export async function DELETE() {}\nexport async function GET(request) { await request.json(); }"
    put, delete = sorted(_endpoints({"app/x/route.js": code}), key=lambda e: e.label, reverse=True)
    assert (put.label, frozenset[str](put.media), put.site.line) == ("PUT /x", frozenset({"json"}), 1)
    assert (delete.label, frozenset[str](delete.media), delete.methods) == (
        "DELETE /x",
        frozenset(),
        frozenset({"DELETE"}),
    )


@pytest.mark.parametrize(
    ("config", "body", "raw", "methods"),
    [
        ("export const config = { api: { bodyParser: false } };", "", True, frozenset({"POST"})),
        ("const off = { bodyParser: false }; export const config = { api: off };", "", True, frozenset({"POST"})),
        (
            "export const config = { api: { bodyParser: { sizeLimit: '1mb' } } };",
            "save(req.body);",
            False,
            frozenset({"POST"}),
        ),
        ("", "const { name } = req.body; save(name);", False, frozenset({"POST"})),
        ("", "res.end();", False, frozenset()),
    ],
)
def test_pages_routes(config: str, body: str, raw: bool, methods: frozenset[str]) -> None:
    code = f"{config}\nexport default function handler(req, res) {{ {body} }}"
    (found,) = _endpoints({"pages/api/x.js": code})
    assert (found.pattern, bool(found.media), found.methods) == ("/api/x", raw, methods)


@pytest.mark.parametrize(
    ("path", "code", "line"),
    [
        ("lib/actions.js", "'use server';\nexport async function save() {}", 1),
        (
            "app/page.jsx",
            "export default function Page() {\n  async function save() {\n    'use server';\n    f();\n  }\n}",
            3,
        ),
        ("app/page.jsx", "const text = `\n'use server';\n`;\nexport default function Page() { return null; }", None),
        ("app/page.jsx", "// 'use server'\nexport default function Page() { return null; }", None),
    ],
)
def test_server_actions(path: str, code: str, line: int | None) -> None:
    files = {"app/layout.jsx": "export default function Layout() { return null; }", path: code}
    found = [(e.site.path, e.site.line, e.media) for e in _endpoints(files)]
    assert found == ([(path, line, ACTION_MEDIA)] if line else [])


@pytest.mark.parametrize(
    ("config", "value"),
    [
        ("", "unset"),
        ("export const config = {};", "unset"),
        ("export const config = { api: {} };", "unset"),
        ("export const config = { api: { bodyParser: false } };", "false"),
        ("export const config: PageConfig = { api: { bodyParser: true } as const };", "true"),
        ("export const config = { api: { bodyParser: { sizeLimit: '1mb' } } };", "set"),
        ("export const config = { ...shared, api: { bodyParser: false } };", "unknown"),
        ("export const config = { api: { ...shared } };", "unknown"),
        ("export const config = make();", "unknown"),
        ("export const config = { api: { bodyParser: flag() } };", "unknown"),
        ("export { config } from '../../lib/config';", "false"),
        ("import { api } from '../../lib/config';\nexport const config = { api };", "false"),
        ("export { config } from 'elsewhere';", "unknown"),
    ],
)
def test_what_a_pages_route_says_about_a_switch(config: str, value: str) -> None:
    shared = "export const api = { bodyParser: false };\nexport const config = { api };"
    code = code_of({"package.json": "{}", "pages/api/a.ts": config, "lib/config.ts": shared})
    assert api_option(code, "pages/api/a.ts", "bodyParser").value == value
