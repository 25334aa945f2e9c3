"""Locks between threads and processes on one machine: flock on files that may be deleted while others wait."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

_PAUSE = 0.02


class Lock:
    """One hold on a lock file. It ends with ``release``, or with the last process that inherited ``fd``."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def acquire(path: Path, shared: bool, wait: float = 0.0) -> Lock | None:
    """A hold on the lock file, which is made where its directory exists; None where it cannot be had.

    *wait* is in seconds. A file that was deleted or replaced while it was waited for is not the lock any more.
    """
    end = time.monotonic() + wait
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return None
        if _flock(fd, shared) and _is_at(fd, path):
            return Lock(fd)
        os.close(fd)
        if time.monotonic() >= end:
            return None
        time.sleep(_PAUSE)


def _flock(fd: int, shared: bool) -> bool:
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
