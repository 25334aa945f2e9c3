"""Reading a snapshot: decoded sources and facts by path, each at most once, troubles noted instead of raised."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal, Protocol, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from reviewer.core.extract import extract, extract_imports, extract_surface
from reviewer.core.facts import FileFacts, Import
from reviewer.core.finding import Problem
from reviewer.core.snapshot import MAX_SCRIPT_BYTES, Blob, Missing, Snapshot, why_missing, within_limit
from reviewer.core.syntax import TooComplex, language_of
from reviewer.core.text import NotText, Source, decode, why_skipped

Words = tuple[tuple[bytes, ...], ...]

T = TypeVar("T")

KEEP_BYTES = 64 * 1024 * 1024


Level = Literal["full", "surface", "imports"]
_EXTRACTS = {"full": extract, "surface": extract_surface, "imports": extract_imports}
FactsKey = tuple[str, str, Level]


class FactsCache(Protocol):
    """Facts by (blob id, language, level). ``begin`` and ``end`` bracket the analysis of one blob."""

    def get(self, key: FactsKey) -> FileFacts | None: ...

    def put(self, key: FactsKey, facts: FileFacts) -> None: ...

    def begin(self, path: str, id: str) -> str | None: ...

    def end(self) -> None: ...


class NoCache:
    """Keeps facts for the life of one process, and puts no limits on an analysis."""

    def __init__(self) -> None:
        self.facts: dict[FactsKey, FileFacts] = {}

    def get(self, key: FactsKey) -> FileFacts | None:
        return self.facts.get(key)

    def put(self, key: FactsKey, facts: FileFacts) -> None:
        self.facts[key] = facts

    def begin(self, path: str, id: str) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Why the blob must not be analysed, or None."""
        return None

    def end(self) -> None:
        return None


class Files:
    """The files of one snapshot."""

    def __init__(self, snapshot: Snapshot, cache: FactsCache) -> None:
        self.snapshot = snapshot
        self.listing = snapshot.listing
        self.cache = cache
        self.problems: dict[str, Problem] = {}
        self.incomplete: set[str] = set()
        self.unread: dict[str, tuple[tuple[int, int], ...]] = {}
        self.parsed = 0
        self._blobs: dict[str, Blob] = {}
        self._kept = 0
        self._facts: dict[tuple[str, Level], FileFacts | None] = {}
        self._sources: dict[str, Source | None] = {}
        self._by_name: dict[str, list[str]] = {}
        for path, entry in snapshot.listing.items():
            if entry.kind == "file":
                self._by_name.setdefault(path[path.rfind("/") + 1 :], []).append(path)

    def paths(self, name: str) -> list[str]:
        """Every regular file of that base name, in listing order."""
        return self._by_name.get(name, [])

    def names(self) -> Iterable[str]:
        return self._by_name.keys()

    def below(self, directory: str) -> list[str]:
        """Every path below a directory, sorted."""
        paths = self._sorted
        return paths[bisect_left(paths, f"{directory}/") : bisect_left(paths, f"{directory}0")] if directory else paths

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.listing)  # "0" follows "/" in the order of characters

    @cached_property
    def workflows(self) -> tuple[str, ...]:
        """The workflow files of GitHub Actions."""
        return tuple(path for path in self.below(".github/workflows") if self.is_file(path))

    def is_file(self, path: str) -> bool:
        entry = self.listing.get(path)
        return entry is not None and entry.kind == "file"

    @property
    def held(self) -> Mapping[str, bytes]:
        """The blobs that were read and are kept, by id."""
        return {id: blob for id, blob in self._blobs.items() if isinstance(blob, bytes)}

    # -- problems ---------------------------------------------------------------------------------------------------

    def skip(self, path: str, message: str) -> None:
        self._note("skipped", path, message)

    def fail(self, path: str, message: str) -> None:
        self._note("failed", path, message)

    def _note(self, kind: str, path: str, message: str) -> None:
        self.incomplete.add(path)
        known = self.problems.get(path)
        if known is None or (known.kind, kind) == ("skipped", "failed"):  # the graver one is told
            self.problems[path] = Problem("failed" if kind == "failed" else "skipped", path, message)

    # -- bytes --------------------------------------------------

    def prefetch(self, paths: Iterable[str]) -> None:
        """Reads blobs in one go, as far as they may be kept."""
        wanted = {self.listing[path].id for path in paths if self.is_file(path)} - self._blobs.keys()
        if self._kept < KEEP_BYTES:
            for id, blob in self.snapshot.blobs.read(sorted(wanted)):
                self._keep(id, blob)

    def _keep(self, id: str, blob: Blob) -> None:
        if self._kept < KEEP_BYTES and id not in self._blobs:
            self._blobs[id] = blob
            self._kept += len(blob) if isinstance(blob, bytes) else 0

    def raw(self, path: str) -> bytes | None:
        """The bytes of a regular file; None with a problem noted where they cannot be had."""
        id = self.listing[path].id
        blob = within_limit(path, self._blobs[id]) if id in self._blobs else self.snapshot.read(path)
        if isinstance(blob, bytes):
            self._keep(id, blob)
            return blob
        if blob is Missing.TOO_LARGE:
            self.skip(path, why_missing(path, blob))
        else:
            self.fail(path, why_missing(path, blob))
        return None

    def source(self, path: str) -> Source | None:
        """A file's text; None with a problem noted where it has none."""
        if path not in self._sources:
            self._sources[path] = self._decode(path)
        return self._sources[path]

    def _decode(self, path: str) -> Source | None:
        if not self.is_file(path):
            if path in self.listing:
                self.skip(path, f"it is a {self.listing[path].kind}, which is not followed")
            return None
        raw = self.raw(path)
        if raw is None:
            return None
        try:
            return decode(raw)
        except NotText as error:
            self.skip(path, str(error))
            return None

    def containing(self, paths: Sequence[str], words: Mapping[str, Words]) -> dict[str, set[str]]:
        """For each group, the paths whose bytes hold all words of one of its sets. Unreadable files are noted."""
        self.prefetch(paths)
        found: dict[str, set[str]] = {group: set() for group in words}
        first, sets = _by_first_word(words)
        for path in paths:
            blob = self.raw(path)
            if blob is None:
                continue
            if blob[:2] in (b"\xff\xfe", b"\xfe\xff"):
                blob = blob.replace(b"\0", b"")
            for index in {match[0] for match in first.find_matches_as_indexes(blob, overlapping=True)}:
                for needles, groups in sets[index]:
                    if all(needle in blob for needle in needles):
                        for group in groups:
                            found[group].add(path)
        return found

    # -- facts --------------------------------------------------

    def facts(self, path: str) -> FileFacts | None:
        """The facts of a script; None with a problem noted where there are none."""
        return self._known(path, "full")

    def surface(self, path: str) -> FileFacts | None:
        """The facts of a script's module level, or all of them where those are known."""
        return self._known(path, "full" if (path, "full") in self._facts else "surface")

    def imports(self, path: str) -> tuple[Import, ...]:
        """What a script imports at its module level, read by themselves unless more is known; none without facts."""
        levels: tuple[Level, ...] = ("full", "surface")
        facts = self._known(path, next((level for level in levels if (path, level) in self._facts), "imports"))
        return facts.imports if facts is not None else ()

    def _known(self, path: str, level: Level) -> FileFacts | None:
        if (path, level) not in self._facts:
            self._facts[path, level] = None
            self._facts[path, level] = self._extract(path, level)
        return self._facts[path, level]

    def _extract(self, path: str, level: Level) -> FileFacts | None:
        language, source = language_of(path), self.source(path)
        if language is None or source is None or not self._worth_parsing(path, source):
            return None
        key = (self.listing[path].id, language, level)
        facts = self.cache.get(key)
        if facts is None:
            facts = self._guarded(path, key, source)
        if facts is not None and facts.unread:
            self.unread[path] = facts.unread
            self.skip(path, f"the parser could not read the part near line {facts.unread[0][0]}; the rest was analysed")
        return facts

    def _worth_parsing(self, path: str, source: Source) -> bool:
        if len(source.data) > MAX_SCRIPT_BYTES:
            self.skip(path, f"it has {len(source.data):,} bytes (limit {MAX_SCRIPT_BYTES:,})")
            return False
        if (reason := why_skipped(source.data)) is not None:
            self.skip(path, reason)
            return False
        return True

    def _guarded(self, path: str, key: FactsKey, source: Source) -> FileFacts | None:
        facts = self._limited(path, key[0], lambda: _EXTRACTS[key[2]](source, key[1]))
        if facts is not None:
            self.parsed += 1
            self.cache.put(key, facts)
        return facts

    def read(self, path: str, reader: Callable[[Source, str], T]) -> T | None:
        """What *reader* makes of a script and its language, ``parse`` its tree, under the limits for one file.

        None where the script cannot be analysed, or not by *reader*, with a problem noted. It asks for no other file.
        """
        source, language = self.source(path), language_of(path)
        if source is None or language is None or self.surface(path) is None:
            return None
        return self._limited(path, self.listing[path].id, lambda: reader(source, language))

    def _limited(self, path: str, id: str, work: Callable[[], T]) -> T | None:
        if (reason := self.cache.begin(path, id)) is not None:
            self.fail(path, reason)
            return None
        try:
            return work()
        except TooComplex as error:
            self.fail(path, str(error))
        except MemoryError:
            self.fail(path, "it needed more memory than the limit")
        except Exception as error:  # noqa: BLE001 - one file's crash costs that file only
            self.fail(path, f"the analysis crashed ({type(error).__name__}: {error})")
        finally:
            self.cache.end()
        return None


def _by_first_word(
    words: Mapping[str, Words],
) -> tuple[BytesAhoCorasick, list[list[tuple[tuple[bytes, ...], list[str]]]]]:
    """A search for short words, and by the index of each: the sets whose first word holds it, with their groups."""
    groups: dict[tuple[bytes, ...], list[str]] = {}
    for group, alternatives in words.items():
        for needles in dict.fromkeys(alternatives):
            groups.setdefault(needles, []).append(group)
    short = _shortest({needles[0] for needles in groups})
    sets: list[list[tuple[tuple[bytes, ...], list[str]]]] = [[] for _ in short]
    for needles, named in groups.items():
        sets[next(index for index, word in enumerate(short) if word in needles[0])].append((needles, named))
    return BytesAhoCorasick(short), sets


def _shortest(words: Iterable[bytes]) -> list[bytes]:
    """The words that hold no other of the words: bytes with none of these have none at all."""
    kept: list[bytes] = []
    for word in sorted(words, key=lambda word: (len(word), word)):
        if not any(shorter in word for shorter in kept):
            kept.append(word)
    return kept
