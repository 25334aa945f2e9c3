"""Installations that come and go, the service that ends and starts again, and what its log holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROUTE, ROUTE_LINE, SERVER, SPOTLESS, START_LINE
from tests.service.process import ServiceProcess, until
from tests.service.shop import Shop, Street, records, rows, street
from tests.standin import Installation, PullRequest

LIVE = "pages/api/live.js"
START = ("package.json", START_LINE)
SERVER_ANCHOR = ("server.js", 1)
BOTH = {"server.js": SERVER, LIVE: ROUTE}


@dataclass
class Account:
    """An account with the App on two repositories, each with a pull request nobody told the service of."""

    installation: Installation
    shops: tuple[Shop, Shop]
    pulls: tuple[PullRequest, PullRequest]

    def reviewed(self) -> list[bool]:
        return [_is_concluded(shop, pull) for shop, pull in zip(self.shops, self.pulls, strict=True)]


def _is_concluded(shop: Shop, pull: PullRequest) -> bool:
    return bool(shop.runs(pull.head_sha)) and shop.all_completed(pull.head_sha)


@pytest.fixture
def account(main_street: Street, tmp_path: Path) -> Iterator[Account]:
    main_street.github.clear_requests()
    main_street.github.violations.clear()
    home = main_street.github.install("newcomer", [])
    with main_street.shop(tmp_path / "first", SPOTLESS, home) as first:
        second = main_street.add(tmp_path / "second", SPOTLESS, home, private=True)
        pulls = first.open(BOTH, deliver=False), second.open(BOTH, deliver=False)
        found = Account(home, (first, second), pulls)
        yield found
        first.refusals = True


def kept(service: ServiceProcess, installation: Installation) -> list[str]:
    """Tables with rows of an installation, and its repositories on disk."""
    ids = [str(repository.id) for repository in installation.repositories]
    found = []
    for table, columns in _TABLES.items():
        where = {"installation": [str(installation.id)], "repository": ids, "id": ids}
        tests = [f"{column} IN ({', '.join(where[column])})" for column in columns if where[column]]
        if tests and rows(service, f"SELECT 1 FROM {table} WHERE {' OR '.join(tests)} LIMIT 1"):  # noqa: S608 (names of ours)
            found.append(table)
    folder = service.folder / "data" / "repositories" / str(installation.id)
    return found + [str(path.relative_to(folder.parent)) for path in folder.glob("*/*")]


_TABLES = {
    "repositories": ("installation", "id"),
    "pulls": ("installation", "repository"),
    "said": ("repository",),
    "writes": ("repository",),
    "analyses": ("installation",),
}


def test_installing_the_app_reviews_every_open_pull_request(account: Account) -> None:
    account.shops[0].github.send_installation(account.installation, "created")
    until(lambda: all(account.reviewed()), explain=account.shops[0].explain)
    for shop, pull in zip(account.shops, account.pulls, strict=True):
        assert shop.check(pull.head_sha).conclusion == "failure"
        assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)]


def test_a_closed_pull_request_is_not_reviewed_on_installation(account: Account) -> None:
    github = account.shops[0].github
    github.close(account.pulls[0], deliver=False)
    github.send_installation(account.installation, "created")
    until(lambda: account.reviewed()[1], explain=account.shops[0].explain)
    account.shops[0].settle()
    assert account.shops[0].runs(account.pulls[0].head_sha) == []


def test_a_repository_that_is_added_is_reviewed(account: Account, main_street: Street, tmp_path: Path) -> None:
    shop = main_street.add(tmp_path / "third", SPOTLESS, account.installation)
    pull = shop.open({"server.js": SERVER}, deliver=False)
    main_street.github.remove_from_installation(account.installation, shop.repository, deliver=False)
    main_street.github.add_to_installation(account.installation, shop.repository)
    assert shop.check(pull.head_sha).conclusion == "failure"
    assert account.reviewed() == [False, False]


def test_an_installation_that_is_no_longer_suspended_is_reviewed(account: Account) -> None:
    github = account.shops[0].github
    github.suspend(account.installation)
    github.unsuspend(account.installation, deliver=False)
    payload = {**github.deliveries[-1].payload, "action": "unsuspend"}
    del payload["repositories"]  # GitHub does not list them here
    payload["installation"] = {**payload["installation"], "suspended_at": None, "suspended_by": None}
    github.deliver("installation", payload)
    until(lambda: all(account.reviewed()), explain=account.shops[0].explain)


def test_a_suspended_installation_is_not_asked_again_and_again(account: Account) -> None:
    shop, github = account.shops[0], account.shops[0].github
    github.suspend(account.installation)
    github.send_pull(account.pulls[0], "opened")
    row = shop.wait("review gone")
    assert "suspended" in row["reason"]
    assert len(github.requests) <= 4
    assert shop.runs(account.pulls[0].head_sha) == []


def test_uninstalling_the_app_deletes_what_was_kept(account: Account) -> None:
    shop, github = account.shops[0], account.shops[0].github
    github.send_installation(account.installation, "created")
    until(lambda: all(account.reviewed()), explain=shop.explain)
    shop.settle()
    assert {"repositories", "pulls", "said", "analyses"} <= set(kept(shop.service, account.installation))
    github.uninstall(account.installation)
    shop.settle()
    assert kept(shop.service, account.installation) == []


def test_an_event_after_the_end_of_its_installation_does_no_harm(account: Account) -> None:
    shop, github = account.shops[0], account.shops[0].github
    github.send_installation(account.installation, "created")
    until(lambda: all(account.reviewed()), explain=shop.explain)
    delivery = github.send_pull(account.pulls[0], "synchronize", before="0" * 40, after=account.pulls[0].head_sha)
    github.uninstall(account.installation)
    shop.settle()
    github.deliver("pull_request", delivery.payload)
    shop.wait("review gone")
    assert kept(shop.service, account.installation) == []


def test_taking_a_repository_from_the_app_deletes_what_was_kept_of_it(account: Account) -> None:
    first, second = account.shops
    first.github.send_installation(account.installation, "created")
    until(lambda: all(account.reviewed()), explain=first.explain)
    first.settle()
    folder = first.service.folder / "data" / "repositories" / str(account.installation.id)
    assert {path.name for path in folder.iterdir()} == {str(shop.repository.id) for shop in account.shops}
    first.github.remove_from_installation(account.installation, first.repository)
    first.settle()
    assert [path.name for path in folder.iterdir()] == [str(second.repository.id)]
    for table, column in (("repositories", "id"), ("pulls", "repository"), ("said", "repository")):
        query = f"SELECT {column} FROM {table} WHERE {column} IN ({first.repository.id}, {second.repository.id})"  # noqa: S608
        assert {id for (id,) in rows(first.service, query)} == {second.repository.id}, table
    second.github.rerequest_check_run(second.runs(account.pulls[1].head_sha)[0].id)
    assert second.check(account.pulls[1].head_sha, 2).conclusion == "failure"


# -- ending and starting --------------------------------------------------


@pytest.fixture
def own_street(tmp_path: Path) -> Iterator[Street]:
    """A service that a test may end."""
    with street(tmp_path / "street", REVIEWER_WORKERS="11") as found:
        yield found
        assert found.github.violations == []


def test_a_service_that_is_told_to_end_leaves_nothing_undone(own_street: Street, tmp_path: Path) -> None:
    shop = own_street.add(tmp_path / "shop", SPOTLESS)
    own_street.github.fail("*", rf"{shop.name}\.git/info/refs", 502, hang=0.5)
    pull = shop.open(BOTH)
    until(lambda: shop.fetched, explain=shop.explain)
    assert own_street.service.stop() == 0
    own_street.service.start()
    shop.check(pull.head_sha)
    assert [run.conclusion for run in shop.runs(pull.head_sha)] == ["failure"]
    assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)]


@dataclass(frozen=True)
class Moment:
    """A request during which the service is killed, and whether it took effect before."""

    method: str
    path: str
    after: bool
    routes: int = 1

    @property
    def files(self) -> dict[str, str]:
        """What the pull request writes: a finding that gates, and one for each route."""
        return {"server.js": SERVER, **{f"pages/api/route{number:02}.js": ROUTE for number in range(self.routes)}}


MOMENTS = [
    Moment("GET", "/pulls/1$", False),
    Moment("POST", "/check-runs$", True),
    Moment("POST", "/check-runs$", False),
    Moment("*", r"\.git/info/refs", False),
    Moment("GET", "/pulls/1/comments$", False),
    Moment("POST", "/pulls/1/reviews$", True),
    Moment("POST", "/pulls/1/reviews$", False),
    Moment("PATCH", "/check-runs/", True),
    Moment("PATCH", "/check-runs/", False),
    Moment("PATCH", "/check-runs/", True, routes=60),
    Moment("PATCH", "/check-runs/", False, routes=60),
]


def test_a_service_that_is_killed_at_any_moment_does_everything_once(own_street: Street, tmp_path: Path) -> None:
    busy = {}
    for number, moment in enumerate(MOMENTS):
        shop = own_street.add(tmp_path / f"shop{number}", SPOTLESS, own_street.github.install(f"account{number}", []))
        own_street.github.fail(moment.method, f"{shop.name}{moment.path}", after=moment.after, hang=60)
        busy[moment] = shop, shop.open(moment.files)
    for moment, (shop, _) in busy.items():
        until(partial(_is_at, moment, shop), explain=shop.explain)
    own_street.service.kill()
    own_street.github.mend()
    own_street.service.start()
    for moment, (shop, pull) in busy.items():
        run = shop.check(pull.head_sha)
        places = [(a["path"], a["start_line"]) for a in run.annotations]
        said = [SERVER_ANCHOR, *((path, ROUTE_LINE) for path in sorted(moment.files) if path != "server.js")]
        assert (run.conclusion, places) == ("failure", [START, *said[1:]]), moment
        assert shop.posted(pull) == said[:4], moment
        assert shop.heads(pull) == [pull.head_sha], moment


def _is_at(moment: Moment, shop: Shop) -> bool:
    """Whether the service waits for the answer to a request."""
    asked = [*shop.asked, *shop.fetched]
    if not asked:
        return False
    last = max(asked, key=lambda request: request.at)
    return moment.method in ("*", last.method) and bool(re.search(moment.path, last.path)) and last.status == 0


def test_a_pull_request_that_moves_while_the_service_is_away_is_reviewed_at_its_new_head(
    own_street: Street, tmp_path: Path
) -> None:
    shop = own_street.add(tmp_path / "shop", SPOTLESS)
    own_street.github.fail("PATCH", f"{shop.name}/check-runs/", hang=60)
    pull = shop.open(BOTH)
    first = pull.head_sha
    until(lambda: any(r.method == "PATCH" for r in shop.asked), explain=shop.explain)
    own_street.service.kill()
    own_street.github.mend()
    second = shop.push(pull, {"lib/more.js": "export {};\n"}, deliver=False)
    own_street.service.start()
    own_street.github.send_pull(pull, "synchronize", before=first, after=second)
    until(lambda: shop.runs(second) and shop.newest(second).conclusion == "failure", explain=shop.explain)
    shop.settle()
    assert {run.status for head in (first, second) for run in shop.runs(head)} == {"completed"}, shop.explain()
    assert shop.newest(second).conclusion == "failure"
    assert shop.posted(pull) == [SERVER_ANCHOR, (LIVE, ROUTE_LINE)]


# -- the log --------------------------------------------------


def test_the_log_leads_from_a_delivery_to_its_review(shop: Shop) -> None:
    pull = shop.open(BOTH)
    shop.check(pull.head_sha)
    (accepted,) = shop.logged("delivery accepted")
    (concluded,) = shop.logged("review concluded")
    delivery = shop.github.deliveries[-1]
    expected: dict[str, Any] = {
        "delivery": delivery.guid,
        "repository": shop.name,
        "head": pull.head_sha,
        "installation": shop.installation.id,
    }
    assert {name: accepted.get(name) for name in expected} == expected
    assert (concluded["repository"], concluded["head"], concluded["pull"]) == (shop.name, pull.head_sha, 1)
    assert concluded["job"]
    assert accepted["timestamp"] <= concluded["timestamp"]


def test_the_log_holds_no_token_even_of_a_git_that_failed(shop: Shop) -> None:
    shop.github.fail("*", rf"{shop.name}\.git/info/refs", 401)
    shop.github.fail("POST", f"{shop.name}/pulls/1/reviews", 502)
    shop.open(BOTH)
    shop.wait("review concluded")
    text = shop.service.said()
    tokens = list(shop.github._world.tokens)
    assert tokens
    assert [token for token in tokens if token in text] == []
    assert shop.github.app.webhook_secret not in text
    assert "PRIVATE KEY" not in text
    assert all(isinstance(row.get("event"), str) for row in records(shop.service))
