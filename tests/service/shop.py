"""A repository with the App on it, beside a running service: what tests do to it, and what they see on GitHub."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fixtures.materialise import commit_all, git
from reviewer.render.markers import findings_mark
from tests.helpers import Files, repository, write
from tests.service.process import ServiceProcess, running, until
from tests.standin import CheckRun, GitHub, Installation, PullRequest, Repository, Request

WRITES = ("POST", "PATCH", "PUT", "DELETE")
Place = tuple[str, int | None]


@dataclass
class Shop:
    """One repository. A test that makes GitHub refuse something with 422 says so in ``refusals``."""

    github: GitHub
    service: ServiceProcess
    installation: Installation
    repository: Repository
    folder: Path
    refusals: bool = False
    base: str = field(default="main")

    @property
    def name(self) -> str:
        return self.repository.full_name

    # -- what people do --------------------------------------------------

    def branch(self, name: str, files: Files, start: str = "main", remove: Sequence[str] = ()) -> str:
        """A branch with one more commit than *start*; the commit's id."""
        git(self.folder, "checkout", "--quiet", "-B", name, start)
        for path in remove:
            (self.folder / path).unlink()
        sha = commit_all(write(self.folder, files), f"on {name}")
        git(self.folder, "checkout", "--quiet", "main")
        return sha

    def open(self, files: Files, branch: str = "change", base: str = "main", **more: Any) -> PullRequest:
        """A pull request that writes some files."""
        self.branch(branch, files, base, more.pop("remove", ()))
        return self.github.open_pull(self.repository, branch, base, **more)

    def push(self, pull: PullRequest, files: Files, remove: Sequence[str] = (), deliver: bool = True) -> str:
        """One more commit on a pull request; its id."""
        self.branch(pull.head_ref, files, pull.head_ref, remove)
        return self.github.push(pull, deliver=deliver)

    def force(self, pull: PullRequest, sha: str) -> None:
        """Moves a pull request to any commit."""
        git(self.folder, "branch", "--force", pull.head_ref, sha)
        self.github.push(pull, sha)

    # -- what is seen on GitHub --------------------------------------------------

    def runs(self, sha: str) -> list[CheckRun]:
        return self.github.check_runs(sha, self.repository)

    def newest(self, sha: str) -> CheckRun:
        """The check run GitHub evaluates: the one that was completed last."""
        return max(self.runs(sha), key=lambda run: (run.completed_at or "", run.id))

    def check(self, sha: str, nth: int = 1, seconds: float = 30.0) -> CheckRun:
        """The last of *nth* check runs of a head, as soon as all are concluded and the service has nothing to do."""
        until(lambda: len(self.runs(sha)) >= nth and self.all_completed(sha), seconds, self.explain)
        self.settle(seconds)
        assert len(self.runs(sha)) == nth, self.explain()
        return self.runs(sha)[-1]

    def all_completed(self, sha: str) -> bool:
        return all(run.status == "completed" for run in self.runs(sha))

    def posted(self, pull: PullRequest) -> list[Place]:
        """Where the App commented, in order; the lines are those of the head the comments were made for."""
        comments = [c for c in self.github.comments(pull) if c.user.login == self.github.app.login]
        return [(comment.path, comment.original_line) for comment in comments]

    def fingerprints(self, pull: PullRequest) -> list[str]:
        """What the App's comments speak about."""
        marks = [findings_mark(c.body) for c in self.github.comments(pull) if c.user.login == self.github.app.login]
        return sorted(f for mark in marks if mark is not None for f in mark.fingerprints)

    def heads(self, pull: PullRequest) -> list[str]:
        """The heads the App's reviews were posted for."""
        return [posted_for(review.body) for review in self.github.reviews(pull)]

    @property
    def asked(self) -> list[Request]:
        """Requests about this repository, without those for tokens and the App itself."""
        return [request for request in self.github.requests if request.path.startswith(f"/repos/{self.name}/")]

    @property
    def written(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.asked if r.method in WRITES]

    @property
    def fetched(self) -> list[Request]:
        return [request for request in self.github.git_requests if request.path.startswith(f"/{self.name}.git/")]

    def forget_requests(self) -> None:
        self.github.clear_requests()

    # -- what the operator sees --------------------------------------------------

    def logged(self, *events: str) -> list[dict[str, Any]]:
        """Lines of the log about this repository, those with one of some texts where texts are given."""
        rows = [row for row in records(self.service, self.name) if row.get("repository") == self.name]
        return [row for row in rows if not events or row["event"] in events]

    def wait(self, event: str, times: int = 1, seconds: float = 30.0) -> dict[str, Any]:
        """The line of the log with a text, as soon as there are as many as *times*."""
        until(lambda: len(self.logged(event)) >= times, seconds, self.explain)
        self.settle(seconds)
        return self.logged(event)[-1]

    def settle(self, seconds: float = 30.0) -> None:
        """Waits until every delivery that was accepted has been worked on."""
        until(lambda: not busy(self.service), seconds, self.explain)

    def explain(self) -> str:
        asked = "\n".join(f"{r.method} {r.path} {r.status}" for r in (*self.asked, *self.fetched))
        log = "\n".join(map(str, self.logged()))
        return f"\n{asked}\n{log}\n{self.service.said()[-4000:]}"


def posted_for(body: str) -> str:
    """The head in the hidden mark of a review."""
    return body.removeprefix("<!-- reviewer:review ").partition(" ")[0]


def records(service: ServiceProcess, about: str = "") -> list[dict[str, Any]]:
    """The log, a line a record; those with a text somewhere."""
    found = []
    for line in service.said().split("\n"):
        if about in line and line.startswith("{") and line.endswith("}"):
            found.append(json.loads(line))
    return found


def rows(service: ServiceProcess, query: str) -> list[tuple[Any, ...]]:
    """What the service's database holds."""
    database = service.folder / "data" / "reviewer.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as c:
        return c.execute(query).fetchall()


def busy(service: ServiceProcess) -> list[str]:
    """The ids of jobs that are under way or next; those put off for later are neither."""
    waiting = "SELECT workflow_uuid FROM workflow_status WHERE status IN ('PENDING', 'ENQUEUED')"
    return [id for (id,) in rows(service, waiting)]


@dataclass
class Street:
    """A stand-in, the service that gets its webhooks, and shops beside each other on one installation."""

    github: GitHub
    service: ServiceProcess
    installation: Installation
    count: int = 0
    others: list[Installation] = field(default_factory=list)

    @contextmanager
    def shop(self, folder: Path, files: Files, installation: Installation | None = None) -> Iterator[Shop]:
        """A repository of its own, and a look at what was done to it in the end."""
        self.github.mend()
        shop = self.add(folder, files, installation)
        yield shop
        self.github.mend()
        shop.settle(60)
        assert self.github.violations == []
        assert shop.refusals or [r.path for r in self.github.requests if r.status == 422] == []

    def other(self, number: int) -> Installation:
        """One of three more installations, which are reviewed beside each other."""
        while len(self.others) < 3:
            self.others.append(self.github.install(f"account{len(self.others)}", []))
        return self.others[number % 3]

    def add(self, folder: Path, files: Files, installation: Installation | None = None, **more: Any) -> Shop:
        """One more repository that the App is on, of which nobody told it."""
        self.count += 1
        name = f"acme/shop{self.count}"  # in a file of its own, so that commits of different shops differ
        found = self.github.add_repository(name, repository(folder, {"NAME": name, **files}), **more)
        home = installation or self.installation
        self.github.add_to_installation(home, found, deliver=False)
        return Shop(self.github, self.service, home, found, folder)


@contextmanager
def street(folder: Path, **settings: str) -> Iterator[Street]:
    """A stand-in and a service of one's own, whose log holds nothing it must not hold in the end."""
    with GitHub() as github:
        with running(github, folder, **settings) as service:
            yield Street(github, service, github.install("acme", []))
        assert secrets_in(service.said(), github) == []
        assert strangers_in(service, github) == []


def secrets_in(text: str, github: GitHub) -> list[str]:
    """Where a log holds a secret: the lines around it."""
    key = [line for line in github.app.private_key.split("\n") if line and "-----" not in line]
    secret = "|".join(map(re.escape, (github.app.webhook_secret, *key)))
    tokens = (
        r"ghs_\w{10}|eyJ[\w-]{20,}\.|basic [\w+/=]{20,}|eC1hY2Nlc3MtdG9rZW46"  # the last: x-access-token: in base64
    )
    return [line for line in text.split("\n") if re.search(f"{tokens}|{secret}", line, re.IGNORECASE)]


def strangers_in(service: ServiceProcess, github: GitHub) -> list[dict[str, Any]]:
    """Lines of a log that name a head its repository does not have."""
    heads: dict[str, str] = {}
    for delivery in github.deliveries:
        payload = delivery.payload if isinstance(delivery.payload, dict) else {}
        pull, name = payload.get("pull_request"), payload.get("repository", {}).get("full_name")
        if pull is not None:
            heads[pull["head"]["sha"]] = name
    rows = [row for row in records(service) if "repository" in row and row.get("head") in heads]
    return [row for row in rows if row["repository"].removesuffix("-renamed") != heads[row["head"]]]
