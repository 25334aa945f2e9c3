"""Operations that read pull requests."""

from __future__ import annotations

from tests.standin import gitrepo, render, render_pull
from tests.standin.api import Answer, Call, listed, route
from tests.standin.model import PullRequest

_MOST_FILES = 3000


@route("GET /repos/{owner}/{repo}/pulls", "pull_requests=read")
def list_pulls(call: Call) -> Answer:
    found = [pull for pull in call.world.pulls_of(call.repository) if _wanted(call, pull)]
    updated = call.query.get("sort") == "updated"
    found.sort(key=lambda pull: (pull.updated_at if updated else "", pull.id))
    if call.query.get("direction", "desc") == "desc":
        found.reverse()
    return listed(call, found, lambda pull: render_pull.simple(call.world, pull))


def _wanted(call: Call, pull: PullRequest) -> bool:
    state = call.query.get("state", "open")
    base, head = call.query.get("base"), call.query.get("head")
    label = f"{pull.head_owner.login}:{pull.head_ref}"
    return state in ("all", pull.state) and base in (None, pull.base_ref) and head in (None, label)


@route("GET /repos/{owner}/{repo}/pulls/{pull_number}", "pull_requests=read")
def show_pull(call: Call) -> Answer:
    return Answer(render_pull.full(call.world, call.pull))


@route("GET /repos/{owner}/{repo}/pulls/{pull_number}/files", "pull_requests=read")
def list_files(call: Call) -> Answer:
    pull = call.pull
    files = gitrepo.three_dot(call.repository.path, pull.base_sha, pull.head_sha)[:_MOST_FILES]
    return listed(call, files, lambda file: render.diff_entry(call.world, call.repository, pull.head_sha, file))
