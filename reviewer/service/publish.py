"""Writing to GitHub so that everything is written once, whatever happens in between.

Each write is noted before it is tried and when its answer is there. Where a note has no answer, nobody knows whether
GitHub did it: the next try looks on GitHub first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from reviewer.core.finding import Review
from reviewer.github.errors import GitHubError, Gone, Moved, RateLimited, Refused, Unauthorised, Unprocessable
from reviewer.github.repository import ANNOTATIONS_PER_REQUEST, RepositoryApi
from reviewer.render.check import Annotation, Check, superseded
from reviewer.render.markers import FindingsMark, review_mark
from reviewer.render.plan import UNSHOWN, Comment, Plan, plan, said_by
from reviewer.resources import built_in_rulebook
from reviewer.service.store import OpenCheck, PullKey, Store

COMMENTS_PER_REQUEST = 25
NOTHING_DONE = (RateLimited, Gone, Refused, Unprocessable, Moved, Unauthorised)
REFUSED = "GitHub takes no comment on its line"


class HeadMoved(Exception):
    """The pull request got another head while its review was written."""


@dataclass(frozen=True, slots=True)
class Request:
    """A pull request to review, and how many requests to review it there were."""

    key: PullKey
    generation: int


@dataclass
class Publisher:
    """What one review writes about one pull request. ``knows_comments``: the store knows every comment there is."""

    store: Store
    github: RepositoryApi
    request: Request
    login: Callable[[], str]
    details_url: str | None = None
    knows_comments: bool = False

    @property
    def key(self) -> PullKey:
        return self.request.key

    def _write(self, what: str, do: Callable[[], int], look: Callable[[], int | None], at: int | None = None) -> int:
        """Does something on GitHub unless it was done; where that is unknown, looks first."""
        generation = at if at is not None else self.request.generation
        attempt = self.store.attempt(self.key, generation, what)
        if attempt.result is not None:
            return attempt.result
        result = None if attempt.fresh else look()
        if result is None:
            try:
                result = do()
            except NOTHING_DONE:
                self.store.not_done(self.key, generation, what)
                raise
        self.store.done(self.key, generation, what, result)
        return result

    # -- the check run --------------------------------------------------

    def start(self, head: str) -> int:
        """Creates the check run of a head, in progress; its id."""
        if not self.store.was_done(self.key, self.request.generation, f"check {head}"):
            self._unsettle(head)
        name = self._external_id(self.request.generation)
        return self._write(
            f"check {head}",
            lambda: self.github.start_check(head, name, self.details_url),
            lambda: self._find(head, name),
        )

    def _unsettle(self, head: str) -> None:
        """Before anything is written on a head: until it is done, nobody knows what stands there."""
        with self.store.engine.begin() as c:
            self.store.unsettle(c, self.key.repository, head)

    def _external_id(self, generation: int) -> str:
        return f"pr:{self.key.number}:{generation}"

    def _find(self, head: str, external_id: str) -> int | None:
        runs = (run for run in self.github.check_runs(head) if f"{run.app}[bot]" == self.login())
        return next((run.id for run in runs if run.external_id == external_id), None)

    def conclude(self, head: str, check: Check) -> int:
        """Concludes the check run that was started on a head, or creates it as concluded; its id."""
        generation, digest = self.request.generation, digest_of(check)
        stands = self.store.standing(self.key.repository, head) == digest
        self._unsettle(head)
        is_started = self.store.was_tried(self.key, generation, f"check {head}")
        what = f"conclusion {head}" if is_started else f"concluded {head}"
        is_done = self.store.was_done(self.key, generation, what)
        run = self._conclude_started(head, check) if is_started else self._create_concluded(head, check)
        if is_done and not stands:  # done by an earlier try, which may have come to another verdict
            self.github.conclude_check(run, check, ())
        self.store.stands(self.key.repository, head, digest)
        return run

    def _conclude_started(self, head: str, check: Check) -> int:
        run = self.start(head)  # which is known already, or looked for
        *before, last = _chunks(check.annotations)
        for index, chunk in enumerate(before):
            self._annotate(run, head, check, chunk, index)
        self._write(
            f"conclusion {head}",
            lambda: self._conclude(run, check, last),
            lambda: run if self.github.check_run(run).is_completed else None,
        )
        return run

    def _conclude(self, run: int, check: Check, annotations: Sequence[Annotation]) -> int:
        self.github.conclude_check(run, check, annotations)
        return run

    def _create_concluded(self, head: str, check: Check) -> int:
        name = self._external_id(self.request.generation)
        first, *more = _chunks(check.annotations)
        run = self._write(
            f"concluded {head}",
            lambda: self.github.create_check(head, name, self.details_url, check, first),
            lambda: self._find(head, name),
        )
        for index, chunk in enumerate(more, 1):
            self._annotate(run, head, check, chunk, index)
        return run

    def _annotate(self, run: int, head: str, check: Check, chunk: Sequence[Annotation], index: int) -> None:
        def do() -> int:
            self.github.annotate_check(run, check, chunk)
            return run

        there = min((index + 1) * ANNOTATIONS_PER_REQUEST, len(check.annotations))
        written = f"annotations {index} {head}"
        self._write(written, do, lambda: run if self.github.check_run(run).annotations >= there else None)

    def reconclude(self, run: int, head: str, check: Check) -> None:
        """Changes the verdict and the words of a concluded check run; its annotations stay."""
        self._unsettle(head)
        self.github.conclude_check(run, check, ())
        self.store.stands(self.key.repository, head, digest_of(check))

    def close_checks(self, but: str | None = None) -> set[str]:
        """Ends what this review, but for one head, and earlier ones left open; the heads on which something was."""
        left = [c for c in self._open() if c.head != but or c.generation != self.request.generation]
        for open_check in left:
            self._close(open_check)
        return {open_check.head for open_check in left}

    def _open(self) -> list[OpenCheck]:
        return self.store.open_checks(self.key, self.request.generation)

    def _close(self, left: OpenCheck) -> None:
        self._unsettle(left.head)
        run = left.id if left.id is not None else self._find(left.head, self._external_id(left.generation))
        if run is None:
            self.store.not_done(self.key, left.generation, f"check {left.head}")
            return
        self._write(
            f"conclusion {left.head}", lambda: self._conclude(run, superseded(), ()), lambda: None, at=left.generation
        )

    # -- comments --------------------------------------------------

    def comment(self, head: str, review: Review, shown: Mapping[str, frozenset[int]]) -> Plan:
        """Posts what was not said before. Raises HeadMoved where the pull request has another head by now."""
        planned = self._plan(review, shown)
        if planned.comments and not self.knows_comments:
            self._recall()
            self.knows_comments = True
            planned = self._plan(review, shown)
        on_lines = [comment for comment in planned.comments if comment.line is not None]
        on_files = [comment for comment in planned.comments if comment.line is None]
        refused: list[Comment] = []
        for part, start in enumerate(range(0, len(on_lines), COMMENTS_PER_REQUEST)):
            chunk = on_lines[start : start + COMMENTS_PER_REQUEST]
            if not self._review(head, chunk, part):
                refused += chunk
        on_files += [replace(comment, line=None) for comment in refused if comment.mark.gates]
        refused = [comment for comment in refused if not comment.mark.gates]
        refused += [comment for comment in on_files if not self._file_comment(head, comment)]
        unsaid = {fingerprint: REFUSED for comment in refused for fingerprint in comment.mark.fingerprints}
        return Plan(planned.comments, {**planned.unsaid, **unsaid})

    def list_only(self, review: Review, reason: str) -> Plan:
        """The plan of a review that is said in the check alone."""
        planned = self._plan(review, {})
        return Plan((), {f: reason if why == UNSHOWN else why for f, why in planned.unsaid.items()})

    def _plan(self, review: Review, shown: Mapping[str, frozenset[int]]) -> Plan:
        return plan(review, built_in_rulebook(), shown, self.store.said(self.key))

    def _recall(self) -> None:
        """Reads what the App said on the pull request from GitHub: the store may not know all of it."""
        known = {fingerprint for mark in self.store.said(self.key) for fingerprint in mark.fingerprints}
        posted = self.github.comments(self.key.number)
        marks = said_by(comment.body for comment in posted if comment.login == self.login())
        self.store.say(self.key, [mark for mark in marks if not known.issuperset(mark.fingerprints)])

    def _review(self, head: str, comments: Sequence[Comment], part: int, again: bool = True) -> bool:
        """Posts comments on lines as one review; False where GitHub refuses to."""
        number, generation, what = self.key.number, self.request.generation, f"review {part} {head}"
        self.store.attempt(self.key, generation, what)
        try:
            id = self.github.create_review(number, head, _review_body(head, part, comments), comments)
        except Unprocessable as error:
            self.store.not_done(self.key, generation, what)
            if again and self._was_pending(error):
                return self._review(head, comments, part, again=False)
            if self.github.pull(number).head != head:
                raise HeadMoved from None
            return False
        except NOTHING_DONE:
            self.store.not_done(self.key, generation, what)
            raise
        self._said(what, id, [comment.mark for comment in comments])
        return True

    def _was_pending(self, error: GitHubError) -> bool:
        """Whether a pending review of ours was in the way, which is removed now."""
        if "pending review" not in str(error).lower():
            return False
        mine = [r for r in self.github.reviews(self.key.number) if r.state == "PENDING" and r.login == self.login()]
        for pending in mine:
            self.github.delete_pending_review(self.key.number, pending.id)
        return bool(mine)

    def _file_comment(self, head: str, comment: Comment, again: bool = True) -> bool:
        """Posts a comment on a file; False where GitHub refuses to."""
        what = f"file {comment.mark.fingerprints[0]} {head}"
        self.store.attempt(self.key, self.request.generation, what)
        try:
            id = self.github.create_file_comment(self.key.number, head, comment)
        except NOTHING_DONE as error:
            self.store.not_done(self.key, self.request.generation, what)
            if "issue is locked" in str(error):
                return False
            if not isinstance(error, Unprocessable):
                raise
            return again and self._was_pending(error) and self._file_comment(head, comment, again=False)
        self._said(what, id, [comment.mark])
        return True

    def _said(self, what: str, id: int, marks: Sequence[FindingsMark]) -> None:
        self.store.say(self.key, marks)  # first: a note without an answer makes the next try look on GitHub
        self.store.done(self.key, self.request.generation, what, id)


def digest_of(check: Check) -> str:
    """Equal for check runs that say the same."""
    return hashlib.sha256(repr(astuple(check)).encode("utf-8", "backslashreplace")).hexdigest()


def _chunks(annotations: Sequence[Annotation]) -> list[Sequence[Annotation]]:
    """The annotations by request; one empty chunk where there are none."""
    size = ANNOTATIONS_PER_REQUEST
    return [annotations[start : start + size] for start in range(0, len(annotations), size)] or [()]


def _review_body(head: str, part: int, comments: Sequence[Comment]) -> str:
    gating, count = sum(comment.mark.gates for comment in comments), len(comments)
    many = "1 comment" if count == 1 else f"{count} comments"
    which = {0: "none fails the check", count: "all of them fail the check"}.get(
        gating, f"{gating} of them fail the check"
    )
    if count == 1:
        which = "it fails the check" if gating else "it does not fail the check"
    elif gating == 1:
        which = "1 of them fails the check"
    return f"{review_mark(head, part)}\n{many}; {which}. Everything that was found is listed in the check `reviewer`."
