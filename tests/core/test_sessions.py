"""Who owns sessions, in code the server of an application loads, and signs that two owners take turns."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.migrations import is_migration
from reviewer.core.project import Project
from reviewer.core.serverloads import ServerLoads
from reviewer.core.sessions import SessionUse, SessionUses
from reviewer.core.snapshot import snapshot_of
from reviewer.core.symbols import Symbols
from reviewer.resources import built_in_rulebook
from tests.core.trees import NAMES

RULE = built_in_rulebook().rules["mixed-auth-libraries"]
FAMILIES = {name: Symbols.of(listed) for name, listed in RULE.head.symbols.items()}
PACKAGE = '{"dependencies": {"next": "15.5.29", "lucia": "3.0.0", %s}, "scripts": {"start": "next start"%s}}'
ASKED = ", ".join(
    f'"{name}": "1.0.0"'
    for name in ("next-auth", "@supabase/ssr", "firebase-admin", "jose", "jsonwebtoken", "iron-session", "passport")
)
LUCIA = "import { Lucia } from 'lucia';\nexport const lucia = new Lucia();"


def project_of(files: Mapping[str, str], script: str = "") -> Project:
    manifest = PACKAGE % (ASKED, script)
    page = {"app/page.tsx": "export default () => null;"}
    return Project(snapshot_of({"package.json": manifest, **page, **files}), NAMES, {}, NoCache())


def uses_in(project: Project, more: Mapping[str, str] | None = None) -> tuple[SessionUse, ...]:
    return SessionUses(project, FAMILIES, more or {}).all(project.scripts)


def families(code: str, **others: str) -> set[str]:
    files = {"lib/a.ts": code, "lib/lucia.ts": LUCIA, **{f"lib/{name}.ts": text for name, text in others.items()}}
    return {use.family for use in uses_in(project_of(files))} - {"lucia"}


SIGN = "import { SignJWT } from 'jose';\nexport const sign = (id) => new SignJWT({ id }).setIssuedAt().sign(key);"
JAR = "import { cookies } from 'next/headers';\nexport const setSession = (t) => cookies().set('a', t);"
COOKIES = "import { cookies } from 'next/headers';\n"
CLIENT = (
    "import { createServerClient } from '@supabase/ssr';\nexport const client = () => createServerClient('a', 'b');"
)


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("import { getServerSession as get } from 'next-auth';\nget();", "auth-js"),
        ("import NextAuth from 'next-auth';\nexport default NextAuth({});", "auth-js"),
        ("export { default } from 'next-auth/middleware';", "auth-js"),
        ("import { withAuth } from 'next-auth/middleware';\nexport default withAuth;", "auth-js"),
        ("const passport = require('passport');\napp.use(passport.session());", "passport"),
        ("import { getIronSession as f } from 'iron-session';\nlet session = f();\nsession.uid = 1;", "iron-session"),
        ("import { applySession } from 'next-iron-session';\napplySession();\nreq.session.user = 1;", "iron-session"),
        ("import { ironSession as s } from 'next-iron-session';\ns();\nreq.session.set('uid', 1);", "iron-session"),
        ("import { getAuth } from 'firebase-admin/auth';\ngetAuth().verifySessionCookie('a');", "firebase"),
        ("import { sign } from './sign';\nres.cookie('token', sign(1));", ""),
        ("import { client } from './client';\nconst { data } = await client().auth.getUser();", "supabase"),
        (f"{COOKIES}import {{ sign }} from './sign';\n(await cookies()).set('session', sign(1));", "own"),
        ("import { sign } from './sign';\nexport const f = (req, res) => res.cookie('token', sign(1));", "own"),
        ("import { sign } from './sign';\nimport { setSession } from './jar';\nsetSession(sign(1));", "own"),
        ("import { sign } from './sign';\nconst t = sign(1);\nresponse.cookies.set({ name: 'sid', value: t });", "own"),
        ("import jwt from 'jsonwebtoken';\nconst t = jwt.sign(1);\nres.setHeader('Set-Cookie', f('a', t));", "own"),
    ],
)  # fmt: skip
def test_what_owns_a_session(code: str, family: str) -> None:
    assert families(code, sign=SIGN, client=CLIENT, jar=JAR) == ({family} if family else set())


@pytest.mark.parametrize(
    "code",
    [
        "import { AuthError } from 'next-auth';\nthrow new AuthError();",
        "import type { getServerSession } from 'next-auth';",
        "import { signIn } from 'next-auth/react';\nsignIn();",
        "'use client';\nimport { getServerSession } from 'next-auth';\ngetServerSession();",
        "import passport from 'passport';\npassport.authenticate('jwt', { session: false });",
        "import { getIronSession } from 'iron-session';\nconst session = await getIronSession();\nsession.basket = 1;",
        "import { getAuth } from 'firebase-admin/auth';\ngetAuth().createCustomToken('a');",
        "import { client } from './client';\nclient().from('a').select();",
        "import { client } from './client';\nclient().auth.admin.signOut('a');",
        "import { jwtVerify } from 'jose';\nresponse.cookies.set('session', jwtVerify('a'));",
        "import { sign } from './sign';\nresponse.cookies.set('oauth_state', sign(1));",
        "import { sign } from './sign';\nresponse.json(sign(1));",
    ],
)
def test_what_owns_none(code: str) -> None:
    assert families(code, sign=SIGN, client=CLIENT) == set()


def test_modules_of_the_configuration_are_a_family() -> None:
    manifest = PACKAGE % ('"@acme/auth": "1.0.0"', "")
    files = {"package.json": manifest, "lib/a.ts": "import { get } from '@acme/auth';\nget();", "lib/b.ts": LUCIA}
    project = Project(snapshot_of({**files, "app/page.tsx": ""}), NAMES, {}, NoCache())
    assert {use.family for use in uses_in(project, {"@acme/*": "acme"})} == {"acme", "lucia"}


def test_scripts_the_server_loads() -> None:
    files = {
        "middleware.ts": "import './lib/a';\nexport default () => 1;",
        "lib/a.ts": "export const a = 1;",
        "app/b/page.tsx": "import type { b } from '../../lib/b';\nexport default () => null;",
        "lib/b.ts": "export const b = 1;",
        "api.js": "require('./lib/c');\nserver.listen(1);",
        "seed.js": "require('./lib/b');",
        "lib/c.ts": "export const c = 1;",
    }
    project = project_of(files, ', "api": "node api.js", "seed": "node seed.js"')
    side = ServerLoads(project.next_apps[0], project, ["lib/a.ts", "lib/b.ts", "lib/c.ts"])
    assert side.loaded == {"lib/a.ts"}
    assert side.beside == {"lib/c.ts"}


AUTH = "import { getServerSession } from 'next-auth';\nexport const session = () => getServerSession();"
IMPORTS = "import { session } from '../lib/auth';\nimport { lucia } from '../lib/lucia';\n"


@pytest.mark.parametrize(
    ("page", "auth", "takes_turns"),
    [
        ("export default () => [session(), lucia.get()];", AUTH, False),
        ("export default () => process.env.NEW ? session() : lucia.get();", AUTH, True),
        ("export default function f() { if (flag) { return session(); } return lucia.get(); }", AUTH, True),
        ("export default () => [session(), lucia.get()];", f"// migrating from lucia\n{AUTH}", True),
        ("export default () => [session(), lucia.get()];", f"const migrate = 1;\n{AUTH}", False),
    ],
)
def test_signs_of_a_migration(page: str, auth: str, takes_turns: bool) -> None:
    project = project_of({"app/page.tsx": IMPORTS + page, "lib/auth.ts": auth, "lib/lucia.ts": LUCIA})
    uses = uses_in(project)
    side = ServerLoads(project.next_apps[0], project, {use.path for use in uses})
    assert side.loaded == {"lib/auth.ts", "lib/lucia.ts"}
    one, other = ([use for use in uses if (use.family == "lucia") == is_lucia] for is_lucia in (True, False))
    assert is_migration(project.code, side.closure, one, other) is takes_turns
