"""Where an application runs: each signal, how signals add up, and which files are an application's own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.deploy import Deployment, Kind, deployment
from reviewer.core.files import Files, NoCache
from reviewer.core.finding import Evidence
from reviewer.core.hosts import hosts_of
from reviewer.core.manifest import Package
from reviewer.core.snapshot import snapshot_of

Tree = Mapping[str, object]


def _files(tree: Tree) -> Files:
    texts = {path: value if isinstance(value, str) else json.dumps(value) for path, value in tree.items()}
    return Files(snapshot_of(texts), NoCache())


def _deployment(tree: Tree, root: str = "", *, only_app: bool = True) -> Deployment:
    return deployment(hosts_of(_files(tree)), root, only_app)


@pytest.mark.parametrize(
    ("path", "content", "target", "model", "evidence"),
    [
        (".vercel/project.json", "{}", "vercel", "function", "high"),
        ("vercel.json", {"framework": "nextjs"}, "vercel", "function", "high"),
        ("vercel.json", {"functions": {"api/*.ts": {"runtime": "nodejs22.x"}}}, "vercel", "function", "high"),
        ("vercel.json", {"crons": []}, "vercel", "function", "high"),
        ("vercel.json", {"headers": []}, "vercel", "function", "medium"),
        ("vercel.ts", "export const config = { regions: ['fra1'] };", "vercel", "function", "high"),
        ("vercel.ts", "export const config: VercelConfig = { headers: [] };", "vercel", "function", "medium"),
        ("vercel.mjs", "export default makeConfig({ crons: [] })", "vercel", "function", "high"),
        ("vercel.js", "export const config = make()", "vercel", "function", "medium"),
        ("vercel.toml", "framework = 'nextjs'\n", "vercel", "function", "high"),
        (
            "vercel.ts",
            "export const config = { services: { web: { runtime: 'container' } } }",
            "vercel-container",
            "scale-to-zero",
            "high",
        ),
        ("vercel.json", {"services": {"web": {"runtime": "container"}}}, "vercel-container", "scale-to-zero", "high"),
        ("Dockerfile.vercel", "FROM node", "vercel-container", "scale-to-zero", "high"),
        ("netlify.toml", "[build]\n", "netlify", "function", "high"),
        ("wrangler.jsonc", '{"main": ".open-next/worker.js"}', "cloudflare", "function", "high"),
        (
            "open-next.config.ts",
            "import '@opennextjs/cloudflare';\nexport default {};\n",
            "cloudflare",
            "function",
            "high",
        ),
        ("open-next.config.ts", "export default {};\n", "lambda", "function", "high"),
        ("sst.config.ts", "new sst.aws.Nextjs('Web')\nNextjs(", "lambda", "function", "high"),
        ("serverless.yml", "service: web", "lambda", "function", "high"),
        ("template.yaml", "Type: AWS::Serverless::Function", "lambda", "function", "high"),
        ("amplify.yml", "baseDirectory: .next", "amplify", "function", "high"),
        ("apphosting.yaml", "runConfig:\n  cpu: 1\n", "app-hosting", "scale-to-zero", "high"),
        ("apphosting.yaml", "runConfig:\n  minInstances: 1\n", "app-hosting", "long-lived", "high"),
        ("firebase.json", {"hosting": {"source": "."}}, "firebase", "function", "medium"),
        ("firebase.json", {"hosting": [{"frameworksBackend": {}}]}, "firebase", "function", "medium"),
        ("render.yaml", "services:\n- type: web\n", "render", "long-lived", "high"),
        ("render.yaml", "services:\n- type: web\n  plan: free\n", "render", "scale-to-zero", "high"),
        ("railway.toml", "[deploy]\n", "railway", "long-lived", "medium"),
        ("railway.json", {"deploy": {"sleepApplication": True}}, "railway", "scale-to-zero", "medium"),
        ("Procfile", "web: npm start\n", "heroku", "long-lived", "medium"),
        ("app.yaml", "runtime: nodejs22\n", "gae", "long-lived", "medium"),
        (".do/app.yaml", "services: []\n", "node", "long-lived", "high"),
        ("service.yaml", "apiVersion: serving.knative.dev/v1\n", "cloud-run", "scale-to-zero", "high"),
        (
            "service.yaml",
            "apiVersion: serving.knative.dev/v1\nautoscaling.knative.dev/minScale: '1'\n",
            "cloud-run",
            "long-lived",
            "high",
        ),
        ("ecosystem.config.cjs", "module.exports = {};", "node", "long-lived", "high"),
        ("web.config", "<handler name='iisnode'/>", "node", "long-lived", "high"),
        ("captain-definition", "{}", "node", "long-lived", "high"),
        ("Dockerfile", "FROM node", "container", "long-lived", "medium"),
        ("Dockerfile.prod", "FROM node", "container", "long-lived", "medium"),
        ("docker/Dockerfile", "FROM node", "container", "long-lived", "medium"),
        ("heroku.yml", "build:\n  docker: {}\n", "heroku", "long-lived", "medium"),
        ("cloudbuild.yaml", "args: ['run', 'deploy', 'web']\n", "cloud-run", "scale-to-zero", "high"),
        ("cloudbuild.yaml", "gcloud run deploy web --min-instances=2\n", "cloud-run", "long-lived", "high"),
        ("k8s/web.yaml", "kind: Deployment\nspec:\n  replicas: 2\n", "node", "long-lived", "high"),
        ("helm/web/templates/deployment.yaml", "kind: Deployment\n{{ if .Values.x }}\n", "node", "long-lived", "high"),
        ("deploy/web.service", "ExecStart=/usr/bin/node server.js\n", "node", "long-lived", "high"),
        ("config/deploy.yml", "service: web\nimage: me/web\n", "node", "long-lived", "high"),
        ("task-definition.json", {"containerDefinitions": []}, "node", "long-lived", "high"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js' }] }", "node", "long-lived", "high"),
    ],
)
def test_a_file_names_a_host(path: str, content: object, target: str, model: str, evidence: Evidence) -> None:
    found = _deployment({path: content})
    assert (found.target, found.model, found.evidence, found.path) == (target, model, evidence, path)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("app.yml", "name: my-github-app\nurl: https://example.com\npublic: true\n"),
        ("app.yaml", "kind: Deployment\n"),
        ("docker-compose.yml", "services:\n  db:\n    image: postgres\n"),
        ("Dockerfile.test", "FROM node"),
        ("Procfile", "worker: node worker.js\n"),
        ("render.yaml", "services:\n- type: worker\n"),
        ("netlify.toml", "[[headers]]\n"),
        ("wrangler.toml", 'name = "worker"\n'),
        ("amplify.yml", "baseDirectory: dist\n"),
        ("firebase.json", {"hosting": {"public": "out", "rewrites": [{"source": "**"}]}}),
        ("firebase.json", {"functions": {"source": "functions"}}),
        ("vercel.json", {"framework": None}),
        ("vercel.ts", "export const config = { framework: 'express', regions: [] }"),
        ("vercel.toml", "framework = 'express'\n"),
        ("vercel.toml", "framework = "),
        ("vercel.json", {"framework": "express"}),
        ("vercel.json", {"git": {"deploymentEnabled": False}, "regions": ["fra1"]}),
        ("vercel.svg", "<svg/>"),
        ("docker-compose.yml", "services:\n  db:\n    image: postgres\n  cache:\n    image: redis\n"),
        ("docker-compose.yml", "services:\n  web:\n    build: .\n"),
        ("Dockerfile", "FROM postgres:16\nCOPY init.sql /docker-entrypoint-initdb.d/\n"),
        ("Dockerfile", "FROM node AS b\nRUN npm run build\nFROM nginx\nCOPY --from=b out /usr/share\nCMD nginx\n"),
        ("Dockerfile", "FROM node\nCMD npm run storybook\n"),
        (
            "Dockerfile",
            'FROM golang AS b\nFROM gcr.io/distroless/static\nCOPY --from=b /unkey /\nENTRYPOINT ["/unkey"]',
        ),
        ("Dockerfile", "FROM python:3.13\nCMD python -m app\n"),
        ("Dockerfile", "FROM debian\nCMD uvicorn main:app\n"),
        ("Dockerfile", 'FROM scratch\nCMD ["./server", "--port", "80"]\n'),
        ("Dockerfile", 'FROM mcr/playwright\nCMD ["npx", "playwright", "test"]\n'),
        ("k8s/db.yaml", "kind: StatefulSet\nspec:\n  containers:\n  - image: postgres:16\n"),
        ("k8s/cron.yaml", "kind: CronJob\n"),
        ("conf/web.yaml", "kind: Deployment\n"),
        ("backup.service", "ExecStart=/usr/bin/rsync\n"),
        ("config/deploy.yml", "service: web\n"),
        ("deploy.yml", "service: web\nimage: me/web\n"),
        ("pm2/app.yaml", "services: []\n"),
        ("node_modules/x/fly.toml", "app = 'x'\n"),
        ("project.json", "{}"),
    ],
)
def test_other_files_name_none(path: str, content: object) -> None:
    found = _deployment({path: content})
    assert (found.target, found.model, found.evidence) == ("unknown", "unknown", "low")
    assert not found.is_vercel()


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("app = 'x'\n", "long-lived"),
        ("[http_service]\n  auto_stop_machines = true\n", "scale-to-zero"),
        ("[http_service]\n  auto_stop_machines = 'stop'\n  min_machines_running = 0\n", "scale-to-zero"),
        ("[http_service]\n  auto_stop_machines = 'suspend'\n  min_machines_running = 1\n", "long-lived"),
        ("[http_service]\n  auto_stop_machines = false\n", "long-lived"),
        ('[http_service]\n  auto_stop_machines = "off"\n', "long-lived"),
        ("[http_service]\n  # auto_stop_machines = true\n", "long-lived"),
        ("[http_service]\n  auto_stop_machines = true\n  # min_machines_running = 1\n", "scale-to-zero"),
    ],
)
def test_fly_sleeps_only_when_it_may_stop_every_machine(text: str, model: str) -> None:
    found = _deployment({"fly.toml": text})
    assert (found.target, found.model) == ("fly", model)


@pytest.mark.parametrize(
    ("step", "target", "model"),
    [
        ("run: npx vercel deploy --prebuilt --prod", "vercel", "function"),
        ("uses: amondnet/vercel-action@v25", "vercel", "function"),
        ("uses: google-github-actions/deploy-cloudrun@v2", "cloud-run", "scale-to-zero"),
        ("run: gcloud run deploy web --min-instances=1", "cloud-run", "long-lived"),
        ("uses: aws-actions/amazon-ecs-deploy-task-definition@v2", "node", "long-lived"),
        ("uses: azure/webapps-deploy@v3", "node", "long-lived"),
        ("run: ssh host pm2 reload web", "node", "long-lived"),
    ],
)
def test_a_workflow_names_the_host_of_the_only_application(step: str, target: str, model: str) -> None:
    tree = {".github/workflows/deploy.yml": f"jobs:\n  deploy:\n    steps:\n    - {step}\n"}
    found = _deployment(tree, "apps/web")
    assert (found.target, found.model, found.evidence) == (target, model, "high")
    assert _deployment(tree, "apps/web", only_app=False) == Deployment()


def test_an_image_beside_a_host_is_the_hosts() -> None:
    found = _deployment({"Dockerfile": "FROM node", "fly.toml": "app = 'x'"})
    assert (found.target, found.model, found.evidence) == ("fly", "long-lived", "high")


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        ("vercel.json", '{\n  "headers": [],\n  "regions": []\n}', 3),
        ("vercel.json", '{\n  "services": {\n    "web": {}\n  }\n}', 3),
        ("netlify.toml", "# x\n[build]\n", 2),
        ("render.yaml", "services:\n- type: worker\n- type: web\n", 3),
        ("Dockerfile", "FROM node\nENV A=1\nCMD node server.js\n", 3),
        ("Procfile", "worker: x\nweb: y\n", 2),
        ("firebase.json", '{"hosting": {\n"source": "."}}', 2),
        (".do/app.yaml", "name: x\nservices:\n- name: web\n", 3),
        ("k8s/web.yaml", "apiVersion: apps/v1\nkind: Deployment\n", 2),
        (".github/workflows/x.yml", "jobs:\n  a:\n    steps:\n    - run: x\n    - run: vercel deploy --prod\n", 5),
        ("ecosystem.config.js", "module.exports = { apps: [\n{ script: 'a.js' }] }", 2),
        ("fly.toml", "app = 'x'\n", 1),
    ],
)
def test_a_signal_names_its_line(path: str, content: str, line: int) -> None:
    found = _deployment({path: content})
    assert [(signal.path, signal.line) for signal in found.signals] == [(path, line)]
    assert (found.path, found.line) == (path, line)


@pytest.mark.parametrize(
    ("path", "content", "replicas"),
    [
        ("k8s/web.yaml", "kind: Deployment\nspec:\n  replicas: 3\n", "many"),
        ("k8s/web.yaml", "kind: Deployment\nspec:\n  replicas: 1\n", "1"),
        ("k8s/web.yaml", "kind: Deployment\n---\nkind: HorizontalPodAutoscaler\n", "many"),
        ("k8s/web.yaml", "kind: Deployment\nspec:\n  replicas: {{ .Values.n }}\n", "unknown"),
        ("railway.json", {"deploy": {"numReplicas": 2}}, "many"),
        ("render.yaml", "services:\n- type: web\n  numInstances: 1\n", "1"),
        (".do/app.yaml", "services:\n- name: web\n  instance_count: 2\n", "many"),
        ("fly.toml", "[http_service]\n  min_machines_running = 2\n", "many"),
        ("fly.toml", "[http_service]\n  min_machines_running = 1\n", "unknown"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js', instances: 'max' }] }", "many"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js' }] }", "1"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js', instances: 4 }] }", "many"),
        ("ecosystem.config.js", "module.exports = { apps: [{ script: 'a.js', instances: n }] }", "unknown"),
        ("Dockerfile", "FROM node", "unknown"),
    ],
)
def test_replicas_are_known_where_a_file_counts_them(path: str, content: object, replicas: str) -> None:
    assert _deployment({path: content}).replicas == replicas


def test_one_replica_is_known_where_every_workload_has_one() -> None:
    one = {"k8s/web.yaml": "kind: Deployment\nspec:\n  replicas: 1\n"}
    assert _deployment({**one, "Dockerfile": "FROM node"}).replicas == "1"
    assert _deployment({**one, "k8s/deployment.yaml": "kind: Deployment\nspec: {}\n"}).replicas == "unknown"


def test_replicas_of_a_compose_file_count_for_an_image_named_elsewhere() -> None:
    compose = "services:\n  web:\n    build: .\n    deploy:\n      replicas: 2\n"
    found = _deployment({"Dockerfile": "FROM node", "docker-compose.yml": compose})
    assert (found.target, found.evidence, found.replicas) == ("container", "medium", "many")


_KEYS: list[tuple[str, object, str]] = [
    ("netlify.toml", '[build]\n  base = "apps/web"\n', "netlify"),
    ("render.yaml", "services:\n- type: web\n  rootDir: apps/web\n", "render"),
    ("amplify.yml", "applications:\n- appRoot: apps/web\n  frontend: {artifacts: {baseDirectory: .next}}\n", "amplify"),
    ("vercel.json", {"services": {"web": {"root": "apps/web", "framework": "nextjs"}}}, "vercel"),
    ("vercel.ts", "export const config = { services: { web: { root: 'apps/web', framework: 'nextjs' } } }", "vercel"),
    ("vercel.json", {"experimentalServices": {"web": {"entrypoint": "apps/web/main.ts"}}}, "vercel"),
    ("firebase.json", {"hosting": {"source": "apps/web"}}, "firebase"),
    (".do/app.yaml", "services:\n- source_dir: /apps/web\n", "node"),
    ("ecosystem.config.js", "module.exports = { apps: [{ script: 'npm', cwd: './apps/web' }] }", "node"),
    ("apps/web/deploy/k8s/web.yaml", "kind: Deployment\n", "node"),
    ("apps/web/docker/Dockerfile", "FROM node\n", "container"),
    ("Dockerfile", 'FROM node\nCMD ["node", "apps/web/server.js"]\n', "container"),
    ("docker/Dockerfile", "FROM node\nWORKDIR /app/apps/web\nCMD npm start\n", "container"),
    (
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    steps:\n    - run: vercel build --prod\n      working-directory: apps/web\n",
        "vercel",
    ),
    (
        ".github/workflows/a.yml",
        "defaults: {run: {working-directory: ./apps/web}}\njobs:\n  a:\n    steps:\n    - run: pm2 reload web\n",
        "node",
    ),
    (
        ".github/workflows/a.yml",
        "jobs:\n  a:\n    defaults: {run: {working-directory: apps/web}}\n    steps: [{run: pm2 reload web}]\n",
        "node",
    ),
    (".github/workflows/a.yml", "jobs: {a: {steps: [{run: vercel deploy --cwd apps/web --prod}]}}", "vercel"),
    (
        ".github/workflows/a.yml",
        "jobs: {a: {steps: [{uses: amondnet/vercel-action@v25, with: {working-directory: apps/web}}]}}",
        "vercel",
    ),
    (
        ".github/workflows/a.yml",
        "jobs: {a: {steps: [{uses: google-github-actions/deploy-cloudrun@v2, with: {source: apps/web}}]}}",
        "cloud-run",
    ),
]


@pytest.mark.parametrize(("path", "content", "target"), _KEYS)
def test_a_file_is_about_the_directory_it_names(path: str, content: object, target: str) -> None:
    assert _deployment({path: content}, "apps/web", only_app=False).target == target
    assert _deployment({path: content}, "apps/docs", only_app=False) == Deployment()


def test_a_compose_file_names_the_directory_of_its_image() -> None:
    compose = "services:\n  web:\n    build: {context: ., dockerfile: apps/web/Dockerfile}\n    deploy: {replicas: 2}\n"
    tree = {"docker-compose.yml": compose, "apps/web/Dockerfile": "FROM node"}
    assert _deployment(tree, "apps/web", only_app=False).replicas == "many"
    assert _deployment(tree, "apps/docs", only_app=False).replicas == "unknown"


@pytest.mark.parametrize(
    "image",
    [
        "FROM node\nCMD npm start\n",
        "FROM alpine\nRUN apk add nodejs\nCMD ./web\n",
        "FROM debian\nCMD node server.js\n",
        'FROM debian\nENTRYPOINT ["/entrypoint.sh"]\n',
        "FROM debian\nCMD ./start\n",
        "FROM node\nCMD ./web\n",
        "ARG BASE\nFROM ${BASE}\nCMD /web\n",
        "FROM debian\nCMD $COMMAND\n",
        "FROM debian\nCMD sh -c 'migrate && pnpm start'\n",
    ],
)
def test_an_image_counts_where_it_may_run_node(image: str) -> None:
    assert _deployment({"Dockerfile": image}).target == "container"


def _workloads(*names: str) -> Tree:
    return {f"charts/shop/templates/{name}.yaml": "kind: Deployment\n" for name in names}


def test_of_several_workloads_only_those_called_like_the_application_count() -> None:
    found = _deployment(_workloads("cube-deployment", "deployment", "hub-deployment"))
    assert [signal.path for signal in found.signals] == ["charts/shop/templates/deployment.yaml"]
    assert _deployment(_workloads("cube-deployment", "hub-deployment")) == Deployment()
    assert _deployment(_workloads("cube-deployment")).target == "node"
    shop = _deployment(_workloads("cube-deployment", "shop"), "apps/shop")
    assert [signal.path for signal in shop.signals] == ["charts/shop/templates/shop.yaml"]
    named = {**_workloads("cube-deployment"), "charts/x/a.yaml": "kind: Deployment\nmetadata:\n  name: web\n"}
    assert [signal.path for signal in _deployment(named).signals] == ["charts/x/a.yaml"]
    image = {**_workloads("cube-deployment"), "charts/x/a.yaml": "kind: Deployment\n- image: acme/shop:1\n"}
    assert [signal.path for signal in _deployment(image, "apps/shop").signals] == ["charts/x/a.yaml"]


def test_the_nearest_of_equal_files_is_named() -> None:
    tree = {"a/fly.toml": "", "fly.toml": "", "apps/web/fly.toml": ""}
    assert _deployment({**tree, "apps/fly.toml": ""}, "apps/web").path == "apps/web/fly.toml"
    tree = {"Dockerfile": "FROM node", "docker/Dockerfile": "FROM node\nWORKDIR /app/apps/web\nCMD npm start\n"}
    assert _deployment(tree, "apps/web").path == "Dockerfile"


def test_services_of_one_vercel_project() -> None:
    services = {"web": {"root": "apps/web", "framework": "nextjs"}, "api": {"root": "apps/api", "framework": "express"}}
    hosts = hosts_of(_files({"vercel.json": {"services": services}}))
    web = deployment(hosts, "apps/web", only_app=False)
    api = deployment(hosts, "apps/api", only_app=False, kind="service")
    assert [(found.target, found.model) for found in (web, api)] == [("vercel", "function")] * 2
    container = {"worker": {"root": "apps/worker", "runtime": "container"}}
    hosts = hosts_of(_files({"vercel.json": {"services": {**services, **container}}}))
    assert deployment(hosts, "apps/worker", only_app=False, kind="service").target == "vercel-container"
    assert deployment(hosts, "apps/web", only_app=False).target == "vercel"


@pytest.mark.parametrize("framework", [None, "express"])
def test_a_service_may_be_deployed_with_a_preset_of_its_own(framework: str | None) -> None:
    hosts = hosts_of(_files({"vercel.json": {"framework": framework}}))
    assert deployment(hosts, "", only_app=False, kind="service").target == "vercel"
    assert deployment(hosts, "", only_app=False).target == "unknown"


@pytest.mark.parametrize(
    ("dependency", "kind", "target"),
    [
        ("serverless-http", "service", "lambda"),
        ("@vendia/serverless-express", "service", "lambda"),
        ("serverless-http", "next", "unknown"),
        ("@opennextjs/cloudflare", "next", "cloudflare"),
        ("@opennextjs/aws", "next", "lambda"),
        ("@vercel/analytics", "next", "unknown"),
    ],
)
def test_a_dependency_may_name_the_host(dependency: str, kind: Kind, target: str) -> None:
    positions: dict[tuple[str | int, ...], tuple[int, int]] = {("dependencies", dependency): (7, 5)}
    package = Package("", {"dependencies": {dependency: "1.0.0"}}, positions)
    found = deployment((), "", only_app=True, kind=kind, package=package)
    assert (found.target, found.path, found.line) == (
        (target, "package.json", 7) if target != "unknown" else ("unknown", "", 1)
    )


def test_what_is_built_as_files_runs_nowhere() -> None:
    pages = {".github/workflows/a.yml": "jobs: {a: {steps: [{uses: actions/deploy-pages@v4}]}}"}
    exported = deployment(hosts_of(_files(pages)), "", only_app=True, exported=True)
    assert (exported.target, exported.model, exported.evidence) == ("static", "static", "high")
    assert _deployment(pages) == Deployment()
    both = hosts_of(_files({"vercel.json": {"regions": []}, "Dockerfile": "FROM node"}))
    assert deployment(both, "", only_app=True, exported=True).model == "static"
    assert deployment((), "", only_app=True, exported=True).model == "static"


@pytest.mark.parametrize("other", [{"vercel.json": {"regions": []}}, {"netlify.toml": "[build]"}])
def test_an_image_beside_a_function_host_is_a_conflict(other: Tree) -> None:
    found = _deployment({"Dockerfile": "FROM node", **other})
    assert (found.target, found.model, found.evidence) == ("unknown", "unknown", "low")
    assert found.conflicts == tuple(sorted(("container", *(name.partition(".")[0] for name in other))))
    assert {signal.path for signal in found.signals} == {"Dockerfile", *other}


def test_hosts_that_agree_leave_the_model_known() -> None:
    found = _deployment({"vercel.json": {"regions": []}, "netlify.toml": "[build]"})
    assert (found.target, found.model, found.evidence) == ("unknown", "function", "high")
    assert found.conflicts == ()


def test_weights_of_one_host_add_up() -> None:
    assert _deployment({"Dockerfile": "FROM node"}).evidence == "medium"
    assert _deployment({"Dockerfile": "", "Dockerfile.prod": "", "Containerfile": ""}).evidence == "high"
    assert _deployment({"railway.toml": "", "nixpacks.toml": ""}).evidence == "high"


def test_each_application_of_a_monorepo_has_files_of_its_own() -> None:
    tree = {"apps/docs/vercel.json": {"regions": []}, "apps/web/Dockerfile": "FROM node", "fly.toml": "app = 'x'"}
    assert _deployment(tree, "apps/docs", only_app=False).target == "vercel"
    assert _deployment(tree, "apps/web", only_app=False).target == "container"
    assert _deployment(tree, "apps/api", only_app=False) == Deployment()


def test_files_above_the_only_application_are_its_own() -> None:
    assert _deployment({"fly.toml": "app = 'x'"}, "apps/web").target == "fly"
    assert _deployment({"apps/api/fly.toml": "app = 'x'"}, "apps/web") == Deployment()


_ODD: list[object] = [None, 1, 1.5, True, "", "x", [], [None], {}, {"x": None}]


@pytest.mark.parametrize("odd", _ODD)
def test_odd_configuration_does_not_matter(odd: object) -> None:
    contents = [{key: odd} for key in ("git", "framework", "hosting", "services", "applications", "jobs", "apps")]
    for content in (odd, {"git": {"deploymentEnabled": odd}}, {"services": {"web": odd}}, *contents):
        for path in ("vercel.json", "firebase.json", "railway.json", "wrangler.json", "serverless.json"):
            assert _deployment({path: content}).target in ("unknown", "vercel", "lambda", "railway")
        for path in (".do/app.yaml", "render.yaml", "amplify.yml", "compose.yaml", ".github/workflows/a.yml"):
            assert _deployment({path: content}).target in ("unknown", "node")


@pytest.mark.parametrize(
    "text", ["", "{", "\0\1", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", '{"framework": "\\ud800"}']
)
def test_broken_configuration_names_no_host(text: str) -> None:
    assert _deployment({"vercel.json": text, "firebase.json": text}) == Deployment()
