"""What commands end in: wrappers, package scripts, task runners and the traps of shell syntax."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.code import Code
from reviewer.core.commands import Commands, Process, next_arguments
from reviewer.core.files import NoCache
from reviewer.core.snapshot import snapshot_of

_ROOT = {
    "workspaces": ["apps/*"],
    "scripts": {
        "start": "next start",
        "web": "yarn workspace @acme/web start",
        "serve:a": "node a.js",
        "serve:b": "node b.js",
        "serve:b:deep": "node deep.js",
        "loop": "npm run loop",
        "ping": "npm run pong",
        "pong": "npm run ping",
        "test": "node test.js",
    },
}
_WEB = {"name": "@acme/web", "scripts": {"start": "next start -p 3000"}}
_API = {"name": "api", "scripts": {"start": "node dist/main.js"}}
_TREE = {"package.json": _ROOT, "apps/web/package.json": _WEB, "apps/api/package.json": _API}


def _commands(tree: Mapping[str, object]) -> Commands:
    return Code(snapshot_of({path: json.dumps(value) for path, value in tree.items()}), {}, NoCache()).commands


def _spelled(process: Process) -> str:
    """A process in one word or two: ``start apps/web``, ``file server.js``, ``other`` or ``unknown``."""
    if process.kind == "next":
        command, directory, _ = next_arguments(process)
        return f"{command} {directory or '.'}"
    return f"file {process.file or '.'}" if process.kind == "file" else process.kind


def _resolved(command: str, directory: str = "") -> list[str]:
    return [_spelled(process) for process in _commands(_TREE).resolve(command, directory)]


@pytest.mark.parametrize(
    "command",
    [
        "next start",
        "NODE_ENV=production PORT=3000 next start",
        "cross-env NODE_ENV=production next start",
        "cross-env-shell NODE_ENV=production next start",
        'cross-env-shell "NODE_ENV=production next start"',
        "env NODE_ENV=production next start",
        "env -u DEBUG next start",
        "env-cmd -f .env next start",
        "dotenv -e .env -- next start",
        "dotenv -e .env -c -- next start",
        "dotenv -c production -- next start",
        "dotenvx run -f .env -- next start",
        "dotenvx run next start",
        "doppler run -- next start",
        "infisical run --env=prod -- next start",
        "op run --env-file=.env -- next start",
        "exec next start",
        "time next start",
        "nice -n 5 next start",
        "nohup next start &",
        "sudo -u www next start",
        "tini -- next start",
        "/sbin/tini -- next start",
        "/usr/bin/dumb-init next start",
        "with-env next start",
        "npx next start",
        "npx -y next@latest start",
        "bunx --bun next start",
        "pnpx next start",
        "pnpm exec next start",
        "pnpm dlx next start",
        "yarn next start",
        "yarn run next start",
        "npm exec -- next start",
        "corepack pnpm start",
        "./node_modules/.bin/next start",
        'sh -c "next start"',
        "bash -lc 'next start'",
        '"next" "start"',
    ],
)
def test_wrappers_are_taken_off(command: str) -> None:
    assert _resolved(command) == ["start ."]


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ("A=1 cross-env B=2 next start", ("A=1", "B=2")),
        ("A='b c' next start", ("A=b c",)),
        ("NODE_ENV=production npm start", ("NODE_ENV=production",)),
        ("A=1 sh -c 'B=2 next start'", ("A=1", "B=2")),
        ("PORT=$PORT next start", ("PORT=$PORT",)),
        ("set NODE_ENV=production && next start", ()),
        ("SET NODE_ENV=production&& next start", ()),
    ],
)
def test_assignments_are_kept_and_those_of_windows_are_not(command: str, env: tuple[str, ...]) -> None:
    last = _commands(_TREE).resolve(command, "")[-1]
    assert (last.kind, last.env) == ("next", env)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("npm start", ["start ."]),
        ("npm run start", ["start ."]),
        ("npm run -s start", ["start ."]),
        ("npm run-script start", ["start ."]),
        ("npm test", ["file test.js"]),
        ("yarn start", ["start ."]),
        ("yarn --silent start", ["start ."]),
        ("pnpm run --if-present start", ["start ."]),
        ("bun run start", ["start ."]),
        ("bun run --bun next start", ["start ."]),
        ("bun --watch server.ts", ["file server.ts"]),
        ("bun run server.ts", ["file server.ts"]),
        ("node --run start", ["start ."]),
        ("deno task start", ["start ."]),
        ("yarn web", ["start apps/web"]),
        ("yarn node server.js", ["file server.js"]),
        ("npm ci && npm start", ["other", "start ."]),
        ("npm run missing", ["unknown"]),
        ("pnpm run missing", ["unknown"]),
        ("npm rebuild", ["other"]),
        ("npm run", ["other"]),
        ("npm run $NAME", ["unknown"]),
        ("yarn $NAME", ["unknown"]),
    ],
)
def test_package_scripts_are_expanded(command: str, expected: list[str]) -> None:
    assert _resolved(command) == expected


@pytest.mark.parametrize("command", ["npm start -- -p 4000", "yarn start -p 4000", "pnpm start -p 4000"])
def test_arguments_after_a_script_are_the_scripts(command: str) -> None:
    (process,) = _commands(_TREE).resolve(command, "")
    assert next_arguments(process) == ("start", "", ("-p", "4000"))


@pytest.mark.parametrize(
    "command",
    [
        "npm run start -w @acme/web",
        "npm run start --workspace=@acme/web",
        "npm start -w apps/web",
        "npm --prefix ./apps/web start",
        "pnpm --filter @acme/web start",
        "pnpm --filter=web run start",
        "pnpm --filter ./apps/web start",
        "pnpm --filter web... start",
        "pnpm --filter '{apps/web}' start",
        "pnpm -F web exec next start",
        "pnpm -C apps/web start",
        "yarn workspace @acme/web start",
        "yarn workspace @acme/web run start",
        "yarn --cwd apps/web start",
        "bun --filter web start",
        "turbo run start --filter web",
        "turbo start --filter=@acme/web...",
        "npx turbo run start --filter=web -- -p 4000",
        "pnpm turbo start --filter web",
        "lerna run start --scope @acme/web",
        "nx run @acme/web:start",
        "nx run @acme/web:start:production --verbose",
        "npx nx start web",
        "cd apps/web && next start",
        "(cd apps/web && npm start)",
        "next start ./apps/web",
    ],
)
def test_workspaces_are_selected(command: str) -> None:
    assert _resolved(command) == ["start apps/web"]


@pytest.mark.parametrize(
    "command",
    [
        "turbo run start",
        "turbo run start --concurrency 20",
        "turbo run start --filter=api --filter=web",
        "lerna run start",
        "pnpm -r start",
        "pnpm -r --parallel run start",
        "npm run start --workspaces",
        "yarn workspaces foreach -A run start",
    ],
)
def test_every_member_that_has_the_script_runs(command: str) -> None:
    assert _resolved(command) == ["file apps/api/dist/main.js", "start apps/web"]


@pytest.mark.parametrize(
    "command",
    [
        "turbo run start --filter=nope",
        "pnpm --filter '' start",
        "npm -w /srv start",
        "nx run @acme/web:serve",
        "nx run nope:start",
        "nx serve nope",
        "nx run start",
        "nx run-many -t start",
        "nx run-many start",
        "nx",
    ],
)
def test_selections_that_cannot_be_told_are_unknown(command: str) -> None:
    assert _resolved(command) == ["unknown"]


def test_pnpm_runs_in_the_workspace_root_when_told_so() -> None:
    assert _resolved("pnpm -w start", "apps/web") == ["start ."]


def test_a_selector_climbs_out_of_its_directory() -> None:
    assert _resolved("npm --prefix ../web start", "apps/api") == ["start apps/web"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("npm-run-all serve:a start", ["file a.js", "start ."]),
        ("npm-run-all --parallel --max-parallel 2 serve:*", ["file a.js", "file b.js"]),
        ("npm-run-all 'serve:**'", ["file a.js", "file b.js", "file deep.js"]),
        ("run-p 'serve:a --port 3'", ["file a.js"]),
        ("run-s start", ["start ."]),
        ("run-p missing", ["unknown"]),
        ("concurrently 'next start' 'node server.js'", ["start .", "file server.js"]),
        ("concurrently -k -n next,api -c red,blue 'npm start' 'yarn web'", ["start .", "start apps/web"]),
        ("concurrently 'npm:serve:*'", ["file a.js", "file b.js", "file deep.js"]),
        ("concurrently", []),
    ],
)
def test_parallel_runners_start_each_of_their_commands(command: str, expected: list[str]) -> None:
    assert _resolved(command) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("node server.js", "file server.js"),
        ("node ./server", "file server"),
        ("node .", "file ."),
        ("node -r dotenv/config --max-old-space-size 4096 server.js", "file server.js"),
        ("node --env-file=.env --inspect server.js", "file server.js"),
        ("node -e 'console.log(1)'", "other"),
        ("node", "other"),
        ("tsx watch server.ts", "file server.ts"),
        ("ts-node --project tsconfig.server.json server.ts", "file server.ts"),
        ("ts-node-dev --respawn --watch src server.ts", "file server.ts"),
        ("babel-node --presets next/babel server.js", "file server.js"),
        ("deno run -A server.ts", "file server.ts"),
        ("nest start --watch", "file dist/main.js"),
        ("nodemon server.js", "file server.js"),
        ("nodemon --exec ts-node server.ts", "file server.ts"),
        ("nodemon -w src --exec 'ts-node --project tsconfig.server.json server.ts'", "file server.ts"),
        ("nodemon -x 'next dev'", "dev ."),
        ("pm2 start server.js --name web -i max", "file server.js"),
        ("pm2 start --name web server.js", "file server.js"),
        ("pm2-runtime start ecosystem.config.cjs --env production", "file ecosystem.config.cjs"),
        ("pm2 start npm --name web -- start", "start ."),
        ("pm2 start 'npm start'", "start ."),
        ("pm2 start ./node_modules/next/dist/bin/next -- start", "start ."),
        ("pm2-runtime node_modules/.bin/next -- start", "start ."),
        ("pm2 stop all", "other"),
        ("pm2 start $ENTRY", "unknown"),
        ("forever start -c node server.js", "file server.js"),
        ("node ./node_modules/next/dist/bin/next start", "start ."),
        ("node --require ./otel.js node_modules/.bin/next start", "start ."),
        ("node $FILE", "unknown"),
        ("serve out", "other"),
    ],
)
def test_programs_end_in_scripts_or_in_next(command: str, expected: str) -> None:
    assert _resolved(command) == [expected]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("next build && next start", ["build .", "start ."]),
        ("next build; next start", ["build .", "start ."]),
        ("next start | pino-pretty", ["start .", "other"]),
        ("next start 2>&1 | tee log", ["start .", "other"]),
        ("next start > log.txt 2>&1 &", ["start ."]),
        ("(next build && next start)", ["build .", "start ."]),
        ("(cd apps/web && next build) && next start", ["build apps/web", "start ."]),
        ("if [ -f x ]; then node a.js; else next start; fi", ["other", "file a.js", "start ."]),
        ("echo 'next start'", ["other"]),
        ("'next start'", ["other"]),
        ("$START", ["unknown"]),
        ("$(next start)", ["unknown", "start ."]),
        ("`next start`", ["unknown"]),
        ('cd "$DIR" && next start', ["unknown"]),
        ("cd /srv/app && next start", ["unknown"]),
        ('next start "', ["unknown"]),
        ("next start '", ["unknown"]),
        ("next start \\", ["unknown"]),
        ("", []),
        ("  ", []),
        ("A=1", []),
        ("'' start", ["other"]),
    ],
)
def test_shell_syntax_is_read_as_a_shell_does(command: str, expected: list[str]) -> None:
    assert _resolved(command) == expected


@pytest.mark.parametrize("command", ["npm run loop", "npm run ping", "npm exec " * 500, "yarn " * 1000, "sh -c " * 500])
def test_loops_end_in_the_unknown(command: str) -> None:
    assert _resolved(command)[-1:] in (["unknown"], ["other"])
    assert "start ." not in _resolved(command)


@pytest.mark.parametrize("command", ["npm run a; " * 50, "npm-run-all 'a*' 'b*'; " * 50, "concurrently 'npm:*'; " * 50])
def test_commands_that_multiply_are_given_up(command: str) -> None:
    scripts = {f"{letter}{number}": command for letter in "ab" for number in range(20)}
    commands = _commands({"package.json": {"scripts": {"a": command, **scripts}}})
    assert [process.kind for process in commands.resolve("npm run a", "")] == ["unknown"]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), ("dev", "apps/web", ())),
        (("dev", "--turbo"), ("dev", "apps/web", ("--turbo",))),
        ((".", "-p", "3000"), ("dev", "apps/web", ("-p", "3000"))),
        (("start", "-H", "::", "site"), ("start", "apps/web/site", ("-H", "::"))),
        (("start", "--port=3000"), ("start", "apps/web", ("--port=3000",))),
        (("dev", "--experimental-https-key", "k.pem"), ("dev", "apps/web", ("--experimental-https-key", "k.pem"))),
        (("lint", "--dir", "src"), ("lint", "apps/web", ("--dir", "src"))),
        (("telemetry", "disable"), ("telemetry", "apps/web/disable", ())),
        (("start", "-p"), ("start", "apps/web", ("-p",))),
    ],
)
def test_arguments_of_next(args: tuple[str, ...], expected: tuple[str, str, tuple[str, ...]]) -> None:
    assert next_arguments(Process("next", "next", args, cwd="apps/web")) == expected


@pytest.mark.parametrize("odd", [None, 1, True, "", [], ["a"], {}, {"start": 1}, {"start": None}, {"": ""}])
def test_odd_manifests_do_not_matter(odd: object) -> None:
    commands = _commands({"package.json": {"name": odd, "scripts": odd, "workspaces": odd, "main": odd}})
    for command in (
        "npm start",
        "yarn start",
        "turbo run start",
        "run-p '*'",
        "pnpm -r start",
        "pnpm --filter x start",
    ):
        assert all(process.kind in ("other", "unknown") for process in commands.resolve(command, ""))


@pytest.mark.parametrize("glob", ["*a" * 20 + "b", "**/a/" * 20 + "b", "**a" * 20 + "b"])
def test_workspace_globs_that_take_forever_select_nothing(glob: str) -> None:
    member = {"scripts": {"start": "next start"}}
    tree = {"package.json": {"workspaces": [glob]}, "a" * 60 + "/package.json": member}
    tree["a/" * 60 + "package.json"] = member
    assert _commands(tree).resolve("turbo run start", "") == []
