"""One tree in, everything known about it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from reviewer.core.app import App
from reviewer.core.check import Check, Premise, Settings
from reviewer.core.config import Config
from reviewer.core.files import FactsCache, Files, NoCache
from reviewer.core.finding import Analysis, Finding, Problem, Site, Suggestion, weakest
from reviewer.core.matrix import Profile
from reviewer.core.patch import patched
from reviewer.core.profile import Profiles
from reviewer.core.project import Project
from reviewer.core.rulebook import Rulebook
from reviewer.core.snapshot import Overlay, Snapshot, is_script, with_file

MAX_TRIED_SUGGESTIONS = 20


@dataclass(frozen=True)
class Engine:
    """Rules and their checks under one configuration; ``only`` limits the rules that speak."""

    rulebook: Rulebook
    checks: Mapping[str, Check]
    config: Config = field(default_factory=Config)
    only: frozenset[str] = frozenset()

    @property
    def basis(self) -> str:
        return f"{self.rulebook.hash}:{self.config.hash()}:{','.join(sorted(self.only))}"

    def speaks(self, rule: str) -> bool:
        """Whether findings of a rule are wanted."""
        return not self.only or rule in self.only

    def active(self) -> Iterator[Settings]:
        """The rules that run, with their options: those that speak, and those they yield to."""
        wanted = {id for id in self.rulebook.rules if self.speaks(id)}
        wanted |= {other for id in wanted for other in self.rulebook.rules[id].head.yields_to}
        for id, rule in self.rulebook.rules.items():
            level = self.config.levels.get(id, rule.head.level)
            if level != "off" and id in wanted:
                options = {**rule.defaults(), **self.config.options.get(id, {})}
                yield Settings(rule, options, self.rulebook.names)


def analyse(snapshot: Snapshot, engine: Engine, cache: FactsCache | None = None) -> Analysis:
    """Every finding, premise and problem of one tree."""
    cache = cache if cache is not None else NoCache()
    words = {settings.rule.id: tuple(settings.words()) for settings in engine.active() if settings.rule.head.symbols}
    project = Project(snapshot, engine.rulebook.names, words, cache)
    findings: list[Finding] = []
    premises: set[str] = set()
    crashes: list[Problem] = []
    broken: set[str] = set()
    for settings in engine.active():
        for app in project.apps:
            if settings.rule.head.where.package == "next" and app.kind != "next":
                continue
            try:
                for result in engine.checks[settings.rule.head.check](app, project, settings):
                    if isinstance(result, Premise):
                        premises.add(f"{settings.rule.id}\0{app.root}\0{result.text}")
                    else:
                        findings.append(result)
            except Exception as error:  # noqa: BLE001 - one check's crash costs that check only
                what = f"{type(error).__name__}: {error}"
                broken.add(unfinished(settings.rule.id, app.root))
                crashes.append(Problem("failed", app.root, f"the rule {settings.rule.id} crashed here ({what})"))
    findings = [_finish(finding, project.files, engine.config) for finding in _yielding(findings, engine)]
    held = replace(snapshot, blobs=Overlay(snapshot.blobs, project.files.held))
    findings = list(_verified(sorted(findings, key=Finding.order), held, engine, cache))
    profiles, lost = _profiles(project, engine)
    project.forget()
    crashes += lost
    _note_links(project.files)
    problems = sorted([*project.files.problems.values(), *crashes], key=lambda p: (p.path, p.kind, p.message))
    incomplete = project.files.incomplete | broken
    stats = _stats(project)
    premise_set, incomplete_set = frozenset(premises), frozenset(incomplete)
    return Analysis(tuple(findings), tuple(problems), premise_set, incomplete_set, engine.basis, stats, profiles)


def _profiles(project: Project, engine: Engine) -> tuple[tuple[Profile, ...], list[Problem]]:
    """The profile of each application, unless only some rules are to speak; a crash costs that profile only."""
    made: list[Profile] = []
    crashes: list[Problem] = []
    if engine.only:
        return (), crashes
    try:
        profiles = project.once(Profiles)
        apps = profiles.apps
    except Exception as error:  # noqa: BLE001 - it costs the profiles only
        return (), [_crash("", error)]
    for app in apps:
        try:
            made.append(profiles.of(app))
        except Exception as error:  # noqa: BLE001 - it costs this profile only
            crashes.append(_crash(app.root, error))
    return tuple(made), crashes


def _crash(root: str, error: Exception) -> Problem:
    return Problem("failed", root, f"the architecture profile crashed here ({type(error).__name__}: {error})")


def unfinished(rule: str, package: str) -> str:
    """How ``Analysis.incomplete`` names a check that came to no end in a package; no path looks like it."""
    return f"{rule}\0{package}"


def _yielding(findings: list[Finding], engine: Engine) -> Iterator[Finding]:
    """The findings of rules that speak. One that yields is kept, unseen: it is no news when the other goes."""
    spoken = {(finding.rule, subject) for finding in findings for subject in finding.subjects}
    for finding in findings:
        others = engine.rulebook.rules[finding.rule].head.yields_to
        yields = any((other, subject) in spoken for other in others for subject in finding.subjects)
        if engine.speaks(finding.rule):
            yield replace(finding, excluded=yields)


def _stats(project: Project) -> dict[str, int]:
    routes = sum(len(app.api_routes) for app in project.next_apps)
    listed = sum(entry.kind == "file" for entry in project.files.listing.values())
    return {
        "files": listed,
        "scripts": len(project.scripts),
        "parsed": project.files.parsed,
        "apps": len(project.next_apps),
        "api_routes": routes,
    }


def _finish(finding: Finding, files: Files, config: Config) -> Finding:
    """Configuration and the file's own comments applied to what a check found."""
    level = config.levels.get(finding.rule, finding.level)
    evidence = finding.evidence
    if any(_is_blurred(site, files) for site in finding.sites):
        evidence = weakest(evidence, "medium")
    return replace(
        finding,
        level=level,
        evidence=evidence,
        excluded=finding.excluded or config.ignores(finding.site.path),
        suppression=_suppression(finding, files),
    )


def _is_blurred(site: Site, files: Files) -> bool:
    """Whether the place lies in a file that was not analysed, or in a part of it that could not be read."""
    if site.path not in files.unread:
        return site.path in files.incomplete
    line = site.line or 1
    return any(first <= (site.end_line or line) and line <= last for first, last in files.unread[site.path])


def _suppression(finding: Finding, files: Files) -> str | None:
    """The reason of a comment in the code that suppresses the finding."""
    if not is_script(finding.site.path):
        return None
    facts = files.facts(finding.site.path)
    for suppression in facts.suppressions if facts is not None else ():
        if suppression.rule == finding.rule and suppression.reason and suppression.covers in (None, finding.site.line):
            return suppression.reason
    return None


def _verified(findings: list[Finding], snapshot: Snapshot, engine: Engine, cache: FactsCache) -> Iterator[Finding]:
    """Suggestions kept only where applying them removes the finding and breaks nothing."""
    proved = _proved_together(findings, snapshot, engine, cache)
    tried = 0
    for finding in findings:
        if finding.suggestion is not None and (finding.rule, finding.suggestion) not in proved:
            tried += 1
            if tried > MAX_TRIED_SUGGESTIONS or not _solved([finding], snapshot, engine, cache):
                finding = replace(finding, suggestion=None)
        yield finding


def _proved_together(
    findings: list[Finding], snapshot: Snapshot, engine: Engine, cache: FactsCache
) -> frozenset[tuple[str, Suggestion]]:
    """Suggestions of one rule that all work when all are applied: for places each in a file, else each in a package."""
    proved: set[tuple[str, Suggestion]] = set()
    by_rule: dict[str, dict[str, Finding]] = {}
    paths: set[tuple[str, str]] = set()
    for finding in findings:
        if finding.suggestion is not None and (finding.rule, finding.suggestion.path) not in paths:
            paths.add((finding.rule, finding.suggestion.path))
            key = finding.suggestion.path if finding.novelty == "site" else finding.package
            by_rule.setdefault(finding.rule, {}).setdefault(key, finding)
    for rule, together in by_rule.items():
        if len(together) > 1:
            solved = _solved(list(together.values()), snapshot, engine, cache)
            proved |= {(rule, suggestion) for suggestion in solved}
    return frozenset(proved)


def _solved(findings: list[Finding], snapshot: Snapshot, engine: Engine, cache: FactsCache) -> frozenset[Suggestion]:
    """The suggestions of findings of one rule that are gone once all of them are applied."""
    rule, tree = findings[0].rule, snapshot
    for suggestion in (finding.suggestion for finding in findings):
        applied = apply_suggestion(tree, suggestion) if suggestion is not None else None
        if applied is None:
            return frozenset()
        tree = applied
    checks = {**engine.checks, engine.rulebook.rules[rule].head.check: _without_suggestions(engine, rule)}
    again = analyse(tree, replace(engine, checks=checks, only=frozenset({rule})), cache)
    left = {other.fingerprint() for other in again.findings}
    return frozenset(
        finding.suggestion
        for finding in findings
        if finding.suggestion is not None
        and finding.fingerprint() not in left
        and finding.suggestion.path not in again.incomplete
    )


def _without_suggestions(engine: Engine, rule: str) -> Check:
    check = engine.checks[engine.rulebook.rules[rule].head.check]

    def run(app: App, project: Project, settings: Settings) -> Iterator[Finding | Premise]:
        for result in check(app, project, settings):
            yield replace(result, suggestion=None) if isinstance(result, Finding) else result

    return run


def apply_suggestion(snapshot: Snapshot, suggestion: Suggestion) -> Snapshot | None:
    """The tree with a suggestion applied, or None where its lines are not there."""
    raw = snapshot.read(suggestion.path)
    content = patched(raw, [suggestion]) if isinstance(raw, bytes) else None
    return with_file(snapshot, suggestion.path, content) if content is not None else None


def _note_links(files: Files) -> None:
    """Links and submodules are named as skipped, not passed over in silence."""
    for path, entry in files.listing.items():
        if entry.kind == "submodule":
            files.skip(path, "it is a submodule, which is another repository")
        elif entry.kind == "symlink" and (is_script(path) or path.rpartition("/")[2] == "package.json"):
            files.skip(path, "it is a symlink, which is not followed")
