"""GitHub's own description of its API: which requests, answers and payloads agree with it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DESCRIPTION = Path(__file__).parent / "openapi" / "github.json"
_BASE = "urn:github"
_PLACE = re.compile(r"\{(\w+)\}")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Known to hold slashes; every other path parameter is one segment.
_LONG = {"path", "ref", "basehead", "branch"}

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_utc(value: object) -> bool:
    return not isinstance(value, str) or _DATE_TIME.fullmatch(value) is not None


@dataclass(frozen=True)
class Operation:
    """One operation of the API."""

    method: str
    template: str
    pattern: re.Pattern[str]
    parameters: dict[str, dict[str, Any]]
    description: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.method} {self.template}"


def _load() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    _correct(document["components"]["schemas"])
    for operation in document["operations"]:
        if operation["path"] == "/app/installations":
            # Described as accounts that are a user and an enterprise at once.
            operation["answers"]["200"]["items"] = {"$ref": "#/components/schemas/installation"}
    return document


def _correct(schemas: dict[str, Any]) -> None:
    """What GitHub answers although its description says otherwise (github.md 4.7, 5.2)."""
    for name in ("review-comment", "pull-request-review-comment"):
        for place in ("line", "position", "original_position", "original_line", "side"):
            found = schemas[name]["properties"][place]
            schemas[name]["properties"][place] = {"anyOf": [found, {"type": "null"}]}
    for name in ("pull-request", "pull-request-simple"):
        found = schemas[name]["properties"]["head"]["properties"]["repo"]
        schemas[name]["properties"]["head"]["properties"]["repo"] = {"anyOf": [found, {"type": "null"}]}
    for name in ("webhook-check-suite-requested", "webhook-check-suite-rerequested"):
        app = schemas[name]["properties"]["check_suite"]["properties"]["app"]
        app["properties"]["events"]["items"].pop("enum", None)


def _closed(schema: Any) -> Any:
    """A body's schema in which an object takes no keys but those described."""
    if isinstance(schema, list):
        return [_closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        result.setdefault("additionalProperties", False)
    return result


@cache
def _document() -> dict[str, Any]:
    return _load()


@cache
def _registry() -> Registry[Any]:
    resource = DRAFT202012.create_resource({"components": _document()["components"]})
    registry: Registry[Any] = Registry()
    filled: Registry[Any] = registry.with_resource(_BASE, resource)
    return filled


def _validator(schema: Any) -> Draft202012Validator:
    return Draft202012Validator(_absolute(schema), registry=_registry(), format_checker=_FORMATS)


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [_absolute(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {k: _BASE + v if k == "$ref" and isinstance(v, str) else _absolute(v) for k, v in value.items()}


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation, those with more fixed segments first."""
    found = [_operation(entry) for entry in _document()["operations"]]
    return tuple(sorted(found, key=lambda o: (o.template.count("{"), -len(o.template))))


def _operation(entry: dict[str, Any]) -> Operation:
    parts = _PLACE.split(entry["path"])
    pattern = "".join(
        re.escape(p) if i % 2 == 0 else f"(?P<{p}>{'.+' if p in _LONG else '[^/]+'})" for i, p in enumerate(parts)
    )
    parameters = {p["name"]: p for p in entry["parameters"]}
    return Operation(entry["method"], entry["path"], re.compile(pattern), parameters, entry)


def match(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation a request asks for, with its path parameters as text."""
    for operation in operations():
        found = operation.pattern.fullmatch(path) if operation.method == method else None
        if found:
            return operation, found.groupdict()
    return None


@cache
def _body_validator(key: str) -> Draft202012Validator | None:
    body = next(o for o in operations() if o.key == key).description["body"]
    return _validator(_closed(body["schema"])) if body and body["schema"] else None


@cache
def _answer_validator(key: str, status: str) -> Draft202012Validator | None:
    schema = next(o for o in operations() if o.key == key).description["answers"].get(status)
    return _validator(schema) if schema else None


@cache
def _payload_validator(name: str) -> Draft202012Validator | None:
    schema = _document()["webhooks"].get(name)
    return _validator(schema) if schema else None


@cache
def _error_validator() -> Draft202012Validator:
    return _validator({"$ref": "#/components/schemas/basic-error"})


def _told(validator: Draft202012Validator | None, value: Any) -> list[str]:
    if validator is None:
        return []
    errors = sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message[:300]}" for error in errors[:5]]


def typed(operation: Operation, name: str, text: str) -> tuple[Any, str | None]:
    """A parameter's value, and what is wrong with it."""
    described = operation.parameters.get(name)
    if described is None:
        return text, f"unknown parameter {name}"
    schema = described["schema"]
    value: Any = text
    if schema.get("type") == "integer":
        if not re.fullmatch(r"-?\d+", text):
            return text, f"parameter {name} is not a number: {text}"
        value = int(text)
    elif schema.get("type") == "boolean":
        value = {"true": True, "false": False}.get(text, text)
    problems = _told(_validator(schema), value)
    return value, f"parameter {name}: {problems[0]}" if problems else None


def body_problems(operation: Operation, body: Any) -> list[str]:
    """What in a body does not agree with the description."""
    described = operation.description["body"]
    if described is None:
        return [] if body in (None, {}) else ["a body where none is described"]
    if body is None:
        return ["no body"] if described["required"] else []
    return _told(_body_validator(operation.key), body)


def answer_problems(operation: Operation, status: int, body: Any) -> list[str]:
    """What in an answer does not agree with the description; errors need not be listed for an operation."""
    answers = operation.description["answers"]
    if str(status) in answers:
        return _told(_answer_validator(operation.key, str(status)), body)
    if status < 300:
        return [f"status {status} is not described"]
    return _told(_error_validator(), body)


def payload_problems(event: str, payload: Any) -> list[str]:
    """What in a webhook's payload does not agree with the description; an unknown event has no problems."""
    name = event.replace("_", "-")
    action = payload.get("action") if isinstance(payload, dict) else None
    if isinstance(action, str):
        name = f"{name}-{action.replace('_', '-')}"
    return _told(_payload_validator(name), payload)
