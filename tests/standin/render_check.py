"""Check runs and check suites as GitHub's API and webhooks show them."""

from __future__ import annotations

from tests.standin import render, render_pull
from tests.standin.model import CheckRun, CheckSuite, Json
from tests.standin.world import World, node_id

# The order in which GitHub lets one conclusion speak for a whole suite.
_WORST = ("action_required", "cancelled", "timed_out", "failure", "neutral", "success", "skipped")


def _pulls(world: World, suite: CheckSuite) -> list[Json]:
    """Open pull requests of the commit; heads from forks are never listed (github.md 3.5)."""
    return [
        render_pull.minimal(world, pull)
        for pull in world.pulls_of(suite.repository)
        if pull.head_sha == suite.head_sha and pull.state == "open" and not pull.from_fork
    ]


def run(world: World, found: CheckRun) -> Json:
    """A check run as the API shows it."""
    url = f"{render.repository_url(world, found.repository)}/check-runs/{found.id}"
    page = f"{render.html_url(world, found.repository)}/runs/{found.id}"
    return {
        "id": found.id,
        "name": found.name,
        "node_id": node_id("CR", found.id),
        "head_sha": found.head_sha,
        "external_id": found.external_id,
        "url": url,
        "html_url": page,
        "details_url": found.details_url,
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": found.started_at,
        "completed_at": found.completed_at,
        "output": {
            "title": found.output.get("title"),
            "summary": found.output.get("summary"),
            "text": found.output.get("text"),
            "annotations_count": len(found.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": found.suite.id},
        "app": render.app(world),
        "pull_requests": _pulls(world, found.suite),
    }


def sent_run(world: World, found: CheckRun) -> Json:
    """A check run as events show it."""
    return {**run(world, found), "check_suite": _simple_suite(world, found.suite)}


def annotation(world: World, found: CheckRun, sent: Json) -> Json:
    """An annotation as it is listed."""
    names = ("path", "start_line", "end_line", "start_column", "end_column", "annotation_level", "title", "message")
    page = render.html_url(world, found.repository)
    return {
        **{name: sent.get(name) for name in (*names, "raw_details")},
        "blob_href": f"{page}/blob/{found.head_sha}/{sent['path']}",
    }


def _state(world: World, suite: CheckSuite) -> Json:
    runs = [] if suite.reset else world.runs_of(suite)
    done = bool(runs) and all(found.status == "completed" for found in runs)
    conclusions = [found.conclusion for found in runs]
    status = "completed" if done else ("in_progress" if runs else "queued")
    return {"status": status, "conclusion": next((c for c in _WORST if c in conclusions), None) if done else None}


def _simple_suite(world: World, suite: CheckSuite) -> Json:
    pulls = [p for p in world.pulls_of(suite.repository) if p.head_sha == suite.head_sha and not p.from_fork]
    return {
        "id": suite.id,
        "node_id": node_id("CS", suite.id),
        "head_branch": pulls[0].head_ref if pulls else None,
        "head_sha": suite.head_sha,
        **_state(world, suite),
        "url": f"{render.repository_url(world, suite.repository)}/check-suites/{suite.id}",
        "before": "0" * 40,
        "after": suite.head_sha,
        "pull_requests": _pulls(world, suite),
        "app": render.app(world),
        "created_at": suite.created_at,
        "updated_at": suite.created_at,
    }


def suite(world: World, found: CheckSuite) -> Json:
    """A check suite as its own events show it."""
    shown = _simple_suite(world, found)
    return {
        **shown,
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len({entry.name for entry in world.runs_of(found)}),
        "check_runs_url": f"{shown['url']}/check-runs",
        "head_commit": render.head_commit(found.repository, found.head_sha),
    }
