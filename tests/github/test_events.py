"""What deliveries say."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.github.events import (
    Account,
    Event,
    Identity,
    Ignored,
    InstallationAdded,
    InstallationRemoved,
    InstallationSuspended,
    InvalidPayload,
    PermissionsChanged,
    Ping,
    PullClosed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Repository,
    Rerequested,
    ReviewWanted,
    parse,
)
from tests.github.payloads import (
    HEAD,
    INSTALLATION,
    REPOSITORY,
    Json,
    check_run,
    check_suite,
    envelope,
    from_deleted_fork,
    installation,
    listed_pull,
    pull_request,
    repository,
)

SHOP = Repository(REPOSITORY, "octo/shop")
US = Identity(app="1234", slug="reviewer")
BASE_CHANGED = {"base": {"ref": {"from": "main"}, "sha": {"from": "b" * 40}}}


def both(event: str, payload: Json, identity: Identity | None = None) -> Event:
    """The event from JSON text and from the decoded object, which are the same."""
    decoded = parse(event, payload, identity)
    assert parse(event, json.dumps(payload).encode(), identity) == decoded
    assert parse(event, bytearray(json.dumps(payload).encode()), identity) == decoded
    return decoded


@pytest.mark.parametrize("action", ["opened", "reopened", "synchronize", "ready_for_review"])
@pytest.mark.parametrize("build", [pull_request, from_deleted_fork])
def test_a_new_head_wants_a_review(build: Callable[[str], Json], action: str) -> None:
    assert both("pull_request", build(action)) == ReviewWanted(INSTALLATION, SHOP, 7, HEAD, action)


def test_a_new_base_wants_a_review() -> None:
    payload = pull_request("edited", changes=BASE_CHANGED)
    assert both("pull_request", payload) == ReviewWanted(INSTALLATION, SHOP, 7, HEAD, "base changed")


def test_a_new_title_does_not() -> None:
    payload = pull_request("edited", changes={"title": {"from": "old"}})
    assert both("pull_request", payload) == Ignored("the pull request was edited, but not its base")


def test_a_closed_pull_request_is_told() -> None:
    assert both("pull_request", pull_request("closed")) == PullClosed(INSTALLATION, SHOP, 7)


@pytest.mark.parametrize(
    ("external_id", "pulls", "numbers"),
    [
        ("pr:7", [], (7,)),
        ("pr:7:12", [listed_pull(3)], (7,)),
        ("pr:7:", [listed_pull(3)], (3,)),
        ("pr:7,pr:9", [listed_pull(3)], (7, 9)),
        ("pr:7,pr:7", [], (7,)),
        ("", [listed_pull(3), listed_pull(4)], (3, 4)),
        (None, [listed_pull(3)], (3,)),
        ("pr:", [listed_pull(3)], (3,)),
        ("pr:0", [], ()),
        ("pr:٧", [], ()),
        ("pr:7\n", [], ()),
        ("build-7", [listed_pull(3, repository=2), listed_pull(5)], (5,)),
    ],
)
def test_a_rerun_of_our_check_names_its_pull_requests(
    external_id: str | None, pulls: list[Json], numbers: tuple[int, ...]
) -> None:
    event = both("check_run", check_run(external_id, pulls), US)
    assert event == Rerequested(INSTALLATION, SHOP, HEAD, numbers, 4)


def test_a_rerun_of_the_suite_names_what_github_lists() -> None:
    event = both("check_suite", check_suite([listed_pull(3), listed_pull(3)]), US)
    assert event == Rerequested(INSTALLATION, SHOP, HEAD, (3,), None)
    assert both("check_suite", check_suite([]), US) == Rerequested(INSTALLATION, SHOP, HEAD, (), None)


@pytest.mark.parametrize(
    ("app", "ours"),
    [
        (Identity(app="1234"), True),
        (Identity(app="99"), False),
        (Identity(app="Iv23liABC"), True),
        (Identity(app="Iv23liXYZ"), False),
        (Identity(), True),
        (None, True),
    ],
)
def test_checks_of_other_apps_are_ignored(app: Identity | None, ours: bool) -> None:
    assert isinstance(both("check_run", check_run("pr:7", []), app), Rerequested if ours else Ignored)


def test_a_suite_of_another_app_is_ignored() -> None:
    assert both("check_suite", check_suite([]), Identity(app="99")) == Ignored("the check suite is another App's")


def test_a_client_id_is_no_reason_to_ignore_a_payload_without_one() -> None:
    run = check_run("pr:7", [], app={"id": 1234, "slug": "reviewer"})
    assert isinstance(both("check_run", run, Identity(app="Iv23liABC")), Rerequested)


@pytest.mark.parametrize("action", ["created", "unsuspend"])
def test_an_installation_that_works_is_told(action: str) -> None:
    payload = installation(action, repositories=[repository(), repository(5, "octo/docs")])
    expected = (SHOP, Repository(5, "octo/docs"))
    assert both("installation", payload) == InstallationAdded(INSTALLATION, Account(8, "octo"), expected)


def test_an_installation_need_not_list_repositories() -> None:
    assert both("installation", installation("unsuspend")) == InstallationAdded(INSTALLATION, Account(8, "octo"), ())


@pytest.mark.parametrize(
    ("account", "expected"), [({"id": 9, "slug": "big-corp"}, Account(9, "big-corp")), (None, None)]
)
def test_an_account_may_be_an_enterprise_or_unknown(account: Json | None, expected: Account | None) -> None:
    payload = installation("created")
    payload["installation"]["account"] = account
    assert both("installation", payload) == InstallationAdded(INSTALLATION, expected, ())


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("deleted", InstallationRemoved(INSTALLATION)),
        ("suspend", InstallationSuspended(INSTALLATION)),
        ("new_permissions_accepted", PermissionsChanged(INSTALLATION)),
    ],
)
def test_other_changes_of_an_installation_are_told(action: str, expected: Event) -> None:
    assert both("installation", installation(action)) == expected


def test_repositories_come_and_go() -> None:
    lists = {"repositories_added": [repository()], "repositories_removed": []}
    assert both("installation_repositories", installation("added", **lists)) == RepositoriesAdded(INSTALLATION, (SHOP,))
    lists = {"repositories_added": [], "repositories_removed": [repository()]}
    event = both("installation_repositories", installation("removed", **lists))
    assert event == RepositoriesRemoved(INSTALLATION, (SHOP,))


def test_ping() -> None:
    assert both("ping", {"zen": "Keep it logically awesome.", "hook_id": 1}) == Ping()


@pytest.mark.parametrize(
    ("event", "action"),
    [
        *(
            ("pull_request", a)
            for a in ("stacked", "converted_to_draft", "labeled", "unlabeled", "enqueued", "dequeued")
        ),
        *(("check_run", action) for action in ("created", "completed", "requested_action")),
        *(("check_suite", action) for action in ("requested", "completed")),
        *(("merge_group", action) for action in ("checks_requested", "destroyed")),
        ("github_app_authorization", "revoked"),
        ("installation_target", "renamed"),
        *(("repository", action) for action in ("renamed", "transferred", "deleted", "archived", "privatized")),
        ("pull_request_review_comment", "created"),
        ("pull_request_review_thread", "resolved"),
        ("pull_request_review_thread", "unresolved"),
        ("issue_comment", "created"),
        ("installation", "unheard_of"),
        ("unheard_of", "created"),
    ],
)
def test_what_is_not_used_is_ignored_whatever_it_holds(event: str, action: str) -> None:
    ignored = both(event, {"action": action, "pull_request": 5, "installation": {"id": 1}})
    assert isinstance(ignored, Ignored)
    assert event in ignored.reason


def test_a_push_has_no_action_and_is_ignored() -> None:
    assert both("push", {"ref": "refs/heads/main", "after": HEAD}) == Ignored("push events are not used")


@pytest.mark.parametrize("installation", ["absent", None])
def test_a_webhook_of_a_repository_is_ignored(installation: str | None) -> None:
    payload = pull_request("opened", installation=None)
    if installation == "absent":
        del payload["installation"]
    ignored = both("pull_request", payload)
    assert isinstance(ignored, Ignored)
    assert "no installation" in ignored.reason


def test_what_the_app_did_itself_is_ignored() -> None:
    ours = "reviewer[bot]"
    ignored = Ignored("it was caused by the App itself")
    assert both("pull_request", pull_request("synchronize", sender=ours), US) == ignored
    assert both("check_suite", check_suite([], sender=ours), US) == ignored
    assert both("pull_request", pull_request("synchronize", sender="other[bot]"), US) != ignored
    assert both("pull_request", pull_request("synchronize", sender=ours), Identity(app="1234")) != ignored


def test_a_rerun_asked_for_by_the_app_and_the_end_of_an_installation_count() -> None:
    ours = {"id": 3, "login": "reviewer[bot]"}
    assert isinstance(both("check_run", {**check_run("pr:7", []), "sender": ours}, US), Rerequested)
    assert isinstance(both("installation", {**installation("deleted"), "sender": ours}, US), InstallationRemoved)


WRONG: list[tuple[str, Json, str]] = [
    ("pull_request", pull_request("opened", repository=None), "repository"),
    ("pull_request", pull_request("opened", repository={"id": "5", "full_name": "o/r"}), "repository.id"),
    ("pull_request", pull_request("opened", repository={"id": True, "full_name": "o/r"}), "repository.id"),
    ("pull_request", pull_request("opened", repository={"id": 2**63, "full_name": "o/r"}), "repository.id"),
    ("pull_request", pull_request("opened", repository={"id": 5}), "repository.full_name"),
    ("pull_request", pull_request("opened", repository=repository(5, "o/r/../x")), "repository.full_name"),
    ("pull_request", pull_request("opened", repository=repository(5, "o/r\n")), "repository.full_name"),
    ("pull_request", pull_request("opened", installation={"id": None}), "installation.id"),
    ("pull_request", pull_request("opened", installation=[]), "installation"),
    ("pull_request", {**pull_request("opened"), "sender": "octocat"}, "sender"),
    ("pull_request", pull_request("opened", number=0), "pull_request.number"),
    ("pull_request", pull_request("opened", pull_request={"number": 7}), "pull_request.head"),
    ("pull_request", pull_request("opened", pull_request={"number": 7, "head": None}), "pull_request.head"),
    ("pull_request", pull_request("opened", pull_request={"number": 7, "head": {"sha": "A" * 40}}), "head.sha"),
    ("pull_request", pull_request("closed", pull_request=None), "pull_request"),
    ("pull_request", pull_request("edited"), "changes"),
    ("pull_request", pull_request("edited", changes={"base": "main"}), "changes.base"),
    ("pull_request", {"installation": {"id": 1}}, "action"),
    ("pull_request", {**envelope("opened"), "action": 3}, "action"),
    ("check_run", envelope("rerequested"), "check_run"),
    ("check_run", {**check_run("", []), "check_run": {"id": 4, "head_sha": "x"}}, "check_run.head_sha"),
    ("check_run", check_run("", [{"number": "3"}]), "check_run.pull_requests.0.number"),
    ("check_suite", {**check_suite([]), "check_suite": {"id": 4}}, "check_suite.head_sha"),
    ("installation", installation("created", repositories=[{"id": 1}]), "repositories.0.full_name"),
    ("installation", {"action": "created", "installation": {"id": 1, "account": {}}}, "installation.account.id"),
    ("installation_repositories", installation("added"), "repositories_added"),
]


@pytest.mark.parametrize(("event", "payload", "member"), WRONG)
def test_a_wrong_payload_is_named_by_its_member(event: str, payload: Json, member: str) -> None:
    for form in (payload, json.dumps(payload).encode()):
        with pytest.raises(InvalidPayload) as caught:
            parse(event, form)
        assert str(caught.value).split(": ")[0].endswith(member)


DEEP = b'{"action": "opened", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("event", ["pull_request", "ping", "unheard_of"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"7", b"\xff\xfe", b'{"a": 1} x', DEEP])
def test_what_is_no_json_object_is_refused(event: str, body: bytes) -> None:
    with pytest.raises(InvalidPayload):
        parse(event, body)


def test_messages_do_not_repeat_values() -> None:
    payload = pull_request("opened", repository=repository(5, "a secret/place!"))
    with pytest.raises(InvalidPayload) as caught:
        parse("pull_request", payload)
    assert "secret" not in str(caught.value)


def test_events_say_what_goes_into_the_log() -> None:
    event = parse("pull_request", pull_request("opened"))
    assert event.context == {"installation": INSTALLATION, "repository": "octo/shop", "head": HEAD}
    closed = parse("pull_request", pull_request("closed"))
    assert closed.context == {"installation": INSTALLATION, "repository": "octo/shop"}
    assert parse("installation", installation("deleted")).context == {"installation": INSTALLATION}
    assert parse("ping", {}).context == {}


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
STARTS = [
    ("pull_request", pull_request("opened")),
    ("pull_request", pull_request("edited", changes=BASE_CHANGED)),
    ("check_run", check_run("pr:7", [listed_pull(3)])),
    ("check_suite", check_suite([listed_pull(3)])),
    ("installation", installation("created", repositories=[repository()])),
]


@given(start=st.sampled_from(STARTS), value=ANY, data=st.data())
def test_any_value_anywhere_is_read_or_refused(start: tuple[str, Json], value: Any, data: st.DataObject) -> None:
    event, original = start
    payload = json.loads(json.dumps(original))
    place: Any = payload
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = value
    with suppress(InvalidPayload):
        parse(event, payload, US)
