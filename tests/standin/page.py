"""A pull request as one HTML page: its diff with comments on their lines, its reviews and its check runs."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from tests.standin import gitrepo
from tests.standin.diff import FileDiff, Line
from tests.standin.markdown import to_html
from tests.standin.model import CheckRun, Comment, IssueComment, Json, PullRequest, Review, User
from tests.standin.world import World

_STYLE = Path(__file__).with_name("page.css")
_ROWS = {"+": "added", "-": "removed", " ": "same"}
_MOST_LINES = 2000


def render(world: World, pull: PullRequest) -> str:
    """The page of a pull request."""
    files = gitrepo.three_dot(pull.repository.path, pull.base_sha, pull.head_sha)
    runs = [run for run in world.runs if run.repository is pull.repository and run.head_sha == pull.head_sha]
    latest = {run.name: run for run in runs}.values()
    talk = sorted([*_shown_reviews(world, pull), *_conversation(world, pull)], key=lambda entry: entry.id)
    comments = world.comments_of(pull)
    notes = [note for run in latest for note in run.annotations]
    parts = [
        _head(pull),
        *(_run(run) for run in latest),
        _section("Conversation", (_said(entry) for entry in talk)),
        _section("Outdated comments", (_outdated(comments, c) for c in _top(comments) if _is_lost(c, files))),
        _section("Files changed", (_file(file, comments, notes) for file in files)),
    ]
    return _document(f"{pull.title} #{pull.number}", parts)


def index(world: World) -> str:
    """A page with a link to every pull request."""
    links = [
        f'<li><a href="/{escape(pull.repository.full_name)}/pull/{pull.number}">{escape(pull.repository.full_name)}'
        f"#{pull.number}</a> {escape(pull.title)}</li>"
        for pull in world.pulls
    ]
    return _document("Pull requests", ["<h1>Pull requests</h1>", f"<ul>{''.join(links)}</ul>"])


def _document(title: str, parts: Iterable[str]) -> str:
    style = _STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _head(pull: PullRequest) -> str:
    state = "merged" if pull.merged_at else ("draft" if pull.draft and pull.state == "open" else pull.state)
    source = f"{pull.head_owner.login}:{pull.head_ref}" if pull.from_fork else pull.head_ref
    body = f'<div class="box"><div class="words">{to_html(pull.body)}</div></div>' if pull.body else ""
    return (
        f"<h1>{escape(pull.title)} <span>#{pull.number}</span></h1>\n"
        f'<p class="meta"><span class="state {state}">{state.capitalize()}</span> <b>{escape(pull.author.login)}</b> '
        f"wants to merge <code>{escape(source)}</code> into <code>{escape(pull.base_ref)}</code> of "
        f"{escape(pull.repository.full_name)}, at <code>{pull.head_sha[:8]}</code></p>\n{body}"
    )


def _section(title: str, parts: Iterable[str]) -> str:
    found = "\n".join(parts)
    return f"<h2>{title}</h2>\n{found}" if found else ""


def _box(author: User, after: str, words: str, lines: Iterable[str] = ()) -> str:
    bot = '<span class="tag">bot</span>' if author.type == "Bot" else ""
    name = escape(author.login.removesuffix("[bot]"))
    content = f'<div class="words">{to_html(words, list(lines))}</div>' if words else ""
    return f'<div class="box"><header><b>{name}</b>{bot} {after}</header>{content}</div>'


# Checks


def _run(run: CheckRun) -> str:
    state = run.conclusion or "waiting"
    said = escape(run.conclusion or run.status).replace("_", " ")
    title = escape(run.output.get("title") or "")
    words = "\n\n".join(text for name in ("summary", "text") if (text := run.output.get(name)))
    notes = "".join(_note(entry) for entry in run.annotations)
    buttons = "".join(f'<span class="tag">{escape(action["label"])}</span>' for action in run.actions)
    return (
        f'<div class="box check"><header><b>{escape(run.name)}</b> <b class="{state}">{said}</b> '
        f"{title}{buttons}</header>"
        f'<div class="words">{to_html(words)}</div>{notes}</div>'
    )


def _note(entry: Json) -> str:
    start, end = entry["start_line"], entry["end_line"]
    place = f"{entry['path']}:{start}" + (f"-{end}" if end != start else "")
    details = f"<pre>{escape(entry['raw_details'])}</pre>" if entry.get("raw_details") else ""
    return (
        f'<div class="note"><span class="{entry["annotation_level"]}">{entry["annotation_level"]}</span> '
        f"<code>{escape(place)}</code> <b>{escape(entry.get('title') or '')}</b><p>{escape(entry['message'])}</p>"
        f"{details}</div>"
    )


# Conversation


def _shown_reviews(world: World, pull: PullRequest) -> list[Review | IssueComment]:
    return [r for r in world.reviews_of(pull) if not r.implicit and r.state != "PENDING"]


def _conversation(world: World, pull: PullRequest) -> list[Review | IssueComment]:
    return [comment for comment in world.issue_comments if comment.pull is pull]


def _said(entry: Review | IssueComment) -> str:
    if isinstance(entry, IssueComment):
        return _hidden(entry.minimized, _box(entry.user, "commented", entry.body))
    return _box(entry.user, "reviewed", entry.body)


def _hidden(reason: str | None, shown: str) -> str:
    if reason is None:
        return shown
    return f"<details><summary>This comment was marked as {escape(reason.lower())}.</summary>{shown}</details>"


def _top(comments: list[Comment]) -> list[Comment]:
    return [comment for comment in comments if comment.in_reply_to is None]


def _thread(comments: list[Comment], first: Comment) -> str:
    whole = [first, *(comment for comment in comments if comment.in_reply_to == first.id)]
    return '<div class="thread">' + "".join(_comment(comment) for comment in whole) + "</div>"


def _comment(comment: Comment) -> str:
    first, last = comment.original_start_line, comment.original_line
    place = f"on lines {first} to {last}" if first else (f"on line {last}" if last else "on this file")
    return _hidden(comment.minimized, _box(comment.user, place, comment.body, _replaced(comment)))


def _replaced(comment: Comment) -> list[str]:
    """The lines a suggestion replaces: those the comment was written on."""
    end = comment.original_line
    if end is None or comment.side != "RIGHT":
        return []
    path = comment.pull.repository.path
    entries = gitrepo.entries(path, comment.original_commit_id, comment.path)
    lines = gitrepo.blob(path, entries[0].sha).decode("utf-8", "replace").split("\n") if entries else []
    return lines[(comment.original_start_line or end) - 1 : end]


def _is_lost(comment: Comment, files: Iterable[FileDiff]) -> bool:
    return comment.outdated or all(file.path != comment.path for file in files)


def _outdated(comments: list[Comment], comment: Comment) -> str:
    return (
        f'<details class="box"><summary>{escape(comment.path)} <span class="tag">Outdated</span></summary>'
        f"<pre>{escape(comment.diff_hunk)}</pre>{_thread(comments, comment)}</details>"
    )


# Files


def _file(file: FileDiff, comments: list[Comment], notes: list[Json]) -> str:
    name = f"{file.previous} → {file.path}" if file.previous else file.path
    own = [c for c in _top(comments) if c.path == file.path and not c.outdated]
    noted = [note for note in notes if note["path"] == file.path]
    on_file = "".join(_thread(comments, c) for c in own if c.subject_type == "file")
    counts = f'<span class="success">+{file.additions}</span> <span class="failure">−{file.deletions}</span>'
    return (
        f'<div class="box file"><header><b>{escape(name)}</b> {counts}</header>{on_file}'
        f"{_table(file, comments, [c for c in own if c.subject_type == 'line'], noted)}</div>"
    )


def _table(file: FileDiff, comments: list[Comment], own: list[Comment], notes: list[Json]) -> str:
    if not file.lines:
        return f'<p class="words">{"Binary file" if file.binary else "Only the name changed"}</p>'
    headers = [line for line in file.hunks.split("\n") if line.startswith("@@ ")]
    shown = file.lines[:_MOST_LINES]
    rows: list[str] = []
    for index, line in enumerate(shown):
        if index == 0 or line.hunk != shown[index - 1].hunk:
            rows.append(_band(headers[line.hunk]))
        rows.append(_row(line))
        rows += [_talk(_note(n)) for n in notes if line.kind != "-" and line.right == n["end_line"]]
        rows += [_talk(_thread(comments, c)) for c in own if file.at(c.side, c.line or 0) == line]
    if len(shown) < len(file.lines):
        rows.append(_band(f"{len(file.lines) - len(shown)} more lines are not shown"))
        rows += [_talk(_thread(comments, c)) for c in own if (c.position or 0) > shown[-1].position]
    columns = '<colgroup><col class="number"><col class="number"><col></colgroup>'
    return f'<table class="diff">{columns}\n' + "\n".join([*rows, "</table>"])


def _band(text: str) -> str:
    return f'<tr class="hunk"><td></td><td></td><td>{escape(text)}</td></tr>'


def _row(line: Line) -> str:
    left, right = ("" if number is None else number for number in (line.left, line.right))
    return (
        f'<tr class="{_ROWS[line.kind]}"><td class="number">{left}</td><td class="number">{right}</td>'
        f"<td>{line.kind}{escape(line.text)}</td></tr>"
    )


def _talk(thread: str) -> str:
    return f'<tr class="talk"><td colspan="3">{thread}</td></tr>'
