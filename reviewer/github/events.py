"""What GitHub's webhooks say, as values: no I/O, and only the members that are used are looked at.

Ids are the identity of installations, repositories and accounts; names change and are for calls and for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from reviewer.github import payloads

Raw = bytes | bytearray | Mapping[str, Any]
_Model = TypeVar("_Model", bound=payloads.Payload)


class InvalidPayload(ValueError):
    """A payload is not what GitHub documents for its event; the message names the member, never its value."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository; *full_name* (``owner/name``) may change at any time."""

    id: int
    full_name: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who installed the App: a user, an organization or an enterprise."""

    id: int
    login: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are: the numeric App id or the client id as text, and the slug. What is not known is None."""

    app: str | None = None
    slug: str | None = None

    def may_be(self, app: payloads.AppMember | None) -> bool:
        """False where the payload names another App. GitHub tells an App about its own checks only."""
        if app is None or self.app is None:
            return True
        if self.app.isdecimal():
            return int(self.app) == app.id
        return app.client_id is None or self.app == app.client_id

    def is_sender(self, sender: payloads.SenderMember | None) -> bool:
        return sender is not None and self.slug is not None and sender.login == f"{self.slug}[bot]"


@dataclass(frozen=True, slots=True)
class _Event:
    """Something GitHub told us."""

    @property
    def context(self) -> dict[str, int | str]:
        """What goes into the log: ``installation``, ``repository`` and ``head``, as far as the event has them."""
        found: dict[str, int | str] = {}
        for name in ("installation", "repository", "head"):
            value = getattr(self, name, None)
            if value is not None:
                found[name] = value.full_name if isinstance(value, Repository) else value
        return found


@dataclass(frozen=True, slots=True)
class _Installed(_Event):
    installation: int


@dataclass(frozen=True, slots=True)
class _InRepository(_Installed):
    repository: Repository


@dataclass(frozen=True, slots=True)
class ReviewWanted(_InRepository):
    """A pull request has a new head or a new base. *reason* is the action, or ``base changed``."""

    number: int
    head: str
    reason: str


@dataclass(frozen=True, slots=True)
class PullClosed(_InRepository):
    """A pull request was closed or merged."""

    number: int


@dataclass(frozen=True, slots=True)
class Rerequested(_InRepository):
    """Somebody asked for our check of a commit again.

    *numbers* are the pull requests it is known to belong to, none where GitHub names none (as for forks). *check_run*
    is the id of the run that was asked for; None when it was the whole suite.
    """

    head: str
    numbers: tuple[int, ...]
    check_run: int | None


@dataclass(frozen=True, slots=True)
class InstallationAdded(_Installed):
    """The App was installed, or is no longer suspended; *repositories* are those GitHub lists, maybe none."""

    account: Account | None
    repositories: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class PermissionsChanged(_Installed):
    """New permissions were accepted: tokens minted before do not have them."""


@dataclass(frozen=True, slots=True)
class InstallationRemoved(_Installed):
    """The App was uninstalled."""


@dataclass(frozen=True, slots=True)
class InstallationSuspended(_Installed):
    """The installation is suspended: tokens cannot be had."""


@dataclass(frozen=True, slots=True)
class RepositoriesAdded(_Installed):
    """The installation covers more repositories."""

    repositories: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class RepositoriesRemoved(_Installed):
    """The installation no longer covers these repositories."""

    repositories: tuple[Repository, ...]


@dataclass(frozen=True, slots=True)
class Ping(_Event):
    """The webhook was set up."""


@dataclass(frozen=True, slots=True)
class Ignored(_Event):
    """Nothing follows from the event; *reason* says why."""

    reason: str


Event = (
    ReviewWanted
    | PullClosed
    | Rerequested
    | InstallationAdded
    | PermissionsChanged
    | InstallationRemoved
    | InstallationSuspended
    | RepositoriesAdded
    | RepositoriesRemoved
    | Ping
    | Ignored
)


def parse(event: str, payload: Raw, identity: Identity | None = None) -> Event:
    """What a delivery says. *event* is the value of ``X-GitHub-Event``, *payload* JSON text or a decoded object.

    Raises InvalidPayload when the payload is no JSON object, or lacks a member that is needed or has it of another
    type, in an event that is used.
    """
    if event == "ping":
        _decode(payloads.Payload, payload)
        return Ping()
    if event not in _USED:
        _decode(payloads.Payload, payload)
        return Ignored(f"{event[:100]} events are not used")
    acted = _decode(payloads.Acted, payload)
    reader = _USED[event].get(acted.action)
    if reader is None:
        return Ignored(f"{event}.{acted.action[:100]} is not used")
    if acted.installation is None:
        return Ignored("it has no installation: the webhook is set on a repository or organization, not on the App")
    identity = identity or Identity()
    if (event, acted.action) in _NOT_FROM_US and identity.is_sender(acted.sender):
        return Ignored("it was caused by the App itself")
    return reader(_Delivered(acted.action, acted.installation.id, payload, identity))


@dataclass(frozen=True, slots=True)
class _Delivered:
    """A delivery of an event and action that are used."""

    action: str
    installation: int
    payload: Raw
    identity: Identity


def _decode(model: type[_Model], payload: Raw) -> _Model:
    try:
        if isinstance(payload, Mapping):
            return model.model_validate(payload)
        return model.model_validate_json(payload)
    except ValidationError as error:
        raise InvalidPayload(_explained(error)) from None


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else f"the payload: {first['msg']}"


def _review_wanted(delivered: _Delivered) -> Event:
    payload = _decode(payloads.PullRequestPayload, delivered.payload)
    pull, repository = payload.pull_request, _repository(payload.repository)
    return ReviewWanted(delivered.installation, repository, pull.number, pull.head.sha, delivered.action)


def _edited(delivered: _Delivered) -> Event:
    if _decode(payloads.EditedPayload, delivered.payload).changes.base is None:
        return Ignored("the pull request was edited, but not its base")
    payload = _decode(payloads.PullRequestPayload, delivered.payload)
    pull, repository = payload.pull_request, _repository(payload.repository)
    return ReviewWanted(delivered.installation, repository, pull.number, pull.head.sha, "base changed")


def _closed(delivered: _Delivered) -> Event:
    payload = _decode(payloads.PullRequestPayload, delivered.payload)
    return PullClosed(delivered.installation, _repository(payload.repository), payload.pull_request.number)


def _check_run(delivered: _Delivered) -> Event:
    payload = _decode(payloads.CheckRunPayload, delivered.payload)
    run = payload.check_run
    if not delivered.identity.may_be(run.app):
        return Ignored("the check run is another App's")
    numbers = _numbers_in(run.external_id) or _numbers_of(run, payload.repository.id)
    return Rerequested(delivered.installation, _repository(payload.repository), run.head_sha, numbers, run.id)


def _check_suite(delivered: _Delivered) -> Event:
    payload = _decode(payloads.CheckSuitePayload, delivered.payload)
    suite = payload.check_suite
    if not delivered.identity.may_be(suite.app):
        return Ignored("the check suite is another App's")
    numbers = _numbers_of(suite, payload.repository.id)
    return Rerequested(delivered.installation, _repository(payload.repository), suite.head_sha, numbers, None)


def _added(delivered: _Delivered) -> Event:
    payload = _decode(payloads.InstallationPayload, delivered.payload)
    account = payload.installation.account
    who = None if account is None else Account(account.id, account.login or account.slug or "")
    return InstallationAdded(delivered.installation, who, _repositories(payload.repositories or ()))


def _repositories_added(delivered: _Delivered) -> Event:
    payload = _decode(payloads.InstallationRepositoriesPayload, delivered.payload)
    return RepositoriesAdded(delivered.installation, _repositories(payload.repositories_added))


def _repositories_removed(delivered: _Delivered) -> Event:
    payload = _decode(payloads.InstallationRepositoriesPayload, delivered.payload)
    return RepositoriesRemoved(delivered.installation, _repositories(payload.repositories_removed))


_Reader = Callable[[_Delivered], Event]
_USED: Mapping[str, Mapping[str, _Reader]] = {
    "pull_request": {
        "opened": _review_wanted,
        "reopened": _review_wanted,
        "synchronize": _review_wanted,
        "ready_for_review": _review_wanted,
        "edited": _edited,
        "closed": _closed,
    },
    "check_run": {"rerequested": _check_run},
    "check_suite": {"rerequested": _check_suite},
    "installation": {
        "created": _added,
        "unsuspend": _added,
        "new_permissions_accepted": lambda delivered: PermissionsChanged(delivered.installation),
        "deleted": lambda delivered: InstallationRemoved(delivered.installation),
        "suspend": lambda delivered: InstallationSuspended(delivered.installation),
    },
    "installation_repositories": {"added": _repositories_added, "removed": _repositories_removed},
}
# What the App does itself must not make it work again. A new run may be asked for in the App's name, and that an
# installation is gone is true whoever removed it.
_NOT_FROM_US = {("pull_request", action) for action in _USED["pull_request"]} | {("check_suite", "rerequested")}


def _repository(member: payloads.RepositoryMember) -> Repository:
    return Repository(member.id, member.full_name)


def _repositories(members: Sequence[payloads.RepositoryMember]) -> tuple[Repository, ...]:
    return tuple(_repository(member) for member in members)


_PULL = r"pr:[1-9][0-9]{0,8}(?::[0-9]{1,9})?"
_EXTERNAL_ID = re.compile(rf"{_PULL}(?:,{_PULL})*", re.ASCII)


def _numbers_in(external_id: str | None) -> tuple[int, ...]:
    """The pull requests of an external id that we wrote: ``pr:7``, ``pr:7:2`` (its second review), ``pr:7,pr:9``."""
    if external_id is None or not _EXTERNAL_ID.fullmatch(external_id):
        return ()
    return tuple(dict.fromkeys(int(part.split(":")[1]) for part in external_id.split(",")))


def _numbers_of(check: payloads.CheckMember, repository: int) -> tuple[int, ...]:
    """The pull requests GitHub lists, without those that belong to another repository with the same commit."""
    found = []
    for pull in check.pull_requests or ():
        base = pull.base.repo if pull.base is not None else None
        if base is None or base.id == repository:
            found.append(pull.number)
    return tuple(dict.fromkeys(found))
