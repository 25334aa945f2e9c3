"""Where review comments may stand: the lines of a pull request's diff, and how they move with a new head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.standin import gitrepo
from tests.standin.api import unprocessable
from tests.standin.diff import FileDiff, Line, moved
from tests.standin.model import Comment, Json, PullRequest
from tests.standin.world import World

_LONGEST_BODY = 65536


@dataclass(frozen=True)
class Anchor:
    """A place in a diff that was found good."""

    path: str
    line: Line
    side: str
    start: Line | None
    start_side: str | None
    hunk: str

    @property
    def number(self) -> int | None:
        return self.line.left if self.side == "LEFT" else self.line.right

    @property
    def start_number(self) -> int | None:
        if self.start is None:
            return None
        return self.start.left if self.start_side == "LEFT" else self.start.right


def check_body(body: str | None) -> str:
    """A comment's text, refused where it is empty or too long."""
    if not (body or "").strip():
        raise unprocessable("Body can't be blank")
    return check_length(body or "")


def check_length(body: str) -> str:
    """A text, refused where it is too long."""
    if len(body) > _LONGEST_BODY:
        raise unprocessable(f"Body is too long (maximum is {_LONGEST_BODY} characters)")
    return body


def commit_of(pull: PullRequest, sha: str | None) -> str:
    """The commit a review is about, refused where the pull request does not have it."""
    if sha is None:
        return pull.head_sha
    if sha != pull.head_sha and sha not in gitrepo.commits(pull.repository.path, pull.base_sha, pull.head_sha):
        raise unprocessable("commit_id is not part of the pull request")
    return sha


def file_of(pull: PullRequest, commit: str, path: str) -> FileDiff:
    """The diff of a file, refused where the pull request does not change it."""
    for file in gitrepo.three_dot(pull.repository.path, pull.base_sha, commit):
        if file.path == path:
            return file
    raise unprocessable("Path could not be resolved")


def anchor(pull: PullRequest, commit: str, entry: Json) -> Anchor:
    """The place an entry of a review names; anything outside the diff is refused."""
    file = file_of(pull, commit, entry["path"])
    side = entry.get("side", "RIGHT")
    line = _line(file, entry, side)
    if line is None:
        raise unprocessable("Line could not be resolved")
    number = entry.get("start_line")
    start_side = (entry.get("start_side") or side) if number is not None else None
    start = _start(file, line, number, start_side or side, side) if number is not None else None
    return Anchor(file.path, line, side, start, start_side, file.hunk_up_to(line))


def _line(file: FileDiff, entry: Json, side: str) -> Line | None:
    if side not in ("LEFT", "RIGHT"):
        raise unprocessable("Side is invalid")
    if "line" not in entry and "position" in entry:
        return next((line for line in file.lines if line.position == entry["position"]), None)
    return file.at(side, entry["line"]) if "line" in entry else None


def _start(file: FileDiff, line: Line, number: int, side: str, end_side: str) -> Line:
    start = file.at(side, number)
    end = line.left if end_side == "LEFT" else line.right
    if start is None:
        raise unprocessable("Start line could not be resolved")
    if side == end_side and end is not None and number >= end:
        raise unprocessable("Pull request review thread start line must precede the end line.")
    if start.hunk != line.hunk or start.position >= line.position:
        raise unprocessable("Pull request review thread start line must be part of the same hunk as the line.")
    return start


def place(comment: Comment, found: Anchor) -> None:
    """Puts a comment at its place."""
    comment.line = comment.original_line = found.number
    comment.start_line = comment.original_start_line = found.start_number
    comment.side, comment.start_side = found.side, found.start_side
    comment.position = comment.original_position = found.line.position
    comment.diff_hunk = found.hunk


def carry(world: World, pull: PullRequest, before: tuple[str, str]) -> None:
    """Moves every comment with the pull request from its earlier base and head to the present ones."""
    for comment in world.comments_of(pull):
        carry_one(pull, comment, before)


def carry_one(pull: PullRequest, comment: Comment, before: tuple[str, str]) -> None:
    """Moves one comment; where its line was changed or left the diff it is outdated."""
    if comment.subject_type == "file":
        comment.commit_id = pull.head_sha
        return
    if comment.line is None:
        return
    path = pull.repository.path
    file = _present_file(pull, comment.path)
    line = _moved(path, pull, comment, before, comment.side, comment.line)
    found = file.at(comment.side, line) if file and line is not None else None
    if found is None:
        comment.line = comment.start_line = comment.position = None
        return
    if comment.start_line is not None:
        comment.start_line = _moved(path, pull, comment, before, comment.start_side or comment.side, comment.start_line)
    comment.line, comment.position, comment.commit_id = line, found.position, pull.head_sha


def _present_file(pull: PullRequest, path: str) -> FileDiff | None:
    files = gitrepo.three_dot(pull.repository.path, pull.base_sha, pull.head_sha)
    return next((file for file in files if file.path == path), None)


def _moved(
    path: Path, pull: PullRequest, comment: Comment, before: tuple[str, str], side: str, number: int
) -> int | None:
    if side == "RIGHT":
        return moved(gitrepo.line_changes(path, before[1], pull.head_sha, comment.path), number)
    ends = [gitrepo.merge_base(path, base, head) or base for base, head in (before, (pull.base_sha, pull.head_sha))]
    return moved(gitrepo.line_changes(path, ends[0], ends[1], comment.path), number)
