"""From events to jobs: each event's jobs, and all of it or nothing of it stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from reviewer.github.events import (
    Event,
    Ignored,
    InstallationAdded,
    InstallationRemoved,
    InstallationSuspended,
    PermissionsChanged,
    Ping,
    PullClosed,
    RepositoriesAdded,
    RepositoriesRemoved,
    Repository,
    Rerequested,
    ReviewWanted,
)
from reviewer.service.database import connect
from reviewer.service.inbox import Desk
from reviewer.service.store import PullKey, Reviewed, Store
from reviewer.service.tables import metadata
from reviewer.service.web import Unavailable
from tests.service.databases import migrated, sqlite_url
from tests.service.queues import MemoryQueue

SHOP, MILL = Repository(10, "acme/shop"), Repository(11, "acme/mill")
HEAD = "a" * 40
KEY = PullKey(1, 10, 7)
WANTED = ReviewWanted(1, SHOP, 7, HEAD, "opened")
CLOSED = PullClosed(1, SHOP, 7)
AGAIN = Rerequested(1, SHOP, HEAD, (), None)
REVIEWED = Reviewed(HEAD, "main", "failure", "1 finding")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with migrated(sqlite_url(tmp_path)) as engine:
        yield Store(engine)


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture
def desk(store: Store, queue: MemoryQueue) -> Desk:
    return Desk(store, queue)


def rows(store: Store) -> dict[str, int]:
    """How many rows each table has that has any."""
    with store.engine.connect() as c:
        found = {
            t.name: c.execute(sa.select(sa.func.count()).select_from(t)).scalar_one() for t in metadata.sorted_tables
        }
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize(
    ("event", "jobs"),
    [
        (WANTED, [("review", "1/10/7", 1)]),
        (CLOSED, [("review", "1/10/7", 1)]),
        (replace(AGAIN, numbers=(7, 9)), [("review", "1/10/7", 1), ("review", "1/10/9", 1)]),
        (AGAIN, [("survey", 1, 10, HEAD)]),
        (InstallationAdded(1, None, (SHOP, MILL)), [("survey", 1, 10, None), ("survey", 1, 11, None)]),
        (InstallationAdded(1, None, ()), [("survey", 1, None, None)]),
        (PermissionsChanged(1), [("survey", 1, None, None)]),
        (RepositoriesAdded(1, (MILL,)), [("survey", 1, 11, None)]),
        (InstallationRemoved(1), [("remove", 1, None)]),
        (RepositoriesRemoved(1, (SHOP, MILL)), [("remove", 1, [10, 11])]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_becomes_its_jobs(
    desk: Desk, queue: MemoryQueue, event: Event, jobs: list[tuple[object, ...]]
) -> None:
    assert desk.receive("guid", event) == "accepted"
    assert queue.jobs == jobs


@pytest.mark.parametrize("event", [InstallationSuspended(1), Ping(), Ignored("not used")])
def test_an_event_nothing_follows_from_is_noted_only(
    desk: Desk, queue: MemoryQueue, store: Store, event: Event
) -> None:
    assert desk.receive("guid", event) == "ignored"
    assert queue.jobs == []
    assert rows(store) == {"deliveries": 1}


def test_a_delivery_that_comes_again_does_nothing(desk: Desk, queue: MemoryQueue) -> None:
    assert [desk.receive("guid", WANTED), desk.receive("guid", WANTED)] == ["accepted", "duplicate"]
    assert len(queue.jobs) == 1


def test_every_push_counts_whatever_its_head(desk: Desk, queue: MemoryQueue) -> None:
    for guid, head in (("1", HEAD), ("2", "b" * 40), ("3", HEAD)):
        desk.receive(guid, replace(WANTED, head=head))
    desk.receive("4", CLOSED)
    assert [job[2] for job in queue.jobs] == [1, 2, 3, 4]


def test_a_closed_pull_request_is_not_open(desk: Desk, store: Store, queue: MemoryQueue) -> None:
    desk.receive("1", WANTED)
    store.note(KEY, REVIEWED)
    store.close(KEY)
    desk.receive("2", AGAIN)
    assert queue.jobs[1:] == [("survey", 1, 10, HEAD)]
    desk.receive("3", replace(WANTED, reason="reopened"))
    desk.receive("4", AGAIN)
    assert queue.jobs[3:] == [("review", "1/10/7", 3)]


def test_what_stands_on_a_head_counts_no_more_when_somebody_asks_for_it_again(desk: Desk, store: Store) -> None:
    store.stands(10, HEAD, "d" * 64)
    store.stands(10, "b" * 40, "d" * 64)
    desk.receive("1", AGAIN)
    assert (store.standing(10, HEAD), store.standing(10, "b" * 40)) == (None, "d" * 64)


def test_a_survey_of_an_installation_becomes_one_of_each_repository(
    desk: Desk, store: Store, queue: MemoryQueue
) -> None:
    desk.survey(1, [(10, "acme/shop"), (11, "acme/mill")])
    assert queue.jobs == [("survey", 1, 10, None), ("survey", 1, 11, None)]
    assert store.full_name(11) == "acme/mill"


def test_a_head_without_numbers_belongs_to_the_pull_requests_reviewed_there(
    desk: Desk, store: Store, queue: MemoryQueue
) -> None:
    for number in (7, 9):
        desk.receive(str(number), replace(WANTED, number=number))
        store.note(replace(KEY, number=number), REVIEWED)
    desk.receive("again", AGAIN)
    assert queue.jobs[2:] == [("review", "1/10/7", 2), ("review", "1/10/9", 2)]
    desk.receive("other", replace(AGAIN, head="b" * 40))
    assert queue.jobs[-1] == ("survey", 1, 10, "b" * 40)


def test_events_name_repositories_anew(desk: Desk, store: Store) -> None:
    desk.receive("1", WANTED)
    desk.receive("2", replace(CLOSED, repository=Repository(10, "acme/renamed")))
    assert store.full_name(10) == "acme/renamed"


def test_what_is_removed_is_forgotten(desk: Desk, store: Store) -> None:
    desk.receive("1", WANTED)
    desk.receive("2", replace(WANTED, repository=MILL))
    desk.receive("3", RepositoriesRemoved(1, (SHOP,)))
    assert (store.full_name(10), store.full_name(11)) == (None, "acme/mill")
    desk.receive("4", InstallationRemoved(1))
    assert rows(store) == {"deliveries": 4}


def test_reviews_nobody_sent_an_event_for_are_queued_together(desk: Desk, queue: MemoryQueue) -> None:
    desk.receive("1", WANTED)
    desk.ask([KEY, replace(KEY, number=9)])
    desk.ask([KEY])
    assert queue.jobs[1:] == [
        ("review", "1/10/7", 2),
        ("review", "1/10/9", 1),
        ("review", "1/10/7", 3),
    ]


@pytest.mark.parametrize("event", [WANTED, CLOSED, InstallationAdded(1, None, (SHOP, MILL)), AGAIN])
def test_without_its_jobs_nothing_of_a_delivery_is_stored(
    desk: Desk, queue: MemoryQueue, store: Store, event: Event
) -> None:
    queue.full = True
    with pytest.raises(RuntimeError, match="takes no job"):
        desk.receive("guid", event)
    assert rows(store) == {}
    queue.full = False
    assert desk.receive("guid", event) == "accepted"


def test_a_read_only_database_is_unavailable(store: Store, queue: MemoryQueue) -> None:
    engine = connect(str(store.engine.url), 1)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    with pytest.raises(Unavailable, match="readonly"):
        Desk(Store(engine), queue).receive("guid", WANTED)
    engine.dispose()
    assert queue.jobs == []


def test_a_locked_database_is_unavailable_and_then_takes_the_delivery(
    store: Store, queue: MemoryQueue, tmp_path: Path
) -> None:
    engine = connect(str(store.engine.url), 1)
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(tmp_path / "reviewer.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        Desk(Store(engine), queue).receive("guid", WANTED)
    other.execute("ROLLBACK")
    other.close()
    assert Desk(Store(engine), queue).receive("guid", WANTED) == "accepted"
    engine.dispose()


def test_a_database_without_tables_is_unavailable(tmp_path: Path, queue: MemoryQueue) -> None:
    engine = connect(sqlite_url(tmp_path), 1)
    with pytest.raises(Unavailable, match="no such table"):
        Desk(Store(engine), queue).receive("guid", WANTED)
    engine.dispose()


def test_where_every_connection_is_in_use_the_store_is_unavailable(store: Store, queue: MemoryQueue) -> None:
    engine = sa.create_engine(store.engine.url, pool_size=1, max_overflow=0, pool_timeout=0.05)
    with engine.connect(), pytest.raises(Unavailable):
        Desk(Store(engine), queue).receive("guid", WANTED)
    engine.dispose()
