"""The state behind the stand-in: everything it holds, its clock and its numbers."""

from __future__ import annotations

import base64
import itertools
import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.standin import gitrepo
from tests.standin.model import (
    App,
    CheckRun,
    CheckSuite,
    Comment,
    Delivery,
    Installation,
    IssueComment,
    Json,
    PullRequest,
    Reaction,
    Registration,
    Repository,
    Review,
    Token,
    User,
)


def stamp(seconds: float) -> str:
    """A moment as GitHub writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_id(kind: str, number: int) -> str:
    """The id of an object in GraphQL."""
    return f"{kind}_{base64.urlsafe_b64encode(str(number).encode()).decode().rstrip('=')}"


@dataclass
class World:
    """All state; whoever reads or changes it holds the lock."""

    app: App
    url: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    users: dict[str, User] = field(default_factory=dict)
    repositories: list[Repository] = field(default_factory=list)
    renamed: dict[str, Repository] = field(default_factory=dict)
    installations: list[Installation] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    minted: list[str] = field(default_factory=list)
    pulls: list[PullRequest] = field(default_factory=list)
    suites: list[CheckSuite] = field(default_factory=list)
    runs: list[CheckRun] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    issue_comments: list[IssueComment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    rules: dict[int, list[Json]] = field(default_factory=dict)
    collaborators: dict[tuple[int, str], str] = field(default_factory=dict)
    registrations: dict[str, Registration] = field(default_factory=dict)
    gives_secrets: bool = True
    client_secret: str = field(default_factory=lambda: secrets.token_hex(20))
    violations: list[str] = field(default_factory=list)
    skipped: float = 0.0
    patience: float = 10.0
    webhook_url: str | None = None
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1001))

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/v3"

    def clock(self) -> float:
        """Seconds of the stand-in's clock, which tests can move."""
        return time.time() + self.skipped

    def now(self) -> str:
        return stamp(self.clock())

    def next_id(self) -> int:
        return next(self.numbers)

    def violation(self, text: str) -> None:
        self.violations.append(text)

    def user(self, login: str, type: str | None = None) -> User:
        """The account with a login, made where it is missing."""
        if login not in self.users:
            kind = type or ("Bot" if login.endswith("[bot]") else "User")
            self.users[login] = User(self.next_id(), login, kind)
        return self.users[login]

    @property
    def bot(self) -> User:
        return self.user(self.app.login)

    def add_repository(self, full_name: str, path: Path, *, private: bool, fork: bool) -> Repository:
        owner = self.user(full_name.split("/")[0], "User" if fork else "Organization")
        branch = gitrepo.default_branch(path)
        repository = Repository(
            self.next_id(), full_name, path.resolve(), branch, owner, private, fork=fork, created_at=self.now()
        )
        self.repositories.append(repository)
        return repository

    def repository(self, full_name: str) -> Repository | None:
        """A repository by its present name, in any case."""
        wanted = full_name.lower()
        return next((r for r in self.repositories if r.full_name.lower() == wanted and not r.deleted), None)

    def renamed_from(self, full_name: str) -> Repository | None:
        """The repository that had a name before."""
        found = self.renamed.get(full_name.lower())
        return found if found and not found.deleted else None

    def repository_by_id(self, id: int) -> Repository | None:
        return next((r for r in self.repositories if r.id == id and not r.deleted), None)

    def installation(self, id: int) -> Installation | None:
        return next((i for i in self.installations if i.id == id and not i.deleted), None)

    def installation_of(self, repository: Repository) -> Installation | None:
        return next((i for i in self.installations if i.holds(repository) and not i.deleted), None)

    def pull(self, repository: Repository, number: int) -> PullRequest | None:
        return next((p for p in self.pulls if p.repository is repository and p.number == number), None)

    def pulls_of(self, repository: Repository) -> list[PullRequest]:
        return [p for p in self.pulls if p.repository is repository]

    def suite(self, repository: Repository, sha: str) -> CheckSuite:
        """The suite of a commit, made where it is missing."""
        for suite in self.suites:
            if suite.repository is repository and suite.head_sha == sha:
                return suite
        suite = CheckSuite(self.next_id(), repository, sha, self.now())
        self.suites.append(suite)
        return suite

    def runs_of(self, suite: CheckSuite) -> list[CheckRun]:
        return [run for run in self.runs if run.suite is suite]

    def comments_of(self, pull: PullRequest) -> list[Comment]:
        return [comment for comment in self.comments if comment.pull is pull]

    def reviews_of(self, pull: PullRequest) -> list[Review]:
        return [review for review in self.reviews if review.pull is pull]

    def add_issue_comment(self, pull: PullRequest, user: User, body: str) -> IssueComment:
        comment = IssueComment(self.next_id(), pull, user, body, self.now(), self.now())
        self.issue_comments.append(comment)
        return comment
