"""Apps are registered from manifests as GitHub does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.standin import GitHub
from tests.standin.client import client

HEADERS = {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "test"}
GOOD = {
    "name": "reviewer",
    "url": "https://reviewer.example.com",
    "hook_attributes": {"url": "https://reviewer.example.com/webhook"},
    "redirect_url": "http://127.0.0.1:8765/registered",
    "default_permissions": {"issues": "read"},
    "default_events": ["issue_comment", "repository"],
}


@pytest.fixture(scope="module")
def standin() -> Iterator[GitHub]:
    """One whose clock can be moved."""
    with GitHub() as github:
        yield github


@pytest.fixture
def github(standin: GitHub) -> Iterator[GitHub]:
    yield standin
    assert standin.violations == []


def post(github: GitHub, manifest: Any, path: str = "/settings/apps/new") -> httpx.Response:
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return client().post(f"{github.git_url}{path}", params={"state": "a&b"}, data={"manifest": text})


def convert(github: GitHub, code: str) -> httpx.Response:
    return client().post(f"{github.api_url}/app-manifests/{code}/conversions", headers=HEADERS)


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code == 302
    target = httpx.URL(answer.headers["location"])
    assert (str(target.copy_with(query=None)), target.params["state"]) == (GOOD["redirect_url"], "a&b")
    return target.params["code"]


def test_a_code_is_good_for_the_credentials_once(github: GitHub) -> None:
    code = code_of(post(github, GOOD))
    answer = convert(github, code)
    assert answer.status_code == 201
    assert (answer.json()["pem"], answer.json()["webhook_secret"]) == (
        github.app.private_key,
        github.app.webhook_secret,
    )
    assert convert(github, code).status_code == 404


def test_a_code_is_good_for_an_hour(github: GitHub) -> None:
    code = code_of(post(github, GOOD))
    github.advance(3601)
    assert convert(github, code).status_code == 404


def test_an_organisation_owns_what_is_registered_on_its_page(github: GitHub) -> None:
    code_of(post(github, GOOD, "/organizations/acme/settings/apps/new"))
    assert github.registrations[-1].owner == "acme"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"default_permissions": {"pull_requests": "write"}},
            "Default events are not supported by permissions: issue_comment",
        ),
        ({"default_events": ["stars"]}, "Default events unsupported: stars"),
        ({"default_permissions": {"isues": "read"}}, "not included in the list: isues"),
        ({"name": "n" * 35}, "Name is too long (maximum is 34 characters)"),
        ({"hook_attributes": {"url": "http://reviewer.example.com/webhook"}}, "Hook url must be https"),
        ({"hook_attributes": {"url": "https://127.0.0.1/webhook"}}, "isn't reachable over the public Internet"),
        ({"url": None}, "Homepage URL must be a valid URL"),
        ({"redirect_url": ""}, "Redirect url must be a valid URL"),
    ],
)
def test_a_manifest_is_refused_with_the_reason(github: GitHub, change: dict[str, Any], words: str) -> None:
    before = len(github.registrations)
    answer = post(github, {**GOOD, **change})
    assert answer.status_code == 422
    assert words in answer.text
    assert len(github.registrations) == before


def test_what_is_no_manifest_is_refused(github: GitHub) -> None:
    assert post(github, "{").status_code == 422
    assert post(github, []).status_code == 422


def test_unknown_keys_are_ignored(github: GitHub) -> None:
    code_of(post(github, {**GOOD, "version": "v1"}))
