"""Which script a file that a command runs is compiled from."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.entries import source_of
from tests.core.trees import code_of

Tree = Mapping[str, object]


def _source(file: str, tree: Tree, **scripts: str) -> str | None:
    files = {"package.json": {"scripts": scripts}, **tree}
    return source_of(
        code_of({path: text if isinstance(text, str) else json.dumps(text) for path, text in files.items()}), file
    )


@pytest.mark.parametrize(
    ("file", "tree", "found"),
    [
        ("server.js", {"server.js": ""}, "server.js"),
        ("server", {"server.js": ""}, "server.js"),
        ("server", {"server/index.ts": ""}, "server/index.ts"),
        ("", {"package.json": {"main": "./index.js"}, "index.js": ""}, "index.js"),
        ("", {"package.json": {"main": "."}, "index.js": ""}, "index.js"),
        ("dist/server.js", {"server.ts": ""}, "server.ts"),
        ("dist/server.js", {"src/server.ts": ""}, "src/server.ts"),
        ("dist/server.js", {"server.ts": "", "src/server.ts": ""}, None),
        ("dist/server.js", {"other.ts": ""}, None),
        ("dist/server.js", {"test/server.ts": ""}, None),
        ("dist/server.js", {"api/package.json": {"name": "x"}, "api/server.ts": ""}, None),
        (".next/standalone/server.js", {"server.js": ""}, None),
        ("../server.js", {"server.js": ""}, None),
    ],
)
def test_files_and_what_has_their_name(file: str, tree: Tree, found: str | None) -> None:
    assert _source(file, tree) == found


_TWO = {"server.ts": "", "src/server.ts": "", "lib/server.ts": ""}


@pytest.mark.parametrize(
    ("configs", "found"),
    [
        ({"tsconfig.json": {"compilerOptions": {"outDir": "dist", "rootDir": "src"}}}, "src/server.ts"),
        ({"tsconfig.server.json": {"compilerOptions": {"outDir": "./dist", "rootDir": "lib"}}}, "lib/server.ts"),
        ({"tsconfig.server.json": '{ // out\n"compilerOptions": {"outDir": "dist", "rootDir": "."},}'}, "server.ts"),
        (
            {
                "tsconfig.server.json": {"extends": "./tsconfig.base", "compilerOptions": {"outDir": "dist"}},
                "tsconfig.base.json": {"compilerOptions": {"rootDir": "src"}},
            },
            "src/server.ts",
        ),
        ({"tsconfig.json": {"compilerOptions": {"outDir": "dist"}}}, None),
        ({"tsconfig.json": {"compilerOptions": {"outDir": "build", "rootDir": "src"}}}, None),
        ({"tsconfig.json": {"compilerOptions": 1, "extends": "./tsconfig.json"}}, None),
        ({"tsconfig.json": "["}, None),
    ],
)
def test_a_tsconfig_says_where_output_comes_from(configs: Tree, found: str | None) -> None:
    assert _source("dist/server.js", {**_TWO, **configs}) == found


def test_without_a_root_directory_the_only_place_counts() -> None:
    config = {"tsconfig.json": {"compilerOptions": {"outDir": "dist"}}}
    assert _source("dist/server.js", {"src/server.ts": "", "lib/server.ts": "", **config}) == "src/server.ts"


@pytest.mark.parametrize(
    ("file", "script", "found"),
    [
        ("dist/app.js", "esbuild src/server.ts --bundle --outfile=dist/app.js", "src/server.ts"),
        ("dist/app.js", "esbuild --bundle src/server.ts --outfile dist/app.js", "src/server.ts"),
        ("dist/other.js", "esbuild src/server.ts --outfile=dist/app.js", None),
        ("dist/server.js", "esbuild src/server.ts --outdir=dist", "src/server.ts"),
        ("dist/server.js", "tsup lib/server.ts", "lib/server.ts"),
        ("build/server.js", "tsup lib/server.ts -d build", "lib/server.ts"),
        ("build/server.cjs", "tsup lib/server.ts --out-dir build --format cjs", "lib/server.ts"),
        ("dist/server.js", "swc src -d dist", "src/server.ts"),
        ("dist/src/server.js", "swc src -d dist", "src/server.ts"),
        ("dist/server.js", "babel lib --out-dir dist", "lib/server.ts"),
        ("dist/index.js", "ncc build src/server.ts -o dist", "src/server.ts"),
        ("dist/lib/server.js", "tsc --outDir dist", "lib/server.ts"),
        ("dist/server.js", "tsc --outDir dist", None),
        ("dist/server.js", "webpack", None),
    ],
)
def test_scripts_say_what_compilers_write(file: str, script: str, found: str | None) -> None:
    assert _source(file, _TWO, build=script) == found
