"""The stand-in for tests of other rooms: one for all of them, and a shop with a pull request for each."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.materialise import git
from tests.helpers import commit, repository
from tests.standin import GitHub
from tests.standin.client import Shop
from tests.standin.conftest import CHANGED, LINES, text

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def standin() -> Iterator[GitHub]:
    with GitHub() as github:
        yield github


@pytest.fixture(scope="session")
def goods(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``main`` and ``feature``, which changes line 20 and removes line 40 of a.js and adds b.js."""
    folder = repository(tmp_path_factory.mktemp("goods"), {"a.js": text(LINES), "unchanged.js": "one\n"})
    git(folder, "checkout", "--quiet", "-b", "feature")
    commit(folder, {"a.js": text(CHANGED), "b.js": "first\nsecond\n"})
    git(folder, "checkout", "--quiet", "main")
    return folder


@pytest.fixture
def hub(standin: GitHub) -> Iterator[GitHub]:
    """A stand-in at peace, which nobody misuses; nothing is delivered."""
    standin.clear_requests()
    standin.violations.clear()
    standin.mend()
    yield standin
    assert standin.violations == []


@pytest.fixture
def shop(hub: GitHub, goods: Path, tmp_path: Path) -> Shop:
    """A private repository with the App on it and one open pull request."""
    folder = tmp_path / "shop"
    shutil.copytree(goods, folder)
    found = hub.add_repository(f"acme/store{next(_numbers)}", folder, private=True)
    installation = hub.install("acme", [found])
    return Shop(hub, found, installation, hub.open_pull(found, "feature", deliver=False))
