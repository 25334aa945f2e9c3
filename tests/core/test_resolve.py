"""Resolution of import specifiers: relative paths, tsconfig paths, workspace packages."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from tests.core.trees import code_of


def resolve(files: Mapping[str, str], importer: str, specifier: str) -> str | None:
    code = code_of({importer: "", **files})
    return code.resolver.resolve(importer, specifier)


def tree(*paths: str, **configs: object) -> dict[str, str]:
    """Empty files at the paths; configurations by name, ``__`` standing for a slash."""
    named = {f"{name.replace('__', '/')}.json": json.dumps(value) for name, value in configs.items()}
    return {**dict.fromkeys(paths, ""), **named}


@pytest.mark.parametrize(
    ("specifier", "paths", "found"),
    [
        ("./b", ["a/b.ts"], "a/b.ts"),
        ("./b", ["a/b.js", "a/b.tsx"], "a/b.tsx"),
        ("./b.js", ["a/b.js", "a/b.ts"], "a/b.js"),
        ("./b.js", ["a/b.ts"], "a/b.ts"),
        ("./b.js", ["a/b.tsx"], "a/b.tsx"),
        ("./b.jsx", ["a/b.tsx"], "a/b.tsx"),
        ("./b.mjs", ["a/b.mts"], "a/b.mts"),
        ("./b.cjs", ["a/b.cts"], "a/b.cts"),
        ("./b.server", ["a/b.server.ts"], "a/b.server.ts"),
        ("./b", ["a/b/index.ts"], "a/b/index.ts"),
        ("./b", ["a/b.ts", "a/b/index.ts"], "a/b.ts"),
        (".", ["a/index.ts"], "a/index.ts"),
        ("..", ["index.js"], "index.js"),
        ("../b", ["b.ts"], "b.ts"),
        ("../a/../b", ["b.ts"], "b.ts"),
        ("../../b", ["b.ts"], None),
        ("../../../etc/passwd", ["etc/passwd"], None),
        ("/b", ["b.ts", "a/b.ts"], None),
        ("b", ["b.ts", "a/b.ts"], None),
        ("./b.css", ["a/b.css"], None),
        ("./missing", [], None),
    ],
)
def test_relative_specifiers(specifier: str, paths: list[str], found: str | None) -> None:
    assert resolve(tree(*paths), "a/x.ts", specifier) == found


@pytest.mark.parametrize(
    ("specifier", "found"),
    [
        ("@/lib/a", "src/lib/a.ts"),
        ("@/lib", "src/lib/index.ts"),
        ("~/a", "src/lib/a.ts"),
        ("exact", "src/only.ts"),
        ("exact/more", None),
        ("lib/a", None),
        ("many/b", "second/b.ts"),
        ("@/lib/../only", "src/only.ts"),
        ("@/../../outside", None),
        ("@/lib/special", "src/special.ts"),
    ],
)
@pytest.mark.parametrize("config", ["tsconfig", "jsconfig"])
def test_paths_of_a_config_are_relative_to_it(config: str, specifier: str, found: str | None) -> None:
    paths = {
        "@/*": ["./src/*"],
        "@/lib/special": ["./src/special"],
        "~/*": ["src/lib/*"],
        "exact": ["./src/only"],
        "many/*": ["./first/*", "./second/*"],
    }
    names = ("src/lib/a.ts", "src/lib/index.ts", "src/only.ts", "second/b.ts", "src/special.ts", "src/lib/special.ts")
    files = {**tree(*names), f"{config}.json": json.dumps({"compilerOptions": {"paths": paths}})}
    assert resolve(files, "app/api/x/route.ts", specifier) == found


def test_a_config_may_hold_comments_and_trailing_commas() -> None:
    config = """{
      // "paths": {"@/*": ["./wrong/*"]},
      /* and { "more" */ "compilerOptions": {
        "baseUrl": "./src", // the "base"
        "paths": { "@/*": ["./*",], "url": ["http://x/*,}"], },
      },
    }"""
    files = {"tsconfig.json": config, "src/a.ts": "", "wrong/a.ts": ""}
    assert resolve(files, "x.ts", "@/a") == "src/a.ts"
    assert resolve(files, "x.ts", "a") == "src/a.ts"


@pytest.mark.parametrize("filler", ["/* ", '"\\', "//", ", "])
def test_a_broken_config_is_noted_in_good_time(filler: str) -> None:
    code = code_of({"tsconfig.json": "{" + filler * 40_000, "x.ts": "", "a.ts": ""})
    started = time.process_time()
    assert code.resolver.resolve("x.ts", "@/a") is None
    assert time.process_time() - started < 2
    assert code.files.problems["tsconfig.json"].message.startswith("it is not valid JSON")


@pytest.mark.parametrize(
    ("specifier", "found"),
    [("@/a", "shared/a.ts"), ("own/a", "apps/web/a.ts"), ("b", "shared/b.ts")],
)
def test_what_extended_configs_say_is_relative_to_them(specifier: str, found: str) -> None:
    files = tree(
        "shared/a.ts",
        "shared/b.ts",
        "apps/web/a.ts",
        shared__base={"compilerOptions": {"paths": {"@/*": ["./*"], "own/*": ["../apps/web/*"]}}},
        shared__url={"compilerOptions": {"baseUrl": "."}},
        shared__strict={"compilerOptions": {"strict": True}},
        apps__web__tsconfig={"extends": ["../../shared/base", "../../shared/url.json", "../../shared/strict"]},
    )
    assert resolve(files, "apps/web/x.ts", specifier) == found


def test_own_paths_replace_inherited_ones() -> None:
    files = tree(
        "a.ts",
        "src/a.ts",
        base={"compilerOptions": {"paths": {"@/*": ["./*"]}}},
        tsconfig={"extends": "./base", "compilerOptions": {"paths": {"~/*": ["./src/*"]}}},
    )
    assert [resolve(files, "x.ts", specifier) for specifier in ("@/a", "~/a")] == [None, "src/a.ts"]


def test_a_config_of_a_workspace_package_can_be_extended() -> None:
    files = tree(
        "apps/web/src/a.ts",
        package={"workspaces": ["apps/*", "packages/*"]},
        apps__web__package={"name": "web"},
        packages__config__package={"name": "@acme/config"},
        packages__config__next={"compilerOptions": {"paths": {"@/*": ["../../apps/web/src/*"]}}},
        apps__web__tsconfig={"extends": "@acme/config/next.json"},
    )
    assert resolve(files, "apps/web/x.ts", "@/a") == "apps/web/src/a.ts"


def test_configs_that_extend_each_other_end() -> None:
    cycle = {
        "extends": ["./tsconfig.json", "./other.json"] * 20,
        "compilerOptions": {"paths": {"@/*": ["./src/*"]}},
    }
    assert resolve(tree("src/a.ts", tsconfig=cycle, other=cycle), "x.ts", "@/a") == "src/a.ts"


def test_the_nearest_config_decides() -> None:
    files = tree(
        "src/a.ts",
        tsconfig={"compilerOptions": {"paths": {"@/*": ["./src/*"]}}},
        apps__web__tsconfig={"compilerOptions": {"strict": True}},
    )
    assert [resolve(files, importer, "@/a") for importer in ("apps/x.ts", "apps/web/x.ts")] == ["src/a.ts", None]


@pytest.mark.parametrize(
    ("manifest", "specifier", "paths", "found"),
    [
        ({}, "@acme/ui", ["src/index.ts"], "src/index.ts"),
        ({}, "@acme/ui", ["index.ts"], "index.ts"),
        ({}, "@acme/ui/button", ["src/button.tsx"], "src/button.tsx"),
        ({}, "@acme/ui/button", ["button.tsx"], "button.tsx"),
        ({"main": "./lib/main.js"}, "@acme/ui", ["lib/main.ts"], "lib/main.ts"),
        ({"main": "dist/index.js"}, "@acme/ui", ["src/index.ts"], "src/index.ts"),
        ({"types": "dist/a/b.d.ts"}, "@acme/ui", ["src/a/b.ts", "index.ts"], "src/a/b.ts"),
        ({"exports": "./entry.js"}, "@acme/ui", ["entry.ts", "index.ts"], "entry.ts"),
        ({"exports": {"import": "./entry.mjs"}}, "@acme/ui", ["entry.mts", "index.ts"], "entry.mts"),
        ({"exports": ["./entry.js"]}, "@acme/ui", ["entry.ts", "index.ts"], "entry.ts"),
        (
            {"exports": {".": {"types": "./t.ts", "default": {"node": "./n.ts"}}}},
            "@acme/ui",
            ["t.ts", "n.ts"],
            "n.ts",
        ),
        ({"exports": {".": {"import": "./dist/index.mjs"}}}, "@acme/ui", ["src/index.ts"], "src/index.ts"),
        ({"exports": {"./*": "./src/*.ts", "./b": "./b.ts"}}, "@acme/ui/b", ["src/b.ts", "b.ts"], "b.ts"),
        ({"exports": {"./*": "./src/*.ts"}}, "@acme/ui/a/b", ["src/a/b.ts"], "src/a/b.ts"),
        ({"exports": {"./x/*.js": "./y/*.js"}}, "@acme/ui/x/b.js", ["y/b.ts"], "y/b.ts"),
        ({"exports": {".": None}, "main": 5}, "@acme/ui", ["index.ts"], "index.ts"),
        ({"main": "../../../../etc/x.js"}, "@acme/ui", [], None),
        ({}, "@acme/other", ["index.ts"], None),
    ],
)
def test_workspace_packages(manifest: dict[str, object], specifier: str, paths: list[str], found: str | None) -> None:
    files = tree(
        *(f"packages/ui/{path}" for path in paths),
        package={"workspaces": ["packages/*"]},
        packages__ui__package={"name": "@acme/ui", **manifest},
    )
    assert resolve(files, "apps/web/x.ts", specifier) == (f"packages/ui/{found}" if found else None)


def test_packages_outside_the_workspace_are_not_followed() -> None:
    files = tree("vendored/ws/index.ts", package={"workspaces": ["packages/*"]}, vendored__ws__package={"name": "ws"})
    assert resolve(files, "x.ts", "ws") is None
