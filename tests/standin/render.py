"""Accounts, repositories, the App and commits as GitHub's API and webhooks show them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.standin import gitrepo
from tests.standin.diff import FileDiff
from tests.standin.model import Installation, Json, Repository, User
from tests.standin.world import World, node_id

_PLAIN = (
    *("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges", "stargazers"),
    *("subscribers", "subscription", "tags", "teams"),
)
_TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "statuses_url": "/statuses/{sha}",
    "trees_url": "/git/trees{/sha}",
}
_REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")


def user(world: World, account: User) -> Json:
    """A simple user."""
    url = f"{world.api_url}/users/{quote(account.login)}"
    page = account.login.removesuffix("[bot]")
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("U", account.id),
        "avatar_url": f"{world.url}/avatars/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.url}/apps/{page}" if account.type == "Bot" else f"{world.url}/{page}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": account.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(world: World, account: User) -> Json:
    """An organization as webhooks show it."""
    url = f"{world.api_url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("O", account.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{world.url}/avatars/u/{account.id}?v=4",
        "description": None,
    }


def repository_url(world: World, repository: Repository) -> str:
    return f"{world.api_url}/repos/{repository.full_name}"


def html_url(world: World, repository: Repository) -> str:
    return f"{world.url}/{repository.full_name}"


def repository(world: World, found: Repository) -> Json:
    """A repository as it is listed and sent."""
    url, page = repository_url(world, found), html_url(world, found)
    links = {f"{name}_url": f"{url}/{name}" for name in _PLAIN}
    links |= {name: url + rest for name, rest in _TEMPLATES.items()}
    return {
        "id": found.id,
        "node_id": node_id("R", found.id),
        "name": found.name,
        "full_name": found.full_name,
        "private": found.private,
        "owner": user(world, found.owner),
        "html_url": page,
        "description": None,
        "fork": found.fork,
        "url": url,
        **links,
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "pushed_at": found.created_at,
        "git_url": f"git:{page.partition(':')[2]}.git",
        "ssh_url": f"git@127.0.0.1:{found.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "visibility": "private" if found.private else "public",
        "default_branch": found.default_branch,
        **_repository_facts(world, found),
    }


def _repository_facts(world: World, found: Repository) -> Json:
    pulls = sum(pull.state == "open" for pull in world.pulls_of(found))
    flags = ("issues", "projects", "downloads", "wiki")
    counts = dict.fromkeys(("size", "stargazers_count", "watchers_count", "forks_count", "forks", "watchers"), 0)
    return {
        **counts,
        **{f"has_{name}": True for name in flags},
        "has_pages": False,
        "has_discussions": False,
        "language": "JavaScript",
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": pulls,
        "open_issues": pulls,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
    }


def full_repository(world: World, found: Repository) -> Json:
    """A repository as it is read alone."""
    permissions = {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True}
    return {
        **repository(world, found),
        "permissions": permissions,
        "organization": user(world, found.owner),
        "network_count": 0,
        "subscribers_count": 0,
    }


def pushed_repository(world: World, found: Repository) -> Json:
    """A repository as push events show it: its times are numbers."""
    shown = repository(world, found)
    shown["license"] = None
    return {**shown, "url": html_url(world, found), "stargazers": 0, "master_branch": found.default_branch}


def app(world: World) -> Json:
    """The App itself."""
    own = world.app
    return {
        "id": own.id,
        "slug": own.slug,
        "node_id": node_id("A", own.id),
        "client_id": own.client_id,
        "owner": user(world, world.user("app-owner")),
        "name": own.slug.title(),
        "description": "",
        "external_url": "https://example.com/reviewer",
        "html_url": f"{world.url}/apps/{own.slug}",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "permissions": dict(own.permissions),
        "events": list(own.events),
    }


def installation(world: World, found: Installation) -> Json:
    """An installation as the API and its own events show it."""
    return {
        "id": found.id,
        "account": user(world, found.account),
        "repository_selection": "selected",
        "access_tokens_url": f"{world.api_url}/app/installations/{found.id}/access_tokens",
        "repositories_url": f"{world.api_url}/installation/repositories",
        "html_url": f"{world.url}/organizations/{found.account.login}/settings/installations/{found.id}",
        "app_id": world.app.id,
        "app_slug": world.app.slug,
        "client_id": world.app.client_id,
        "target_id": found.account.id,
        "target_type": found.account.type,
        "permissions": dict(found.permissions),
        "events": list(world.app.events),
        "created_at": found.created_at,
        "updated_at": found.created_at,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": user(world, found.account) if found.suspended_at else None,
        "suspended_at": found.suspended_at,
    }


def listed_repository(found: Repository) -> Json:
    """A repository as installation events list it."""
    return {
        "id": found.id,
        "node_id": node_id("R", found.id),
        "name": found.name,
        "full_name": found.full_name,
        "private": found.private,
    }


def commit(world: World, found: Repository, sha: str) -> Json:
    """A commit as comparisons list it."""
    data = gitrepo.commit(found.path, sha)
    url, page = repository_url(world, found), html_url(world, found)
    people = [{"name": n, "email": e, "date": d} for n, e, d in (data.author, data.committer)]
    parents = [{"sha": p, "url": f"{url}/commits/{p}", "html_url": f"{page}/commit/{p}"} for p in data.parents]
    return {
        "url": f"{url}/commits/{sha}",
        "sha": sha,
        "node_id": f"C_{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{url}/commits/{sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{sha}",
            "author": people[0],
            "committer": people[1],
            "message": data.message,
            "comment_count": 0,
            "tree": {"sha": data.tree, "url": f"{url}/git/trees/{data.tree}"},
        },
        "author": None,
        "committer": None,
        "parents": parents,
    }


def head_commit(found: Repository, sha: str) -> Json:
    """A commit as check suites and merge groups show it."""
    data = gitrepo.commit(found.path, sha)
    return {
        "id": sha,
        "tree_id": data.tree,
        "message": data.message,
        "timestamp": data.committer[2],
        "author": {"name": data.author[0], "email": data.author[1]},
        "committer": {"name": data.committer[0], "email": data.committer[1]},
    }


def diff_entry(world: World, found: Repository, head: str, file: FileDiff) -> Json:
    """A changed file of a pull request or a comparison."""
    url, page, path = repository_url(world, found), html_url(world, found), quote(file.path)
    shown: dict[str, Any] = {
        "sha": file.sha,
        "filename": file.path,
        "status": file.status,
        "additions": file.additions,
        "deletions": file.deletions,
        "changes": file.additions + file.deletions,
        "blob_url": f"{page}/blob/{head}/{path}",
        "raw_url": f"{page}/raw/{head}/{path}",
        "contents_url": f"{url}/contents/{path}?ref={head}",
    }
    if file.patch is not None:
        shown["patch"] = file.patch
    if file.previous is not None:
        shown["previous_filename"] = file.previous
    return shown


def reactions(world: World, url: str, subject: int) -> Json:
    """How often each reaction was given to a comment."""
    given = [reaction.content for reaction in world.reactions if reaction.subject == subject]
    return {"url": f"{url}/reactions", "total_count": len(given), **{name: given.count(name) for name in _REACTIONS}}
