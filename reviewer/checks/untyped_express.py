"""Express handlers without types in TypeScript."""

from __future__ import annotations

from collections.abc import Iterator

from reviewer.core.annotations import TYPED, Annotations, imported_types
from reviewer.core.app import App
from reviewer.core.check import Settings
from reviewer.core.code import Code
from reviewer.core.finding import Arg, Evidence, Finding, Site, Suggestion
from reviewer.core.manifest import matches
from reviewer.core.project import Project
from reviewer.core.untyped import TYPES, Untyped, is_untyped_package, mismatched, untyped_handlers, untyped_requires

_NAMES = ("Request", "Response")


def untyped_express(app: App, project: Project, settings: Settings) -> Iterator[Finding]:
    """Handlers, imports and manifests of a package that leave Express without types."""
    code, owner = project.code, next(other for other in project.apps if other.package is app.package)
    if owner is not app:
        return
    marked = sorted(project.marked[settings.rule.id])
    scripts = [path for path in marked if path.endswith(TYPED) and code.package_of(path) is app.package]
    yield from _in_manifest(app, code, scripts, settings)
    allowed = settings.options["allow_any_in"]
    for path in (path for path in scripts if not any(matches(glob, path) for glob in allowed)):
        for item in untyped_requires(code, path):
            site = Site(path, item.line, 1, item.line, "`require` gives the name no type")
            yield _finding(app, settings, "require", [site], {"what": "require", "label": item.module})
    yield from _handlers(app, code, scripts, settings)


def _in_manifest(app: App, code: Code, scripts: list[str], settings: Settings) -> Iterator[Finding]:
    missing, apart = is_untyped_package(code, app.package, scripts), mismatched(code, app.package)
    if missing is not None and missing.site is not None:
        absent: dict[str, Arg] = {"what": "absent", "label": missing.shown, "package": TYPES}
        yield _finding(app, settings, "absent", [missing.site], absent, "medium")
    elif apart is not None and apart[0].site is not None and apart[1].site is not None:
        args: dict[str, Arg] = {"what": "mismatch", "label": apart[0].shown, "types": apart[1].shown}
        yield _finding(app, settings, "mismatch", [apart[1].site, apart[0].site], args)


def _handlers(app: App, code: Code, scripts: list[str], settings: Settings) -> Iterator[Finding]:
    annotations, met = Annotations(code), set()
    for path in scripts:
        for found in untyped_handlers(code, annotations, path):
            if (found.path, found.line) in met or any(matches(g, found.path) for g in settings.options["allow_any_in"]):
                continue
            met.add((found.path, found.line))
            site = Site(found.path, found.line, 1, found.line, f"`{found.label}` is answered here")
            names = tuple(parameter.name for parameter in found.parameters)
            args: dict[str, Arg] = {"what": found.nature, "label": found.label, "names": names}
            yield _finding(
                app, settings, f"{found.nature}:{found.label}", [site], args, suggestion=_suggestion(code, found)
            )


def _finding(
    app: App,
    settings: Settings,
    key: str,
    sites: list[Site],
    args: dict[str, Arg],
    evidence: Evidence = "high",
    suggestion: Suggestion | None = None,
) -> Finding:
    return settings.finding(
        app,
        sites,
        key=key,
        level="notice",
        evidence=evidence,
        args=args,
        group=str(args["what"]),
        suggestion=suggestion,
    )


def _suggestion(code: Code, found: Untyped) -> Suggestion | None:
    """The types that the file imports already in place of ``any`` on the line of a handler."""
    source = code.files.source(found.path)
    names = [parameter.name for parameter in found.parameters]
    if source is None or len(names) != len(_NAMES) or not set(_NAMES) <= imported_types(source, "express"):
        return None
    line = source.line_text(found.line)
    for name, type_ in zip(names, _NAMES, strict=True):
        line = line.replace(f"{name}: any", f"{name}: {type_}", 1)
    return Suggestion(found.path, found.line, found.line, line)
