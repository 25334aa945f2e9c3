"""Nest: the parsers of bodies it brings, and where it renders with Next."""

from __future__ import annotations

import pytest

from reviewer.core.nest import default_parsers, renders_with_next
from tests.core.trees import code_of


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("Main", True),
        ("Main, { logger: false }", True),
        ("Main, { bodyParser: true }", True),
        ("Main, { bodyParser: false }", False),
        ("Main, { bodyParser: process.env.PARSE }", False),
        ("Main, { ...options }", False),
        ("Main, options", False),
        ("Main, new FastifyAdapter()", False),
    ],
)
def test_default_parsers(arguments: str, found: bool) -> None:
    text = "import { NestFactory } from '@nestjs/core';\nimport { options } from './o';\n"
    code = code_of({"package.json": "{}", "main.ts": text + f"const app = NestFactory.create({arguments});"})
    assert [site.line for site in default_parsers(code, ["main.ts"])] == ([3] if found else [])


def test_where_next_renders() -> None:
    text = "import Next from 'next'; RenderModule.forRootAsync(Next({}), {}); RenderModule.forRoot({});"
    code = code_of({"package.json": "{}", "m.ts": text, "n.ts": "RenderModule.forRoot(other);"})
    site = renders_with_next(code, ["n.ts", "m.ts"])
    assert site is not None
    assert (site.path, site.line) == ("m.ts", 1)
    assert renders_with_next(code, ["n.ts"]) is None
