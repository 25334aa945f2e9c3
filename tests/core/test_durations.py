"""Durations of route files: how they are written, what they amount to, and where they stand."""

from __future__ import annotations

import pytest

from reviewer.core.durations import Duration, declared, stray
from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from tests.core.trees import NAMES

MANIFEST = '{"dependencies": {"next": "15.5.0"}, "scripts": {"build": "next build"}}'
HANDLER = "\nexport function GET() { return Response.json({}); }"


def _project(files: dict[str, str]) -> Project:
    return Project(snapshot_of({"package.json": MANIFEST, **files}), NAMES, {}, NoCache())


def _declared(text: str, path: str = "app/api/a/route.ts", **others: str) -> Duration | None:
    project = _project({path: text + HANDLER, "lib/limits.ts": others.get("limits", "")})
    (app,) = project.next_apps
    return next((declared(project.code, route, 0) for route in app.routes if route.path == path), None)


@pytest.mark.parametrize(
    ("value", "nature", "seconds"),
    [
        ("300", "literal", 300),
        ("5_000", "literal", 5000),
        ("3e2", "literal", 300),
        ("0x12c", "literal", 300),
        ("60.5", "literal", None),
        ("60 * 5", "computed", 300),
        ("(60 + 30) * 2", "computed", 180),
        ("2 ** 3", "computed", None),
        ("60 - x", "computed", None),
        ("Number(300)", "computed", 300),
        ("Number(1, 2)", "computed", None),
        ("parseInt('300')", "computed", None),
        ("LIMIT", "computed", 90),
        ("TWICE", "computed", None),
        ("shared", "computed", 240),
        ("unknown", "computed", None),
        ("Infinity", "computed", None),
        ("limits.chat", "computed", None),
        ("process.env.X ? 60 : 300", "computed", None),
        ("`${300}`", "computed", None),
        ("-1", "computed", None),
        ("(300)", "computed", 300),
        ("undefined", "unread", None),
        ("'300'", "unread", None),
        ("`300`", "unread", None),
        ("300 as number", "unread", None),
    ],
)
def test_how_a_duration_is_written_and_what_it_amounts_to(value: str, nature: str, seconds: int | None) -> None:
    head = "import { SHARED as shared } from '../../../lib/limits';\nconst LIMIT = 90;\nconst TWICE = f(2);\n"
    found = _declared(f"{head}export const maxDuration = {value};", limits="export const SHARED = 240;")
    assert found is not None
    assert (found.nature, found.seconds, found.text, found.line, found.column) == (nature, seconds, value, 4, 28)


def test_a_sum_without_end_is_not_followed() -> None:
    found = _declared(f"export const maxDuration = {' + '.join(['1'] * 200)};")
    assert found is not None
    assert found.seconds is None


@pytest.mark.parametrize(
    ("path", "text", "place"),
    [
        ("app/page.tsx", "export const maxDuration = 5;", "segment"),
        ("app/layout.tsx", "export const maxDuration: number = 5;", "segment"),
        ("app/loading.tsx", "export const maxDuration = 5;", None),
        ("app/api/a/route.ts", "export let maxDuration = 5;", "segment"),
        ("app/api/a/route.ts", "const maxDuration = 5; export { maxDuration };", "segment"),
        ("app/api/a/route.ts", "// export const maxDuration = 5;", None),
        ("app/api/a/route.ts", "const x = { maxDuration: 5 };", None),
        ("app/api/a/route.ts", "export const config = { maxDuration: 5 };", None),
        ("pages/api/a.ts", "export const config: PageConfig = { maxDuration: 5 };", "pages"),
        ("pages/api/a.ts", "export const config = { 'maxDuration': 5 } satisfies PageConfig;", "pages"),
        ("pages/api/a.ts", "export const config = { api: { bodyParser: false, maxDuration: 5 } };", "nested"),
        ("pages/api/a.ts", "export const config = { api: settings, other: { maxDuration: 5 } };", None),
        ("pages/api/a.ts", "export const maxDuration = 5;", None),
        ("pages/index.tsx", "export const maxDuration = 5;", None),
    ],
)
def test_where_a_duration_counts(path: str, text: str, place: str | None) -> None:
    found = _declared(text, path)
    assert (found.place if found is not None else None) == place


@pytest.mark.parametrize(
    "text",
    [
        "export let maxDuration = 60;",
        "export { maxDuration } from '../../../lib/limits';",
        "const limit = 60;\nexport { limit as maxDuration };",
        "import { maxDuration } from '../../../lib/limits';\nexport { maxDuration };",
    ],
)
def test_exports_that_next_passes_over(text: str) -> None:
    found = _declared(text, limits="export const maxDuration = 60;")
    assert found is not None
    assert (found.nature, found.line) == ("unseen", text.count("\n") + 1)


def test_a_comment_that_speaks_of_the_extended_limit_is_noted() -> None:
    above = _declared("// Extended durations are on for this project.\nexport const maxDuration = 1200;")
    beside = _declared("export const maxDuration = 1200; // 30 min, beta")
    plain = _declared("// long\nexport const maxDuration = 1200;")
    assert [found is not None and found.noted for found in (above, beside, plain)] == [True, True, False]


CONFIG = "export const maxDuration = 60;\n"


@pytest.mark.parametrize(
    ("path", "text", "other", "is_stray"),
    [
        ("app/api/config.ts", CONFIG, "", True),
        ("app/api/config.ts", CONFIG, "import '../config';", True),
        ("app/api/config.ts", CONFIG, "import { other } from '../config'; other();", True),
        ("app/api/config.ts", CONFIG, "import { maxDuration } from '../config'; f(maxDuration);", False),
        ("app/api/config.ts", CONFIG, "export { maxDuration } from '../config';", False),
        ("app/api/config.ts", CONFIG, "import * as config from '../config'; f(config);", False),
        ("app/api/config.ts", CONFIG, "export * from '../config';", False),
        ("app/api/config.ts", CONFIG, "const config = require('../config');", False),
        ("app/api/config.ts", CONFIG + "setTimeout(f, maxDuration);", "", False),
        ("app/api/config.ts", "export const maxDuration = 6 * 10;", "", False),
        ("app/api/settings.ts", CONFIG, "", False),
        ("app/api/settings.ts", CONFIG + "export const runtime = 'nodejs';", "", True),
        ("app/actions.ts", "'use server';\n" + CONFIG, "", True),
        ("app/api/config.test.ts", CONFIG, "", False),
    ],
)
def test_a_duration_where_nobody_reads_it(path: str, text: str, other: str, is_stray: bool) -> None:
    project = _project({path: text, "app/api/a/route.ts": other + HANDLER})
    (app,) = project.next_apps
    assert (stray(app, project.graph, path) is not None) == is_stray


def test_text_with_small_numbers_only_is_not_parsed() -> None:
    project = _project({"app/api/a/route.ts": "export const maxDuration = 60;" + HANDLER})
    (app,) = project.next_apps
    before = project.files.parsed
    assert declared(project.code, app.routes[0], 800) is None
    assert project.files.parsed == before
    assert declared(project.code, app.routes[0], 30) is not None
