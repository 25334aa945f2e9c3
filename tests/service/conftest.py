"""Running services: one with an inbox in memory, and one that works for a stand-in of GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reviewer.github.events import Identity
from tests.helpers import SPOTLESS
from tests.service.postgresql import programs
from tests.service.postgresql import running as running_postgresql
from tests.service.recording import Recording, recorded
from tests.service.serving import NEW, OLD, Service, serving
from tests.service.shop import Shop, Street, street


@pytest.fixture(scope="session")
def recording() -> Iterator[Recording]:
    with recorded() as recording:
        yield recording


@pytest.fixture
def log(recording: Recording) -> Recording:
    """The log, empty."""
    recording.clear()
    return recording


@pytest.fixture(scope="session")
def running(recording: Recording) -> Iterator[Service]:
    with serving(recording, secrets=(NEW, OLD), identity=Identity(app="1234", slug="reviewer")) as service:
        yield service


@pytest.fixture
def service(running: Service) -> Service:
    """The service, its inbox empty and willing, nothing logged."""
    inbox = running.inbox
    inbox.received.clear()
    inbox.threads.clear()
    inbox.full = inbox.broken = inbox.not_ours = False
    running.reasons.clear()
    running.log.clear()
    return running


@pytest.fixture(scope="session")
def main_street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """The whole service as a process, shared by the tests that do not end it."""
    with street(tmp_path_factory.mktemp("street"), REVIEWER_WORKERS="4") as found:
        yield found


@pytest.fixture
def shop(main_street: Street, tmp_path: Path) -> Iterator[Shop]:
    """A repository whose ``main`` has nothing to report."""
    main_street.github.clear_requests()
    main_street.github.violations.clear()
    with main_street.shop(tmp_path / "shop", SPOTLESS) as found:
        yield found


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server. Where CI is set there has to be one."""
    where = programs()
    if where is None:
        message = "PostgreSQL is not installed (Debian and Ubuntu: the package postgresql)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with running_postgresql(where) as url:
        yield url
