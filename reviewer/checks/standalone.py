"""Standalone output of applications that a custom server, or ``next start``, runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.commands import next_arguments
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion
from reviewer.core.images import Image, images_of, ships_standalone, started
from reviewer.core.nextconfig import NextConfig
from reviewer.core.project import Project
from reviewer.core.servers import CustomServer
from reviewer.core.servertraits import gravest, purpose_of, server_sites
from reviewer.core.starts import Start, production_commands, production_start

MAX_NAMED = 3
_FATES = ("shadowed", "missing", "bypassed")  # the gravest first
_SERIOUS = frozenset({"auth", "security", "websocket"})
_GENERATED = re.compile(r"server\.[jt]s")
_SED = re.compile(r"\bsed\b")
_PATCHED = ("standalone", "next.config")
_COPIES_ASSETS = re.compile(  # without them the generated server answers 404 for what pages load
    r"\b(?:cp|cpx|cpy|copyfiles|ncp|rsync|mv|ln)\s[^&|;]*\.next/static\b[^&|;]*\s[\"']?(?:\./)?\.next/standalone/"
)


@dataclass(frozen=True, slots=True)
class _Option:
    """How sure it is that the output is standalone, how the page calls that, and where it is said."""

    evidence: Evidence
    source: str
    site: Site


def standalone_with_custom_server(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Standalone output beside a custom server in production, or under ``next start``."""
    images = list(images_of(project.files, app))
    option = _standalone(app.config) or _patched(images)
    if option is None or app.deployment.is_vercel():
        return
    servers = project.servers_of(app)
    in_production = [server for server in servers if purpose_of(project.code, app, server) == "production"]
    if in_production:
        yield from _beside_server(app, project.code, in_production[0], images, option, settings)
        return
    for finding in _under_next_start(app, project.code, images, option, settings):
        # one that has a server starts it elsewhere, or means to
        yield replace(finding, suggestion=None) if servers else finding


def _standalone(config: NextConfig) -> _Option | None:
    option = config.option("output")
    if "standalone" not in option.texts():
        return None
    is_always = option.certainty == "always"
    site = Site(config.path, option.line, 1, option.line, "standalone output is set here")
    return _Option("high" if is_always else "medium", "set" if is_always else "condition", site)


def _patched(images: Sequence[Image]) -> _Option | None:
    """Standalone output that a Dockerfile writes into the configuration."""
    for image in images:
        for command, line in image.patches:
            if _SED.search(command) and all(word in command for word in _PATCHED):
                return _Option("low", "patch", Site(image.path, line, 1, line, "standalone output is set here"))
    return None


# -- with a custom server --------------------------------------------------


def _beside_server(
    app: App, code: Code, server: CustomServer, images: Sequence[Image], option: _Option, settings: Settings
) -> Iterator[Finding]:
    fates = [(_fate(code, app, image, server), image) for image in images]
    spoken = sorted((pair for pair in fates if pair[0] in _FATES), key=lambda pair: _FATES.index(pair[0]))
    if not spoken and any(fate == "own" for fate, _ in fates):
        return
    form = spoken[0][0] if spoken else "server"
    shown = [image for _, image in spoken[:1]]
    lost, more = gravest(server, MAX_NAMED)
    yield settings.finding(
        app,
        [option.site, *server_sites(app, server), *(site for image in shown for site in _image_sites(image))],
        key=form,
        level=_level(form, server),
        evidence=option.evidence,
        args={
            "form": form,
            "source": option.source,
            "entry": server.entry,
            "image": "".join(image.path for image in shown),
            "lost": tuple(behaviour.label for behaviour in lost),
            "has_lost": bool(lost),
            "more": more,
            "has_more": more > 0,
        },
    )


def _fate(code: Code, app: App, image: Image, server: CustomServer) -> str:
    """What an image starts; Next's server is ``shadowed`` by one of its name, and else ``bypassed`` for it."""
    fate = started(code, app, image, server.entry)
    if fate != "generated":
        return fate
    return "shadowed" if _GENERATED.fullmatch(server.entry.removeprefix(f"{app.root}/")) else "bypassed"


def _level(form: str, server: CustomServer) -> Level:
    is_serious = any(behaviour.kind in _SERIOUS for behaviour in server.behaviours)
    return "error" if form in ("shadowed", "missing") or (form == "bypassed" and is_serious) else "warning"


def _image_sites(image: Image) -> Iterator[Site]:
    if image.standalone is not None:
        line = image.standalone.line
        yield Site(image.path, line, 1, line, "Next's output is copied here")
    yield Site(image.path, image.line, 1, image.line, f"`{image.command}` is started")


# -- without one --------------------------------------------------


def _under_next_start(
    app: App, code: Code, images: Sequence[Image], option: _Option, settings: Settings
) -> Iterator[Finding]:
    if any(image.takes_standalone for image in images) or ships_standalone(code.files, app):
        return  # what a host starts is that image or directory, whatever the package's script is
    if not _hosts_run_it(app, code):
        return
    fates = [(started(code, app, image), image) for image in images]
    if any(fate == "unknown" and image.command for fate, image in fates):
        return
    for fate, image in fates:
        if fate == "next-start":
            site = Site(image.path, image.line, 1, image.line, f"`{image.command}` is started")
            yield _next_start(app, "image", image.command, [site, option.site], option, settings)
            return
    start = production_start(code, app)
    if start is not None and start.runs_next_start(app) is not None:
        site = Site(start.path, start.line, start.column, start.line, f"`{start.script}` runs `{start.command}`")
        finding = _next_start(app, "script", start.command, [site, option.site], option, settings)
        yield replace(finding, suggestion=_suggestion(app, code, start, option))


def _hosts_run_it(app: App, code: Code) -> bool:
    """Whether the first command that a host's file gives runs ``next start``; also where none gives one."""
    given = (start for start in production_commands(code, app) if start.source == "platform")
    first = next((start for start in given if not _is_development(start)), None)
    return first is None or first.runs_next_start(app) is not None


def _is_development(start: Start) -> bool:
    return any(process.kind == "next" and next_arguments(process)[0] == "dev" for process in start.processes)


def _next_start(app: App, form: str, command: str, sites: list[Site], option: _Option, settings: Settings) -> Finding:
    args: dict[str, Arg] = {"form": form, "source": option.source, "command": command, "has_lost": False}
    args["has_more"] = False
    args["image"] = sites[0].path
    return settings.finding(app, sites, key=form, evidence=option.evidence, args=args)


def _suggestion(app: App, code: Code, start: Start, option: _Option) -> Suggestion | None:
    """The start line rewritten, where the generated server lies at the top of the output, and its assets beside it."""
    if option.source != "set" or not any(_COPIES_ASSETS.search(text) for text in app.package.scripts.values()):
        return None
    source = code.files.source(start.path)
    is_nested = bool(app.root) or app.config.option("outputFileTracingRoot").certainty != "unset"
    if source is None or is_nested or app.config.text("distDir") != "":
        return None
    line = source.line_text(start.line)
    replacement = line.replace(
        f'"{start.script}": "next start"', f'"{start.script}": "node .next/standalone/server.js"'
    )
    return Suggestion(start.path, start.line, start.line, replacement)
