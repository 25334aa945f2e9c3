"""What the stand-in remembers: accounts, repositories, pull requests and what was posted to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PERMISSIONS = {
    "contents": "read",
    "metadata": "read",
    "pull_requests": "write",
    "checks": "write",
    "merge_queues": "read",
    "issues": "read",
}
EVENTS = ["issue_comment", "merge_group", "pull_request", "pull_request_review_comment", "push", "repository"]


@dataclass(frozen=True)
class User:
    """An account; *type* is ``User``, ``Bot`` or ``Organization``."""

    id: int
    login: str
    type: str = "User"


@dataclass
class App:
    """The registered App."""

    id: int
    slug: str
    client_id: str
    private_key: str
    public_key: str
    webhook_secret: str
    permissions: dict[str, str] = field(default_factory=lambda: dict(PERMISSIONS))
    events: list[str] = field(default_factory=lambda: list(EVENTS))

    @property
    def login(self) -> str:
        """The account its posts are made by."""
        return f"{self.slug}[bot]"


@dataclass
class Registration:
    """An App that was registered by a manifest, and whose credentials wait for the code's return."""

    manifest: Json
    owner: str
    at: float
    is_fetched: bool = False


@dataclass
class Repository:
    """A repository; *path* is the git repository on disk that holds its objects."""

    id: int
    full_name: str
    path: Path
    default_branch: str
    owner: User
    private: bool = False
    deleted: bool = False
    fork: bool = False
    created_at: str = ""
    last_number: int = 0

    @property
    def name(self) -> str:
        return self.full_name.split("/")[1]


@dataclass
class Installation:
    """The App on an account, for some of its repositories."""

    id: int
    account: User
    repositories: list[Repository]
    permissions: dict[str, str]
    created_at: str
    suspended_at: str | None = None
    deleted: bool = False
    limit: int = 5000
    used: int = 0
    reset: int = 0

    def holds(self, repository: Repository) -> bool:
        return any(entry is repository for entry in self.repositories)


@dataclass
class PullRequest:
    """A pull request; *repository* is the one it asks to be merged into."""

    id: int
    number: int
    repository: Repository
    head_repository: Repository | None
    head_owner: User
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    title: str
    author: User
    body: str | None
    created_at: str
    updated_at: str
    draft: bool = False
    state: str = "open"
    merged_at: str | None = None
    closed_at: str | None = None
    locked: bool = False
    labels: list[Json] = field(default_factory=list)

    @property
    def from_fork(self) -> bool:
        return self.head_repository is not self.repository


@dataclass
class CheckSuite:
    """All check runs of the App on one commit; *reset*: a new run was asked for and is not there yet."""

    id: int
    repository: Repository
    head_sha: str
    created_at: str
    reset: bool = False


@dataclass
class CheckRun:
    """A check run with every annotation it was ever sent."""

    id: int
    suite: CheckSuite
    name: str
    external_id: str
    details_url: str
    status: str
    conclusion: str | None
    started_at: str | None
    completed_at: str | None
    output: Json = field(default_factory=dict)
    annotations: list[Json] = field(default_factory=list)
    actions: list[Json] = field(default_factory=list)

    @property
    def head_sha(self) -> str:
        return self.suite.head_sha

    @property
    def repository(self) -> Repository:
        return self.suite.repository


@dataclass
class Review:
    """A review; *implicit*: made by GitHub around a single comment."""

    id: int
    pull: PullRequest
    user: User
    body: str
    state: str
    commit_id: str
    submitted_at: str | None
    implicit: bool = False


@dataclass
class Comment:
    """A review comment; *line* is null on a comment on a file and once its line is outdated."""

    id: int
    pull: PullRequest
    review_id: int | None
    user: User
    body: str
    path: str
    commit_id: str
    original_commit_id: str
    created_at: str
    updated_at: str
    line: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None
    original_line: int | None = None
    original_start_line: int | None = None
    position: int | None = None
    original_position: int | None = None
    diff_hunk: str = ""
    subject_type: str = "line"
    in_reply_to: int | None = None
    minimized: str | None = None

    @property
    def outdated(self) -> bool:
        return self.subject_type == "line" and self.line is None


@dataclass
class IssueComment:
    """A comment in the conversation of a pull request."""

    id: int
    pull: PullRequest
    user: User
    body: str
    created_at: str
    updated_at: str
    minimized: str | None = None


@dataclass
class Reaction:
    """A reaction to the comment with an id."""

    id: int
    subject: int
    user: User
    content: str
    created_at: str


@dataclass
class Token:
    """An installation token: what it may do, where, and until when (seconds of the stand-in's clock)."""

    text: str
    installation: Installation
    repositories: list[Repository] | None
    permissions: dict[str, str]
    expires: float


@dataclass
class Request:
    """A request as it arrived; *status* is 0 where the connection was closed without an answer."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    token_kind: str
    at: float
    headers: dict[str, str]
    status: int = 0


@dataclass
class Delivery:
    """A webhook delivery; *status* is None where nothing answered."""

    id: int
    guid: str
    event: str
    payload: Any
    headers: dict[str, str]
    at: str
    status: int | None = None
    body: str = ""
    redelivery: bool = False
    duration: float = 0.0
