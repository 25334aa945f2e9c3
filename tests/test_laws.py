"""The laws of reviews, as properties over generated pairs of trees."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.app import App
from reviewer.core.check import Premise, Settings
from reviewer.core.compare import compare, scan
from reviewer.core.config import Config
from reviewer.core.diff import Diff
from reviewer.core.files import NoCache
from reviewer.core.finding import Analysis, Finding, Review
from reviewer.core.project import Project
from reviewer.core.snapshot import Snapshot, snapshot_of
from reviewer.examples import run_example
from reviewer.resources import built_in_rulebook

Files = Mapping[str, str]

RULEBOOK = built_in_rulebook()
# Every rule speaks, those that ship off as well.
EVERY = Config(levels={id: "notice" for id, rule in RULEBOOK.rules.items() if rule.head.level == "off"})
ENGINE = Engine(RULEBOOK, CHECKS, EVERY)
EXAMPLES = [example.files for rule in RULEBOOK.rules.values() for example in rule.examples]
NOISE = ("\n", "// a comment\n", "const unused = 1;\n", "\r\n")


@st.composite
def trees(draw: st.DrawFn) -> Files:
    """A tree that looks like a repository: an example's files, some dropped, some edited, some from another one."""
    files = dict(draw(st.sampled_from(EXAMPLES)))
    if draw(st.booleans()):
        other = draw(st.sampled_from(EXAMPLES))
        files.update({f"apps/other/{path}": text for path, text in other.items()})
    for path in draw(st.lists(st.sampled_from(sorted(files)), max_size=2, unique=True)):
        if draw(st.booleans()):
            del files[path]
        elif not path.endswith(".json"):
            lines = files[path].split("\n")
            at = draw(st.integers(0, len(lines)))
            files[path] = "\n".join(lines[:at]) + draw(st.sampled_from(NOISE)) + "\n".join(lines[at:])
    return files


def _review(base: Files | Snapshot, head: Files | Snapshot, engine: Engine = ENGINE) -> Review:
    left = base if isinstance(base, Snapshot) else snapshot_of(base)
    right = head if isinstance(head, Snapshot) else snapshot_of(head)
    return compare(analyse(left, engine), analyse(right, engine), Diff(left, right), engine.config)


def _introduced(review: Review) -> list[tuple[str, str]]:
    return sorted((r.finding.rule, r.fingerprint) for r in review.findings if r.finding.novelty != "touched")


def _fixed(review: Review) -> list[tuple[str, str]]:
    fixed = [fixed for fixed in review.fixed if RULEBOOK.rules[fixed.rule].head.novelty != "touched"]
    return sorted((each.rule, each.fingerprint) for each in fixed)


law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@law
@given(trees())
def test_a_tree_compared_with_itself_introduces_and_fixes_nothing(files: Files) -> None:
    review = _review(files, files)
    assert (review.findings, review.fixed) == ((), ())


@law
@given(trees(), trees())
def test_swapping_base_and_head_swaps_introduced_and_fixed(base: Files, head: Files) -> None:
    forth, back = _review(base, head), _review(head, base)
    assert _introduced(forth) == _fixed(back)
    assert _introduced(back) == _fixed(forth)


@law
@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_files_and_rules_does_not_matter(files: Files, chance: random.Random) -> None:
    items, rules = list(files.items()), list(RULEBOOK.rules.items())
    chance.shuffle(items)
    chance.shuffle(rules)
    shuffled = Engine(replace(RULEBOOK, rules=dict(rules)), CHECKS, EVERY)
    left, right = analyse(snapshot_of(files), ENGINE), analyse(snapshot_of(dict(items)), shuffled)
    assert (left.findings, left.problems, left.premises) == (right.findings, right.problems, right.premises)


@law
@given(trees(), trees())
def test_kept_facts_give_the_same_analysis_as_fresh_ones(first: Files, second: Files) -> None:
    cache = NoCache()
    analyse(snapshot_of(first), ENGINE, cache)
    kept, fresh = analyse(snapshot_of(second), ENGINE, cache), analyse(snapshot_of(second), ENGINE)
    assert (kept.findings, kept.problems) == (fresh.findings, fresh.problems)


@law
@given(trees())
def test_every_site_exists_in_its_blob(files: Files) -> None:
    for finding in analyse(snapshot_of(files), ENGINE).findings:
        for site in finding.sites:
            lines = files[site.path].split("\n")
            assert site.line is not None
            assert 1 <= site.line <= (site.end_line or site.line) <= len(lines)
            assert 1 <= site.column <= len(lines[site.line - 1]) + 1


@law
@given(trees())
def test_moving_the_whole_tree_introduces_nothing(files: Files) -> None:
    moved = {f"product/{path}": text for path, text in files.items()}
    review = _review(files, moved)
    assert _introduced(review) == []


@law
@given(trees(), trees())
def test_no_finding_is_lost_between_the_trees_and_the_review(base: Files, head: Files) -> None:
    left, right = snapshot_of(base), snapshot_of(head)
    analysis = analyse(right, ENGINE)
    review = compare(analyse(left, ENGINE), analysis, Diff(left, right), ENGINE.config)
    seen = [finding for finding in analysis.findings if not finding.excluded]
    assert len(review.findings) + review.stats["existing"] == len(seen)
    assert len({reported.id for reported in review.findings}) == len(review.findings)


def _seen(analysis: Analysis) -> tuple[Finding, ...]:
    return tuple(replace(finding, excluded=False) for finding in analysis.findings)


def _crashing(_app: App, _project: Project, _settings: Settings) -> Iterable[Finding | Premise]:
    raise ZeroDivisionError("on purpose")


@pytest.mark.parametrize("rule", sorted(RULEBOOK.rules))
def test_a_crash_in_one_check_costs_that_check_only_and_is_no_green_verdict(rule: str) -> None:
    checks = {**CHECKS, RULEBOOK.rules[rule].head.check: _crashing}
    files = {path: text for example in EXAMPLES[:40] for path, text in example.items() if "workspaces" not in text}
    whole, broken = analyse(snapshot_of(files), ENGINE), analyse(snapshot_of(files), replace(ENGINE, checks=checks))
    # What yields to the broken check is seen again.
    assert _seen(broken) == tuple(finding for finding in _seen(whole) if finding.rule != rule)
    assert {p.kind for p in broken.problems if rule in p.message and "ZeroDivisionError" in p.message} == {"failed"}
    assert scan(broken, ENGINE.config).verdict in ("failure", "incomplete")


ROUTE = {
    "package.json": '{ "dependencies": { "next": "15.5.29" }, "scripts": { "start": "next start" } }',
    "pages/api/s.js": "export default (req, res) => { res.socket.server.io = 1; res.end(); };",
}


def test_what_a_crashed_check_no_longer_finds_is_not_called_fixed() -> None:
    crashing = replace(ENGINE, checks={**CHECKS, "websocket_in_api_route": _crashing})
    base, head = snapshot_of(ROUTE), snapshot_of({**ROUTE, "pages/api/s.js": "export default (req, res) => res.end();"})
    left, right = analyse(base, ENGINE), analyse(head, crashing)
    assert [finding.site.path for finding in left.findings] == ["pages/api/s.js"]
    assert compare(left, right, Diff(base, head), ENGINE.config).fixed == ()


def test_what_a_broken_manifest_hides_is_not_called_fixed() -> None:
    broken = {**ROUTE, "package.json": ROUTE["package.json"][:-1]}
    assert _review(ROUTE, broken).fixed == ()
    assert [fixed.path for fixed in _review(ROUTE, {**ROUTE, "pages/api/s.js": ""}).fixed] == ["pages/api/s.js"]


def test_the_examples_the_laws_are_tried_on_have_findings_of_every_rule() -> None:
    found = {
        finding.rule
        for rule in RULEBOOK.rules.values()
        for example in rule.examples
        for finding in run_example(rule, example, RULEBOOK, CHECKS).findings
    }
    assert found == set(RULEBOOK.rules)


def test_nothing_outlives_the_analysis_of_a_tree() -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, Project) for thing in gc.get_objects())

    before = alive()
    for example in RULEBOOK.rules["in-memory-state-in-api-route"].examples[:3]:
        analyse(snapshot_of(example.files), ENGINE)
    assert alive() <= before
