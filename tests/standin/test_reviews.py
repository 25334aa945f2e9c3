"""Reviews and comments as strictly as GitHub takes them."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.materialise import git
from tests.helpers import commit
from tests.standin.client import Shop, client, comment
from tests.standin.conftest import CHANGED, text
from tests.standin.model import Json


def errors(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return list(answer.json()["errors"])


def test_a_review_is_posted_with_its_comments(shop: Shop) -> None:
    posted = shop.review(comment(20), comment(18, start_line=17), comment(1, "b.js"), comment(40, side="LEFT"))
    assert (posted.status_code, posted.json()["state"]) == (200, "COMMENTED")
    [review] = shop.github.reviews(shop.pull)
    assert (review.body, review.commit_id) == ("Hello", shop.pull.head_sha)
    places = [(c.path, c.start_line, c.line, c.side) for c in shop.github.comments(shop.pull)]
    assert places == [
        ("a.js", None, 20, "RIGHT"),
        ("a.js", 17, 18, "RIGHT"),
        ("b.js", None, 1, "RIGHT"),
        ("a.js", None, 40, "LEFT"),
    ]
    listed = shop.get(f"{shop.pull_path}/reviews/{review.id}/comments").json()
    assert [entry["id"] for entry in listed] == [c.id for c in shop.github.comments(shop.pull)]
    assert listed[0]["diff_hunk"].endswith("-line 20\n+line 20, changed")
    assert listed[0]["user"]["login"] == "reviewer[bot]"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (comment(30), "Line could not be resolved"),
        (comment(60), "Line could not be resolved"),
        (comment(21, side="LEFT"), "Line could not be resolved"),
        (comment(1, "unchanged.js"), "Path could not be resolved"),
        (comment(20, start_line=20), "Pull request review thread start line must precede the end line."),
        (
            comment(38, start_line=18),
            "Pull request review thread start line must be part of the same hunk as the line.",
        ),
        (comment(20, body=" "), "Body can't be blank"),
        (comment(20, body="b" * 65537), "Body is too long (maximum is 65536 characters)"),
    ],
)
def test_one_bad_comment_refuses_the_review_without_naming_it(refusing: Shop, entry: Json, message: str) -> None:
    assert errors(refusing.review(comment(20), entry)) == [message]
    assert refusing.github.reviews(refusing.pull) == []
    assert refusing.github.comments(refusing.pull) == []


def test_the_kind_of_subject_is_no_part_of_a_review(shop: Shop) -> None:
    entry = {"path": "a.js", "body": "Why?", "subject_type": "file"}
    assert shop.review(entry).status_code == 422
    assert "'subject_type' was unexpected" in shop.github.violations.pop()


def test_a_commit_of_another_branch_is_refused(shop: Shop) -> None:
    assert errors(shop.review(commit_id=shop.pull.base_sha)) == ["commit_id is not part of the pull request"]


def test_a_comment_review_needs_words(shop: Shop) -> None:
    assert shop.review(body="").status_code == 422
    assert shop.review(comment(20), body="").status_code == 200
    assert errors(shop.review(body="b" * 65537)) == ["Body is too long (maximum is 65536 characters)"]


def test_a_pending_review_blocks_until_it_is_deleted(shop: Shop) -> None:
    pending = shop.send("POST", f"{shop.pull_path}/reviews", {"body": "Draft"}).json()
    assert pending["state"] == "PENDING"
    assert "submitted_at" not in pending
    blocked = ["User can only have one pending review per pull request"]
    assert errors(shop.review()) == blocked
    assert shop.send("DELETE", f"{shop.pull_path}/reviews/{pending['id']}").status_code == 200
    posted = shop.review()
    assert posted.status_code == 200
    assert shop.send("DELETE", f"{shop.pull_path}/reviews/{posted.json()['id']}").status_code == 422


def test_many_comments_are_created_and_answered_with_an_error(shop: Shop) -> None:
    assert shop.review(*[comment(20)] * 31).status_code == 502
    assert len(shop.github.comments(shop.pull)) == 31


def test_a_locked_pull_request_takes_no_words(shop: Shop) -> None:
    shop.github.lock(shop.pull)
    assert errors(shop.review()) == ["lock prevents review"]
    file = {"path": "a.js", "commit_id": shop.pull.head_sha, "body": "Why?", "subject_type": "file"}
    assert shop.send("POST", f"{shop.pull_path}/comments", file).status_code == 403
    assert shop.check().status_code == 201


def test_a_file_of_the_diff_is_commented(shop: Shop) -> None:
    body = {"path": "a.js", "commit_id": shop.pull.head_sha, "body": "Why?", "subject_type": "file"}
    posted = shop.send("POST", f"{shop.pull_path}/comments", body)
    assert (posted.status_code, posted.json()["line"], posted.json()["subject_type"]) == (201, None, "file")
    refused = shop.send("POST", f"{shop.pull_path}/comments", {**body, "path": "unchanged.js"})
    assert refused.json()["errors"][0]["message"] == "Path could not be resolved"
    assert shop.send("POST", f"{shop.pull_path}/comments", {**body, "line": 20}).status_code == 422


def test_a_comment_is_answered_edited_and_deleted(shop: Shop) -> None:
    shop.review(comment(20))
    [first] = shop.github.comments(shop.pull)
    reply = shop.send("POST", f"{shop.pull_path}/comments/{first.id}/replies", {"body": "Because."}).json()
    assert (reply["in_reply_to_id"], reply["line"]) == (first.id, 20)
    assert shop.send("POST", f"{shop.pull_path}/comments/{reply['id']}/replies", {"body": "No."}).status_code == 422
    path = f"{shop.path}/pulls/comments/{first.id}"
    assert shop.send("PATCH", path, {"body": "Never mind"}).json()["body"] == "Never mind"
    assert shop.send("DELETE", path).status_code == 204
    assert shop.get(path).status_code == 404


def test_the_comments_of_others_stay(shop: Shop) -> None:
    shop.review(comment(20))
    answer = shop.github.reply(shop.github.comments(shop.pull)[0], "Because.")
    path = f"{shop.path}/pulls/comments/{answer.id}"
    assert shop.send("PATCH", path, {"body": "Mine"}).status_code == 403
    assert shop.send("DELETE", path).status_code == 403


def test_comments_move_with_the_head_or_are_outdated(shop: Shop) -> None:
    shop.review(comment(20), comment(1, "b.js"), comment(40, side="LEFT"))
    reviewed, folder = shop.pull.head_sha, shop.repository.path
    git(folder, "checkout", "--quiet", "feature")
    commit(folder, {"a.js": text(["new", *CHANGED]), "b.js": "another\nsecond\n"})
    head = shop.github.push(shop.pull)
    moved, outdated, left = shop.get(f"{shop.pull_path}/comments").json()
    assert (moved["line"], moved["original_line"], moved["commit_id"]) == (21, 20, head)
    assert (outdated["line"], outdated["original_line"], outdated["position"]) == (None, 1, None)
    assert (left["line"], outdated["original_commit_id"]) == (40, reviewed)
    assert shop.get(f"{shop.pull_path}/reviews").json()[0]["commit_id"] == head


def test_a_reaction_is_given_once(shop: Shop) -> None:
    shop.review(comment(20))
    [found] = shop.github.comments(shop.pull)
    path = f"{shop.path}/pulls/comments/{found.id}/reactions"
    assert [shop.send("POST", path, {"content": "eyes"}).status_code for _ in range(2)] == [201, 200]
    shop.github.react(found, "-1")
    assert [entry["content"] for entry in shop.get(path, content="-1").json()] == ["-1"]
    assert shop.get(f"{shop.path}/pulls/comments/{found.id}").json()["reactions"]["total_count"] == 2


def test_the_conversation_takes_comments(shop: Shop) -> None:
    path = f"{shop.path}/issues/{shop.pull.number}/comments"
    posted = shop.send("POST", path, {"body": "Hello"}).json()
    edited = shop.send("PATCH", f"{shop.path}/issues/comments/{posted['id']}", {"body": "Hello again"})
    assert edited.json()["body"] == "Hello again"
    assert [entry.body for entry in shop.github.issue_comments(shop.pull)] == ["Hello again"]
    reactions = f"{shop.path}/issues/comments/{posted['id']}/reactions"
    assert shop.send("POST", reactions, {"content": "eyes"}).status_code == 201


def minimize(shop: Shop, subject: str, classifier: str = "OUTDATED") -> Json:
    wanted = "minimizeComment(input: $input) { minimizedComment { isMinimized } }"
    query = f"mutation($input: MinimizeCommentInput!) {{ {wanted} }}"
    body = {"query": query, "variables": {"input": {"subjectId": subject, "classifier": classifier}}}
    url = shop.github.api_url.replace("/api/v3", "/api/graphql")
    answer = client().post(url, json=body, headers={"Authorization": f"bearer {shop.token}"})
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_comment_is_hidden_by_graphql(shop: Shop) -> None:
    shop.review(comment(20))
    [found] = shop.get(f"{shop.pull_path}/comments").json()
    assert minimize(shop, found["node_id"])["data"]["minimizeComment"]["minimizedComment"]["isMinimized"] is True
    assert shop.github.comments(shop.pull)[0].minimized == "OUTDATED"
    assert minimize(shop, "PRRC_nothing")["errors"][0]["type"] == "NOT_FOUND"
