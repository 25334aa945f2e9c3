"""One review of one pull request: reads it, has it analysed, publishes. Doing it again writes nothing again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from typing import Literal

from structlog.contextvars import bind_contextvars

from reviewer.core.finding import Review
from reviewer.core.snapshot import is_relevant
from reviewer.github.errors import NotInstalled
from reviewer.github.patch import commentable_lines
from reviewer.github.repository import ChangedFile, Comparison, Pull
from reviewer.render.check import Check, Subject, check, irrelevant, together, trouble
from reviewer.render.plan import LOCKED, Plan
from reviewer.resources import built_in_rulebook
from reviewer.service.analysis import Content, mirror_key
from reviewer.service.publish import HeadMoved, Publisher, Request
from reviewer.service.store import PullKey, Reviewed, Store

MAX_TOGETHER = 3

State = Literal["concluded", "unchanged", "superseded", "closed", "gone"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a review ended, and other pull requests whose verdict it concerns."""

    state: State
    concerns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reviewer:
    """What reviews need. Safe to share between threads.

    Its methods raise what ``reviewer.github.errors`` and ``reviewer.sources`` name; each may be called again after.
    """

    store: Store
    content: Content
    details_url: str | None = None

    def review(self, request: Request) -> Outcome:
        """Reviews a pull request as it is now."""
        with self._publisher(request) as publisher:
            if publisher is None:
                return Outcome("gone")
            if self._is_outdated(request):
                return _replaced(publisher)
            return _Run(self, publisher).review()

    def close(self, request: Request) -> Outcome:
        """Ends what was begun for a pull request that is closed."""
        key, before = request.key, self.store.reviewed(request.key)
        if self.store.open_checks(key, request.generation):
            with self._publisher(request) as publisher:
                if publisher is not None:
                    publisher.close_checks()
        self.content.mirrors.forget(mirror_key(key), f"pull/{key.number}")
        return Outcome("closed", self._sharing(key, before.head) if before is not None else ())

    def give_up(self, request: Request, reason: str) -> Outcome:
        """Concludes the check of a review that cannot be finished, saying why."""
        with self._publisher(request) as publisher:
            if publisher is None:
                return Outcome("gone")
            if self._is_outdated(request):
                return _replaced(publisher)
            pull = self._shown(publisher)
            publisher.close_checks(but=pull.head if pull.is_open else None)
            if pull.is_open:
                publisher.conclude(pull.head, trouble(reason))
                self._unsettle(request.key, pull.head)
            return Outcome("concluded" if pull.is_open else "closed")

    def _unsettle(self, key: PullKey, head: str) -> None:
        """Lets the next review of a head write its verdict anew, even where it is the one from before the trouble."""
        before = self.store.reviewed(key)
        if before is not None and before.head == head:
            self.store.note(key, replace(before, digest=""))

    def _shown(self, publisher: Publisher) -> Pull:
        """The pull request as it is now, of a repository that may have got another name."""
        key, github = publisher.key, publisher.github
        pull = github.pull(key.number)
        if pull.full_name != github.full_name:  # GitHub leads readers to the new name, but not writers
            github.full_name = pull.full_name
            with self.store.engine.begin() as c:
                self.store.name(c, key.installation, key.repository, pull.full_name)
        return pull

    @contextmanager
    def _publisher(self, request: Request) -> Iterator[Publisher | None]:
        key = request.key
        name = self.store.full_name(key.repository)
        if name is None:
            yield None
            return
        app = self.content.app
        try:
            with app.repository(key.installation, key.repository, name) as github:
                yield Publisher(self.store, github, request, lambda: app.login, self.details_url)
        except NotInstalled:  # an event that came late, or the one that says so was lost
            with self.store.engine.begin() as c:
                self.store.drop_repositories(c, key.installation, [key.repository])
            self.content.mirrors.remove(mirror_key(key))
            raise

    def _is_outdated(self, request: Request) -> bool:
        return self.store.generation(request.key) != request.generation

    def _sharing(self, key: PullKey, head: str) -> tuple[int, ...]:
        return tuple(other.number for other in self.store.others(key, head))


def _replaced(publisher: Publisher) -> Outcome:
    """Ends a review that a newer one replaces."""
    publisher.close_checks()
    return Outcome("superseded")


class _Run:
    """One review under way."""

    def __init__(self, reviewer: Reviewer, publisher: Publisher) -> None:
        self.of = reviewer
        self.store = reviewer.store
        self.publisher = publisher
        self.request = publisher.request
        self.key = publisher.key
        self.before = self.store.reviewed(self.key)
        self.trusted = self.before is not None and not self.store.is_unsure(self.key)

    def review(self) -> Outcome:
        pull = self.of._shown(self.publisher)
        bind_contextvars(repository=pull.full_name, head=pull.head)
        if not pull.is_open:
            self.store.close(self.key)
            return self.of.close(self.request)
        comparison = self.publisher.github.compare(pull.base, pull.head)
        if not _is_relevant(comparison):
            return self._conclude(pull, comparison, irrelevant(pull.changed_files))
        if not self._is_repeated(pull):
            self.publisher.start(pull.head)
        review, notes = self.of.content.review(self.key, pull, comparison)
        if self.of._is_outdated(self.request):
            return _replaced(self.publisher)
        try:
            planned = self._comment(pull, review, comparison)
        except HeadMoved:
            return _replaced(self.publisher)
        subject = Subject(pull.url, pull.number, pull.head, comparison.merge_base, pull.changed_files, notes)
        outcome = self._conclude(pull, comparison, check(review, planned, subject, built_in_rulebook()))
        if review.verdict != "incomplete":
            self.store.unsay(self.key, (reported.fingerprint for reported in review.findings))
        return outcome

    def _comment(self, pull: Pull, review: Review, comparison: Comparison) -> Plan:
        if pull.is_locked:
            return self.publisher.list_only(review, LOCKED)
        speaks = any(reported.status == "introduced" for reported in review.findings)
        shown = _shown(self._files(comparison)) if speaks else {}
        return self.publisher.comment(pull.head, review, shown, self.trusted)

    def _files(self, comparison: Comparison) -> tuple[ChangedFile, ...]:
        return comparison.files if comparison.files is not None else self.publisher.github.files(self.key.number)

    def _is_repeated(self, pull: Pull) -> bool:
        """Whether this head was reviewed before, against the same branch, and nobody asked for a new check run."""
        before = self.before
        if before is None or not before.digest or self.request.mode == "asked":
            return False
        return (before.head, before.base_ref) == (pull.head, pull.base)

    def _conclude(self, pull: Pull, comparison: Comparison, own: Check) -> Outcome:
        """Publishes the verdict, unless it stands there already."""
        final = together(own, pull.number, self.store.others(self.key, pull.head))
        if self.before is not None and self._is_repeated(pull) and self.before.digest == _digest(final):
            self.publisher.close_checks()
            return Outcome("unchanged")
        made = Reviewed(pull.head, comparison.merge_base, comparison.base, pull.base, 0, own.conclusion, own.title, "")
        self.store.note(self.key, made)  # others with this head can see it from now on
        final = together(own, pull.number, self.store.others(self.key, pull.head))
        self.publisher.close_checks(but=pull.head)  # first: GitHub may show the run that is concluded last
        run = self.publisher.conclude(pull.head, final)
        for _ in range(MAX_TOGETHER):  # others may have come to a verdict on the same head meanwhile
            newer = together(own, pull.number, self.store.others(self.key, pull.head))
            if newer == final:
                break
            final = newer
            self.publisher.reconclude(run, final)
        self.store.note(self.key, replace(made, check_run=run, digest=_digest(final)))
        self.store.settle(self.key, self.request.generation)
        return Outcome("concluded", self._concerned(pull.head, own))

    def _concerned(self, head: str, own: Check) -> tuple[int, ...]:
        """Pull requests on the head that was left, and those on this one that were concluded as better than it is."""
        left = self.before.head if self.before is not None and self.before.head != head else None
        moved = self.of._sharing(self.key, left) if left is not None else ()
        return (*moved, *(other.number for other in self.store.others(self.key, head) if own.is_worse_than(other)))


def _is_relevant(comparison: Comparison) -> bool:
    """Whether any changed file is one the engine could read; a change too large to be listed counts as relevant."""
    if comparison.files is None:
        return True
    paths = (path for file in comparison.files for path in (file.path, file.previous_path) if path is not None)
    return any(map(is_relevant, paths))


def _shown(files: tuple[ChangedFile, ...]) -> dict[str, frozenset[int]]:
    """The lines GitHub takes comments on, by file."""
    return {file.path: commentable_lines(file.patch or "") for file in files}


def _digest(check: Check) -> str:
    return hashlib.sha256(repr(astuple(check)).encode("utf-8", "backslashreplace")).hexdigest()
