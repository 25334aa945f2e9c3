"""The order in which one review writes: what GitHub shows last is what counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.materialise import git
from reviewer.github.app import GitHubApp
from reviewer.service.analysis import Analysts, Content
from reviewer.service.publish import Publisher, Request
from reviewer.service.review import Outcome, Reviewer
from reviewer.service.store import PullKey, Store
from reviewer.sources import Mirrors
from tests.helpers import commit
from tests.service.databases import migrated, sqlite_url
from tests.standin import PullRequest
from tests.standin.client import Shop


@pytest.fixture
def reviewer(shop: Shop, tmp_path: Path) -> Iterator[Reviewer]:
    app = GitHubApp(str(shop.github.app.id), shop.github.app.private_key, shop.github.api_url)
    analysts = Analysts(1)
    with migrated(sqlite_url(tmp_path)) as engine:
        store = Store(engine)
        content = Content(store, app, Mirrors(tmp_path / "mirrors", 10**9), analysts, shop.github.git_url)
        yield Reviewer(store, content)
    analysts.close()
    app.close()


@pytest.fixture
def words(shop: Shop) -> PullRequest:
    """A pull request without a file the rules look at."""
    git(shop.repository.path, "checkout", "--quiet", "-b", "words", "main")
    commit(shop.repository.path, {"README.md": "Words.\n"})
    return shop.github.open_pull(shop.repository, "words", deliver=False)


def asked(reviewer: Reviewer, shop: Shop, pull: PullRequest) -> Request:
    key = PullKey(shop.installation.id, shop.repository.id, pull.number)
    with reviewer.store.engine.begin() as c:
        reviewer.store.name(c, key.installation, key.repository, shop.repository.full_name)
        return Request(key, reviewer.store.next_generation(c, key))


def begun(reviewer: Reviewer, shop: Shop, request: Request, head: str) -> int:
    """A check run that a review left open, as one does that a limit stops."""
    key = request.key
    app = reviewer.content.app
    with app.repository(key.installation, key.repository, shop.repository.full_name) as api:
        return Publisher(reviewer.store, api, request, lambda: app.login).start(head)


@pytest.mark.parametrize("gives_up", [True, False])
def test_the_check_of_the_newest_review_is_concluded_last(
    reviewer: Reviewer, shop: Shop, words: PullRequest, gives_up: bool
) -> None:
    earlier = begun(reviewer, shop, asked(reviewer, shop, words), words.head_sha)
    request = asked(reviewer, shop, words)
    shop.github.clear_requests()
    outcome = reviewer.give_up(request, "trouble") if gives_up else reviewer.review(request)
    assert outcome == Outcome("concluded")
    writes = [r.path for r in shop.github.requests if "/check-runs" in r.path and r.method != "GET"]
    assert writes[0].endswith(f"/check-runs/{earlier}")
    assert len(writes) == 2
    old, new = shop.github.check_runs(words.head_sha, shop.repository)
    assert (old.output["title"], new.output["title"]) == (
        "Replaced",
        "The review could not be finished" if gives_up else "Nothing to review",
    )
