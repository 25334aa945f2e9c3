"""Which worker is which: every running worker holds one numbered slot, and whoever finds a slot free knows its worker
is dead."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

MAX_SLOTS = 256
_LOCK_CLASS = 0x7265_7631  # tells these advisory locks from others in the same database


class Slots(Protocol):
    """Locks by number that the system lets go of when their process dies."""

    def take(self, number: int) -> bool: ...

    def drop(self, number: int) -> None: ...

    def is_held(self) -> bool: ...

    def close(self) -> None: ...


class FileSlots:
    """Slots of the workers on one machine, as locks on files beside the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[int, int] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, number: int) -> bool:
        descriptor = os.open(self._folder / f"w{number}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held[number] = descriptor
        return True

    def drop(self, number: int) -> None:
        os.close(self._held.pop(number))

    def is_held(self) -> bool:
        """Whether the slots that were taken are still ours."""
        return True

    def close(self) -> None:
        for number in list(self._held):
            self.drop(number)


class DatabaseSlots:
    """Slots of the workers on one PostgreSQL, as advisory locks of one connection."""

    def __init__(self, engine: sa.Engine) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._held: set[int] = set()

    def take(self, number: int) -> bool:
        if number in self._held:  # which PostgreSQL would give its holder again
            return False
        locked = sa.select(sa.func.pg_try_advisory_lock(_LOCK_CLASS, number))
        if self._connection.execute(locked).scalar():
            self._held.add(number)
        return number in self._held

    def drop(self, number: int) -> None:
        self._held.discard(number)
        self._connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK_CLASS, number)))

    def is_held(self) -> bool:
        """Whether the slots that were taken are still ours: they are lost with the connection."""
        try:
            self._connection.execute(sa.text("SELECT 1"))
        except sa.exc.DBAPIError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()


def first_free(slots: Slots) -> int:
    """Takes the first free slot. Raises RuntimeError where all are held."""
    for number in range(MAX_SLOTS):
        if slots.take(number):
            return number
    raise RuntimeError(f"{MAX_SLOTS} workers are running already")
