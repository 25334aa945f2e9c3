"""Starts the limited process, feeds it blobs, and replaces it when it breaks a limit."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

from reviewer.core.finding import Analysis, Problem, Review
from reviewer.core.snapshot import Entry
from reviewer.sandbox import wire
from reviewer.sources import Tree

MAX_OUTPUT = 64 << 20
MAX_SECONDS = 300.0  # of one analysis by the clock; a child that waits uses no CPU time
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


_LATE = "the analysis took longer than the limit"


class AnalysisFailed(Exception):
    """The analysis as a whole came to no result."""


class ConfigurationInvalid(Exception):
    """The configuration cannot be used; ``errors`` are (path, line, message)."""

    def __init__(self, errors: tuple[tuple[str, int, str], ...]) -> None:
        super().__init__("\n".join(f"{path}:{line}: {message}" for path, line, message in errors))
        self.errors = errors


class Analyses(Protocol):
    """Analyses made earlier, as JSON, by the id of their tree and a name for the configuration they were made under."""

    def get(self, tree: str, config: str) -> str | None: ...

    def put(self, tree: str, config: str, analysis: str) -> None: ...


@dataclass(frozen=True)
class Job:
    """What to analyse: one tree, or a base and a head. ``config`` is (name, text) and overrides the repository's.

    ``analyses`` is where analyses are kept and looked for; it is used only where ``config`` is given. A child that
    worked for one ``owner`` never works for another.
    """

    head: Tree
    base: Tree | None = None
    only: tuple[str, ...] = ()
    config: tuple[str, str] | None = None
    analyses: Analyses | None = None
    owner: str = ""

    @property
    def trees(self) -> dict[str, Tree]:
        return {"head": self.head} if self.base is None else {"base": self.base, "head": self.head}

    def known(self) -> dict[str, str]:
        """Analyses made earlier, by the label of the tree."""
        found = {label: self.analyses.get(*key) for label, key in self._keys() if self.analyses is not None}
        return {label: text for label, text in found.items() if text is not None}

    def keep(self, made: Mapping[str, Analysis]) -> None:
        """Keeps what was analysed without trouble: trouble may be gone the next time."""
        from pydantic import TypeAdapter

        for label, key in self._keys():
            analysis = made.get(label)
            if self.analyses is not None and analysis and all(p.kind != "failed" for p in analysis.problems):
                self.analyses.put(*key, TypeAdapter(Analysis).dump_json(analysis).decode())

    def _keys(self) -> Iterator[tuple[str, tuple[str, str]]]:
        if self.analyses is not None and self.config is not None:
            name = hashlib.sha256("\0".join((self.config[1], *self.only)).encode()).hexdigest()[:32]
            for label, tree in self.trees.items():
                if tree.id is not None:
                    yield label, (tree.id, name)


@dataclass
class Analyst:
    """Runs jobs in a limited child, one after another. Close it, or use it as a context."""

    _process: subprocess.Popen[bytes] | None = None
    max_seconds: float = MAX_SECONDS
    _quarantine: dict[str, str] = field(default_factory=dict)
    _owner: str = ""

    def __enter__(self) -> Analyst:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, owner: str = "") -> None:
        """Starts the child ahead of a job for an owner, so that it loads while its parent does something else."""
        self._work_for(owner)
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
        return self.answer(job).review

    def answer(self, job: Job) -> wire.Answer:
        """The review of a job and the analyses made for it, none where it came to nothing. Raises like ``review``."""
        # A file that was blamed once for what the system did is given another chance.
        self._quarantine = {id: why for id, why in self._quarantine.items() if why != _SIGNALS[signal.SIGKILL]}
        listings = {label: dict(tree.listing()) for label, tree in job.trees.items()}
        reason = ""
        for _ in range(MAX_QUARANTINED + 1):
            self.start(job.owner)
            attempt = _Attempt(self._running(), job.trees, listings)
            deadline = _Deadline(self._running(), self.max_seconds)
            try:
                with deadline:
                    answer = attempt.run(self._request(job, listings))
                job.keep(answer.analyses)
                return answer
            except AnalysisFailed as error:
                reason = str(error)
                self.close()
                break
            except (wire.WireError, BrokenPipeError) as error:
                reason = _LATE if deadline.has_passed else self._cause_of_death(error)
                self.close()
                if attempt.working is None or reason in (_LATE, _SIGNALS[signal.SIGXCPU]):
                    break
                self._quarantine[attempt.working] = reason
            except BaseException:
                self.close()
                raise
        return wire.Answer(Review((), (), (Problem("failed", "", f"nothing was analysed: {reason}"),), "incomplete"))

    def _work_for(self, owner: str) -> None:
        if owner != self._owner:
            self.close()
            self._quarantine.clear()
            self._owner = owner

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AnalysisFailed("the analysis process is not running")
        return self._process

    def _request(self, job: Job, listings: Mapping[str, Mapping[str, Entry]]) -> bytes:
        trees = {label: [[p, e.id, e.kind] for p, e in listing.items()] for label, listing in listings.items()}
        config = {"path": job.config[0], "text": job.config[1]} if job.config is not None else None
        request = {"trees": trees, "config": config, "only": job.only, "quarantine": self._quarantine}
        return json.dumps({**request, "known": job.known()}).encode()

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


class _Deadline:
    """Kills a child that has not answered by then; it may be waiting, which costs no CPU time."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.has_passed = False
        self._process = process
        self._timer = threading.Timer(seconds, self._pass)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.has_passed = True
        self._process.kill()


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

    def run(self, request: bytes) -> wire.Answer:
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


def _decode(payload: bytes) -> wire.Answer:
    """What the child sent, checked member by member: the child is not trusted."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(wire.Answer).validate_json(payload)
    except ValidationError as error:
        raise AnalysisFailed(f"the analysis sent something that is no review ({error.error_count()} errors)") from None
