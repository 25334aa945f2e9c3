"""Pull requests, their reviews and their comments as GitHub's API and webhooks show them."""

from __future__ import annotations

from tests.standin import gitrepo, render
from tests.standin.model import Comment, IssueComment, Json, PullRequest, Reaction, Repository, Review, User
from tests.standin.world import World, node_id


def url_of(world: World, pull: PullRequest) -> str:
    return f"{render.repository_url(world, pull.repository)}/pulls/{pull.number}"


def page_of(world: World, pull: PullRequest) -> str:
    return f"{render.html_url(world, pull.repository)}/pull/{pull.number}"


def _branch(world: World, owner: User, ref: str, sha: str, repository: Repository | None) -> Json:
    return {
        "label": f"{owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": render.user(world, owner),
        "repo": render.repository(world, repository) if repository and not repository.deleted else None,
    }


def _links(world: World, pull: PullRequest) -> dict[str, str]:
    repository = render.repository_url(world, pull.repository)
    url = f"{repository}/pulls/{pull.number}"
    return {
        "self": url,
        "html": page_of(world, pull),
        "issue": f"{repository}/issues/{pull.number}",
        "comments": f"{repository}/issues/{pull.number}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{repository}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{repository}/statuses/{pull.head_sha}",
    }


def simple(world: World, pull: PullRequest) -> Json:
    """A pull request as it is listed."""
    links = _links(world, pull)
    named = {f"{name}_url": link for name, link in links.items() if name not in ("self", "html")}
    return {
        "url": links["self"],
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": links["html"],
        "diff_url": f"{links['html']}.diff",
        "patch_url": f"{links['html']}.patch",
        **named,
        "number": pull.number,
        "state": pull.state,
        "locked": pull.locked,
        "title": pull.title,
        "user": render.user(world, pull.author),
        "body": pull.body,
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": list(pull.labels),
        "milestone": None,
        "draft": pull.draft,
        "head": _branch(world, pull.head_owner, pull.head_ref, pull.head_sha, pull.head_repository),
        "base": _branch(world, pull.repository.owner, pull.base_ref, pull.base_sha, pull.repository),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": "CONTRIBUTOR",
        "auto_merge": None,
        "active_lock_reason": None,
    }


def full(world: World, pull: PullRequest) -> Json:
    """A pull request as it is read alone and sent."""
    path = pull.repository.path
    files = gitrepo.three_dot(path, pull.base_sha, pull.head_sha)
    merged = pull.merged_at is not None
    return {
        **simple(world, pull),
        "merged": merged,
        "mergeable": None,
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": render.user(world, pull.author) if merged else None,
        "comments": sum(comment.pull is pull for comment in world.issue_comments),
        "review_comments": len(world.comments_of(pull)),
        "maintainer_can_modify": False,
        "commits": len(gitrepo.commits(path, pull.base_sha, pull.head_sha)),
        "additions": sum(file.additions for file in files),
        "deletions": sum(file.deletions for file in files),
        "changed_files": len(files),
    }


def minimal(world: World, pull: PullRequest) -> Json:
    """A pull request as check runs and suites name it."""
    repository = {
        "id": pull.repository.id,
        "url": render.repository_url(world, pull.repository),
        "name": pull.repository.name,
    }
    return {
        "url": url_of(world, pull),
        "id": pull.id,
        "number": pull.number,
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repository},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repository},
    }


def review(world: World, found: Review) -> Json:
    """A review."""
    url = url_of(world, found.pull)
    page = f"{page_of(world, found.pull)}#pullrequestreview-{found.id}"
    shown = {
        "id": found.id,
        "node_id": node_id("PRR", found.id),
        "user": render.user(world, found.user),
        "body": found.body,
        "state": found.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": "NONE",
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": found.commit_id,
    }
    return shown if found.submitted_at is None else {**shown, "submitted_at": found.submitted_at}


def comment(world: World, found: Comment) -> Json:
    """A review comment."""
    url = f"{render.repository_url(world, found.pull.repository)}/pulls/comments/{found.id}"
    page, pull = f"{page_of(world, found.pull)}#discussion_r{found.id}", url_of(world, found.pull)
    shown = {
        "url": url,
        "pull_request_review_id": found.review_id,
        "id": found.id,
        "node_id": node_id("PRRC", found.id),
        "diff_hunk": found.diff_hunk,
        "path": found.path,
        "commit_id": found.commit_id,
        "original_commit_id": found.original_commit_id,
        "user": render.user(world, found.user),
        "body": found.body,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "html_url": page,
        "pull_request_url": pull,
        "author_association": "NONE",
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull}},
        "reactions": render.reactions(world, url, found.id),
        **_place(found),
    }
    return shown if found.in_reply_to is None else {**shown, "in_reply_to_id": found.in_reply_to}


def _place(found: Comment) -> Json:
    return {
        "subject_type": found.subject_type,
        "start_line": found.start_line,
        "original_start_line": found.original_start_line,
        "start_side": found.start_side,
        "line": found.line,
        "original_line": found.original_line,
        "side": found.side,
        "position": found.position,
        "original_position": found.original_position,
    }


def issue_comment(world: World, found: IssueComment) -> Json:
    """A comment in the conversation."""
    repository = render.repository_url(world, found.pull.repository)
    url = f"{repository}/issues/comments/{found.id}"
    return {
        "url": url,
        "html_url": f"{page_of(world, found.pull)}#issuecomment-{found.id}",
        "issue_url": f"{repository}/issues/{found.pull.number}",
        "id": found.id,
        "node_id": node_id("IC", found.id),
        "user": render.user(world, found.user),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "author_association": "NONE",
        "body": found.body,
        "reactions": render.reactions(world, url, found.id),
        "performed_via_github_app": render.app(world) if found.user.login == world.app.login else None,
    }


def issue(world: World, pull: PullRequest) -> Json:
    """A pull request as ``issue_comment`` shows it."""
    shown, links = simple(world, pull), _links(world, pull)
    kept = ("id", "number", "title", "user", "labels", "state", "locked", "assignee", "assignees", "milestone")
    url = links["issue"]
    return {
        **{name: shown[name] for name in kept},
        "node_id": shown["node_id"],
        "url": url,
        "repository_url": render.repository_url(world, pull.repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": links["comments"],
        "events_url": f"{url}/events",
        "html_url": links["html"],
        "comments": sum(comment.pull is pull for comment in world.issue_comments),
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "author_association": "CONTRIBUTOR",
        "active_lock_reason": None,
        "draft": pull.draft,
        "pull_request": {
            "url": links["self"],
            "html_url": links["html"],
            "diff_url": f"{links['html']}.diff",
            "patch_url": f"{links['html']}.patch",
            "merged_at": pull.merged_at,
        },
        "body": pull.body,
        "reactions": render.reactions(world, url, pull.id),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": None,
    }


def reaction(world: World, found: Reaction) -> Json:
    """A reaction to a comment."""
    return {
        "id": found.id,
        "node_id": node_id("REA", found.id),
        "user": render.user(world, found.user),
        "content": found.content,
        "created_at": found.created_at,
    }
