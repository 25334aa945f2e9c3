"""A review as JSON of schema 1, which only ever gains members."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from reviewer import RULESET, __version__
from reviewer.core.finding import Reported, Review
from reviewer.core.rulebook import Rulebook
from reviewer.render.markdown import comment
from reviewer.render.message import message_of
from reviewer.render.profile import change_document
from reviewer.render.profile_schema import change_schema


@dataclass(frozen=True, slots=True)
class Revisions:
    """What was compared: full commit ids, or None for a folder and for a scan's base."""

    head: str | None = None
    base: str | None = None
    merge_base: str | None = None


def render_json(review: Review, revisions: Revisions, rulebook: Rulebook) -> str:
    return json.dumps(document(review, revisions, rulebook), indent=2, ensure_ascii=True) + "\n"


def document(review: Review, revisions: Revisions, rulebook: Rulebook) -> dict[str, Any]:
    return {
        "schema": 1,
        "tool": {"version": __version__, "ruleset": RULESET},
        "base": revisions.base,
        "head": revisions.head,
        "merge_base": revisions.merge_base,
        "verdict": review.verdict,
        "findings": [_finding(finding, rulebook) for finding in review.findings],
        "fixed": [asdict(fixed) for fixed in review.fixed],
        "problems": [asdict(problem) for problem in review.problems],
        "stats": dict(review.stats),
        "profile_delta": [change_document(change) for change in review.profile_delta],
    }


def _finding(reported: Reported, rulebook: Rulebook) -> dict[str, Any]:
    finding, rule = reported.finding, rulebook.rules[reported.finding.rule]
    message = message_of(finding, rule)
    anchor = asdict(reported.anchor) if reported.anchor is not None else None
    suggestion = asdict(finding.suggestion) if finding.suggestion is not None else None
    return {
        "id": reported.id,
        "rule": finding.rule,
        "title": message.title,
        "level": finding.level,
        "evidence": finding.evidence,
        "gates": reported.gates,
        "status": reported.status,
        "path": finding.site.path,
        "line": finding.site.line,
        "end_line": finding.site.end_line,
        "column": finding.site.column,
        "message": f"{message.seen} {message.cost}",
        "comment": comment([reported], rule, reported.anchor),
        "key": finding.key,
        "cause": reported.cause,
        "fingerprint": reported.fingerprint,
        "package": finding.package,
        "anchor": anchor,
        "anchor_reason": reported.anchor_reason,
        "sites": [{"path": s.path, "line": s.line, "message": s.message} for s in finding.sites],
        "suggestion": suggestion,
        "suppression": finding.suppression,
    }


_TEXT: Mapping[str, Any] = {"type": "string"}
_LINE: Mapping[str, Any] = {"type": ["integer", "null"], "minimum": 1}


def _object(properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [dict(schema), {"type": "null"}]}


def schema() -> dict[str, Any]:
    """The JSON Schema of schema 1. Members may be added; readers ignore what they do not know."""
    site = _object({"path": _TEXT, "line": _LINE, "message": _TEXT})
    anchor = _object({"path": _TEXT, "line": {"type": "integer", "minimum": 1}, "side": {"enum": ["RIGHT", "LEFT"]}})
    suggestion = _object({"path": _TEXT, "line": _LINE, "end_line": _LINE, "replacement": _TEXT})
    finding = _object(
        {
            **dict.fromkeys(("id", "rule", "title", "path", "message", "comment", "key", "cause"), _TEXT),
            **dict.fromkeys(("fingerprint", "package", "anchor_reason"), _TEXT),
            "level": {"enum": ["error", "warning", "notice"]},
            "evidence": {"enum": ["high", "medium", "low"]},
            "gates": {"type": "boolean"},
            "status": {"enum": ["introduced", "existing", "suppressed", "dismissed"]},
            "line": _LINE,
            "end_line": _LINE,
            "column": {"type": "integer", "minimum": 1},
            "anchor": _or_null(anchor),
            "sites": {"type": "array", "items": site, "minItems": 1},
            "suggestion": _or_null(suggestion),
            "suppression": {"type": ["string", "null"]},
        }
    )
    fixed = _object({"rule": _TEXT, "path": _TEXT, "fingerprint": _TEXT})
    kind = {"enum": ["skipped", "failed"]}
    problem = _object({"kind": kind, "path": _TEXT, "message": _TEXT, "caused_by_change": {"type": "boolean"}})
    commit = {"type": ["string", "null"], "pattern": "^[0-9a-f]{40}([0-9a-f]{24})?$"}
    members = {
        "schema": {"const": 1},
        "tool": _object({"version": _TEXT, "ruleset": {"type": "integer"}}),
        **dict.fromkeys(("base", "head", "merge_base"), commit),
        "verdict": {"enum": ["success", "failure", "incomplete"]},
        "findings": {"type": "array", "items": finding},
        "fixed": {"type": "array", "items": fixed},
        "problems": {"type": "array", "items": problem},
        "stats": {"type": "object", "additionalProperties": {"type": "integer"}},
        "profile_delta": {"type": "array", "items": change_schema()},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Review, schema 1"}
    return {**head, **_object(members)}
