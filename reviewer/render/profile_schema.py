"""The JSON Schema of profiles, and of their change in a review. Members may be added; readers ignore others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from reviewer.core.matrix import MAXIMA, Changed, Confidence, Has, Host, Kind, Label, Mismatch

_TEXT: Mapping[str, Any] = {"type": "string"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_FACT: Mapping[str, Any] = {
    "fact": _TEXT,
    "path": _TEXT,
    "line": {"type": "integer", "minimum": 1},
    "confidence": {"enum": list(get_args(Confidence))},
}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


def _or_null(values: tuple[str, ...]) -> dict[str, Any]:
    return {"enum": [*values, None]}


def _state() -> dict[str, Any]:
    scores: dict[str, Any] = {name: {"type": "integer", "minimum": 0, "maximum": most} for name, most in MAXIMA.items()}
    return {
        "label": _or_null(get_args(Label)),
        "row": {"type": ["integer", "null"], "minimum": 1, "maximum": 4},
        "needs": {"type": ["string", "null"]},
        "has": {"enum": list(get_args(Has))},
        "host": {"enum": list(get_args(Host))},
        "scores": _object(scores),
        "mismatch": _or_null(get_args(Mismatch)),
        "confidence": {"enum": list(get_args(Confidence))},
    }


def _reason() -> dict[str, Any]:
    return _object({"score": {"enum": list(MAXIMA)}, "points": {"type": "integer", "minimum": 1}, **_FACT})


def change_schema() -> dict[str, Any]:
    """The change of one application's profile, as a member of a review."""
    return _object(
        {
            "root": _TEXT,
            "name": _TEXT,
            "what": _list({"enum": list(get_args(Changed))}),
            "before": _object(_state()),
            "after": _object(_state()),
            "since": {"enum": ["this change", "before"]},
            "added": _list(_reason()),
            "removed": _list(_reason()),
            "counter": _list(_object(_FACT)),
        }
    )


def profile_schema() -> dict[str, Any]:
    """The document of ``reviewer profile --format json``, schema 1."""
    fact = _object(_FACT)
    profile = {
        **dict.fromkeys(("root", "name", "what"), _TEXT),
        "kind": {"enum": list(get_args(Kind))},
        **_state(),
        "has_facts": _list(fact),
        "host_fact": {"anyOf": [fact, {"type": "null"}]},
        "host_conflicts": _list(fact),
        **dict.fromkeys(("pages", "handlers", "actions"), _COUNT),
        "reasons": _list(_reason()),
        "counter": _list(fact),
        "failed": _list(_TEXT),
    }
    kind = {"enum": ["skipped", "failed"]}
    problem = _object({"kind": kind, "path": _TEXT, "message": _TEXT, "caused_by_change": {"type": "boolean"}})
    members = {
        "schema": {"const": 1},
        "tool": _object({"version": _TEXT}),
        "head": {"type": ["string", "null"], "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"},
        "profiles": _list(_object(profile)),
        "problems": _list(problem),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Architecture profiles, schema 1"}
    return {**head, **_object(members)}
