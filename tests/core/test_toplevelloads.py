"""What routes load at their top, who needs it, and the import moved to the one who does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.lazyimport import moved_into_its_user
from reviewer.core.project import Project
from reviewer.core.roles import Role
from reviewer.core.snapshot import snapshot_of
from reviewer.core.toplevelloads import TopLevelLoad, TopLevelLoads, naming
from tests.core.trees import NAMES

PACKAGE = '{"dependencies": {"next": "15.5.29"}, "scripts": {"build": "next build"}}'
ROUTE = "app/api/a/route.ts"
ROLES: tuple[Role, ...] = ("app-route-handler", "pages-api-route")


def loads(files: Mapping[str, str]) -> list[TopLevelLoad]:
    project = Project(snapshot_of({"package.json": PACKAGE, **files}), NAMES, {}, NoCache())
    marked = naming(project, ["heavy", "use server"])
    return list(TopLevelLoads(project.next_apps[0], project, ["heavy"], marked).all(ROLES))


def needs(code: str, **others: str) -> dict[str, str]:
    files = {f"{name}.ts": text for name, text in others.items()}
    return {need.name: need.demand for load in loads({ROUTE: code, **files}) for need in load.needs}


@pytest.mark.parametrize(
    ("code", "demand"),
    [
        ("import h from 'heavy';\nexport const POST = () => h();", "all"),
        ("import { h } from 'heavy';\nexport const POST = () => list.map(() => h());", "all"),
        ("import * as h from 'heavy';\nconst made = h.make();\nexport const POST = () => made.run();", "all"),
        ("import h from 'heavy';\nfunction run() { return h(); }\nexport const POST = () => a ? run() : 1;", "some"),
        ("import h from 'heavy';\nconst run = () => a ? h() : 1;\nexport const POST = () => run();", "some"),
        ("import h from 'heavy';\nexport const POST = () => { if (a) return h(1); return h(2); };", "all"),
        (
            "import h from 'heavy';\nconst run = () => h();\nexport const POST = withAuth(() => run());",
            "all",
        ),
        ("const h = require('heavy');\nexport const POST = () => h();", "all"),
        ("import 'heavy';\nexport const POST = () => 1;", "none"),
    ],
)
def test_what_a_handler_needs(code: str, demand: str) -> None:
    assert needs(f"{code}\nexport const GET = () => 1;") == {"GET": "none", "POST": demand}


def test_needs_are_followed_through_helpers_and_re_exports() -> None:
    code = (
        "import { pdf, list } from '../../../all';\nexport const GET = () => list();\nexport const POST = () => pdf();"
    )
    everything = "export { pdf } from './pdf';\nexport const list = () => [];"
    heavy = "import h from 'heavy';\nexport const pdf = () => h();"
    assert needs(code, all=everything, pdf=heavy) == {"GET": "none", "POST": "all"}


def test_a_namespace_of_a_helper_is_not_followed() -> None:
    code = "import * as all from '../../../all';\nexport const GET = () => all.list();"
    assert needs(code, all="import h from 'heavy';\nexport const pdf = () => h();") == {"GET": "unknown"}


def test_what_is_loaded_late_as_a_type_or_three_files_away_is_not_loaded_at_the_top() -> None:
    assert loads({ROUTE: "export const GET = async () => (await import('heavy')).default();"}) == []
    assert loads({ROUTE: "import type h from 'heavy';\nexport const GET = () => 1;"}) == []
    chain = {f"{n}.ts": f"export * from './{n + 1}';" for n in range(3)} | {"3.ts": "import h from 'heavy';\nh();"}
    assert loads({ROUTE: "import '../../../0';\nexport const GET = () => 1;", **chain}) == []


def test_modules_of_server_actions_count_where_something_imports_them() -> None:
    actions = "'use server';\nimport h from 'heavy';\nexport async function a() { h(); }\nexport async function b() {}"
    page = "import { a } from './actions';\nexport default () => a();"
    (load,) = loads({"app/actions.ts": actions, "app/page.tsx": page})
    assert {need.name: need.demand for need in load.needs} == {"a": "all", "b": "none"}
    assert loads({"app/actions.ts": actions, "app/page.tsx": "export default () => 1;"}) == []


MOVABLE = (
    "import h, { x as y } from 'heavy';\n"
    "export const GET = () => 1;\n"
    "export async function POST() {\n"
    "  return h(y);\n"
    "}\n"
)


def test_the_import_moves_to_the_handler_that_needs_it() -> None:
    (load,) = loads({ROUTE: MOVABLE})
    suggestion = moved_into_its_user(load)
    assert suggestion is not None
    assert (suggestion.line, suggestion.end_line) == (1, 3)
    assert suggestion.replacement.split("\n") == [
        "export const GET = () => 1;",
        "export async function POST() {",
        "  const { default: h, x: y } = await import('heavy');",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("async function", "function"),
        ("GET = () => 1", "GET = () => h()"),
        ("return h(y);", "const made: h.Made = h(y); return made;"),
        ("export const GET", "const made = y();\nexport const GET"),
        ("import h, { x as y } from", "import h, {\n  x as y,\n} from"),
        ("import h, { x as y } from 'heavy'", "const h = require('heavy')"),
    ],
)
def test_an_import_that_stays(old: str, new: str) -> None:
    (load,) = loads({ROUTE: MOVABLE.replace(old, new)})
    assert moved_into_its_user(load) is None
