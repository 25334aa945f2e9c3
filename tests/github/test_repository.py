"""The requests about one repository: what is asked for, and what is made of the answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.materialise import git
from reviewer.github.errors import Gone, Unprocessable
from reviewer.github.patch import commentable_lines
from reviewer.github.repository import ChangedFile, RepositoryApi
from reviewer.render.check import Annotation, Check
from reviewer.render.markers import FindingsMark
from reviewer.render.plan import Comment
from tests.helpers import commit
from tests.standin.client import Shop

NOTE = Annotation("a.js", 20, 20, "warning", "A title", "A message")
DONE = Check("failure", "Two findings", "Words", "Details")


def branch(shop: Shop, name: str, files: dict[str, str], start: str = "main") -> str:
    """A branch with one more commit."""
    git(shop.repository.path, "checkout", "--quiet", "-b", name, start)
    return commit(shop.repository.path, files)


def comment(line: int | None, path: str = "a.js") -> Comment:
    mark = FindingsMark("a-rule", ("0" * 16,), gates=False)
    return Comment(path, line, f"{mark}\nWhy?", mark)


# -- pull requests --------------------------------------------------


def test_a_pull_request_is_read_as_it_is_now(api: RepositoryApi, shop: Shop) -> None:
    pull = api.pull(shop.pull.number)
    assert (pull.number, pull.head, pull.base) == (shop.pull.number, shop.pull.head_sha, "main")
    assert (pull.is_open, pull.is_draft, pull.is_locked, pull.changed_files) == (True, False, False, 2)
    assert pull.full_name == shop.repository.full_name
    assert pull.url == f"{shop.github.git_url}/{shop.repository.full_name}"
    shop.github.to_draft(shop.pull, deliver=False)
    shop.github.lock(shop.pull)
    shop.github.close(shop.pull, deliver=False)
    pull = api.pull(shop.pull.number)
    assert (pull.is_open, pull.is_draft, pull.is_locked) == (False, True, True)


def test_a_pull_request_that_is_not_there_is_gone(api: RepositoryApi) -> None:
    with pytest.raises(Gone):
        api.pull(999)


def test_a_renamed_repository_is_read_by_its_old_name(api: RepositoryApi, shop: Shop) -> None:
    shop.github.rename(shop.repository, f"{shop.repository.full_name}-renamed", deliver=False)
    assert api.pull(shop.pull.number).full_name == shop.repository.full_name


def test_every_page_of_open_pull_requests_is_listed(api: RepositoryApi, shop: Shop) -> None:
    others = [shop.github.open_pull(shop.repository, "feature", deliver=False) for _ in range(104)]
    shop.github.close(others[0], deliver=False)
    numbers = {number for number, _, _ in api.open_pulls()}
    assert numbers == {shop.pull.number, *(pull.number for pull in others[1:])}
    assert {(head, base) for _, head, base in api.open_pulls()} == {(shop.pull.head_sha, "main")}


def test_the_pull_requests_of_a_commit_are_the_open_ones_with_that_head(api: RepositoryApi, shop: Shop) -> None:
    closed = shop.github.open_pull(shop.repository, "feature", deliver=False)
    shop.github.close(closed, deliver=False)
    onward = branch(shop, "onward", {"a.js": "new\n"}, "feature")
    further = shop.github.open_pull(shop.repository, "onward", deliver=False)
    assert api.pulls_of(shop.pull.head_sha) == [shop.pull.number]
    assert api.pulls_of(onward) == [further.number]
    assert api.pulls_of(shop.pull.base_sha) == []


# -- comparisons and files --------------------------------------------------


def test_a_comparison_has_the_merge_base_the_tip_and_the_files(api: RepositoryApi, shop: Shop) -> None:
    git(shop.repository.path, "checkout", "--quiet", "main")
    tip = commit(shop.repository.path, {"late.js": "late\n"})
    compared = api.compare("main", shop.pull.head_sha)
    assert (compared.merge_base, compared.base) == (shop.pull.base_sha, tip)
    assert compared.files is not None
    assert [file.path for file in compared.files] == ["a.js", "b.js"]
    assert commentable_lines(compared.files[1].patch or "") == {1, 2}


@pytest.mark.parametrize("name", ["fix/#1-ü", "a%2Fb", "100%", "a+b", "é&=;,", "日本", "a@b"])
def test_branches_may_have_odd_names(api: RepositoryApi, shop: Shop, name: str) -> None:
    tip = branch(shop, name, {"late.js": "late\n"})
    compared = api.compare(name, shop.pull.head_sha)
    assert (compared.base, compared.merge_base) == (tip, shop.pull.base_sha)


def test_a_comparison_that_may_be_cut_off_lists_no_files(api: RepositoryApi, shop: Shop) -> None:
    for count, complete in ((299, True), (300, False)):
        head = branch(shop, f"many{count}", {f"f{n}.js": "x\n" for n in range(count)})
        files = api.compare("main", head).files
        assert (files is not None) == complete
        assert files is None or len(files) == count


def test_every_page_of_files_is_listed(api: RepositoryApi, shop: Shop) -> None:
    branch(shop, "many", {f"f{n:03}.js": "x\n" for n in range(120)})
    pull = shop.github.open_pull(shop.repository, "many", deliver=False)
    assert [file.path for file in api.files(pull.number)] == [f"f{n:03}.js" for n in range(120)]


def test_renamed_and_binary_files_have_no_patch(api: RepositoryApi, shop: Shop) -> None:
    git(shop.repository.path, "checkout", "--quiet", "-b", "moving", "main")
    git(shop.repository.path, "mv", "a.js", "renamed [1].js")
    commit(shop.repository.path, {"logo.png": "\0\1\2"})
    pull = shop.github.open_pull(shop.repository, "moving", deliver=False)
    assert set(api.files(pull.number)) == {
        ChangedFile("renamed [1].js", "a.js", None),
        ChangedFile("logo.png", None, None),
    }


def test_the_head_of_a_fork_is_compared_by_its_commit(api: RepositoryApi, shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "fork"
    shutil.copytree(shop.repository.path, folder)
    fork = shop.github.add_repository(f"octocat/{shop.repository.name}", folder, fork=True)
    git(folder, "checkout", "--quiet", "-b", "mine", "main")
    head = commit(folder, {"mine.js": "mine\n"})
    git(shop.repository.path, "fetch", "--quiet", str(folder), "mine")
    pull = shop.github.open_pull(shop.repository, "mine", head_repository=fork, deliver=False)
    read = api.pull(pull.number)
    files = api.compare(read.base, read.head).files
    assert read.head == head
    assert files is not None
    assert [file.path for file in files] == ["mine.js"]
    run = api.start_check(head, "pr:2:1", None)
    assert [made.id for made in shop.github.check_runs(head, shop.repository)] == [run]
    shop.github.delete(fork, deliver=False)
    assert api.pull(pull.number).head == head


# -- check runs --------------------------------------------------


def test_a_check_run_is_started_annotated_and_concluded(api: RepositoryApi, shop: Shop) -> None:
    id = api.start_check(shop.pull.head_sha, "pr:1:1", "https://reviewer.example/1")
    [run] = shop.runs
    assert (run.id, run.name, run.status, run.external_id) == (id, "reviewer", "in_progress", "pr:1:1")
    assert run.details_url == "https://reviewer.example/1"
    api.annotate_check(id, DONE, [NOTE] * 50)
    assert (run.status, api.check_run(id).annotations) == ("in_progress", 50)
    api.conclude_check(id, DONE, [NOTE])
    assert (run.status, run.conclusion, len(run.annotations)) == ("completed", "failure", 51)
    assert run.output == {"title": "Two findings", "summary": "Words", "text": "Details"}
    assert run.annotations[0] == {
        "path": "a.js", "start_line": 20, "end_line": 20, "annotation_level": "warning", "title": "A title",
        "message": "A message",
    }  # fmt: skip
    shown = api.check_run(id)
    assert (shown.id, shown.external_id, shown.is_completed, shown.annotations) == (id, "pr:1:1", True, 51)


def test_a_check_run_is_created_concluded(api: RepositoryApi, shop: Shop) -> None:
    id = api.create_check(shop.pull.head_sha, "pr:1:1", None, Check("success", "Fine", "Words"), [])
    [run] = shop.runs
    assert (run.id, run.status, run.conclusion, run.annotations) == (id, "completed", "success", [])
    assert run.output == {"title": "Fine", "summary": "Words"}


def test_check_runs_are_listed_newest_first_to_the_last_page(api: RepositoryApi, shop: Shop) -> None:
    ids = [api.start_check(shop.pull.head_sha, f"pr:1:{n}", None) for n in range(101)]
    shop.check(name="another")
    assert [run.id for run in api.check_runs(shop.pull.head_sha)] == ids[::-1]
    assert {run.app for run in api.check_runs(shop.pull.head_sha)} == {shop.github.app.slug}


# -- comments --------------------------------------------------


def test_a_review_is_posted_on_the_lines_of_its_head(api: RepositoryApi, shop: Shop) -> None:
    id = api.create_review(shop.pull.number, shop.pull.head_sha, "Words", [comment(20), comment(2, "b.js")])
    [review] = api.reviews(shop.pull.number)
    assert (review.id, review.login, review.body, review.state) == (id, "reviewer[bot]", "Words", "COMMENTED")
    posted = shop.github.comments(shop.pull)
    assert [(c.path, c.line, c.side, c.commit_id) for c in posted] == [
        ("a.js", 20, "RIGHT", shop.pull.head_sha),
        ("b.js", 2, "RIGHT", shop.pull.head_sha),
    ]
    assert [(c.id, c.login, c.body) for c in api.comments(shop.pull.number)] == [
        (c.id, "reviewer[bot]", comment(20).body) for c in posted
    ]


def test_a_refused_review_says_why(api: RepositoryApi, shop: Shop) -> None:
    with pytest.raises(Unprocessable, match="Line could not be resolved"):
        api.create_review(shop.pull.number, shop.pull.head_sha, "Words", [comment(20), comment(35)])
    assert shop.github.comments(shop.pull) == []


def test_a_file_is_commented_as_a_whole(api: RepositoryApi, shop: Shop) -> None:
    id = api.create_file_comment(shop.pull.number, shop.pull.head_sha, comment(None))
    [posted] = shop.github.comments(shop.pull)
    assert (posted.id, posted.path, posted.line, posted.subject_type) == (id, "a.js", None, "file")


def test_every_page_of_comments_is_listed(api: RepositoryApi, shop: Shop) -> None:
    for _ in range(5):
        api.create_review(shop.pull.number, shop.pull.head_sha, "Words", [comment(20)] * 25)
    assert len(api.comments(shop.pull.number)) == 125


def test_a_pending_review_is_removed(api: RepositoryApi, shop: Shop) -> None:
    pending = shop.send("POST", f"{shop.pull_path}/reviews", {"body": "Draft"}).json()
    assert [(r.id, r.state) for r in api.reviews(shop.pull.number)] == [(pending["id"], "PENDING")]
    api.delete_pending_review(shop.pull.number, pending["id"])
    assert api.reviews(shop.pull.number) == []


def test_a_comment_of_a_deleted_account_has_no_author(api: RepositoryApi, shop: Shop) -> None:
    body = [{"id": 3, "user": None, "body": None}]
    shop.github.fail("GET", "/comments$", 200, body=body)
    [posted] = api.comments(shop.pull.number)
    assert (posted.id, posted.login, posted.body) == (3, "", "")
