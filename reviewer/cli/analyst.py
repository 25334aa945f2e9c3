"""The one analysis process of a command."""

from __future__ import annotations

import atexit
from collections.abc import Sequence
from functools import cache

from reviewer.sandbox import Analyst


@cache
def analyst() -> Analyst:
    started = Analyst()
    atexit.register(started.close)
    return started


def start_early(arguments: Sequence[str]) -> None:
    """Starts the process for commands that will need it."""
    if arguments and arguments[0] in ("scan", "diff", "profile") and "--help" not in arguments:
        analyst().start()
