"""Two analysed trees in, the review of the change between them out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from reviewer.core.analyse import unfinished
from reviewer.core.anchor import anchor_of, touches
from reviewer.core.config import Config
from reviewer.core.diff import Diff
from reviewer.core.finding import (
    EVIDENCES,
    LEVELS,
    Analysis,
    Finding,
    Fixed,
    Problem,
    Reported,
    Review,
    Status,
    Verdict,
    at_least,
)
from reviewer.core.manifest import ancestors, join
from reviewer.core.matrix import profile_changes

Identity = tuple[str, str, str]


def compare(base: Analysis, head: Analysis, diff: Diff, config: Config) -> Review:
    """What the change from *base* to *head* introduced and fixed."""
    diff.match_similar((f.site.path for f in base.findings), (f.site.path for f in head.findings))
    pairs = list(_pairs(base.findings, head.findings, diff))
    known = {index for _, index in pairs}
    introduced = [
        finding
        for index, finding in enumerate(head.findings)
        if index not in known and _speaks(finding, base, diff) and not finding.excluded
    ]
    reported = [_reported(finding, diff, config) for finding in introduced]
    kept = {index for index, _ in pairs}
    fixed = [finding for index, finding in enumerate(base.findings) if index not in kept]
    problems = tuple(_problems(base, head, diff, {site.path for f in introduced for site in f.sites}))
    existing = sum(not f.excluded for f in head.findings) - len(introduced)
    stats = {**head.stats, "changed_files": len(diff.files), "existing": existing}
    return Review(
        findings=tuple(with_ids(reported)),
        fixed=tuple(_fixed(fixed, base, head, diff)),
        problems=problems,
        verdict=verdict(reported, problems),
        stats=stats,
        profile_delta=tuple(profile_changes(base.profiles, head.profiles)),
    )


def scan(analysis: Analysis, config: Config) -> Review:
    """Every finding of one tree, as a review without a change."""
    reported = []
    for finding in analysis.findings:
        if not finding.excluded:
            status: Status = "suppressed" if finding.suppression else "existing"
            cause = _cause(finding, finding.site.path, finding.site.line)
            gated = gates(finding, config)
            reason = "a scan has no change to anchor to"
            reported.append(Reported("", finding, finding.fingerprint(), status, gated, cause, None, reason))
    return Review(
        findings=tuple(with_ids(reported)),
        fixed=(),
        problems=analysis.problems,
        verdict=verdict(reported, analysis.problems),
        stats=analysis.stats,
    )


def gates(finding: Finding, config: Config) -> bool:
    """Whether a finding that is introduced keeps the change from being merged."""
    if config.mode == "advise" or config.fail_on == "never" or finding.suppression:
        return False
    strong = at_least(finding.evidence, config.min_evidence, EVIDENCES)
    return strong and finding.level != "off" and at_least(finding.level, config.fail_on, LEVELS)


def verdict(findings: Iterable[Reported], problems: Iterable[Problem]) -> Verdict:
    """Failure before incomplete before success: trouble is never a green check."""
    if any(finding.gates for finding in findings):
        return "failure"
    return "incomplete" if any(problem.kind == "failed" for problem in problems) else "success"


def with_ids(findings: Iterable[Reported]) -> Iterator[Reported]:
    """The findings with the short id people use: the first digits of the fingerprint, twins numbered."""
    seen: dict[str, int] = {}
    for finding in findings:
        count = seen[finding.fingerprint] = seen.get(finding.fingerprint, 0) + 1
        short = finding.fingerprint[:7]
        yield replace(finding, id=short if count == 1 else f"{short}-{count}")


# -- matching --------------------------------------------------


def _pairs(base: tuple[Finding, ...], head: tuple[Finding, ...], diff: Diff) -> Iterator[tuple[int, int]]:
    """Pairs of indices of the same finding in both trees: by unchanged line first, the rest of a twin set by order."""
    old = _grouped((i, f.rule, diff.new_path(f.site.path), f.key) for i, f in enumerate(base))
    new = _grouped((i, f.rule, f.site.path, f.key) for i, f in enumerate(head))
    for identity, lefts in old.items():
        rights = list(new.get(identity, ()))
        unmatched = []
        for left in lefts:
            site = base[left].site
            same = [r for r in rights if diff.maps_to(site.path, site.line, head[r].site.line)]
            if same:
                rights.remove(same[0])
                yield left, same[0]
            else:
                unmatched.append(left)
        yield from zip(unmatched, rights, strict=False)


def _grouped(rows: Iterable[tuple[int, str, str, str]]) -> Mapping[Identity, list[int]]:
    groups: dict[Identity, list[int]] = {}
    for index, rule, path, key in rows:
        groups.setdefault((rule, path, key), []).append(index)
    return groups


def _speaks(finding: Finding, base: Analysis, diff: Diff) -> bool:
    """Whether a finding the base does not have is this change's: aggregates only where it touched the subject."""
    if finding.novelty != "touched":
        return True
    if finding.premise is not None and f"{finding.rule}\0{finding.package}\0{finding.premise}" not in base.premises:
        return False
    return touches(finding, diff)


def _reported(finding: Finding, diff: Diff, config: Config) -> Reported:
    anchor, reason = anchor_of(finding, diff)
    status: Status = "suppressed" if finding.suppression else "introduced"
    cause = _cause(finding, anchor.path if anchor else "", anchor.line if anchor else None)
    return Reported("", finding, finding.fingerprint(), status, gates(finding, config), cause, anchor, reason)


def _cause(finding: Finding, path: str, line: int | None) -> str:
    """What several findings share when one comment can speak for all: their group, their anchor, or their package."""
    if finding.group is not None:
        return f"{finding.rule}:{finding.package}:{finding.group}"
    if line is not None:
        return f"{finding.rule}:{path}:{line}"
    return f"{finding.rule}:{finding.package}"


def _fixed(gone: list[Finding], base: Analysis, head: Analysis, diff: Diff) -> Iterator[Fixed]:
    """Of the findings that are gone, those whose file was analysed completely under the same rules."""
    if base.basis != head.basis:
        return
    for finding in gone:
        paths = {diff.new_path(site.path) for site in finding.sites}
        needed = paths | {join(above, "package.json") for above in ancestors(finding.package)}
        needed.add(unfinished(finding.rule, finding.package))
        touched = any(path in diff.files for path in paths) or finding.novelty != "touched"
        if not finding.excluded and touched and not needed & head.incomplete:
            yield Fixed(finding.rule, finding.site.path, finding.fingerprint())


def _problems(base: Analysis, head: Analysis, diff: Diff, used: set[str]) -> Iterator[Problem]:
    """What failed in either tree, and what was skipped of the files the change or its findings touch."""
    known = {(problem.path, problem.message) for problem in head.problems}
    before = {(diff.new_path(problem.path), problem.message) for problem in base.problems}
    for problem in head.problems:
        if problem.kind == "failed" or problem.path in diff.files or problem.path in used:
            crash = problem.path not in diff.head.listing and (problem.path, problem.message) not in before
            yield replace(problem, caused_by_change=problem.path in diff.files or crash)
    for problem in base.problems:
        if problem.kind == "failed" and (diff.new_path(problem.path), problem.message) not in known:
            yield Problem("failed", problem.path, f"in the base: {problem.message}")
