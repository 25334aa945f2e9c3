"""Responses sent in pieces: headers, and what keeps compression off them."""

from __future__ import annotations

import pytest

from reviewer.core.callgraph import CallGraph
from reviewer.core.handlers import handlers_of
from reviewer.core.roles import Route
from reviewer.core.streaming import Streaming, no_transform, streaming_of
from tests.core.trees import code_of

ROUTE = Route("pages/api/a.ts", "pages-api-route", "/api/a")
TYPE = "res.setHeader('Content-Type', 'text/event-stream');"


def _streaming(body: str, before: str = "") -> Streaming:
    code = code_of({ROUTE.path: f"{before}\nexport default (req, res) => {{ {body} res.write('x'); }};"})
    calls = CallGraph(code, frozenset({ROUTE.path}))
    return streaming_of(calls, calls.of(ROUTE.path, handlers_of(code, ROUTE)))


@pytest.mark.parametrize(
    ("body", "compressed"),
    [
        (TYPE, True),
        (f"{TYPE} res.setHeader('cache-control', 'no-cache');", True),
        (f"{TYPE} res.setHeader('cache-control', 'no-cache, no-transform');", False),
        (f"{TYPE} res.setHeader('cache-control', cached);", False),
        (f"{TYPE} res.setHeader('Content-Encoding', 'none');", False),
        (f"{TYPE} res.setHeader(name, 'x');", False),
        (f"{TYPE} res.flush();", False),
        ("res.writeHead(200, ['Content-Type', 'text/event-stream']);", True),
        ("res.writeHead(200, { ...others, 'Content-Type': 'text/event-stream' });", False),
    ],
)
def test_headers_and_flushes_keep_compression_off(body: str, compressed: bool) -> None:
    found = _streaming(body)
    assert found.events is not None
    assert found.may_be_compressed is compressed


def test_headers_of_a_constant_are_read() -> None:
    found = _streaming("res.writeHead(200, HEADERS);", "const HEADERS = { 'Content-Type': 'text/event-stream' };")
    assert found.events is not None
    assert found.events[0].line == 1


def test_no_transform_is_added_to_a_plain_value_only() -> None:
    code = code_of(
        {ROUTE.path: f"\nexport default (req, res) => {{ {TYPE} res.setHeader('Cache-Control', 'no-store'); }};"}
    )
    calls = CallGraph(code, frozenset({ROUTE.path}))
    found = streaming_of(calls, calls.of(ROUTE.path, handlers_of(code, ROUTE)))
    suggestion = no_transform(code, found)
    assert suggestion is not None
    assert "'no-store, no-transform'" in suggestion.replacement
