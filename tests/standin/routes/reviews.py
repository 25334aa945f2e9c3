"""Operations on reviews."""

from __future__ import annotations

from tests.standin import anchors, render_pull
from tests.standin.api import Answer, Call, Refusal, listed, route, unprocessable
from tests.standin.model import Comment, Json, Review

_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
# More were seen to be created and answered with an error all the same (github.md 4.3).
_MOST_COMMENTS = 30


def refuse_while_pending(call: Call) -> None:
    """A pending review of ours blocks every further one."""
    if any(r.state == "PENDING" and r.user == call.world.bot for r in call.world.reviews_of(call.pull)):
        raise unprocessable("User can only have one pending review per pull request")


@route("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull_requests=write")
def create_review(call: Call) -> Answer:
    pull, body = call.pull, call.body
    if pull.locked:
        raise unprocessable("lock prevents review")
    refuse_while_pending(call)
    event = body.get("event")
    text = anchors.check_length(body.get("body") or "")
    commit = anchors.commit_of(pull, body.get("commit_id"))
    entries: list[Json] = body.get("comments") or []
    if event in ("COMMENT", "REQUEST_CHANGES") and not text and not entries:
        raise unprocessable("Review body can't be blank")
    places = [(entry, anchors.check_body(entry["body"]), anchors.anchor(pull, commit, entry)) for entry in entries]
    world, now = call.world, call.world.now()
    state = _STATES[event] if event else "PENDING"
    review = Review(world.next_id(), pull, world.bot, text, state, commit, now if event else None)
    world.reviews.append(review)
    for _, words, place in places:
        comment = new_comment(call, review, words, place.path)
        anchors.place(comment, place)
        if commit != pull.head_sha:
            anchors.carry_one(pull, comment, (pull.base_sha, commit))
    if len(entries) > _MOST_COMMENTS:
        raise Refusal(502, "Server Error")
    return Answer(render_pull.review(world, review))


def new_comment(call: Call, review: Review, body: str, path: str) -> Comment:
    """A comment of a review, kept."""
    now, commit = call.world.now(), review.commit_id
    comment = Comment(call.world.next_id(), review.pull, review.id, review.user, body, path, commit, commit, now, now)
    call.world.comments.append(comment)
    return comment


@route("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pull_requests=read")
def list_reviews(call: Call) -> Answer:
    return listed(call, call.world.reviews_of(call.pull), lambda entry: render_pull.review(call.world, entry))


def _review(call: Call) -> Review:
    for review in call.world.reviews_of(call.pull):
        if review.id == call.path["review_id"]:
            return review
    raise Refusal(404, "Not Found")


@route("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments", "pull_requests=read")
def list_comments_of_review(call: Call) -> Answer:
    review = _review(call)
    comments = [entry for entry in call.world.comments_of(call.pull) if entry.review_id == review.id]
    return listed(call, comments, lambda entry: render_pull.comment(call.world, entry))


@route("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", "pull_requests=write")
def update_review(call: Call) -> Answer:
    review = _review(call)
    if review.user != call.world.bot:
        raise Refusal(403, "Resource not accessible by integration")
    review.body = anchors.check_length(call.body["body"])
    return Answer(render_pull.review(call.world, review))


@route("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", "pull_requests=write")
def delete_review(call: Call) -> Answer:
    review = _review(call)
    if review.state != "PENDING" or review.user != call.world.bot:
        raise unprocessable("Can not delete a non-pending pull request review")
    shown = render_pull.review(call.world, review)
    call.world.reviews.remove(review)
    call.world.comments[:] = [entry for entry in call.world.comments if entry.review_id != review.id]
    return Answer(shown)
