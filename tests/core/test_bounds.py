"""Input made to be slow: work grows with its size, counted or shown by sizes that could not be read otherwise."""

from __future__ import annotations

from reviewer.checks import CHECKS
from reviewer.checks.body_parser import MAX_PARSERS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.commands import MAX_NESTED, Commands
from reviewer.core.configvalues import MAX_ASSIGNMENTS, UNREADABLE, ConfigReader
from reviewer.core.dockerfile import last_stage
from reviewer.core.facts import Expr
from reviewer.core.finding import Finding
from reviewer.core.hosts import hosts_of
from reviewer.core.launch import launchers_of
from reviewer.core.manifest import Package
from reviewer.core.platforms import commands_in
from reviewer.core.snapshot import snapshot_of
from reviewer.core.text import Source
from reviewer.core.usage import usage_of
from reviewer.resources import built_in_rulebook
from tests.core.trees import code_of, facts_of

_MANIFEST = '{"dependencies": {"next": "15.5.0", "express": "4"}, "scripts": {"start": "node server.js"}}'
_SERVER = """const express = require('express');
const { createServer } = require('http');
const { WebSocketServer } = require('ws');
const app = require('next')({});
const server = express();
const http = createServer(server);
const handle = app.getRequestHandler();
"""


def _found(rule: str, *lines: str) -> list[Finding]:
    files = {
        "package.json": _MANIFEST,
        "next.config.js": "module.exports = {};",
        "app/api/mail/route.js": "export async function POST(request) { return Response.json(await request.json()); }",
        "server.js": _SERVER + "\n".join(lines) + "\nhttp.listen(3000);\n",
    }
    engine = Engine(built_in_rulebook(), CHECKS, only=frozenset({rule}))
    return [finding for finding in analyse(snapshot_of(files), engine).findings if finding.rule == rule]


def test_a_late_route_names_one_catch_all_however_many_there_are() -> None:
    catch_alls = ["server.all('*', handle);"] * 300
    found = _found("custom-server-route-order", *catch_alls, *(f"server.post('/r{i}', done);" for i in range(300)))
    assert len(found) == 300
    assert {len(finding.sites) for finding in found} == {2}


def test_of_many_parsers_the_first_ones_are_looked_at() -> None:
    parsers = [f"server.use({name}());" for name in ("express.json", "express.urlencoded")]
    found = _found("body-parser-before-next", *parsers * 300, *["server.all('*', handle);"] * 300)
    assert 0 < len(found) <= MAX_PARSERS


def test_each_socket_finds_the_listeners_that_hand_it_upgrades() -> None:
    made = [f"const s{i} = new WebSocketServer({{ server: http }});" for i in range(40)]
    taken = [f"http.on('upgrade', (q, s, h) => s{i}.handleUpgrade(q, s, h, done));" for i in range(40)]
    found = _found("ws-upgrade-conflict", *made, *taken)
    assert found
    assert all(len(finding.sites) < 10 for finding in found)


def test_a_long_command_of_a_unit_is_left_alone() -> None:
    code = code_of({"web.service": "ExecStart=" + "/opt/" * 100_000 + "\n", "Procfile": "x: " + "/opt/" * 100_000})
    assert list(commands_in(code.files, "web.service")) == []
    assert launchers_of(code, "server.js").production == ()


def test_blank_lines_are_no_indentation() -> None:
    text = "kind: Deployment\nmetadata:" + "\n" * 100_000 + "image: web\n"
    code = code_of({"k8s/web-deployment.yaml": text, "fly.toml": "[processes]\napp = 'node a.js'" + "\n" * 100_000})
    assert [given.line for given in commands_in(code.files, "fly.toml")] == [2]
    assert [placed.signal.path for placed in hosts_of(code.files) if placed.signal.target == "node"]


def _commands(scripts: dict[str, str]) -> Commands:
    package = Package("", {"scripts": scripts})
    return Commands({"": package}, ())


def test_commands_that_lead_to_each_other_share_one_budget() -> None:
    scripts = {f"s{i}": f'run-p "s*" {i}' for i in range(500)}
    commands = _commands(scripts)
    found = {name: commands.resolve(command, "") for name, command in scripts.items()}
    assert all([process.kind for process in processes] == ["unknown"] for processes in found.values())
    assert commands.nested >= MAX_NESTED
    assert commands.nested < MAX_NESTED + 2 * len(scripts)
    assert [process.kind for process in commands.resolve("next start", "")] == ["next"]


def test_a_command_is_followed_once_in_a_directory() -> None:
    commands = _commands({"a": "npm run b && npm run b", "b": "next start"})
    first = commands.resolve("npm run a", "")
    spent = commands.nested
    assert spent > 0
    assert commands.resolve("npm run a", "") == first
    assert commands.nested == spent


def test_a_configuration_with_more_assignments_than_anyone_writes_is_unknown() -> None:
    for count, known in ((MAX_ASSIGNMENTS, True), (20 * MAX_ASSIGNMENTS, False)):
        text = "const c = {};\n" + "".join(f"c.k{i} = {i};\n" for i in range(count)) + "module.exports = c;\n"
        facts = facts_of(text, "javascript")
        state = ConfigReader(facts).read(Expr("ref", 1, 1, 1, "c"))
        assert (state != UNREADABLE) is known


def test_any_number_of_flags_is_asked_for() -> None:
    count = 1_000
    flags = "".join(f"const f{i} = process.env.NEXT_RUNTIME === 'nodejs';\n" for i in range(count))
    branches = "".join(f"if (f{i}) g();\n" for i in range(count))
    usage = usage_of(Source((flags + branches).encode()), "javascript")
    assert all(usage.runs_elsewhere(line) == (line > count) for line in range(1, 2 * count + 1))


def test_stages_share_what_they_build_on() -> None:
    stages = "".join(f"FROM s{i} AS s{i + 1}\n" for i in range(1_900))
    stage = last_stage("FROM node AS s0\n" + "RUN a\n" * 2_000 + stages + "RUN b\n")
    assert stage is not None
    assert (stage.base, stage.name, len(stage.commands)) == ("node", "s1900", 2_001)
    assert stage.all_commands == stage.commands
