"""What goes wrong on purpose: rate limits, and faults of the next requests."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.standin.api import Refusal
from tests.standin.model import Installation
from tests.standin.world import World

_HOUR = 3600


@dataclass
class Fault:
    """What happens to the next requests that match."""

    method: str
    path: re.Pattern[str]
    status: int
    times: int
    body: Any
    headers: dict[str, str]
    after: bool
    reset: bool
    hang: float


@dataclass
class Faults:
    """The faults in waiting, in the order they were set."""

    waiting: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self.lock:
            self.waiting.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault of a request, used up by it."""
        with self.lock:
            for fault in self.waiting:
                if fault.times > 0 and fault.method in (method, "*") and fault.path.search(path):
                    fault.times -= 1
                    return fault
        return None

    def clear(self) -> None:
        with self.lock:
            for fault in self.waiting:
                fault.hang = 0
            self.waiting.clear()


@dataclass
class Secondary:
    """A secondary limit, until a moment of the stand-in's clock."""

    until: float
    retry_after: int | None
    status: int


@dataclass
class Limits:
    """Primary limits are counted per installation; secondary ones are set by tests."""

    secondary: dict[int, Secondary] = field(default_factory=dict)
    app: Installation | None = None

    def count(self, world: World, installation: Installation | None, *, free: bool) -> dict[str, str]:
        """Counts a request, or refuses it; returns the headers that tell the limit."""
        if installation is None:
            return self._headers(5000, 0, int(world.clock()) + _HOUR)
        if installation.reset <= world.clock():
            installation.used, installation.reset = 0, int(world.clock()) + _HOUR
        if not free:
            self._refuse(world, installation)
            installation.used += 1
        return self._headers(installation.limit, installation.used, installation.reset)

    def _refuse(self, world: World, installation: Installation) -> None:
        headers = self._headers(installation.limit, installation.used, installation.reset)
        limit = self.secondary.get(installation.id)
        if limit is not None and limit.until > world.clock():
            if limit.retry_after is not None:
                headers["Retry-After"] = str(limit.retry_after)
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            raise Refusal(limit.status, text, headers=headers)
        if installation.used >= installation.limit:
            text = f"API rate limit exceeded for installation ID {installation.id}."
            raise Refusal(403, text, headers=headers)

    @staticmethod
    def _headers(limit: int, used: int, reset: int) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(limit - used, 0)),
            "X-RateLimit-Reset": str(reset),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Resource": "core",
        }


@dataclass
class Writes:
    """The writes under way, so that two at once on one pull request are noticed."""

    world: World
    busy: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def under_way(self, method: str, path: str) -> Iterator[None]:
        """Stands around a request; a second write meanwhile is a violation."""
        match = re.match(r"(/repos/[^/]+/[^/]+/(?:pulls|issues|check-runs)/\d+)(?:/|$)", path)
        key = match[1].replace("/issues/", "/pulls/") if match and method != "GET" else ""
        with self.lock:
            if key and self.busy[key]:
                self.world.violation(f"{method} {path}: another write on this pull request or run is under way")
            self.busy[key] += 1
        try:
            yield
        finally:
            with self.lock:
                self.busy[key] -= 1
