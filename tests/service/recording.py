"""Logging as it is configured for the service, into memory."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from reviewer.service.log import PINNED, Format, configure

CHANGED = ("", "uvicorn", "uvicorn.error", "uvicorn.asgi", "alembic", "sqlalchemy", *PINNED)


class Recording(io.StringIO):
    """What was logged."""

    def clear(self) -> None:
        self.seek(0)
        self.truncate()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """JSON lines."""
        return [json.loads(line) for line in self.getvalue().splitlines()]

    @property
    def troubles(self) -> list[dict[str, Any]]:
        """What was logged as an error, or with a traceback."""
        return [line for line in self.lines if line["level"] in ("error", "critical") or "exception" in line]


@contextmanager
def recorded(format: Format = "json", secrets: Sequence[str] = (), level: int = logging.INFO) -> Iterator[Recording]:
    """Configures logging, and leaves everything as it was."""
    loggers = [logging.getLogger(name) for name in CHANGED]
    before = [(found, list(found.handlers), found.level, found.propagate) for found in loggers]
    structure = structlog.get_config() if structlog.is_configured() else None
    recording = Recording()
    for found in loggers:
        found.setLevel(logging.NOTSET)  # a server in the same process may have silenced uvicorn's
    configure(format, level, secrets, recording)
    try:
        yield recording
    finally:
        structlog.reset_defaults()
        if structure is not None:
            structlog.configure(**structure)
        for found, handlers, old_level, propagate in before:
            found.handlers[:], found.propagate = handlers, propagate
            found.setLevel(old_level)
