"""Which versions an installation may have: specs, catalogs, and the seven formats of lock files."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.files import NoCache
from reviewer.core.snapshot import snapshot_of
from reviewer.core.versions import UNKNOWN, Version, from_spec

Tree = Mapping[str, object]

_MANIFEST: Tree = {"package.json": {"dependencies": {"next": "^15.0.0"}}}
_MEMBER: Tree = {
    "package.json": {"workspaces": ["apps/*"]},
    "apps/web/package.json": {"name": "web", "dependencies": {"next": "^15.0.0"}},
}


def _version(tree: Tree, directory: str = "", name: str = "next") -> Version:
    texts = {path: value if isinstance(value, str) else json.dumps(value) for path, value in tree.items()}
    code = Code(snapshot_of(texts), {}, NoCache())
    return App(code, directory, code.packages[directory]).version(name)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("15.2.2", Version(exact="15.2.2")),
        ("v15.2.2", Version(exact="15.2.2")),
        ("=15.2.2", Version(exact="15.2.2")),
        (" 15.2.2 ", Version(exact="15.2.2")),
        ("15.6.0-canary.59", Version(exact="15.6.0-canary.59")),
        ("^15.1.0", Version((("15.1.0", "16.0.0"),))),
        ("~15.1.0", Version((("15.1.0", "15.2.0"),))),
        ("^0.2.3", Version((("0.2.3", "0.3.0"),))),
        ("^0.0.3", Version((("0.0.3", "0.0.4"),))),
        ("15", Version((("15.0.0", "16.0.0"),))),
        ("15.x", Version((("15.0.0", "16.0.0"),))),
        (">=14.0.0 <16", Version((("14.0.0", "16.0.0"),))),
        ("14 - 15", Version((("14.0.0", "16.0.0"),))),
        ("13 || 15", Version((("13.0.0", "14.0.0"), ("15.0.0", "16.0.0")))),
        ("<=15.2.2", Version((("0.0.0", "15.2.3-0"),))),
        ("npm:next@15.2.2", Version(exact="15.2.2")),
        ("npm:@acme/next@^14.0.0", Version((("14.0.0", "15.0.0"),))),
        ("workspace:^15.0.0", Version((("15.0.0", "16.0.0"),))),
    ],
)
def test_specs_are_read_as_npm_reads_them(spec: str, expected: Version) -> None:
    assert from_spec(spec) == expected


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "*",
        "x",
        "latest",
        "canary",
        "rc",
        "beta",
        "next",
        "npm:next",
        "npm:next@latest",
        "workspace:*",
        "workspace:^",
        "git+https://github.com/vercel/next.js",
        "vercel/next.js",
        "file:../next",
        "link:../next",
        "portal:../next",
        "https://example.com/next-15.2.2.tgz",
        "catalog:",
        "1.2.3.4",
        "||",
        "^",
        ">=15 <14",
        "!15",
        "١.٢.٣",
        "^١٥.0.0",
        "1" * 5000 + ".0.0",
        "^" + "1" * 5000,
        ">=" + " " * 5000,
        "15.2.2 " * 1000,
    ],
)
def test_specs_that_name_no_versions_are_unknown(spec: str) -> None:
    assert from_spec(spec) == UNKNOWN
    assert from_spec(spec).lt("16.0.1") is None


@pytest.mark.parametrize(
    ("spec", "below", "expected"),
    [
        ("15.2.2", "15.2.3", True),
        ("15.2.2", "15.2.2", False),
        ("^15.1.0", "16.0.1", True),
        ("^15.1.0", "16.0.0", True),
        ("^15.1.0", "15.2.0", None),
        ("^15.1.0", "15.1.0", False),
        (">=14", "16.0.1", None),
        (">=14", "14.0.0", False),
        ("^13.4.0", "15.5.0", True),
        ("13 || 15", "14.0.0", None),
        ("13 || 15", "16.0.0", True),
        ("latest", "16.0.1", None),
        ("15.6.0-canary.59", "15.6.0", None),
        ("15.6.0-canary.59", "15.6.1", True),
        ("15.6.0-canary.59", "15.5.0", False),
    ],
)
def test_lt_is_three_valued(spec: str, below: str, expected: bool | None) -> None:
    assert from_spec(spec).lt(below) is expected


def test_within_speaks_about_exact_versions_only() -> None:
    assert from_spec("15.2.2").within(("14.0.0", "14.2.25"), ("15.0.0", "15.2.3")) is True
    assert from_spec("15.2.3").within(("15.0.0", "15.2.3")) is False
    assert from_spec("^15.0.0").within(("15.0.0", "16.0.0")) is None


_NPM_1 = {"lockfileVersion": 1, "dependencies": {"next": {"version": "15.2.2"}}}
_NPM_3 = {"lockfileVersion": 3, "packages": {"": {}, "node_modules/next": {"version": "15.2.2"}}}
_PNPM_5 = """lockfileVersion: 5.4

specifiers:
  next: ^15.0.0

dependencies:
  next: 15.2.2_react@18.2.0

packages:

  /next/15.2.2_react@18.2.0:
    dev: false
"""
_PNPM_6 = """lockfileVersion: '6.0'

overrides:
  next: 14.0.0

dependencies:
  next:
    specifier: ^15.0.0
    version: 15.2.2(react@18.2.0)

packages:
"""
_PNPM_9 = """lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      next:
        specifier: ^15.0.0
        version: 15.2.2(react-dom@19.0.0(react@19.0.0))(react@19.0.0)

  apps/web:
    dependencies:
      next:
        specifier: ^15.0.0
        version: 15.3.0

packages:

  next@15.2.2:
    resolution: {integrity: sha512}
"""
_YARN_1 = """# yarn lockfile v1


"@acme/next@^15.0.0":
  version "9.9.9"

next@^14.0.0:
  version "14.0.0"

"next@>=15 <16", next@^15.0.0:
  version "15.2.2"
  resolved "https://registry.yarnpkg.com/next"
"""
_BERRY = """__metadata:
  version: 8

"next@npm:15.2.2, next@npm:^15.0.0":
  version: 15.2.2
  resolution: "next@npm:15.2.2"
"""
_BUN = """{
  "lockfileVersion": 1,
  "workspaces": {
    "": { "dependencies": { "next": "^15.0.0", }, },
  },
  "packages": {
    "next": ["next@15.2.2", "", { "bin": { "next": "dist/bin/next" } }, "sha512-x"],

    "web/next": ["next@15.3.0", "", {}, "sha512-y"],
  },
}
"""


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("package-lock.json", _NPM_1),
        ("package-lock.json", _NPM_3),
        ("package-lock.json", {**_NPM_1, **_NPM_3, "lockfileVersion": 2}),
        ("npm-shrinkwrap.json", _NPM_3),
        ("pnpm-lock.yaml", _PNPM_5),
        ("pnpm-lock.yaml", _PNPM_6),
        ("pnpm-lock.yaml", _PNPM_9),
        ("pnpm-lock.yaml", _PNPM_9.replace("\n", "\r\n")),
        ("yarn.lock", _YARN_1),
        ("yarn.lock", _YARN_1.replace("\n", "\r\n")),
        ("yarn.lock", _BERRY),
        ("yarn.lock", _BERRY.rstrip("\n")),
        ("bun.lock", _BUN),
    ],
)
def test_lock_files_of_every_format_pin_a_version(name: str, lock: object) -> None:
    assert _version({**_MANIFEST, name: lock}) == Version(exact="15.2.2")


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("pnpm-lock.yaml", _PNPM_9),
        ("bun.lock", _BUN),
        (
            "package-lock.json",
            {
                "packages": {
                    "apps/web/node_modules/next": {"version": "15.3.0"},
                    "node_modules/next": {"version": "9.0.0"},
                }
            },
        ),
        (
            "package-lock.json",
            {
                "packages": {
                    "node_modules/next": {"link": True, "resolved": "libs/next"},
                    "libs/next": {"version": "15.3.0"},
                }
            },
        ),
    ],
)
def test_a_member_has_a_version_of_its_own(name: str, lock: object) -> None:
    assert _version({**_MEMBER, name: lock}, "apps/web") == Version(exact="15.3.0")


def test_a_member_falls_back_to_what_the_root_pins() -> None:
    lock = _PNPM_9.replace("  apps/web:", "  apps/other:")
    assert _version({**_MEMBER, "pnpm-lock.yaml": lock}, "apps/web") == Version(exact="15.2.2")


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        (
            "pnpm-lock.yaml",
            "specifiers:\n  express4: npm:express@^4\n\ndependencies:\n  express4: /express/4.21.2_x@1\n",
        ),
        ("pnpm-lock.yaml", "dependencies:\n  express4:\n    specifier: npm:express@^4\n    version: /express@4.21.2\n"),
        ("pnpm-lock.yaml", "importers:\n  .:\n    dependencies:\n      express4:\n        version: express@4.21.2\n"),
        ("yarn.lock", '"express4@npm:express@^4":\n  version "4.21.2"\n'),
        ("bun.lock", '{"packages": {"express4": ["express@4.21.2", ""]}}'),
        ("package-lock.json", {"packages": {"node_modules/express4": {"name": "express", "version": "4.21.2"}}}),
    ],
)
def test_an_alias_is_pinned_under_its_own_name(name: str, lock: object) -> None:
    tree = {"package.json": {"dependencies": {"express4": "npm:express@^4"}}, name: lock}
    assert _version(tree, name="express4") == Version(exact="4.21.2")


def test_a_patched_package_is_pinned_by_yarn() -> None:
    spec = "patch:next@npm%3A15.2.2#~/.yarn/patches/next.patch"
    tree = {"package.json": {"dependencies": {"next": spec}}, "yarn.lock": f'"next@{spec}":\n  version: 15.2.2\n'}
    assert _version(tree) == Version(exact="15.2.2")


_CATALOGS: list[tuple[str, Tree]] = [
    ("catalog:", {"package.json": {}, "pnpm-workspace.yaml": "packages: [apps/*]\ncatalog:\n  next: ^15.1.0\n"}),
    ("catalog:default", {"package.json": {}, "pnpm-workspace.yaml": "packages: [apps/*]\ncatalog:\n  next: ^15.1.0\n"}),
    (
        "catalog:",
        {"package.json": {}, "pnpm-workspace.yaml": "packages: [apps/*]\ncatalogs:\n  default: {next: ^15.1.0}"},
    ),
    (
        "catalog:web",
        {"package.json": {}, "pnpm-workspace.yaml": "packages: [apps/*]\ncatalogs:\n  web: {next: ^15.1.0}"},
    ),
    ("catalog:", {"package.json": {"workspaces": {"packages": ["apps/*"], "catalog": {"next": "^15.1.0"}}}}),
    ("catalog:web", {"package.json": {"workspaces": ["apps/*"], "catalogs": {"web": {"next": "^15.1.0"}}}}),
    ("catalog:", {"package.json": {"workspaces": ["apps/*"]}, ".yarnrc.yml": "catalog:\n  next: ^15.1.0\n"}),
    (
        "catalog:web",
        {"package.json": {"workspaces": ["apps/*"]}, ".yarnrc.yml": "catalogs:\n  web:\n    next: ^15.1.0\n"},
    ),
]


@pytest.mark.parametrize(("spec", "tree"), _CATALOGS)
def test_catalogs_of_every_package_manager_are_looked_up(spec: str, tree: Tree) -> None:
    member = {"apps/web/package.json": {"dependencies": {"next": spec}}}
    assert _version({**tree, **member}, "apps/web") == Version((("15.1.0", "16.0.0"),))


def test_the_header_of_a_yarn_lock_file_is_the_catalogs_spec() -> None:
    root = {"workspaces": ["apps/*"], "catalog": {"next": "^15.0.0"}}
    member = {"dependencies": {"next": "catalog:"}}
    assert _version({"package.json": root, "apps/web/package.json": member, "yarn.lock": _BERRY}, "apps/web").exact


_ODD: list[object] = [None, 15, 15.2, True, "", [], ["15.2.2"], {}, {"next": 15}, {"next": None}]


@pytest.mark.parametrize("odd", _ODD)
def test_odd_catalogs_leave_the_version_unknown(odd: object) -> None:
    for spec in ("catalog:", "catalog:web"):
        member = {"apps/web/package.json": {"dependencies": {"next": spec}}}
        for workspace in (
            {"packages": ["apps/*"], "catalog": odd, "catalogs": odd},
            {"packages": ["apps/*"], "catalog": {"next": odd}, "catalogs": {"web": odd, "default": {"next": odd}}},
        ):
            tree = {"package.json": {"catalog": odd, "workspaces": workspace}, **member}
            assert _version(tree, "apps/web") == UNKNOWN
            tree = {"package.json": {}, "pnpm-workspace.yaml": json.dumps(workspace), ".yarnrc.yml": json.dumps(odd)}
            assert _version({**tree, **member}, "apps/web") == UNKNOWN


@pytest.mark.parametrize("odd", _ODD)
def test_odd_lock_files_leave_the_spec(odd: object) -> None:
    for lock in (
        odd,
        {"dependencies": odd},
        {"dependencies": {"next": odd}},
        {"dependencies": {"next": {"version": odd}}},
        {"packages": {"node_modules/next": odd}},
        {"packages": {"node_modules/next": {"version": odd}}},
        {"packages": {"node_modules/next": {"link": True, "resolved": odd}}},
    ):
        assert _version({**_MANIFEST, "package-lock.json": lock}) == from_spec("^15.0.0")


@pytest.mark.parametrize(
    "name", ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"]
)
@pytest.mark.parametrize("text", ["", "{", "null", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", "\0\1", "next:\n  x"])
def test_broken_lock_files_leave_the_spec(name: str, text: str) -> None:
    assert _version({**_MANIFEST, name: text}) == from_spec("^15.0.0")


@pytest.mark.parametrize(
    "text", ["catalog: !!bool maybe", "catalog: !!int ''", "catalog: !!float ''", "- 1", "a: [", "\0"]
)
def test_broken_workspace_files_do_not_matter(text: str) -> None:
    assert _version({**_MANIFEST, "pnpm-workspace.yaml": text, ".yarnrc.yml": text}) == from_spec("^15.0.0")


@pytest.mark.parametrize("text", ['{"a": ' + "9" * 5000 + "}", '{"name": "\\ud800"}', "[" * 100_000, "", "[]"])
def test_manifests_that_cannot_be_used_are_no_packages(text: str) -> None:
    assert Code(snapshot_of({"package.json": text}), {}, NoCache()).packages == {}
