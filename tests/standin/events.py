"""Payloads of webhooks, and what has to happen in git and to comments before they are sent."""

from __future__ import annotations

from typing import Any

from tests.standin import anchors, deliver, gitrepo, render, render_check, render_pull
from tests.standin.model import (
    CheckRun,
    CheckSuite,
    Comment,
    Installation,
    IssueComment,
    Json,
    PullRequest,
    Reaction,
    Repository,
    Review,
    User,
)
from tests.standin.world import World, node_id


def installation(world: World, found: Installation, action: str) -> Json:
    repositories = [render.listed_repository(entry) for entry in found.repositories if not entry.deleted]
    return {
        "action": action,
        "installation": render.installation(world, found),
        "repositories": repositories,
        "requester": None,
        "sender": render.user(world, found.account),
    }


def repositories(world: World, found: Installation, added: list[Repository], removed: list[Repository]) -> Json:
    return {
        "action": "added" if added else "removed",
        "installation": render.installation(world, found),
        "repository_selection": "selected",
        "repositories_added": [render.listed_repository(entry) for entry in added],
        "repositories_removed": [render.listed_repository(entry) for entry in removed],
        "requester": None,
        "sender": render.user(world, found.account),
    }


def repository(world: World, found: Repository, action: str, **more: Any) -> Json:
    return {"action": action, **more, **deliver.envelope(world, found, world.user("octocat"))}


def pull_request(world: World, pull: PullRequest, action: str, **more: Any) -> Json:
    shown = render_pull.full(world, pull)
    envelope = deliver.envelope(world, pull.repository, pull.author)
    return {"action": action, "number": pull.number, "pull_request": shown, **more, **envelope}


def check_run(world: World, run: CheckRun, action: str, **more: Any) -> Json:
    envelope = deliver.envelope(world, run.repository, world.user("octocat"))
    return {"action": action, "check_run": render_check.sent_run(world, run), **more, **envelope}


def check_suite(world: World, suite: CheckSuite, action: str) -> Json:
    envelope = deliver.envelope(world, suite.repository, world.user("octocat"))
    return {"action": action, "check_suite": render_check.suite(world, suite), **envelope}


def issue_comment(world: World, comment: IssueComment) -> Json:
    pull = comment.pull
    return {
        "action": "created",
        "issue": render_pull.issue(world, pull),
        "comment": render_pull.issue_comment(world, comment),
        **deliver.envelope(world, pull.repository, comment.user),
    }


def review_comment(world: World, comment: Comment) -> Json:
    return {
        "action": "created",
        "comment": render_pull.comment(world, comment),
        "pull_request": render_pull.simple(world, comment.pull),
        **deliver.envelope(world, comment.pull.repository, comment.user),
    }


def queue(world: World, pull: PullRequest, group: Json, action: str, **more: Any) -> Json:
    envelope = deliver.envelope(world, pull.repository, pull.author)
    return {"action": action, "merge_group": group, **more, **envelope}


def push(world: World, found: Repository, branch: str, before: str, after: str) -> Json:
    shas = gitrepo.commits(found.path, before, after)[-2048:]
    commits = [_pushed(world, found, sha) for sha in shas]
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": not gitrepo.contains(found.path, after, before),
        "base_ref": None,
        "compare": f"{render.html_url(world, found)}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": _pushed(world, found, after),
        "pusher": {"name": "octocat", "email": "octocat@users.noreply.github.com"},
        **deliver.envelope(world, found, world.user("octocat")),
        "repository": render.pushed_repository(world, found),
    }


def _pushed(world: World, found: Repository, sha: str) -> Json:
    shown = render.head_commit(found, sha)
    base = (gitrepo.commit(found.path, sha).parents or (sha,))[0]
    files = gitrepo.two_dot(found.path, base, sha)
    names = {kind: [file.path for file in files if file.status == kind] for kind in ("added", "removed", "modified")}
    return {**shown, "distinct": True, "url": f"{render.html_url(world, found)}/commit/{sha}", **names}


def ping(world: World) -> Json:
    config = {"content_type": "json", "url": world.webhook_url or world.url, "insecure_ssl": "0"}
    hook = {
        "type": "App",
        "id": deliver.HOOK_ID,
        "name": "web",
        "active": True,
        "events": list(world.app.events),
        "config": config,
        "updated_at": "2026-01-01T00:00:00Z",
        "created_at": "2026-01-01T00:00:00Z",
        "app_id": world.app.id,
        "deliveries_url": f"{world.api_url}/app/hook/deliveries",
    }
    return {"zen": "Keep it logically awesome.", "hook_id": deliver.HOOK_ID, "hook": hook}


def label(world: World, pull: PullRequest, name: str) -> Json:
    id = world.next_id()
    return {
        "id": id,
        "node_id": node_id("LA", id),
        "url": f"{render.repository_url(world, pull.repository)}/labels/{name}",
        "name": name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def branch_of(repository: Repository, name: str, sha: str, new: str) -> str:
    """A branch for a commit that was given as itself: one that ends there, or a new one."""
    if gitrepo.ref(repository.path, f"refs/heads/{name}") is not None:
        return name
    ends = gitrepo.git(
        repository.path, "for-each-ref", "--format=%(refname:lstrip=2)", "--points-at", sha, "refs/heads"
    )
    found = ends.decode().split()
    if not found:
        gitrepo.set_ref(repository.path, f"refs/heads/{new}", sha)
    return found[0] if found else new


def point(pull: PullRequest, sha: str) -> None:
    """Makes the head reachable in the repository it asks to be merged into, as ``refs/pull/N/head``."""
    source, target = pull.head_repository, pull.repository.path
    if source is not None and source is not pull.repository:
        gitrepo.git(target, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(source.path), sha)
    gitrepo.set_ref(target, f"refs/pull/{pull.number}/head", sha)
    if source is not None:
        _move_branch(source, pull.head_ref, sha)


def _move_branch(repository: Repository, branch: str, sha: str) -> None:
    # A branch that is checked out stays: its work tree would no longer belong to it.
    ref = f"refs/heads/{branch}"
    if gitrepo.ref(repository.path, ref) not in (None, sha) and gitrepo.checked_out(repository.path) != branch:
        gitrepo.set_ref(repository.path, ref, sha)


def move(world: World, pull: PullRequest, base: str, head: str) -> None:
    """Gives a pull request another base and head, and takes its comments and reviews along."""
    before = (pull.base_sha, pull.head_sha)
    tip = gitrepo.find(pull.repository.path, base)
    if tip is None:
        raise ValueError(f"{pull.repository.full_name} has no branch {base}")
    point(pull, head)
    pull.base_ref, pull.base_sha, pull.head_sha, pull.updated_at = base, tip, head, world.now()
    anchors.carry(world, pull, before)
    for review in world.reviews_of(pull):
        review.commit_id = head


def reply(world: World, above: Comment, author: User, body: str) -> Comment:
    """A comment below another one, by somebody."""
    now = world.now()
    review = Review(world.next_id(), above.pull, author, "", "COMMENTED", above.commit_id, now, implicit=True)
    values = {**vars(above), "id": world.next_id(), "review_id": review.id, "user": author, "body": body}
    values |= {"created_at": now, "updated_at": now, "in_reply_to": above.in_reply_to or above.id, "minimized": None}
    comment = Comment(**values)
    world.reviews.append(review)
    world.comments.append(comment)
    return comment


def react(world: World, subject: int, author: User, content: str) -> None:
    world.reactions.append(Reaction(world.next_id(), subject, author, content, world.now()))


def merge_group(pull: PullRequest) -> Json:
    """The temporary commit of a merge queue, on a branch of its own."""
    path, base = pull.repository.path, gitrepo.find(pull.repository.path, pull.base_ref) or pull.base_sha
    tree = gitrepo.git(path, "merge-tree", "--write-tree", base, pull.head_sha).decode().split()[0]
    message = f"Merge pull request #{pull.number}"
    parents = ("-p", base, "-p", pull.head_sha)
    sha = gitrepo.git(path, "commit-tree", tree, *parents, "-m", message).decode().strip()
    ref = f"refs/heads/gh-readonly-queue/{pull.base_ref}/pr-{pull.number}-{base}"
    gitrepo.set_ref(path, ref, sha)
    return {
        "head_sha": sha,
        "head_ref": ref,
        "base_sha": base,
        "base_ref": f"refs/heads/{pull.base_ref}",
        "head_commit": render.head_commit(pull.repository, sha),
    }
