"""Starts the limited process, feeds it blobs, and replaces it when it breaks a limit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from reviewer.core.finding import Problem, Review
from reviewer.core.snapshot import Entry
from reviewer.sandbox import wire
from reviewer.sources import Tree

MAX_OUTPUT = 64 << 20
MAX_QUARANTINED = 25

T = TypeVar("T")

_START = "import sys; sys.path.insert(0, {root!r}); from reviewer.sandbox.child import main; main()"
_SIGNALS: Mapping[int, str] = {
    signal.SIGPROF: "it needed more CPU time than the limit for one file",
    signal.SIGXCPU: "the analysis needed more CPU time than the limit",
    signal.SIGABRT: "it needed more memory than the limit",
    signal.SIGSEGV: "it crashed the parser",
    signal.SIGKILL: "its analysis was killed by the system (out of memory?)",
}


class AnalysisFailed(Exception):
    """The analysis as a whole came to no result."""


class ConfigurationInvalid(Exception):
    """The configuration cannot be used; ``errors`` are (path, line, message)."""

    def __init__(self, errors: tuple[tuple[str, int, str], ...]) -> None:
        super().__init__("\n".join(f"{path}:{line}: {message}" for path, line, message in errors))
        self.errors = errors


@dataclass(frozen=True)
class Job:
    """What to analyse: one tree, or a base and a head. ``config`` is (name, text) and overrides the repository's."""

    head: Tree
    base: Tree | None = None
    only: tuple[str, ...] = ()
    config: tuple[str, str] | None = None


@dataclass
class Analyst:
    """Runs jobs in a limited child, one after another. Close it, or use it as a context."""

    _process: subprocess.Popen[bytes] | None = None
    _quarantine: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Analyst:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts the child ahead of the first job, so that both can load at the same time."""
        if self._process is None or self._process.poll() is not None:
            root = str(Path(__file__).resolve().parent.parent.parent)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START.format(root=root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C.UTF-8"},
            )

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def review(self, job: Job) -> Review:
        """The review of a job. Raises ConfigurationInvalid; trouble with single files becomes *failed* problems."""
        trees = {"head": job.head} if job.base is None else {"base": job.base, "head": job.head}
        listings = {label: dict(tree.listing()) for label, tree in trees.items()}
        reason = ""
        for _ in range(MAX_QUARANTINED + 1):
            self.start()
            attempt = _Attempt(self._running(), trees, listings)
            try:
                return attempt.run(self._request(job, listings))
            except AnalysisFailed as error:
                reason = str(error)
                self.close()
                break
            except (wire.WireError, BrokenPipeError) as error:
                reason = self._cause_of_death(error)
                self.close()
                if attempt.working is None or reason == _SIGNALS[signal.SIGXCPU]:
                    break
                self._quarantine[attempt.working] = reason
            except BaseException:
                self.close()
                raise
        return Review((), (), (Problem("failed", "", f"nothing was analysed: {reason}"),), "incomplete")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AnalysisFailed("the analysis process is not running")
        return self._process

    def _request(self, job: Job, listings: Mapping[str, Mapping[str, Entry]]) -> bytes:
        trees = {label: [[p, e.id, e.kind] for p, e in listing.items()] for label, listing in listings.items()}
        config = {"path": job.config[0], "text": job.config[1]} if job.config is not None else None
        request = {"trees": trees, "config": config, "only": job.only, "quarantine": self._quarantine}
        return json.dumps(request).encode()

    def _cause_of_death(self, error: Exception) -> str:
        if isinstance(error, wire.Violation):
            return f"its analysis sent {error}"
        try:
            status = self._running().wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "its analysis closed the pipe without an answer"
        if status < 0:
            number = -status
            return _SIGNALS.get(number, f"its analysis ended with signal {number}")
        return f"its analysis ended with exit status {status}"


class _Attempt:
    """One conversation with a child: answers its questions until it is done."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        trees: Mapping[str, Tree],
        listings: Mapping[str, Mapping[str, Entry]],
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise AnalysisFailed("the analysis process has no pipes")
        self.outgoing: IO[bytes] = process.stdin
        self.incoming: IO[bytes] = process.stdout
        self.trees = trees
        self.known = {label: {entry.id for entry in listing.values()} for label, listing in listings.items()}
        self.working: str | None = None

    def run(self, request: bytes) -> Review:
        wire.send(self.outgoing, wire.REQUEST, request)
        self.outgoing.flush()
        while True:
            kind, payload = wire.receive(self.incoming, MAX_OUTPUT)
            if kind == wire.READ:
                self._answer(*_parsed(payload, lambda value: (value["tree"], list(map(str, value["ids"])))))
            elif kind == wire.WORKING:
                self.working = _parsed(payload, lambda value: None if value is None else str(value["id"]))
            elif kind == wire.DONE:
                return _decode(payload)
            elif kind == wire.INVALID:
                rows = _parsed(
                    payload, lambda value: [(str(r["path"]), int(r["line"]), str(r["message"])) for r in value]
                )
                raise ConfigurationInvalid(tuple(rows))
            else:
                raise AnalysisFailed(f"the analysis crashed ({payload.decode('utf-8', 'replace')})")

    def _answer(self, label: str, ids: list[str]) -> None:
        """Blobs of the tree the child was given; it can ask for no others."""
        if label not in self.trees or not self.known[label].issuperset(ids):
            raise wire.Violation("a question for objects outside the tree")
        for _, blob in self.trees[label].read(ids):
            answer = wire.PRESENT + blob if isinstance(blob, bytes) else wire.MISSING[blob]
            wire.send(self.outgoing, wire.BLOB, answer)
        self.outgoing.flush()


def _parsed(payload: bytes, read: Callable[[Any], T]) -> T:
    """What *read* takes from a message. The child is not trusted: it may have sent anything."""
    try:
        return read(json.loads(payload))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise wire.Violation("something that is no message") from None


def _decode(payload: bytes) -> Review:
    """The review the child sent, checked member by member: the child is not trusted."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Review).validate_json(payload)
    except ValidationError as error:
        raise AnalysisFailed(f"the analysis sent something that is no review ({error.error_count()} errors)") from None
