"""One REST request from its bytes to its answer, in the order in which GitHub refuses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlencode

from tests.standin import contract, routes
from tests.standin.api import DOCUMENTATION, ROUTES, Answer, Call, Refusal
from tests.standin.auth import Identity, authorise, identify
from tests.standin.contract import Operation
from tests.standin.limits import Limits
from tests.standin.model import Json, Repository
from tests.standin.world import World

__all__ = ["Arrived", "Rest", "routes"]

# The version github.json describes; others are refused although GitHub has a newer one.
VERSIONS = ("2022-11-28",)

_OTHER_FORM = re.compile(r"\.(?:diff|patch|raw|sha|text|html|full|object)\b")


@dataclass(frozen=True)
class Arrived:
    """A request: *path* as sent (still quoted) below the API's root, headers with small letters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Rest:
    """Answers REST requests."""

    world: World
    limits: Limits

    def answer(self, arrived: Arrived) -> Answer:
        """The answer to a request, errors included; whatever breaks the description is noted."""
        with self.world.lock:
            counted: dict[str, str] = {}
            try:
                answer = self._answer(arrived, counted)
            except Refusal as refusal:
                answer = refusal.answer
            found = contract.match(arrived.method, arrived.path)
            for problem in contract.answer_problems(found[0], answer.status, answer.body) if found else ():
                self.world.violation(f"answer to {arrived.line}: {problem}")
            return replace(answer, headers={**counted, **answer.headers})

    def _answer(self, arrived: Arrived, counted: dict[str, str]) -> Answer:
        self._check_headers(arrived)
        identity = identify(self.world, arrived.headers.get("authorization", ""))
        installation = identity.token.installation if identity.token else None
        counted |= self.limits.count(self.world, installation, free=arrived.path == "/rate_limit")
        path, moved = self._present_path(arrived)
        found = contract.match(arrived.method, path)
        if found is None or found[0].key not in ROUTES:
            self.world.violation(f"{arrived.line}: unknown endpoint")
            raise Refusal(404, "Not Found")
        operation, parts = found
        if moved is not None:
            return self._redirect(arrived, path, moved)
        return self._call(arrived, operation, parts, identity)

    def _call(self, arrived: Arrived, operation: Operation, parts: dict[str, str], identity: Identity) -> Answer:
        values = {name: unquote(text) for name, text in parts.items()}
        repository = self.world.repository(f"{values['owner']}/{values['repo']}") if "owner" in values else None
        if "owner" in values and repository is None:
            raise Refusal(404, "Not Found")
        authorise(identity, ROUTES[operation.key], repository)
        body = self._body(arrived)
        path, query = self._checked(arrived, operation, values, body)
        call = self._made(arrived, path, query, body or {}, identity, repository)
        return ROUTES[operation.key].handler(call)

    def _made(
        self,
        arrived: Arrived,
        path: dict[str, Any],
        query: dict[str, Any],
        body: Json,
        identity: Identity,
        repository: Repository | None,
    ) -> Call:
        return Call(self.world, self.world.api_url + arrived.path, path, query, body, identity.token, repository)

    def _check_headers(self, arrived: Arrived) -> None:
        if not arrived.headers.get("user-agent"):
            self.world.violation(f"{arrived.line}: no User-Agent")
            raise Refusal(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header"
            )
        if _OTHER_FORM.search(arrived.headers.get("accept", "")):
            self.world.violation(f"{arrived.line}: only JSON is known here, not {arrived.headers['accept']}")
            raise Refusal(415, "Unsupported 'Accept' header")
        version = arrived.headers.get("x-github-api-version")
        if version is None:
            self.world.violation(f"{arrived.line}: no X-GitHub-Api-Version")
        elif version not in VERSIONS:
            self.world.violation(f"{arrived.line}: unknown X-GitHub-Api-Version {version}")
            raise Refusal(400, f'"{version}" is not a supported version.')

    def _present_path(self, arrived: Arrived) -> tuple[str, Repository | None]:
        """The path by present names; and the repository where the name in it is an old one."""
        by_id = re.match(r"/repositories/(\d+)(?=/|$)", arrived.path)
        if by_id:
            repository = self.world.repository_by_id(int(by_id[1]))
            if repository is None:
                raise Refusal(404, "Not Found")
            return f"/repos/{repository.full_name}{arrived.path[by_id.end() :]}", None
        named = re.match(r"/repos/([^/]+/[^/]+)(?=/|$)", arrived.path)
        if named is None or self.world.repository(unquote(named[1])) is not None:
            return arrived.path, None
        return arrived.path, self.world.renamed_from(unquote(named[1]))

    def _redirect(self, arrived: Arrived, path: str, moved: Repository) -> Answer:
        rest = re.sub(r"^/repos/[^/]+/[^/]+", "", path)
        target = f"{self.world.api_url}/repositories/{moved.id}{rest}"
        if arrived.query:
            target += f"?{urlencode(arrived.query)}"
        permanent = arrived.method in ("GET", "HEAD")
        message, status = ("Moved Permanently", 301) if permanent else ("Temporary Redirect", 307)
        body = {"message": message, "url": target, "documentation_url": DOCUMENTATION}
        return Answer(body, status, {"Location": target})

    def _body(self, arrived: Arrived) -> Json | None:
        if not arrived.body:
            return None
        try:
            value = json.loads(arrived.body)
        except ValueError as error:
            self.world.violation(f"{arrived.line}: the body is not JSON")
            raise Refusal(400, "Problems parsing JSON") from error
        if not isinstance(value, dict):
            self.world.violation(f"{arrived.line}: the body is not an object")
            raise Refusal(400, "Body should be a JSON object")
        return value

    def _checked(
        self, arrived: Arrived, operation: Operation, parts: dict[str, str], body: Json | None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        path: dict[str, Any] = {}
        query: dict[str, Any] = {}
        problems: list[str] = []
        for source, target in ((parts, path), (arrived.query, query)):
            for name, text in source.items():
                target[name], problem = contract.typed(operation, name, text)
                problems += [problem] if problem else []
        problems += contract.body_problems(operation, body)
        if problems:
            for problem in problems:
                self.world.violation(f"{arrived.line}: {problem}")
            raise Refusal(422, "Invalid request.\n\n" + "\n".join(problems))
        return path, query
