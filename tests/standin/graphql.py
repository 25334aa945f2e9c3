"""The GraphQL endpoint: hiding a comment, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.standin import auth
from tests.standin.api import Answer, Refusal, allowed
from tests.standin.limits import Limits
from tests.standin.model import Comment, IssueComment, Json, Token
from tests.standin.rest import Arrived
from tests.standin.world import World, node_id

_CLASSIFIERS = ("SPAM", "ABUSE", "OFF_TOPIC", "OUTDATED", "DUPLICATE", "RESOLVED", "LOW_QUALITY")
_CALL = re.compile(r"minimizeComment\s*\(\s*input\s*:\s*(\$\w+|\{[^}]*\})")
_INPUT = re.compile(r'(\w+)\s*:\s*(?:"([^"]*)"|\$(\w+)|(\w+))')


class _Error(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def answer(world: World, limits: Limits, arrived: Arrived) -> Answer:
    """The answer to a query; what is wrong with the query itself comes with status 200."""
    with world.lock:
        try:
            identity = auth.identify(world, arrived.headers.get("authorization", ""))
            if identity.token is None:
                raise Refusal(401, "This endpoint requires you to be authenticated.")
            headers = limits.count(world, identity.token.installation, free=False)
            return Answer(_data(world, identity.token, arrived), 200, headers)
        except Refusal as refusal:
            return refusal.answer


def _data(world: World, token: Token, arrived: Arrived) -> Json:
    try:
        sent = json.loads(arrived.body)
        inputs = _inputs(sent)
        if inputs is None:
            world.violation(f"POST /graphql: unknown query {str(sent.get('query'))[:80]}")
            raise _Error("undefinedField", "Field doesn't exist")
        return {"data": {"minimizeComment": _minimize(world, token, inputs)}}
    except ValueError:
        return {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
    except _Error as error:
        place = {"type": error.kind, "path": ["minimizeComment"], "locations": [{"line": 1, "column": 1}]}
        return {"data": {"minimizeComment": None}, "errors": [{**place, "message": str(error)}]}


def _inputs(sent: Any) -> dict[str, Any] | None:
    """What ``minimizeComment`` is given, in the query or in its variables."""
    query = sent.get("query") if isinstance(sent, dict) else None
    found = _CALL.search(query) if isinstance(query, str) else None
    if found is None:
        return None
    variables: dict[str, Any] = sent.get("variables") or {}
    if found[1].startswith("$"):
        return variables.get(found[1][1:]) or {}
    pairs = _INPUT.findall(found[1])
    return {name: variables.get(variable) if variable else text or word for name, text, variable, word in pairs}


def _minimize(world: World, token: Token, inputs: dict[str, Any]) -> Json:
    if inputs.get("classifier") not in _CLASSIFIERS:
        world.violation(f"POST /graphql: classifier {inputs.get('classifier')}")
        raise _Error("argumentLiteralsIncompatible", "classifier is not a ReportedContentClassifiers")
    comment = _find(world, str(inputs.get("subjectId")))
    repository = comment.pull.repository if comment else None
    if comment is None or repository is None or not token.installation.holds(repository):
        raise _Error("NOT_FOUND", f"Could not resolve to a node with the global id of '{inputs.get('subjectId')}'")
    if not allowed(auth.effective(token), ("pull_requests=write",)):
        raise _Error("FORBIDDEN", "Resource not accessible by integration")
    comment.minimized = inputs["classifier"]
    shown: Json = {"isMinimized": True, "minimizedReason": str(comment.minimized).lower()}
    return {"clientMutationId": inputs.get("clientMutationId"), "minimizedComment": shown}


def _find(world: World, id: str) -> Comment | IssueComment | None:
    for comment in world.comments:
        if node_id("PRRC", comment.id) == id:
            return comment
    return next((entry for entry in world.issue_comments if node_id("IC", entry.id) == id), None)
