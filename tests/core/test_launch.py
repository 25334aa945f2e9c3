"""What starts an application in production, and who else starts a server's entry."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.launch import Launchers, launchers_of, mentions_host
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.core.starts import Start, production_start
from tests.core.trees import code_of

Tree = Mapping[str, object]

_PAGE = {"pages/index.js": "export default function Home() { return null; }", "next.config.js": "module.exports = {};"}


def _project(tree: Tree, **scripts: str) -> Project:
    manifest = {"package.json": {"dependencies": {"next": "15.5.0"}, "scripts": scripts}}
    files = {**manifest, **_PAGE, **tree}
    texts = {path: value if isinstance(value, str) else json.dumps(value, indent=2) for path, value in files.items()}
    return Project(snapshot_of(texts), {}, {}, NoCache())


def _start(tree: Tree, **scripts: str) -> Start | None:
    project = _project(tree, **scripts)
    return production_start(project.code, project.next_apps[0])


def _launchers(tree: Tree, entry: str = "server.js", **scripts: str) -> Launchers:
    return launchers_of(_project({entry: "", **tree}, **scripts).code, entry)


def test_the_start_script_is_the_production_start() -> None:
    start = _start({"Procfile": "web: node other.js"}, start="next start -p 3000")
    assert start is not None
    assert (start.path, start.line, start.script, start.command) == ("package.json", 6, "start", "next start -p 3000")


def test_of_two_blocks_of_scripts_the_last_one_counts() -> None:
    manifest = '{"dependencies": {"next": "15.5.0"},\n"scripts": {"start": "a"},\n"scripts": {\n"start": "next start"}}'
    start = _start({"package.json": manifest})
    assert start is not None
    assert (start.command, start.line) == ("next start", 4)


@pytest.mark.parametrize(
    ("procfile", "line", "command"),
    [
        ("web: next start -p $PORT\n", 1, "next start -p $PORT"),
        ("release: npm run migrate\r\nweb: npm start\r\n", 2, "npm start"),
        ("web:", 1, ""),
    ],
)
def test_a_procfile_stands_in_for_a_missing_script(procfile: str, line: int, command: str) -> None:
    start = _start({"Procfile": procfile}, build="next build")
    assert start is not None
    assert (start.path, start.line, start.script, start.command) == ("Procfile", line, "web", command)


@pytest.mark.parametrize("tree", [{}, {"Procfile": "worker: node a.js"}, {"ops/Procfile": "web: npm start"}])
def test_there_may_be_no_start_at_all(tree: Tree) -> None:
    assert _start(tree, build="next build") is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("next start", True),
        ("dotenv -e .env -- cross-env A=1 next start -p 4000", True),
        ("prisma migrate deploy && next start", True),
        ("set NODE_ENV=production && next start", True),
        ("node node_modules/next/dist/bin/next start", True),
        ("pm2 start npm -- run serve", True),
        ("yarn serve -p 4000", True),
        ("next start > log.txt 2>&1", True),
        ("next start other", False),
        ("next dev", False),
        ("next", False),
        ("NODE_ENV=production node -r dotenv/config server.js", False),
        ("node .next/standalone/server.js", False),
        ("pm2-runtime start ecosystem.config.cjs", False),
        ("serve out", False),
        ("$START", False),
        ("$BEFORE && next start", False),
        ("next start '", False),
        ("", False),
    ],
)
def test_next_start_is_seen_only_where_everything_is_known(command: str, expected: bool) -> None:
    project = _project({}, start=command, serve="next start")
    start = production_start(project.code, project.next_apps[0])
    assert start is not None
    assert (start.runs_next_start(project.next_apps[0]) is not None) is expected


def test_the_next_start_of_another_application_is_not_its_own() -> None:
    web = {
        "package.json": {"name": "web", "dependencies": {"next": "15.5.0"}, "scripts": {"start": "next start ../api"}}
    }
    tree = {f"apps/web/{path}": value for path, value in {**_PAGE, **web}.items()}
    project = _project({"package.json": {"workspaces": ["apps/*"]}, **tree})
    (app,) = [app for app in project.next_apps if app.root == "apps/web"]
    start = production_start(project.code, app)
    assert start is not None
    assert start.runs_next_start(app) is None


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("serve", "production"),
        ("start:prod", "production"),
        ("production", "production"),
        ("dev", "development"),
        ("dev:https", "development"),
        ("start:dev", "development"),
        ("watch", "development"),
        ("local", "development"),
        ("test:e2e", "tests"),
        ("e2e", "tests"),
        ("latest", "production"),
    ],
)
def test_scripts_are_told_apart_by_name(name: str, group: str) -> None:
    launchers = _launchers({}, **{name: "node server.js"})
    assert getattr(launchers, group) == (f"package.json script {name}",)
    assert len(launchers.development + launchers.tests + launchers.production) == 1


@pytest.mark.parametrize(("name", "expected"), [("dev:https", True), ("local", True), ("dev", False)])
def test_scripts_for_local_tls_are_known(name: str, expected: bool) -> None:
    assert _launchers({}, **{name: "node server.js"}).local_tls is expected


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        ("server.js", "node server"),
        ("server.js", "nodemon --exec 'node --inspect' server.js"),
        ("server.ts", "tsx server.ts"),
        ("server.ts", "node dist/server.js"),
        ("src/server.ts", "tsc -p . && node -r ./otel.js build/server.js"),
        ("server/index.ts", "ts-node --project tsconfig.server.json server"),
        ("index.js", "node ."),
        ("src/main.ts", "nest start"),
        ("server.js", "pm2 start --name web server.js"),
        ("server.js", "run-p serve:*"),
    ],
)
def test_an_entry_is_recognised_however_it_is_started(entry: str, command: str) -> None:
    assert _launchers({}, entry, serve=command, **{"serve:it": "node server.js"}).production


@pytest.mark.parametrize("main", ["server.js", "./server.js", "server"])
def test_the_main_file_of_a_package_is_started_by_its_directory(main: str) -> None:
    tree = {"package.json": {"main": main, "scripts": {"serve": "node ."}}}
    assert _launchers(tree).production == ("package.json script serve",)


@pytest.mark.parametrize(
    "command",
    [
        "node other.js",
        "node .next/standalone/server.js",
        "node worker/server.mjs",
        "echo server.js",
        "node -e server.js",
    ],
)
def test_other_files_are_not_the_entry(command: str) -> None:
    assert _launchers({"other.js": "", "worker/server.mjs": ""}, serve=command) == Launchers()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Dockerfile", 'FROM node\nCOPY server.js ./\nCMD ["node", "server.js"]\n'),
        ("docker-compose.yml", "services:\n  web:\n    command: node server.js\n"),
        ("Procfile", "web: node server.js\n"),
        ("ecosystem.config.cjs", "module.exports = { apps: [{ script: './server.js' }] };"),
        ("fly.toml", "[processes]\napp = 'node server.js'\n"),
        ("app.yaml", "entrypoint: node server.js\n"),
        ("render.yaml", "startCommand: node server.js\n"),
        ("railway.json", {"deploy": {"startCommand": "node server.js"}}),
        ("nixpacks.toml", "[start]\ncmd = 'node server.js'\n"),
        ("web.config", '<add name="iisnode" path="server.js" />'),
        ("deploy/web.service", "ExecStart=/usr/bin/node server.js\n"),
        ("k8s/web.yaml", "command: [node, server.js]\n"),
        ("scripts/start.sh", "exec node server.js\n"),
        (".github/workflows/latest.yml", "run: node server.js\n"),
    ],
)
def test_files_of_the_deployment_start_it(path: str, text: object) -> None:
    assert _launchers({path: text}).production == (path,)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Dockerfile", "FROM node\nCOPY server.js ./\n# CMD node server.js\nCMD node .next/standalone/server.js\n"),
        ("Procfile", "web: node my-server.js\n"),
        ("README.md", "node server.js\n"),
        ("Dockerfile", "\0\1server.js"),
    ],
)
def test_mentions_that_start_nothing(path: str, text: str) -> None:
    assert _launchers({path: text}) == Launchers()


@pytest.mark.parametrize("path", ["playwright.config.ts", "e2e/run.sh", "docker-compose.test.yml"])
def test_files_of_the_tests_start_it_for_tests(path: str) -> None:
    assert _launchers({path: "command: 'node server.js'\n"}) == Launchers(tests=(path,))


def test_further_files_may_be_named() -> None:
    project = _project({"server.js": "", "ops/run.txt": "node server.js"})
    assert launchers_of(project.code, "server.js", ("ops/run.txt",)).production == ("ops/run.txt",)


@pytest.mark.parametrize(
    ("text", "host"),
    [("// for Phusion Passenger", "passenger"), ("// cPanel", "passenger"), ("// under iisnode", "iisnode"), ("", "")],
)
def test_a_server_may_name_its_host(text: str, host: str) -> None:
    assert mentions_host(_project({"server.js": text}).code, "server.js") == host


def test_a_missing_file_names_no_host() -> None:
    assert mentions_host(_project({}).code, "server.js") == ""


def test_a_directory_to_lint_is_no_application() -> None:
    tree = {"src/pages/index.js": _PAGE["pages/index.js"]}
    manifest = {"dependencies": {"next": "15.5.0"}, "scripts": {"lint": "next lint --dir src", "start": "next start"}}
    texts = {"package.json": json.dumps(manifest), **tree}
    assert [app.root for app in Project(snapshot_of(texts), {}, {}, NoCache()).apps] == [""]


@pytest.mark.parametrize(
    "odd", [None, 1, True, "", [], {"start": None}, {"start": 1}, {"start": ""}, {"start": ["next"]}]
)
def test_odd_scripts_start_nothing(odd: object) -> None:
    project = _project({"package.json": {"dependencies": {"next": "15.5.0"}, "scripts": odd, "main": odd}})
    start = production_start(project.code, project.next_apps[0])
    assert start is None or start.processes == ()
    assert launchers_of(project.code, "server.js") == Launchers()


def test_a_script_that_leads_to_a_development_script_is_one() -> None:
    scripts = {"serve:all": "npm run start:web", "start:web": "cd web && npm run dev"}
    code = code_of(
        {
            "package.json": json.dumps({"scripts": scripts}),
            "web/package.json": json.dumps({"scripts": {"dev": "node server.js"}}),
            "web/server.js": "",
        }
    )
    launchers = launchers_of(code, "web/server.js")
    assert launchers.production == ()
    assert len(launchers.development) == 3


@pytest.mark.parametrize(
    ("path", "starts"),
    [("Dockerfile", True), ("apps/web/Dockerfile", True), ("apps/api/Dockerfile", False), ("deploy/x.service", True)],
)
def test_a_launch_file_of_another_package_starts_its_own_server(path: str, starts: bool) -> None:
    code = code_of(
        {
            "package.json": "{}",
            "apps/web/package.json": '{"name": "web"}',
            "apps/api/package.json": '{"name": "api"}',
            "apps/web/server.js": "",
            path: "FROM node\nCMD node server.js\nExecStart=node server.js\n",
        }
    )
    assert bool(launchers_of(code, "apps/web/server.js").production) is starts


def test_a_compiled_entry_of_another_package_is_not_taken_for_this_one() -> None:
    code = code_of(
        {
            "package.json": "{}",
            "apps/web/package.json": '{"name": "web"}',
            "apps/api/package.json": '{"scripts": {"start": "node dist/main.js"}}',
            "apps/web/src/main.ts": "",
        }
    )
    assert launchers_of(code, "apps/web/src/main.ts").production == ()
