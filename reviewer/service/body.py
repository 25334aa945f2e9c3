"""Reading request bodies: how large, how long, how many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client can ask of the web server.

    GitHub sends at most 25 MB, and nothing at all where it would be more; its deliveries are about 25 KB. Bodies up to
    *small_bytes* and the larger ones are counted apart, so that a few large ones neither fill the memory nor keep the
    others waiting. The most that bodies can hold is ``bodies * small_bytes + large_bodies * body_bytes``: 125 MB.
    """

    body_bytes: int = 25 * MEGABYTE
    body_seconds: float = 10
    small_bytes: int = MEGABYTE // 4
    bodies: int = 200
    large_bodies: int = 3
    head_bytes: int = 16 * 1024
    head_seconds: float = 10
    idle_seconds: int = 5
    connections: int = 500


class TooLarge(Exception):
    """The body is larger than allowed."""


class TooSlow(Exception):
    """The body did not arrive in time."""


class TooMany(Exception):
    """Other bodies are being read, and none of them ended in time."""


class Truncated(Exception):
    """The client went away before the body ended."""


class BodyReader:
    """Reads the bodies of one application's requests within its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = asyncio.Semaphore(limits.bodies)
        self._large = asyncio.Semaphore(limits.large_bodies)

    def refuse_declared(self, request: Request) -> None:
        """Raises TooLarge, before anything is read, when the request announces a body that is larger than allowed."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and (len(length) > 18 or int(length) > self._limits.body_bytes):
            raise TooLarge

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytearray]:
        """The body; it counts as held until the context ends. Raises one of this module's exceptions."""
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    await self._wait(held, self._all)
                    body = await self._received(request, held)
            except TimeoutError:
                raise TooSlow from None
            except ClientDisconnect:
                raise Truncated from None
            yield body

    async def _received(self, request: Request, held: AsyncExitStack) -> bytearray:
        body = bytearray()
        async with aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                size = len(body) + len(chunk)
                if size > self._limits.body_bytes:
                    raise TooLarge
                if len(body) <= self._limits.small_bytes < size:
                    await self._wait(held, self._large)
                body += chunk
        return body

    async def _wait(self, held: AsyncExitStack, slots: asyncio.Semaphore) -> None:
        """Takes a slot. Half of the time is left for reading, or for the answer that there was none."""
        try:
            async with asyncio.timeout(self._limits.body_seconds / 2):
                await held.enter_async_context(slots)
        except TimeoutError:
            raise TooMany from None
