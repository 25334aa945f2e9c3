"""Operations on review comments and their reactions."""

from __future__ import annotations

from tests.standin import anchors, render_pull
from tests.standin.api import Answer, Call, Refusal, invalid, listed, route, unprocessable
from tests.standin.model import Comment, Json, Reaction, Review, User
from tests.standin.routes.reviews import new_comment, refuse_while_pending

_WRITE = "pull_requests=write"
_READ = "pull_requests=read"


@route("GET /repos/{owner}/{repo}/pulls/{pull_number}/comments", _READ)
def list_comments(call: Call) -> Answer:
    since = call.query.get("since", "")
    pending = {review.id for review in call.world.reviews_of(call.pull) if review.state == "PENDING"}
    found = [c for c in call.world.comments_of(call.pull) if c.updated_at >= since and c.review_id not in pending]
    if call.query.get("sort") in ("updated", "created"):
        name = f"{call.query['sort']}_at"
        found.sort(key=lambda entry: (str(getattr(entry, name)), entry.id))
    if call.query.get("direction") == "desc":
        found.reverse()
    return listed(call, found, lambda entry: render_pull.comment(call.world, entry))


@route("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments", _WRITE)
def create_comment(call: Call) -> Answer:
    body = call.body
    if call.pull.locked:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    if "in_reply_to" in body:
        return _reply(call, body["in_reply_to"])
    try:
        refuse_while_pending(call)
        return _commented(call, body)
    except Refusal as refusal:
        raise _by_field(refusal) from refusal


def _by_field(refusal: Refusal) -> Refusal:
    """The texts of a review's refusal as this operation tells them."""
    errors: list[str] = [e for e in refusal.answer.body.get("errors", ()) if isinstance(e, str)]
    return invalid("PullRequestReviewComment", "pull_request_review_thread", errors[0]) if errors else refusal


def _commented(call: Call, body: Json) -> Answer:
    pull = call.pull
    text, commit = anchors.check_body(body["body"]), anchors.commit_of(pull, body["commit_id"])
    on_file = body.get("subject_type") == "file"
    if on_file and body.keys() & {"line", "position", "start_line"}:
        raise invalid("PullRequestReviewComment", "pull_request_review_thread.line", "line must be nil")
    file = anchors.file_of(pull, commit, body["path"])
    place = None if on_file else anchors.anchor(pull, commit, body)
    comment = new_comment(call, _implicit_review(call, commit), text, file.path)
    if place is None:
        comment.subject_type = "file"
    else:
        anchors.place(comment, place)
        if commit != pull.head_sha:
            anchors.carry_one(pull, comment, (pull.base_sha, commit))
    return Answer(render_pull.comment(call.world, comment), 201)


def _implicit_review(call: Call, commit: str) -> Review:
    """GitHub makes a review without a body around every single comment."""
    world = call.world
    review = Review(world.next_id(), call.pull, world.bot, "", "COMMENTED", commit, world.now(), implicit=True)
    world.reviews.append(review)
    return review


@route("POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies", _WRITE)
def create_reply(call: Call) -> Answer:
    return _reply(call, call.path["comment_id"])


def _reply(call: Call, id: int) -> Answer:
    above = next((entry for entry in call.world.comments_of(call.pull) if entry.id == id), None)
    if above is None:
        raise Refusal(404, "Not Found")
    if above.in_reply_to is not None:
        raise unprocessable("in_reply_to must be a top-level comment")
    text = anchors.check_body(call.body["body"])
    reply = new_comment(call, _implicit_review(call, above.commit_id), text, above.path)
    reply.in_reply_to, reply.original_commit_id = above.id, above.original_commit_id
    for name in ("line", "start_line", "side", "start_side", "original_line", "original_start_line", "position"):
        setattr(reply, name, getattr(above, name))
    reply.original_position, reply.diff_hunk = above.original_position, above.diff_hunk
    reply.subject_type = above.subject_type
    return Answer(render_pull.comment(call.world, reply), 201)


def _comment(call: Call) -> Comment:
    for comment in call.world.comments:
        if comment.id == call.path["comment_id"] and comment.pull.repository is call.repository:
            return comment
    raise Refusal(404, "Not Found")


def _own(call: Call, author: User) -> None:
    if author != call.world.bot:
        raise Refusal(403, "Resource not accessible by integration")


@route("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}", _READ)
def show_comment(call: Call) -> Answer:
    return Answer(render_pull.comment(call.world, _comment(call)))


@route("PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}", _WRITE)
def update_comment(call: Call) -> Answer:
    comment = _comment(call)
    _own(call, comment.user)
    comment.body, comment.updated_at = anchors.check_body(call.body["body"]), call.world.now()
    return Answer(render_pull.comment(call.world, comment))


@route("DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}", _WRITE)
def delete_comment(call: Call) -> Answer:
    comment = _comment(call)
    _own(call, comment.user)
    call.world.comments.remove(comment)
    return Answer(None, 204)


@route("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", _WRITE)
def create_issue_comment(call: Call) -> Answer:
    if call.pull.locked:
        raise Refusal(403, "Unable to create comment because issue is locked.")
    comment = call.world.add_issue_comment(call.pull, call.world.bot, anchors.check_body(call.body["body"]))
    return Answer(render_pull.issue_comment(call.world, comment), 201)


@route("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", _WRITE)
def update_issue_comment(call: Call) -> Answer:
    for comment in call.world.issue_comments:
        if comment.id == call.path["comment_id"] and comment.pull.repository is call.repository:
            _own(call, comment.user)
            comment.body, comment.updated_at = anchors.check_body(call.body["body"]), call.world.now()
            return Answer(render_pull.issue_comment(call.world, comment))
    raise Refusal(404, "Not Found")


def _react(call: Call, subject: int) -> Answer:
    content = call.body["content"]
    for given in call.world.reactions:
        if (given.subject, given.user, given.content) == (subject, call.world.bot, content):
            return Answer(render_pull.reaction(call.world, given))
    reaction = Reaction(call.world.next_id(), subject, call.world.bot, content, call.world.now())
    call.world.reactions.append(reaction)
    return Answer(render_pull.reaction(call.world, reaction), 201)


@route("POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", _WRITE)
def react_to_comment(call: Call) -> Answer:
    return _react(call, _comment(call).id)


@route("POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", "issues=write", _WRITE)
def react_to_issue_comment(call: Call) -> Answer:
    id = call.path["comment_id"]
    if not any(entry.id == id and entry.pull.repository is call.repository for entry in call.world.issue_comments):
        raise Refusal(404, "Not Found")
    return _react(call, id)


@route("GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions", _READ)
def list_reactions(call: Call) -> Answer:
    wanted = call.query.get("content")
    comment = _comment(call)
    found = [r for r in call.world.reactions if r.subject == comment.id and wanted in (None, r.content)]

    def shown(entry: Reaction) -> Json:
        return render_pull.reaction(call.world, entry)

    return listed(call, found, shown)
