"""A stand-in for GitHub, a shop on it, and the App that looks at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reviewer.github.app import GitHubApp
from reviewer.github.repository import RepositoryApi
from tests.shops import goods, hub, shop, standin
from tests.standin.client import Shop

__all__ = ["goods", "hub", "shop", "standin"]


@pytest.fixture
def app(shop: Shop) -> Iterator[GitHubApp]:
    made = GitHubApp(str(shop.github.app.id), shop.github.app.private_key, shop.github.api_url)
    yield made
    made.close()


@pytest.fixture
def api(app: GitHubApp, shop: Shop) -> Iterator[RepositoryApi]:
    with app.repository(shop.installation.id, shop.repository.id, shop.repository.full_name) as found:
        yield found
