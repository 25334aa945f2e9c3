"""Express without its types: handlers, imports, manifests."""

from __future__ import annotations

import pytest

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.annotations import Annotations, allows_implicit_any, imported_types
from reviewer.core.config import Config
from reviewer.core.snapshot import snapshot_of
from reviewer.core.text import Source
from reviewer.core.untyped import is_untyped_package, mismatched, untyped_handlers, untyped_requires
from reviewer.resources import built_in_rulebook
from tests.core.trees import code_of

HEAD = "import express from 'express';\nimport { list } from './list';\nconst app = express();\n"


def _handlers(line: str, other: str = "", options: str = "{}") -> list[tuple[str, str, tuple[str, ...]]]:
    tsconfig = f'{{"compilerOptions": {options}}}'
    code = code_of({"package.json": "{}", "tsconfig.json": tsconfig, "a.ts": HEAD + line, "list.ts": other})
    found = untyped_handlers(code, Annotations(code), "a.ts")
    return [(item.path, item.nature, tuple(p.name for p in item.parameters)) for item in found]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("app.get('/', (req: any, res: any) => res.end());", ("req", "res")),
        ("app.get('/', async function (req: Request, res: any) {});", ("res",)),
        ("app.get('/', (req, res: any, next: any) => next());", ("res",)),
        ("app.use((err: any, req: any, res, next) => next());", ("req",)),
        ("app.use((err: any, req, res, next: any) => next());", None),
        ("app.get('/', (req, res) => res.end());", None),
        ("app.get('/', (req: Request<any>, res: Response) => res.end());", None),
        ("other.get('/', (req: any, res: any) => res.end());", None),
        ("app.get('/', ({ body }: any) => body);", ("",)),
    ],
)
def test_parameters_that_are_any(line: str, names: tuple[str, ...] | None) -> None:
    assert _handlers(line) == ([("a.ts", "annotated", names)] if names is not None else [])


@pytest.mark.parametrize(
    ("other", "options", "nature"),
    [
        ("export const list = (req: any, res: any) => res.end();", "{}", "annotated"),
        ("export function list(req, res) { res.end(); }", '{"noImplicitAny": false}', "implicit"),
        ("export function list(req, res) { res.end(); }", '{"strict": true}', None),
        ("export function list(req, res) { res.end(); }", "{}", None),
        ("export const list = (req: Request, res: Response) => res.end();", '{"noImplicitAny": false}', None),
    ],
)
def test_handlers_of_another_file(other: str, options: str, nature: str | None) -> None:
    found = _handlers("app.get('/', list);", other, options)
    assert found == ([("list.ts", nature, ("req", "res"))] if nature is not None else [])


def test_the_nearest_tsconfig_decides_about_implicit_types() -> None:
    loose, strict = '{"compilerOptions": {"noImplicitAny": false}}', '{"compilerOptions": {}}'
    code = code_of({"tsconfig.json": loose, "api/tsconfig.json": strict, "api/a.ts": "", "b.ts": ""})
    assert [allows_implicit_any(code, path) for path in ("api/a.ts", "b.ts")] == [False, True]
    assert not allows_implicit_any(code_of({"b.ts": ""}), "b.ts")


@pytest.mark.parametrize(
    ("line", "is_untyped"),
    [
        ("const express = require('express');", True),
        ("import express = require('express');", False),
        ("import express from 'express';", False),
        ("const express = require('express') as typeof import('express');", False),
        ("const express: typeof import('express') = require('express');", False),
        ("const cors = require('cors');", False),
    ],
)
def test_a_require_has_no_type(line: str, is_untyped: bool) -> None:
    assert (list(untyped_requires(code_of({"a.ts": line}), "a.ts")) != []) == is_untyped


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import { Request, Response } from 'express';", {"Request", "Response"}),
        ("import type { Request } from 'express';\nimport express, { type Response } from \"express\";", None),
        ("import { Request as R } from 'express';", set()),
        ("import { Request, Response } from 'node-fetch';", set()),
    ],
)
def test_names_imported_for_types(text: str, names: set[str] | None) -> None:
    expected = {"Request", "Response"} if names is None else names
    assert imported_types(Source(text.encode()), "express") == expected


EXPRESS = '{"dependencies": {"express": "5.1.0"}}'


@pytest.mark.parametrize(
    ("manifest", "files", "is_untyped"),
    [
        (EXPRESS, {"a.ts": HEAD}, True),
        (EXPRESS, {"a.js": HEAD}, False),
        ("{}", {"a.ts": HEAD}, False),
        ('{"dependencies": {"express": "5.1.0", "@types/express": "5.0.0"}}', {"a.ts": HEAD}, False),
        (EXPRESS, {"a.ts": HEAD, "package-lock.json": '{"x": "@types/express"}'}, False),
        (EXPRESS, {"a.ts": HEAD, "types/x.d.ts": 'declare module "express";'}, False),
        (EXPRESS, {"a.ts": "import type { Request } from 'express';"}, False),
    ],
)
def test_a_package_without_the_types(manifest: str, files: dict[str, str], is_untyped: bool) -> None:
    code = code_of({"package.json": manifest, **files})
    assert (is_untyped_package(code, code.packages[""], list(files)) is not None) == is_untyped


@pytest.mark.parametrize(
    ("express", "types", "differ"),
    [("^5.1.0", "^4.17.0", True), ("4.21.2", "5.0.6", True), ("5.1.0", "^5.0.0", False), ("*", "^4.17.0", False)],
)
def test_types_of_another_major_version(express: str, types: str, differ: bool) -> None:
    manifest = f'{{"dependencies": {{"express": "{express}", "@types/express": "{types}"}}}}'
    code = code_of({"package.json": manifest})
    assert (mismatched(code, code.packages[""]) is not None) == differ


@pytest.mark.parametrize(
    ("config", "levels"), [(Config(), []), (Config(levels={"untyped-express": "warning"}), ["warning"])]
)
def test_the_rule_speaks_where_a_repository_switches_it_on(config: Config, levels: list[str]) -> None:
    manifest = '{"dependencies": {"express": "5.1.0", "@types/express": "5.0.6"}, "scripts": {"start": "node a.js"}}'
    tree = {"package.json": manifest, "a.ts": "const express = require('express');\nexpress().listen(3000);\n"}
    found = analyse(snapshot_of(tree), Engine(built_in_rulebook(), CHECKS, config)).findings
    assert [finding.level for finding in found if finding.rule == "untyped-express"] == levels
