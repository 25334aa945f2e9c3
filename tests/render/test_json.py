"""The JSON document: its schema, its members, and texts that stay what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from reviewer import RULESET, __version__
from reviewer.core.finding import Anchor, Fixed, Problem, Review, Site, Suggestion
from reviewer.render.json import Revisions, document, render_json, schema
from reviewer.resources import built_in_rulebook
from tests.render.samples import finding, reported, review

COMMIT = "0123456789abcdef0123456789abcdef01234567"
VALIDATOR = Draft202012Validator(schema())


def rendered(review: Review, revisions: Revisions | None = None) -> dict[str, Any]:
    text = render_json(review, revisions or Revisions(), built_in_rulebook())
    value: dict[str, Any] = json.loads(text)
    return value


def full() -> Review:
    """A review with everything a review can have."""
    site = Site("a.js", 2, 3, 4, "seen")
    patch = Suggestion("a.js", 2, 2, "x")
    whole = replace(finding(), sites=(site, Site("b.js", None)), suggestion=patch, suppression="ok")
    return Review(
        (replace(reported(whole), anchor=Anchor("a.js", 2), status="suppressed"),),
        (Fixed("per-route-middleware", "c.js", "f" * 16),),
        (Problem("skipped", "d.js", "it is minified"), Problem("failed", "", "nothing")),
        "incomplete",
        {"files": 4},
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("sample", [Review((), (), (), "success"), full()], ids=["empty", "full"])
def test_a_review_is_written_as_the_schema_says(sample: Review) -> None:
    VALIDATOR.validate(rendered(sample, Revisions(COMMIT, COMMIT, COMMIT)))


def test_every_member_of_the_contract_is_there() -> None:
    value = rendered(full())
    members = "schema tool base head merge_base verdict findings fixed problems stats"
    in_finding = (
        "id rule level evidence gates status path line end_line column message key cause fingerprint package "
        "anchor anchor_reason sites suggestion"
    )
    assert set(members.split()) <= value.keys()
    assert set(in_finding.split()) <= value["findings"][0].keys()
    assert value["tool"] == {"version": __version__, "ruleset": RULESET}
    assert (value["schema"], value["base"], value["stats"]) == (1, None, {"files": 4})


def test_values_are_those_of_the_review() -> None:
    value = rendered(full(), Revisions(head=COMMIT))
    (found,) = value["findings"]
    assert value["head"] == COMMIT
    assert [found[name] for name in ("path", "line", "column", "end_line")] == ["a.js", 2, 3, 4]
    assert found["anchor"] == {"path": "a.js", "line": 2, "side": "RIGHT"}
    assert found["sites"] == [
        {"path": "a.js", "line": 2, "message": "seen"},
        {"path": "b.js", "line": None, "message": ""},
    ]
    assert found["suggestion"] == {"path": "a.js", "line": 2, "end_line": 2, "replacement": "x"}
    assert value["fixed"] == [{"rule": "per-route-middleware", "path": "c.js", "fingerprint": "f" * 16}]
    assert value["problems"][1] == {"kind": "failed", "path": "", "message": "nothing", "caused_by_change": False}


def test_a_finding_of_a_whole_package_has_no_line() -> None:
    value = rendered(review(replace(finding(), sites=(Site("package.json", None),))))
    assert (value["findings"][0]["line"], value["findings"][0]["end_line"]) == (None, None)
    VALIDATOR.validate(value)


@pytest.mark.parametrize("path", ["a\nb.js", 'q"\\.js', "é✓😀.js", "\u202edrow.js", "\x1b[31m.js", "a b.js"])
def test_names_come_back_as_they_were_and_the_text_is_ascii(path: str) -> None:
    sample = review(replace(finding(), sites=(Site(path, 1),)))
    text = render_json(sample, Revisions(), built_in_rulebook())
    assert text.isascii()
    assert json.loads(text)["findings"][0]["path"] == path


def test_findings_keep_the_order_of_the_review() -> None:
    several = [replace(finding(), sites=(Site(path, 1),)) for path in ("b.js", "a.js")]
    assert [found["path"] for found in rendered(review(*several))["findings"]] == ["b.js", "a.js"]


BROKEN: list[tuple[str, object]] = [
    ("schema", 2),
    ("verdict", "fine"),
    ("head", "abc"),
    ("findings", [{}]),
    ("problems", [{"kind": "lost", "path": "", "message": ""}]),
    ("stats", {"files": "4"}),
]


@pytest.mark.parametrize(("member", "value"), BROKEN)
def test_the_schema_refuses_what_is_no_review(member: str, value: object) -> None:
    with pytest.raises(ValidationError):
        VALIDATOR.validate({**rendered(full()), member: value})


@pytest.mark.parametrize("member", ["id", "line", "anchor", "sites"])
def test_the_schema_refuses_a_finding_without_one_of_its_members(member: str) -> None:
    value = rendered(full())
    del value["findings"][0][member]
    with pytest.raises(ValidationError):
        VALIDATOR.validate(value)


def test_readers_of_the_schema_may_meet_members_they_do_not_know() -> None:
    value = rendered(full())
    value["findings"][0]["new"] = value["new"] = {"anything": 1}
    VALIDATOR.validate(value)


def test_the_document_is_what_is_written() -> None:
    assert document(full(), Revisions(), built_in_rulebook()) == rendered(full())


def test_ids_are_those_the_review_gave() -> None:
    sample = Review((reported(finding(), id="abcdef0-2"),), (), (), "success")
    assert rendered(sample)["findings"][0]["id"] == "abcdef0-2"
