"""Where an application runs, as far as files of the repository say so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.files import Files
from reviewer.core.finding import Evidence
from reviewer.core.manifest import ancestors, join, parent

ProcessModel = Literal["function", "scale-to-zero", "long-lived", "static", "unknown"]

_MODELS: dict[str, ProcessModel] = {
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
}


@dataclass(frozen=True, slots=True)
class Signal:
    """One file's contribution to one target."""

    target: str
    weight: float
    path: str
    model: ProcessModel


@dataclass(frozen=True, slots=True)
class Deployment:
    """The target of one deployable root. ``unknown`` is the normal case, and then only the model may be known."""

    target: str = "unknown"
    model: ProcessModel = "unknown"
    evidence: Evidence = "low"
    signals: tuple[Signal, ...] = ()

    def is_vercel(self) -> bool:
        return self.target == "vercel"

    @property
    def path(self) -> str:
        """The file that says so, or ''."""
        return min(self.signals, key=lambda signal: (-signal.weight, signal.path)).path if self.signals else ""


Rule = tuple[re.Pattern[str], str, float, Callable[[str], bool] | None]


def _holds(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    return lambda text: compiled.search(text) is not None


def _hosts_framework(text: str) -> bool:
    """Whether a firebase.json has the hosting build a framework, and not serve a directory of files."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return False
    hosting = config.get("hosting") if isinstance(config, dict) else None
    sites = hosting if isinstance(hosting, list) else [hosting]
    return any(isinstance(site, dict) and ("source" in site or "frameworksBackend" in site) for site in sites)


# name in the root's directory or above it, target, weight, what the text must hold
_SIGNALS: tuple[Rule, ...] = (
    (re.compile(r"netlify\.toml"), "netlify", 0.8, _holds(r"\[build\]|plugin-nextjs|\bbase\s*=")),
    (re.compile(r"wrangler\.(?:toml|jsonc?)"), "cloudflare", 0.9, _holds(r"open-?next|next-on-pages|\.vercel/output")),
    (re.compile(r"open-next\.config\.[cm]?[jt]s"), "cloudflare", 0.9, _holds(r"cloudflare")),
    (re.compile(r"open-next\.config\.[cm]?[jt]s"), "lambda", 0.8, _holds(r"\A(?![\s\S]*cloudflare)")),
    (re.compile(r"sst\.config\.[cm]?[jt]s"), "lambda", 0.8, _holds(r"\bNextjs(?:Site)?\(")),
    (re.compile(r"serverless\.(?:ya?ml|ts|json)"), "lambda", 0.8, None),
    (re.compile(r"template\.ya?ml"), "lambda", 0.8, _holds(r"AWS::Serverless")),
    (re.compile(r"amplify\.ya?ml"), "amplify", 0.8, _holds(r"\.next")),
    (re.compile(r"apphosting\.ya?ml"), "app-hosting", 0.8, None),
    (re.compile(r"firebase\.json"), "firebase", 0.7, _hosts_framework),
    (re.compile(r"(?:Dockerfile|Containerfile)\.vercel"), "vercel-container", 0.9, None),
    (re.compile(r"fly\.toml"), "fly", 0.8, None),
    (re.compile(r"render\.ya?ml"), "render", 0.8, _holds(r"type:\s*['\"]?web")),
    (re.compile(r"railway\.(?:json|toml)|nixpacks\.toml|railpack\.json"), "railway", 0.7, None),
    (re.compile(r"Procfile"), "heroku", 0.6, _holds(r"^web:")),
    (re.compile(r"service\.ya?ml"), "cloud-run", 0.9, _holds(r"serving\.knative\.dev")),
    (re.compile(r"app\.ya?ml"), "gae", 0.7, _holds(r"^runtime:\s*['\"]?nodejs|^env:\s*['\"]?flex")),
    (re.compile(r"ecosystem\.config\.[cm]?js|captain-definition|appspec\.ya?ml"), "node", 0.8, None),
    (re.compile(r"web\.config"), "node", 0.8, _holds(r"iisnode")),
    (re.compile(r"(?:Dockerfile|Containerfile)(?:\.(?:prod|production|web|next|app))?"), "container", 0.5, None),
)
_PLACED = ((".vercel/project.json", "vercel", 0.9), (".do/app.yaml", "node", 0.8), (".do/app.yml", "node", 0.8))
_WORKFLOWS: tuple[tuple[str, float, Callable[[str], bool]], ...] = (
    ("vercel", 0.9, _holds(r"\bvercel\s+(?:deploy|build)\b[^\n]*--prod|amondnet/vercel-action")),
    ("cloud-run", 0.9, _holds(r"google-github-actions/deploy-cloudrun|gcloud\s+(?:beta\s+)?run\s+deploy")),
    ("node", 0.8, _holds(r"amazon-ecs-deploy-task-definition|azure/webapps-deploy|pm2 (?:reload|restart|start)")),
)
_VERCEL_NAME = re.compile(r"vercel\.(?:json|toml|ts|js|mjs|cjs|mts)")
_VERCEL_KEYS = ("functions", "regions", "crons", "buildCommand", "services", "framework", "builds", "installCommand")


def deployment(files: Files, root: str, only_app: bool) -> Deployment:
    """The deployment target of the application at *root*.

    ``only_app`` says that the repository has a single application, so that files above it and workflows are its own.
    """
    signals = list(_strongest(_signals(files, root, only_app)))
    certainty: dict[str, float] = {}
    for signal in signals:
        certainty[signal.target] = 1 - (1 - certainty.get(signal.target, 0.0)) * (1 - signal.weight)
    strong = {target: weight for target, weight in certainty.items() if weight >= 0.5}
    if "container" in strong and len(strong) > 1 and strong.keys() - {"container", "vercel", "netlify"}:
        strong.pop("container")  # the image of a host that is named elsewhere
    if not strong:
        return Deployment()
    used = tuple(signal for signal in signals if signal.target in strong)
    models = {signal.model for signal in used}
    best = min(strong, key=lambda target: (-strong[target], target))
    if len(models) > 1:
        return Deployment("unknown", "unknown", "low", used)
    evidence: Evidence = "high" if strong[best] >= 0.8 else "medium"
    return Deployment(best if len(strong) == 1 else "unknown", models.pop(), evidence, used)


def _strongest(signals: Iterator[Signal]) -> Iterator[Signal]:
    """The strongest signal of each file and target."""
    best: dict[tuple[str, str], Signal] = {}
    for signal in signals:
        key = (signal.path, signal.target)
        if key not in best or best[key].weight < signal.weight:
            best[key] = signal
    yield from best.values()


def _signals(files: Files, root: str, only_app: bool) -> Iterator[Signal]:
    above = set(ancestors(root)) if only_app else {root}
    for name in files.names():
        rules = [rule for rule in _SIGNALS if rule[0].fullmatch(name)]
        is_vercel = _VERCEL_NAME.fullmatch(name) is not None
        if not rules and not is_vercel:
            continue
        for path in files.paths(name):
            if parent(path) in above:
                yield from _vercel(files, path) if is_vercel else _named(files, path, rules)
    for name, target, weight in _PLACED:
        if files.is_file(join(root, name)):
            yield Signal(target, weight, join(root, name), _MODELS[target])
    if only_app:
        yield from _from_workflows(files)


def _named(files: Files, path: str, rules: list[Rule]) -> Iterator[Signal]:
    text = _text(files, path)
    for _, target, weight, holds in rules:
        if text is not None and (holds is None or holds(text)):
            yield Signal(target, weight, path, _model(target, text))


def _model(target: str, text: str) -> ProcessModel:
    if target == "fly" and re.search(r"(?m)^[ \t]*auto_stop_machines\s*=(?!\s*(?:false|\"off\"|'off'))", text):
        minimum = re.search(r"(?m)^[ \t]*min_machines_running\s*=\s*(\d+)", text)
        return "scale-to-zero" if minimum is None or minimum.group(1) == "0" else "long-lived"
    if target == "render" and re.search(r"plan:\s*['\"]?free", text):
        return "scale-to-zero"
    if target == "railway" and re.search(r"sleepApplication\"?\s*[:=]\s*true", text):
        return "scale-to-zero"
    if target == "cloud-run" and re.search(r"minScale['\"]?:\s*['\"]?[1-9]", text):
        return "long-lived"
    if target == "app-hosting" and re.search(r"minInstances:\s*[1-9]", text):
        return "long-lived"
    return _MODELS[target]


def _vercel(files: Files, path: str) -> Iterator[Signal]:
    text = _text(files, path)
    if text is None:
        return
    if re.search(r"runtime\"?\s*[:=]\s*['\"]container", text):
        yield Signal("vercel-container", 0.9, path, "scale-to-zero")
        return
    if not path.endswith(".json"):
        yield Signal("vercel", 0.9 if any(key in text for key in _VERCEL_KEYS) else 0.5, path, "function")
        return
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(config, dict):
        return
    git = config.get("git")
    if isinstance(git, dict) and git.get("deploymentEnabled") is False:
        yield Signal("vercel", 0.2, path, "function")
    elif "framework" not in config or config["framework"] == "nextjs":
        yield Signal("vercel", 0.9 if any(key in config for key in _VERCEL_KEYS) else 0.5, path, "function")


def _from_workflows(files: Files) -> Iterator[Signal]:
    for path in files.listing:
        if path.startswith(".github/workflows/") and files.is_file(path):
            text = _text(files, path) or ""
            for target, weight, holds in _WORKFLOWS:
                if holds(text):
                    kept = target == "cloud-run" and re.search(r"min-instances[= ]+[1-9]", text)
                    yield Signal(target, weight, path, "long-lived" if kept else _MODELS[target])


def _text(files: Files, path: str) -> str | None:
    source = files.source(path)
    return source.data.decode() if source is not None else None
