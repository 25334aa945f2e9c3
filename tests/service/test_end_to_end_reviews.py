"""Reviews as GitHub sees them: what is posted where, with how many requests, and that nothing is said twice."""

from __future__ import annotations

import itertools

import pytest

from reviewer.render.check import superseded
from tests.helpers import HARMLESS, ROUTE, ROUTE_LINE, SERVER, START_LINE
from tests.service.process import until
from tests.service.shop import Shop

LIVE, OTHER = "pages/api/live.js", "pages/api/other.js"
START = ("package.json", START_LINE)
CONFIG = ".github/reviewer.yml"
SERVER_ANCHOR = ("server.js", 1)


def test_a_gating_finding_fails_the_check_and_is_commented_on_its_line(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER, LIVE: ROUTE})
    run = shop.check(pull.head_sha)
    assert (run.name, run.conclusion, run.external_id.rpartition(":")[0]) == ("reviewer", "failure", "pr:1")
    assert run.output["title"] == "1 finding keeps this from being merged"
    places = [(a["path"], a["start_line"], a["end_line"], a["annotation_level"]) for a in run.annotations]
    assert places == [(*START, START_LINE, "failure"), (LIVE, ROUTE_LINE, ROUTE_LINE, "warning")]
    (review,) = shop.github.reviews(pull)
    assert (review.state, review.commit_id) == ("COMMENTED", pull.head_sha)
    assert shop.heads(pull) == [pull.head_sha]
    first, second = shop.github.comments(pull)
    assert [(c.path, c.line, c.review_id) for c in (first, second)] == [
        (*SERVER_ANCHOR, review.id),
        (LIVE, ROUTE_LINE, review.id),
    ]
    assert first.body.startswith("<!-- reviewer:findings start-script-bypasses-custom-server ")
    assert first.body.partition("\n")[0].endswith(" gates -->")
    assert second.body.startswith("<!-- reviewer:findings websocket-in-api-route ")


def test_a_first_review_takes_six_requests_and_two_of_git(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER})
    shop.check(pull.head_sha)
    base = f"/repos/{shop.name}"
    assert [f"{r.method} {r.path.removeprefix(base)}" for r in shop.asked] == [
        "GET /pulls/1",
        f"GET /compare/main...{pull.head_sha}",
        "POST /check-runs",
        "GET /pulls/1/comments",
        "POST /pulls/1/reviews",
        f"PATCH /check-runs/{shop.runs(pull.head_sha)[0].id}",
    ]
    begun, concluded = shop.asked[2].body, shop.asked[5].body
    assert (begun["status"], begun["head_sha"], "conclusion" in begun) == ("in_progress", pull.head_sha, False)
    assert (concluded["status"], concluded["conclusion"]) == ("completed", "failure")
    assert len(shop.fetched) == 2


def test_only_what_a_push_adds_is_commented(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    shop.forget_requests()
    head = shop.push(pull, {OTHER: ROUTE})
    run = shop.check(head)
    assert [(a["path"], a["start_line"]) for a in run.annotations] == [(LIVE, ROUTE_LINE), (OTHER, ROUTE_LINE)]
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE), (OTHER, ROUTE_LINE)]
    assert [c.path for c in shop.github.comments(pull) if c.original_commit_id == head] == [OTHER]
    assert (len(shop.asked), len(shop.fetched)) == (5, 2)


def test_a_push_that_adds_nothing_posts_no_review(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    first = pull.head_sha
    shop.forget_requests()
    shop.check(shop.push(pull, {"lib/plain.js": "export const one = 1;\n"}))
    assert shop.heads(pull) == [first]
    assert len(shop.asked) <= 5


def test_a_change_without_relevant_files_succeeds_with_three_requests(shop: Shop) -> None:
    pull = shop.open({"docs/guide.md": "# Guide\n", "logo.svg": "<svg/>"})
    run = shop.check(pull.head_sha)
    assert (run.conclusion, run.output["title"]) == ("success", "Nothing to review")
    assert "None of the 2 changed files is JavaScript" in run.output["summary"]
    assert "\n" not in run.output["summary"].strip()
    assert [r.method for r in shop.asked] == ["GET", "GET", "POST"]
    assert shop.fetched == []
    assert shop.github.reviews(pull) == []


def test_a_change_without_findings_succeeds_without_a_review(shop: Shop) -> None:
    pull = shop.open({"pages/api/fine.js": HARMLESS})
    run = shop.check(pull.head_sha)
    assert (run.conclusion, run.output["title"], run.annotations) == ("success", "Nothing to report", [])
    assert shop.github.reviews(pull) == []
    assert shop.github.comments(pull) == []


def test_a_delivery_that_comes_twice_is_worked_on_once(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    shop.forget_requests()
    again = shop.github.redeliver(shop.github.deliveries[-1])
    shop.settle()
    assert again.status == 202
    assert shop.asked == []
    assert (len(shop.runs(pull.head_sha)), shop.heads(pull)) == (1, [pull.head_sha])


@pytest.mark.parametrize("action", ["reopened", "ready_for_review", "synchronize"])
def test_an_event_without_a_change_writes_nothing(shop: Shop, action: str) -> None:
    pull = shop.open({LIVE: ROUTE, "server.js": SERVER})
    shop.check(pull.head_sha)
    shop.forget_requests()
    more = {"before": pull.head_sha, "after": pull.head_sha} if action == "synchronize" else {}
    shop.github.send_pull(pull, action, **more)
    shop.wait("review unchanged")
    assert shop.written == []


def test_a_push_that_moves_lines_says_nothing_new(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    head = shop.push(pull, {LIVE: "// one\n// two\n" + ROUTE})
    run = shop.check(head)
    assert [(a["path"], a["start_line"]) for a in run.annotations] == [(LIVE, ROUTE_LINE + 2)]
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def test_a_forced_push_and_back_concludes_each_head_and_says_nothing_twice(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER})
    first = pull.head_sha
    shop.check(first)
    other = shop.branch("elsewhere", {"server.js": SERVER, LIVE: ROUTE})
    shop.force(pull, other)
    assert shop.check(other).conclusion == "failure"
    shop.force(pull, first)
    shop.wait("review concluded", 3)
    assert {run.status for run in shop.runs(first)} == {"completed"}
    assert shop.newest(first).conclusion == "failure"
    assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)]


def test_a_finding_that_comes_back_is_said_again_once(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    shop.check(shop.push(pull, {LIVE: HARMLESS}))
    head = shop.push(pull, {LIVE: ROUTE + "// again\n"})
    shop.check(head)
    shop.check(shop.push(pull, {LIVE: ROUTE + "// once more\n"}))
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE), (LIVE, ROUTE_LINE)]
    assert [c.original_commit_id for c in shop.github.comments(pull)][1] == head


def test_of_five_quick_pushes_the_last_is_reviewed_and_no_check_is_left_open(shop: Shop) -> None:
    shop.github.fail("*", rf"{shop.name}.git/info/refs", 502, hang=0.6)
    pull = shop.open({LIVE: ROUTE})
    heads = [pull.head_sha]
    until(lambda: shop.fetched, explain=shop.explain)
    for number in range(5):
        heads.append(shop.push(pull, {f"lib/part{number}.js": "export const one = 1;\n"}))
    until(lambda: shop.runs(heads[-1]) and shop.all_completed(heads[-1]), explain=shop.explain)
    shop.settle()
    runs = list(itertools.chain.from_iterable(map(shop.runs, heads)))
    assert [run.status for run in runs] == ["completed"] * len(runs)
    assert shop.newest(heads[-1]).conclusion == "success"
    assert sorted(shop.heads(pull)) == sorted(set(shop.heads(pull)))
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]
    (replaced,) = shop.runs(heads[0])
    assert (replaced.conclusion, replaced.output["title"]) == ("cancelled", superseded().title)


def test_another_base_is_compared_anew_on_the_same_head(shop: Shop) -> None:
    shop.branch("release", {"server.js": SERVER})
    pull = shop.open({"pages/about.js": "export default function About() {\n  return null;\n}\n"}, base="release")
    assert shop.check(pull.head_sha).conclusion == "success"
    shop.forget_requests()
    shop.github.retarget(pull, "main")
    run = shop.check(pull.head_sha, 2)
    assert (run.conclusion, [(a["path"], a["start_line"]) for a in run.annotations]) == ("failure", [START])
    assert shop.posted(pull) == [SERVER_ANCHOR]
    shop.github.retarget(pull, "release")
    run = shop.check(pull.head_sha, 3)
    assert (run.conclusion, run.annotations) == ("success", [])
    assert shop.posted(pull) == [SERVER_ANCHOR]


def test_an_edited_title_is_not_looked_at(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    shop.forget_requests()
    shop.github.send_pull(pull, "edited", changes={"title": {"from": "Before"}})
    shop.settle()
    assert shop.github.requests == []


def test_a_pull_request_that_is_closed_during_its_review_keeps_no_open_check(shop: Shop) -> None:
    shop.github.fail("*", rf"{shop.name}.git/info/refs", 502, hang=0.5)
    pull = shop.open({LIVE: ROUTE})
    until(lambda: shop.fetched, explain=shop.explain)
    shop.github.close(pull)
    shop.wait("review closed")
    (run,) = shop.runs(pull.head_sha)
    assert (run.status, run.conclusion) == ("completed", "cancelled")
    assert shop.github.reviews(pull) == []


def test_a_draft_is_reviewed_like_any_other(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER}, draft=True)
    assert shop.check(pull.head_sha).conclusion == "failure"
    assert shop.posted(pull) == [SERVER_ANCHOR]
