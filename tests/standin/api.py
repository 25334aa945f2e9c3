"""What a handler of one operation gets and gives: calls, answers, refusals, pages; and the table of handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from tests.standin.model import Json, PullRequest, Repository, Token
from tests.standin.world import World

Item = TypeVar("Item")

DOCUMENTATION = "https://docs.github.com/rest"
_LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True)
class Answer:
    """A status, a JSON value (None: no content) and further headers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An error in GitHub's shape; *errors* are texts or objects, as the operation has them."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[str | Json] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        body: Json = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        self.answer = Answer({**body, "errors": list(errors)} if errors else body, status, headers or {})


def unprocessable(*errors: str) -> Refusal:
    """The 422 of reviews, which names reasons but no entry."""
    return Refusal(422, "Unprocessable Entity", errors)


def invalid(resource: str, field: str, message: str) -> Refusal:
    """The 422 of everything else."""
    error = {"resource": resource, "code": "custom", "field": field, "message": message}
    return Refusal(422, "Validation Failed", [error])


@dataclass
class Call:
    """A request that agrees with the description and is allowed."""

    world: World
    url: str
    path: dict[str, Any]
    query: dict[str, Any]
    body: Json
    token: Token | None
    found: Repository | None

    @property
    def repository(self) -> Repository:
        if self.found is None:
            raise Refusal(404, "Not Found")
        return self.found

    @property
    def pull(self) -> PullRequest:
        """The pull request of the path."""
        number = self.path.get("pull_number", self.path.get("issue_number", 0))
        pull = self.world.pull(self.repository, number)
        if pull is None:
            raise Refusal(404, "Not Found")
        return pull


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """How an operation is done, and who may ask: *needs* lists permissions of which one is enough."""

    handler: Handler
    needs: tuple[str, ...]
    jwt: bool
    anonymous: bool = False


ROUTES: dict[str, Route] = {}


def route(key: str, *needs: str, jwt: bool = False, anonymous: bool = False) -> Callable[[Handler], Handler]:
    """Puts a handler into the table: ``route("GET /repos/{owner}/{repo}", "metadata=read")``."""

    def enter(handler: Handler) -> Handler:
        ROUTES[key] = Route(handler, needs, jwt, anonymous)
        return handler

    return enter


def allowed(permissions: dict[str, str], needs: tuple[str, ...]) -> bool:
    """Whether permissions satisfy one of the needs."""
    if not needs:
        return True
    pairs = (need.split("=") for need in needs)
    return any(_LEVELS.get(permissions.get(name, ""), 0) >= _LEVELS[level] for name, level in pairs)


def page(call: Call, items: Sequence[Item]) -> tuple[list[Item], dict[str, str]]:
    """One page of a list and the header that links the others."""
    size = min(call.query.get("per_page", 30), 100)
    size = size if size > 0 else 30
    number = max(call.query.get("page", 1), 1)
    last = max(-(-len(items) // size), 1)
    targets = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        targets.pop("next")
        targets.pop("last")
    if number <= 1:
        targets.pop("prev")
        targets.pop("first")
    links = ", ".join(f'<{call.url}?{urlencode({**call.query, "page": n})}>; rel="{r}"' for r, n in targets.items())
    return list(items[(number - 1) * size : number * size]), {"Link": links} if links else {}


def listed(call: Call, items: Sequence[Item], shown: Callable[[Item], Json]) -> Answer:
    """An answer with one page of a list."""
    entries, headers = page(call, items)
    return Answer([shown(entry) for entry in entries], 200, headers)
