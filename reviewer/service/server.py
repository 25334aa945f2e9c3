"""The HTTP server under the application, and what it does about clients that connect and then say little.

uvicorn ends a connection that is idle between two requests, and nothing else: one that never sends its first request,
or sends its header letter by letter, it keeps for ever. ``_Protocol`` gives every header a time limit, and lets a new
client in for the one that has been silent longest when there are too many.
"""

from __future__ import annotations

import asyncio

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from reviewer.service.body import Limits

_SECONDS_TO_END = 20


def uvicorn_config(app: ASGIApp, host: str, port: int, limits: Limits | None = None) -> uvicorn.Config:
    """How the application is served.

    Logging is left to ``log.configure``; every delivery is logged by the application, hence no access log. Forwarded
    addresses are not believed: nothing depends on a client's address. Each request gets a context of its own, because
    asyncio lets values that are bound for log lines leak from one request of a connection into the next.
    """
    chosen = limits or Limits()

    class Protocol(_Protocol):
        limits = chosen

    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Protocol,
        ws="none",
        lifespan="on",
        workers=1,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=chosen.connections + 1,
        h11_max_incomplete_event_size=chosen.head_bytes,
        timeout_keep_alive=chosen.idle_seconds,
        timeout_graceful_shutdown=_SECONDS_TO_END,
        reset_contextvars=True,
    )


class _Protocol(H11Protocol):
    """HTTP/1.1 on one connection, with a time limit for every header."""

    limits: Limits
    _ends: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a socket's transport; uvicorn narrows it too
        super().connection_made(transport)
        self._limit_time()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.transport.abort()  # nonsense after an answer that was already given
        if not self._waits():
            self._unlimit_time()
        elif self._ends is None:
            self._limit_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unlimit_time()
        super().connection_lost(exc)

    def _waits(self) -> bool:
        """Whether no request is being answered: a header is due, or the rest of a body nobody reads."""
        return self.cycle is None or self.cycle.response_complete

    def _limit_time(self) -> None:
        self._ends = self.loop.call_later(self.limits.head_seconds, self._end)

    def _unlimit_time(self) -> None:
        if self._ends is not None:
            self._ends.cancel()
            self._ends = None

    def _end(self) -> None:
        self._ends = None
        if self._waits() and not self.transport.is_closing():
            self.transport.close()

    def _make_room(self) -> None:
        """Ends the connection that has waited longest for a header."""
        waiting = [
            (other._ends.when(), id(other), other)
            for other in self.connections
            if isinstance(other, _Protocol) and other._ends is not None and not other.transport.is_closing()
        ]
        if waiting:
            min(waiting)[2].transport.abort()
