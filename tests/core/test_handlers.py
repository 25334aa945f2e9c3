"""Request handlers: the export shapes of both routers, and the wrappers around them."""

from __future__ import annotations

import pytest

from reviewer.core.handlers import Handler, handlers_of
from reviewer.core.roles import Role, Route
from tests.core.trees import code_of

ROUTE = "app/api/x/route.ts"
PAGE = "pages/api/x.ts"
H = "const h = async (req) => {};\n"


def handlers(text: str, path: str = ROUTE, **others: str) -> dict[str, Handler]:
    role: Role = "app-route-handler" if path.startswith("app/") else "pages-api-route"
    files = {name.replace("__", "/") + ".ts": content for name, content in others.items()}
    code = code_of({"package.json": "{}", path: text, **files})
    return {handler.name: handler for handler in handlers_of(code, Route(path, role, "/api/x"))}


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ("export async function GET() {}", ["GET"]),
        ("export const GET = () => 1", ["GET"]),
        ("export const GET = a, POST = b; const a = () => 1; function b() {}", ["GET", "POST"]),
        (H + "export { h as GET, h as POST }", ["GET", "POST"]),
        (H + "export { h as GET, h as helper }", ["GET"]),
        ("module.exports = { GET: () => 1, PUT() {} }", ["GET", "PUT"]),
        ("exports.DELETE = () => 1", ["DELETE"]),
        ("export const { GET } = { GET: () => 1 }", ["GET"]),
        ("const all = { GET: () => 1 }; export const { GET } = all", ["GET"]),
        ("export const SOCKET = (client) => 1; export function UPGRADE() {}", ["SOCKET", "UPGRADE"]),
        ("export { GET } from '../y/route'", ["GET"]),
        ("export { POST as GET } from '../y/route'", ["GET"]),
        ("import { GET as get } from '../y/route'; export { get as HEAD }", ["HEAD"]),
        ("export * from '../y/route'", ["GET", "POST"]),
        ("export * from '../y/route'; export const PATCH = () => 1", ["GET", "PATCH", "POST"]),
        ("export default function GET() {}", []),
        ("export const GET = 5, POST = 'x', PUT = {}", []),
        ("export class GET {}", []),
        ("export type GET = 1; export declare function POST(): void", []),
        ("function GET() {}", []),
    ],
)
def test_a_route_handler_exports_methods(text: str, methods: list[str]) -> None:
    found = handlers(text, app__api__y__route="export function GET() {}\nexport const POST = () => 1")
    assert sorted(found) == methods
    assert all(handler.function >= 0 and not handler.chain for handler in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "export default function h(req, res) {}",
        "export default async function (req, res) {}",
        "export default (req, res) => {}",
        H + "export default h",
        H + "export default h as Handler",
        H + "export { h as default }",
        "module.exports = (req, res) => {}",
        "exports.default = (req, res) => {}",
        "module.exports = exports.default = h; function h(req, res) {}",
        "export = h; function h(req, res) {}",
        "export { default } from '../../lib/h'",
        "export { h as default } from '../../lib/h'",
        "import h from '../../lib/h'; export default h",
        "import * as lib from '../../lib/h'; export default lib.h",
        "import h from '../../lib/again'; export default h",
    ],
)
def test_a_pages_api_route_exports_its_handler_by_default(text: str) -> None:
    h = "export default function h(req, res) {}\nexport { h }"
    found = handlers(text, PAGE, lib__h=h, lib__again="export { h as default } from './h'")
    assert [(name, handler.function >= 0, handler.chain) for name, handler in found.items()] == [("default", True, ())]


@pytest.mark.parametrize(
    "text",
    [
        "export * from '../../lib/h'",
        "export const GET = () => 1",
        "export default function () {}",
        "export default {}",
        "export default class A {}",
        "const db = 5; export default db",
        "import express from 'express'; const app = express(); export default app",
        "import express from 'express'; export default express.Router()",
        "export default interface A {}",
    ],
)
def test_what_only_lies_beside_pages_api_routes_has_no_handler(text: str) -> None:
    assert handlers(text, PAGE, lib__h="export default function h(req, res) {}") == {}


def test_a_reexported_handler_is_placed_where_it_is_written() -> None:
    found = handlers("export { GET } from '../y/route'", app__api__y__route="\nexport function GET() {}")["GET"]
    assert (found.file, found.function) == ("app/api/y/route.ts", len("\nexport "))
    assert found.export.line == 1


WRAPPED = [
    ("withA(h)", ["withA"]),
    ("withA(async (req) => {})", ["withA"]),
    ("withA(withB(h))", ["withA", "withB"]),
    ("withRate(20, '1 m', h)", ["withRate"]),
    ("withA(h, { role: 'x' })", ["withA"]),
    ("withRate('upload')(h)", ["withRate"]),
    ("allow(['GET'])(h)", ["allow"]),
    ("allow(['GET'])(withB(h))", ["allow", "withB"]),
    ("compose(a, b)(h)", ["a", "b"]),
    ("apply([a, b])(h)", ["a", "b"]),
    ("compose(a(1), b)(h)", ["a", "b"]),
    ("nc().use(a).get(h)", ["get"]),
    ("createEdgeRouter().use(a).handler()", ["handler"]),
    ("a.pipe(b).handle(h)", ["handle"]),
    ("lib.withA(h)", ["withA"]),
    ("withA<Context>(h) satisfies Handler", ["withA"]),
    ("(await withA(h))!", ["withA"]),
    ("auth((req) => {})", ["auth"]),
    ("verifySignatureAppRouter(h)", ["verifySignatureAppRouter"]),
]


@pytest.mark.parametrize(("expression", "names"), WRAPPED)
def test_wrappers_of_a_route_handler_are_taken_off_from_outside_in(expression: str, names: list[str]) -> None:
    found = handlers(f"{H}export const GET = {expression}")["GET"]
    assert [wrapper.name for wrapper in found.chain] == names
    assert all((wrapper.path, wrapper.line) == (ROUTE, 2) for wrapper in found.chain)


@pytest.mark.parametrize(("expression", "names"), WRAPPED)
def test_wrappers_of_a_pages_handler_are_the_same(expression: str, names: list[str]) -> None:
    found = handlers(f"{H}export default {expression}", PAGE)["default"]
    assert [wrapper.name for wrapper in found.chain] == names


def test_wrappers_are_followed_through_names_and_files() -> None:
    text = "import { get } from '../../../lib/h'\nconst w = withA(get)\nexport const GET = withB(w)"
    found = handlers(text, lib__h="export const get = withC(() => 1)")["GET"]
    assert [(w.name, w.path, w.line) for w in found.chain] == [
        ("withB", ROUTE, 3),
        ("withA", ROUTE, 2),
        ("withC", "lib/h.ts", 1),
    ]
    assert found.file == "lib/h.ts"


@pytest.mark.parametrize(
    ("line", "origin"),
    [
        ("import withA from '../../../lib/a'", ("lib/a.ts", "default")),
        ("import { again as withA } from '../../../lib/b'", ("lib/a.ts", "inner")),
        ("import { withA } from 'pkg'", ("pkg", "withA")),
        ("import withA from 'pkg'", ("pkg", "default")),
        ("function withA(h) { return h }", ("app/api/x/route.ts", "withA")),
    ],
)
def test_a_wrapper_is_named_by_where_it_comes_from(line: str, origin: tuple[str, str]) -> None:
    files = {
        ROUTE: f"{line}\nexport const GET = withA(() => 1)",
        "lib/a.ts": "export default (h) => h",
        "lib/b.ts": "export { inner as again } from './a'",
    }
    code = code_of(files)
    (handler,) = handlers_of(code, Route(ROUTE, "app-route-handler", "/api/x"))
    (wrapper,) = handler.chain
    assert wrapper.name == "withA"
    assert wrapper.ref is not None
    assert code.origin(wrapper.path, wrapper.ref) == origin


@pytest.mark.parametrize(
    "declaration",
    [
        "export const { GET, POST } = NextAuth({}).handlers",
        "import { handlers } from '../../../auth'; export const { GET, POST } = handlers",
        "import { handlers } from '../../../auth'; export const GET = handlers.GET, POST = handlers.POST",
        "import { handlers } from 'pkg'; export const { GET, POST } = handlers",
        "const handler = NextAuth({}); export { handler as GET, handler as POST }",
        "export const { GET, POST } = toNextJsHandler(auth)",
        "export const { GET, POST } = createRouteHandler({ router })",
        "const handler = handle(app); export const GET = handler, POST = handler",
        "const yoga = createYoga({ schema }); export { yoga as GET, yoga as POST }",
        "export const GET = REST_GET(config), POST = REST_POST(config)",
        "export const { GET, POST } = serve({ functions: [] })",
        "const s = serve(async (context) => {}); export const GET = s, POST = s",
        "const h = fetchRequestHandler({}); export { h as GET, h as POST }",
        "const h = createMcpHandler((server) => {}); export { h as GET, h as POST }",
    ],
)
def test_factories_build_handlers_and_are_no_wrappers(declaration: str) -> None:
    found = handlers(declaration, auth="export const { handlers, auth } = NextAuth({})")
    assert sorted(found) == ["GET", "POST"]
    assert [(handler.chain, handler.function) for handler in found.values()] == [((), -1)] * 2


@pytest.mark.parametrize("argument", ["{ handler: h }", "'x'", "imported"])
def test_a_call_without_a_handler_among_its_arguments_is_a_factory(argument: str) -> None:
    found = handlers(f"import imported from 'pkg'\n{H}export const GET = build({argument})")["GET"]
    assert (found.chain, found.function) == ((), -1)
