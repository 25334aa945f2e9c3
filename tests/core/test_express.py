"""Express: which versions an import brings, and which paths version 5 rejects."""

from __future__ import annotations

import json

import pytest

from reviewer.core.express import express_behind, may_bring_5
from reviewer.core.expresspaths import equivalent, rejected
from tests.core.trees import code_of


@pytest.mark.parametrize(
    ("dependencies", "module", "is_below_5"),
    [
        ({"express": "^5.0.0"}, "express", False),
        ({"express": "4.22.3"}, "express", True),
        ({"express": ">=4"}, "express", None),
        ({}, "express", None),
        ({"express4": "npm:express@^4.21.0"}, "express4", True),
        ({"web": "npm:express@5.1.0"}, "web", False),
        ({"express4": "npm:fastify@5.0.0"}, "express4", None),
        ({"koa": "5.0.0"}, "koa", None),
        ({"@nestjs/platform-express": "^11.0.0"}, "@nestjs/core", False),
        ({"@nestjs/platform-express": "^10.0.0"}, "@nestjs/core", True),
        ({"@nestjs/platform-express": ">=10"}, "@nestjs/core", None),
        ({"@nestjs/platform-express": "^11.0.0", "@nestjs/platform-fastify": "^11.0.0"}, "@nestjs/core", None),
    ],
)
def test_versions_of_express(dependencies: dict[str, str], module: str, is_below_5: bool | None) -> None:
    code = code_of({"package.json": json.dumps({"dependencies": dependencies})})
    assert express_behind(code, code.packages[""], module).version.lt("5.0.0") is is_below_5


@pytest.mark.parametrize(
    ("dependencies", "may"),
    [
        ({"express": "^5.0.0"}, True),
        ({"express": ">=4"}, True),
        ({"express": "^4.0.0", "web": "npm:express@5.1.0"}, True),
        ({"express": "^4.0.0", "express4": "npm:express@^4.1.0", "koa": "5.0.0"}, False),
        ({"koa": "5.0.0"}, False),
    ],
)
def test_which_packages_may_import_version_5(dependencies: dict[str, str], may: bool) -> None:
    code = code_of({"package.json": json.dumps({"dependencies": dependencies})})
    assert may_bring_5(code, code.packages[""]) is may


def test_where_it_is_asked_for() -> None:
    manifest = '{\n  "dependencies": {\n    "express": "^5.0.0"\n  }\n}'
    code = code_of({"package.json": manifest, "a/package.json": '{"name": "a"}'})
    site = express_behind(code, code.packages["a"], "express").site
    assert site is not None
    assert (site.path, site.line) == ("package.json", 3)


@pytest.mark.parametrize(
    ("path", "char"),
    [
        *((path, "*") for path in ("*", "/*", "/x/*", "/files/*.*", "/a*/b")),
        *((path, "?") for path in ("/:id?", "/user/:id?", "/ab?cd")),
        *((path, "(") for path in ("/:id(\\d+)", "/(a|b)", "(.*)")),
        ("/.*", "*"),
        ("/a+b", "+"),
        *((path, path[-1]) for path in ("/a!", "/a[", "/x}", "/a/:")),
        *((path, "{") for path in ("/x/{y", "{{/a}")),
        *((path, ":") for path in ("/:123", "/:a:b", "/*a:b")),
        *((path, "") for path in ("/", "/{*splat}", "/*splat", "/x/{*splat}", "{/:id}", "/user{/:id}", "/a-b/:c.:d")),
        *((path, "") for path in ("/a\\+b", "/\\*", '/*"two words"', "/:$a/*_b", "")),
    ],
)
def test_paths_version_5_rejects(path: str, char: str) -> None:
    assert rejected(path) == char


@pytest.mark.parametrize(
    ("path", "same"),
    [
        ("*", "/{*splat}"),
        ("/*", "/{*splat}"),
        ("/x/*", "/x/{*splat}"),
        ("/x/y.z/*", "/x/y.z/{*splat}"),
        ("/:id?", "{/:id}"),
        ("/user/:id?", "/user{/:id}"),
        ("/:id/*", ""),
        ("/x*", ""),
        ("/:id(\\d+)", ""),
        ("/a/:b?/c", ""),
    ],
)
def test_what_replaces_a_path_is_accepted(path: str, same: str) -> None:
    assert equivalent(path) == same
    assert rejected(same) == ""
