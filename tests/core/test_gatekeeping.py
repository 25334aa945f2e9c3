"""What a middleware or proxy file decides for a request without any credential."""

from __future__ import annotations

import pytest

from reviewer.core.app import App
from reviewer.core.gatekeeping import Gatekeeping
from reviewer.core.roles import Route
from tests.core.trees import code_of

NEXT = "import { NextResponse } from 'next/server';\n"
LOGIN = "NextResponse.redirect(new URL('/login', request.url))"


def gate(middleware: str, version: str = "15.5.29", name: str = "middleware.ts", **others: str) -> Gatekeeping:
    files = {
        "package.json": f'{{ "dependencies": {{ "next": "{version}" }} }}',
        "app/page.tsx": "export default () => null;",
        name: middleware,
        **{path.replace("__", "/") + ".ts": text for path, text in others.items()},
    }
    code = code_of(files)
    return Gatekeeping(App(code, "", code.packages[""]))


def covers(gate: Gatekeeping, pattern: str, method: str | None = None) -> bool | None:
    return gate.covers(Route("x", "app-route-handler", pattern), method)


def body(statements: str, config: str = "") -> str:
    return f"{NEXT}export async function middleware(request) {{ {statements} }}\n{config}"


TOKEN = f"const token = request.cookies.get('session')?.value; if (!token) return {LOGIN}; return NextResponse.next();"


@pytest.mark.parametrize(
    "statements",
    [
        TOKEN,
        f"if (request.cookies.has('session')) return NextResponse.next(); return {LOGIN};",
        "if (!request.headers.get('authorization')) return new NextResponse(null, { status: 401 });",
        f"try {{ await jwtVerify(request.cookies.get('jwt')?.value, key); return NextResponse.next(); }} "
        f"catch {{ return {LOGIN}; }}",
        f"const s = await getToken({{ req: request }}); return s ? NextResponse.next() : {LOGIN};",
        f"const {{ data: {{ user }} }} = await supabase.auth.getUser(); if (!user) return {LOGIN};",
        "const url = request.nextUrl.clone(); if (!request.cookies.get('sid')) { url.pathname = "
        "'/login'; return NextResponse.redirect(url); }",
        f"const ok = await isKnown(request.cookies.get('token')); if (!ok) return {LOGIN};",
        f"if (request.cookies.get('token')?.value !== process.env.PASSWORD) return {LOGIN};",
        f"switch (request.cookies.get('role')?.value) {{ case 'admin': break; default: return {LOGIN}; }}",
    ],
)
def test_a_request_without_a_credential_is_turned_away(statements: str) -> None:
    imports = (
        "import { jwtVerify } from 'jose';\nimport { getToken } from 'next-auth/jwt';\nimport { isKnown } from 'kit';\n"
    )
    found = gate(imports + body(statements))
    assert found.decides is True
    assert covers(found, "/orders") is True


@pytest.mark.parametrize(
    "statements",
    [
        "return NextResponse.next();",
        f"if (request.cookies.get('session') && request.nextUrl.pathname === '/login') return {LOGIN};",
        "if (!request.cookies.get('NEXT_LOCALE')) return NextResponse.redirect(new URL('/en', request.url));",
        "if (!request.cookies.get('csrf')) return new NextResponse(null, { status: 403 });",
        "if (request.nextUrl.pathname === '/old') return NextResponse.redirect(new URL('/new', request.url));",
    ],
)
def test_what_asks_for_no_session_decides_nothing(statements: str) -> None:
    assert gate(body(statements)).decides is False


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("['/login', '/api/open'].some((path) => pathname.startsWith(path))", [True, False]),
        ("!pathname.startsWith('/desk')", [True, None]),
        ("OPEN.includes(pathname)", [True, False]),
        ("/^\\/api\\/open/.test(pathname)", [True, False]),
        ("pathname.split('/')[2] === 'open'", [True, False]),
        ("new Set(['/api/open']).has(pathname)", [True, False]),
        ("isOpen(pathname)", [True, False]),
        ("request.method === 'GET'", [None, None]),
        ("process.env.NODE_ENV === 'development'", [True, True]),
    ],
)
def test_conditions_on_the_path_are_followed(condition: str, expected: list[bool | None]) -> None:
    helpers = "const OPEN = ['/login', '/api/open'];\n"
    helpers += "import { isOpen } from './open';\n"
    text = f"const {{ pathname }} = request.nextUrl; if ({condition}) return NextResponse.next(); {TOKEN}"
    found = gate(
        helpers + body(text),
        open=(
            "export function isOpen(path) { for (const p of ['/api/open']) { if (path === p) "
            "return true; } return false; }"
        ),
    )
    paths = ["/desk/orders", "/api/open"]
    wanted = [expected[0], False if expected[1] is None and "desk" in condition else expected[1]]
    assert [covers(found, path) for path in paths] == wanted


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        ("", {"/a": True, "/api/x": True}),
        ("'/api/:path*'", {"/a": False, "/api/x": True, "/api/[id]": True}),
        ("['/((?!api|_next).*)']", {"/a": True, "/api/x": False}),
        ("[{ source: '/a' }, '/b']", {"/a": True, "/b": True, "/c": False}),
        ("[{ source: '/a', has: [{ type: 'header', key: 'x-y' }] }]", {"/a": None, "/b": False}),
        ("[{ source: '/a', missing: [{ type: 'header', key: 'next-router-prefetch' }] }]", {"/a": True}),
        ("paths", {"/a": None}),
        ("['/[']", {"/a": False}),
        ("['/(?<=x)']", {"/a": None}),
    ],
)
def test_the_matcher_limits_what_is_covered(matcher: str, expected: dict[str, bool | None]) -> None:
    config = f"export const config = {{ matcher: {matcher} }};" if matcher else ""
    found = gate(body(TOKEN, config))
    assert {path: covers(found, path) for path in expected} == expected


CLERK = "import { clerkMiddleware, createRouteMatcher, authMiddleware } from '@clerk/nextjs/server';\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export { default } from 'next-auth/middleware';", {"/a": True, "/api/auth/x": False}),
        (
            ("import { withAuth } from 'next-auth/middleware'; export default withAuth({ pages: { signIn: '/in' } });"),
            {"/a": True, "/in": False},
        ),
        (
            "import { withAuth } from 'next-auth/middleware'; export default withAuth(() => undefined, { "
            "callbacks: { authorized: ({ token, req }) => req.nextUrl.pathname !== '/a' || !!token } });",
            {"/a": True, "/b": False},
        ),
        ("import NextAuth from 'next-auth'; export const { auth: middleware } = NextAuth({});", {"/a": False}),
        (
            (
                "import NextAuth from 'next-auth'; const c = { callbacks: { authorized: ({ auth "
                "}) => !!auth?.user } }; export default NextAuth(c).auth;"
            ),
            {"/a": True},
        ),
        (
            (
                "import { auth } from './auth'; export default auth((req) => { if (!req.auth) "
                "return Response.redirect(new URL('/x', req.nextUrl)); });"
            ),
            {"/a": True},
        ),
        (CLERK + "export default clerkMiddleware();", {"/a": False}),
        (
            CLERK
            + (
                "const p = createRouteMatcher(['/a(.*)']); export default clerkMiddleware(async "
                "(auth, req) => { if (p(req)) await auth.protect(); });"
            ),
            {"/a/x": True, "/b": False},
        ),
        (
            CLERK
            + (
                "export default clerkMiddleware((auth) => { const { userId, redirectToSignIn } = "
                "auth(); if (!userId) return redirectToSignIn(); });"
            ),
            {"/a": True},
        ),
        (CLERK + "export default authMiddleware({ publicRoutes: ['/b'] });", {"/a": True, "/b": False}),
        (
            ("import { authkitMiddleware } from '@workos-inc/authkit-nextjs'; export default authkitMiddleware();"),
            {"/a": False},
        ),
        (
            "import { authkitMiddleware } from '@workos-inc/authkit-nextjs'; export default "
            "authkitMiddleware({ middlewareAuth: { enabled: true, unauthenticatedPaths: ['/b'] } });",
            {"/a": True, "/b": False},
        ),
        (
            (
                "import { withMiddlewareAuthRequired } from '@auth0/nextjs-auth0/edge'; export "
                "default withMiddlewareAuthRequired();"
            ),
            {"/a": True},
        ),
        (
            (
                "import { withAuth } from '@kinde-oss/kinde-auth-nextjs/middleware'; export "
                "default withAuth(() => {}, { publicPaths: ['/b'] });"
            ),
            {"/a": True, "/b": False},
        ),
        (
            ("import { getSessionCookie } from 'better-auth/cookies';\n")
            + body(f"if (!getSessionCookie(request)) return {LOGIN};"),
            {"/a": True},
        ),
        ("import create from 'next-intl/middleware'; export default create({});", {"/a": False}),
        ("import { chain } from 'kit'; export default chain([]);", {"/a": None}),
    ],
)
def test_libraries_decide_as_they_are_documented_to(text: str, expected: dict[str, bool | None]) -> None:
    found = gate(text)
    assert {path: covers(found, path) for path in expected} == expected


def test_what_a_helper_of_another_file_answers_counts() -> None:
    session = (
        f"{NEXT}export async function update(request) {{ const {{ data }} = await "
        f"client.auth.getUser(); if (!data.user) return {LOGIN}; return "
        f"NextResponse.next({{ request }}); }}"
    )
    found = gate(
        "import { update } from './session';\nexport const middleware = (request) => update(request);", session=session
    )
    assert covers(found, "/a") is True


def test_a_file_that_next_does_not_load_decides_nothing() -> None:
    assert gate(body(TOKEN), name="src/middleware.ts").file is None
    assert gate(body(TOKEN).replace("middleware(", "proxy("), name="proxy.ts").file is None
    assert gate(body(TOKEN).replace("middleware(", "proxy("), "16.2.5", "proxy.ts").decides is True


def test_a_middleware_that_grows_without_bound_is_left_undetermined() -> None:
    found = gate(body("let x = 0; " + "if (f(x)) { x = g(x) } " * 900 + TOKEN))
    assert (found.decides, covers(found, "/a")) == (None, None)


def test_a_middleware_that_calls_itself_comes_to_an_end() -> None:
    found = gate(
        f"{NEXT}function again(request) {{ return again(request); }}\nexport const middleware = "
        f"(request) => again(request);"
    )
    assert covers(found, "/a") is None


@pytest.mark.parametrize(
    "statements",
    [
        "let s = 'ab'; for (const x of [" + "1," * 60 + "]) { s = s + s; }",
        "let s = ['ab']; for (const x of [" + "1," * 60 + "]) { s = [...s, ...s]; }",
        "let s = ['ab']; for (const x of [" + "1," * 60 + "]) { s = s.concat(s); }",
        "{" * 900 + "}" * 900,
        "const f = (n) => " + "(" * 200 + "n" + ")" * 200 + "; f(f(f(1)));",
    ],
)
def test_a_hostile_middleware_costs_little(statements: str) -> None:
    assert gate(body(statements + TOKEN)).decides in (True, None)
