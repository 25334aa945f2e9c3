"""The requests the App makes about one repository, each with the answer's members it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from github import Github

from reviewer.github.errors import Moved, Unsure, translated
from reviewer.render.check import Annotation, Check
from reviewer.render.plan import Comment

CHECK_NAME = "reviewer"
MAX_COMPARED_FILES = 300
ANNOTATIONS_PER_REQUEST = 50


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request as it is now. ``repository`` is the id, ``url`` the page of its repository."""

    number: int
    repository: int
    head: str
    base: str
    is_open: bool
    is_draft: bool
    is_locked: bool
    changed_files: int
    url: str
    full_name: str


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of a pull request; ``patch`` is None where GitHub shows none."""

    path: str
    previous_path: str | None
    patch: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The merge base and the tip of a base branch, and the files changed since, None where GitHub lists only some."""

    merge_base: str
    base: str
    files: tuple[ChangedFile, ...] | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check run; ``app`` is the slug of the App that made it."""

    id: int
    app: str
    external_id: str
    is_completed: bool
    annotations: int


@dataclass(frozen=True, slots=True)
class Posted:
    """A review or comment with its author's login."""

    id: int
    login: str
    body: str
    state: str = ""


def call(client: Github, verb: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[Mapping[str, Any], Any]:
    """One request; headers by lower-case name and the decoded answer. A redirection PyGithub did not follow raises."""
    headers, data = client.requester.requestJsonAndCheck(
        verb, path, headers={"Accept": "application/vnd.github+json"}, input=body
    )
    if isinstance(data, Mapping) and "id" not in data and "documentation_url" in data and "url" in data:
        raise Moved(f"GitHub says that {path.split('?')[0]} has moved")
    return {name.lower(): value for name, value in headers.items()}, data


def pages(client: Github, path: str, member: str) -> Iterator[Any]:
    """The rows of every page; they are the answer itself, or a member of it."""
    while path:
        headers, data = call(client, "GET", path)
        yield from (data if isinstance(data, list) else data[member])
        path = _next(headers.get("link", ""))


class RepositoryApi:
    """One repository through one client, for one thread."""

    def __init__(self, client: Github, full_name: str) -> None:
        self._client = client
        self.full_name = full_name

    def _call(self, what: str, verb: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        with translated(what):
            return call(self._client, verb, f"/repos/{self.full_name}{path}", body)[1]

    def _pages(self, what: str, path: str) -> Iterator[Any]:
        with translated(what):
            yield from pages(self._client, f"/repos/{self.full_name}{path}", "check_runs")

    # -- reading --------------------------------------------------

    def pull(self, number: int) -> Pull:
        data = self._call("show the pull request", "GET", f"/pulls/{number}")
        with translated("show the pull request"):
            return _pull(data)

    def open_pulls(self) -> list[tuple[int, str, str]]:
        """Number, head and base branch of every open pull request."""
        rows = self._pages("list the open pull requests", "/pulls?state=open&per_page=100")
        with translated("list the open pull requests"):
            return [(int(row["number"]), str(row["head"]["sha"]), str(row["base"]["ref"])) for row in rows]

    def compare(self, base: str, head: str) -> Comparison:
        """What a head changes since it left a base branch or commit."""
        data = self._call("compare", "GET", f"/compare/{quote(base, safe='')}...{head}?per_page=1")
        with translated("compare"):
            files = tuple(map(_file, data.get("files") or ()))
            complete = len(files) < MAX_COMPARED_FILES
            merge_base, tip = str(data["merge_base_commit"]["sha"]), str(data["base_commit"]["sha"])
            return Comparison(merge_base, tip, files if complete else None)

    def files(self, number: int) -> tuple[ChangedFile, ...]:
        """The files of a pull request, 3,000 at most."""
        what = "list the changed files"
        rows = self._pages(what, f"/pulls/{number}/files?per_page=100")
        with translated(what):
            return tuple(map(_file, rows))

    def comments(self, number: int) -> list[Posted]:
        """Every comment on the lines and files of a pull request."""
        return self._posted("list the comments", f"/pulls/{number}/comments?per_page=100")

    def reviews(self, number: int) -> list[Posted]:
        return self._posted("list the reviews", f"/pulls/{number}/reviews?per_page=100")

    def _posted(self, what: str, path: str) -> list[Posted]:
        rows = self._pages(what, path)
        with translated(what):
            return [
                Posted(int(r["id"]), (r.get("user") or {}).get("login", ""), r.get("body") or "", r.get("state", ""))
                for r in rows
            ]

    def pulls_of(self, commit: str) -> list[int]:
        """Numbers of the open pull requests whose head a commit is."""
        what = "list the pull requests of a commit"
        rows = self._pages(what, f"/commits/{commit}/pulls?per_page=100")
        with translated(what):
            return [int(r["number"]) for r in rows if r["state"] == "open" and r["head"]["sha"] == commit]

    # -- check runs --------------------------------------------------

    def check_runs(self, head: str) -> list[CheckRun]:
        """Every check run of our name on a head, the newest first."""
        path = f"/commits/{head}/check-runs?check_name={CHECK_NAME}&filter=all&per_page=100"
        what = "list the check runs"
        rows = self._pages(what, path)
        with translated(what):
            return sorted(map(_check_run, rows), key=lambda run: -run.id)

    def check_run(self, id: int) -> CheckRun:
        data = self._call("show the check run", "GET", f"/check-runs/{id}")
        with translated("show the check run"):
            return _check_run(data)

    def start_check(self, head: str, external_id: str, details_url: str | None) -> int:
        """Creates the check run in progress; its id."""
        body = {"name": CHECK_NAME, "head_sha": head, "status": "in_progress", "started_at": _now()}
        return self._create("create the check run", "/check-runs", _check_body(body, external_id, details_url))

    def create_check(
        self, head: str, external_id: str, details_url: str | None, check: Check, annotations: Sequence[Annotation]
    ) -> int:
        """Creates a check run that is concluded already, with 50 annotations at most; its id."""
        body = {"name": CHECK_NAME, "head_sha": head, **_conclusion(check, annotations)}
        return self._create("create the check run", "/check-runs", _check_body(body, external_id, details_url))

    def annotate_check(self, id: int, check: Check, annotations: Sequence[Annotation]) -> None:
        """Adds annotations, 50 at most."""
        body = {"output": _output(check, annotations)}
        self._write("annotate the check run", "PATCH", f"/check-runs/{id}", body)

    def conclude_check(self, id: int, check: Check, annotations: Sequence[Annotation]) -> None:
        """Concludes a check run, with 50 annotations at most."""
        self._write("conclude the check run", "PATCH", f"/check-runs/{id}", _conclusion(check, annotations))

    # -- comments --------------------------------------------------

    def create_review(self, number: int, head: str, body: str, comments: Sequence[Comment]) -> int:
        """Posts comments on lines as one review, 25 at most; its id. GitHub takes all of them or none."""
        rows = [{"path": c.path, "line": c.line, "side": "RIGHT", "body": c.body} for c in comments]
        review = {"commit_id": head, "event": "COMMENT", "body": body, "comments": rows}
        return self._create("post the review", f"/pulls/{number}/reviews", review)

    def create_file_comment(self, number: int, head: str, comment: Comment) -> int:
        """Posts a comment on a whole file; its id."""
        body = {"body": comment.body, "commit_id": head, "path": comment.path, "subject_type": "file"}
        return self._create("comment on a file", f"/pulls/{number}/comments", body)

    def delete_pending_review(self, number: int, id: int) -> None:
        self._call("remove a pending review", "DELETE", f"/pulls/{number}/reviews/{id}")

    def _create(self, what: str, path: str, body: Mapping[str, Any]) -> int:
        return self._write(what, "POST", path, body)

    def _write(self, what: str, verb: str, path: str, body: Mapping[str, Any]) -> int:
        """The id of what was written, without which nobody knows whether it was."""
        data = self._call(what, verb, path, body)
        if not isinstance(data, Mapping) or not isinstance(data.get("id"), int):
            raise Unsure(f"GitHub's answer made no sense when asked to {what}")
        return int(data["id"])


def _pull(data: Mapping[str, Any]) -> Pull:
    repository = data["base"]["repo"]
    return Pull(
        number=int(data["number"]),
        repository=int(repository["id"]),
        head=str(data["head"]["sha"]),
        base=str(data["base"]["ref"]),
        is_open=data["state"] == "open",
        is_draft=bool(data.get("draft")),
        is_locked=bool(data.get("locked")),
        changed_files=int(data["changed_files"]),
        url=str(repository["html_url"]),
        full_name=str(repository["full_name"]),
    )


def _file(row: Mapping[str, Any]) -> ChangedFile:
    return ChangedFile(str(row["filename"]), row.get("previous_filename"), row.get("patch"))


def _check_run(row: Mapping[str, Any]) -> CheckRun:
    count = int((row.get("output") or {}).get("annotations_count") or 0)
    return CheckRun(
        int(row["id"]),
        (row.get("app") or {}).get("slug") or "",
        row.get("external_id") or "",
        row["status"] == "completed",
        count,
    )


def _check_body(body: Mapping[str, Any], external_id: str, details_url: str | None) -> dict[str, Any]:
    return {**body, "external_id": external_id, **({"details_url": details_url} if details_url else {})}


def _conclusion(check: Check, annotations: Sequence[Annotation]) -> dict[str, Any]:
    done = {"status": "completed", "conclusion": check.conclusion, "completed_at": _now()}
    return {**done, "output": _output(check, annotations)}


def _output(check: Check, annotations: Sequence[Annotation]) -> dict[str, Any]:
    rows = [
        {
            "path": a.path,
            "start_line": a.start_line,
            "end_line": a.end_line,
            "annotation_level": a.level,
            "title": a.title,
            "message": a.message,
        }
        for a in annotations
    ]
    output: dict[str, Any] = {"title": check.title, "summary": check.summary}
    output |= {"text": check.text} if check.text else {}
    return output | ({"annotations": rows} if rows else {})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next(link: str) -> str:
    """The next page's address out of a Link header."""
    for part in link.split(","):
        target, _, relation = part.partition(";")
        if 'rel="next"' in relation:
            return target.strip().strip("<>")
    return ""
