"""Server Actions, what functions give away, who uses them, and published ways around the middleware."""

from __future__ import annotations

import pytest

from reviewer.core.actions import actions_in
from reviewer.core.advisories import exposure_of
from reviewer.core.app import App
from reviewer.core.exposed import is_entrance, may_check, only_answers, passes_credentials_on, reads_database
from reviewer.core.files import NoCache
from reviewer.core.guards import Body, Guards
from reviewer.core.ownguard import own_guard
from reviewer.core.pageusers import users_of
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.snapshot import snapshot_of
from tests.core.trees import NAMES, code_of

DB = "import { PrismaClient } from '@prisma/client'; export const db = new PrismaClient();"
MANIFEST = '{ "dependencies": { "next": "%s" } }'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("'use server';\nexport async function a() {}\nexport const b = async () => 1;\nfunction c() {}", ["a", "b"]),
        ("export async function a(x) { 'use server'; }\nexport async function b(x) { return 'use server'; }", ["a"]),
        ("export const a = async (x) => { 'use server'; };\nexport const b = 1;", ["a"]),
        ("'use server';\nexport default async function a() {}", ["a"]),
        ("'use client';\nexport function a() {}", []),
        ("'use server';\nexport const a = client.action(async () => 1);", []),
    ],
)
def test_server_actions_are_found_by_their_directive(text: str, names: list[str]) -> None:
    assert [action.name for action in actions_in(code_of({"package.json": "{}", "a.ts": text}), "a.ts")] == names


def _body(text: str, **others: str) -> tuple[Project, Body]:
    files = {"package.json": MANIFEST % "15.5.29", "a.ts": text, **{f"{k}.ts": v for k, v in others.items()}}
    project = Project(snapshot_of(files), NAMES, {}, NoCache())
    facts = project.code.facts("a.ts")
    assert facts is not None
    return project, Body("a.ts", facts.functions[0].id)


def test_what_a_function_does_is_read_through_two_calls() -> None:
    text = "import { one } from './one';\nexport function f() { return one(); }"
    project, body = _body(text, one="import { db } from './db'; export const one = () => db.order.findMany();", db=DB)
    assert (reads_database(project.code, body), may_check(project.code, body)) == (True, False)
    project, body = _body(text, one="import { viewer } from 'kit'; export const one = () => viewer.requireOwner();")
    assert (reads_database(project.code, body), may_check(project.code, body)) == (False, True)


def test_a_name_that_is_handed_on_is_no_call() -> None:
    one = "import { db } from './db'; export const one = () => db.order.findMany();"
    project, body = _body(
        "import { one } from './one';\nexport function f() { return one.bind(null); }", one=one, db=DB
    )
    assert not reads_database(project.code, body)


def test_answers_and_forwarded_credentials_are_told_apart() -> None:
    project, body = _body("export function f() { return Response.json({ at: new Date() }); }")
    assert (only_answers(project.code, body), passes_credentials_on(project.code, body)) == (True, False)
    project, body = _body("export function f(r) { return fetch(u, { headers: { cookie: r.headers.get('cookie') } }); }")
    assert (only_answers(project.code, body), passes_credentials_on(project.code, body)) == (False, True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("/api/login", True), ("/api/webhooks/pay", True), ("/api/orders", False), ("/api/authors", False)],
)
def test_entrances_are_known_by_their_path(pattern: str, expected: bool) -> None:
    assert is_entrance(pattern) is expected


def test_users_of_a_file_are_found_through_others() -> None:
    files = {
        "package.json": "{}",
        "lib/act.ts": "export const act = 1;",
        "ui/index.tsx": "export { act } from '../lib/act';",
        "app/a/page.tsx": "import { act } from '../../ui';",
        "app/b/page.tsx": "import type { act } from '../../lib/act';",
    }
    project = Project(snapshot_of(files), NAMES, {}, NoCache())
    assert users_of(project, "lib/act.ts", ["app/a/page.tsx", "app/b/page.tsx"]) == {"app/a/page.tsx"}


def _app(version: str, **others: str) -> App:
    files = {"package.json": MANIFEST % version, "app/page.tsx": "", **others}
    code = code_of(files)
    return App(code, "", code.packages[""])


PAGE = Route("app/x/page.tsx", "page", "/x")
HANDLER = Route("app/api/x/route.ts", "app-route-handler", "/api/x")
PARAMETER = Route("app/api/[x]/route.ts", "app-route-handler", "/api/[x]")


@pytest.mark.parametrize(
    ("version", "route", "stem", "expected"),
    [
        ("15.2.2", HANDLER, "middleware", "CVE-2025-29927 15.2.3"),
        ("15.2.3", HANDLER, "middleware", ""),
        ("14.2.24", None, "middleware", "CVE-2025-29927 14.2.25"),
        ("15.5.15", HANDLER, "middleware", ""),
        ("15.5.15", PARAMETER, "middleware", "CVE-2026-44574 15.5.16"),
        ("15.3.9", PARAMETER, "middleware", ""),
        ("16.2.4", PAGE, "proxy", "CVE-2026-44575 16.2.5"),
        ("16.2.5", PAGE, "proxy", ""),
        ("16.2.5", PAGE, "middleware", "CVE-2026-45109 16.2.6"),
        ("^15.2.2", HANDLER, "middleware", ""),
    ],
)
def test_an_advisory_needs_its_version_and_its_conditions(
    version: str, route: Route | None, stem: str, expected: str
) -> None:
    found = exposure_of(_app(version), route, stem, "self")
    assert (f"{found.advisory.id} {found.fixed}" if found is not None else "") == expected


def test_vercel_was_protected_and_an_unknown_host_is_not_sure() -> None:
    app = _app("15.2.2")
    assert exposure_of(app, HANDLER, "middleware", "vercel") is None
    found = exposure_of(app, HANDLER, "middleware", "unknown")
    assert found is not None
    assert not found.sure


def test_the_guard_most_handlers_use_is_named_with_its_module() -> None:
    guarded = "import { owner } from '@/lib/owner';\nexport async function GET() { await owner(); }"
    files = {
        "tsconfig.json": '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
        "lib/owner.ts": "import { getServerSession } from 'next-auth';\nexport const owner = () => getServerSession();",
        "app/api/a/route.ts": guarded,
        "app/api/b/route.ts": guarded,
        "app/api/c/route.ts": "import { auth } from 'kit';\nexport async function GET() { await auth(); }",
    }
    app = _app("15.5.29", **files)
    found = own_guard(app, Guards(app.code))
    assert found is not None
    assert (found.name, found.module, found.wraps) == ("owner", "@/lib/owner", False)
