"""One running service for the tests that need no limits of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reviewer.github.events import Identity
from tests.service.recording import Recording, recorded
from tests.service.serving import NEW, OLD, Service, serving


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
