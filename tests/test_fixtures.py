"""The examples: whole small repositories and the reviews expected of their changes."""

from __future__ import annotations

import pytest

from fixtures.golden import cases, differences, expected, review_of


@pytest.mark.parametrize("case", cases())
def test_the_review_of_an_example_is_the_expected_one(case: str) -> None:
    assert differences(expected(case), review_of(case)) == []


def test_a_changed_review_is_described_finding_by_finding() -> None:
    review = expected("live-orders")
    gone = {**review, "findings": review["findings"][1:], "verdict": "success"}
    assert differences(review, gone) == [
        "verdict: failure -> success",
        "- start-script-bypasses-custom-server package.json:7",
    ]
