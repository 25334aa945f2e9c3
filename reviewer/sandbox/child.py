"""The limited process: reads blobs through its parent, analyses, answers with a review."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

from reviewer.core.analyse import Engine, analyse
from reviewer.core.compare import compare, scan
from reviewer.core.config import CONFIG_PATH, Config, ConfigError, InvalidConfig, load_config
from reviewer.core.diff import Diff
from reviewer.core.facts import FileFacts
from reviewer.core.files import FactsKey, NoCache
from reviewer.core.finding import Analysis
from reviewer.core.rulebook import Rulebook
from reviewer.core.snapshot import Blob, Entry, Missing, Snapshot
from reviewer.core.text import NotText, decode
from reviewer.sandbox import wire

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 240
FILE_CPU_SECONDS = 5.0
MAX_FRAME = 64 << 20
MAX_FACTS = 20_000
_CHUNK = 500


class _RemoteBlobs:
    """Blobs of one tree, asked of the parent in chunks."""

    def __init__(self, tree: str, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self.tree = tree
        self.incoming = incoming
        self.outgoing = outgoing

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        wanted = list(ids)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            wire.send(self.outgoing, wire.READ, json.dumps({"tree": self.tree, "ids": chunk}).encode())
            self.outgoing.flush()
            yield from list(zip(chunk, [self._blob() for _ in chunk], strict=True))

    def _blob(self) -> Blob:
        _, payload = wire.receive(self.incoming, MAX_FRAME)
        presence, content = payload[:1], payload[1:]
        if presence == wire.PRESENT:
            return content
        return next((reason for reason, sign in wire.MISSING.items() if sign == presence), Missing.ABSENT)


class _LimitedFacts(NoCache):
    """Facts for the life of the process. Each blob's analysis is announced and ended by the kernel when it lasts."""

    def __init__(self, outgoing: IO[bytes]) -> None:
        super().__init__()
        self.outgoing = outgoing
        self.quarantine: Mapping[str, str] = {}

    def put(self, key: FactsKey, facts: FileFacts) -> None:
        if len(self.facts) > MAX_FACTS:
            self.facts.clear()
        super().put(key, facts)

    def begin(self, path: str, id: str) -> str | None:
        if id in self.quarantine:
            return self.quarantine[id]
        self._announce({"path": path, "id": id})
        signal.setitimer(signal.ITIMER_PROF, FILE_CPU_SECONDS)
        return None

    def end(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._announce(None)

    def _announce(self, work: Mapping[str, str] | None) -> None:
        wire.send(self.outgoing, wire.WORKING, json.dumps(work).encode())
        self.outgoing.flush()


def limit_resources() -> None:
    """Memory, CPU time, files and core dumps, as far as the system has such limits."""
    import resource

    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        try:
            resource.setrlimit(name, (value, value))
        except (ValueError, OSError):
            continue  # a system with a lower hard limit, or without this one


def limit_job() -> None:
    """CPU time for one job, counted from now on; the kernel ends a process that exceeds it."""
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + CPU_SECONDS, hard))


def _config(request: Mapping[str, Any], snapshot: Snapshot, rulebook: Rulebook) -> Config:
    given = request["config"]
    if given is not None:
        return load_config(given["text"], rulebook, given["path"])
    if CONFIG_PATH not in snapshot.listing or snapshot.listing[CONFIG_PATH].kind != "file":
        return Config()
    raw = snapshot.read(CONFIG_PATH)
    try:
        reason = "" if isinstance(raw, bytes) else raw.value
        text = decode(raw).data.decode() if isinstance(raw, bytes) else ""
    except NotText as error:
        text, reason = "", str(error)
    if reason:
        raise InvalidConfig((ConfigError(CONFIG_PATH, 1, reason),))
    return load_config(text, rulebook)


def _answer(request: Mapping[str, Any], snapshots: Mapping[str, Snapshot], cache: _LimitedFacts) -> wire.Answer:
    from reviewer.checks import CHECKS
    from reviewer.resources import built_in_rulebook

    rulebook = built_in_rulebook()
    head, base = snapshots["head"], snapshots.get("base")
    config = _config(request, base if base is not None else head, rulebook)
    engine = Engine(rulebook, CHECKS, config, frozenset(request["only"]))
    known = {label: _known(text, engine) for label, text in request["known"].items()}
    analyses = {label: known.get(label) or analyse(tree, engine, cache) for label, tree in snapshots.items()}
    if base is None:
        review = scan(analyses["head"], config)
    else:
        review = compare(analyses["base"], analyses["head"], Diff(base, head), config)
    return wire.Answer(review, {label: made for label, made in analyses.items() if known.get(label) is not made})


def _known(text: str, engine: Engine) -> Analysis | None:
    """An analysis made earlier, unless it was made by other rules."""
    from pydantic import TypeAdapter

    analysis = TypeAdapter(Analysis).validate_json(text)
    return analysis if analysis.basis == engine.basis else None


def serve(incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """Answers requests until the parent closes the pipe."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(wire.Answer)
    cache = _LimitedFacts(outgoing)
    while True:
        try:
            _, payload = wire.receive(incoming, MAX_FRAME)
        except wire.WireError:
            return
        limit_job()
        request = json.loads(payload)
        cache.quarantine = request["quarantine"]
        snapshots = {
            label: Snapshot(
                {path: Entry(id, kind) for path, id, kind in listing}, _RemoteBlobs(label, incoming, outgoing)
            )
            for label, listing in request["trees"].items()
        }
        try:
            answer = wire.DONE, adapter.dump_json(_answer(request, snapshots, cache))
        except InvalidConfig as error:
            rows = [{"path": e.path, "line": e.line, "message": e.message} for e in error.errors]
            answer = wire.INVALID, json.dumps(rows).encode()
        except Exception as error:  # noqa: BLE001 - the parent turns it into a failed review
            answer = wire.CRASHED, f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")
        wire.send(outgoing, *answer)
        outgoing.flush()


def main() -> None:
    limit_resources()
    sys.setrecursionlimit(3_000)
    serve(sys.stdin.buffer, sys.stdout.buffer)
