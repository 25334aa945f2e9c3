"""What agrees with GitHub's description of its API, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.standin import contract
from tests.standin.api import ROUTES
from tests.standin.client import Shop, comment
from tests.standin.openapi.cut import json_schema, needed, stripped


def test_every_operation_that_is_described_is_done() -> None:
    assert {operation.key for operation in contract.operations()} == ROUTES.keys()


def test_an_answer_that_lacks_something_is_told(shop: Shop) -> None:
    found = contract.match("POST", "/repos/a/b/check-runs")
    assert found is not None
    good = shop.check().json()
    assert contract.answer_problems(found[0], 201, good) == []
    assert contract.answer_problems(found[0], 200, good) == ["status 200 is not described"]
    del good["head_sha"]
    assert contract.answer_problems(found[0], 201, good) == ["$: 'head_sha' is a required property"]


def test_a_payload_that_lacks_something_is_told(shop: Shop) -> None:
    payload: dict[str, Any] = shop.github.send_pull(shop.pull, "opened").payload
    assert contract.payload_problems("pull_request", payload) == []
    broken = json.loads(json.dumps(payload))
    del broken["pull_request"]["head"]["sha"]
    assert contract.payload_problems("pull_request", broken) != []


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/repos/a/b/pulls/comments/3", "/repos/{owner}/{repo}/pulls/comments/{comment_id}"),
        ("/repos/a/b/pulls/3/comments", "/repos/{owner}/{repo}/pulls/{pull_number}/comments"),
        ("/repos/a/b/commits/heads/x/check-runs", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
        ("/repos/a/b/contents/app/%28shop%29/page.js", "/repos/{owner}/{repo}/contents/{path}"),
    ],
)
def test_a_path_names_one_operation(path: str, template: str) -> None:
    found = contract.match("GET", path)
    assert found is not None
    assert found[0].template == template


def test_an_entry_takes_no_unknown_keys() -> None:
    found = contract.match("POST", "/repos/a/b/pulls/3/reviews")
    assert found is not None
    assert contract.body_problems(found[0], {"event": "COMMENT", "comments": [comment(1)]}) == []
    [told] = contract.body_problems(found[0], {"event": "COMMENT", "comments": [comment(1, subject="file")]})
    assert "'subject' was unexpected" in told


def test_the_cut_keeps_names_and_drops_prose() -> None:
    schema = {"description": "Prose", "type": "object", "properties": {"title": {"type": "string", "nullable": True}}}
    assert json_schema(stripped(schema)) == {"type": "object", "properties": {"title": {"type": ["string", "null"]}}}
    reference = {"$ref": "#/components/schemas/b"}
    schemas = {"a": {"items": reference}, "b": {"type": "string"}, "c": {}}
    assert list(needed({"components": {"schemas": schemas}}, {"$ref": "#/components/schemas/a"})) == ["a", "b"]
