"""A worker whose reviews are scripted: what they do is said in plain fields, or on the command line of a process."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.github.app import GitHubApp
from reviewer.service.analysis import Analysts, Content
from reviewer.service.database import connect, migrate
from reviewer.service.inbox import Desk
from reviewer.service.jobs import DurableQueue, Worker
from reviewer.service.publish import Request
from reviewer.service.review import Outcome, Reviewer
from reviewer.service.store import PullKey, Store
from reviewer.service.surveys import Surveyor
from reviewer.sources import Mirrors
from tests.standin.auth import key_pair


@dataclass
class Script:
    """What reviews do, by number of the pull request, and what was done."""

    acts: dict[int, Callable[[Request], Outcome]] = field(default_factory=dict)
    reviewed: list[Request] = field(default_factory=list)
    given_up: list[tuple[Request, str]] = field(default_factory=list)

    def of(self, number: int) -> list[Request]:
        return [request for request in self.reviewed if request.key.number == number]

    def reasons(self, number: int) -> list[str]:
        return [reason for request, reason in self.given_up if request.key.number == number]


@dataclass(frozen=True)
class ScriptedReviewer(Reviewer):
    """Does what its script says."""

    script: Script = field(default_factory=Script)

    def review(self, request: Request, is_last_try: bool = False) -> Outcome:  # noqa: ARG002 - the signature of the real one
        self.script.reviewed.append(request)
        act = self.script.acts.get(request.key.number)
        return act(request) if act is not None else Outcome("concluded")

    def give_up(self, request: Request, reason: str, is_ours: bool = True) -> Outcome:
        self.script.given_up.append((request, reason if is_ours else f"the change: {reason}"))
        return Outcome("concluded")


@dataclass(frozen=True)
class ScriptedSurveyor(Surveyor):
    """Notes what it is asked to look through."""

    asked: list[tuple[int, int | None, str | None]] = field(default_factory=list)

    def survey(self, installation: int, repository: int | None, head: str | None) -> None:
        self.asked.append((installation, repository, head))


@dataclass(frozen=True)
class Workshop:
    """A worker that runs, and what there is around it."""

    url: str
    store: Store
    queue: DurableQueue
    desk: Desk
    worker: Worker
    script: Script
    surveyor: ScriptedSurveyor
    mirrors: Mirrors

    def ask(self, *keys: PullKey) -> None:
        self.desk.ask(keys)


@contextmanager
def working(url: str, folder: Path, script: Script, size: int = 4, patience: float = 0.0) -> Iterator[Workshop]:
    """A worker from start to stop."""
    engines = [connect(url, 2), connect(url, 5)]
    migrate(engines[0])
    queue, store = DurableQueue(engines[0]), Store(engines[1])
    desk = Desk(store, queue)
    app, analysts = GitHubApp("1", key_pair()[0], "http://127.0.0.1:9"), Analysts(1)
    mirrors = Mirrors(folder / "mirrors", 10**9)
    content = Content(store, app, mirrors, analysts, "http://127.0.0.1:9")
    surveyor = ScriptedSurveyor(store, app, desk)
    worker = Worker(url, size, ScriptedReviewer(store, content, None, script), surveyor, desk, patience)
    worker.start()
    try:
        yield Workshop(url, store, queue, desk, worker, script, surveyor, mirrors)
    finally:
        worker.stop(5)
        queue.close_connections()
        analysts.close()
        app.close()
        for engine in engines:
            engine.dispose()


def tell(line: str) -> None:
    """Writes a line of its own, whatever the log writes meanwhile: at once, and with an end before it."""
    sys.stdout.write(f"\n{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    """A process: reviews say their numbers, and take their time; number 666 ends the process."""
    url, folder, seconds = arguments
    say = threading.Lock()

    def act(request: Request) -> Outcome:
        with say:
            tell(f"begin {request.key.number}")
        if request.key.number == 666:
            os._exit(9)
        time.sleep(float(seconds))
        with say:
            tell(f"end {request.key.number}")
        return Outcome("concluded")

    script = Script(dict.fromkeys(range(1000), act))
    with working(url, Path(folder), script):
        tell("ready")
        while True:
            time.sleep(0.1)
            for request, reason in script.given_up:
                tell(f"given up {request.key.number} {reason}")
            script.given_up.clear()


if __name__ == "__main__":
    main(sys.argv[1:])
