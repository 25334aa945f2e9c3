"""One stand-in for all of its own tests; every test gets a repository with a pull request of its own."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.materialise import git
from tests.helpers import commit, repository
from tests.standin import GitHub
from tests.standin.client import Shop, client

LINES = [f"line {number}" for number in range(1, 61)]
CHANGED = [*LINES[:19], "line 20, changed", *LINES[20:39], *LINES[40:]]

_numbers = itertools.count(1)


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``main`` and ``feature``, which changes line 20 and removes line 40 of a.js and adds b.js."""
    folder = repository(tmp_path_factory.mktemp("template"), {"a.js": text(LINES), "unchanged.js": "one\n"})
    git(folder, "checkout", "--quiet", "-b", "feature")
    commit(folder, {"a.js": text(CHANGED), "b.js": "first\nsecond\n"})
    git(folder, "checkout", "--quiet", "main")
    shutil.rmtree(folder / ".git" / "hooks")
    return folder


@pytest.fixture(scope="session")
def running() -> Iterator[GitHub]:
    with GitHub() as github:
        yield github
    client().close()


@pytest.fixture
def github(running: GitHub) -> Iterator[GitHub]:
    """A stand-in at peace; a test that provokes violations takes them from the list."""
    running.clear_requests()
    running.deliveries.clear()
    running.violations.clear()
    running.mend()
    running.webhook_url = None
    yield running
    assert running.violations == []


def opened(github: GitHub, template: Path, folder: Path) -> Shop:
    """A private repository with the App on it and one open pull request."""
    shutil.copytree(template, folder)
    name = f"acme/shop{next(_numbers)}"
    found = github.add_repository(name, folder, private=True)
    installation = github.install("acme", [found])
    pull = github.open_pull(found, "feature", deliver=False)
    return Shop(github, found, installation, pull)


@pytest.fixture
def shop(github: GitHub, template: Path, tmp_path: Path) -> Shop:
    """A repository of the test's own."""
    return opened(github, template, tmp_path / "shop")


@pytest.fixture(scope="session")
def lasting(running: GitHub, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return opened(running, template, tmp_path_factory.mktemp("lasting") / "shop")


@pytest.fixture
def refusing(github: GitHub, lasting: Shop) -> Shop:  # noqa: ARG001 (watches for violations)
    """A repository shared by tests whose requests are all refused."""
    lasting.known = None
    return lasting
