"""The gate holds: whatever comes in between or fails, a known failure is not let through, nor kept for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reviewer.service.review import MAY_NOT_COMMENT, NOT_TAKEN
from tests.helpers import SERVER, SPOTLESS
from tests.service.process import until
from tests.service.shop import Shop, Street, street
from tests.standin import PullRequest

FAILING = {"server.js": SERVER}
HARMLESS = {"lib/b.js": "export const b = 1;\n"}
FAILURE = "1 finding keeps this from being merged"
CLEAN = "Nothing to report"
UNFINISHED = "The review could not be finished"


def assert_gate(shop: Shop, head: str, conclusion: str, title: str, *named: str) -> None:
    """What GitHub evaluates on a head, by either reading of newest; nothing is in progress."""
    shop.settle()
    assert shop.runs(head), shop.explain()
    assert shop.all_completed(head), shop.explain()
    for run in (shop.newest(head), shop.runs(head)[-1]):
        assert (run.conclusion, run.output["title"]) == (conclusion, title), shop.explain()
        seen = [name for name in ("#1", "#2") if name in run.output["summary"]]
        assert seen == list(named), shop.explain()


def asked(shop: Shop, method: str, part: str) -> None:
    """Waits until the service asked for something."""
    until(lambda: [r for r in shop.asked if r.method == method and part in r.path], explain=shop.explain)


def hold_fetch(shop: Shop) -> None:
    """The next fetch waits a while, and fails once."""
    shop.forget_requests()
    shop.github.fail("*", rf"{shop.name}\.git/info/refs", 502, hang=0.8)


def fetching(shop: Shop) -> None:
    until(lambda: shop.fetched, explain=shop.explain)


def titles(shop: Shop, head: str) -> list[str]:
    return [run.output["title"] for run in shop.runs(head)]


def failed(shop: Shop) -> PullRequest:
    """A pull request that is known to fail, and a branch ``release`` to aim at."""
    shop.branch("release", {"lib/a.js": "export const a = 1;\n"})
    pull = shop.open(FAILING)
    assert shop.check(pull.head_sha).conclusion == "failure"
    return pull


def clean_beside(shop: Shop) -> PullRequest:
    """A pull request of ``change`` against ``release`` that is clean; against ``main`` the same head fails."""
    shop.branch("release", FAILING)
    clean = shop.open(HARMLESS, base="release")
    assert shop.check(clean.head_sha).conclusion == "success"
    return clean


# -- a known failure stays one --------------------------------------------------


def test_a_known_failure_stays_one_when_the_base_changes_to_and_fro(shop: Shop) -> None:
    pull = failed(shop)
    hold_fetch(shop)
    shop.github.retarget(pull, "release")
    fetching(shop)
    shop.github.retarget(pull, "main")
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert titles(shop, pull.head_sha) == [FAILURE, "Replaced", FAILURE]


def test_a_known_failure_stays_one_when_another_pull_request_of_its_head_is_closed_during_its_review(
    shop: Shop,
) -> None:
    pull = failed(shop)
    hold_fetch(shop)
    other = shop.github.open_pull(shop.repository, pull.head_ref, "release")
    fetching(shop)
    shop.github.close(other)
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert titles(shop, pull.head_sha) == [FAILURE, "Replaced", FAILURE]


def test_a_known_failure_stays_one_when_an_event_replaces_the_run_that_was_asked_for_again(shop: Shop) -> None:
    pull = failed(shop)
    shop.forget_requests()
    shop.github.fail("POST", f"{shop.name}/check-runs", 502, hang=0.6, after=True)
    shop.github.rerequest_check_run(shop.runs(pull.head_sha)[0].id)
    asked(shop, "POST", "/check-runs")
    shop.github.send_pull(pull, "ready_for_review")
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert titles(shop, pull.head_sha) == [FAILURE, "Replaced", FAILURE]


def test_a_run_that_is_asked_for_again_is_made_when_an_event_replaces_the_request(shop: Shop) -> None:
    pull = failed(shop)
    shop.forget_requests()
    shop.github.fail("GET", f"{shop.name}/pulls/1$", 502, hang=0.6)
    shop.github.send_pull(pull, "reopened")
    asked(shop, "GET", "/pulls/1")
    shop.github.rerequest_check_run(shop.runs(pull.head_sha)[0].id)
    shop.github.send_pull(pull, "ready_for_review")
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert len(shop.runs(pull.head_sha)) > 1
    assert titles(shop, pull.head_sha)[-1] == FAILURE


def test_a_known_failure_stays_one_when_a_later_review_comes_to_no_end(shop: Shop) -> None:
    pull = failed(shop)
    shop.github.fail("GET", f"{shop.name}/compare/", 404, times=50, body={"message": "Not Found"})
    shop.github.rerequest_check_run(shop.runs(pull.head_sha)[0].id)
    run = shop.check(pull.head_sha, 2)
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert "Another review could not be finished" in run.output["summary"]
    assert "GitHub answered 404" in run.output["summary"]


def test_a_known_failure_stays_one_when_the_review_of_another_pull_request_of_its_head_comes_to_no_end(
    shop: Shop,
) -> None:
    pull = failed(shop)
    shop.github.fail("GET", f"{shop.name}/compare/release", 404, times=50, body={"message": "Not Found"})
    other = shop.github.open_pull(shop.repository, pull.head_ref, "release")
    assert_gate(shop, pull.head_sha, "failure", f"#1: {FAILURE}", "#1", "#2")
    shop.github.close(other)
    assert_gate(shop, pull.head_sha, "failure", FAILURE)


# -- a failure is not hidden --------------------------------------------------


@pytest.mark.parametrize(("status", "reason"), [(403, MAY_NOT_COMMENT), (502, NOT_TAKEN)])
def test_a_change_fails_the_check_when_github_takes_no_review(shop: Shop, status: int, reason: str) -> None:
    body = {"message": "Resource not accessible by integration"}
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", status, times=300, body=body)
    pull = shop.open(FAILING)
    run = shop.check(pull.head_sha)
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert f"*Said only here: {reason}.*" in run.output["text"]
    assert [a["path"] for a in run.annotations] == ["package.json"]
    assert shop.posted(pull) == []


def test_a_change_is_reviewed_when_it_is_said_to_be_closed_and_is_not(shop: Shop) -> None:
    hold_fetch(shop)
    pull = shop.open(FAILING)
    fetching(shop)
    shop.github.send_pull(pull, "closed")
    assert_gate(shop, pull.head_sha, "failure", FAILURE)
    assert titles(shop, pull.head_sha) == ["Replaced", FAILURE]


def test_a_head_never_passes_when_it_is_left_during_its_review_and_comes_back(shop: Shop) -> None:
    hold_fetch(shop)
    pull = shop.open(FAILING)
    first = pull.head_sha
    fetching(shop)
    second = shop.branch("elsewhere", HARMLESS)
    shop.force(pull, second)
    assert_gate(shop, second, "success", CLEAN)
    assert_gate(shop, first, "cancelled", "Replaced")
    shop.forget_requests()
    shop.github.fail("GET", f"{shop.name}/compare/", 502, hang=0.6)
    shop.force(pull, first)
    asked(shop, "GET", "/compare/")
    assert shop.newest(first).conclusion == "cancelled"
    assert_gate(shop, first, "failure", FAILURE)


# -- a failure does not outlive its pull request --------------------------------------------------


def test_a_head_passes_when_the_pull_request_that_failed_on_it_moves_on_and_an_answer_is_lost(shop: Shop) -> None:
    clean = clean_beside(shop)
    shared = clean.head_sha
    failing = shop.github.open_pull(shop.repository, "change", "main")
    shop.settle()
    assert shop.newest(shared).conclusion == "failure"
    shop.github.fail("PATCH", f"{shop.name}/check-runs", 502)
    head = shop.branch("elsewhere", HARMLESS)
    shop.github.push(failing, head)
    assert_gate(shop, head, "success", CLEAN)
    assert_gate(shop, shared, "success", CLEAN)


def test_a_head_passes_when_the_pull_request_that_failed_on_it_is_closed_as_it_is_concluded(shop: Shop) -> None:
    clean = clean_beside(shop)
    shop.forget_requests()
    shop.github.fail("PATCH", f"{shop.name}/check-runs", 200, after=True, hang=0.8, body={"id": 1})
    failing = shop.github.open_pull(shop.repository, "change", "main")
    asked(shop, "PATCH", "/check-runs/")
    shop.github.close(failing)
    assert_gate(shop, clean.head_sha, "success", CLEAN)


# -- trouble that passes --------------------------------------------------


@pytest.fixture(scope="module")
def patient_street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """A service that tries a review again that could not be finished: after 0.4 seconds, and later twice more."""
    with street(tmp_path_factory.mktemp("patient"), REVIEWER_PATIENCE="6") as found:
        yield found


@pytest.fixture
def patient(patient_street: Street, tmp_path: Path) -> Iterator[Shop]:
    patient_street.github.clear_requests()
    with patient_street.shop(tmp_path / "shop", SPOTLESS) as found:
        yield found


def test_a_change_fails_the_check_when_github_does_not_know_its_head_at_first(patient: Shop) -> None:
    patient.github.fail("GET", f"{patient.name}/compare", 404, body={"message": "Not Found"})
    pull = patient.open(FAILING)
    patient.check(pull.head_sha)
    assert_gate(patient, pull.head_sha, "failure", FAILURE)


def test_a_change_fails_the_check_when_github_takes_no_check_run_of_its_head_at_first(patient: Shop) -> None:
    patient.refusals = True
    patient.github.fail("POST", f"{patient.name}/check-runs", 422, body={"message": "No commit found for SHA"})
    pull = patient.open(FAILING)
    patient.check(pull.head_sha)
    assert_gate(patient, pull.head_sha, "failure", FAILURE)


def test_without_patience_trouble_is_said_at_once(shop: Shop) -> None:
    shop.github.fail("GET", f"{shop.name}/compare", 404, body={"message": "Not Found"})
    pull = shop.open(FAILING)
    shop.check(pull.head_sha)
    assert_gate(shop, pull.head_sha, "neutral", UNFINISHED)


def test_other_repositories_are_looked_through_when_one_of_them_is_blocked(main_street: Street, tmp_path: Path) -> None:
    home = main_street.github.install("blocked", [])
    with main_street.shop(tmp_path / "first", SPOTLESS, home) as first:
        shops = [first, *(main_street.add(tmp_path / f"next{n}", SPOTLESS, home) for n in range(2))]
        pulls = [shop.open(FAILING, deliver=False) for shop in shops]
        body = {"message": "Repository access blocked"}
        first.github.fail("GET", f"{first.name}/pulls", 451, times=3, body=body)
        first.github.send_installation(home, "new_permissions_accepted")
        for shop, pull in list(zip(shops, pulls, strict=True))[1:]:
            shop.check(pull.head_sha)
            assert_gate(shop, pull.head_sha, "failure", FAILURE)
        assert first.runs(pulls[0].head_sha) == []
