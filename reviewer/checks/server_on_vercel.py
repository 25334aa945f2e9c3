"""Custom servers of applications that Vercel builds with its Next.js preset."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.files import Files
from reviewer.core.finding import Evidence, Finding, Level, Site
from reviewer.core.hosts import Signal
from reviewer.core.manifest import parent
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.servertraits import gravest, purpose_of, server_sites
from reviewer.core.vercel import NAME, builds_as_function, preset_of

MAX_NAMED = 3
DISABLED = 0.5  # a weaker signal says that Vercel does not deploy what is pushed
_WORKFLOWS = ".github/workflows/"
_BUILDS_IMAGE = re.compile(r"docker/build-push-action|\bdocker\s+(?:buildx\s+)?build\b")


def custom_server_on_vercel(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Servers with handlers of their own in an application that Vercel deploys."""
    override = settings.options["target_override"]
    signals = [] if app.is_static or override == "other" else _signals(app, project.files)
    if not signals and override != "vercel":
        return
    beside = _beside(app, project.files) if override == "auto" else ""
    for server in project.servers_of(app):
        if server.behaviours and purpose_of(project.code, app, server) == "production":
            yield _finding(app, project.files, server, signals, beside, settings)


def _signals(app: App, files: Files) -> list[Signal]:
    """What says that Vercel builds the application with the Next.js preset, its configuration first."""
    signals = [signal for signal in app.deployment.signals if signal.target == "vercel"]
    is_pushed = all(signal.weight >= DISABLED for signal in signals)
    is_deployed = is_pushed or any(signal.path.startswith(_WORKFLOWS) for signal in signals)
    in_container = any(signal.target == "vercel-container" for signal in app.deployment.signals)
    if not is_deployed or in_container or any(_is_other(app, files, signal) for signal in signals):
        return []
    return sorted(signals, key=lambda signal: (not _is_config(app, signal), signal.path))


def _is_config(app: App, signal: Signal) -> bool:
    """Whether the signal is the application's own configuration file, and in force."""
    in_force = signal.weight >= DISABLED
    return in_force and NAME.search(signal.path) is not None and parent(signal.path) == app.root


def _is_other(app: App, files: Files, signal: Signal) -> bool:
    return NAME.search(signal.path) is not None and preset_of(files, signal.path, app.root) == "other"


def _beside(app: App, files: Files) -> str:
    """A file that names another place to run the application, or builds an image of it; '' where none does."""
    others = [signal.path for signal in app.deployment.signals if signal.target != "vercel"]
    workflows = (path for path in files.listing if path.startswith(_WORKFLOWS) and app.is_only)
    texts = ((path, files.source(path)) for path in workflows)
    builds = (path for path, source in texts if source is not None and _BUILDS_IMAGE.search(source.data.decode()))
    return next(iter((*others, *builds)), "")


def _finding(
    app: App, files: Files, server: CustomServer, signals: list[Signal], beside: str, settings: Settings
) -> Finding:
    named, more = gravest(server, MAX_NAMED)
    is_function = any(builds_as_function(files, signal.path, server.entry) for signal in signals)
    form = "function" if is_function else "beside" if beside else "preset" if signals else "settings"
    sites = [*server_sites(app, server)]
    sites += [Site(signal.path, 1, 1, 1, "Vercel deploys the application") for signal in signals[:1]]
    sites += [Site(b.path, b.line, 1, b.line, f"`{b.label}` does not run on Vercel") for b in named]
    level, evidence = _weight(app, form, signals, settings)
    return settings.finding(
        app,
        sites,
        key="vercel",
        level=level,
        evidence=evidence,
        args={
            "file": server.file,
            "entry": server.entry,
            "host_file": "".join(signal.path for signal in signals[:1]),
            "beside": beside,
            "lost": tuple(behaviour.label for behaviour in named),
            "more": more,
            "has_more": more > 0,
            "form": form,
        },
        subjects=[server.file],
    )


def _weight(app: App, form: str, signals: list[Signal], settings: Settings) -> tuple[Level, Evidence]:
    """An error where the application's own configuration, or the settings, say that Vercel runs it and nothing else."""
    is_set = settings.options["target_override"] == "vercel"
    if form in ("function", "beside") or not (is_set or _is_config(app, signals[0])):
        return "warning", "medium"
    return "error", "high" if is_set else app.deployment.evidence
