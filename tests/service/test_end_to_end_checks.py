"""Check runs as GitHub evaluates them: asked for again, shared by pull requests, and what of a review is said where."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from fixtures.golden import cases
from fixtures.materialise import git, materialise
from reviewer.render.plan import CAPPED
from tests.helpers import GATING, HARMLESS, MANIFEST, PAGE, ROUTE, ROUTE_LINE, SERVER, Files, diff
from tests.service.process import until
from tests.service.shop import Shop, Street
from tests.standin import PullRequest

LIVE, CONFIG = "pages/api/live.js", ".github/reviewer.yml"
STRICT = "fail_on: warning\n"
SERVER_ANCHOR = ("server.js", 1)


def routes(count: int) -> Files:
    """As many routes, each with a finding of its own."""
    return {f"pages/api/route{number:02}.js": ROUTE for number in range(count)}


def on_main(shop: Shop, files: Files) -> None:
    """Merges files."""
    git(shop.folder, "merge", "--quiet", "--ff-only", shop.branch("merged", files))


# -- asked for again --------------------------------------------------


def test_a_check_run_that_is_asked_for_again_is_made_anew_and_says_nothing_new(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    first = shop.check(pull.head_sha)
    shop.github.rerequest_check_run(first.id)
    again = shop.check(pull.head_sha, 2)
    assert again.id != first.id
    assert (again.conclusion, again.output["summary"]) == (first.conclusion, first.output["summary"])
    assert [(a["path"], a["start_line"]) for a in again.annotations] == [(LIVE, ROUTE_LINE)]
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def test_a_check_suite_that_is_asked_for_again_gets_a_new_check_run(shop: Shop) -> None:
    pull = shop.open({LIVE: ROUTE})
    shop.check(pull.head_sha)
    shop.github.rerequest_check_suite(pull.head_sha, shop.repository)
    assert shop.check(pull.head_sha, 2).conclusion == "success"
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def from_fork(shop: Shop, files: Files, folder: Path, deliver: bool = True) -> PullRequest:
    """A pull request from a fork the App is not on."""
    shutil.copytree(shop.folder, folder)
    fork = shop.github.add_repository(f"octocat/{shop.repository.name}", folder, fork=True)
    Shop(shop.github, shop.service, shop.installation, fork, folder).branch("change", files)
    return shop.github.open_pull(shop.repository, "change", head_repository=fork, deliver=deliver)


def test_a_check_run_of_a_fork_is_found_by_its_external_id(shop: Shop, tmp_path: Path) -> None:
    pull = from_fork(shop, {LIVE: ROUTE}, tmp_path / "fork")
    run = shop.check(pull.head_sha)
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]
    delivery = shop.github.rerequest_check_run(run.id)
    assert delivery.payload["check_run"]["pull_requests"] == []
    assert shop.check(pull.head_sha, 2).external_id.startswith("pr:1:")
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def test_a_check_suite_of_a_fork_is_found_by_the_head_that_was_reviewed(shop: Shop, tmp_path: Path) -> None:
    pull = from_fork(shop, {LIVE: ROUTE}, tmp_path / "fork")
    shop.check(pull.head_sha)
    shop.forget_requests()
    delivery = shop.github.rerequest_check_suite(pull.head_sha, shop.repository)
    assert delivery.payload["check_suite"]["pull_requests"] == []
    shop.check(pull.head_sha, 2)
    assert [r.path for r in shop.asked if "/commits/" in r.path] == []
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


def test_a_check_suite_of_a_fork_nobody_told_of_is_found_on_github(shop: Shop, tmp_path: Path) -> None:
    pull = from_fork(shop, {LIVE: ROUTE}, tmp_path / "fork", deliver=False)
    shop.github.rerequest_check_suite(pull.head_sha, shop.repository)
    assert shop.check(pull.head_sha).conclusion == "success"
    assert shop.asked[0].path.endswith(f"/commits/{pull.head_sha}/pulls")
    assert shop.posted(pull) == [(LIVE, ROUTE_LINE)]


# -- one head, two pull requests --------------------------------------------------


def twins(shop: Shop) -> tuple[PullRequest, PullRequest]:
    """Two pull requests with one head, not told of: against ``main`` it gates, against ``release`` it does not."""
    shop.branch("release", {"server.js": SERVER})
    shop.branch("change", {"pages/about.js": PAGE}, "release")
    git(shop.folder, "branch", "same", "change")
    failing = shop.github.open_pull(shop.repository, "change", "main", deliver=False)
    return failing, shop.github.open_pull(shop.repository, "same", "release", deliver=False)


def assert_shared(shop: Shop, head: str, conclusion: str, *named: str) -> None:
    """What GitHub evaluates on a head, whether the newest run is the one completed or the one created last."""
    assert shop.all_completed(head), shop.explain()
    for run in (shop.newest(head), shop.runs(head)[-1]):
        assert run.conclusion == conclusion, shop.explain()
        assert all(name in run.output["summary"] for name in named), shop.explain()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["the failing one first", "the failing one last"])
def test_a_head_of_two_pull_requests_shows_the_worse_verdict(shop: Shop, order: tuple[int, int]) -> None:
    pulls = twins(shop)
    for index in order:
        shop.github.send_pull(pulls[index], "opened")
        shop.settle()
    assert_shared(shop, pulls[0].head_sha, "failure", "#1", "#2")
    assert shop.posted(pulls[0]) == [SERVER_ANCHOR]
    assert shop.posted(pulls[1]) == []


@pytest.mark.parametrize("time", [1, 2, 3])
def test_a_head_of_two_pull_requests_that_come_at_once_shows_the_worse_verdict(shop: Shop, time: int) -> None:
    pulls = twins(shop)
    senders = [threading.Thread(target=shop.github.send_pull, args=(p, "opened")) for p in pulls[:: (-1) ** time]]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    until(lambda: shop.runs(pulls[0].head_sha), explain=shop.explain)
    shop.settle()
    assert_shared(shop, pulls[0].head_sha, "failure", "#1", "#2")


def test_a_worse_verdict_on_a_check_run_that_was_made_first_is_not_hidden(shop: Shop) -> None:
    failing, passing = twins(shop)
    shop.github.fail("GET", f"{shop.name}/pulls/1/comments", 502, hang=1.5)
    shop.github.send_pull(failing, "opened")
    until(lambda: [r for r in shop.asked if r.path.endswith("/comments")], explain=shop.explain)
    shop.github.send_pull(passing, "opened")
    shop.wait("review concluded", 2)
    first, second = shop.runs(failing.head_sha)[:2]
    assert [run.external_id.rpartition(":")[0] for run in (first, second)] == ["pr:1", "pr:2"]
    assert_shared(shop, failing.head_sha, "failure", "#1", "#2")


def test_a_head_succeeds_when_the_pull_request_that_failed_on_it_moves_on(shop: Shop) -> None:
    failing, passing = twins(shop)
    for pull in (failing, passing):
        shop.github.send_pull(pull, "opened")
    shop.settle()
    head = shop.push(failing, {"pages/more.js": PAGE})
    shop.wait("review concluded", 3)
    until(lambda: shop.newest(passing.head_sha).conclusion == "success", 10, shop.explain)
    shop.settle()
    assert_shared(shop, passing.head_sha, "success")
    assert "#1" not in shop.newest(passing.head_sha).output["summary"]
    assert shop.newest(head).conclusion == "failure"


def test_a_head_succeeds_when_the_pull_request_that_failed_on_it_is_closed(shop: Shop) -> None:
    failing, passing = twins(shop)
    for pull in (failing, passing):
        shop.github.send_pull(pull, "opened")
    shop.settle()
    shop.github.close(failing)
    until(lambda: shop.newest(passing.head_sha).conclusion == "success", 10, shop.explain)
    shop.settle()
    assert_shared(shop, passing.head_sha, "success")


# -- what is said where --------------------------------------------------


def test_a_gating_finding_in_a_file_that_was_only_renamed_is_said_on_the_file(shop: Shop) -> None:
    on_main(shop, {"lib/socket.js": ROUTE, CONFIG: STRICT})
    pull = shop.open({"pages/api/socket.js": ROUTE}, remove=["lib/socket.js"])
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    (comment,) = shop.github.comments(pull)
    assert (comment.path, comment.line, comment.subject_type) == ("pages/api/socket.js", None, "file")
    assert comment.body.partition("\n")[0].endswith(" gates -->")


def test_a_gating_finding_outside_the_change_is_said_on_the_nearest_file_of_it(shop: Shop) -> None:
    without = MANIFEST.replace('"next": "15.5.0", ', "")
    on_main(shop, {"package.json": without, LIVE: ROUTE, CONFIG: STRICT})
    pull = shop.open({"package.json": MANIFEST, "deep/down/here.js": "export const one = 1;\n"})
    run = shop.check(pull.head_sha)
    assert [(a["path"], a["start_line"]) for a in run.annotations] == [(LIVE, ROUTE_LINE)]
    (comment,) = shop.github.comments(pull)
    assert (comment.path, comment.line, comment.subject_type) == ("package.json", None, "file")


def test_more_comments_than_one_call_takes_are_all_posted(shop: Shop) -> None:
    on_main(shop, {CONFIG: STRICT})
    pull = shop.open(routes(30))
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    assert sorted(shop.posted(pull)) == [(path, ROUTE_LINE) for path in sorted(routes(30))]
    calls = [r for r in shop.asked if r.path.endswith("/reviews")]
    assert [len(r.body["comments"]) for r in calls] == [25, 5]
    assert shop.heads(pull) == [pull.head_sha] * 2


def test_findings_beyond_the_cap_of_their_rule_are_listed_with_the_reason(shop: Shop) -> None:
    pull = shop.open(routes(8))
    run = shop.check(pull.head_sha)
    said = [path for path, _ in shop.posted(pull)]
    assert said == sorted(routes(8))[:3]
    assert run.output["text"].count(f"*Said only here: {CAPPED}.*") == 5
    for path in routes(8):
        assert f"`{path}:{ROUTE_LINE}`" in run.output["summary"]


def test_the_cap_counts_what_earlier_pushes_said(shop: Shop) -> None:
    pull = shop.open(routes(2))
    shop.check(pull.head_sha)
    shop.check(shop.push(pull, routes(5)))
    assert [path for path, _ in shop.posted(pull)] == sorted(routes(3))


def test_every_annotation_beyond_fifty_arrives_once(shop: Shop) -> None:
    pull = shop.open(routes(60))
    run = shop.check(pull.head_sha)
    assert [(a["path"], a["start_line"]) for a in run.annotations] == [(p, ROUTE_LINE) for p in sorted(routes(60))]
    sent = [r.body["output"].get("annotations", []) for r in shop.asked if r.method == "PATCH"]
    assert [len(annotations) for annotations in sent] == [50, 10]
    assert len(shop.asked) == 7


# -- configuration --------------------------------------------------


def test_a_rule_the_base_turns_off_says_nothing(shop: Shop) -> None:
    on_main(shop, {CONFIG: "rules: { websocket-in-api-route: { level: off } }\n"})
    pull = shop.open({LIVE: ROUTE})
    assert shop.check(pull.head_sha).output["title"] == "Nothing to report"
    assert shop.posted(pull) == []


def test_a_base_that_only_wants_advice_is_never_gated(shop: Shop) -> None:
    on_main(shop, {CONFIG: "mode: advise\n"})
    pull = shop.open({"server.js": SERVER})
    run = shop.check(pull.head_sha)
    assert (run.conclusion, run.output["title"]) == ("success", "1 finding, which does not fail the check")
    assert shop.posted(pull) == [SERVER_ANCHOR]


def test_a_configuration_that_reaches_the_base_later_applies_from_the_next_review_on(shop: Shop) -> None:
    pull = shop.open({"server.js": SERVER})
    assert shop.check(pull.head_sha).conclusion == "failure"
    on_main(shop, {CONFIG: "mode: advise\n"})
    shop.github.rerequest_check_run(shop.runs(pull.head_sha)[0].id)
    assert shop.check(pull.head_sha, 2).conclusion == "success"


@pytest.mark.parametrize("text", ["mode: advise\n", "rules: { start-script-bypasses-custom-server: { level: off } }\n"])
def test_the_configuration_of_the_head_does_not_loosen_its_own_gate(shop: Shop, text: str) -> None:
    pull = shop.open({"server.js": SERVER, CONFIG: text})
    assert shop.check(pull.head_sha).conclusion == "failure"
    assert shop.posted(pull) == [SERVER_ANCHOR]


def test_an_invalid_configuration_of_the_base_is_named_and_the_defaults_apply(shop: Shop) -> None:
    on_main(shop, {CONFIG: "mode: advise\nfail_on: erorr\n"})
    pull = shop.open({"server.js": SERVER})
    run = shop.check(pull.head_sha)
    assert run.conclusion == "failure"
    assert "The configuration on `main` is not valid, so the defaults apply" in run.output["summary"]
    (line,) = [row for row in run.output["summary"].split("\n") if row.startswith(f"- `{CONFIG}:2`")]
    assert "erorr" in line


# -- the same as the command line --------------------------------------------------


@pytest.fixture(params=cases())
def example(request: pytest.FixtureRequest, main_street: Street, tmp_path: Path) -> Any:
    """An example as a repository with the App on it, its head on a branch."""
    with main_street.shop(tmp_path / "shop", {"README.md": "# Before\n"}) as found:
        other = tmp_path / "example"
        other.mkdir()
        base, head = materialise(request.param, other)
        git(found.folder, "fetch", "--quiet", str(other), head)
        git(found.folder, "reset", "--quiet", "--hard", base)
        git(found.folder, "branch", "change", head)
        yield found


def test_the_app_says_what_the_command_line_says(example: Shop) -> None:
    document = diff("main", "change", "--repo", example.folder).document
    introduced = [f for f in document["findings"] if f["status"] == "introduced"]
    pull = example.github.open_pull(example.repository, "change")
    run = example.check(pull.head_sha)
    shown = [(a["path"], a["start_line"], re.search(r"\(([0-9a-f]+)\)$", a["title"])) for a in run.annotations]
    found = sorted((path, line, id[1]) for path, line, id in shown if id is not None)
    assert found == sorted((f["path"], f["line"], f["id"]) for f in introduced)
    assert run.conclusion == {"success": "success", "failure": "failure", "incomplete": "neutral"}[document["verdict"]]
    marks = {(f["rule"], f["fingerprint"]) for f in introduced}
    said = {(c.body.split()[2], f) for c in example.github.comments(pull) for f in c.body.split()[3].split(",")}
    assert said <= marks
    listed = (run.output.get("text") or "").count("*Said only here: ")
    assert len(said) + listed == len(introduced)
    assert all(f"`{f['id']}`" in run.output["summary"] for f in introduced)
    for fixed in document["fixed"]:
        assert f"- `{fixed['rule']}` in `{fixed['path']}`" in run.output["summary"]


def test_existing_findings_are_neither_said_nor_listed(shop: Shop) -> None:
    on_main(shop, {**GATING, LIVE: ROUTE})
    pull = shop.open({"pages/api/fine.js": HARMLESS})
    run = shop.check(pull.head_sha)
    assert (run.conclusion, run.output["title"], run.annotations) == ("success", "Nothing to report", [])
    assert LIVE not in run.output["summary"]
