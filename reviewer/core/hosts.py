"""Files that name a host: which directory they are about, which host it is, and how sure that is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reviewer.core.configvalues import ConfigReader, plain
from reviewer.core.dockerfile import last_stage
from reviewer.core.files import Files
from reviewer.core.imageprogram import runs_another_program
from reviewer.core.manifest import join, load_yaml_file, parent
from reviewer.core.pm2 import ECOSYSTEM, Replicas, pm2_apps

ProcessModel = Literal["function", "scale-to-zero", "long-lived", "static", "unknown"]

MODELS: dict[str, ProcessModel] = {
    "vercel": "function",
    "netlify": "function",
    "cloudflare": "function",
    "lambda": "function",
    "amplify": "function",
    "firebase": "function",
    "vercel-container": "scale-to-zero",
    "cloud-run": "scale-to-zero",
    "app-hosting": "scale-to-zero",
    "fly": "long-lived",
    "render": "long-lived",
    "railway": "long-lived",
    "heroku": "long-lived",
    "gae": "long-lived",
    "container": "long-lived",
    "node": "long-lived",
    "static": "static",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One file's contribution to one target, and the line that makes it."""

    target: str
    weight: float
    path: str
    model: ProcessModel
    line: int = 1
    replicas: Replicas = "unknown"


@dataclass(frozen=True, slots=True)
class Placed:
    """A signal and the directory it is about; ``others`` are directories that it may be about instead.

    ``only`` restricts it to one kind of application. ``is_next`` says that it takes the directory for a Next
    application. ``names`` are what one workload of a cluster is called, which may be another's than the application's.
    """

    dir: str
    signal: Signal
    only: Literal["", "next", "service"] = ""
    is_next: bool = False
    others: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


def hosts_of(files: Files) -> tuple[Placed, ...]:
    """What every file of the tree says about hosts."""
    return tuple(_placed(files))


def _placed(files: Files) -> Iterator[Placed]:
    for name in files.names():
        if _ANY.fullmatch(name) is None:
            continue
        plain = [row for row in _PLAIN if row[0].fullmatch(name)]
        readers = [reader for pattern, reader in _READERS if pattern.fullmatch(name)]
        for path in files.paths(name):
            if "node_modules/" in path:
                continue
            for reader in readers:
                yield from reader(files, path)
            for row in plain:
                yield from _from_text(files, path, row)
    for path in files.workflows:
        yield from _from_workflow(files, path)


# -- files that are about the directory they lie in ----------------------------------------------------------

Row = tuple[re.Pattern[str], str, float, re.Pattern[str] | None]


def _row(name: str, target: str, weight: float, holds: str | None = None) -> Row:
    """A name, the host it stands for, its weight, and what the text must hold."""
    return re.compile(name), target, weight, re.compile(holds, re.IGNORECASE | re.MULTILINE) if holds else None


_PLAIN: tuple[Row, ...] = (
    _row(r"wrangler\.(?:toml|jsonc?)", "cloudflare", 0.9, r"open-?next|next-on-pages|\.vercel/output"),
    _row(r"open-next\.config\.[cm]?[jt]s", "cloudflare", 0.9, r"cloudflare"),
    _row(r"open-next\.config\.[cm]?[jt]s", "lambda", 0.8, r"\A(?![\s\S]*cloudflare)"),
    _row(r"sst\.config\.[cm]?[jt]s", "lambda", 0.8, r"\bNextjs(?:Site)?\("),
    _row(r"serverless\.(?:ya?ml|ts|json)", "lambda", 0.8),
    _row(r"template\.ya?ml", "lambda", 0.8, r"AWS::Serverless"),
    _row(r"apphosting\.ya?ml", "app-hosting", 0.8),
    _row(r"(?:Dockerfile|Containerfile)\.vercel", "vercel-container", 0.9),
    _row(r"fly\.toml", "fly", 0.8),
    _row(r"railway\.(?:json|toml)|nixpacks\.toml|railpack\.json", "railway", 0.7),
    _row(r"Procfile", "heroku", 0.6, r"^web:"),
    _row(r"heroku\.ya?ml", "heroku", 0.6, r"^(?:build|run):"),
    _row(r"service\.ya?ml", "cloud-run", 0.9, r"serving\.knative\.dev"),
    _row(r"cloudbuild\.ya?ml", "cloud-run", 0.9, r"gcloud run deploy|\brun['\"]?,\s*['\"]?deploy\b"),
    _row(r"app\.ya?ml", "gae", 0.7, r"^runtime:\s*['\"]?nodejs|^env:\s*['\"]?flex"),
    _row(r"captain-definition|appspec\.ya?ml", "node", 0.8),
    _row(r"web\.config", "node", 0.8, r"iisnode"),
    _row(r"[^/]*\.service", "node", 0.8, r"^ExecStart=.*\b(?:node|npm|yarn|pnpm|next|pm2)\b"),
    _row(r"(?:ecs-)?task-?def(?:inition)?[^/]*\.json", "node", 0.8, r"containerDefinitions"),
)
_KEPT = r"minScale['\"]?:\s*['\"]?[1-9]|minInstances:\s*[1-9]|min-instances[=', \"]+[1-9]"
_MANY = re.compile(
    r"(?:num_?replicas|num_?instances|replicas|instance_count|min_?instances|min_machines_running|minScale)"
    r"['\"]?\s*[:=]\s*['\"]?(\d{1,6})\b",
    re.IGNORECASE,
)
_HOME = re.compile(r"(?:^|/)(?:\.?docker|deploy|deployment|deployments|build|ops|infra|\.do|scripts|config)$")


def _from_text(files: Files, path: str, row: Row) -> Iterator[Placed]:
    _, target, weight, holds = row
    text = _text(files, path)
    match = holds.search(text) if holds is not None else None
    if holds is None or match is not None:
        line = _line(text, match.start()) if match is not None else 1
        signal = Signal(target, weight, path, _model(target, text), line, _replicas(text))
        yield Placed(_home(parent(path)) if path.endswith(".service") else parent(path), signal)


def _model(target: str, text: str) -> ProcessModel:
    if target == "fly" and re.search(r"(?m)^[ \t]*auto_stop_machines\s*=(?!\s*(?:false|\"off\"|'off'))", text):
        minimum = re.search(r"(?m)^[ \t]*min_machines_running\s*=\s*(\d+)", text)
        return "scale-to-zero" if minimum is None or minimum.group(1) == "0" else "long-lived"
    if target == "railway" and re.search(r"sleepApplication\"?\s*[:=]\s*true", text):
        return "scale-to-zero"
    if target in ("cloud-run", "app-hosting") and re.search(_KEPT, text):
        return "long-lived"
    return MODELS[target]


def _replicas(text: str) -> Replicas:
    """How many processes run at once. A minimum of one says nothing about how many there may be."""
    found = [(match.group().lower(), int(match.group(1))) for match in _MANY.finditer(text)]
    if any(number > 1 for _, number in found):
        return "many"
    return "1" if any(number == 1 and not word.startswith("min") for word, number in found) else "unknown"


def _home(directory: str) -> str:
    """The directory that a folder of deployment files belongs to."""
    while _HOME.search(directory):
        directory = parent(directory)
    return directory


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _text(files: Files, path: str) -> str:
    source = files.source(path)
    return source.data.decode() if source is not None else ""


# -- files that name directories -----------------------------------------------------------------------------

_VERCEL_KEYS = ("functions", "regions", "crons", "buildCommand", "services", "framework", "builds", "installCommand")


def _vercel_config(files: Files, path: str) -> dict[str, Any] | None:
    """What a vercel.json, or its like in another language, declares; None where it declares nothing."""
    text = _text(files, path)
    if path.endswith((".json", ".toml")):
        value = _loads(text) if path.endswith(".json") else _toml(text)
        return value if isinstance(value, dict) else None
    facts = files.facts(path)
    export = (facts.export("config") or facts.export("default")) if facts is not None else None
    expr = export.expr if export is not None else None
    value = plain(ConfigReader(facts), expr) if facts is not None and expr is not None else None
    return (
        value if isinstance(value, dict) else {key: key for key in _VERCEL_KEYS if key in text and key != "framework"}
    )


def _vercel(files: Files, path: str) -> Iterator[Placed]:
    directory, text, config = parent(path), _text(files, path), _vercel_config(files, path)
    if config is None:
        return
    services = {**_dict(config.get("experimentalServices")), **_dict(config.get("services"))}
    if services:
        yield from (
            _vercel_service(path, name, service, text)
            for name, service in services.items()
            if isinstance(service, dict)
        )
        return
    git, framework = _dict(config.get("git")), config.get("framework", "nextjs")
    line = _key_line(text, *(key for key in _VERCEL_KEYS if key in config))
    if git.get("deploymentEnabled") is False:
        yield Placed(directory, Signal("vercel", 0.2, path, "function", _key_line(text, "deploymentEnabled")))
    else:
        weight = 0.9 if any(key in config for key in _VERCEL_KEYS) else 0.5
        only: Literal["", "service"] = "" if framework == "nextjs" else "service"
        is_next = config.get("framework") == "nextjs"
        yield Placed(directory, Signal("vercel", weight, path, "function", line), only, is_next)


def _vercel_service(path: str, name: str, service: Mapping[str, Any], text: str) -> Placed:
    root, entry = service.get("root"), service.get("entrypoint")
    place = root if isinstance(root, str) else parent(entry) if isinstance(entry, str) else ""
    target = "vercel-container" if service.get("runtime") == "container" else "vercel"
    signal = Signal(target, 0.9, path, MODELS[target], _key_line(text, name))
    return Placed(join(parent(path), place), signal, "", service.get("framework") == "nextjs")


def _vercel_project(files: Files, path: str) -> Iterator[Placed]:  # noqa: ARG001 - what it holds is not looked at
    if path.endswith(".vercel/project.json"):
        yield Placed(parent(parent(path)), Signal("vercel", 0.9, path, "function"))


def _netlify(files: Files, path: str) -> Iterator[Placed]:
    text = _text(files, path)
    match = re.search(r"\[build\]|plugin-nextjs|\bbase\s*=", text)
    if match is not None:
        base = re.search(r"(?m)^[^\S\n]*base\s*=\s*['\"]([^'\"\n]+)['\"]", text)
        directory = join(parent(path), base.group(1) if base is not None else "")
        signal = Signal("netlify", 0.8, path, "function", _line(text, match.start()))
        yield Placed(directory, signal, "", "plugin-nextjs" in text)


def _amplify(files: Files, path: str) -> Iterator[Placed]:
    text = _text(files, path)
    document, lines = load_yaml_file(files, path, quiet=True)
    applications = document.get("applications")
    if not isinstance(applications, list):
        match = re.search(r"\.next\b", text)
        if match is not None:
            signal = Signal("amplify", 0.8, path, "function", _line(text, match.start()))
            yield Placed(parent(path), signal)
        return
    for index, item in enumerate(applications):
        root = item.get("appRoot") if isinstance(item, dict) else None
        if isinstance(root, str) and ".next" in json.dumps(item):
            signal = Signal("amplify", 0.8, path, "function", lines.get(("applications", index), 1))
            yield Placed(join(parent(path), root), signal, "", True)


def _firebase(files: Files, path: str) -> Iterator[Placed]:
    """A firebase.json whose hosting builds a framework, and does not serve a directory of files."""
    text = _text(files, path)
    hosting = _json(text).get("hosting")
    for site in hosting if isinstance(hosting, list) else [hosting]:
        if isinstance(site, dict) and ("source" in site or "frameworksBackend" in site):
            source = site.get("source")
            directory = join(parent(path), source if isinstance(source, str) else "")
            line = _key_line(text, "frameworksBackend", "source")
            yield Placed(directory, Signal("firebase", 0.7, path, "function", line))


def _render(files: Files, path: str) -> Iterator[Placed]:
    document, lines = load_yaml_file(files, path, quiet=True)
    services = document.get("services")
    for index, service in enumerate(services if isinstance(services, list) else ()):
        if isinstance(service, dict) and service.get("type") == "web":
            root = service.get("rootDir", service.get("dockerContext"))
            model: ProcessModel = "scale-to-zero" if service.get("plan") == "free" else "long-lived"
            line = lines.get(("services", index), 1)
            signal = Signal("render", 0.8, path, model, line, _replicas(f"numInstances: {service.get('numInstances')}"))
            yield Placed(join(parent(path), root if isinstance(root, str) else ""), signal)


def _digital_ocean(files: Files, path: str) -> Iterator[Placed]:
    """The app spec of DigitalOcean's App Platform, which lies in ``.do``."""
    directory = parent(path)
    if directory.rpartition("/")[2] != ".do":
        return
    document, lines = load_yaml_file(files, path, quiet=True)
    services = document.get("services")
    services = services if isinstance(services, list) and services else [{}]
    for index, service in enumerate(services):
        if isinstance(service, dict):
            source = service.get("source_dir")
            place = source.strip("/") if isinstance(source, str) else ""
            replicas = _replicas(f"instance_count: {service.get('instance_count')}")
            signal = Signal("node", 0.8, path, "long-lived", lines.get(("services", index), 1), replicas)
            yield Placed(join(parent(directory), place), signal)


def _kamal(files: Files, path: str) -> Iterator[Placed]:
    text = _text(files, path) if path.endswith("config/deploy.yml") else ""
    if re.search(r"(?m)^service:", text) and (match := re.search(r"(?m)^image:", text)) is not None:
        signal = Signal("node", 0.8, path, "long-lived", _line(text, match.start()))
        yield Placed(_home(parent(path)), signal)


_INFRASTRUCTURE = re.compile(
    r"(?:^|/)(?:postgres|postgis|redis|valkey|mysql|mariadb|mongo|rabbitmq|nginx|caddy|httpd|traefik|elasticsearch|"
    r"minio|memcached|kafka|zookeeper|localstack|mailhog|mailpit)[^/]*$"
)
_NO_SERVER = re.compile(r"storybook|playwright|cypress|\b(?:jest|vitest|mocha)\b|(?:npm|pnpm|yarn)(?: run)? test\b")


def _image(files: Files, path: str) -> Iterator[Placed]:
    """An image that may run the server: not one of a database, a proxy, the tests or another program."""
    stage = last_stage(_text(files, path))
    start = stage.start() if stage is not None else None
    if stage is None or start is None:
        if stage is not None and _INFRASTRUCTURE.search(stage.base):
            return
        yield Placed(_home(parent(path)), Signal("container", 0.5, path, "long-lived"))
        return
    if _INFRASTRUCTURE.search(stage.base) or _NO_SERVER.search(start.text) or runs_another_program(stage, start.text):
        return
    named = {part for word in start.text.split() for part in _suffixes(parent(word))} | set(_suffixes(stage.workdir))
    home = _home(parent(path))
    others = frozenset(join(home, name) for name in named if name)
    yield Placed(home, Signal("container", 0.5, path, "long-lived", start.line), others=others)


def _suffixes(directory: str) -> Iterator[str]:
    """``a/b/c``, ``b/c`` and ``c``: what a directory of an image may be called in the repository."""
    parts = [part for part in directory.split("/") if part not in ("", ".")][-8:]
    for index in range(len(parts)):
        yield "/".join(parts[index:])


def _compose(files: Files, path: str) -> Iterator[Placed]:
    """Services that are built from the repository; what only uses ready-made images says nothing."""
    document, lines = load_yaml_file(files, path, quiet=True)
    home = _home(parent(path))
    for name, service in _dict(document.get("services")).items():
        build = service.get("build") if isinstance(service, dict) else None
        if isinstance(build, str):
            build = {"context": build}
        if not isinstance(build, dict):
            continue
        context, file = str(build.get("context", ".")), build.get("dockerfile")
        directory = join(parent(path), context)
        others = frozenset({_home(parent(join(directory, file)))} if isinstance(file, str) else ())
        replicas = _replicas(f"replicas: {_dict(service.get('deploy')).get('replicas')}")
        line = lines.get(("services", name), 1)
        yield Placed(directory or home, Signal("container", 0.2, path, "long-lived", line, replicas), others=others)


_CLUSTER = re.compile(
    r"(?:^|/)(?:k8s|kubernetes|deploy|deployment|deployments|helm|charts?|manifests|kustomize)(?:/|$)"
)
_WORKLOAD = re.compile(r"(?m)^kind:\s*['\"]?(?:Deployment|StatefulSet)\b")
_WORKLOAD_NAME = re.compile(r"(?m)^metadata:[^\S\n]*\n\s+name:\s*['\"]?([^\s'\"]+)")
_CONTAINER_IMAGE = re.compile(r"(?m)^[^\S\n]*(?:-[^\S\n]*)?image:\s*['\"]?([^\s'\"]+)")


def _kubernetes(files: Files, path: str) -> Iterator[Placed]:
    """Workloads of Kubernetes, be they templates; jobs and databases are none of ours."""
    directory = parent(path)
    place = _CLUSTER.search(directory)
    if place is None and not re.search(r"(?:deployment|statefulset)[^/]*$", path):
        return
    text = _text(files, path)
    match = _WORKLOAD.search(text)
    images = [re.split(r"[:@]", image.group(1))[0] for image in _CONTAINER_IMAGE.finditer(text)]
    if match is None or (images and all(_INFRASTRUCTURE.search(image) for image in images)):
        return
    replicas = "many" if "kind: HorizontalPodAutoscaler" in text else _replicas(text)
    home = directory[: place.start()] if place is not None else directory
    names = [path.rpartition("/")[2].partition(".")[0], *_WORKLOAD_NAME.findall(text)]
    names += [image.rpartition("/")[2] for image in images]
    signal = Signal("node", 0.8, path, "long-lived", _line(text, match.start()), replicas)
    yield Placed(home, signal, names=tuple(name for name in names if "{" not in name))


def _ecosystem(files: Files, path: str) -> Iterator[Placed]:
    if not re.fullmatch(r"ecosystem[^/]*", path.rpartition("/")[2]):
        return
    home = _home(parent(path))
    for app in pm2_apps(files, path) or ():
        yield Placed(join(home, app.cwd), Signal("node", 0.8, path, "long-lived", app.line, app.replicas))
    if pm2_apps(files, path) is None:
        yield Placed(home, Signal("node", 0.8, path, "long-lived"))


Reader = Callable[[Files, str], Iterator[Placed]]
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"vercel\.(?:json|toml|ts|js|mjs|cjs|mts)"), _vercel),
    (re.compile(r"project\.json"), _vercel_project),
    (re.compile(r"netlify\.toml"), _netlify),
    (re.compile(r"amplify\.ya?ml"), _amplify),
    (re.compile(r"firebase\.json"), _firebase),
    (re.compile(r"render\.ya?ml"), _render),
    (re.compile(r"app\.ya?ml"), _digital_ocean),
    (re.compile(r"deploy\.yml"), _kamal),
    (re.compile(r"(?:Dockerfile|Containerfile)(?:\.(?:prod|production|web|next|app))?"), _image),
    (re.compile(r"(?:docker-)?compose[^/]*\.ya?ml"), _compose),
    (re.compile(r"[^/]*\.ya?ml"), _kubernetes),
    (ECOSYSTEM, _ecosystem),
)

_ANY = re.compile("|".join(pattern.pattern for pattern in [row[0] for row in _PLAIN] + [row[0] for row in _READERS]))

# -- workflows -----------------------------------------------------------------------------------------------

_STEPS: tuple[tuple[str, float, re.Pattern[str]], ...] = (
    ("vercel", 0.9, re.compile(r"\bvercel\s+(?:deploy|build)\b[^\n]*--prod|amondnet/vercel-action")),
    ("cloud-run", 0.9, re.compile(r"google-github-actions/deploy-cloudrun|gcloud\s+(?:beta\s+)?run\s+deploy")),
    ("node", 0.8, re.compile(r"amazon-ecs-deploy-task-definition|azure/webapps-deploy|pm2 (?:reload|restart|start)")),
    (
        "static",
        0.9,
        re.compile(r"actions/deploy-pages|peaceiris/actions-gh-pages|aws s3 sync \S*\bout\b|gh-pages -d"),
    ),
)


def _from_workflow(files: Files, path: str) -> Iterator[Placed]:
    text = _text(files, path)
    if not any(pattern.search(text) for _, _, pattern in _STEPS):
        return
    document, lines = load_yaml_file(files, path, quiet=True)
    default = _working_directory(document)
    for job_name, job in _dict(document.get("jobs")).items():
        steps = job.get("steps") if isinstance(job, dict) else None
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, dict):
                line = lines.get(("jobs", job_name, "steps", index), 1)
                yield from _step(path, step, line, _working_directory(job) or default)


def _working_directory(holder: Mapping[str, Any]) -> str:
    place = _dict(_dict(holder.get("defaults")).get("run")).get("working-directory")
    return place if isinstance(place, str) else ""


def _step(path: str, step: Mapping[str, Any], line: int, default: str) -> Iterator[Placed]:
    given, command = _dict(step.get("with")), f"{step.get('uses', '')}\n{step.get('run', '')}"
    named = re.search(r"--(?:cwd|source)[= ]['\"]?([\w./-]+)", command)
    places = [step.get("working-directory"), given.get("working-directory"), given.get("source"), default]
    place = next((str(item) for item in [named.group(1) if named else None, *places] if item), "")
    for target, weight, pattern in _STEPS:
        if pattern.search(command):
            kept = target == "cloud-run" and re.search(_KEPT, f"{command}\n{json.dumps(given)}")
            yield Placed(join("", place), Signal(target, weight, path, "long-lived" if kept else MODELS[target], line))


# -- values --------------------------------------------------------------------------------------------------


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(text: str) -> dict[str, Any]:
    return _dict(_loads(text))


def _key_line(text: str, *keys: str) -> int:
    """The line of the first of some keys that a text holds."""
    for key in keys:
        if (match := re.search(rf"(?<![\w.]){re.escape(key)}['\"]?\s*[:=]", text)) is not None:
            return _line(text, match.start())
    return 1
