"""The App's tokens and clients: few tokens with few rights, one client per thread, nothing written twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from reviewer import __version__
from reviewer.github.app import FEWER, IDLE_CLIENTS, PERMISSIONS, GitHubApp
from reviewer.github.errors import GitHubError, Gone, NotInstalled, RateLimited, Refused, Unauthorised, Unsure
from reviewer.github.repository import RepositoryApi
from tests.github.answers import Answer, Answers, answering
from tests.service.process import until
from tests.standin import GitHub, Request
from tests.standin.auth import key_pair
from tests.standin.client import Shop


def minted(hub: GitHub) -> list[Request]:
    return [request for request in hub.requests if request.path.endswith("/access_tokens")]


def made(hub: GitHub, method: str, end: str) -> list[int]:
    """The statuses of requests of one kind."""
    return [r.status for r in hub.requests if r.method == method and r.path.endswith(end)]


def token(app: GitHubApp, shop: Shop) -> str:
    return app.token(shop.installation.id, shop.repository.id)


@contextmanager
def opened(app: GitHubApp, shop: Shop) -> Iterator[RepositoryApi]:
    with app.repository(shop.installation.id, shop.repository.id, shop.repository.full_name) as api:
        yield api


# -- tokens --------------------------------------------------


def test_threads_that_race_for_a_token_mint_one(app: GitHubApp, shop: Shop) -> None:
    start = threading.Barrier(6)

    def race(_: int) -> str:
        start.wait()
        return token(app, shop)

    with ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(race, range(6)))
    assert len(tokens) == 1
    assert len(minted(shop.github)) == 1


def test_a_token_is_for_one_repository_and_has_no_right_that_is_not_used(app: GitHubApp, shop: Shop) -> None:
    other = shop.github.add_repository(f"{shop.repository.full_name}-other", shop.repository.path, private=True)
    shop.github.add_to_installation(shop.installation, other, deliver=False)
    assert token(app, shop) != app.token(shop.installation.id, other.id)
    assert [request.body for request in minted(shop.github)] == [
        {"repository_ids": [id], "permissions": PERMISSIONS} for id in (shop.repository.id, other.id)
    ]
    assert PERMISSIONS == {"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write"}


READ = dict.fromkeys(PERMISSIONS, "read")


@pytest.mark.parametrize(
    "granted",
    [
        PERMISSIONS,
        {**PERMISSIONS, "pull_requests": "read"},
        *({n: level for n, level in PERMISSIONS.items() if n != name} for name in PERMISSIONS if name != "metadata"),
        {"metadata": "read", "checks": "write"},
        {"metadata": "read"},
        READ,
        {**PERMISSIONS, "administration": "write", "contents": "write"},
    ],
    ids=lambda granted: " ".join(f"{name}:{level}" for name, level in granted.items()),
)
def test_a_token_never_has_more_rights_than_are_used_whatever_is_granted(
    app: GitHubApp, shop: Shop, granted: dict[str, str]
) -> None:
    shop.installation.permissions = dict(granted)
    assert token(app, shop).startswith("ghs_")
    asked = [request.body for request in minted(shop.github)]
    assert all(body["repository_ids"] == [shop.repository.id] for body in asked)
    for body in asked:
        assert body["permissions"]["metadata"] == "read"
        assert all(level in (PERMISSIONS[name], "read") for name, level in body["permissions"].items())
    got = asked[-1]["permissions"]
    assert all(level in (granted[name], "read") for name, level in got.items())
    assert made(shop.github, "POST", "/access_tokens") == [422] * (len(asked) - 1) + [201]


@pytest.mark.parametrize("missing", ["pull_requests", "contents", "checks"])
def test_a_token_lacks_the_one_permission_that_was_not_granted(app: GitHubApp, shop: Shop, missing: str) -> None:
    left = {name: level for name, level in PERMISSIONS.items() if name != missing}
    shop.installation.permissions = left
    token(app, shop)
    assert minted(shop.github)[-1].body["permissions"] == left


def test_no_token_is_asked_for_without_limits_where_the_repository_is_not_covered(app: GitHubApp, shop: Shop) -> None:
    shop.github.remove_from_installation(shop.installation, shop.repository, deliver=False)
    with pytest.raises(NotInstalled):
        token(app, shop)
    asked = [request.body for request in minted(shop.github)]
    assert [body["permissions"] for body in asked] == [PERMISSIONS, *FEWER]
    assert all(body["repository_ids"] == [shop.repository.id] for body in asked)
    assert all(fewer.items() <= PERMISSIONS.items() | READ.items() for fewer in FEWER)


@pytest.mark.parametrize(("left", "again"), [(280, True), (320, False)])
def test_a_token_is_renewed_before_it_ends(app: GitHubApp, shop: Shop, left: int, again: bool) -> None:
    shop.github.advance(left - 3600)  # so that the token ends that soon
    try:
        first = token(app, shop)
        assert (token(app, shop) != first) == again
    finally:
        shop.github.advance(3600 - left)


def test_a_token_that_is_not_accepted_any_more_is_replaced(app: GitHubApp, shop: Shop) -> None:
    with opened(app, shop) as api:
        api.pull(shop.pull.number)
    shop.github.expire_tokens()
    with pytest.raises(Unauthorised), opened(app, shop) as api:
        api.pull(shop.pull.number)
    with opened(app, shop) as api:
        assert api.pull(shop.pull.number).number == shop.pull.number
    assert len(minted(shop.github)) == 2


def test_a_token_without_a_permission_is_replaced(app: GitHubApp, shop: Shop) -> None:
    shop.github.fail("GET", "/pulls/", 403, body={"message": "Resource not accessible by integration"})
    with pytest.raises(Refused), opened(app, shop) as api:
        api.pull(shop.pull.number)
    with opened(app, shop) as api:
        api.pull(shop.pull.number)
    assert len(minted(shop.github)) == 2


@pytest.mark.parametrize("whole", [True, False])
def test_a_token_is_forgotten_on_demand(app: GitHubApp, shop: Shop, whole: bool) -> None:
    first = token(app, shop)
    app.forget(shop.installation.id, shop.repository.id + 1)
    assert token(app, shop) == first
    app.forget(shop.installation.id, None if whole else shop.repository.id)
    assert token(app, shop) != first


def test_a_suspended_or_removed_installation_is_gone(app: GitHubApp, shop: Shop) -> None:
    shop.github.suspend(shop.installation, deliver=False)
    with pytest.raises(Gone, match="suspended"):
        token(app, shop)
    shop.github.uninstall(shop.installation, deliver=False)
    with pytest.raises(Gone, match="404"):
        token(app, shop)


def test_a_wrong_key_is_said_without_showing_it(shop: Shop) -> None:
    app = GitHubApp("1", shop.github.app.private_key, shop.github.api_url)
    with pytest.raises(Unauthorised, match="give the App a token") as caught:
        token(app, shop)
    assert "eyJ" not in str(caught.value)
    app.close()


# -- requests --------------------------------------------------


def test_a_write_is_never_sent_twice(api: RepositoryApi, shop: Shop) -> None:
    shop.github.fail("POST", "/check-runs$", 502)
    with pytest.raises(Unsure):
        api.start_check(shop.pull.head_sha, "pr:1:1", None)
    assert made(shop.github, "POST", "/check-runs") == [502]


def test_a_write_whose_connection_breaks_is_not_sent_again(api: RepositoryApi, shop: Shop) -> None:
    shop.github.fail("POST", "/check-runs$", reset=True, after=True)
    with pytest.raises(Unsure):
        api.start_check(shop.pull.head_sha, "pr:1:1", None)
    assert made(shop.github, "POST", "/check-runs") == [0]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_read_is_tried_again(api: RepositoryApi, shop: Shop, status: int) -> None:
    shop.github.fail("GET", "/pulls/", status)
    assert api.pull(shop.pull.number).head == shop.pull.head_sha
    assert made(shop.github, "GET", f"/pulls/{shop.pull.number}") == [status, 200]


def test_a_read_is_not_tried_for_ever(api: RepositoryApi, shop: Shop) -> None:
    shop.github.fail("GET", "/pulls/", 502, times=9)
    with pytest.raises(Unsure, match="502"):
        api.pull(shop.pull.number)
    assert len(made(shop.github, "GET", f"/pulls/{shop.pull.number}")) == 3


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_limit_is_told_at_once_and_not_slept_through(api: RepositoryApi, shop: Shop, verb: str) -> None:
    shop.github.secondary_limit(shop.installation, retry_after=30)
    asked = time.monotonic()
    with pytest.raises(RateLimited) as caught:
        api.pull(shop.pull.number) if verb == "GET" else api.start_check(shop.pull.head_sha, "pr:1:1", None)
    assert time.monotonic() - asked < 3
    assert caught.value.after == 30


def test_requests_say_who_asks_and_for_which_version(api: RepositoryApi, shop: Shop) -> None:
    api.pull(shop.pull.number)
    for request in shop.github.requests:
        assert request.headers["x-github-api-version"] == "2022-11-28"
        assert request.headers["user-agent"] == f"reviewer/{__version__}"
        assert request.headers["accept"] == "application/vnd.github+json"
    assert [request.token_kind for request in shop.github.requests] == ["jwt", "installation"]


def test_the_repositories_of_an_installation_are_listed_to_the_last_page(app: GitHubApp, shop: Shop) -> None:
    for number in range(100):
        name = f"{shop.repository.full_name}-{number}"
        added = shop.github.add_repository(name, shop.repository.path, private=True)
        shop.github.add_to_installation(shop.installation, added, deliver=False)
    listed = app.repositories(shop.installation.id)
    assert listed == [(r.id, r.full_name) for r in shop.installation.repositories]
    assert minted(shop.github)[0].body == {"permissions": {"metadata": "read"}}
    assert made(shop.github, "GET", "/installation/repositories") == [200, 200]


def test_the_login_of_the_bot_is_asked_for_once(app: GitHubApp, shop: Shop) -> None:
    assert [app.login for _ in range(3)] == ["reviewer[bot]"] * 3
    assert made(shop.github, "GET", "/app") == [200]


# -- clients --------------------------------------------------


@pytest.fixture
def server() -> Iterator[Answers]:
    with answering() as server:
        token = {"token": "ghs_x", "expires_at": "2099-01-01T00:00:00Z"}
        server.answers["/access_tokens"] = Answer(201, json.dumps(token))
        server.answers["/pulls"] = Answer(200, "[]")
        yield server


@pytest.fixture
def crowd(server: Answers) -> Iterator[GitHubApp]:
    """The App on a server that knows its connections."""
    app = GitHubApp("1", key_pair()[0], server.url)
    app.token(1, 1)
    server.ports.clear()
    yield app
    app.close()


def test_connections_are_used_again(crowd: GitHubApp, server: Answers) -> None:
    for _ in range(5):
        with crowd.repository(1, 1, "acme/shop") as api:
            api.open_pulls()
            api.open_pulls()
    assert len(server.ports) == 10
    assert len(set(server.ports)) == 1


def test_a_client_belongs_to_one_thread_at_a_time(crowd: GitHubApp, server: Answers) -> None:
    with ExitStack() as stack:
        apis = [stack.enter_context(crowd.repository(1, 1, "acme/shop")) for _ in range(4)]
        for api in (*apis, *apis):
            api.open_pulls()
    assert len(set(server.ports)) == 4
    assert server.ports[:4] == server.ports[4:]


def test_a_client_comes_back_after_an_error(crowd: GitHubApp, server: Answers) -> None:
    with crowd.repository(1, 1, "acme/shop") as api:
        api.open_pulls()
    server.answers = {"/compare/": Answer(422, "{}"), **server.answers}
    with pytest.raises(GitHubError), crowd.repository(1, 1, "acme/shop") as api:
        api.compare("main", "a" * 40)
    with crowd.repository(1, 1, "acme/shop") as api:
        api.open_pulls()
    assert len(set(server.ports)) == 1


def test_connections_nobody_uses_are_closed(crowd: GitHubApp, server: Answers) -> None:
    own = set(server.open)
    for number in range(1, IDLE_CLIENTS + 6):
        with crowd.repository(1, number, "acme/shop") as api:
            api.open_pulls()
    assert until(lambda: len(server.open - own) <= IDLE_CLIENTS, 5)
    last = server.ports[-1]
    assert last in server.open
    crowd.close()
    assert until(lambda: not server.open, 5)
