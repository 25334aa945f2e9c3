"""URLs that expressions amount to."""

from __future__ import annotations

import pytest

from reviewer.core.bindings import Scripts
from reviewer.core.httpcalls import HttpCalls
from reviewer.core.urls import shown
from tests.core.trees import code_of

CONFIG = """
export const ROOT = 'https://a.example';
export const paths = { users: '/api/users', deep: { one: '/one' } };
export const base = () => (process.env.VERCEL_URL ? `https://${process.env.VERCEL_URL}` : 'http://localhost:3000');
export default ROOT;
"""


def urls(code: str) -> set[str]:
    """The URLs of every request that is written in a file beside ``config.ts``."""
    http = HttpCalls(Scripts(code_of({"a.ts": code, "config.ts": CONFIG, "barrel.ts": "export * from './config';"})))
    script = http.scripts.of("a.ts")
    assert script is not None
    return {shown(url) for request in http.direct(script) for url in request.urls}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("fetch('/api/' + 'x')", {"/api/x"}),
        ("fetch(`/api/${id}/x`)", {"/api/…/x"}),
        ("const BASE = 'http://x'; fetch(`${BASE}/api`)", {"http://x/api"}),
        ("fetch((process.env['A_URL'] as string) + '/x')", {"$A_URL/x"}),
        ("const { A_URL } = process.env; fetch(`${A_URL}/x`)", {"$A_URL/x"}),
        ("const a = process.env.A_URL ?? '/b'; fetch(a)", {"$A_URL", "/b"}),
        ("let a = ''; if (x) a = 'https://b'; fetch(a + '/c')", {"https://b/c"}),
        ("import { ROOT } from './config'; fetch(ROOT + '/x')", {"https://a.example/x"}),
        ("import { ROOT } from './barrel'; fetch(ROOT + '/x')", {"https://a.example/x"}),
        ("import root from './config'; fetch(root + '/x')", {"https://a.example/x"}),
        ("import { paths } from './config'; fetch(paths.users)", {"/api/users"}),
        ("import { paths } from './config'; fetch(paths.deep.one)", {"/one"}),
        ("import { base } from './config'; fetch(`${base()}/x`)", {"https://$VERCEL_URL/x", "http://localhost:3000/x"}),
        ("import * as c from './config'; fetch(`${c.base()}/x`)", {"https://$VERCEL_URL/x", "http://localhost:3000/x"}),
        ("import { env } from '~/env.mjs'; fetch(env.APP_URL + '/x')", {"$APP_URL/x"}),
        ("function f(a, b) { return a + b; } fetch(f('/a', '/b'))", {"/a/b"}),
        ("const f = (p) => (p.startsWith('/') ? p : `/${p}`); fetch(f('x'))", {"x", "/x"}),
        ("function f(a = '/d') { return a; } fetch(f())", {"/d"}),
        ("fetch(new URL('/api/x', 'https://a.example/y').toString())", {"https://a.example/api/x"}),
        ("const u = new URL('/api/x', req.url); fetch(u.href)", {"…/api/x"}),
        ("fetch(new Request('/api/x'))", {"/api/x"}),
        ("const { origin } = new URL(request.url); fetch(`${origin}/x`)", {"…/x"}),
        ("fetch(unknown)", {"…"}),
        ("const a = b; const b = a; fetch(a)", {"…"}),
    ],
)
def test_what_a_request_asks_for(code: str, expected: set[str]) -> None:
    assert urls(code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import axios from 'axios'; axios.get('/x')", {"/x"}),
        ("import axios from 'axios'; axios({ url: '/x', baseURL: 'https://a' })", {"https://a/x"}),
        ("import axios from 'axios'; const a = axios.create({ baseURL: 'https://a' }); a.post('/x')", {"https://a/x"}),
        ("import axios from 'axios'; const a = axios.create(); a.get('/x')", {"…/x"}),
        ("import ky from 'ky'; const k = ky.extend({ prefixUrl: 'https://a/b' }); k.get('x')", {"https://a/b/x"}),
        ("import got from 'got'; got('https://a')", {"https://a"}),
        ("const f = require('node-fetch'); f('/x')", {"/x"}),
        ("globalThis.fetch('/x')", {"/x"}),
        ("function fetch(a) {} fetch('/x')", set()),
        ("import { fetch } from './other'; fetch('/x')", set()),
        ("const axios = { get() {} }; axios.get('/x')", set()),
        ("searchParams.get('/x')", set()),
    ],
)
def test_which_calls_are_requests(code: str, expected: set[str]) -> None:
    assert urls(code) == expected


def test_constants_made_of_constants_end() -> None:
    doubling = "".join(f"const a{n + 1} = a{n} + a{n};" for n in range(40))
    assert len(urls(f"const a0 = x || y; {doubling} fetch(a40)")) <= 8
