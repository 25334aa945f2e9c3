"""Which files run on Edge, and what they load there that only Node.js has."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reviewer.core.runtime import Declared, EdgeReader, NodeUse, declared_runtime, edge_entries, runtime_of
from tests.core.test_conventions import PAGE, app_of
from tests.core.trees import facts_of

PACKAGES = ("pg", "puppeteer*", "@prisma/client")


def entries(files: Mapping[str, str], version: str = "15.5.29") -> list[tuple[str, str]]:
    return [(entry.path, entry.kind) for entry in edge_entries(app_of(files, version), files.keys())]


def uses(files: Mapping[str, str], safe: tuple[str, ...] = ()) -> list[NodeUse]:
    app = app_of({"pages/index.tsx": PAGE, **files})
    reader = EdgeReader(app, PACKAGES, safe)
    return [use for entry in edge_entries(app, files.keys()) for use in reader.uses(entry)]


def loaded(code: str, **others: str) -> list[str]:
    files = {f"{name}.ts": text for name, text in others.items()}
    return [use.name for use in uses({"middleware.ts": f"{code}\nexport function middleware() {{}}", **files})]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("export const runtime = 'edge'", "edge"),
        ("export const runtime = `edge` as const", "edge"),
        ("export const config = { runtime: 'nodejs' }", "nodejs"),
        ("export const config = { matcher: '/a' }", ""),
        ("export const config = { matcher: '/a' }; export const runtime = 'nodejs'", "nodejs"),
        ("const runtime = 'edge'", ""),
        ("export const runtime = process.env.R", None),
        ("export { runtime } from './x'", None),
        ("export const config = { ...base }", None),
        ("export const config = { [key]: 'edge' }", None),
        ("export const config = { runtime: other }", None),
        ("export const config = make()", None),
    ],
)
def test_the_runtime_a_file_asks_for(code: str, value: str | None) -> None:
    assert declared_runtime(facts_of(code), ("config", "runtime")).value == value


def test_where_the_runtime_is_asked_for() -> None:
    facts = facts_of("\nexport const config = {\n  runtime: 'edge',\n};")
    assert declared_runtime(facts, ("config",)) == Declared("edge", 3, 3, True)


@pytest.mark.parametrize(
    ("path", "code", "runtime"),
    [
        ("app/api/a/route.ts", "export const runtime = 'edge'", "edge"),
        ("app/api/a/route.ts", "export const config = { runtime: 'edge' }", "node"),
        ("app/api/a/route.ts", "export const runtime = R", "unknown"),
        ("app/a/layout.tsx", "export const runtime = 'experimental-edge'", "edge"),
        ("app/a/opengraph-image.tsx", "export const runtime = 'edge'", "edge"),
        ("app/a/loading.tsx", "export const runtime = 'edge'", "node"),
        ("pages/api/a.ts", "export const config = { runtime: 'edge' }", "edge"),
        ("pages/api/a.ts", "export const runtime = 'edge'", "edge"),
        ("pages/api/a.ts", "", "node"),
    ],
)
def test_the_runtime_of_a_route(path: str, code: str, runtime: str) -> None:
    app = app_of({path: code})
    assert runtime_of(app, app.routes[0]) == runtime


def test_entries_are_routes_that_ask_and_files_of_the_convention() -> None:
    files = {
        "app/a/route.ts": "export const runtime = 'edge'",
        "app/b/page.tsx": "'use client'; export const runtime = 'edge'",
        "app/lib.ts": "export const runtime = 'edge'",
        "pages/c.tsx": "export const runtime = 'edge'",
        "middleware.ts": "export function middleware() {}",
        "instrumentation.ts": "",
    }
    expected = [("app/a/route.ts", "route"), ("middleware.ts", "middleware"), ("instrumentation.ts", "instrumentation")]
    assert entries(files) == expected


@pytest.mark.parametrize(
    ("files", "version", "found"),
    [
        ({"middleware.ts": ""}, "16.4.6", True),
        ({"middleware.ts": ""}, "latest", True),
        ({"middleware.ts": ""}, "12.1.0", False),
        ({"proxy.ts": ""}, "16.4.6", False),
        ({"middleware.ts": "", "proxy.ts": ""}, "16.4.6", False),
        ({"middleware.ts": "", "proxy.ts": ""}, "15.5.29", True),
        ({"src/middleware.ts": ""}, "15.5.29", False),
        ({"middleware.ts": "export const runtime = 'nodejs'"}, "16.4.6", False),
        ({"middleware.ts": "export const config = { runtime }"}, "16.4.6", False),
    ],
)
def test_middleware_is_edge_unless_it_asks_for_node(files: Mapping[str, str], version: str, found: bool) -> None:
    assert bool(entries({"pages/index.tsx": PAGE, **files}, version)) is found


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import 'fs'", ["fs"]),
        ("import 'node:fs/promises'", ["node:fs/promises"]),
        ("import { createHash } from 'crypto'; createHash('a')", ["crypto"]),
        ("import fs = require('fs'); fs.x()", ["fs"]),
        ("export { readFile } from 'fs'", ["fs"]),
        ("const { join } = require('path')", ["path"]),
        ("const os = await import('os')", ["os"]),
        ("import 'node:test'", ["node:test"]),
        ("import 'puppeteer-core'; import 'pg/lib/x'", ["puppeteer-core", "pg"]),
        ("import 'events'; import 'node:util'; import 'async_hooks'; import 'process'; import 'test'", []),
        ("import { Stats } from 'fs'; let x: Stats", []),
        ("import type fs from 'fs'", []),
        ("import type fs = require('fs')", []),
        ("import './a'; // 'fs'", []),
        ("if (process.env.NEXT_RUNTIME === 'nodejs') require('fs')", []),
        ("export const config = { unstable_allowDynamic: ['/lib/**'] }; eval('1')", []),
        ("eval('1')", ["eval"]),
    ],
)
def test_what_an_entry_loads_itself(code: str, names: list[str]) -> None:
    assert loaded(code) == names


@pytest.mark.parametrize(
    ("code", "a", "b", "names"),
    [
        ("import { x } from './a'; x()", "import 'fs'; export const x = () => 1", "", ["fs"]),
        ("import { x } from './a'; let y: x", "import 'fs'; export type x = 1", "", []),
        ("import type { x } from './a'", "import 'fs'", "", []),
        ("export * from './a'", "export { y } from './b'", "import 'fs'; export const y = 1", ["fs"]),
        ("import { run } from './a'; run()", "export const run = () => setImmediate(f)", "", ["setImmediate"]),
        (
            "import { other } from './a'; other()",
            "export const run = () => eval(f); export const other = 1",
            "",
            ["eval"],
        ),
        ("import { other } from './a'; other()", "const run = () => eval(f); export const other = () => 1", "", []),
        ("import * as a from './a'; a.other()", "export const run = () => eval(f)", "", ["eval"]),
        (
            "import { b } from './a'; b()",
            "import * as b from './b'; export { b }",
            "export const x = () => eval(f)",
            ["eval"],
        ),
        ("import { b } from './a'; b.x()", "export * as b from './b'", "export const x = () => eval(f)", ["eval"]),
        (
            "import { other } from './a'; other()",
            "run(); function run() { eval(f) } export function other() {}",
            "",
            ["eval"],
        ),
        (
            "import { x } from './a'; x()",
            "import { y } from './b'; export const x = () => y()",
            "export function y() { eval(f) }",
            ["eval"],
        ),
    ],
)
def test_what_an_entry_loads_through_others(code: str, a: str, b: str, names: list[str]) -> None:
    assert loaded(code, a=a, b=b) == names


def test_the_way_has_at_most_four_imports() -> None:
    files = {f"f{i}.ts": f"import './f{i + 1}';" for i in range(6)}
    near = {**files, "middleware.ts": "import './f2';\nexport function middleware() {}", "f5.ts": "import 'fs';"}
    assert [use.name for use in uses(near)] == ["fs"]
    assert [step.path for step in uses(near)[0].chain] == ["middleware.ts", "f2.ts", "f3.ts", "f4.ts"]
    assert uses({**near, "middleware.ts": "import './f1';\nexport function middleware() {}"}) == []


def test_names_that_are_only_passed_by_are_less_certain() -> None:
    files = {
        "middleware.ts": "import { a } from './all';\nexport const middleware = () => a();",
        "all.ts": "export { a } from './a';\nexport { b } from './b';",
        "a.ts": "export const a = () => 1;",
        "b.ts": "import 'fs';\nexport const b = () => 1;",
    }
    assert [(use.name, use.evidence) for use in uses(files)] == [("fs", "medium")]


def test_calls_that_run() -> None:
    files = {
        "middleware.ts": "import { a } from './a';\nexport const middleware = () => a();",
        "a.ts": "import { Pool } from 'pg';\nexport const a = () => 1;\nexport const b = () => new Pool();",
    }
    assert [use.called for use in uses(files)] == [False]
    assert [use.called for use in uses({**files, "a.ts": files["a.ts"].replace("=> 1", "=> b()")})] == [True]


@pytest.mark.parametrize(("module", "found"), [("url", False), ("url/", False), ("node:url", True), ("zlib", True)])
def test_a_package_may_stand_in_for_a_node_module(module: str, found: bool) -> None:
    manifest = '{ "dependencies": { "next": "15.5.29", "url": "1.0.0" }, "scripts": { "start": "next start" } }'
    code = f"import '{module}';\nexport function middleware() {{}}"
    assert bool(uses({"package.json": manifest, "middleware.ts": code})) is found


def test_unknown_page_extensions_make_middleware_less_certain() -> None:
    files = {"next.config.js": "module.exports = { pageExtensions: list };", "pages/index.tsx": PAGE}
    app = app_of({**files, "middleware.ts": "export function middleware() {}"})
    assert [entry.evidence for entry in edge_entries(app, ())] == ["medium"]


def test_what_counts_as_safe() -> None:
    code = "import { Pool } from 'pg/edge';\nexport const middleware = () => new Pool();"
    assert [use.name for use in uses({"middleware.ts": code})] == ["pg"]
    assert uses({"middleware.ts": code}, ("pg/edge",)) == []
    assert uses({"middleware.ts": code}, ("pg",)) == []


def test_a_driver_adapter_makes_prisma_run() -> None:
    code = "import { PrismaClient } from '@prisma/client';\nexport const middleware = () => new PrismaClient();"
    assert [use.name for use in uses({"middleware.ts": code})] == ["@prisma/client"]
    assert uses({"middleware.ts": f"import '@prisma/adapter-neon';\n{code}"}) == []


@pytest.mark.parametrize(
    ("version", "config", "is_edge"),
    [
        ("14.2.35", "module.exports = {};", True),
        ("15.1.0", "module.exports = { experimental: { nodeMiddleware: true } };", True),
        ("15.3.0", "module.exports = {};", True),
        ("15.3.0", "module.exports = { experimental: { nodeMiddleware: true } };", False),
        ("15.5.29", "module.exports = {};", False),
    ],
)
def test_middleware_chooses_node_where_its_next_lets_it(version: str, config: str, is_edge: bool) -> None:
    files = {
        "pages/index.tsx": PAGE,
        "next.config.js": config,
        "middleware.ts": "export const config = { runtime: 'nodejs' };\nexport function middleware() {}",
    }
    assert (("middleware.ts", "middleware") in entries(files, version)) is is_edge
