"""What GitHub refuses, forgets and answers too late: everything is concluded in the end, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reviewer.render.markers import FindingsMark
from reviewer.render.plan import LOCKED
from reviewer.service.publish import REFUSED
from tests.helpers import ROUTE, ROUTE_LINE, SERVER, SPOTLESS, diff
from tests.service.process import until
from tests.service.shop import Shop, Street
from tests.standin import PullRequest
from tests.standin.client import Shop as Hand

LIVE, OTHER = "pages/api/live.js", "pages/api/other.js"
SERVER_ANCHOR = ("server.js", 1)
BOTH = {"server.js": SERVER, LIVE: ROUTE}
HTML = "<html><body>Unicorn!</body></html>"
EFFECT = pytest.mark.parametrize("after", [True, False], ids=["after its effect", "without effect"])


Row = Callable[..., Shop]


@pytest.fixture
def row(main_street: Street, tmp_path: Path) -> Row:
    """More shops beside one, on other installations, so that they do not wait for each other."""

    def shop(number: int, alone: bool = False) -> Shop:
        home = main_street.github.install(f"alone{number}", []) if alone else main_street.other(number)
        return main_street.add(tmp_path / f"shop{number}", SPOTLESS, home)

    return shop


def assert_said_once(shop: Shop, pull: PullRequest) -> None:
    """One check run, one review, two comments and two annotations."""
    (run,) = shop.runs(pull.head_sha)
    assert (run.status, run.conclusion) == ("completed", "failure"), shop.explain()
    assert [a["path"] for a in run.annotations] == ["package.json", LIVE]
    assert shop.heads(pull) == [pull.head_sha], shop.explain()
    assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)], shop.explain()


# -- refused --------------------------------------------------


def hand(shop: Shop, pull: PullRequest) -> Hand:
    """Requests by hand, with a token of the App's."""
    return Hand(shop.github, shop.repository, shop.installation, pull)


def unsent(shop: Shop, files: dict[str, str]) -> PullRequest:
    """A pull request nobody told the service of."""
    return shop.open(files, deliver=False)


def test_a_pending_review_of_ours_is_removed_and_the_review_posted(shop: Shop) -> None:
    shop.refusals = True
    pull = unsent(shop, BOTH)
    left = {"path": LIVE, "line": ROUTE_LINE, "side": "RIGHT", "body": "left over"}
    draft = {"body": "left over", "commit_id": pull.head_sha, "comments": [left]}
    by_hand = hand(shop, pull)
    assert by_hand.send("POST", f"{by_hand.pull_path}/reviews", draft).json()["state"] == "PENDING"
    shop.github.send_pull(pull, "opened")
    shop.check(pull.head_sha)
    assert_said_once(shop, pull)


def test_a_head_that_moves_while_its_review_is_posted_gets_none(shop: Shop) -> None:
    shop.refusals = True
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", 422, hang=0.6)
    pull = shop.open({LIVE: ROUTE})
    first = pull.head_sha
    until(lambda: [r for r in shop.asked if r.path.endswith("/reviews")], explain=shop.explain)
    second = shop.push(pull, {OTHER: ROUTE})
    shop.check(second)
    (run,) = shop.runs(first)
    assert (run.status, run.output["title"]) == ("completed", "Replaced")
    assert shop.heads(pull) == [second]
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE), (OTHER, ROUTE_LINE)]


def test_a_head_that_moved_without_a_word_is_not_reviewed_in_its_stead(shop: Shop) -> None:
    shop.refusals = True
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", 422, hang=0.6)
    pull = shop.open({LIVE: ROUTE})
    first = pull.head_sha
    until(lambda: [r for r in shop.asked if r.path.endswith("/reviews")], explain=shop.explain)
    shop.push(pull, {OTHER: ROUTE}, deliver=False)
    assert shop.check(first).output["title"] == "Replaced"
    assert shop.posted(pull) == []


def test_a_review_github_refuses_is_said_on_files_where_it_gates_and_else_listed(shop: Shop) -> None:
    shop.refusals = True
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", 422, body={"message": "Unprocessable Entity"})
    pull = shop.open(BOTH)
    run = shop.check(pull.head_sha)
    assert shop.github.reviews(pull) == []
    assert shop.posted(pull) == [("server.js", None)]
    assert f"*Said only here: {REFUSED}.*" in run.output["text"]
    assert [a["path"] for a in run.annotations] == ["package.json", LIVE]
    assert shop.check(shop.push(pull, {"lib/a.js": "export {};\n"})).conclusion == "failure"
    assert shop.posted(pull) == [("server.js", None), (LIVE, ROUTE_LINE)]


def test_a_locked_conversation_gets_the_check_only(shop: Shop) -> None:
    pull = unsent(shop, BOTH)
    shop.github.lock(pull)
    shop.github.send_pull(pull, "opened")
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    assert [a["path"] for a in run.annotations] == ["package.json", LIVE]
    assert [w.split()[0] for w in shop.written] == ["POST", "PATCH"]
    assert run.output["text"].count(f"*Said only here: {LOCKED}.*") == 2


def test_a_conversation_that_is_locked_during_the_review_gets_the_check_only(shop: Shop) -> None:
    shop.refusals = True
    shop.github.fail("GET", f"{shop.name}/pulls/1/comments", 502, hang=0.5)
    pull = shop.open(BOTH)
    until(lambda: [r for r in shop.asked if r.path.endswith("/comments")], explain=shop.explain)
    shop.github.lock(pull)
    assert shop.check(pull.head_sha).conclusion == "failure"
    assert shop.posted(pull) == []


# -- answers that are lost --------------------------------------------------

WRITES = {
    "review": ("POST", "/pulls/1/reviews"),
    "creation": ("POST", "/check-runs"),
    "conclusion": ("PATCH", "/check"),
}
LOST: dict[str, dict[str, Any]] = {"502": {}, "cut": {"reset": True}, "HTML": {"status": 200, "body": HTML}}


@pytest.mark.parametrize("what", WRITES)
def test_a_write_whose_answer_is_lost_is_done_once(shop: Shop, row: Row, what: str) -> None:
    method, path = WRITES[what]
    pulls = {}
    for number, (how, after) in enumerate((how, after) for how in LOST for after in (True, False)):
        home = row(number)
        shop.github.fail(method, f"{home.name}{path}", after=after, **LOST[how])
        pulls[how, after] = home, home.open(BOTH)
    for home, pull in pulls.values():
        home.check(pull.head_sha)
        assert_said_once(home, pull)


@EFFECT
def test_annotations_whose_answer_is_lost_are_sent_once(shop: Shop, after: bool) -> None:
    files = {f"pages/api/route{number:02}.js": ROUTE for number in range(60)}
    shop.github.fail("PATCH", f"{shop.name}/check-runs/", after=after)
    pull = shop.open(files)
    run = shop.check(pull.head_sha)
    assert [a["path"] for a in run.annotations] == sorted(files)


@EFFECT
def test_a_comment_on_a_file_whose_answer_is_lost_is_posted_once(shop: Shop, after: bool) -> None:
    shop.refusals = True
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", 422, times=2)
    shop.github.fail("POST", f"{shop.name}/pulls/1/comments", after=after)
    pull = shop.open({"server.js": SERVER})
    shop.check(pull.head_sha)
    assert shop.posted(pull) == [("server.js", None)]


def test_calls_of_one_review_whose_answers_are_lost_are_made_once(shop: Shop, row: Row) -> None:
    files = {f"pages/api/route{number:02}.js": ROUTE for number in range(30)}
    pulls = []
    for number, after in enumerate((True, False)):
        home = row(number)
        home.branch("strict", {".github/reviewer.yml": "fail_on: warning\n"})
        shop.github.fail("POST", f"{home.name}/pulls/1/reviews", after=True)
        shop.github.fail("POST", f"{home.name}/pulls/1/reviews", after=after)
        pulls.append((home, home.open(files, base="strict")))
    for home, pull in pulls:
        home.check(pull.head_sha)
        assert sorted(home.posted(pull)) == [(path, ROUTE_LINE) for path in sorted(files)]


@pytest.mark.parametrize("path", ["/pulls/1$", "/compare/", "/pulls/1/comments$"])
def test_a_read_that_fails_for_a_while_delays_the_review_only(shop: Shop, row: Row, path: str) -> None:
    pulls = []
    faults: tuple[dict[str, Any], ...] = (
        {"status": 500, "times": 2},
        {"status": 503, "times": 4},
        {"status": 200, "body": HTML},
    )
    for number, fault in enumerate(faults):
        home = row(number)
        shop.github.fail("GET", f"{home.name}{path}", **fault)
        pulls.append((home, home.open(BOTH)))
    for home, pull in pulls:
        home.check(pull.head_sha)
        assert_said_once(home, pull)


def test_tokens_that_end_during_a_review_are_replaced(shop: Shop) -> None:
    shop.github.fail("GET", f"{shop.name}/compare/", 502, hang=0.4)
    pull = shop.open(BOTH)
    until(lambda: [r for r in shop.asked if "/compare/" in r.path], explain=shop.explain)
    shop.github.expire_tokens()
    shop.check(pull.head_sha)
    assert 401 in [r.status for r in shop.asked]
    assert_said_once(shop, pull)


def test_a_git_that_always_fails_leaves_a_check_with_the_reason(shop: Shop) -> None:
    shop.github.fail("*", rf"{shop.name}\.git/info/refs", 500, times=1000)
    pull = shop.open(BOTH)
    run = shop.check(pull.head_sha, seconds=60)
    assert (run.conclusion, run.output["title"]) == ("neutral", "The review could not be finished")
    assert "the repository could not be reached" in run.output["summary"]
    assert "**Re-run**" in run.output["summary"]
    assert shop.posted(pull) == []
    shop.github.mend()
    shop.github.rerequest_check_run(run.id)
    assert shop.check(pull.head_sha, 2).conclusion == "failure"
    assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)]


# -- not allowed --------------------------------------------------


@pytest.fixture
def permissions(shop: Shop) -> Iterator[Shop]:
    """A shop whose App may lose permissions, which it gets back in the end."""
    yield shop
    for holder in (shop.github.app, shop.installation):
        holder.permissions.update(contents="read", pull_requests="write", checks="write")


def test_a_permission_that_is_missing_is_named_in_the_check(permissions: Shop) -> None:
    shop = permissions
    shop.refusals = True
    shop.github.withdraw("contents")
    pull = shop.open(BOTH)
    run = shop.check(pull.head_sha)
    assert (run.conclusion, run.output["title"]) == ("neutral", "The review could not be finished")
    assert "contents=read" in run.output["summary"]
    assert shop.posted(pull) == []


def test_a_finding_fails_the_check_although_the_app_may_not_comment(permissions: Shop) -> None:
    shop = permissions
    shop.refusals = True
    shop.installation.permissions["pull_requests"] = "read"
    pull = shop.open(BOTH)
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    assert "`pull_requests: write` is missing" in run.output["text"]
    assert shop.posted(pull) == []


def test_a_permission_that_is_withdrawn_during_a_review_is_named_in_the_check(permissions: Shop) -> None:
    shop = permissions
    shop.refusals = True
    shop.github.fail("GET", f"{shop.name}/compare/", 502, hang=0.4)
    pull = shop.open(BOTH)
    until(lambda: [r for r in shop.asked if "/compare/" in r.path], explain=shop.explain)
    shop.github.withdraw("contents")
    run = shop.check(pull.head_sha)
    assert run.conclusion == "neutral"
    assert "contents=read" in run.output["summary"]


def test_without_the_permission_for_checks_the_log_says_so(permissions: Shop) -> None:
    shop = permissions
    shop.refusals = True
    shop.github.withdraw("checks")
    shop.open(BOTH)
    until(lambda: any("checks=write" in str(row.get("reason")) for row in shop.logged()), explain=shop.explain)
    shop.settle()
    assert len(shop.asked) < 10


# -- limits --------------------------------------------------


def test_a_limit_defers_one_installation_and_keeps_no_worker(shop: Shop, row: Row) -> None:
    busy = [row(number, alone=True) for number in range(5)]
    for home, remaining in zip(busy[:3], (0, 2, 4), strict=True):
        shop.github.rate_limit(home.installation, remaining, reset_in=4)
    for home, status in zip(busy[3:], (403, 429), strict=True):
        shop.github.secondary_limit(home.installation, 4, status=status)
    pulls = [(home, home.open(BOTH, f"change{number}")) for home in busy for number in range(2)]
    until(lambda: all(home.logged("review deferred") for home in busy), explain=shop.explain)
    quiet = shop.open(BOTH)
    until(lambda: shop.runs(quiet.head_sha) and shop.all_completed(quiet.head_sha), 10, shop.explain)
    assert [run for home, pull in pulls for run in home.runs(pull.head_sha) if run.status == "completed"] == []
    for home, pull in pulls:
        home.check(pull.head_sha)
        assert_said_once(home, pull)
    assert_said_once(shop, quiet)


# -- repositories that go and move --------------------------------------------------


def test_a_repository_that_is_deleted_ends_its_review_quietly(shop: Shop) -> None:
    shop.github.fail("GET", f"{shop.name}/compare/", 502, hang=0.3)
    shop.open(BOTH)
    until(lambda: [r for r in shop.asked if "/compare/" in r.path], explain=shop.explain)
    shop.github.delete(shop.repository, deliver=False)
    shop.wait("review gone")
    assert [row for row in shop.logged() if row["level"] in ("error", "critical")] == []
    assert len(shop.asked) < 8


def test_a_repository_that_is_renamed_during_its_review_is_concluded_under_its_new_name(shop: Shop) -> None:
    shop.github.fail("GET", f"{shop.name}/compare/", 502, hang=0.3)
    pull = shop.open(BOTH)
    until(lambda: [r for r in shop.asked if "/compare/" in r.path], explain=shop.explain)
    shop.github.rename(shop.repository, f"{shop.name}-renamed")
    shop.check(pull.head_sha)
    assert_said_once(shop, pull)


def test_a_repository_that_was_renamed_without_a_word_is_reviewed_under_its_new_name(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    run = shop.check(pull.head_sha)
    delivery = shop.github.rerequest_check_run(run.id)
    shop.check(pull.head_sha, 2)
    shop.github.rename(shop.repository, f"{shop.name}-renamed", deliver=False)
    shop.github.deliver("check_run", delivery.payload)  # written before the repository got its new name
    assert shop.check(pull.head_sha, 3).conclusion == "success"
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


# -- what others write --------------------------------------------------


def test_a_mark_in_a_comment_of_somebody_else_is_not_believed(shop: Shop) -> None:
    pull = unsent(shop, {LIVE: ROUTE})
    (finding,) = diff("main", "change", "--repo", shop.folder).document["findings"]
    mark = FindingsMark(finding["rule"], (finding["fingerprint"],), False)
    forged = {
        "path": LIVE,
        "line": 1,
        "side": "RIGHT",
        "body": f"{mark}\nNothing to see here.",
        "commit_id": pull.head_sha,
    }
    by_hand = hand(shop, pull)
    assert by_hand.send("POST", f"{by_hand.pull_path}/comments", forged).status_code == 201
    shop.github.comments(pull)[0].user = pull.author
    shop.github.send_pull(pull, "opened")
    shop.check(pull.head_sha)
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def test_a_mark_the_app_wrote_itself_is_believed_by_a_service_that_forgot(shop: Shop) -> None:
    pull = unsent(shop, {LIVE: ROUTE})
    (finding,) = diff("main", "change", "--repo", shop.folder).document["findings"]
    mark = FindingsMark(finding["rule"], (finding["fingerprint"],), False)
    said = {"path": LIVE, "line": 4, "side": "RIGHT", "body": f"{mark}\nSaid before.", "commit_id": pull.head_sha}
    by_hand = hand(shop, pull)
    assert by_hand.send("POST", f"{by_hand.pull_path}/comments", said).status_code == 201
    shop.github.send_pull(pull, "opened")
    shop.check(pull.head_sha)
    assert shop.posted(pull) == [(LIVE, 4)]
    assert shop.github.reviews(pull) == []
