"""The stand-in as tests, demo and benchmark use it: a GitHub of one process, with one App registered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.standin import deliver, events, gitrepo
from tests.standin.auth import key_pair
from tests.standin.limits import Fault, Secondary
from tests.standin.model import (
    App,
    CheckRun,
    Comment,
    Delivery,
    Installation,
    IssueComment,
    Json,
    PullRequest,
    Registration,
    Repository,
    Request,
    Review,
)
from tests.standin.server import Running, Web, listen
from tests.standin.world import World

_APP_ID = 424242
_FOREVER = 10**9


class GitHub:
    """Starts on entering (or ``start``), ends on leaving (or ``stop``)."""

    def __init__(self, port: int = 0) -> None:
        private, public = key_pair()
        secret = secrets.token_hex(20)
        self.app = App(_APP_ID, "reviewer", "Iv23liStandInClient1", private, public, secret)
        self._listener = listen(port)
        self._world = World(self.app, f"http://127.0.0.1:{self._listener.getsockname()[1]}")
        self._web = Web(self._world)
        self._running = Running(self._web, self._listener)

    def start(self) -> Self:
        self._running.start()
        return self

    def stop(self) -> None:
        self._running.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def api_url(self) -> str:
        return self._world.api_url

    @property
    def git_url(self) -> str:
        return self._world.url

    @property
    def webhook_url(self) -> str | None:
        """Where deliveries are posted; None: they are recorded only."""
        return self._world.webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self._world.webhook_url = url

    @property
    def patience(self) -> float:
        """Seconds a delivery waits for its answer."""
        return self._world.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._world.patience = seconds

    # What happened

    @property
    def requests(self) -> list[Request]:
        """REST and GraphQL requests in the order they arrived; paths start below the API's root."""
        return self._web.requests

    @property
    def git_requests(self) -> list[Request]:
        """Requests of git's protocol, in order."""
        return self._web.git_requests

    @property
    def violations(self) -> list[str]:
        """Every request, answer and payload that does not agree with GitHub's description, and other misuse."""
        return self._world.violations

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook delivery, in order."""
        return self._world.deliveries

    @property
    def tokens(self) -> list[str]:
        """Every installation token that was ever given out, so that tests can look for it where it must not be."""
        return list(self._world.minted)

    @property
    def registrations(self) -> list[Registration]:
        """The Apps registered by manifests, in order."""
        return list(self._world.registrations.values())

    @property
    def client_secret(self) -> str:
        """What an answer to a manifest's code holds beside what is used."""
        return self._world.client_secret

    @property
    def gives_secrets(self) -> bool:
        """Whether an App registered by a manifest gets a webhook secret."""
        return self._world.gives_secrets

    @gives_secrets.setter
    def gives_secrets(self, gives: bool) -> None:
        self._world.gives_secrets = gives

    def clear_requests(self) -> None:
        self.requests.clear()
        self.git_requests.clear()

    def check_runs(self, sha: str, repository: Repository | None = None) -> list[CheckRun]:
        """The check runs of a commit, oldest first; without a repository: in any."""
        found = [run for run in self._world.runs if run.head_sha == sha]
        return [run for run in found if repository is None or run.repository is repository]

    def reviews(self, pull: PullRequest) -> list[Review]:
        """The reviews that were posted, without those GitHub makes around single comments."""
        return [review for review in self._world.reviews_of(pull) if not review.implicit]

    def comments(self, pull: PullRequest) -> list[Comment]:
        """The review comments of a pull request, replies included."""
        return self._world.comments_of(pull)

    def issue_comments(self, pull: PullRequest) -> list[IssueComment]:
        """The comments in the conversation of a pull request."""
        return [comment for comment in self._world.issue_comments if comment.pull is pull]

    # What is there

    def add_repository(self, full_name: str, path: Path, *, private: bool = False, fork: bool = False) -> Repository:
        """Takes a git repository on disk, bare or with a work tree."""
        with self._world.lock:
            return self._world.add_repository(full_name, path, private=private, fork=fork)

    def install(self, account: str, repositories: Sequence[Repository], deliver: bool = False) -> Installation:
        """Installs the App on an account for some repositories."""
        world = self._world
        with world.lock:
            owner = world.user(account, "Organization")
            held = list(repositories)
            found = Installation(world.next_id(), owner, held, dict(self.app.permissions), world.now())
            world.installations.append(found)
        if deliver:
            self.send_installation(found, "created")
        return found

    def send_installation(self, installation: Installation, action: str) -> Delivery:
        """Sends an event about an installation as it is now."""
        return self.deliver("installation", events.installation(self._world, installation, action))

    def add_to_installation(self, installation: Installation, repository: Repository, deliver: bool = True) -> None:
        installation.repositories.append(repository)
        if deliver:
            self.deliver("installation_repositories", events.repositories(self._world, installation, [repository], []))

    def remove_from_installation(
        self, installation: Installation, repository: Repository, deliver: bool = True
    ) -> None:
        installation.repositories[:] = [r for r in installation.repositories if r is not repository]
        if deliver:
            self.deliver("installation_repositories", events.repositories(self._world, installation, [], [repository]))

    def suspend(self, installation: Installation, deliver: bool = True) -> None:
        installation.suspended_at = self._world.now()
        if deliver:
            self.send_installation(installation, "suspend")

    def unsuspend(self, installation: Installation, deliver: bool = True) -> None:
        installation.suspended_at = None
        if deliver:
            self.send_installation(installation, "unsuspend")

    def uninstall(self, installation: Installation, deliver: bool = True) -> None:
        payload = events.installation(self._world, installation, "deleted")
        installation.deleted = True
        if deliver:
            self.deliver("installation", payload)

    def accept_permissions(self, installation: Installation, deliver: bool = True) -> None:
        """The account grants what the App asks for now."""
        installation.permissions = dict(self.app.permissions)
        if deliver:
            self.send_installation(installation, "new_permissions_accepted")

    def withdraw(self, permission: str) -> None:
        """Takes a permission from the App and from every installation, tokens in use included."""
        self.app.permissions.pop(permission, None)
        for installation in self._world.installations:
            installation.permissions.pop(permission, None)

    def rename(self, repository: Repository, full_name: str, deliver: bool = True) -> None:
        """Gives a repository another name; the old one leads to it."""
        with self._world.lock:
            before = repository.full_name
            self._world.renamed[before.lower()] = repository
            repository.full_name = full_name
            repository.owner = self._world.user(full_name.split("/")[0], "Organization")
        if deliver:
            changes = {"repository": {"name": {"from": before.split("/")[1]}}}
            self.deliver("repository", events.repository(self._world, repository, "renamed", changes=changes))

    def delete(self, repository: Repository, deliver: bool = True) -> None:
        """Deletes a repository; a fork's pull requests lose their head repository."""
        payload = events.repository(self._world, repository, "deleted")
        with self._world.lock:
            repository.deleted = True
        if deliver:
            self.deliver("repository", payload)

    # Pull requests

    def open_pull(
        self,
        repository: Repository,
        head: str,
        base: str = "main",
        title: str = "A change",
        author: str = "octocat",
        draft: bool = False,
        deliver: bool = True,
        *,
        body: str | None = None,
        head_repository: Repository | None = None,
    ) -> PullRequest:
        """Opens a pull request; *head* and *base* are branches or commits of their repositories."""
        world, source = self._world, head_repository or repository
        with world.lock:
            base_sha, head_sha = _commit(repository, base), _commit(source, head)
            repository.last_number += 1
            now, number = world.now(), repository.last_number
            base = events.branch_of(repository, base, base_sha, f"base-{number}")
            head = events.branch_of(source, head, head_sha, f"change-{number}")
            pull = PullRequest(
                world.next_id(), number, repository, source, source.owner, head, head_sha, base,
                base_sha, title, world.user(author), body, now, now, draft,
            )  # fmt: skip
            events.point(pull, head_sha)
            world.pulls.append(pull)
        if deliver:
            self.send_pull(pull, "opened")
        return pull

    def send_pull(self, pull: PullRequest, action: str, **more: Any) -> Delivery:
        """Sends an event about a pull request as it is now; further keys are added to the payload."""
        return self.deliver("pull_request", events.pull_request(self._world, pull, action, **more))

    def push(self, pull: PullRequest, sha_or_branch: str | None = None, deliver: bool = True) -> str:
        """Gives a pull request a new head (None: the present end of its branch) and returns it."""
        source = pull.head_repository or pull.repository
        before = pull.head_sha
        with self._world.lock:
            after = _commit(source, sha_or_branch or pull.head_ref)
            events.move(self._world, pull, pull.base_ref, after)
        if deliver:
            self.send_pull(pull, "synchronize", before=before, after=after)
        return after

    def retarget(self, pull: PullRequest, base: str, deliver: bool = True) -> None:
        """Changes the branch a pull request is to be merged into."""
        changes = {"base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}}
        with self._world.lock:
            events.move(self._world, pull, base, pull.head_sha)
        if deliver:
            self.send_pull(pull, "edited", changes=changes)

    def close(self, pull: PullRequest, merged: bool = False, deliver: bool = True) -> None:
        pull.state, pull.closed_at = "closed", self._world.now()
        pull.merged_at = pull.closed_at if merged else None
        if deliver:
            self.send_pull(pull, "closed")

    def reopen(self, pull: PullRequest, deliver: bool = True) -> None:
        pull.state, pull.closed_at = "open", None
        if deliver:
            self.send_pull(pull, "reopened")

    def ready(self, pull: PullRequest, deliver: bool = True) -> None:
        pull.draft = False
        if deliver:
            self.send_pull(pull, "ready_for_review")

    def to_draft(self, pull: PullRequest, deliver: bool = True) -> None:
        pull.draft = True
        if deliver:
            self.send_pull(pull, "converted_to_draft")

    def label(self, pull: PullRequest, name: str, deliver: bool = True) -> None:
        label = events.label(self._world, pull, name)
        pull.labels.append(label)
        if deliver:
            self.send_pull(pull, "labeled", label=label)

    def lock(self, pull: PullRequest) -> None:
        """Locks the conversation."""
        pull.locked = True

    def comment(self, pull: PullRequest, body: str, author: str = "octocat", deliver: bool = True) -> IssueComment:
        """Somebody writes into the conversation."""
        with self._world.lock:
            comment = self._world.add_issue_comment(pull, self._world.user(author), body)
        if deliver:
            self.deliver("issue_comment", events.issue_comment(self._world, comment))
        return comment

    def reply(self, comment: Comment, body: str, author: str = "octocat", deliver: bool = True) -> Comment:
        """Somebody answers a review comment."""
        reply = events.reply(self._world, comment, self._world.user(author), body)
        if deliver:
            self.deliver("pull_request_review_comment", events.review_comment(self._world, reply))
        return reply

    def react(self, comment: Comment | IssueComment, content: str, author: str = "octocat") -> None:
        """Somebody reacts to a comment, of which GitHub tells nobody."""
        events.react(self._world, comment.id, self._world.user(author), content)

    # Checks, merge queue, pushes

    def rerequest_check_run(self, id: int) -> Delivery:
        """Somebody presses "Re-run": the suite is queued again, the run stays as it is."""
        self._run(id).suite.reset = True
        return self.deliver("check_run", events.check_run(self._world, self._run(id), "rerequested"))

    def request_action(self, id: int, identifier: str) -> Delivery:
        """Somebody presses a button of a check run."""
        more = {"requested_action": {"identifier": identifier}}
        return self.deliver("check_run", events.check_run(self._world, self._run(id), "requested_action", **more))

    def _run(self, id: int) -> CheckRun:
        return next(run for run in self._world.runs if run.id == id)

    def rerequest_check_suite(self, sha: str, repository: Repository | None = None) -> Delivery:
        return self._suite(sha, repository, "rerequested")

    def request_check_suite(self, sha: str, repository: Repository | None = None) -> Delivery:
        """What GitHub sends for every push."""
        return self._suite(sha, repository, "requested")

    def _suite(self, sha: str, repository: Repository | None, action: str) -> Delivery:
        world = self._world
        with world.lock:
            known = next((suite.repository for suite in world.suites if suite.head_sha == sha), None)
            known = known or next((pull.repository for pull in world.pulls if pull.head_sha == sha), None)
            suite = world.suite(repository or known or world.repositories[0], sha)
            suite.reset = action == "rerequested"
        return self.deliver("check_suite", events.check_suite(world, suite, action))

    def enqueue(self, pull: PullRequest, deliver: bool = True) -> Json:
        """Puts a pull request into the merge queue and returns the merge group."""
        with self._world.lock:
            group = events.merge_group(pull)
        if deliver:
            self.deliver("merge_group", events.queue(self._world, pull, group, "checks_requested"))
        return group

    def dequeue(self, pull: PullRequest, group: Json, reason: str = "merged") -> Delivery:
        """Ends a merge group."""
        return self.deliver("merge_group", events.queue(self._world, pull, group, "destroyed", reason=reason))

    def send_push(self, repository: Repository, branch: str, before: str, after: str) -> Delivery:
        """Tells of a push to a branch."""
        return self.deliver("push", events.push(self._world, repository, branch, before, after))

    # Deliveries

    def ping(self) -> Delivery:
        return self.deliver("ping", events.ping(self._world))

    def deliver(
        self,
        event: str,
        payload: Any,
        *,
        guid: str | None = None,
        secret: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Delivery:
        """Sends an event; bytes are sent as they are, another *secret* makes the signature wrong."""
        return deliver.send(self._world, event, payload, guid=guid, secret=secret, headers=headers)

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Sends a delivery once more, with its GUID."""
        return deliver.again(self._world, delivery)

    # What goes wrong

    def fail(
        self,
        method: str,
        path: str,
        status: int = 502,
        times: int = 1,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        after: bool = False,
        reset: bool = False,
        hang: float = 0,
    ) -> None:
        """Makes the next requests that match fail.

        *path* is searched in the path (REST: below the API's root; git: all of it), method ``*`` is any. *after*: the
        request takes effect first. *reset* closes the connection, *hang* waits seconds before. A text as *body* is
        sent as HTML; None is GitHub's own.
        """
        answer = {"message": "Server Error"} if body is None else body
        fault = Fault(method, re.compile(path), status, times, answer, headers or {}, after, reset, hang)
        self._web.faults.add(fault)

    def mend(self) -> None:
        """Takes back every fault and every secondary limit."""
        self._web.faults.clear()
        self._web.limits.secondary.clear()

    def rate_limit(self, installation: Installation, remaining: int = 0, reset_in: int = 60) -> None:
        """Leaves an installation so many requests until the limit is reset."""
        installation.used = installation.limit - remaining
        installation.reset = int(self._world.clock()) + reset_in

    def secondary_limit(
        self,
        installation: Installation,
        retry_after: int | None = None,
        *,
        status: int = 403,
        lasts: float | None = None,
    ) -> None:
        """Refuses requests for *lasts* seconds (by itself: as long as *retry_after*, or a minute)."""
        seconds = lasts if lasts is not None else retry_after or 60
        limit = Secondary(self._world.clock() + seconds, retry_after, status)
        self._web.limits.secondary[installation.id] = limit

    def expire_tokens(self) -> None:
        """Every installation token is no longer good."""
        with self._world.lock:
            self._world.tokens.clear()

    def advance(self, seconds: float) -> None:
        """Moves the stand-in's clock, by which tokens and limits end; the App's own tokens go by the real one."""
        self._world.skipped += seconds

    def protect(self, repository: Repository, rules: list[Json]) -> None:
        """The rules that are listed for every branch of a repository."""
        self._world.rules[repository.id] = rules

    def permit(self, repository: Repository, login: str, level: str) -> None:
        """What a user may do: ``admin``, ``write``, ``read`` or ``none``."""
        self._world.user(login)
        self._world.collaborators[repository.id, login.lower()] = level


def _commit(repository: Repository, name: str) -> str:
    sha = gitrepo.find(repository.path, name)
    if sha is None:
        raise ValueError(f"{repository.full_name} has no branch or commit {name}")
    return sha
