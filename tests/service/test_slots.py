"""Slots: one holder each, and free as soon as the holder is dead, however it died."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reviewer.service.database import connect
from reviewer.service.slots import MAX_SLOTS, DatabaseSlots, FileSlots, Slots, first_free
from tests.helpers import ROOT
from tests.service.databases import database_on
from tests.service.process import until


@pytest.fixture(params=["files", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "files":
        yield str(tmp_path / "slots")
    else:
        with database_on(request.getfixturevalue("postgresql")) as url:
            yield url


@contextmanager
def slots_at(place: str) -> Iterator[Slots]:
    engine = connect(place, 1) if "://" in place else None
    slots: Slots = DatabaseSlots(engine) if engine is not None else FileSlots(Path(place))
    try:
        yield slots
    finally:
        slots.close()
        if engine is not None:
            engine.dispose()


@contextmanager
def holder(place: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process with the first free slot."""
    command = [sys.executable, "-m", "tests.service.holding", place]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def test_a_slot_is_held_by_one_process_and_free_when_it_is_killed(place: str) -> None:
    with holder(place) as (process, number), slots_at(place) as slots:
        assert number == 0
        assert not slots.take(0)
        assert first_free(slots) == 1
        process.kill()
        process.wait()
        assert until(lambda: slots.take(0), 10)


def test_a_slot_that_is_dropped_can_be_taken_by_others(place: str) -> None:
    with slots_at(place) as one, slots_at(place) as other:
        assert one.take(3)
        assert not other.take(3)
        one.drop(3)
        assert other.take(3)
        assert not one.take(3)


def test_slots_are_free_when_their_holder_ends(place: str) -> None:
    with slots_at(place) as one:
        assert [first_free(one), first_free(one)] == [0, 1]
        assert one.is_held()
    with slots_at(place) as other:
        assert first_free(other) == 0


def test_a_slot_is_not_given_twice_by_the_same_holder(place: str) -> None:
    with slots_at(place) as slots:
        assert first_free(slots) == 0
        assert first_free(slots) == 1
        slots.drop(0)
        assert first_free(slots) == 0


def test_where_every_slot_is_held_no_worker_starts(tmp_path: Path) -> None:
    with slots_at(str(tmp_path)) as one, slots_at(str(tmp_path)) as other:
        assert [first_free(one) for _ in range(MAX_SLOTS)] == list(range(MAX_SLOTS))
        with pytest.raises(RuntimeError, match="256 workers are running already"):
            first_free(other)


def test_a_lost_connection_is_noticed(postgresql: str) -> None:
    with database_on(postgresql) as url, slots_at(url) as slots, slots_at(url) as other:
        assert isinstance(slots, DatabaseSlots)
        assert slots.take(0)
        slots._connection.connection.dbapi_connection.close()  # type: ignore[union-attr]
        assert not slots.is_held()
        assert until(lambda: other.take(0), 10)
