"""What starts an application in production, by priority, with its NODE_ENV."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.commands import next_arguments
from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.core.starts import Start, production_commands

Tree = Mapping[str, object]

_PAGE: Tree = {"pages/index.js": "export default function Home() { return null; }", "next.config.js": ""}


def _project(tree: Tree, scripts: Mapping[str, str]) -> Project:
    manifest = {"package.json": {"dependencies": {"next": "15.5.0"}, "scripts": scripts}}
    files = {**manifest, **_PAGE, **tree}
    texts = {path: value if isinstance(value, str) else json.dumps(value, indent=1) for path, value in files.items()}
    return Project(snapshot_of(texts), {}, {}, NoCache())


def _spelled(start: Start) -> list[str]:
    """Each process in words, with its NODE_ENV: ``file server.js production``."""
    words = []
    for process, environment in zip(start.processes, start.environment, strict=True):
        what = process.file if process.kind == "file" else " ".join(next_arguments(process)[:2]).strip()
        what = what if process.kind in ("file", "next") else process.name
        said = {True: "production", False: "other", None: "unknown"}[environment.value]
        words.append(f"{process.kind} {what} {said}")
    return words


def _starts(tree: Tree, **scripts: str) -> list[tuple[str, int, list[str]]]:
    project = _project(tree, scripts)
    return [(s.path, s.line, _spelled(s)) for s in production_commands(project.code, project.next_apps[0])]


def _first(tree: Tree, **scripts: str) -> tuple[str, int, list[str]]:
    return _starts(tree, **scripts)[0]


def test_an_image_comes_before_a_host_and_that_before_the_script() -> None:
    tree = {"Dockerfile": "FROM node\nCMD node a.js\n", "Procfile": "web: node b.js\n", "a.js": "", "b.js": ""}
    starts = _starts({**tree, "Makefile": "x:\n\tnpm run serve\n"}, start="node c.js", serve="node d.js")
    assert [(path, words) for path, _, words in starts] == [
        ("Dockerfile", ["file a.js unknown"]),
        ("Procfile", ["file b.js production"]),
        ("package.json", ["file c.js production"]),
        ("package.json", ["file d.js production"]),
    ]


def test_a_script_of_another_name_counts_where_something_runs_it() -> None:
    assert _starts({}, **{"start:prod": "node a.js", "dev": "next dev"}) == []
    assert len(_starts({}, **{"start:prod": "node a.js", "deploy": "yarn start:prod"})) == 1
    assert len(_starts({"ops/run.sh": "pnpm run start:prod"}, **{"start:prod": "node a.js"})) == 1
    assert _starts({"ops/run.sh": "pnpm run start:prod:x"}, **{"start:prod": "node a.js"}) == []


# -- images --------------------------------------------------


@pytest.mark.parametrize(
    ("dockerfile", "line", "words"),
    [
        ("FROM node\nCMD node server.js\n", 2, ["file server.js unknown"]),
        ('FROM node\nCMD ["node", "server.js"]\n', 2, ["file server.js unknown"]),
        ('FROM node\nENV NODE_ENV=production\nCMD ["npm", "start"]\n', 3, ["next start production"]),
        ("FROM node\nENV NODE_ENV production\nCMD npm start\n", 3, ["next start production"]),
        ("FROM node\nENV A=1 \\\n  NODE_ENV=development\nCMD npm start\n", 4, ["next start other"]),
        ("FROM node\nENV NODE_ENV=$X\nCMD npm start\n", 3, ["next start unknown"]),
        ("FROM node\nENV NODE_ENV=production\nCMD NODE_ENV=test npm start\n", 3, ["next start other"]),
        ('FROM node\nENTRYPOINT ["node"]\nCMD ["server.js"]\n', 3, ["file server.js unknown"]),
        ('FROM node\nENTRYPOINT ["/entry.sh"]\nCMD ["node", "server.js"]\n', 3, ["file server.js unknown"]),
        ('FROM node\nENTRYPOINT ["/sbin/tini", "--"]\nCMD npm start\n', 3, ["next start unknown"]),
        ('FROM node\nENTRYPOINT ["dumb-init", "node", "server.js"]\n', 2, ["file server.js unknown"]),
        ("FROM node\nCMD ./start.sh\n", 2, ["unknown ./start.sh unknown"]),
        ("FROM node\nCMD sh start.sh\n", 2, ["unknown sh start.sh unknown"]),
        ('FROM node\nENTRYPOINT ["dumb-init", "--", "./x.sh"]\nCMD npm start\n', 3, ["next start unknown"]),
        ("FROM node\nWORKDIR /app\nCMD node /app/server.js\n", 3, ["file server.js unknown"]),
        ("FROM node AS a\nCMD x\nFROM node AS b\nCMD node server.js\n", 4, ["file server.js unknown"]),
        (
            "FROM node AS base\nENV NODE_ENV=production\nFROM base AS run\nCMD node server.js\n",
            4,
            ["file server.js production"],
        ),
        ("FROM node AS base\nENV NODE_ENV=production\nFROM node\nCMD node server.js\n", 4, ["file server.js unknown"]),
        (
            "FROM node\nCOPY --from=build /app/.next/standalone ./\nCMD node server.js\n",
            3,
            ["file .next/standalone/server.js unknown"],
        ),
        ("FROM node\nCMD node \\\n# why\n  server.js\n", 2, ["file server.js unknown"]),
    ],
)
def test_the_last_stage_of_an_image_is_what_runs(dockerfile: str, line: int, words: list[str]) -> None:
    tree = {"Dockerfile": dockerfile, "server.js": ""}
    assert _first(tree, start="next start") == ("Dockerfile", line, words)


@pytest.mark.parametrize("text", ["", "CMD node server.js\n", "FROM node\n", "FROM\nCMD", "FROM node\nRUN x\n", "\0"])
def test_an_image_may_run_nothing_of_ours(text: str) -> None:
    assert [path for path, _, _ in _starts({"Dockerfile": text}, start="next start")] == ["package.json"]


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM node\nWORKDIR /repo/apps/web\nCMD npm start\n",
        "FROM node\nWORKDIR /repo\nCMD npm start -w web\n",
        "FROM node\nWORKDIR /app\nCOPY apps/web ./\nCMD npm start\n",
    ],
)
def test_the_working_directory_of_an_image_is_found_in_the_repository(dockerfile: str) -> None:
    web = {"name": "web", "dependencies": {"next": "15.5.0"}, "scripts": {"start": "next start"}}
    tree: dict[str, object] = {f"apps/web/{path}": text for path, text in _PAGE.items()}
    tree |= {"apps/web/package.json": web, "package.json": {"workspaces": ["apps/*"]}, "Dockerfile": dockerfile}
    project = Project(
        snapshot_of({p: t if isinstance(t, str) else json.dumps(t) for p, t in tree.items()}), {}, {}, NoCache()
    )
    (app,) = (app for app in project.next_apps if app.root == "apps/web")
    start = production_commands(project.code, app)[0]
    assert (start.path, start.runs_next_start(app) is not None) == ("Dockerfile", True)


# -- hosts --------------------------------------------------

_K8S = """kind: Service
---
kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: web
        image: web
        command: [node, server.js]
        env:
        - name: NODE_ENV
          value: production
"""


@pytest.mark.parametrize(
    ("path", "text", "line", "words"),
    [
        ("Procfile", "release: x\nweb: node server.js\n", 2, "file server.js production"),
        ("Procfile", "web: NODE_ENV=staging node server.js\n", 1, "file server.js other"),
        (
            "fly.toml",
            "[env]\nNODE_ENV = 'production'\n[processes]\napp = 'node server.js'\n",
            4,
            "file server.js production",
        ),
        ("fly.toml", "[processes]\nweb = 'node server.js'\n", 2, "file server.js unknown"),
        ("railway.json", {"deploy": {"startCommand": "node server.js"}}, 3, "file server.js production"),
        ("railway.toml", "[deploy]\nstartCommand = 'node server.js'\n", 2, "file server.js production"),
        ("nixpacks.toml", "[start]\ncmd = 'node server.js'\n", 2, "file server.js production"),
        ("render.yaml", "services:\n- type: web\n  startCommand: node server.js\n", 3, "file server.js production"),
        (
            "render.yaml",
            "services:\n- type: web\n  startCommand: node server.js\n  envVars:\n  - {key: NODE_ENV, value: test}\n",
            3,
            "file server.js other",
        ),
        ("app.yaml", "runtime: nodejs22\nentrypoint: node server.js\n", 2, "file server.js unknown"),
        (
            "app.yaml",
            "runtime: nodejs22\nentrypoint: node server.js\nenv_variables:\n  NODE_ENV: production\n",
            2,
            "file server.js production",
        ),
        (".do/app.yaml", "services:\n- name: web\n  run_command: node server.js\n", 3, "file server.js unknown"),
        (
            "docker-compose.yml",
            "services:\n  web:\n    build: .\n    command: node server.js\n    environment: [NODE_ENV=production]\n",
            4,
            "file server.js production",
        ),
        (
            "compose.yaml",
            "services:\n  x:\n    build: {context: .}\n    command: [node, server.js]\n"
            "    environment: {NODE_ENV: x}\n",
            4,
            "file server.js other",
        ),
        ("k8s/web.yaml", _K8S, 10, "file server.js production"),
        ("heroku.yml", "run:\n  web: node server.js\n", 2, "file server.js production"),
        (
            "deploy/web.service",
            "[Service]\nEnvironment=NODE_ENV=production\nExecStart=/usr/bin/node /srv/web/server.js\n",
            3,
            "file server.js production",
        ),
    ],
)
def test_the_file_of_a_host_gives_a_command(path: str, text: object, line: int, words: str) -> None:
    assert _first({path: text, "server.js": ""}) == (path, line, [words])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fly.toml", "[processes]\nworker = 'node worker.js'\n"),
        ("fly.toml", "[processes"),
        ("railway.json", {"deploy": {"startCommand": 1}}),
        ("render.yaml", "services:\n- type: worker\n  startCommand: node worker.js\n"),
        ("docker-compose.yml", "services:\n  web:\n    image: node\n    command: node server.js\n"),
        ("docker-compose.yml", "services: [1]\n"),
        ("docker-compose.yml", "services: {web: {build: .}, api: {build: api, command: node api.js}}\n"),
        ("k8s/web.yaml", "kind: Deployment\nspec: {template: {spec: {containers: [{image: web}]}}}\n"),
        ("k8s/web.yaml", "kind: Deployment\nspec: {{ .Values }}\n"),
        ("k8s/web.yaml", "kind: Deployment\nspec: 1\n"),
        ("app.yml", "name: my-app\nurl: https://example.com\n"),
    ],
)
def test_files_without_a_command(path: str, text: object) -> None:
    assert _starts({path: text}) == []


def test_a_host_that_sets_the_variable_does_so_for_the_script() -> None:
    project = _project({"render.yaml": "services:\n- type: worker\n- type: web\n"}, {"start": "node server.js"})
    (start,) = production_commands(project.code, project.next_apps[0])
    (environment,) = start.environment
    assert (environment.value, environment.path, environment.line) == (True, "render.yaml", 3)
    assert _first({}, start="node server.js")[2] == ["file server.js unknown"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("NODE_ENV=production node server.js", "production"),
        ("cross-env NODE_ENV=production node server.js", "production"),
        ("NODE_ENV=development node server.js", "other"),
        ("NODE_ENV=$MODE node server.js", "unknown"),
        ("NODE_ENV=test cross-env NODE_ENV=production node server.js", "production"),
        ("set NODE_ENV=production && node server.js", "unknown"),
        ("node server.js", "unknown"),
    ],
)
def test_what_the_command_sets_counts_most(command: str, said: str) -> None:
    assert _first({}, start=command)[2] == [f"file server.js {said}"]


# -- pm2 --------------------------------------------------

_NEXT_BY_PM2 = """module.exports = {
  apps: [
    { name: 'web', script: 'node_modules/next/dist/bin/next', args: 'start -p 3001', instances: 2,
      env: { NODE_ENV: 'staging' }, env_production: { NODE_ENV: 'production' } },
  ],
};
"""


def test_the_applications_of_a_pm2_file() -> None:
    assert _starts({"ecosystem.config.cjs": _NEXT_BY_PM2}) == [("ecosystem.config.cjs", 3, ["next start production"])]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pm2-runtime start ecosystem.config.cjs", ["next start other"]),
        ("pm2 start ecosystem.config.cjs --env production", ["next start production"]),
        ("pm2 reload ecosystem.config.cjs --only web", ["next start other"]),
        ("pm2 start ecosystem.config.cjs --only api", ["file ecosystem.config.cjs unknown"]),
    ],
)
def test_a_script_starts_a_pm2_file(command: str, words: list[str]) -> None:
    starts = _starts({"ecosystem.config.cjs": _NEXT_BY_PM2}, start=command)
    assert starts[-1][2] == words


def test_a_pm2_file_has_a_name_of_its_own() -> None:
    renamed = {"ecosystem.config.js": _NEXT_BY_PM2}
    assert _starts(renamed, start="pm2-runtime start --env production")[-1][2] == ["next start production"]


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("ecosystem.config.js", "module.exports = { apps: [{ script: './server.js' }] }", "file server.js unknown"),
        ("ecosystem.config.js", "export default { apps: [{ script: 'npm', args: ['start'] }] }", "next start unknown"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'npm start' }] }", "next start unknown"),
        ("ecosystem.config.js", "module.exports = [{ script: 'server.js' }]", "file server.js unknown"),
        (
            "ecosystem.config.js",
            "const web = { script: 'server.js' }; module.exports = { apps: [web] }",
            "file server.js unknown",
        ),
        (
            "ecosystem.config.js",
            "module.exports = { apps: [{ script: place }] }",
            "unknown ecosystem.config.js unknown",
        ),
        (
            "ecosystem.config.js",
            "module.exports = { apps: [{ script: 'a', args: \"'\" }] }",
            "unknown ecosystem.config.js unknown",
        ),
        (
            "ecosystem.config.js",
            "module.exports = { apps: [{ script: 'x.ts', interpreter: 'bun' }] }",
            "file x.ts unknown",
        ),
        (
            "ecosystem.config.js",
            "module.exports = { apps: [{ script: 'server.js', cwd: '/srv/x' }] }",
            "file server.js unknown",
        ),
        (
            "ecosystem.config.js",
            "module.exports = { apps: [{ script: 'server.js', env: { NODE_ENV: 'production' } }] }",
            "file server.js production",
        ),
        ("ecosystem.json", {"apps": [{"script": "server.js"}]}, "file server.js unknown"),
        ("ecosystem.config.yml", "apps:\n- script: server.js\n", "file server.js unknown"),
    ],
)
def test_a_pm2_file_in_other_forms(path: str, text: object, words: str) -> None:
    assert _first({path: text, "server.js": ""}, start="next start")[2] == [words]


# -- the fixtures of the model --------------------------------------------------


def test_wrappers_assignments_and_a_compiler_between_script_and_server() -> None:
    command = "dotenv -e .env -- cross-env NODE_ENV=production node -r ./otel.js dist/server.js"
    config = {"compilerOptions": {"outDir": "dist", "rootDir": "."}}
    project = _project({"server.ts": "", "src/server.ts": "", "tsconfig.server.json": config}, {"start": command})
    (start,) = production_commands(project.code, project.next_apps[0])
    assert [(entry, env.value) for entry, env in start.entries(project.code)] == [("server.ts", True)]


def test_a_task_runner_leads_to_next_start_in_a_member() -> None:
    web = {"name": "web", "dependencies": {"next": "15.5.0"}, "scripts": {"start": "next start"}}
    command = "turbo run start --filter web"
    root = {"workspaces": ["apps/*"], "scripts": {"start": command}}
    texts = {"package.json": json.dumps(root), "apps/web/package.json": json.dumps(web)}
    texts |= {f"apps/web/{path}": str(text) for path, text in _PAGE.items()}
    project = Project(snapshot_of(texts), {}, {}, NoCache())
    (process,) = project.code.commands.resolve(command, "")
    assert next_arguments(process)[:2] == ("start", "apps/web")


def test_a_server_for_local_tls_is_no_production_start() -> None:
    project = _project({"src/server.js": ""}, {"start": "next start", "local": "node src/server.js"})
    (start,) = production_commands(project.code, project.next_apps[0])
    assert start.runs_next_start(project.next_apps[0]) is not None
