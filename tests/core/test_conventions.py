"""Files Next loads by their name, the folder it looks in, and the bundler of a build."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reviewer.core.app import App
from reviewer.core.conventions import shape_of
from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from tests.core.trees import NAMES, facts_of

PAGE = "export default function Page() {\n  return null;\n}\n"


def app_of(files: Mapping[str, str], version: str = "15.5.29", scripts: str = '"start": "next start"') -> App:
    manifest = f'{{ "dependencies": {{ "next": "{version}" }}, "scripts": {{ {scripts} }} }}'
    project = Project(snapshot_of({"package.json": manifest, **files}), NAMES, {}, NoCache())
    return project.next_apps[0]


def test_a_root_app_folder_shadows_the_one_in_src() -> None:
    app = app_of({"app/page.tsx": PAGE, "src/app/x/page.tsx": PAGE})
    assert app.app_dir == "app"
    assert app.conventions.dead_directories == ("src/app",)
    assert app.conventions.directory == ""
    assert [route.path for route in app.routes] == ["app/page.tsx"]


@pytest.mark.parametrize(("version", "refused"), [("15.5.29", False), ("16.0.0", False), ("16.4.6", True)])
def test_pages_decides_where_both_routers_lie_apart(version: str, refused: bool) -> None:
    files = {"pages/index.tsx": PAGE, "src/app/a/page.tsx": PAGE, "middleware.ts": "", "src/middleware.ts": ""}
    conventions = app_of(files, version).conventions
    assert conventions.directory == ""
    effective = conventions.effective("middleware")
    assert effective is not None
    assert effective.path == "middleware.ts"
    assert conventions.is_split is refused
    assert conventions.marker == "pages/index.tsx"


@pytest.mark.parametrize(("version", "refused"), [("^15.0.0", False), ("16.4.6", True), (">=15.0.0", None)])
def test_a_folder_called_app_that_is_not_nexts_counts(version: str, refused: bool | None) -> None:
    app = app_of({"app/routes/web.js": "module.exports = 1;", "src/pages/index.js": PAGE}, version)
    assert app.pages_dir == "src/pages"
    assert [route.path for route in app.routes] == ["src/pages/index.js"]
    assert app.conventions.is_split is refused
    assert app.conventions.directory == "src"


def test_page_extensions_name_the_file_next_loads() -> None:
    config = "module.exports = { pageExtensions: ['page.tsx', 'api.ts'] };"
    files = {"next.config.js": config, "pages/index.page.tsx": PAGE, "middleware.ts": "", "middleware.api.ts": ""}
    conventions = app_of(files).conventions
    effective = conventions.effective("middleware")
    assert effective is not None
    assert (effective.path, effective.extension) == ("middleware.api.ts", "api.ts")
    assert conventions.path("proxy", "ts") == "proxy.page.tsx"
    assert {candidate.path for candidate in conventions.candidates} == {"middleware.ts", "middleware.api.ts"}


def test_page_extensions_that_cannot_be_read_are_unknown() -> None:
    config = "module.exports = { pageExtensions: require('./extensions') };"
    conventions = app_of({"next.config.js": config, "pages/index.tsx": PAGE}).conventions
    assert conventions.extensions is None


@pytest.mark.parametrize(
    ("stem", "version", "config", "loaded"),
    [
        ("middleware", "12.1.0", "", False),
        ("middleware", "^12.2.0", "", True),
        ("middleware", "latest", "", None),
        ("proxy", "15.5.29", "", False),
        ("proxy", "^16.0.0", "", True),
        ("proxy", ">=15", "", None),
        ("instrumentation", "14.2.35", "", False),
        ("instrumentation", "14.2.35", "module.exports = { experimental: { instrumentationHook: true } }", True),
        ("instrumentation", "15.0.0", "", True),
    ],
)
def test_conventions_belong_to_versions(stem: str, version: str, config: str, loaded: bool | None) -> None:
    files = {"pages/index.tsx": PAGE, "next.config.js": config or "module.exports = {};"}
    assert app_of(files, version).conventions.loads(stem) is loaded


@pytest.mark.parametrize(
    ("version", "scripts", "name"),
    [
        ("15.5.29", '"build": "next build"', "webpack"),
        ("15.5.29", '"build": "next build --turbopack"', "turbopack"),
        ("15.5.29", '"build": "npm run lint && next build --turbo"', "turbopack"),
        ("16.4.6", '"build": "next build"', "turbopack"),
        ("16.4.6", '"build": "next build --webpack"', "webpack"),
        ("16.4.6", '"build": "next build --webpack --turbopack"', "unknown"),
        ("16.4.6", '"build": "next build $FLAGS"', "unknown"),
        ("16.4.6", '"build": "$BUILD"', "unknown"),
        ("16.4.6", '"build": "NEXT_RSPACK=1 next build"', "rspack"),
        ("16.4.6", '"build": "next build", "build:old": "next build --webpack"', "turbopack"),
        ("16.4.6", '"ship": "next build", "old": "next build --webpack"', "unknown"),
        ("16.4.6", '"dev": "next dev --webpack", "start": "next start"', "turbopack"),
        ("14.2.35", '"start": "next start"', "webpack"),
        (">=15", '"build": "next build"', "unknown"),
        (">=15", '"build": "next build --webpack"', "webpack"),
    ],
)
def test_the_bundler_of_a_build(version: str, scripts: str, name: str) -> None:
    app = app_of({"app/page.tsx": PAGE, "next.config.js": ""}, version, scripts)
    assert app.bundler.name == name


def test_the_place_of_the_build_script() -> None:
    app = app_of({"app/page.tsx": PAGE}, "16.4.6", '"start": "next start",\n"build": "next build --webpack"')
    assert (app.bundler.path, app.bundler.line) == ("package.json", 2)
    assert app_of({"app/page.tsx": PAGE}).bundler.path == ""


def test_an_rspack_plugin_means_rspack() -> None:
    manifest = '{ "dependencies": { "next": "15.5.0", "next-rspack": "15.5.0" }, "scripts": { "build": "next build" } }'
    assert app_of({"package.json": manifest, "app/page.tsx": PAGE}).bundler.name == "rspack"


@pytest.mark.parametrize(
    ("code", "names", "matchers"),
    [
        ("export function middleware() {} export const config = { matcher: '/a' }", {"middleware", "config"}, ("/a",)),
        ("export const config = { matcher: ['/a', { source: '/b' }, other] }; export default a", None, ("/a", "/b")),
        ("export { x as middleware } from './x'", {"middleware"}, ()),
        ("module.exports = { middleware: f, config: { matcher: ['/a'] } }", None, ("/a",)),
        ("export type middleware = string", set(), ()),
    ],
)
def test_the_shape_of_a_middleware_file(code: str, names: set[str] | None, matchers: tuple[str, ...]) -> None:
    shape = shape_of(facts_of(code))
    assert names is None or shape.names == names
    assert shape.matchers == matchers
    assert not shape.is_open


def test_a_file_that_exports_everything_of_another_is_open() -> None:
    assert shape_of(facts_of("export * from './x'")).is_open
    assert shape_of(facts_of("export * from './x'")).modules == {"./x"}


def test_where_a_dependency_is_asked_for() -> None:
    root = '{\n  "dependencies": { "next": "16.4.6" }\n}'
    inner = '{ "name": "web", "scripts": { "start": "next start" } }'
    project = Project(
        snapshot_of({"package.json": root, "web/package.json": inner, "web/app/page.tsx": PAGE}), NAMES, {}, NoCache()
    )
    app = next(app for app in project.next_apps if app.root == "web")
    assert (app.version("next").path, app.version("next").line) == ("package.json", 2)
    assert app.version("express").path == ""


def test_the_file_that_stands_for_a_folder_is_a_script_if_there_is_one() -> None:
    files = {"app/a.ico": "", "app/z/page.tsx": PAGE}
    assert app_of(files).conventions.marker == "app/z/page.tsx"
