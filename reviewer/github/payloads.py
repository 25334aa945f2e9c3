"""The members of webhook payloads that are used, strictly typed; whatever else a payload holds is not looked at."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[int, Field(gt=0, lt=2**63)]
Number = Annotated[int, Field(gt=0, lt=2**31)]
FullName = Annotated[str, Field(pattern=r"\A[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}\z")]
Commit = Annotated[str, Field(pattern=r"\A(?:[0-9a-f]{40}|[0-9a-f]{64})\z")]


class Payload(BaseModel):
    """A JSON object; subclasses name the members that are used."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class RepositoryMember(Payload):
    id: Id
    full_name: FullName


class InstallationMember(Payload):
    id: Id


class SenderMember(Payload):
    login: str


class Head(Payload):
    sha: Commit


class Acted(Payload):
    """What every event with an action has. An event of a webhook set on a repository has no installation."""

    action: str
    installation: InstallationMember | None = None
    sender: SenderMember | None = None


class PullRequestMember(Payload):
    number: Number
    head: Head


class PullRequestPayload(Payload):
    repository: RepositoryMember
    pull_request: PullRequestMember


class Changes(Payload):
    """What an edit changed: ``base`` is there when the pull request got another base branch."""

    base: dict[str, Any] | None = None


class EditedPayload(Payload):
    changes: Changes


class BaseRepository(Payload):
    id: Id


class Base(Payload):
    repo: BaseRepository | None = None


class NumberedPullRequest(Payload):
    """A pull request as checks list it: of this repository, or of another one that has the same head."""

    number: Number
    base: Base | None = None


class AppMember(Payload):
    id: Id
    client_id: str | None = None


class CheckMember(Payload):
    id: Id
    head_sha: Commit
    external_id: str | None = None
    app: AppMember | None = None
    pull_requests: list[NumberedPullRequest] | None = None


class CheckRunPayload(Payload):
    repository: RepositoryMember
    check_run: CheckMember


class CheckSuitePayload(Payload):
    repository: RepositoryMember
    check_suite: CheckMember


class AccountMember(Payload):
    """A user or an organization, which have a login, or an enterprise, which has a slug."""

    id: Id
    login: str | None = None
    slug: str | None = None


class InstallationWithAccount(Payload):
    id: Id
    account: AccountMember | None = None


class InstallationPayload(Payload):
    installation: InstallationWithAccount
    repositories: list[RepositoryMember] | None = None


class InstallationRepositoriesPayload(Payload):
    repositories_added: list[RepositoryMember]
    repositories_removed: list[RepositoryMember]
