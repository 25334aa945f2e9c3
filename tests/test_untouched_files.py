"""Changes elsewhere that make a file nobody touched run differently, or not at all: told where the change is."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.compare import compare
from reviewer.core.diff import Diff
from reviewer.core.finding import Reported
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

PAGE = "export default function Page() {\n  return null;\n}\n"
MIDDLEWARE = "import { NextResponse } from 'next/server';\nexport const middleware = () => NextResponse.next();\n"


def manifest(version: str, build: str = "next build") -> str:
    scripts = f'  "scripts": {{\n    "build": "{build}",\n    "start": "next start"\n  }}'
    return f'{{\n  "dependencies": {{\n    "next": "{version}"\n  }},\n{scripts}\n}}\n'


def introduced(base: Mapping[str, str], head: Mapping[str, str]) -> list[Reported]:
    rules = frozenset({"middleware-file-not-loaded", "node-api-in-edge-runtime"})
    engine = Engine(built_in_rulebook(), CHECKS, only=rules)
    left, right = snapshot_of(base), snapshot_of(head)
    review = compare(analyse(left, engine), analyse(right, engine), Diff(left, right), engine.config)
    return list(review.findings)


def places(reported: list[Reported]) -> list[tuple[str, str, int]]:
    return [(r.finding.rule, r.anchor.path, r.anchor.line) for r in reported if r.anchor is not None]


def test_a_new_version_that_refuses_two_files_is_told_at_the_version() -> None:
    files = {
        "app/page.tsx": PAGE,
        "middleware.ts": MIDDLEWARE,
        "proxy.ts": "export { middleware } from './middleware';",
    }
    base, head = {**files, "package.json": manifest("15.5.29")}, {**files, "package.json": manifest("16.4.6")}
    assert places(introduced(base, head)) == [("middleware-file-not-loaded", "package.json", 3)]


def test_an_older_version_that_knows_no_proxy_is_told_at_the_version() -> None:
    files = {"app/page.tsx": PAGE, "proxy.ts": "export function proxy() {}\n"}
    base, head = {**files, "package.json": manifest("16.4.6")}, {**files, "package.json": manifest("15.5.29")}
    assert places(introduced(base, head)) == [("middleware-file-not-loaded", "package.json", 3)]
    assert introduced(head, base) == []


def test_a_build_that_turns_to_webpack_is_told_at_the_script() -> None:
    files = {"app/page.tsx": PAGE, "src/middleware.ts": MIDDLEWARE}
    base = {**files, "package.json": manifest("16.4.6")}
    head = {**files, "package.json": manifest("16.4.6", "next build --webpack")}
    reported = introduced(base, head)
    assert places(reported) == [("middleware-file-not-loaded", "package.json", 6)]
    assert reported[0].finding.level == "error"


def test_an_app_folder_that_moves_below_src_leaves_the_middleware_behind() -> None:
    files = {"package.json": manifest("15.5.29"), "middleware.ts": MIDDLEWARE}
    reported = introduced({**files, "app/page.tsx": PAGE}, {**files, "src/app/page.tsx": PAGE})
    assert [(r.finding.rule, r.finding.site.path) for r in reported] == [
        ("middleware-file-not-loaded", "middleware.ts")
    ]
    assert "src/app/page.tsx" in {site.path for site in reported[0].finding.sites}


def test_a_new_pages_folder_that_takes_the_decision_is_told_there() -> None:
    files = {"package.json": manifest("15.5.29"), "src/app/a/page.tsx": PAGE, "src/middleware.ts": MIDDLEWARE}
    reported = introduced(files, {**files, "pages/index.tsx": PAGE})
    assert places(reported) == [("middleware-file-not-loaded", "pages/index.tsx", 1)]


def test_page_extensions_that_leave_the_middleware_out_are_told_there() -> None:
    files = {"package.json": manifest("15.5.29"), "pages/index.page.tsx": PAGE, "middleware.ts": MIDDLEWARE}
    config = "module.exports = {\n  pageExtensions: ['page.tsx', 'page.ts'],\n};\n"
    reported = introduced(files, {**files, "next.config.js": config})
    assert places(reported) == [("middleware-file-not-loaded", "next.config.js", 2)]


def test_a_helper_that_starts_to_need_node_is_told_in_the_helper() -> None:
    middleware = "import { id } from './lib/id';\nexport const middleware = () => new Response(id());\n"
    files = {"package.json": manifest("15.5.29"), "app/page.tsx": PAGE, "middleware.ts": middleware}
    base = {**files, "lib/id.ts": "export const id = () => crypto.randomUUID();\n"}
    head = {**files, "lib/id.ts": "import { randomUUID } from 'crypto';\nexport const id = () => randomUUID();\n"}
    reported = introduced(base, head)
    assert places(reported) == [("node-api-in-edge-runtime", "lib/id.ts", 1)]
    assert reported[0].finding.site.path == "middleware.ts"


def test_an_edge_entry_that_is_renamed_is_no_news() -> None:
    route = "import os from 'os';\nexport const runtime = 'edge';\nexport const GET = () => new Response(os.EOL);\n"
    files = {"package.json": manifest("15.5.29")}
    assert introduced({**files, "app/a/route.js": route}, {**files, "app/b/route.js": route}) == []
