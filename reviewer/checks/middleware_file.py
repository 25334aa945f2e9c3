"""Middleware and proxy files that Next does not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.conventions import LOOKALIKES, Candidate, Shape, shape_of
from reviewer.core.facts import FileFacts
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion
from reviewer.core.images import is_copied
from reviewer.core.manifest import join
from reviewer.core.project import Project
from reviewer.core.roles import is_ignored

MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why Next does not run a file, where it would, and which facts of the application say so."""

    form: str
    expected: str
    facts: tuple[str, ...] = ()
    evidence: Evidence = "high"
    outcome: str = "silent"


def middleware_file_not_loaded(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Files of an application that are meant as its middleware or proxy and are not run as such."""
    for candidate in app.conventions.candidates:
        if candidate.stem == "instrumentation" or is_ignored(candidate.path) or not _is_owned(app, project, candidate):
            continue
        facts = app.code.facts(candidate.path)
        if facts is None:
            continue
        shape = shape_of(facts)
        fault = _fault(app, candidate, shape, settings)
        is_helper = fault is not None and fault.form != "both" and project.graph.importers(candidate.path)
        if fault is not None and not is_helper:
            yield _finding(app, candidate, facts, shape, fault, settings)
    yield from _above_apps(app, project, settings)


def _is_owned(app: App, project: Project, candidate: Candidate) -> bool:
    return project.app_of(candidate.path) is app and app.code.package_of(candidate.path) is app.package


def _above_apps(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """A file at the root of a repository whose applications live below; told once, with the first of them."""
    names = (f"{stem}.{extension}" for stem in ("middleware", "proxy") for extension in app.page_extensions)
    for path in names:
        if app is not project.next_apps[0] or project.app_of(path) is not None:
            continue
        facts = app.code.facts(path)
        if facts is None:
            continue
        shape = shape_of(facts)
        if shape.has_matcher and _imports_next(shape, settings) and not project.graph.importers(path):
            expected = join(app.conventions.directory, path)
            fault = _Fault("above", expected, ("place",), "medium")
            yield _finding(app, Candidate(path, path.partition(".")[0], ""), facts, shape, fault, settings)


# -- why a file does not run ------------------------------------------------------------------------------------------


def _fault(app: App, candidate: Candidate, shape: Shape, settings: Settings) -> _Fault | None:
    conventions = app.conventions
    known = conventions.loads(candidate.stem)
    pair = _pair(app) if candidate.directory == conventions.directory else None
    if pair is not None:
        return _Fault("both", pair[1].path, ("version",)) if candidate == pair[0] else None
    if known is None or not _is_meant(app, candidate, shape, settings):
        return None
    if not known and candidate.stem != "proxy":
        return None
    if app.is_static:
        return _Fault("static", candidate.path, ("output",))
    middleware = conventions.path("middleware", candidate.extension)
    if candidate.stem in LOOKALIKES:
        return _Fault("name" if candidate.stem == "middlewares" else "legacy", middleware, ("version",))
    if not known:
        return _Fault("old", middleware, ("version",))
    if candidate.directory != conventions.directory:
        return _misplaced(app, candidate)
    return _unread(app, candidate, shape)


def _pair(app: App) -> tuple[Candidate, Candidate] | None:
    """The middleware and the proxy file of an application that has both, where Next refuses that."""
    middleware, proxy = app.conventions.effective("middleware"), app.conventions.effective("proxy")
    if middleware is None or proxy is None or not app.conventions.loads("proxy"):
        return None
    return middleware, proxy


def _is_meant(app: App, candidate: Candidate, shape: Shape, settings: Settings) -> bool:
    """Whether a file is written to be run by Next: the further from Next's place, the more has to say so."""
    is_named = shape.has_matcher or not shape.names.isdisjoint(("middleware", "proxy"))
    imports = _imports_next(shape, settings)
    in_pages, in_app = _is_below(candidate, app.pages_dir), _is_below(candidate, app.app_dir)
    if candidate.stem == "_middleware":
        return in_pages and not shape.names.isdisjoint(("middleware", "default"))
    if candidate.directory in (app.root, join(app.root, "src")):
        return is_named or imports
    if candidate.stem == "middlewares":
        return False
    if in_pages or in_app:
        return is_named or (imports and "default" in shape.names)
    return is_named and imports


def _imports_next(shape: Shape, settings: Settings) -> bool:
    return not shape.modules.isdisjoint(settings.listed("providers"))


def _is_below(candidate: Candidate, directory: str) -> bool:
    return candidate.path.startswith(f"{directory}/")


def _misplaced(app: App, candidate: Candidate) -> _Fault | None:
    conventions, bundler = app.conventions, app.bundler.name
    expected = conventions.path(candidate.stem, candidate.extension)
    if conventions.is_split:
        return None
    if candidate.directory in (app.root, join(app.root, "src")):
        facts = ("place", "bundler", "version")
        if candidate.stem == "proxy" or bundler == "webpack":
            return _Fault("swap", expected, facts)
        if conventions.effective("middleware") is not None:
            return None
        return _Fault("swap", expected, facts, *(("high", "saved") if bundler == "turbopack" else ("medium", "either")))
    if _is_below(candidate, app.pages_dir) and not _is_below(candidate, join(app.pages_dir, "api")):
        return _Fault("page", expected, ("place",), outcome="fails")
    if app.depends_on("next-app-middleware"):
        return None
    if _is_below(candidate, app.app_dir) or _is_below(candidate, app.pages_dir):
        return _Fault("inside", expected, ("place",))
    is_moved = is_copied(app.code.files, candidate.path)
    return None if is_moved else _Fault("elsewhere", expected, ("place",), "medium")


def _unread(app: App, candidate: Candidate, shape: Shape) -> _Fault | None:
    """What keeps a file in the right place from being run: its extension, or what it exports."""
    extensions = app.conventions.extensions
    if extensions is None:
        return None
    if candidate.extension not in extensions:
        expected = app.conventions.path(candidate.stem, candidate.extension)
        return _Fault("extension", expected, ("extensions",))
    if shape.is_open or not shape.names.isdisjoint((candidate.stem, "default")):
        return None
    bundler, is_old = app.bundler.name, app.version("next").lt("16.0.0")
    outcome = "errors" if bundler == "webpack" or is_old else "fails" if bundler == "turbopack" else "refused"
    return _Fault("export", candidate.path, ("bundler", "version"), outcome=outcome)


# -- what is said about it --------------------------------------------------------------------------------------------


def _finding(
    app: App, candidate: Candidate, facts: FileFacts, shape: Shape, fault: _Fault, settings: Settings
) -> Finding:
    levels: dict[str, Level] = {"saved": settings.options["severity_when_bundler_saves_it"], "either": "warning"}
    args: dict[str, Arg] = {
        "form": fault.form,
        "outcome": fault.outcome,
        "kind": candidate.stem,
        "file": candidate.path,
        "expected": fault.expected,
        "matched": shape.matchers[:MAX_NAMED],
        "has_matcher": bool(shape.matchers),
        "extensions": app.page_extensions,
        "cloudflare": app.deployment.target == "cloudflare",
    }
    return settings.finding(
        app,
        [_site(candidate, facts, fault), *_sites(app, fault)],
        key=f"{fault.form}:{fault.outcome}",
        level=levels.get(fault.outcome, "error"),
        evidence=fault.evidence,
        args=args,
        suggestion=_suggestion(app, candidate, facts) if fault.form == "export" else None,
    )


def _site(candidate: Candidate, facts: FileFacts, fault: _Fault) -> Site:
    shown = [export for name in ("middleware", "proxy", "default") if (export := facts.export(name)) is not None]
    line = shown[0].line if shown else 1
    return Site(candidate.path, line, 1, line, "this does not run" if fault.form != "both" else "one of two files")


def _sites(app: App, fault: _Fault) -> Iterator[Site]:
    """The places that make the file dead though nobody touched it, so that a change to any of them is the anchor."""
    if fault.form == "both":
        yield Site(fault.expected, 1, 1, 1, "the other file")
    if "version" in fault.facts:
        version = app.version("next")
        yield Site(version.path, version.line, 1, version.line, "the version of Next")
    if "place" in fault.facts:
        yield Site(app.conventions.marker, 1, 1, 1, "this folder decides where Next looks")
    if "bundler" in fault.facts and app.bundler.path:
        yield Site(app.bundler.path, app.bundler.line, 1, app.bundler.line, "the build runs here")
    for fact, option in (("output", "output"), ("extensions", "pageExtensions")):
        if fact in fault.facts:
            line = app.config.option(option).line
            yield Site(app.config.path, line, 1, line, f"`{option}` is set here")


def _suggestion(app: App, candidate: Candidate, facts: FileFacts) -> Suggestion | None:
    """The wrong name of the two put right, or the one function of the file made its default export."""
    source = app.code.files.source(candidate.path)
    functions = [export for export in facts.exports if export.expr is not None and export.expr.kind == "function"]
    if source is None or len(functions) != 1:
        return None
    name, line = functions[0].name, functions[0].line
    text = source.line_text(line)
    if name in ("middleware", "proxy"):
        replaced = re.sub(rf"\b{name}\b", candidate.stem, text, count=1)
    else:
        replaced = re.sub(r"^export (?=(?:async )?function\b)", "export default ", text)
    return Suggestion(candidate.path, line, line, replaced)
