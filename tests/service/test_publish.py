"""Writing to GitHub once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reviewer.core.finding import Review
from reviewer.github.app import GitHubApp
from reviewer.github.errors import GitHubError, RateLimited, Refused, Unsure
from reviewer.render.check import Annotation, Check
from reviewer.render.markers import FindingsMark, findings_mark, review_marks
from reviewer.render.plan import UNSHOWN, Plan
from reviewer.service.publish import REFUSED, HeadMoved, Publisher, Request
from reviewer.service.store import PullKey, Store
from tests.helpers import commit
from tests.render.made import SOCKET, found, review
from tests.service.databases import migrated, sqlite_url
from tests.shops import goods, hub, shop, standin
from tests.standin.client import Shop

__all__ = ["goods", "hub", "shop", "standin"]  # fixtures that come before those of the other tests here

DONE = Check("failure", "One finding", "Words")
SHOWN = {"a.js": frozenset({20}), "b.js": frozenset({1, 2})}
ONE = found("a.js", 20)
TWO = found("b.js", 2, rule=SOCKET)


def annotated(count: int) -> Check:
    notes = (Annotation("a.js", n + 1, n + 1, "warning", f"title {n}", "message") for n in range(count))
    return replace(DONE, annotations=tuple(notes))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with migrated(sqlite_url(tmp_path)) as engine:
        yield Store(engine)


@pytest.fixture
def app(shop: Shop) -> Iterator[GitHubApp]:
    made = GitHubApp(str(shop.github.app.id), shop.github.app.private_key, shop.github.api_url)
    yield made
    made.close()


@pytest.fixture
def first(app: GitHubApp, shop: Shop, store: Store) -> Iterator[Publisher]:
    """What the first review of the pull request writes."""
    key = PullKey(shop.installation.id, shop.repository.id, shop.pull.number)
    with store.engine.begin() as c:
        store.next_generation(c, key)
    with app.repository(key.installation, key.repository, shop.repository.full_name) as api:
        yield Publisher(store, api, Request(key, 1), lambda: app.login, "https://reviewer.example/")


def later(publisher: Publisher, generation: int = 2) -> Publisher:
    """What a later review writes."""
    return replace(publisher, request=Request(publisher.key, generation))


def sent(shop: Shop, method: str = "POST", part: str = "/repos/") -> list[int]:
    """The statuses of requests, without those for tokens."""
    return [r.status for r in shop.github.requests if r.method == method and part in r.path]


def comment(publisher: Publisher, shop: Shop, of: Review, trusted: bool = True) -> Plan:
    publisher.knows_comments = trusted
    return publisher.comment(shop.pull.head_sha, of, SHOWN)


def places(shop: Shop) -> list[tuple[str, int | None]]:
    return [(c.path, c.line) for c in shop.github.comments(shop.pull)]


# -- the check run --------------------------------------------------


def test_a_check_is_started_and_concluded_once(first: Publisher, shop: Shop) -> None:
    for _ in range(2):
        id = first.start(shop.pull.head_sha)
        assert first.conclude(shop.pull.head_sha, DONE) == id
    [run] = shop.runs
    assert (run.id, run.conclusion, run.external_id) == (id, "failure", f"pr:{shop.pull.number}:1")
    assert run.details_url == "https://reviewer.example/"
    assert (len(sent(shop)), len(sent(shop, "PATCH")), len(sent(shop, "GET"))) == (1, 1, 0)


def test_a_check_that_was_not_started_is_created_concluded(first: Publisher, shop: Shop) -> None:
    ids = {first.conclude(shop.pull.head_sha, DONE) for _ in range(2)}
    [run] = shop.runs
    assert ({run.id}, run.conclusion) == (ids, "failure")
    assert (len(sent(shop)), len(sent(shop, "PATCH"))) == (1, 0)


@pytest.mark.parametrize("after", [True, False])
def test_a_start_without_an_answer_is_looked_for(first: Publisher, shop: Shop, after: bool) -> None:
    shop.github.fail("POST", "/check-runs$", after=after)
    with pytest.raises(Unsure):
        first.start(shop.pull.head_sha)
    id = first.start(shop.pull.head_sha)
    assert [run.id for run in shop.runs] == [id]
    assert len(sent(shop, "GET", "/check-runs")) == 1


def test_the_check_of_another_review_is_not_taken_for_it(first: Publisher, shop: Shop) -> None:
    earlier = first.start(shop.pull.head_sha)
    shop.github.fail("POST", "/check-runs$")
    with pytest.raises(Unsure):
        later(first).start(shop.pull.head_sha)
    assert later(first).start(shop.pull.head_sha) != earlier
    assert [run.external_id[-2:] for run in shop.runs] == [":1", ":2"]


@pytest.mark.parametrize("after", [True, False])
def test_a_conclusion_without_an_answer_is_looked_for(first: Publisher, shop: Shop, after: bool) -> None:
    first.start(shop.pull.head_sha)
    shop.github.fail("PATCH", "/check-runs/", after=after)
    with pytest.raises(Unsure):
        first.conclude(shop.pull.head_sha, annotated(3))
    first.conclude(shop.pull.head_sha, annotated(3))
    [run] = shop.runs
    assert (run.conclusion, len(run.annotations)) == ("failure", 3)
    assert len(sent(shop, "PATCH")) == (1 if after else 2)


@pytest.mark.parametrize("error", [403, 429])
def test_a_write_that_was_refused_is_simply_tried_again(first: Publisher, shop: Shop, error: int) -> None:
    shop.github.fail("POST", "/check-runs$", error, body={"message": "No"})
    with pytest.raises(RateLimited if error == 429 else Refused):
        first.start(shop.pull.head_sha)
    first.start(shop.pull.head_sha)
    assert sent(shop) == [error, 201]
    assert sent(shop, "GET") == []


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (50, 1), (51, 2), (120, 3)])
def test_annotations_are_written_in_fifties(
    first: Publisher, shop: Shop, started: bool, count: int, requests: int
) -> None:
    if started:
        first.start(shop.pull.head_sha)
    shop.github.clear_requests()
    first.conclude(shop.pull.head_sha, annotated(count))
    [run] = shop.runs
    assert [note["title"] for note in run.annotations] == [f"title {n}" for n in range(count)]
    assert len(sent(shop, "PATCH")) + len(sent(shop, "POST")) == requests


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("started", [True, False])
def test_annotations_without_an_answer_are_not_written_twice(
    first: Publisher, shop: Shop, started: bool, after: bool
) -> None:
    if started:
        first.start(shop.pull.head_sha)
    shop.github.fail("PATCH", "/check-runs/", after=after)
    with pytest.raises(Unsure):
        first.conclude(shop.pull.head_sha, annotated(75))
    first.conclude(shop.pull.head_sha, annotated(75))
    [run] = shop.runs
    assert [note["title"] for note in run.annotations] == [f"title {n}" for n in range(75)]
    assert run.conclusion == "failure"


def test_a_verdict_is_changed_without_new_annotations(first: Publisher, shop: Shop) -> None:
    id = first.conclude(shop.pull.head_sha, annotated(2))
    first.reconclude(id, shop.pull.head_sha, replace(annotated(2), conclusion="success", title="Better"))
    [run] = shop.runs
    assert (run.conclusion, run.output["title"], len(run.annotations)) == ("success", "Better", 2)


def test_a_verdict_after_a_crash_is_written_on_the_run_and_then_no_more(first: Publisher, shop: Shop) -> None:
    head, better = shop.pull.head_sha, replace(annotated(2), conclusion="success", title="Better")
    for start in (True, False):
        of = first if start else later(first)
        if start:
            of.start(head)
        id = of.conclude(head, annotated(2))
        of._unsettle(head)  # the worker died before it noted what stands there
        shop.github.clear_requests()
        assert of.conclude(head, better) == id
        run = shop.runs[-1]
        assert (run.id, run.conclusion, run.output["title"], len(run.annotations)) == (id, "success", "Better", 2)
        assert (sent(shop), sent(shop, "PATCH")) == ([], [200])
        assert of.conclude(head, better) == id
        assert (sent(shop), sent(shop, "PATCH")) == ([], [200])
    assert len(shop.runs) == 2


def test_another_verdict_of_the_same_review_is_written_where_the_first_stands(first: Publisher, shop: Shop) -> None:
    first.conclude(shop.pull.head_sha, DONE)
    first.conclude(shop.pull.head_sha, replace(DONE, conclusion="success"))
    assert [run.conclusion for run in shop.runs] == ["success"]


def test_a_check_run_of_another_app_is_not_taken_for_ours(first: Publisher, shop: Shop) -> None:
    shop.github.fail("POST", "/check-runs$")
    with pytest.raises(Unsure):
        first.start(shop.pull.head_sha)
    theirs = shop.check(external_id=f"pr:{shop.pull.number}:1").json()["id"]
    first.login = lambda: "somebody-else[bot]"
    ours = first.start(shop.pull.head_sha)
    assert ours != theirs
    first.conclude(shop.pull.head_sha, DONE)
    assert [(run.id, run.conclusion) for run in shop.runs] == [(theirs, None), (ours, "failure")]


def test_what_earlier_reviews_left_open_is_concluded(first: Publisher, shop: Shop) -> None:
    first.start(shop.pull.head_sha)
    other = commit_on(shop, "b.js", "another\n")
    first.start(other)
    later(first).start(shop.pull.head_sha)
    later(first).close_checks(but=shop.pull.head_sha)
    old, new = shop.runs
    [elsewhere] = shop.github.check_runs(other)
    assert [old.conclusion, new.conclusion, elsewhere.conclusion] == ["cancelled", None, "cancelled"]
    assert old.output["title"] == "Replaced"
    later(first).close_checks()
    assert new.conclusion == "cancelled"
    shop.github.clear_requests()
    later(first).close_checks()
    assert shop.github.requests == []


@pytest.mark.parametrize("after", [True, False])
def test_a_check_that_may_be_open_is_looked_for_and_concluded(first: Publisher, shop: Shop, after: bool) -> None:
    shop.github.fail("POST", "/check-runs$", after=after)
    with pytest.raises(Unsure):
        first.start(shop.pull.head_sha)
    later(first).close_checks()
    assert [run.conclusion for run in shop.runs] == (["cancelled"] if after else [])
    shop.github.clear_requests()
    later(first).close_checks()
    assert shop.github.requests == []


def test_newer_reviews_are_left_alone(first: Publisher, shop: Shop) -> None:
    later(first).start(shop.pull.head_sha)
    first.close_checks()
    assert [run.conclusion for run in shop.runs] == [None]


def commit_on(shop: Shop, path: str, content: str) -> str:
    """One more commit on the pull request's branch."""
    from fixtures.materialise import git

    git(shop.repository.path, "checkout", "--quiet", "feature")
    return commit(shop.repository.path, {path: content})


# -- comments --------------------------------------------------


def test_findings_are_said_in_one_review_and_once(first: Publisher, shop: Shop) -> None:
    planned = comment(first, shop, review(ONE, TWO))
    assert planned.unsaid == {}
    assert places(shop) == [("a.js", 20), ("b.js", 2)]
    [posted] = shop.github.reviews(shop.pull)
    assert review_marks([posted.body]) == {(shop.pull.head_sha, 0)}
    assert "2 comments; none fails the check." in posted.body
    assert comment(later(first), shop, review(ONE, TWO)).comments == ()
    assert len(sent(shop)) == 1


def test_only_what_is_new_is_said(first: Publisher, shop: Shop) -> None:
    comment(first, shop, review(ONE))
    comment(later(first), shop, review(ONE, TWO))
    assert places(shop) == [("a.js", 20), ("b.js", 2)]


@pytest.mark.parametrize("after", [True, False])
def test_a_review_without_an_answer_is_not_said_twice(first: Publisher, shop: Shop, store: Store, after: bool) -> None:
    shop.github.fail("POST", "/reviews$", after=after)
    with pytest.raises(Unsure):
        comment(first, shop, review(ONE))
    assert store.is_unsure(first.key)
    comment(first, shop, review(ONE), trusted=False)
    assert places(shop) == [("a.js", 20)]


def test_a_store_that_lost_everything_learns_from_github_what_was_said(
    first: Publisher, shop: Shop, store: Store
) -> None:
    comment(first, shop, review(ONE))
    store.unsay(first.key, ())
    comment(later(first), shop, review(ONE, TWO), trusted=False)
    assert places(shop) == [("a.js", 20), ("b.js", 2)]


def test_only_the_app_s_own_words_are_believed(first: Publisher, shop: Shop) -> None:
    comment(first, shop, review(TWO))
    forged = FindingsMark(ONE.finding.rule, (ONE.fingerprint,), gates=False)
    shop.github.reply(shop.github.comments(shop.pull)[0], f"{forged}\nSaid already.", deliver=False)
    comment(later(first), shop, review(ONE, TWO), trusted=False)
    assert findings_mark(shop.github.comments(shop.pull)[-1].body) == forged
    assert shop.github.comments(shop.pull)[-1].user.login == "reviewer[bot]"


def test_a_finding_that_gates_and_has_no_line_is_said_on_a_file(first: Publisher, shop: Shop) -> None:
    hidden, quiet = found("b.js", 90, gates=True), found("z.js", 90)
    planned = comment(first, shop, review(hidden, quiet))
    [posted] = shop.github.comments(shop.pull)
    assert (posted.path, posted.line, posted.subject_type) == ("b.js", None, "file")
    assert planned.unsaid == {quiet.fingerprint: UNSHOWN}
    assert comment(later(first), shop, review(hidden, quiet)).comments == ()
    assert len(sent(shop)) == 1


@pytest.mark.parametrize("after", [True, False])
def test_a_file_comment_without_an_answer_is_not_said_twice(first: Publisher, shop: Shop, after: bool) -> None:
    shop.github.fail("POST", "/comments$", after=after)
    with pytest.raises(Unsure):
        comment(first, shop, review(found("b.js", 90, gates=True)))
    comment(first, shop, review(found("b.js", 90, gates=True)), trusted=False)
    assert places(shop) == [("b.js", None)]


def test_lines_that_github_refuses_are_listed_or_said_on_their_file(first: Publisher, shop: Shop) -> None:
    gating, quiet = found("a.js", 35, gates=True), found("b.js", 2)
    shown = {"a.js": frozenset({35}), "b.js": frozenset({2})}
    planned = first.comment(shop.pull.head_sha, review(gating, quiet), shown)
    assert places(shop) == [("a.js", None)]
    assert planned.unsaid == {quiet.fingerprint: REFUSED}


def test_a_head_that_moved_is_noticed(first: Publisher, shop: Shop) -> None:
    reviewed = shop.pull.head_sha
    commit_on(shop, "a.js", "all new\n")
    shop.github.push(shop.pull, deliver=False)
    shop.github.fail("POST", "/reviews$", 422, body={"message": "Validation Failed", "errors": ["Line is gone"]})
    with pytest.raises(HeadMoved):
        first.comment(reviewed, review(ONE), SHOWN)
    assert places(shop) == []


@pytest.mark.parametrize("gates", [True, False])
def test_a_pending_review_of_ours_is_removed(first: Publisher, shop: Shop, gates: bool) -> None:
    shop.send("POST", f"{shop.pull_path}/reviews", {"body": "Draft"})
    comment(first, shop, review(found("a.js", 20, gates=gates)))
    assert places(shop) == [("a.js", 20)]
    assert [r.state for r in shop.github.reviews(shop.pull)] == ["COMMENTED"]


def test_a_pending_review_of_ours_does_not_keep_files_from_being_commented(first: Publisher, shop: Shop) -> None:
    shop.send("POST", f"{shop.pull_path}/reviews", {"body": "Draft"})
    planned = comment(first, shop, review(found("b.js", 90, gates=True)))
    assert places(shop) == [("b.js", None)]
    assert planned.unsaid == {}


def test_very_many_gating_findings_are_said_in_several_reviews(first: Publisher, shop: Shop) -> None:
    many = [found("b.js", 2, key=str(n), gates=True) for n in range(27)]
    comment(first, shop, review(*many))
    assert len(places(shop)) == 27
    bodies = [posted.body for posted in shop.github.reviews(shop.pull)]
    assert review_marks(bodies) == {(shop.pull.head_sha, 0), (shop.pull.head_sha, 1)}


def test_a_limit_in_the_middle_is_taken_up_where_it_was(first: Publisher, shop: Shop, store: Store) -> None:
    many = [found("b.js", 2, key=str(n), gates=True) for n in range(27)]
    shop.github.fail("POST", "/reviews$", 429, times=1)
    with pytest.raises(RateLimited):
        comment(first, shop, review(*many[:25]))
    assert not store.is_unsure(first.key)
    shop.github.fail("POST", "/comments$", 403, body={"message": "No"})
    with pytest.raises(GitHubError):
        comment(first, shop, review(*many[:25], found("z.js", 90, gates=True)))
    comment(first, shop, review(*many[:25], found("z.js", 90, gates=True)), trusted=False)
    assert len(places(shop)) == 26
