"""Check runs as strictly as GitHub takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.materialise import git
from tests.helpers import commit
from tests.standin.client import Shop

DONE = {"status": "completed", "conclusion": "success"}
OUTPUT = {"title": "Fine", "summary": "Nothing to say."}


def note(**more: Any) -> dict[str, Any]:
    good = {"path": "a.js", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "Look"}
    return {**good, **more}


def test_a_run_is_created_completed_and_read(shop: Shop) -> None:
    created = shop.check(status="in_progress", external_id="pr:1", started_at="2026-01-01T00:00:00Z").json()
    path = f"{shop.path}/check-runs/{created['id']}"
    body = {**DONE, "completed_at": "2026-01-01T00:00:01Z", "output": {**OUTPUT, "annotations": [note()]}}
    assert shop.send("PATCH", path, body).json()["conclusion"] == "success"
    assert (
        shop.send("PATCH", path, {"output": {**OUTPUT, "annotations": [note(message="And here")]}}).status_code == 200
    )
    assert shop.get(path).json()["output"]["annotations_count"] == 2
    assert [entry["message"] for entry in shop.get(f"{path}/annotations").json()] == ["Look", "And here"]
    [run] = shop.runs
    assert (run.name, run.external_id, run.status, run.conclusion) == ("reviewer", "pr:1", "completed", "success")
    assert run.output == OUTPUT
    assert [entry["message"] for entry in run.annotations] == ["Look", "And here"]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "completed"},
        {"completed_at": "2026-01-01T00:00:00Z"},
        {"status": "in_progress", "conclusion": "success"},
        {"conclusion": "stale"},
        {"details_url": "javascript:alert(1)"},
        {"head_sha": "0" * 40},
        {"head_sha": "feature"},
        {"output": {**OUTPUT, "summary": "é" * 32768}},
        {"output": {**OUTPUT, "text": "é" * 32768}},
        {"output": {**OUTPUT, "annotations": [note(message="m" * 65537)]}},
        {"output": {**OUTPUT, "annotations": [note(raw_details="m" * 65537)]}},
        {"output": {**OUTPUT, "annotations": [note(title="m" * 256)]}},
        {"output": {**OUTPUT, "annotations": [note(start_line=1, end_line=2, start_column=1)]}},
        {"output": {**OUTPUT, "annotations": [note(start_line=2, end_line=1)]}},
    ],
)
def test_what_the_description_does_not_say_is_refused_too(refusing: Shop, body: dict[str, Any]) -> None:
    assert refusing.check(**body).status_code == 422
    assert refusing.runs == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": None},
        {"output": {"title": "No summary"}},
        {"output": {"summary": "No title"}},
        {"output": {**OUTPUT, "summary": "s" * 65536}},
        {"output": {**OUTPUT, "annotations": [note()] * 51}},
        {"output": {**OUTPUT, "annotations": [note(annotation_level="error")]}},
        {"actions": [{"label": "Go", "description": "Goes", "identifier": "go"}] * 4},
        {"actions": [{"label": "l" * 21, "description": "Goes", "identifier": "go"}]},
        {"started_at": "2026-01-01T00:00:00+00:00"},
        {"details": "unknown"},
    ],
)
def test_what_the_description_refuses_is_a_violation(refusing: Shop, body: dict[str, Any]) -> None:
    assert refusing.check(**body).status_code == 422
    assert refusing.github.violations
    refusing.github.violations.clear()


def test_runs_of_a_commit_are_listed_by_name_and_newest(shop: Shop) -> None:
    first, second = shop.check(**DONE).json()["id"], shop.check().json()["id"]
    other = shop.check(name="other").json()["id"]
    path = f"{shop.path}/commits/{shop.pull.head_sha}/check-runs"

    def listed(**query: Any) -> list[int]:
        return [run["id"] for run in shop.get(path, **query).json()["check_runs"]]

    assert listed() == [other, second]
    assert listed(filter="all") == [other, second, first]
    assert listed(filter="all", check_name="reviewer", status="completed") == [first]
    assert listed(app_id=1) == []


def test_runs_of_one_commit_share_a_suite(shop: Shop) -> None:
    first, second = shop.check().json(), shop.check().json()
    assert first["check_suite"] == second["check_suite"]
    assert [pull["number"] for pull in first["pull_requests"]] == [shop.pull.number]


def test_a_rerun_resets_the_suite_until_there_is_a_new_run(shop: Shop) -> None:
    run = shop.check(**DONE).json()["id"]

    def told() -> tuple[str, str | None]:
        suite = shop.github.deliveries[-1].payload["check_run"]["check_suite"]
        return suite["status"], suite["conclusion"]

    shop.github.request_action(run, "fix")
    assert told() == ("completed", "success")
    shop.github.rerequest_check_run(run)
    assert told() == ("queued", None)
    assert shop.runs[0].conclusion == "success"
    shop.check(status="in_progress")
    shop.github.request_action(run, "fix")
    assert told() == ("in_progress", None)


def test_a_head_from_a_fork_is_known_but_names_no_pull_request(shop: Shop, tmp_path: Path) -> None:
    fork = tmp_path / "fork"
    git(tmp_path, "clone", "--quiet", str(shop.repository.path), str(fork))
    git(fork, "checkout", "--quiet", "-b", "mine")
    commit(fork, {"c.js": "new\n"})
    source = shop.github.add_repository(f"somebody/{shop.repository.name}", fork, fork=True)
    pull = shop.github.open_pull(shop.repository, "mine", head_repository=source)
    run = shop.check(head_sha=pull.head_sha)
    assert (run.status_code, run.json()["pull_requests"]) == (201, [])
    shown = shop.get(f"{shop.path}/pulls/{pull.number}").json()["head"]
    assert (shown["label"], shown["repo"]["fork"]) == ("somebody:mine", True)
    shop.github.delete(source)
    assert shop.get(f"{shop.path}/pulls/{pull.number}").json()["head"]["repo"] is None
    found = shop.get(f"{shop.path}/commits/{pull.head_sha}/pulls").json()
    assert [entry["number"] for entry in found] == [pull.number]
