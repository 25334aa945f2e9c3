"""Where a change that makes an old line wrong is told: on the line that the change adds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.compare import compare
from reviewer.core.diff import Diff
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

Files = Mapping[str, str]

ENGINE = Engine(built_in_rulebook(), CHECKS)
_SERVER = """const express = require('express');
const next = require('next');
const app = next({ dev: false });
const handle = app.getRequestHandler();
const server = express();
server.use(express.json());
server.CALL('PATH', (req, res) => handle(req, res));
server.listen(3000);
"""


def _tree(express: str, call: str = "all", path: str = "/{*splat}", next_: str = "15.5.29", **others: str) -> Files:
    manifest = {"dependencies": {"next": next_, "express": express}, "scripts": {"start": "node server.js"}}
    server = _SERVER.replace("CALL", call).replace("PATH", path)
    named = {name.replace("__", "/") + ".js": text for name, text in others.items()}
    return {
        "package.json": json.dumps(manifest, indent=2),
        "server.js": server,
        "pages/index.js": "export default function Home() { return null; }\n",
        **named,
    }


_HANDLER = "export default function handler(req, res) { res.end(); }\n"
_ROUTE = "export async function POST(request) {\n  return Response.json(await request.json());\n}\n"
_PAGE = "export default function Page() { return null; }\n"


@pytest.mark.parametrize(
    ("base", "head", "rule", "anchor"),
    [
        (_tree("4.22.3", path="*"), _tree("5.1.0", path="*"), "express5-wildcard-path", ("package.json", 4)),
        (
            _tree("4.22.3", pages__api__x=_HANDLER),
            _tree("5.1.0", pages__api__x=_HANDLER),
            "express5-pages-api-query",
            ("package.json", 4),
        ),
        (_tree("5.1.0"), _tree("5.1.0", pages__api__x=_HANDLER), "express5-pages-api-query", ("pages/api/x.js", 1)),
        (
            _tree("4.22.3", app__page=_PAGE),
            _tree("4.22.3", app__page=_PAGE, app__api__save__route=_ROUTE),
            "body-parser-before-next",
            ("app/api/save/route.js", 1),
        ),
        (
            _tree("4.22.3", "get", "*", app__page=_PAGE),
            _tree("4.22.3", "get", "*", app__page=_PAGE, app__api__save__route=_ROUTE),
            "custom-server-route-order",
            ("app/api/save/route.js", 1),
        ),
        (_tree("4.22.3", path="/own"), _tree("4.22.3", "get", "*"), "custom-server-route-order", ("server.js", 7)),
    ],
)
def test_a_finding_stands_on_the_line_that_brings_it(
    base: Files, head: Files, rule: str, anchor: tuple[str, int]
) -> None:
    left, right = snapshot_of(base), snapshot_of(head)
    review = compare(analyse(left, ENGINE), analyse(right, ENGINE), Diff(left, right), ENGINE.config)
    (found,) = [found for found in review.findings if found.finding.rule == rule]
    assert found.anchor is not None
    assert (found.anchor.path, found.anchor.line) == anchor
