"""Cuts GitHub's OpenAPI description down to what the stand-in checks, as plain JSON Schema (see the README)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = Any

HERE = Path(__file__).parent
OPERATIONS = """
POST /app-manifests/{code}/conversions
GET /app
GET /app/hook/deliveries
GET /app/hook/deliveries/{delivery_id}
POST /app/hook/deliveries/{delivery_id}/attempts
GET /app/installations
POST /app/installations/{installation_id}/access_tokens
GET /installation/repositories
DELETE /installation/token
GET /rate_limit
GET /repos/{owner}/{repo}
GET /repos/{owner}/{repo}/check-runs/{check_run_id}
GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations
GET /repos/{owner}/{repo}/collaborators/{username}/permission
GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls
GET /repos/{owner}/{repo}/commits/{ref}/check-runs
GET /repos/{owner}/{repo}/compare/{basehead}
GET /repos/{owner}/{repo}/contents/{path}
GET /repos/{owner}/{repo}/git/ref/{ref}
GET /repos/{owner}/{repo}/installation
GET /repos/{owner}/{repo}/pulls
GET /repos/{owner}/{repo}/pulls/comments/{comment_id}
GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions
GET /repos/{owner}/{repo}/pulls/{pull_number}
GET /repos/{owner}/{repo}/pulls/{pull_number}/comments
GET /repos/{owner}/{repo}/pulls/{pull_number}/files
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews
GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments
GET /repos/{owner}/{repo}/rules/branches/{branch}
POST /repos/{owner}/{repo}/check-runs
POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
POST /repos/{owner}/{repo}/issues/{issue_number}/comments
POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions
POST /repos/{owner}/{repo}/pulls/{pull_number}/comments
POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies
POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews
PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}
PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}
DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}
DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}
"""
WEBHOOKS = """
check-run-requested-action check-run-rerequested check-suite-requested check-suite-rerequested
installation-created installation-deleted installation-suspend installation-unsuspend
installation-new-permissions-accepted installation-repositories-added installation-repositories-removed
issue-comment-created merge-group-checks-requested merge-group-destroyed ping
pull-request-closed pull-request-converted-to-draft pull-request-edited pull-request-labeled pull-request-opened
pull-request-ready-for-review pull-request-reopened pull-request-review-comment-created pull-request-synchronize
push repository-deleted repository-renamed
"""
NOISE = {"description", "example", "examples", "externalDocs", "summary", "title", "deprecated", "tags", "x-octokit"}
NAMED = {"properties", "patternProperties", "schemas", "parameters", "responses"}


def stripped(value: Json, *, named: bool = False) -> Json:
    """A value without prose; *named*: its keys are names of things, none of them prose."""
    if isinstance(value, list):
        return [stripped(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    kept = {k: v for k, v in value.items() if named or (k not in NOISE and not k.startswith("x-github"))}
    return {k: stripped(v, named=not named and k in NAMED) for k, v in kept.items()}


def json_schema(value: Json, *, named: bool = False) -> Json:
    """OpenAPI 3.0's ``nullable`` said as JSON Schema says it."""
    if isinstance(value, list):
        return [json_schema(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    result = {k: json_schema(v, named=not named and k in NAMED) for k, v in value.items()}
    if named or result.pop("nullable", None) is not True:
        return result
    if isinstance(result.get("enum"), list) and None not in result["enum"]:
        result["enum"] = [*result["enum"], None]
    if isinstance(result.get("type"), str) and not result.keys() & {"allOf", "anyOf", "oneOf", "$ref"}:
        return {**result, "type": [result["type"], "null"]}
    return {"anyOf": [result, {"type": "null"}]}


def operation(document: Json, line: str) -> Json:
    """One operation: its parameters resolved, its body and its answers by status as schemas."""
    method, path = line.split()
    item = document["paths"][path]
    found = item[method.lower()]
    parameters = [resolved(document, p) for p in (*item.get("parameters", ()), *found.get("parameters", ()))]
    body = found.get("requestBody")
    return {
        "method": method,
        "path": path,
        "parameters": [{k: p[k] for k in ("name", "in", "required", "schema") if k in p} for p in parameters],
        "body": body and {"required": body.get("required", False), "schema": schema_of(body)},
        "answers": {status: schema_of(resolved(document, a)) for status, a in found["responses"].items()},
    }


def resolved(document: Json, value: Json) -> Json:
    """What a value's ``$ref`` points at, or the value."""
    while "$ref" in value:
        target = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        value = target
    return value


def schema_of(holder: Json) -> Json:
    """The schema of a JSON content, or None where there is no JSON."""
    content = holder.get("content", {})
    return next((c["schema"] for kind, c in content.items() if kind.endswith("json") and "schema" in c), None)


def webhook(document: Json, name: str) -> Json:
    """The schema of an event's payload."""
    return schema_of(document["x-webhooks"][name]["post"]["requestBody"])


def references(value: Json) -> set[str]:
    """Names of the schemas a value refers to."""
    if isinstance(value, list):
        return set().union(*(references(entry) for entry in value))
    if not isinstance(value, dict):
        return set()
    below = set().union(*(references(entry) for entry in value.values()))
    own = value.get("$ref")
    return below | {own.rsplit("/", 1)[1]} if isinstance(own, str) else below


def needed(document: Json, roots: Json) -> dict[str, Json]:
    """Every schema the roots need, however far away."""
    found: dict[str, Json] = {}
    waiting = references(roots)
    while waiting:
        name = waiting.pop()
        found[name] = json_schema(stripped(document["components"]["schemas"][name]))
        waiting |= references(found[name]) - found.keys()
    return dict(sorted(found.items()))


def cut(document: Json) -> Json:
    """The part of the description the stand-in checks requests, answers and payloads against."""
    operations = [json_schema(stripped(operation(document, o))) for o in OPERATIONS.strip().splitlines()]
    webhooks = {name: json_schema(stripped(webhook(document, name))) for name in sorted(WEBHOOKS.split())}
    return {
        "version": document["info"]["version"],
        "operations": operations,
        "webhooks": webhooks,
        "components": {"schemas": needed(document, [operations, webhooks])},
    }


def written(cut_: Json) -> str:
    """JSON with one operation, payload or schema a line, which keeps the differences of a renewal readable."""

    def compact(value: Json) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def lines(entries: dict[str, Json]) -> str:
        return ",\n".join(f"{compact(name)}:{compact(value)}" for name, value in entries.items())

    operations = ",\n".join(compact(o) for o in cut_["operations"])
    return (
        f'{{"version":{compact(cut_["version"])},\n"operations":[\n{operations}\n],\n'
        f'"webhooks":{{\n{lines(cut_["webhooks"])}\n}},\n'
        f'"components":{{"schemas":{{\n{lines(cut_["components"]["schemas"])}\n}}}}}}\n'
    )


if __name__ == "__main__":
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    (HERE / "github.json").write_text(written(cut(source)), encoding="utf-8")
