"""From a pull request on GitHub to the engine's review: content by git, analysis in a limited child process."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from reviewer.core.config import CONFIG_PATH
from reviewer.core.finding import Review
from reviewer.github.app import GitHubApp
from reviewer.github.repository import Comparison, Pull
from reviewer.render.message import code
from reviewer.resources import engine_id
from reviewer.sandbox import Analyst, ConfigurationInvalid, Job
from reviewer.service.store import PullKey, Store, StoredAnalyses
from reviewer.sources import FetchFailed, GitRepository, Mirrors, Remote, SourceError, configuration

MAX_TOLD = 20


class ChangeTooLarge(SourceError):
    """The head is more than the service takes, while the base is not."""


class Analysts:
    """Analysis processes, as many as reviews run at the same time. One that worked for an owner is kept for it."""

    def __init__(self, size: int) -> None:
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[tuple[str, Analyst]] = [("", Analyst()) for _ in range(size)]

    @contextmanager
    def lent(self, owner: str) -> Iterator[Analyst]:
        """One process, for one caller at a time."""
        with self._free:
            with self._lock:
                index = next((i for i, (last, _) in enumerate(self._idle) if last == owner), 0)
                _, analyst = self._idle.pop(index)
            try:
                yield analyst
            finally:
                with self._lock:
                    self._idle.append((owner, analyst))

    def close(self) -> None:
        with self._lock:
            for _, analyst in self._idle:
                analyst.close()


@dataclass(frozen=True)
class Content:
    """Where content comes from and by whom it is analysed. Safe to share between threads."""

    store: Store
    app: GitHubApp
    mirrors: Mirrors
    analysts: Analysts
    git_url: str

    def review(self, key: PullKey, pull: Pull, comparison: Comparison) -> tuple[Review, tuple[str, ...]]:
        """The review of a pull request, and Markdown notes about its configuration.

        Raises FetchFailed where the content cannot be had.
        """
        token = self.app.token(key.installation, key.repository)
        remote = Remote(f"{self.git_url}/{pull.full_name}.git", token)
        place = f"pull/{pull.number}"
        commits = {
            f"{place}/head": pull.head,
            f"{place}/merge-base": comparison.merge_base,
            # Not below the pull request: it is what the next one is fetched against when this one is closed.
            f"base/{hashlib.sha256(pull.base.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}": comparison.base,
        }
        refs = {f"{place}/head": f"refs/pull/{pull.number}/head"}
        with self.analysts.lent(str(key.installation)) as analyst:
            analyst.start(str(key.installation))  # it loads while git fetches
            try:
                with self.mirrors.opened(mirror_key(key), remote, commits, refs) as repository:
                    return self._analyse(analyst, key, repository, pull, comparison)
            except FetchFailed as error:
                if error.reason == "too large" and self._has_base(key, remote, commits, place):
                    raise ChangeTooLarge(str(error)) from None
                raise

    def _has_base(self, key: PullKey, remote: Remote, commits: Mapping[str, str], place: str) -> bool:
        """Whether the base alone can be fetched, so that it is the change that is too large."""
        known = {name: commit for name, commit in commits.items() if name != f"{place}/head"}
        try:
            with self.mirrors.opened(mirror_key(key), remote, known):
                return True
        except FetchFailed:
            return False

    def _analyse(
        self, analyst: Analyst, key: PullKey, repository: GitRepository, pull: Pull, comparison: Comparison
    ) -> tuple[Review, tuple[str, ...]]:
        config, notes = _configuration(repository, comparison.base, pull.base)
        with (
            closing(repository.tree(pull.head)) as head,
            closing(repository.tree(comparison.merge_base)) as base,
        ):
            analyses = StoredAnalyses(self.store, key.installation, engine_id())
            job = Job(head, base, (), config, analyses, str(key.installation))
            try:
                review = analyst.review(job)
            except ConfigurationInvalid as error:
                notes = (*notes, _invalid(error, pull.base))
                job = replace(job, config=(CONFIG_PATH, ""))
                review = analyst.review(job)
            return _blamed(analyst, job, review), notes


def mirror_key(key: PullKey) -> str:
    """Where a repository lies among the mirrors."""
    return f"{key.installation}/{key.repository}"


def _configuration(repository: GitRepository, commit: str, branch: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The configuration on the base branch; the defaults with a note where it cannot be read."""
    try:
        return configuration(repository, commit), ()
    except SourceError as error:
        note = f"**The configuration on {code(branch)} cannot be read, so the defaults apply.** {code(str(error))}"
        return (CONFIG_PATH, ""), (note,)


def _invalid(error: ConfigurationInvalid, branch: str) -> str:
    rows = [f"- {code(f'{path}:{line}')}: {code(message)}" for path, line, message in error.errors[:MAX_TOLD]]
    if len(error.errors) > MAX_TOLD:
        rows.append(f"- and {len(error.errors) - MAX_TOLD} more")
    lead = f"**The configuration on {code(branch)} is not valid, so the defaults apply:**"
    return "\n".join([f"{lead}\n", *rows])


def _blamed(analyst: Analyst, job: Job, review: Review) -> Review:
    """A review that came to nothing, with the change blamed for it where the base alone can be analysed."""
    if job.base is None or not any(p.kind == "failed" and not p.path for p in review.problems):
        return review
    alone = analyst.review(replace(job, head=job.base, base=None))
    if any(p.kind == "failed" and not p.path for p in alone.problems):
        return review
    return replace(review, problems=tuple(replace(p, caused_by_change=True) for p in review.problems))
