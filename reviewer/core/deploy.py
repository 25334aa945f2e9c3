"""Where an application runs, as far as files of the repository say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Literal

from reviewer.core.finding import Evidence
from reviewer.core.hosts import MODELS, Placed, ProcessModel, Signal
from reviewer.core.manifest import Package, ancestors, parent
from reviewer.core.pm2 import Replicas

_BY_DEPENDENCY = (
    ("@opennextjs/cloudflare", "next", "cloudflare", 0.9),
    ("@cloudflare/next-on-pages", "next", "cloudflare", 0.9),
    ("@opennextjs/aws", "next", "lambda", 0.8),
    ("cdk-nextjs", "next", "lambda", 0.8),
    ("@vercel/analytics", "next", "vercel", 0.1),
    ("@vercel/og", "next", "vercel", 0.1),
    ("serverless-http", "service", "lambda", 0.8),
    ("@vendia/serverless-express", "service", "lambda", 0.8),
    ("@codegenie/serverless-express", "service", "lambda", 0.8),
    ("aws-serverless-express", "service", "lambda", 0.8),
    ("aws-lambda-fastify", "service", "lambda", 0.8),
    ("@fastify/aws-lambda", "service", "lambda", 0.8),
)

_COMMON = frozenset(
    {"deployment", "deployments", "deploy", "statefulset", "app", "application", "web", "webapp", "website", "site"}
    | {"frontend", "ui", "server", "next", "nextjs", "main", "prod", "production", "staging", "k8s", "kubernetes"}
    | {"all", "base", "manifest", "manifests", "workload", "workloads"}
)

Kind = Literal["next", "service"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """The target of one deployable root. ``unknown`` is the normal case, and then only the model may be known.

    ``conflicts`` are the targets that run it in different ways. ``root`` is where the application lies.
    """

    target: str = "unknown"
    model: ProcessModel = "unknown"
    evidence: Evidence = "low"
    signals: tuple[Signal, ...] = ()
    conflicts: tuple[str, ...] = ()
    replicas: Replicas = "unknown"
    root: str = field(default="", compare=False)

    def is_vercel(self) -> bool:
        return self.target == "vercel"

    @property
    def path(self) -> str:
        """The file that says so, or ''."""
        return self._best.path if self._best is not None else ""

    @property
    def line(self) -> int:
        """The line of that file."""
        return self._best.line if self._best is not None else 1

    @property
    def _best(self) -> Signal | None:
        return self.best_of(self.signals)

    def best_of(self, signals: Iterable[Signal]) -> Signal | None:
        """The strongest of some signals, of equal ones the one nearest to the application."""
        return min(signals, key=lambda signal: (-signal.weight, self._distance(signal.path), signal.path), default=None)

    def _distance(self, path: str) -> int:
        """How many directories lie between the application and a file."""
        root, folder = [[part for part in place.split("/") if part] for place in (self.root, parent(path))]
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(root, folder, strict=False))))
        return len(root) + len(folder) - 2 * shared


def deployment(
    hosts: Iterable[Placed],
    root: str,
    only_app: bool,
    *,
    kind: Kind = "next",
    package: Package | None = None,
    exported: bool = False,
) -> Deployment:
    """The deployment target of the application at *root*.

    ``only_app`` says that the repository has a single application, so that files above it and workflows are its own.
    ``exported`` says that it is built as files, which any host serves without a process.
    """
    name = package.name if package is not None else ""
    given = [*about(hosts, root, only_app, kind, name), *_from_dependencies(package, kind)]
    signals = list(_strongest(_as_built(given, exported)))
    certainty: dict[str, float] = {}
    for signal in signals:
        certainty[signal.target] = 1 - (1 - certainty.get(signal.target, 0.0)) * (1 - signal.weight)
    strong = {target: weight for target, weight in certainty.items() if weight >= 0.5}
    if "container" in strong and any(MODELS[target] != "function" for target in strong.keys() - {"container"}):
        strong.pop("container")  # the image of a host that is named elsewhere
    if not strong:
        return Deployment(model="static", evidence="medium") if exported else Deployment()
    used = tuple(signal for signal in signals if signal.target in strong)
    models = {signal.model for signal in used}
    replicas = _together(signals)
    if len(models) > 1:
        return Deployment("unknown", "unknown", "low", used, tuple(sorted(strong)), replicas, root)
    best = min(strong, key=lambda target: (-strong[target], target))
    evidence: Evidence = "high" if strong[best] >= 0.8 else "medium"
    target = best if len(strong) == 1 else "unknown"
    return Deployment(target, models.pop(), evidence, used, (), replicas, root)


def about(hosts: Iterable[Placed], root: str, only_app: bool, kind: Kind = "next", name: str = "") -> Iterator[Signal]:
    """The signals that are about the application at *root*: those of its directory, and where it is the only one
    those of the directories above it. Of several workloads, only those called like it or its package's *name*."""
    directories = set(ancestors(root)) if only_app else {root}
    found = [
        placed for placed in hosts if placed.only in ("", kind) and (placed.dir in directories or root in placed.others)
    ]
    is_one_of_many = sum(bool(placed.names) for placed in found) > 1
    own = _words(root) | _words(name)
    for placed in found:
        if not (is_one_of_many and placed.names) or any(_is_called(own, given) for given in placed.names):
            yield placed.signal


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^a-z0-9]+", text.lower()) if word}


def _is_called(own: set[str], given: str) -> bool:
    """Whether a workload's name is the application's, or one that any application could have."""
    specific = _words(given) - _COMMON
    return not specific or bool(specific & (own - {"apps", "packages"}))


def _from_dependencies(package: Package | None, kind: Kind) -> Iterator[Signal]:
    dependencies = package.dependencies if package is not None else {}
    for name, needed, target, weight in _BY_DEPENDENCY:
        if package is not None and name in dependencies and needed == kind:
            line = package.positions.get((dependencies[name][1], name), (1, 1))[0]
            yield Signal(target, weight, package.path, MODELS[target], line)


def _as_built(signals: Iterable[Signal], exported: bool) -> Iterator[Signal]:
    """A host of files counts only for what is built as files, and then nothing else runs."""
    for signal in signals:
        if exported:
            yield replace(signal, model="static")
        elif signal.model != "static":
            yield signal


def _strongest(signals: Iterable[Signal]) -> Iterator[Signal]:
    """The strongest signal of each file and target."""
    best: dict[tuple[str, str], Signal] = {}
    for signal in signals:
        key = (signal.path, signal.target)
        if key not in best or best[key].weight < signal.weight:
            best[key] = signal
    yield from best.values()


def _together(signals: Iterable[Signal]) -> Replicas:
    """Several of them where any file counts several; one where every file of a target counts one."""
    by_target: dict[str, set[Replicas]] = {}
    for signal in signals:
        by_target.setdefault(signal.target, set()).add(signal.replicas)
    if any("many" in found for found in by_target.values()):
        return "many"
    return "1" if {"1"} in by_target.values() else "unknown"
