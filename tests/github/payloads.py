"""Payloads as GitHub sends them, with the members we use and a few that we do not."""

from __future__ import annotations

from typing import Any

HEAD = "a" * 40
INSTALLATION = 51
REPOSITORY = 1296269

Json = dict[str, Any]


def repository(id: int = REPOSITORY, full_name: str = "octo/shop") -> Json:
    return {"id": id, "node_id": "R_1", "name": full_name.partition("/")[2], "full_name": full_name, "private": False}


def envelope(action: str, sender: str = "octocat") -> Json:
    """What every delivery to an App has."""
    return {
        "action": action,
        "repository": repository(),
        "installation": {"id": INSTALLATION, "node_id": "I_1"},
        "sender": {"id": 1, "login": sender, "type": "User"},
    }


def pull_request(action: str, number: int = 7, sender: str = "octocat", **members: Any) -> Json:
    head = {"ref": "topic", "sha": HEAD, "repo": repository()}
    pull = {"id": 90, "number": number, "draft": False, "head": head, "base": {"ref": "main", "repo": repository()}}
    return {**envelope(action, sender), "number": number, "pull_request": pull, **members}


def from_deleted_fork(action: str) -> Json:
    """A pull request whose fork is gone."""
    payload = pull_request(action)
    payload["pull_request"]["head"]["repo"] = None
    return payload


def listed_pull(number: int, repository: int = REPOSITORY) -> Json:
    """A pull request as checks list it."""
    return {"id": 900 + number, "number": number, "head": {"sha": HEAD}, "base": {"repo": {"id": repository}}}


def check_run(external_id: str | None, pulls: list[Json], app: Json | None = None, action: str = "rerequested") -> Json:
    run = {
        "id": 4,
        "head_sha": HEAD,
        "external_id": external_id,
        "app": app or {"id": 1234, "slug": "reviewer", "client_id": "Iv23liABC"},
        "pull_requests": pulls,
    }
    return {**envelope(action), "check_run": run}


def check_suite(pulls: list[Json], action: str = "rerequested", sender: str = "octocat") -> Json:
    suite = {"id": 5, "head_sha": HEAD, "app": {"id": 1234, "slug": "reviewer"}, "pull_requests": pulls}
    return {**envelope(action, sender), "check_suite": suite}


def installation(action: str, **members: Any) -> Json:
    who = {"id": INSTALLATION, "account": {"id": 8, "login": "octo", "type": "Organization"}, "app_id": 1234}
    return {"action": action, "installation": who, "sender": {"id": 1, "login": "octocat"}, **members}
