"""The laws of profiles, over the generated trees of the laws of reviews."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.app import App
from reviewer.core.compare import compare
from reviewer.core.diff import Diff
from reviewer.core.files import NoCache
from reviewer.core.finding import Review
from reviewer.core.matrix import Profile
from reviewer.core.profile import Profiles
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook
from tests.helpers import ONE_FINDING, SPOTLESS
from tests.test_laws import law, trees

Files = Mapping[str, str | bytes]

ENGINE = Engine(built_in_rulebook(), CHECKS)
PROFILING = Engine(built_in_rulebook(), dict.fromkeys(CHECKS, lambda _app, _project, _settings: ()))  # no rule speaks


def _review(base: Files, head: Files) -> Review:
    left, right = snapshot_of(base), snapshot_of(head)
    return compare(analyse(left, PROFILING), analyse(right, PROFILING), Diff(left, right), PROFILING.config)


@law
@given(trees())
def test_a_tree_compared_with_itself_changes_no_profile(files: Files) -> None:
    assert _review(files, files).profile_delta == ()


@law
@given(trees(), trees())
def test_a_change_and_its_reversal_are_told_of_the_same_applications(base: Files, head: Files) -> None:
    forth, back = _review(base, head).profile_delta, _review(head, base).profile_delta
    assert [(c.root, c.what, c.before, c.after) for c in forth] == [(c.root, c.what, c.after, c.before) for c in back]


@law
@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(files: Files, chance: random.Random) -> None:
    items = list(files.items())
    chance.shuffle(items)
    assert analyse(snapshot_of(files), PROFILING).profiles == analyse(snapshot_of(dict(items)), PROFILING).profiles


@law
@given(trees(), trees())
def test_kept_facts_give_the_same_profiles_as_fresh_ones(first: Files, second: Files) -> None:
    cache = NoCache()
    analyse(snapshot_of(first), PROFILING, cache)
    assert analyse(snapshot_of(second), PROFILING, cache).profiles == analyse(snapshot_of(second), PROFILING).profiles


@law
@given(trees())
def test_every_fact_exists_in_its_blob(files: Mapping[str, str]) -> None:
    for profile in analyse(snapshot_of(files), PROFILING).profiles:
        facts = [reason.fact for reason in profile.measures.reasons]
        for fact in (*facts, *profile.measures.has_facts, *profile.measures.context):
            assert 1 <= fact.line <= files[fact.path].count("\n") + 1
            assert fact.text.count("{}") == len(fact.names)


def test_a_crash_costs_the_profile_only_and_is_no_green_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_self: Profiles, _app: App) -> Profile:
        raise ZeroDivisionError("on purpose")

    whole = analyse(snapshot_of(ONE_FINDING), ENGINE)
    monkeypatch.setattr(Profiles, "of", crash)
    broken = analyse(snapshot_of(ONE_FINDING), ENGINE)
    assert (broken.findings, broken.profiles) == (whole.findings, ())
    (problem,) = [problem for problem in broken.problems if problem.kind == "failed"]
    assert problem.message == "the architecture profile crashed here (ZeroDivisionError: on purpose)"
    review = _review(SPOTLESS, {**SPOTLESS, "lib/a.js": "const a = 1;\n"})
    assert (review.verdict, review.profile_delta) == ("incomplete", ())


def test_a_crash_before_any_application_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_self: Profiles) -> tuple[App, ...]:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(Profiles, "apps", property(crash))
    broken = analyse(snapshot_of(SPOTLESS), ENGINE)
    assert [(problem.kind, problem.path) for problem in broken.problems] == [("failed", "")]
