"""From an event to jobs: what GitHub said is noted, and what follows from it is queued, in one commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import sqlalchemy as sa

from reviewer.github.events import (
    Event,
    InstallationAdded,
    InstallationRemoved,
    PermissionsChanged,
    PullClosed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Repository,
    Rerequested,
    ReviewWanted,
)
from reviewer.service.publish import Request
from reviewer.service.store import PullKey, Store
from reviewer.service.web import Unavailable


class Queue(Protocol):
    """Takes jobs within a transaction of the caller's."""

    def review(self, c: sa.Connection, request: Request) -> None: ...

    def survey(self, c: sa.Connection, installation: int, repository: int | None, head: str | None) -> None: ...

    def remove(self, c: sa.Connection, installation: int, repositories: list[int] | None) -> None: ...


class Desk:
    """Where events become jobs."""

    def __init__(self, store: Store, queue: Queue) -> None:
        self._store = store
        self._queue = queue

    def receive(self, guid: str, event: Event) -> str:
        """Notes a delivery and queues what follows: ``accepted``, ``duplicate``, or ``ignored`` where nothing does."""
        try:
            with self._store.engine.begin() as c:
                if not self._store.is_new(c, guid):
                    return "duplicate"
                return "accepted" if self._take(c, event) else "ignored"
        except sa.exc.DBAPIError as error:
            raise Unavailable(f"{type(error.orig).__name__}: {error.orig}") from None
        except sa.exc.TimeoutError:
            raise Unavailable("every connection to the database is in use") from None

    def ask(self, keys: Iterable[PullKey]) -> None:
        """Queues reviews nobody sent an event for."""
        with self._store.engine.begin() as c:
            for key in keys:
                self._ask(c, key)

    def survey(self, installation: int, repositories: Iterable[tuple[int, str]]) -> None:
        """Queues a survey of each repository, given by id and full name."""
        with self._store.engine.begin() as c:
            for id, full_name in repositories:
                self._store.name(c, installation, id, full_name)
                self._queue.survey(c, installation, id, None)

    def _ask(self, c: sa.Connection, key: PullKey) -> None:
        self._queue.review(c, Request(key, self._store.next_generation(c, key)))

    def _take(self, c: sa.Connection, event: Event) -> bool:
        match event:
            case ReviewWanted(installation, repository, number) | PullClosed(installation, repository, number):
                # Events may come late or in another order: whether the pull request is closed, GitHub is asked.
                self._name(c, installation, [repository])
                self._ask(c, PullKey(installation, repository.id, number))
            case Rerequested():
                self._again(c, event)
            case InstallationAdded(installation, _, ()) | PermissionsChanged(installation):
                self._queue.survey(c, installation, None, None)
            case InstallationAdded(installation, _, repositories) | RepositoriesAdded(installation, repositories):
                self._name(c, installation, repositories)
                for repository in repositories:
                    self._queue.survey(c, installation, repository.id, None)
            case InstallationRemoved(installation):
                self._store.drop_repositories(c, installation)
                self._queue.remove(c, installation, None)
            case RepositoriesRemoved(installation, repositories):
                ids = [repository.id for repository in repositories]
                self._store.drop_repositories(c, installation, ids)
                self._queue.remove(c, installation, ids)
            case _:
                return False
        return True

    def _again(self, c: sa.Connection, event: Rerequested) -> None:
        repository = event.repository
        self._name(c, event.installation, [repository])
        self._store.unsettle(c, repository.id, event.head)  # whatever stands there is to be written anew
        numbers = event.numbers or tuple(self._store.open_with_head(c, repository.id, event.head))
        for number in numbers:
            self._ask(c, PullKey(event.installation, repository.id, number))
        if not numbers:
            self._queue.survey(c, event.installation, repository.id, event.head)

    def _name(self, c: sa.Connection, installation: int, repositories: Iterable[Repository]) -> None:
        for repository in repositories:
            self._store.name(c, installation, repository.id, repository.full_name)
