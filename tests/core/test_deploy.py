"""Where an application runs: each signal, how signals add up, and which files are an application's own."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from reviewer.core.deploy import Deployment, deployment
from reviewer.core.files import Files, NoCache
from reviewer.core.finding import Evidence
from reviewer.core.snapshot import snapshot_of

Tree = Mapping[str, object]


def _deployment(tree: Tree, root: str = "", *, only_app: bool = True) -> Deployment:
    texts = {path: value if isinstance(value, str) else json.dumps(value) for path, value in tree.items()}
    return deployment(Files(snapshot_of(texts), NoCache()), root, only_app)


@pytest.mark.parametrize(
    ("path", "content", "target", "model", "evidence"),
    [
        (".vercel/project.json", "{}", "vercel", "function", "high"),
        ("vercel.json", {"framework": "nextjs"}, "vercel", "function", "high"),
        ("vercel.json", {"functions": {"api/*.ts": {"runtime": "nodejs22.x"}}}, "vercel", "function", "high"),
        ("vercel.json", {"crons": []}, "vercel", "function", "high"),
        ("vercel.json", {"headers": []}, "vercel", "function", "medium"),
        ("vercel.ts", "export const config = { regions: ['fra1'] };", "vercel", "function", "high"),
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
        ("vercel.json", {"framework": "express"}),
        ("vercel.json", {"git": {"deploymentEnabled": False}, "regions": ["fra1"]}),
        ("vercel.svg", "<svg/>"),
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


@pytest.mark.parametrize("other", [{"vercel.json": {"regions": []}}, {"netlify.toml": "[build]"}])
def test_an_image_beside_a_function_host_is_a_conflict(other: Tree) -> None:
    found = _deployment({"Dockerfile": "FROM node", **other})
    assert (found.target, found.model, found.evidence) == ("unknown", "unknown", "low")
    assert {signal.path for signal in found.signals} == {"Dockerfile", *other}


def test_hosts_that_agree_leave_the_model_known() -> None:
    found = _deployment({"vercel.json": {"regions": []}, "netlify.toml": "[build]"})
    assert (found.target, found.model, found.evidence) == ("unknown", "function", "high")


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
    for content in (odd, {"git": odd}, {"git": {"deploymentEnabled": odd}}, {"framework": odd}, {"hosting": odd}):
        for path in ("vercel.json", "firebase.json", "railway.json", "wrangler.json", "serverless.json"):
            assert _deployment({path: content}).target in ("unknown", "vercel", "lambda", "railway")


@pytest.mark.parametrize(
    "text", ["", "{", "\0\1", "[" * 100_000, '{"a": ' + "9" * 5000 + "}", '{"framework": "\\ud800"}']
)
def test_broken_configuration_names_no_host(text: str) -> None:
    assert _deployment({"vercel.json": text, "firebase.json": text}) == Deployment()
