"""Guards: the checks of handlers, of their wrappers and of the functions they call, and what is left open."""

from __future__ import annotations

import pytest

from reviewer.core.guards import Guard, Guards
from reviewer.core.handlers import Handler, handlers_of
from reviewer.core.roles import Role, Route
from tests.core.trees import code_of

ROUTE = "app/api/x/route.ts"


def asked(text: str, path: str = ROUTE, method: str = "", **others: str) -> tuple[Guards, Handler]:
    """The guards of a tree and one handler of a route file in it; other files as ``lib__auth=...``."""
    role: Role = "app-route-handler" if path.startswith("app/") else "pages-api-route"
    files = {name.replace("__", "/") + ".ts": content for name, content in others.items()}
    code = code_of({"package.json": "{}", path: text, **files})
    handlers = {handler.name: handler for handler in handlers_of(code, Route(path, role, "/api/x"))}
    return Guards(code), handlers[method or next(iter(handlers))]


def guard(text: str, **others: str) -> Guard | None:
    guards, handler = asked(text, **others)
    return guards.of_handler(handler)


def handled(body: str, imports: str = "") -> str:
    return f"{imports}\nexport async function POST(request) {{\n{body}\n  return Response.json({{}});\n}}\n"


@pytest.mark.parametrize(
    ("imports", "body", "name", "kind"),
    [
        ("import { auth } from '@/auth';", "const s = await auth();", "auth", "session"),
        ("import { auth as who } from '@/auth';", "const s = await who();", "auth", "session"),
        ("import auth from '@/auth';", "const s = await auth();", "auth", "session"),
        ("import * as next from 'next-auth';", "await next.getServerSession();", "getServerSession", "session"),
        ("import { db } from './db';", "const s = db(); await s.auth.getUser();", "auth.getUser", "session"),
        (
            "import { db } from './db';",
            "const { data } = await (await db()).auth\n.getUser();",
            "auth.getUser",
            "session",
        ),
        ("import jwt from 'jsonwebtoken';", "jwt.verify(t, k);", "jwt.verify", "token"),
        ("import { verify } from 'jsonwebtoken';", "verify(t, k);", "jsonwebtoken.verify", "token"),
        ("import { jwtVerify as check } from 'jose';", "await check(t, k);", "jwtVerify", "token"),
        (
            "import { stripe } from './s';",
            "stripe.webhooks.constructEvent(b, s, k);",
            "webhooks.constructEvent",
            "signature",
        ),
        (
            "import { Webhook } from 'svix';",
            "const w = new Webhook(k); w.verify(b, h);",
            "Webhook.new.verify",
            "signature",
        ),
        ("import crypto from 'crypto';", "crypto.timingSafeEqual(a, b);", "timingSafeEqual", "secret"),
        ("", "crypto.createHmac('sha256', k);", "createHmac", "signature"),
        (
            "import { verifyGitHubSignature } from 'x';",
            "verifyGitHubSignature(b);",
            "verifyGitHubSignature",
            "signature",
        ),
        ("import { requireAdmin } from 'x';", "await requireAdmin();", "requireAdmin", "session"),
        ("import { ensureLoggedIn } from 'x';", "await ensureLoggedIn();", "ensureLoggedIn", "session"),
        ("import { checkApiKey } from 'x';", "await checkApiKey(request);", "checkApiKey", "secret"),
        ("import { app } from 'x';", "await app?.guard!.validateToken(request);", "validateToken", "token"),
    ],
)
def test_calls_that_are_guards(imports: str, body: str, name: str, kind: str) -> None:
    found = guard(handled(body, imports))
    assert found is not None
    assert (found.name, found.kind, found.path) == (name, kind, ROUTE)


@pytest.mark.parametrize(
    "body",
    [
        "getSession();",  # nothing of that name exists
        "const { authors } = await loadAuthors();",
        "await checkAuthorName(request.body); await validateUserInput(x); await verifyEmail(x);",
        "if (process.env.NODE_ENV !== 'production') return Response.json({ token: 1 });",
        "if (body.authorId === user.id) return Response.json({});",
        "if (!found) return new Response('', { status: 404 });",
        "try { x(); } catch (error) { if (error.token) return new Response('', { status: 401 }); }",
        "try { x(); } catch (error) { log(error, await auth()); await verifySession(); }",
        "if (upstream.status === 401) throw new Error('Unauthorized');",
        "if (typeof API_KEY === 'undefined') throw new Error('not configured');",
        "if (API_KEY === undefined) throw new Error('not configured');",
    ],
)
def test_what_is_no_guard(body: str) -> None:
    imports = (
        "import { auth, checkAuthorName, loadAuthors, validateUserInput, verifyEmail, verifySession, x } from 'y';"
    )
    guards, handler = asked(handled(body, imports))
    assert (guards.of_handler(handler), guards.is_open(handler)) == (None, True)


def test_a_function_that_answers_errors_is_no_guard() -> None:
    mapper = """export function answer(error) {
  if (error.code === 'no_token') return new Response('', { status: 401 });
  if (session.isOver) return new Response('', { status: 401 });
}
export function named(thrown) {
  if (isSessionError(thrown)) return new Response('', { status: 403 });
}
"""
    text = handled(
        "try { x(); } catch (e) { return answer(e) ?? named(e); }", "import { answer, named } from './errors';"
    )
    assert guard(text, app__api__x__errors=mapper) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("if (request.headers.get('authorization') !== `Bearer ${process.env.CRON}`) return no();", "secret"),
        ("const header = request.headers.get('authorization'); if (header !== `Bearer ${x}`) return no();", "secret"),
        ("const key = request.headers.get('x-api-key'); return key === 'abc' ? yes() : no();", "secret"),
        ("if (new URL(request.url).searchParams.get('secret') !== process.env.PREVIEW_SECRET) return no();", "secret"),
        ("const { secret } = await request.json(); if (process.env.HOOK_SECRET !== secret) return no();", "secret"),
        ("const signature = sign(body); if (signature !== request.headers.get('x-sig')) return no();", "signature"),
        ("if (given === env.SERVICE_TOKEN) return yes();", "token"),
        ("const session = await load(); if (!session) return new Response('', { status: 401 });", "session"),
        ("const user = await load(); if (user.role !== 'admin') { return forbidden(); }", "session"),
        ("if (session) { x(); } else { throw new UnauthorizedError(); }", "session"),
        ("const session = (await cookies()).get('sid'); if (!session) redirect('/login');", "session"),
        ("const clerk = await load(); if (!clerk) return Response.json({}, { status: 401 });", "session"),
        ("return user ? yes() : Response.json({}, { status: 403 });", "session"),
    ],
)
def test_comparisons_and_refusals_that_are_guards(body: str, kind: str) -> None:
    found = guard(handled(body))
    assert found is not None
    assert (found.kind, found.line) == (kind, 3)


SESSION = "import { auth } from 'z';\nexport const secret = async () => auth();\n"


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import { secret } from '../../../lib/a';", "await secret();"),
        ("import { secret as s } from '../../../lib/a';", "await s();"),
        ("import * as lib from '../../../lib/a';", "await lib.secret();"),
        ("import { api } from '../../../lib/a';", "await api.check();"),
        ("import api from '../../../lib/a';", "await api.check();"),
        ("import { Access } from '../../../lib/a';", "await Access.check();"),
        ("import { access } from '../../../lib/a';", "await access.check();"),
        ("import { access } from '../../../lib/a';", "await access.late();"),
        ("import { made } from '../../../lib/a';", "await made().check();"),
        ("import { table } from '../../../lib/a';", "return table[request.method](request);"),
        ("import { barrel } from '../../../lib/b';", "await barrel();"),
        ("import { outer } from '../../../lib/b';", "await outer(request);"),
        ("import { through } from '../../../lib/b';", "return through(async () => Response.json({}));"),
        ("import { secret } from '../../../lib/a';\nconst local = () => secret();", "await local();"),
        ("import { secret } from '../../../lib/a';", "await run(secret);"),
        ("const { secret } = require('../../../lib/a');", "await secret();"),
    ],
)
def test_functions_of_the_repository_are_followed(imports: str, call: str) -> None:
    helpers = (
        SESSION
        + """export const api = { check: () => secret() };
export default api;
export class Access { static check() { return auth(); } late() { return this.check(); } check() { return auth(); } }
export const access = new Access();
export const table = { GET: () => 1, POST: () => auth() };
export function made() { return { check: () => auth() }; }
"""
    )
    barrel = """import { secret } from './a';
export { secret as barrel } from './a';
export const outer = (request) => secret(request);
export const through = async (handler) => { await secret(); return handler(); };
"""
    found = guard(handled(call, imports), lib__a=helpers, lib__b=barrel)
    assert found is not None
    assert (found.name, found.path) == ("auth", "lib/a.ts")


def test_the_first_check_is_told() -> None:
    text = handled("await late();\nrequireAdmin();\nawait auth();", "import { auth, late, requireAdmin } from 'z';")
    assert guard(text) == Guard("requireAdmin", ROUTE, 4, "session")


@pytest.mark.parametrize(("called", "is_found"), [("d", True), ("c", True), ("b", False)])
def test_three_hops_are_too_far(called: str, is_found: bool) -> None:
    chain = "import { auth } from 'z';\nconst d = () => auth();\nconst c = () => d();\nconst b = () => c();\n"
    assert (guard(handled(f"await {called}();", chain)) is not None) is is_found


@pytest.mark.parametrize(
    ("export", "name"),
    [
        ("export const GET = verifySignatureAppRouter(h);", "verifySignatureAppRouter"),
        ("export const GET = auth((request) => h());", "auth"),
        ("export const GET = withUser(h);", "auth"),
        ("export const GET = withLog(withUser(h));", "auth"),
        ("export const GET = withRole('admin')(h);", "refusal"),
        ("export const GET = built(h);", "auth"),
        ("export const { GET } = { GET: withUser(h) };", "auth"),
        ("export const GET = nc().use(withLog).use(check).get(h);", "auth"),
        ("export const { GET, POST } = make();", "auth"),
        ("export const GET = options({ run: h });", "auth"),
    ],
)
def test_wrappers_and_built_handlers(export: str, name: str) -> None:
    route = f"""import {{ auth, nc, verifySignatureAppRouter }} from 'z';
import {{ built, check, make, options, withLog, withRole, withUser }} from '../../../lib/wrap';
const h = async () => Response.json({{}});
{export}
"""
    wrappers = """import { auth } from 'z';
export const check = async (next) => { await auth(); return next(); };
export const withLog = (handler) => (request) => handler(request);
export const withUser = (handler) => async (request) => { await auth(); return handler(request); };
export const withRole = (role) => (handler) => async (request) => {
  const user = await load(request);
  if (user.role !== role) return new Response('', { status: 403 });
  return handler(request);
};
const wrapWith = (before) => (handler) => async (request) => { await before(); return handler(request); };
export const built = wrapWith(async () => auth());
export function make() { return { GET: async () => auth(), POST: async () => Response.json({}) }; }
export const options = ({ run }) => async () => { await auth(); return run(); };
"""
    guards, handler = asked(route, method="GET", lib__wrap=wrappers)
    found = guards.of_handler(handler)
    assert found is not None
    assert found.name == name
    assert guards.is_open(handler) is False


def test_a_made_object_holds_a_handler_for_each_method() -> None:
    text = "import { auth } from 'z';\nconst make = () => ({ GET: async () => auth(), POST: async () => 1 });\n"
    text += "export const { GET, POST } = make();\n"
    assert [(m, (g := asked(text, method=m))[0].is_open(g[1])) for m in ("GET", "POST")] == [
        ("GET", False),
        ("POST", True),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import { withTrace } from 'acme'; export const GET = withTrace(async () => Response.json({}));",
        "import { handlers } from 'acme'; export const { GET } = handlers;",
        "import { serve } from 'inngest/next'; export const { GET } = serve({});",
        "import { fetchRequestHandler } from '@trpc/server'; export const GET = (req) => fetchRequestHandler({ req });",
        "import nc from 'next-connect'; export const GET = nc().get(async () => Response.json({}));",
        "import { consume } from 'acme'; const run = consume(() => 1); export const POST = (req) => run(req);",
        "export const GET = async () => { ) };",
    ],
)
def test_what_a_library_answers_is_undetermined(text: str) -> None:
    guards, handler = asked(text)
    assert guards.is_open(handler) is None


def test_a_handler_that_is_reexported_is_read_where_it_is_written() -> None:
    text = "export { GET as POST } from '../y/route';"
    found = guard(
        text, app__api__y__route="import { auth } from 'z';\nexport async function GET() {\n  await auth();\n}\n"
    )
    assert found == Guard("auth", "app/api/y/route.ts", 3, "session")


@pytest.mark.parametrize(
    ("body", "is_open"),
    [
        ("track(await auth());", False),
        ("await track();", True),
        ("await check();", False),
        ("await verify(request);", False),
    ],
)
def test_what_a_wrapper_reads_for_a_log_is_no_guard(body: str, is_open: bool) -> None:
    wrap = f"""import {{ auth, jwtVerify }} from 'z';
import {{ check, track, verify }} from './user';
export const wrapped = (handler) => async (request) => {{ {body} return handler(request); }};
"""
    user = """import { auth, jwtVerify } from 'z';
export const track = async () => log(await auth());
export const check = async () => { const user = await auth(); if (!user) throw new Error('unauthorized'); };
export const verify = async (request) => jwtVerify(request);
"""
    text = "import { wrapped } from '../../../lib/wrap';\nexport const GET = wrapped(() => Response.json({}));\n"
    guards, handler = asked(text, lib__wrap=wrap, lib__user=user)
    assert guards.is_open(handler) is is_open


def test_names_of_the_configuration_count() -> None:
    _, handler = asked(handled("await tollGate();", "import { tollGate } from 'z';"))
    code = code_of({"package.json": "{}", ROUTE: handled("await tollGate();", "import { tollGate } from 'z';")})
    assert Guards(code).of_handler(handler) is None
    assert Guards(code, ["tollGate"]).of_handler(handler) == Guard("tollGate", ROUTE, 3, "session")


def test_procedures_and_actions_are_values_with_a_guard() -> None:
    text = """import { auth } from 'z';
import { createSafeActionClient } from 'next-safe-action';
const client = createSafeActionClient().use(async ({ next }) => { await auth(); return next(); });
export const open = createSafeActionClient();
export const save = client.schema({}).action(async () => 1);
"""
    code = code_of({"package.json": "{}", "lib/action.ts": text})
    facts = code.surface("lib/action.ts")
    assert facts is not None
    found = Guards(code).of_value("lib/action.ts", facts.values["save"])
    assert found is not None
    assert found.line == 3
    assert Guards(code).of_value("lib/action.ts", facts.values["open"]) is None
