"""The manifest of the App, and what is read out of GitHub's answer to its code."""

from __future__ import annotations

from typing import Any

import pytest

from reviewer.github.app import PERMISSIONS
from reviewer.github.errors import Unsure
from reviewer.github.registration import (
    InvalidManifest,
    Manifest,
    Place,
    env_file,
    is_code,
    read_answer,
    read_manifest,
)
from reviewer.resources import app_manifest
from tests.standin import registration

# What each permission and event is for; an App asks for nothing that is not here.
EXPECTED_PERMISSIONS = {
    "metadata": "read",  # implied by all others; repository events
    "contents": "read",  # fetching by git; push events
    "pull_requests": "write",  # reviews and comments; their events
    "checks": "write",  # the check run; its events and its suite's
    "merge_queues": "read",  # merge_group
    "issues": "read",  # issue_comment, for commands in a conversation
}
EXPECTED_EVENTS = {
    "pull_request": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "issue_comment": "issues",
    "merge_group": "merge_queues",
    "check_run": "checks",
    "check_suite": "checks",
    "push": "contents",
    "repository": "metadata",
}
LEVELS = ("read", "write", "admin")
URL = "https://reviewer.example.com"
PLACE = Place("https://github.com", "https://api.github.com")
ANSWER = {
    "id": 7,
    "slug": "reviewer",
    "html_url": "https://github.com/apps/reviewer",
    "pem": "-----BEGIN RSA PRIVATE KEY-----",
    "webhook_secret": "0123456789abcdef",
    "client_secret": "unused",
}


def manifest() -> Manifest:
    return read_manifest(app_manifest())


def test_the_manifest_asks_for_what_is_needed_and_nothing_else() -> None:
    asked = {permission.name: permission.level for permission in manifest().permissions}
    assert asked == EXPECTED_PERMISSIONS
    assert sorted(manifest().events) == sorted(EXPECTED_EVENTS)


def test_every_event_has_its_permission_and_every_permission_its_use() -> None:
    for event, permission in EXPECTED_EVENTS.items():
        assert registration.EVENTS[event] == permission
    assert set(EXPECTED_EVENTS.values()) == set(EXPECTED_PERMISSIONS)


def test_tokens_have_no_permission_that_the_manifest_does_not_ask_for() -> None:
    for name, level in PERMISSIONS.items():
        assert LEVELS.index(level) <= LEVELS.index(EXPECTED_PERMISSIONS[name])


def test_every_permission_has_a_reason() -> None:
    assert [permission.name for permission in manifest().permissions if not permission.reason] == []


def test_github_accepts_the_manifest() -> None:
    document = manifest().of(URL, "reviewer of acme").document("http://127.0.0.1:8765/registered")
    assert registration.problems(document) == []
    assert (document["name"], document["url"], document["public"]) == ("reviewer of acme", URL, False)
    assert document["hook_attributes"] == {"url": f"{URL}/webhook", "active": True}


@pytest.mark.parametrize("name", ["", "n" * 35, " reviewer", "a\nb"])
def test_a_name_that_github_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(InvalidManifest, match="1 to 34 characters"):
        manifest().of(URL, name)


@pytest.mark.parametrize(
    ("text", "words"),
    [("- a", "valid dictionary"), ("name: [", "app.yml:1"), (f"{app_manifest()}\nsetup: 1\n", "setup: Extra inputs")],
)
def test_a_manifest_that_cannot_be_read_is_told(text: str, words: str) -> None:
    with pytest.raises(InvalidManifest, match=words):
        read_manifest(text)


def test_the_form_goes_to_the_account_or_the_organisation() -> None:
    assert PLACE.form_target("s t") == "https://github.com/settings/apps/new?state=s+t"
    place = Place("https://ghe.example.com", "https://ghe.example.com/api/v3", "acme")
    assert place.form_target("s") == "https://ghe.example.com/organizations/acme/settings/apps/new?state=s"


def test_an_answer_holds_the_credentials() -> None:
    found = read_answer(ANSWER, PLACE)
    assert (found.id, found.install_page) == (7, "https://github.com/apps/reviewer/installations/new")
    assert found.private_key.get_secret_value() == ANSWER["pem"]
    assert found.webhook_secret is not None
    assert found.webhook_secret.get_secret_value() == ANSWER["webhook_secret"]
    assert "0123456789abcdef" not in repr(found)


@pytest.mark.parametrize("secret", [None, ""])
def test_github_may_make_no_webhook_secret(secret: str | None) -> None:
    assert read_answer({**ANSWER, "webhook_secret": secret}, PLACE).webhook_secret is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "7"}, "id: "),
        ({"id": 0}, "id: "),
        ({"id": True}, "id: "),
        ({"slug": "../x"}, "slug: "),
        ({"pem": None}, "pem: "),
        ({"html_url": "https://github.com.example.com/apps/reviewer"}, "not below https://github.com"),
        ({"html_url": "javascript:x"}, "html_url: "),
        ({"webhook_secret": 1}, "webhook_secret: "),
    ],
)
def test_an_answer_that_makes_no_sense_is_told_without_its_secrets(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Unsure, match=words) as caught:
        read_answer({**ANSWER, **change}, PLACE)
    assert "0123456789abcdef" not in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "text", {}])
def test_an_answer_that_lacks_everything_is_told(data: object) -> None:
    with pytest.raises(Unsure):
        read_answer(data, PLACE)


def test_a_code_is_one_segment_of_a_path() -> None:
    assert is_code("0a1B-_")
    assert not any(map(is_code, ("", "a/b", "a b", "..", "ä", "a" * 201)))


def test_a_settings_file_has_one_setting_a_line() -> None:
    assert env_file({"A": "1", "B": "2"}, ["remark"]) == "# remark\nA=1\nB=2\n"
