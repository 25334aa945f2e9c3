"""Operations on check runs."""

from __future__ import annotations

import re

from tests.standin import gitrepo, render_check
from tests.standin.api import Answer, Call, Refusal, invalid, listed, page, route
from tests.standin.model import CheckRun, Json

_TEXT = 65535
_DETAILS = 64 * 1024
_TITLE = 255
_HOMEPAGE = "https://example.com/reviewer"
_FIELDS = ("name", "external_id", "details_url", "started_at", "actions")


def _check_output(output: Json) -> None:
    for name in ("summary", "text"):
        # "65535 characters" may mean bytes: the strict reading (github.md 3.1).
        if len((output.get(name) or "").encode()) > _TEXT:
            raise invalid("CheckRun", f"output.{name}", f"{name} exceeds a maximum bytesize of {_TEXT}")
    for annotation in output.get("annotations") or ():
        _check_annotation(annotation)


def _check_annotation(annotation: Json) -> None:
    for name, limit in (("message", _DETAILS), ("raw_details", _DETAILS)):
        if len((annotation.get(name) or "").encode()) > limit:
            raise invalid("CheckRun", f"annotations.{name}", f"{name} exceeds a maximum bytesize of {limit}")
    if len(annotation.get("title") or "") > _TITLE:
        raise invalid("CheckRun", "annotations.title", f"title is too long (maximum is {_TITLE} characters)")
    start, end = annotation["start_line"], annotation["end_line"]
    if start < 1 or end < start:
        raise invalid("CheckRun", "annotations.end_line", "lines must be positive and in order")
    if start != end and annotation.keys() & {"start_column", "end_column"}:
        raise invalid("CheckRun", "annotations.start_column", "columns need start_line and end_line to be the same")
    path = annotation["path"]
    if not path or path.startswith(("/", "./")):
        raise invalid("CheckRun", "annotations.path", "path must be relative to the repository's root")


def _check_state(body: Json) -> None:
    conclusion, status = body.get("conclusion"), body.get("status")
    if conclusion is None and (status == "completed" or "completed_at" in body):
        raise invalid("CheckRun", "conclusion", "conclusion is required with a status of completed")
    if conclusion is not None and status not in (None, "completed"):
        raise invalid("CheckRun", "status", "status must be completed where there is a conclusion")
    if not body.get("details_url", _HOMEPAGE).startswith(("http://", "https://")):
        raise invalid("CheckRun", "details_url", "details_url must use http or https scheme")
    if conclusion == "stale":
        raise invalid("CheckRun", "conclusion", "only GitHub can set the conclusion stale")


def _apply_state(call: Call, run: CheckRun, body: Json) -> None:
    if "conclusion" in body:
        run.status, run.conclusion = "completed", body["conclusion"]
        run.completed_at = body.get("completed_at") or call.world.now()
    elif "status" in body:
        run.status, run.conclusion, run.completed_at = body["status"], None, None
    output: Json = body.get("output") or {}
    run.output.update({name: value for name, value in output.items() if name != "annotations"})
    run.annotations.extend(output.get("annotations") or ())


@route("POST /repos/{owner}/{repo}/check-runs", "checks=write")
def create_run(call: Call) -> Answer:
    body, world = call.body, call.world
    sha = body["head_sha"]
    known = re.fullmatch(r"[0-9a-f]{40}", sha) and gitrepo.find(call.repository.path, sha)
    if not known:
        raise Refusal(422, f"No commit found for SHA: {sha}")
    _check_state(body)
    _check_output(body.get("output") or {})
    suite = world.suite(call.repository, sha)
    run = CheckRun(
        id=world.next_id(),
        suite=suite,
        name=body["name"],
        external_id=body.get("external_id", ""),
        details_url=body.get("details_url", _HOMEPAGE),
        status="queued",
        conclusion=None,
        started_at=body.get("started_at") or world.now(),
        completed_at=None,
        actions=body.get("actions") or [],
    )
    _apply_state(call, run, body)
    world.runs.append(run)
    suite.reset = False
    return Answer(render_check.run(world, run), 201)


def _run(call: Call) -> CheckRun:
    for run in call.world.runs:
        if run.id == call.path["check_run_id"] and run.repository is call.repository:
            return run
    raise Refusal(404, "Not Found")


@route("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", "checks=write")
def update_run(call: Call) -> Answer:
    run, body = _run(call), call.body
    _check_state(body)
    _check_output(body.get("output") or {})
    for name in _FIELDS:
        if name in body:
            setattr(run, name, body[name])
    _apply_state(call, run, body)
    return Answer(render_check.run(call.world, run))


@route("GET /repos/{owner}/{repo}/check-runs/{check_run_id}", "checks=read")
def show_run(call: Call) -> Answer:
    return Answer(render_check.run(call.world, _run(call)))


@route("GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks=read")
def list_annotations(call: Call) -> Answer:
    run = _run(call)
    return listed(call, run.annotations, lambda entry: render_check.annotation(call.world, run, entry))


@route("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", "checks=read")
def list_runs(call: Call) -> Answer:
    sha = gitrepo.find(call.repository.path, call.path["ref"])
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.path['ref']}")
    found = [run for run in call.world.runs if run.repository is call.repository and run.head_sha == sha]
    if call.query.get("filter", "latest") == "latest":
        found = list({run.name: run for run in found}.values())
    found = [run for run in found if _wanted(call, run)]
    entries, headers = page(call, found[::-1])
    shown = [render_check.run(call.world, run) for run in entries]
    return Answer({"total_count": len(found), "check_runs": shown}, 200, headers)


def _wanted(call: Call, run: CheckRun) -> bool:
    name, status, app = (call.query.get(key) for key in ("check_name", "status", "app_id"))
    return name in (None, run.name) and status in (None, run.status) and app in (None, call.world.app.id)
