"""The examples: whole small repositories, what the rules want said about their changes, and the reviews they get."""

from __future__ import annotations

import pytest

from fixtures.golden import (
    Introduced,
    Repaired,
    cases,
    differences,
    disagreements,
    expected,
    parse_specification,
    review_of,
    specification,
)
from fixtures.materialise import REPOS

MINIMAL = "introduced: []\nfixed: []\nwhy: Nothing is wrong.\n"
ROW = "{rule: custom-server-tradeoff, path: server.js, line: 5, level: notice, evidence: high}"


@pytest.mark.parametrize("case", cases())
def test_the_review_of_an_example_is_the_expected_one(case: str) -> None:
    assert differences(expected(case), review_of(case)) == []


@pytest.mark.parametrize("case", cases())
def test_the_review_of_an_example_says_what_the_rules_want(case: str) -> None:
    wanted, review = specification(case), expected(case)
    assert review, f"{case} has no review.json: python -m fixtures.golden {case}"
    assert disagreements(wanted, review) == []
    assert review["problems"] == []


@pytest.mark.parametrize("case", cases())
def test_what_the_rules_want_said_has_a_place(case: str) -> None:
    wanted = specification(case)
    for row in wanted.introduced:
        lines = (REPOS / case / "head" / row.path).read_text(encoding="utf-8").splitlines()
        assert lines[row.line - 1].strip(), row
    assert [row for row in wanted.fixed if not (REPOS / case / "base" / row.path).is_file()] == []


def test_examples_cover_changes_of_every_kind() -> None:
    wanted = [specification(case) for case in cases()]
    assert any(not each.introduced and not each.fixed for each in wanted)
    assert any(not each.introduced and each.fixed for each in wanted)
    assert any(each.introduced and each.fixed for each in wanted)


def test_a_changed_review_is_described_finding_by_finding() -> None:
    review = expected("live-orders")
    gone = {**review, "findings": review["findings"][1:], "verdict": "success"}
    assert differences(review, gone) == [
        "verdict: failure -> success",
        "- start-script-bypasses-custom-server package.json:7",
    ]


def test_a_review_that_says_less_more_or_something_else_disagrees() -> None:
    wanted = parse_specification(f"introduced: [{ROW}]\nfixed: [{{rule: a, path: b.js}}]\nwhy: For the test.\n")
    said = Introduced(rule="custom-server-tradeoff", path="server.js", line=5, level="notice", evidence="medium")
    review = {"findings": [said.model_dump()], "fixed": [Repaired(rule="c", path="d.js").model_dump()]}
    assert disagreements(wanted, review) == [
        "missing custom-server-tradeoff server.js:5 (notice, high evidence)",
        "missing fixed: a b.js",
        "unwanted custom-server-tradeoff server.js:5 (notice, medium evidence)",
        "unwanted fixed: c d.js",
    ]
    agreeing = {"findings": [{**said.model_dump(), "evidence": "high"}], "fixed": [{"rule": "a", "path": "b.js"}]}
    assert disagreements(wanted, agreeing) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (MINIMAL + "more: 1\n", "more"),
        (MINIMAL.replace("fixed: []\n", ""), "fixed"),
        (MINIMAL.replace("Nothing is wrong.", '""'), "why"),
        (MINIMAL.replace("introduced: []", f"introduced: [{ROW}, {ROW}]"), "stands twice: custom-server-tradeoff"),
        (MINIMAL.replace("introduced: []", f"introduced: [{ROW.replace('line: 5', 'line: 0')}]"), "line"),
        (MINIMAL.replace("introduced: []", f"introduced: [{ROW.replace('notice', 'info')}]"), "level"),
        (MINIMAL.replace("introduced: []", f"introduced: [{ROW.replace('line: 5, ', '')}]"), "line"),
        (MINIMAL.replace("fixed: []", "fixed: [{rule: a, path: b.js, line: 1}]"), "line"),
        (MINIMAL + "why: Twice.\n", "the key 'why' stands twice"),
        ("[]\n", "dictionary"),
    ],
)
def test_an_expectation_that_is_not_exact_is_refused(text: str, reason: str) -> None:
    assert parse_specification(MINIMAL).introduced == frozenset()
    with pytest.raises(ValueError, match=reason):
        parse_specification(text)
