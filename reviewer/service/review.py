"""One review of one pull request: reads it, has it analysed, publishes. Doing it again writes nothing again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from structlog.contextvars import bind_contextvars

from reviewer.core.finding import Review
from reviewer.core.snapshot import is_relevant
from reviewer.github.errors import Gone, NotInstalled, Refused, Unsure
from reviewer.github.patch import commentable_lines
from reviewer.github.repository import ChangedFile, Comparison, Pull
from reviewer.render.check import Check, Subject, check, irrelevant, still, together, trouble
from reviewer.render.plan import LOCKED, Plan
from reviewer.resources import built_in_rulebook
from reviewer.service.analysis import Content, mirror_key
from reviewer.service.log import logger
from reviewer.service.publish import HeadMoved, Publisher, Request, digest_of
from reviewer.service.store import PullKey, Reviewed, Store

MAX_TOGETHER = 3
MAY_NOT_COMMENT = "the App may not comment here (`pull_requests: write` is missing, or comments are limited)"
NOT_TAKEN = "GitHub took no comments"

log = logger(__name__)

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

    def review(self, request: Request, is_last_try: bool = False) -> Outcome:
        """Reviews a pull request as it is now. On the last try a verdict without comments is better than none."""
        with self._publisher(request) as publisher:
            if publisher is None:
                return Outcome("gone")
            if self._is_outdated(request):
                return self._replaced(publisher)
            return _Run(self, publisher, is_last_try).review()

    def give_up(self, request: Request, reason: str, is_ours: bool = True) -> Outcome:
        """Concludes the check of a review that cannot be finished, saying why and whose trouble it is."""
        with self._publisher(request) as publisher:
            if publisher is None:
                return Outcome("gone")
            if self._is_outdated(request):
                return self._replaced(publisher)
            pull = self._shown(publisher)
            if not pull.is_open:
                return self._closed(publisher, pull.head)
            closed = publisher.close_checks(but=pull.head)
            own = self._trouble(pull, request.key, reason, is_ours)
            self.store.note(request.key, Reviewed(pull.head, pull.base, own.conclusion, own.title))
            publisher.conclude(pull.head, together(own, pull.number, self.store.others(request.key, pull.head)))
            log.warning("review given up", reason=reason, conclusion=own.conclusion)
            left = self.store.left(request.key)
            return Outcome("concluded", self._sharing(request.key, *closed, *([left] if left is not None else [])))

    def _trouble(self, pull: Pull, key: PullKey, reason: str, is_ours: bool) -> Check:
        """What a review without an end means: a failure known before stays one."""
        before = self.store.reviewed(key)
        place = (pull.head, pull.base, "failure")
        if before is not None and (before.head, before.base_ref, before.conclusion) == place:
            return still("failure", before.title, reason)
        return trouble(reason, "neutral" if is_ours else "failure")

    def _closed(self, publisher: Publisher, head: str) -> Outcome:
        """Ends what was begun for a pull request that is closed, and has its part in the check of a head taken out."""
        key = publisher.key
        self.store.close(key)
        closed = publisher.close_checks()
        self.store.settle(key, publisher.request.generation, knows_comments=False)
        self.content.mirrors.forget(mirror_key(key), f"pull/{key.number}")
        before = self.store.reviewed(key)
        return Outcome("closed", self._sharing(key, *closed, head, *([before.head] if before is not None else [])))

    def _replaced(self, publisher: Publisher) -> Outcome:
        """Ends a review that a newer one replaces."""
        return Outcome("superseded", self._sharing(publisher.key, *publisher.close_checks()))

    def _shown(self, publisher: Publisher) -> Pull:
        """The pull request as it is now, of a repository that may have got another name."""
        key, github = publisher.key, publisher.github
        pull = github.pull(key.number)
        if pull.repository != key.repository:
            raise Gone(f"the name {github.full_name} belongs to another repository now")
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

    def _sharing(self, key: PullKey, *heads: str) -> tuple[int, ...]:
        """Other open pull requests with one of these heads."""
        return tuple(sorted({other.number for head in heads for other in self.store.others(key, head)}))


class _Run:
    """One review under way."""

    def __init__(self, reviewer: Reviewer, publisher: Publisher, is_last_try: bool) -> None:
        self.of = reviewer
        self.store = reviewer.store
        self.publisher = publisher
        self.request = publisher.request
        self.key = publisher.key
        self.is_last_try = is_last_try
        self.before = self.store.reviewed(self.key)
        # A review that came to no end read no comments.
        ended = self.before is not None and self.before.conclusion != "neutral"
        publisher.knows_comments = ended and not self.store.is_unsure(self.key)

    def review(self) -> Outcome:
        pull = self.of._shown(self.publisher)
        bind_contextvars(repository=pull.full_name, head=pull.head)
        if not pull.is_open:
            return self.of._closed(self.publisher, pull.head)
        comparison = self.publisher.github.compare(pull.base, pull.head)
        if not _is_relevant(comparison):
            return self._conclude(pull, irrelevant(pull.changed_files))
        if not self._is_repeated(pull):
            self.publisher.start(pull.head)
        review, notes = self.of.content.review(self.key, pull, comparison)
        if self.of._is_outdated(self.request):
            return self.of._replaced(self.publisher)
        try:
            planned = self._comment(pull, review, comparison)
        except HeadMoved:
            return self.of._replaced(self.publisher)
        subject = Subject(pull.url, pull.number, pull.head, comparison.merge_base, pull.changed_files, notes)
        outcome = self._conclude(pull, check(review, planned, subject, built_in_rulebook()))
        if review.verdict != "incomplete":
            self.store.unsay(self.key, (reported.fingerprint for reported in review.findings))
        return outcome

    def _comment(self, pull: Pull, review: Review, comparison: Comparison) -> Plan:
        if pull.is_locked:
            return self.publisher.list_only(review, LOCKED)
        speaks = any(reported.status == "introduced" for reported in review.findings)
        try:
            shown = _shown(self._files(comparison)) if speaks else {}
            return self.publisher.comment(pull.head, review, shown)
        except Refused:
            return self.publisher.list_only(review, MAY_NOT_COMMENT)
        except Unsure:
            if not self.is_last_try:
                raise
            return self.publisher.list_only(review, NOT_TAKEN)

    def _files(self, comparison: Comparison) -> tuple[ChangedFile, ...]:
        return comparison.files if comparison.files is not None else self.publisher.github.files(self.key.number)

    def _is_repeated(self, pull: Pull) -> bool:
        """Whether this head was reviewed before, against the same branch, and its newest check run is concluded."""
        before = self.before
        if before is None or (before.head, before.base_ref) != (pull.head, pull.base):
            return False
        return self.store.standing(self.key.repository, pull.head) is not None

    def _together(self, pull: Pull, own: Check) -> Check:
        return together(own, pull.number, self.store.others(self.key, pull.head))

    def _conclude(self, pull: Pull, own: Check) -> Outcome:
        """Publishes the verdict, unless it stands there already."""
        log.info("verdict", conclusion=own.conclusion, findings=len(own.annotations))
        closed = self.publisher.close_checks(but=pull.head)  # first: GitHub may show the run that is concluded last
        final = self._together(pull, own)
        if self._is_repeated(pull) and self.store.standing(self.key.repository, pull.head) == digest_of(final):
            return Outcome("unchanged", self.of._sharing(self.key, *closed))
        # Others with this head can see the verdict from now on, and are looked for again after.
        self.store.note(self.key, Reviewed(pull.head, pull.base, own.conclusion, own.title))
        final = self._together(pull, own)
        run = self.publisher.conclude(pull.head, final)
        for _ in range(MAX_TOGETHER):
            newer = self._together(pull, own)
            if newer == final:
                break
            final = newer
            self.publisher.reconclude(run, pull.head, final)
        self.store.settle(self.key, self.request.generation, self.publisher.knows_comments)
        return Outcome("concluded", self._concerned(pull.head, own, closed))

    def _concerned(self, head: str, own: Check, closed: set[str]) -> tuple[int, ...]:
        """Pull requests on heads that were left or where a run was ended, and on this one those of a better verdict."""
        left = self.store.left(self.key)
        worse = {other.number for other in self.store.others(self.key, head) if own.is_worse_than(other)}
        return tuple(sorted({*worse, *self.of._sharing(self.key, *closed, *([left] if left is not None else []))}))


def _is_relevant(comparison: Comparison) -> bool:
    """Whether any changed file is one the engine could read; a change too large to be listed counts as relevant."""
    if comparison.files is None:
        return True
    paths = (path for file in comparison.files for path in (file.path, file.previous_path) if path is not None)
    return any(map(is_relevant, paths))


def _shown(files: tuple[ChangedFile, ...]) -> dict[str, frozenset[int]]:
    """The lines GitHub takes comments on, by file."""
    return {file.path: commentable_lines(file.patch or "") for file in files}
