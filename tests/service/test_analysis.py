"""What is fetched for a review, and who is to blame where it is too much."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.materialise import git
from reviewer.github.app import GitHubApp
from reviewer.service.analysis import Analysts, ChangeTooLarge, Content
from reviewer.service.store import PullKey, Store
from reviewer.sources import FetchFailed, Mirrors
from tests.helpers import commit
from tests.service.databases import migrated, sqlite_url
from tests.shops import goods, hub, shop, standin
from tests.standin.client import Shop

__all__ = ["goods", "hub", "shop", "standin"]  # fixtures that come before those of the other tests here

MOST = 1_000_000  # bytes of all mirrors; one fetch may take half of it


@pytest.fixture
def content(shop: Shop, tmp_path: Path) -> Iterator[Content]:
    app = GitHubApp(str(shop.github.app.id), shop.github.app.private_key, shop.github.api_url)
    analysts = Analysts(1)
    with migrated(sqlite_url(tmp_path)) as engine:
        yield Content(Store(engine), app, Mirrors(tmp_path / "mirrors", MOST), analysts, shop.github.git_url)
    analysts.close()
    app.close()


def reviewed(content: Content, shop: Shop, branch: str) -> None:
    """A review of one more pull request."""
    opened = shop.github.open_pull(shop.repository, branch, deliver=False)
    key = PullKey(shop.installation.id, shop.repository.id, opened.number)
    with content.app.repository(key.installation, key.repository, shop.repository.full_name) as api:
        pull = api.pull(opened.number)
        comparison = api.compare(pull.base, pull.head)
    content.review(key, pull, comparison)


def grow(shop: Shop, branch: str, start: str = "main") -> None:
    """A branch with more than one fetch may take."""
    git(shop.repository.path, "checkout", "--quiet", "-B", branch, start)
    junk = {f"{branch}/junk{n}.js": os.urandom(120_000) for n in range(6)}
    commit(shop.repository.path, junk)


def test_a_head_that_is_too_large_is_the_change_s_fault_where_the_base_is_not(content: Content, shop: Shop) -> None:
    grow(shop, "large")
    with pytest.raises(ChangeTooLarge, match="larger than the limit for one fetch"):
        reviewed(content, shop, "large")
    reviewed(content, shop, "feature")


def test_a_base_that_is_too_large_is_not_the_change_s_fault(content: Content, shop: Shop) -> None:
    grow(shop, "main", "main")
    git(shop.repository.path, "checkout", "--quiet", "-b", "small")
    commit(shop.repository.path, {"small.js": "export {};\n"})
    with pytest.raises(FetchFailed, match="larger than the limit for one fetch") as caught:
        reviewed(content, shop, "small")
    assert not isinstance(caught.value, ChangeTooLarge)
