"""Packages as they are asked for and installed: several lock files, overrides, aliases, workspaces of every tool."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.express import express_behind
from reviewer.core.files import NoCache
from reviewer.core.snapshot import snapshot_of
from reviewer.core.versions import UNKNOWN, Version, from_spec

Tree = Mapping[str, object]

_PNPM = "importers:\n  .:\n    dependencies:\n      next:\n        version: 15.1.0\n"
_YARN = 'next@^15.0.0:\n  version "15.2.0"\n'
_NPM = {"packages": {"node_modules/next": {"version": "15.3.0"}}}
_LOCKS: Tree = {"pnpm-lock.yaml": _PNPM, "yarn.lock": _YARN, "package-lock.json": _NPM}


def _code(tree: Tree) -> Code:
    texts = {path: value if isinstance(value, str) else json.dumps(value, indent=1) for path, value in tree.items()}
    return Code(snapshot_of(texts), {}, NoCache())


def _app(tree: Tree, directory: str = "") -> App:
    code = _code(tree)
    return App(code, directory, code.packages[directory])


def _next(tree: Tree, **manifest: object) -> Version:
    return _app({"package.json": {"dependencies": {"next": "^15.0.0"}, **manifest}, **tree}).version("next")


@pytest.mark.parametrize(
    ("manifest", "workflow", "exact", "evidence"),
    [
        ({"packageManager": "yarn@4.5.0"}, "", "15.2.0", "high"),
        ({"packageManager": "npm@10.0.0"}, "run: pnpm install", "15.3.0", "high"),
        ({"devEngines": {"packageManager": {"name": "npm"}}}, "", "15.3.0", "high"),
        ({}, "run: npm ci", "15.3.0", "high"),
        ({}, "run: yarn install --frozen-lockfile", "15.2.0", "high"),
        ({}, "run: npm ci\nrun: yarn install", "15.1.0", "medium"),
        ({}, "", "15.1.0", "medium"),
        ({"packageManager": "deno@2"}, "", "15.1.0", "medium"),
        ({"packageManager": None, "devEngines": []}, "", "15.1.0", "medium"),
    ],
)
def test_of_several_lock_files_the_one_in_use_counts(manifest: Tree, workflow: str, exact: str, evidence: str) -> None:
    version = _next({**_LOCKS, ".github/workflows/ci.yml": workflow}, **manifest)
    assert (version.exact, version.evidence) == (exact, evidence)


def test_a_lock_file_that_cannot_be_read_leaves_the_spec_where_its_manager_is_named() -> None:
    tree = {"bun.lockb": "\0", "package-lock.json": _NPM}
    assert _next(tree, packageManager="bun@1.1.0") == from_spec("^15.0.0")
    assert _next(tree) == Version(exact="15.3.0")


def test_the_lock_file_of_the_workspace_comes_before_one_left_in_a_member() -> None:
    root = {"workspaces": ["apps/*"]}
    member = {"name": "web", "dependencies": {"next": "^15.0.0"}}
    tree = {"package.json": root, "apps/web/package.json": member}
    locks = {"package-lock.json": _NPM, "apps/web/yarn.lock": _YARN}
    assert _app({**tree, **locks}, "apps/web").version("next").exact == "15.3.0"
    alone = {"package.json": {}, "apps/web/package.json": member, **locks}
    assert _app(alone, "apps/web").version("next").exact == "15.2.0"


@pytest.mark.parametrize(
    ("manifest", "yaml"),
    [
        ({"overrides": {"next": "14.2.0"}}, ""),
        ({"overrides": {"next": {".": "14.2.0", "react": "18"}}}, ""),
        ({"overrides": {"next": "$next-fixed"}, "devDependencies": {"next-fixed": "14.2.0"}}, ""),
        ({"resolutions": {"next": "14.2.0"}}, ""),
        ({"resolutions": {"**/next": "14.2.0"}}, ""),
        ({"pnpm": {"overrides": {"next": "14.2.0"}}}, ""),
        ({}, "overrides:\n  next: 14.2.0\n"),
        ({"pnpm": {"overrides": {"next": "catalog:"}}}, "catalog:\n  next: 14.2.0\n"),
    ],
)
def test_overrides_decide_where_no_lock_file_does(manifest: Tree, yaml: str) -> None:
    tree = {"pnpm-workspace.yaml": yaml}
    assert _next(tree, **manifest) == Version(exact="14.2.0")
    assert _next({**tree, "package-lock.json": _NPM}, **manifest) == Version(exact="15.3.0")


def test_the_root_of_a_workspace_overrides_for_its_members() -> None:
    root = {"workspaces": ["apps/*"], "resolutions": {"next": "14.2.0"}}
    tree = {"package.json": root, "apps/web/package.json": {"dependencies": {"next": "^15.0.0"}}}
    assert _app(tree, "apps/web").version("next") == Version(exact="14.2.0")
    berry = '__metadata:\n  version: 8\n\n"next@npm:14.2.0":\n  version: 14.2.0\n'
    assert _app({**tree, "yarn.lock": berry}, "apps/web").version("next").lockfile == "yarn.lock"


@pytest.mark.parametrize("odd", [None, 1, "x", [], {"next": None}, {"next": {"react": "1"}}, {"next@^15": "14.2.0"}])
def test_odd_overrides_do_not_matter(odd: object) -> None:
    assert _next({}, overrides=odd, resolutions=odd, pnpm={"overrides": odd}) == from_spec("^15.0.0")
    assert _next({}, pnpm=odd) == from_spec("^15.0.0")


def test_what_is_linked_has_the_version_of_its_own_manifest() -> None:
    lock = "importers:\n  apps/web:\n    dependencies:\n      next:\n        version: link:../../libs/next\n"
    tree: dict[str, object] = {
        "pnpm-workspace.yaml": "packages: ['apps/*']",
        "package.json": {},
        "pnpm-lock.yaml": lock,
    }
    tree["apps/web/package.json"] = {"dependencies": {"next": "workspace:*"}}
    assert _app({**tree, "libs/next/package.json": {"version": "15.0.1", "name": "next"}}, "apps/web").version(
        "next"
    ) == Version(exact="15.0.1")
    assert _app(tree, "apps/web").version("next") == UNKNOWN


def test_a_version_names_where_it_is_asked_for_and_what_pins_it() -> None:
    version = _next({"package-lock.json": _NPM})
    assert (version.path, version.line, version.lockfile) == ("package.json", 3, "package-lock.json")
    root = {"name": "all", "devDependencies": {"next": "^15.0.0"}}
    hoisted = _app({"package.json": root, "apps/web/package.json": {"name": "web"}}, "apps/web").version("next")
    assert (hoisted.path, hoisted.line, hoisted.lockfile) == ("package.json", 4, "")


def test_a_tag_without_a_lock_file_is_unknown() -> None:
    version = _app({"package.json": {"dependencies": {"next": "latest"}}}).version("next")
    assert (version, version.major()) == (UNKNOWN, None)
    assert [version.lt(bound) for bound in ("13.4.0", "16.0.1", "99.0.0")] == [None, None, None]


@pytest.mark.parametrize(
    ("spec", "major"),
    [("15.2.2", 15), ("^15.1.0", 15), ("14 - 15", None), (">=14", None), ("13 || 15", None), ("16.0.0-canary.1", 16)],
)
def test_the_major_is_known_where_every_version_has_it(spec: str, major: int | None) -> None:
    assert from_spec(spec).major() == major


# -- aliases --------------------------------------------------


def _express(app: App, module: str) -> int | None:
    return express_behind(app.code, app.package, module).version.major()


@pytest.mark.parametrize("spec", ["npm:express@^4.21", "npm:express@4.21.2", "catalog:"])
def test_an_alias_is_the_package_behind_it(spec: str) -> None:
    tree = {"package.json": {"dependencies": {"express4": spec, "express": "^5.0.0"}}}
    app = _app({**tree, "pnpm-workspace.yaml": "catalog: {express4: 'npm:express@^4.21'}"})
    assert app.code.aliases == {"express4": "express"}
    assert [_express(app, module) for module in ("express4", "express4/lib/router", "express")] == [4, 4, 5]


@pytest.mark.parametrize(
    ("spec", "behind"),
    [("npm:@acme/web@1", "@acme/web"), ("npm:@acme/web", "@acme/web"), ("npm:web", "web"), ("^1.0.0", None)],
)
def test_aliases_may_have_scopes_and_no_version(spec: str, behind: str | None) -> None:
    app = _app({"package.json": {"dependencies": {"x": spec}}})
    assert app.code.aliases.get("x") == behind


@pytest.mark.parametrize(
    ("nest", "express"),
    [("^11.0.0", 5), ("11.1.2", 5), ("^10.4.0", 4), ("9.0.0", 4), (">=10", None), ("^12.0.0", None), ("latest", None)],
)
def test_nest_brings_an_express_along(nest: str, express: int | None) -> None:
    app = _app({"package.json": {"dependencies": {"@nestjs/platform-express": nest}}})
    assert _express(app, "@nestjs/core") == express


def test_the_express_of_nest_is_not_the_one_asked_for() -> None:
    app = _app({"package.json": {"dependencies": {"@nestjs/platform-express": "^11.0.0", "express": "^4.0.0"}}})
    assert (_express(app, "express"), _express(app, "@nestjs/core"), _express(app, "fastify")) == (4, 5, None)


# -- workspaces --------------------------------------------------


@pytest.mark.parametrize(
    "tree",
    [
        {"package.json": {}, "pnpm-workspace.yaml": "packages: ['apps/*', '!apps/old']"},
        {"package.json": {"workspaces": ["apps/*", "!apps/old"]}},
        {"package.json": {"workspaces": {"packages": ["apps/web"], "nohoist": []}}},
        {"package.json": {}, "lerna.json": '{\n// all\n"packages": ["apps/web",],\n}'},
        {"rush.json": '{"projects": [{"projectFolder": "apps/web"}, {"projectFolder": "apps/gone"}, 1]}'},
    ],
)
def test_members_of_every_kind_of_workspace(tree: Tree) -> None:
    code = _code({**tree, "apps/web/package.json": {"name": "web"}, "apps/old/package.json": {"name": "old"}})
    (workspace,) = code.workspaces
    assert (workspace.root, set(workspace.members)) == ("", {"apps/web"})
    assert code.resolver.by_name.keys() == {"web"}


@pytest.mark.parametrize(
    ("lerna", "members"),
    [({}, set()), ({"version": "1.0.0"}, {"packages/a"}), ({"useWorkspaces": True}, set()), ({"packages": 1}, set())],
)
def test_lerna_has_a_place_for_packages(lerna: Tree, members: set[str]) -> None:
    code = _code({"package.json": {}, "lerna.json": lerna, "packages/a/package.json": {"name": "a"}})
    assert {member for workspace in code.workspaces for member in workspace.members} == members


@pytest.mark.parametrize("text", ["", "{", "[]", '{"projects": 1}', '{"projects": [{"projectFolder": 1}]}'])
def test_odd_workspace_files_have_no_members(text: str) -> None:
    code = _code({"package.json": {}, "rush.json": text, "lerna.json": text, "apps/web/package.json": {}})
    assert all(not workspace.members for workspace in code.workspaces)


_RUSH_LOCK = """importers:

  .:
    dependencies: {}

  ../../../apps/web:
    dependencies:
      next:
        specifier: ^15.0.0
        version: 15.2.2(react@19.0.0)

packages:
"""


def test_rush_keeps_its_catalogs_and_its_lock_file_apart() -> None:
    rush = {"projects": [{"packageName": "web", "projectFolder": "apps/web"}]}
    pnpm = {"globalCatalogs": {"web": {"next": "^15.0.0"}}}
    tree: dict[str, object] = {
        "rush.json": rush,
        "common/config/rush/pnpm-config.json": pnpm,
        "apps/web/package.json": {"dependencies": {"next": "catalog:web"}},
    }
    assert _app(tree, "apps/web").version("next") == from_spec("^15.0.0")
    tree["common/config/rush/pnpm-lock.yaml"] = _RUSH_LOCK
    assert _app(tree, "apps/web").version("next") == Version(exact="15.2.2")


def test_a_catalog_needs_no_members() -> None:
    tree = {"package.json": {"dependencies": {"next": "catalog:"}}, "pnpm-workspace.yaml": "catalog: {next: ^15.1.0}"}
    assert _app(tree).version("next") == from_spec("^15.1.0")
