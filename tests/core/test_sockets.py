"""WebSocket servers and listeners for upgrades, and the HTTP server each belongs to."""

from __future__ import annotations

import pytest

from reviewer.core.sockets import Socket, sockets_in, upgrades_in
from tests.core.trees import code_of

_START = """const { createServer } = require('http'); const express = require('express'); const next = require('next');
const { WebSocketServer } = require('ws'); const { Server } = require('socket.io');
const nextApp = next({}); const app = express();
const server = createServer(app);
"""


def _sockets(text: str) -> list[Socket]:
    return list(sockets_in(code_of({"package.json": "{}", "server.js": _START + text}), "server.js"))


@pytest.mark.parametrize(
    "text",
    [
        "new WebSocketServer({ server });",
        "const options = { server: server, path: '' }; new WebSocketServer(options);",
        "new Server(server);",
        "require('express-ws')(app, server);",
        "attach(server); function attach(http) { new WebSocketServer({ server: http }); }",
        "function attach(http) { return new Server(http, { cors: {} }); } attach(server);",
    ],
)
def test_the_server_a_socket_is_attached_to(text: str) -> None:
    (socket,) = _sockets(text)
    assert socket.server == f"server.js:{_START.index('createServer(app)')}"
    assert socket.url == ""


def test_a_listening_application_is_another_server() -> None:
    first, second = _sockets("const l = app.listen(1); new WebSocketServer({ server: l }); new Server(server);")
    assert first.server != second.server


def test_a_socket_of_its_own_is_attached_to_none() -> None:
    assert [socket.server for socket in _sockets("new WebSocketServer({ noServer: true }); new Server(3001);")] == [
        "",
        "",
    ]


def test_paths_are_literal_or_unknown() -> None:
    found = _sockets("new WebSocketServer({ path: '/a' }); new WebSocketServer({ path: process.env.P });")
    assert [socket.url for socket in found] == ["/a", None]


def test_listeners_say_whom_they_serve() -> None:
    text = """const wss = new WebSocketServer({ noServer: true }); const upgrade = nextApp.getUpgradeHandler();
    server.on('upgrade', (req, socket, head) => {
      if (req.url === '/ws') wss.handleUpgrade(req, socket, head, () => {}); else socket.destroy();
    });
    server.on('upgrade', (req, socket, head) => upgrade(req, socket, head));
    server.on('upgrade', upgrade); server.on('close', () => {});"""
    code = code_of({"package.json": "{}", "server.js": _START + text})
    (socket,) = sockets_in(code, "server.js")
    own, wrapped, plain = upgrades_in(code, "server.js")
    assert (own.handles, own.destroys, own.forwards) == (frozenset({socket.identity}), True, False)
    assert (wrapped.forwards, plain.forwards, plain.destroys) == (True, True, False)
    assert own.server == plain.server != ""


@pytest.mark.parametrize(
    ("body", "destroys"),
    [
        ("if (req.url === '/ws') wss.handleUpgrade(req, socket, head, f); else socket.destroy();", True),
        ("if (req.url === '/ws') { wss.handleUpgrade(req, socket, head, f); return; } socket.end();", True),
        ("if (!ok(req)) { socket.destroy(); return; } wss.handleUpgrade(req, socket, head, f);", False),
        ("if (req.url === '/_next/hmr') return; if (a) wss.handleUpgrade(req, s, h, f); else socket.destroy();", False),
        ("socket.destroy();", True),
        ("wss.handleUpgrade(req, socket, head, f); req.destroy();", False),
    ],
)
def test_a_listener_closes_what_it_does_not_know(body: str, destroys: bool) -> None:
    text = "const wss = new WebSocketServer({ noServer: true });\n"
    text += f"server.on('upgrade', (req, socket, head) => {{ {body} }});"
    (upgrade,) = upgrades_in(code_of({"package.json": "{}", "server.js": _START + text}), "server.js")
    assert upgrade.destroys is destroys
