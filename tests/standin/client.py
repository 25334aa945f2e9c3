"""A plain client for the stand-in's tests: a private repository, the App on it, and requests by hand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.standin.github import GitHub
from tests.standin.model import CheckRun, Installation, Json, PullRequest, Repository


@cache
def client() -> httpx.Client:
    """One client for all tests: making one reads certificates, which takes longer than a test."""
    return httpx.Client(trust_env=False, timeout=10)


_HEADERS = {"User-Agent": "tests", "X-GitHub-Api-Version": "2022-11-28"}


def app_token(github: GitHub, *, key: str | None = None, **claims: Any) -> str:
    """A JSON web token of the App; *claims* replace the good ones."""
    now = int(time.time())
    good = {"iat": now - 60, "exp": now + 300, "iss": str(github.app.id)}
    return jwt.encode({**good, **claims}, _loaded(key or github.app.private_key), algorithm="RS256")


@cache
def _loaded(pem: str) -> RSAPrivateKey:
    # Checking a key takes longer than a test, and these were made by ourselves.
    key = serialization.load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, RSAPrivateKey)
    return key


def send(
    github: GitHub, method: str, path: str, token: str | None, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    """One request below the API's root."""
    given = {"Authorization": f"Bearer {token}"} if token else {}
    return client().request(method, f"{github.api_url}{path}", headers={**_HEADERS, **given, **(headers or {})}, **more)


@dataclass
class Shop:
    """A repository with an open pull request."""

    github: GitHub
    repository: Repository
    installation: Installation
    pull: PullRequest
    known: str | None = None

    @property
    def path(self) -> str:
        return f"/repos/{self.repository.full_name}"

    @property
    def pull_path(self) -> str:
        return f"{self.path}/pulls/{self.pull.number}"

    def mint(self, **body: Any) -> httpx.Response:
        path = f"/app/installations/{self.installation.id}/access_tokens"
        return send(self.github, "POST", path, app_token(self.github), json=body)

    @property
    def token(self) -> str:
        if self.known is None:
            self.known = str(self.mint().json()["token"])
        return self.known

    @property
    def runs(self) -> list[CheckRun]:
        return self.github.check_runs(self.pull.head_sha, self.repository)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return send(self.github, "GET", path, self.token, params=query)

    def send(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        return send(self.github, method, path, self.token, json=body)

    def check(self, **body: Any) -> httpx.Response:
        """Posts a check run on the head."""
        good = {"name": "reviewer", "head_sha": self.pull.head_sha}
        return self.send("POST", f"{self.path}/check-runs", {**good, **body})

    def review(self, *comments: Json, **body: Any) -> httpx.Response:
        """Posts a review of the head."""
        good = {"event": "COMMENT", "body": "Hello", "commit_id": self.pull.head_sha, "comments": list(comments)}
        return self.send("POST", f"{self.pull_path}/reviews", {**good, **body})


def comment(line: int, path: str = "a.js", **more: Any) -> Json:
    """An entry of a review."""
    return {"path": path, "line": line, "side": "RIGHT", "body": "Why?", **more}
