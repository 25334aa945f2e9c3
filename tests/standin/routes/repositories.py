"""Operations on repositories: their data, commits, comparisons and contents."""

from __future__ import annotations

import base64
from urllib.parse import quote

from tests.standin import gitrepo, render, render_pull
from tests.standin.api import Answer, Call, Refusal, listed, page, route
from tests.standin.model import Json
from tests.standin.world import node_id

_MOST_FILES = 300
_MOST_COMMITS = 250
_MOST_BYTES = 1_048_576


@route("GET /repos/{owner}/{repo}", "metadata=read")
def show_repository(call: Call) -> Answer:
    return Answer(render.full_repository(call.world, call.repository))


@route("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests=read", "contents=read")
def list_pulls_of_commit(call: Call) -> Answer:
    sha = gitrepo.find(call.repository.path, call.path["commit_sha"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.path['commit_sha']}")
    found = [
        pull
        for pull in call.world.pulls_of(call.repository)
        if sha == pull.head_sha or sha in gitrepo.commits(call.repository.path, pull.base_sha, pull.head_sha)
    ]
    return listed(call, found, lambda pull: render_pull.simple(call.world, pull))


@route("GET /repos/{owner}/{repo}/compare/{basehead}", "contents=read")
def compare(call: Call) -> Answer:
    path = call.repository.path
    base, head = _ends(call)
    ancestor = gitrepo.merge_base(path, base, head)
    if ancestor is None:
        raise Refusal(404, f"No common ancestor between {base} and {head}.")
    ahead, behind = gitrepo.commits(path, base, head), gitrepo.commits(path, head, base)
    paged = "page" in call.query or "per_page" in call.query
    shas, headers = page(call, ahead) if paged else (list(ahead[-_MOST_COMMITS:]), {})
    first = call.query.get("page", 1) <= 1
    files = gitrepo.three_dot(path, base, head)[:_MOST_FILES] if first else ()
    urls = _comparison_urls(call, base, head)
    shown = {
        **urls,
        "base_commit": render.commit(call.world, call.repository, base),
        "merge_base_commit": render.commit(call.world, call.repository, ancestor),
        "status": _status(len(ahead), len(behind)),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [render.commit(call.world, call.repository, sha) for sha in shas],
        "files": [render.diff_entry(call.world, call.repository, head, file) for file in files],
    }
    return Answer(shown, 200, headers)


def _ends(call: Call) -> tuple[str, str]:
    left, dots, right = call.path["basehead"].partition("...")
    ends = [gitrepo.find(call.repository.path, end.rpartition(":")[2]) for end in (left, right)]
    if not dots or ends[0] is None or ends[1] is None:
        raise Refusal(404, "Not Found")
    return ends[0], ends[1]


def _status(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else ("behind" if behind else "identical")


def _comparison_urls(call: Call, base: str, head: str) -> Json:
    page_ = f"{render.html_url(call.world, call.repository)}/compare/{base}...{head}"
    api = f"{render.repository_url(call.world, call.repository)}/compare/{base}...{head}"
    return {
        "url": api,
        "html_url": page_,
        "permalink_url": page_,
        "diff_url": f"{page_}.diff",
        "patch_url": f"{page_}.patch",
    }


@route("GET /repos/{owner}/{repo}/contents/{path}", "contents=read")
def show_contents(call: Call) -> Answer:
    ref = call.query.get("ref", call.repository.default_branch)
    sha = gitrepo.find(call.repository.path, ref)
    if sha is None:
        raise Refusal(404, f"No commit found for the ref {ref}")
    entries = gitrepo.entries(call.repository.path, sha, call.path["path"])
    if not entries:
        raise Refusal(404, "Not Found")
    if entries[0].path != call.path["path"].strip("/"):
        return Answer([_entry(call, ref, entry) for entry in entries[:1000]])
    if entries[0].size > _MOST_BYTES:
        raise Refusal(403, "This API returns blobs up to 1 MB in size.")
    content = gitrepo.blob(call.repository.path, entries[0].sha)
    encoded = base64.encodebytes(content).decode()
    return Answer({**_entry(call, ref, entries[0]), "encoding": "base64", "content": encoded})


def _entry(call: Call, ref: str, entry: gitrepo.Entry) -> Json:
    api, site = render.repository_url(call.world, call.repository), render.html_url(call.world, call.repository)
    path = quote(entry.path)
    kind = {"tree": "dir", "blob": "file", "commit": "submodule"}[entry.kind]
    own, git, html = f"{api}/contents/{path}?ref={ref}", f"{api}/git/blobs/{entry.sha}", f"{site}/blob/{ref}/{path}"
    return {
        "type": kind,
        "size": entry.size,
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "url": own,
        "git_url": git,
        "html_url": html,
        "download_url": None,
        "_links": {"self": own, "git": git, "html": html},
    }


@route("GET /repos/{owner}/{repo}/git/ref/{ref}", "contents=read")
def show_ref(call: Call) -> Answer:
    ref = f"refs/{call.path['ref']}"
    sha = gitrepo.ref(call.repository.path, ref)
    if sha is None:
        raise Refusal(404, "Not Found")
    api = render.repository_url(call.world, call.repository)
    target = {"type": "commit", "sha": sha, "url": f"{api}/git/commits/{sha}"}
    return Answer({"ref": ref, "node_id": node_id("REF", 1), "url": f"{api}/git/{ref}", "object": target})


@route("GET /repos/{owner}/{repo}/rules/branches/{branch}", "metadata=read")
def list_rules(call: Call) -> Answer:
    return listed(call, call.world.rules.get(call.repository.id, []), lambda rule: rule)


@route("GET /repos/{owner}/{repo}/collaborators/{username}/permission", "metadata=read")
def show_permission(call: Call) -> Answer:
    login = call.path["username"]
    level = call.world.collaborators.get((call.repository.id, login.lower()), "none")
    account = call.world.users.get(login)
    if account is None:
        raise Refusal(404, "Not Found")
    shown = {"permission": level, "role_name": level, "user": _collaborator(call, login, level)}
    return Answer(shown)


def _collaborator(call: Call, login: str, level: str) -> Json:
    held = {"admin": level == "admin", "maintain": level == "admin", "pull": level != "none"}
    writes = level in ("admin", "write")
    return {
        **render.user(call.world, call.world.user(login)),
        "permissions": {**held, "push": writes, "triage": writes},
        "role_name": level,
    }
