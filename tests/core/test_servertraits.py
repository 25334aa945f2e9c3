"""What a custom server does besides registering, what it is started for, and which host asks for it."""

from __future__ import annotations

import json

import pytest

from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.servertraits import host_entry, purpose_of, traits_of
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

_NEXT = "const next = require('next'); const app = next({ dev: false }); const handle = app.getRequestHandler();\n"
_HTTP = "const http = require('http'); const server = http.createServer((req, res) => handle(req, res));\n"


def _project(server: str, scripts: dict[str, str] | None = None, **files: str) -> Project:
    manifest = {"dependencies": {"next": "15.5.29", "ws": "8.0.0"}, "scripts": scripts or {"start": "node server.js"}}
    base = {
        "package.json": json.dumps(manifest),
        "next.config.js": "module.exports = {};",
        "pages/index.js": "export default function Home() { return null; }",
        "server.js": server,
    }
    named = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
    return Project(snapshot_of({**base, **named}), built_in_rulebook().names, {}, NoCache())


def _traits(server: str) -> list[tuple[str, str]]:
    (found,) = _project(server).custom_servers
    return [(trait.kind, trait.label) for trait in traits_of(found)]


@pytest.mark.parametrize(
    ("code", "trait"),
    [
        ("require('newrelic');", ("instrumentation", "newrelic")),
        ("require('@opentelemetry/sdk-node');", ("instrumentation", "@opentelemetry/sdk-node")),
        ("require('./lib/tracing.js');", ("instrumentation", "./lib/tracing.js")),
        ("require('dotenv').config();", ("environment", "dotenv")),
        ("require('./env');", ("environment", "./env")),
        ("process.env.TZ = 'UTC';", ("environment", "TZ = …")),
        ("const cluster = require('node:cluster');", ("cluster", "node:cluster")),
        ("process.on('SIGTERM', () => server.close());", ("shutdown", "process.on('SIGTERM', …)")),
        ("server.keepAliveTimeout = 1;", ("timeouts", "keepAliveTimeout = …")),
        ("server.setTimeout(1);", ("timeouts", "setTimeout(…)")),
        ("require('tls');", ("tls", "tls")),
        ("isNaN(process.env.PORT);", ("pipe", "isNaN(…)")),
        ("server.listen('/run/app.sock');", ("pipe", "listen('/run/app.sock', …)")),
        ("server.listen({ path: '/run/app.sock' });", ("pipe", "listen(…)")),
        ("next({ dir: './admin' });", ("several-apps", "another next()")),
        ("require('get-port');", ("hosts", "get-port")),
        ("setInterval(() => {}, 1000);", ("other", "setInterval(…)")),
        ("require('fs');", ("other", "fs")),
        ("server.on('connection', () => {});", ("other", "on('connection', …)")),
        ("process.on('uncaughtException', () => {});", ("other", "process.on('uncaughtException', …)")),
    ],
)
def test_what_is_more_than_forwarding(code: str, trait: tuple[str, str]) -> None:
    assert _traits(_NEXT + _HTTP + "server.listen(3000);\n" + code) == [trait]


@pytest.mark.parametrize(
    "code",
    [
        "server.listen({ port: 3000, host: '::' });",
        "server.listen(process.env.PORT || 3000, () => console.log('ready'));",
        "server.listen('3000').on('error', (error) => { console.error(error); process.exit(1); });",
        "server.listen(3000); server.on('upgrade', app.getUpgradeHandler());",
        "(async () => { await app.prepare(); server.listen(parseInt(process.env.PORT, 10)); })();",
        "const log = require('./logger'); function run() { log.info('up'); server.listen(3000); } run();",
    ],
)
def test_what_is_plain_forwarding(code: str) -> None:
    assert _traits(_NEXT + _HTTP + code) == []


def test_options_that_next_start_does_not_have() -> None:
    assert _traits("const next = require('next'); const app = next({ conf: {} });\n"
                   "const handle = app.getRequestHandler();\n" + _HTTP + "server.listen(3000);") == [
        ("other", "options of next()")
    ]  # fmt: skip


_PLAIN = _NEXT + _HTTP + "server.listen(3000);"
_GENERATED = "FROM a\nWORKDIR /app\nCOPY .next/standalone ./\nCMD node server.js"


@pytest.mark.parametrize(
    ("scripts", "files", "purpose"),
    [
        ({"start": "node server.js"}, {}, "production"),
        ({"start": "next start"}, {}, "production"),
        ({"dev": "node server.js", "start": "next start"}, {}, "development"),
        ({"test:e2e": "node server.js", "start": "next start"}, {}, "tests"),
        ({"dev": "node server.js"}, {"Dockerfile": "FROM a\nCOPY . .\nCMD node server.js"}, "production"),
        ({"dev": "node server.js"}, {"Dockerfile": _GENERATED}, "development"),
    ],
)
def test_what_a_server_is_started_for(scripts: dict[str, str], files: dict[str, str], purpose: str) -> None:
    project = _project(_PLAIN, scripts, **files)
    assert purpose_of(project.code, project.next_apps[0], project.custom_servers[0]) == purpose


@pytest.mark.parametrize(
    ("server", "files", "host"),
    [
        (_PLAIN, {}, ""),
        ("// Plesk\n" + _PLAIN, {}, "passenger"),
        (_PLAIN, {"web_config": "<add modules='iisnode' />"}, "iisnode"),
        (_PLAIN, {"web_config": "<configuration />"}, ""),
        (_PLAIN, {"Passengerfile_json": "{}"}, "passenger"),
    ],
)
def test_the_host_that_asks_for_an_entry(server: str, files: dict[str, str], host: str) -> None:
    project = _project(server, None, **files)
    assert host_entry(project.code, project.custom_servers[0]) == host
