"""Parsers of bodies: which middleware is one, and which kinds of body it reads."""

from __future__ import annotations

import pytest

from reviewer.core.bodies import EVERY_MEDIA
from reviewer.core.parsers import Parsers, parser_in
from reviewer.core.registrations import registrations_in
from reviewer.core.symbols import Symbols
from tests.core.trees import NAMES, code_of

PARSERS: Parsers = {
    "json": Symbols.of(NAMES["json_parsers"]),
    "form": Symbols.of(NAMES["form_parsers"]),
    "multipart": Symbols.of(NAMES["multipart_parsers"]),
    "text": Symbols.of(NAMES["text_parsers"]),
    "raw": Symbols.of(NAMES["raw_parsers"]),
}


@pytest.mark.parametrize(
    ("target", "media"),
    [
        ("express.json()", {"json"}),
        ("parse", {"json"}),
        ("express.urlencoded({ extended: true })", {"form"}),
        ("require('body-parser')()", {"json", "form"}),
        ("require('multer')({ dest: 'x' }).any()", {"multipart"}),
        ("express.raw({ type: '*/*' })", EVERY_MEDIA),
        ("express.text({ type: ['application/json', 'text/plain'] })", {"json", "text"}),
        ("express.json({ type: 'application/vnd.x+json' })", set()),
        ("express.json({ type: (req) => true })", set()),
        ("express.json(options)", set()),
        ("express.static('x')", None),
        ("require('cookie-parser')()", None),
    ],
)
def test_what_parsers_read(target: str, media: set[str] | None) -> None:
    code = "const express = require('express'); const server = express(); const parse = express.json();\n"
    code += f"const options = {{ type: 'application/csp-report' }}; server.use({target});"
    tree = code_of({"package.json": "{}", "s.js": code})
    (found,) = registrations_in(tree, "s.js")
    parser = parser_in(tree, found, PARSERS)
    assert (set(parser.media) if parser is not None else None) == media


@pytest.mark.parametrize(
    ("plugin", "media"),
    [
        ("require('@fastify/formbody')", {"form"}),
        ("require('@fastify/multipart'), { attachFieldsToBody: true }", {"multipart"}),
        ("require('@fastify/multipart')", None),
        ("require('@fastify/multipart'), { limits: {} }", None),
    ],
)
def test_plugins_of_fastify(plugin: str, media: set[str] | None) -> None:
    tree = code_of({"package.json": "{}", "s.js": f"const f = require('fastify')(); f.register({plugin});"})
    (found,) = registrations_in(tree, "s.js")
    parser = parser_in(tree, found, PARSERS)
    assert (set(parser.media) if parser is not None else None) == media
