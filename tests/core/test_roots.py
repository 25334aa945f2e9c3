"""Which directories are Next applications, and whether a repository is a collection of them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from tests.core.trees import NAMES

Tree = Mapping[str, object]

_NEXT: Tree = {"dependencies": {"next": "15.5.0"}}
_PAGE = "export default function Home() { return null; }"
_SERVER = """const next = require('next');
const app = next({ OPTIONS });
const handle = app.getRequestHandler();
"""


def _project(tree: Tree) -> Project:
    texts = {path: value if isinstance(value, str) else json.dumps(value) for path, value in tree.items()}
    return Project(snapshot_of(texts), {}, {}, NoCache())


def _roots(tree: Tree) -> list[tuple[str, str]]:
    return [(app.root, app.evidence) for app in _project(tree).next_apps]


@pytest.mark.parametrize(
    ("sign", "evidence"),
    [
        ({"next.config.ts": ""}, "high"),
        ({"next.config.mjs": "", "next-env.d.ts": ""}, "high"),
        ({"package.json": {**_NEXT, "scripts": {"dev": "next dev"}}}, "high"),
        ({"package.json": {**_NEXT, "scripts": {"dev": "node server"}}, "server.js": _SERVER}, "high"),
        ({"next-env.d.ts": ""}, "medium"),
        ({"vercel.json": {"framework": "nextjs"}}, "medium"),
        ({"vercel.json": {"services": {"web": {"framework": "nextjs"}}}}, "medium"),
        ({"netlify.toml": '[[plugins]]\npackage = "@netlify/plugin-nextjs"\n'}, "medium"),
        ({"amplify.yml": "applications:\n- {appRoot: ., x: .next}\n"}, "medium"),
    ],
)
def test_a_sign_makes_an_application(sign: Tree, evidence: str) -> None:
    assert _roots({"package.json": _NEXT, "src/pages/index.js": _PAGE, **sign}) == [("", evidence)]


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"package.json": {**_NEXT, "scripts": {"lint": "next lint"}}},
        {"package.json": {"dependencies": {}}, "next.config.js": ""},
        {"package.json": {"peerDependencies": {"next": "15"}}, "next.config.js": ""},
        {"vercel.json": {"framework": "express"}},
        {"netlify.toml": "[build]\n"},
        {"examples/next.config.js": "", "examples/pages/index.js": _PAGE},
    ],
)
def test_without_a_sign_there_is_none(tree: Tree) -> None:
    assert _roots({"package.json": _NEXT, "src/pages/index.js": _PAGE, **tree}) == []


@pytest.mark.parametrize("path", ["pages/readme.md", "app/util.ts", "lib/index.js", "pages/_styles.css"])
def test_an_application_has_something_to_serve(path: str) -> None:
    assert _roots({"package.json": _NEXT, "next.config.js": "", path: ""}) == []


def test_a_library_for_applications_is_none() -> None:
    library = {"name": "kit", "main": "dist/index.js", "peerDependencies": {"next": ">=14"}}
    tree = {"package.json": library, "src/pages/SigninPage.tsx": _PAGE, "next.config.js": ""}
    assert _roots(tree) == []
    assert _roots({**tree, "package.json": {**library, "devDependencies": {"next": "15.0.0"}}}) == []


def test_an_nx_project_has_its_dependencies_at_the_root() -> None:
    executor = {"targets": {"build": {"executor": "@nx/next:build"}, "x": 1}}
    other = {"targets": {"build": {"executor": "@nx/js:tsc"}}}
    tree = {
        "package.json": _NEXT,
        "nx.json": {},
        "apps/shop/project.json": executor,
        "apps/shop/pages/index.tsx": _PAGE,
        "libs/ui/project.json": other,
        "libs/ui/pages/index.tsx": _PAGE,
    }
    (app,) = _project(tree).next_apps
    assert (app.root, app.package.dir, app.version("next").exact) == ("apps/shop", "", "15.5.0")
    old = {"architect": {"build": {"builder": "@nrwl/next:build"}}}
    assert _roots({**tree, "apps/shop/project.json": old}) == [("apps/shop", "high")]
    assert _roots({path: text for path, text in tree.items() if path != "nx.json"}) == []


@pytest.mark.parametrize(
    ("options", "script", "root"),
    [
        ("dir: './web'", "node server.js", "web"),
        ("dir: __dirname", "node web/server.js", "web"),
        ("dev: false", "node server.js", ""),
        ("dir: place", "node server.js", ""),
        ("", "node dist/server.js", ""),
    ],
)
def test_a_custom_server_names_the_directory(options: str, script: str, root: str) -> None:
    package = {**_NEXT, "scripts": {"start": script}}
    server = _SERVER.replace("OPTIONS", options)
    path = script.removeprefix("node ").replace("dist/server.js", "src/server.ts")
    tree = {"package.json": package, path: server, "web/pages/index.js": _PAGE, "pages/index.js": _PAGE}
    assert _roots(tree) == [(root, "high")]


@pytest.mark.parametrize(
    ("path", "text", "root"),
    [
        ("vercel.json", {"services": {"web": {"root": "apps/web", "framework": "nextjs"}}}, "apps/web"),
        ("netlify.toml", '[build]\nbase = "apps/web"\n[[plugins]]\npackage = "@netlify/plugin-nextjs"', "apps/web"),
        ("amplify.yml", "applications: [{appRoot: apps/web, dir: .next}]", "apps/web"),
    ],
)
def test_a_host_file_above_names_the_application(path: str, text: object, root: str) -> None:
    tree = {"package.json": {}, "apps/web/package.json": _NEXT, "apps/web/app/page.tsx": _PAGE, path: text}
    assert _roots(tree) == [(root, "medium")]
    assert _roots({**tree, "apps/web/package.json": {}}) == []


def test_services_of_one_project_stand_side_by_side() -> None:
    services = {"web": {"root": "apps/web", "framework": "nextjs"}, "api": {"root": "apps/api", "framework": "express"}}
    tree = {
        "vercel.json": {"services": services},
        "apps/web/package.json": _NEXT,
        "apps/web/app/page.tsx": _PAGE,
        "apps/api/package.json": {"dependencies": {"express": "5.0.0"}},
    }
    apps = {app.root: (app.kind, app.deployment.target, app.deployment.model) for app in _project(tree).apps}
    assert apps == {"apps/web": ("next", "vercel", "function"), "apps/api": ("service", "vercel", "function")}


def test_a_service_behind_an_adapter_is_a_function() -> None:
    package = {"dependencies": {"express": "5.0.0", "serverless-http": "3.0.0"}}
    tree = {"package.json": package, "index.js": "exports.handler = require('serverless-http')(app)"}
    (service,) = _project(tree).apps
    assert (service.kind, service.deployment.model, service.deployment.target) == ("service", "function", "lambda")


def test_the_only_service_has_the_files_above_it() -> None:
    service = {"api/package.json": {"dependencies": {"express": "5.0.0"}}, "fly.toml": "app = 'x'"}
    assert [app.deployment.target for app in _project(service).apps] == ["fly"]
    started = {"dependencies": {"koa": "2.0.0"}, "scripts": {"start": "node index.js"}}
    two = {"jobs/package.json": started, "api/package.json": started, "fly.toml": "app = 'x'"}
    assert [app.deployment.target for app in _project(two).apps] == ["unknown", "unknown"]


def test_files_above_are_no_ones_where_a_service_is_started_too() -> None:
    web = {"package.json": _NEXT, "next.config.js": "", "pages/index.js": _PAGE}
    tree = {**{f"web/{path}": text for path, text in web.items()}, "fly.toml": "app = 'x'"}
    service: dict[str, object] = {"dependencies": {"express": "5.0.0"}}
    assert [app.deployment.target for app in _project({**tree, "api/package.json": service}).next_apps] == ["fly"]
    service["scripts"] = {"start": "node index.js"}
    assert [app.deployment.target for app in _project({**tree, "api/package.json": service}).next_apps] == ["unknown"]


def test_an_export_runs_no_server() -> None:
    tree = {"next.config.js": "module.exports = { output: 'export' }", "server.js": _SERVER, "Dockerfile": "FROM node"}
    (app,) = _project({"package.json": _NEXT, "pages/index.js": _PAGE, **tree}).next_apps
    assert (app.is_static, app.deployment.model) == (True, "static")


# -- collections --------------------------------------------------


def _apps(*roots: str) -> dict[str, object]:
    tree: dict[str, object] = {}
    for root in roots:
        tree |= {f"{root}/package.json": _NEXT, f"{root}/next.config.js": "", f"{root}/pages/index.js": _PAGE}
    return tree


_WORKSPACE: Tree = {"package.json": {"workspaces": ["**"]}}


@pytest.mark.parametrize(
    ("roots", "workspace", "expected"),
    [
        ([f"{number:02}-chapter" for number in range(30)], False, True),
        ([f"{number:02}-chapter" for number in range(30)], True, False),
        (["a", "b", "c", "d", "e"], False, False),
        (["book/a", "book/b", "web"], True, True),
        (["book/a", "book/b", "web", "docs-site"], True, False),
        (["starters/web"], True, False),
        (["1-begin", "1-end"], True, True),
        (["x/2-start", "y/2-final"], True, False),
        (["1-begin", "web"], True, False),
        (["apps/web", "apps/admin"], True, False),
        ([], False, False),
    ],
)
def test_collections(roots: list[str], workspace: bool, expected: bool) -> None:
    assert _project({**_apps(*roots), **(_WORKSPACE if workspace else {})}).is_collection is expected


@pytest.mark.parametrize(
    ("version", "config", "app_dir"),
    [
        ("13.2.4", "module.exports = { experimental: { appDir: true } };", "app"),
        ("13.2.4", "module.exports = {};", ""),
        ("12.3.4", "module.exports = { experimental: { appDir: true } };", ""),
        ("13.4.0", "module.exports = {};", "app"),
    ],
)
def test_the_app_router_could_be_tried_from_next_13_on(version: str, config: str, app_dir: str) -> None:
    manifest = json.dumps({"dependencies": {"next": version}, "scripts": {"start": "next start"}})
    pages = {"app/page.tsx": "export default () => null;", "pages/old.tsx": "export default () => null;"}
    project = Project(snapshot_of({"package.json": manifest, "next.config.js": config, **pages}), NAMES, {}, NoCache())
    assert [app.app_dir for app in project.next_apps] == [app_dir]
