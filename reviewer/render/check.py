"""A review as the check run of its head: title, summary, details and annotations, within GitHub's limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal
from urllib.parse import quote

from reviewer.core.finding import LEVELS, Conclusion, Problem, Reported, Review
from reviewer.core.matrix import Fact
from reviewer.core.rulebook import Rulebook
from reviewer.core.snapshot import is_script
from reviewer.render.markdown import comment
from reviewer.render.message import code, message_of, visible
from reviewer.render.plan import SAID, Plan
from reviewer.render.profile import changes, code_place

MAX_BYTES = 65_000  # of 65,535, which GitHub counts in characters or in bytes
MAX_ROWS = 200
MAX_ANNOTATIONS = 1_000
MAX_TITLE = 255
MAX_REASON = 2_000
MAX_MESSAGE = 60_000  # bytes of 64 KB

Ending = Conclusion | Literal["cancelled"]

_ORDER: Mapping[Ending, int] = {"success": 0, "neutral": 1, "failure": 2, "cancelled": 3}
_AGAIN = "Use **Re-run** on this check to try again; a new push is reviewed in any case."
_LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on lines of the head. ``level`` is GitHub's word: notice, warning or failure."""

    path: str
    start_line: int
    end_line: int
    level: str
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """How a check run is concluded. One that is *cancelled* does not let a change through."""

    conclusion: Ending
    title: str
    summary: str
    text: str = ""
    annotations: tuple[Annotation, ...] = ()

    def is_worse_than(self, other: Other) -> bool:
        return _ORDER[self.conclusion] > _ORDER[other.conclusion]


@dataclass(frozen=True, slots=True)
class Subject:
    """What was reviewed: the repository's page, the pull request's number, and full commit ids."""

    url: str
    number: int
    head: str
    merge_base: str
    changed_files: int
    notes: tuple[str, ...] = ()  # Markdown paragraphs about the configuration


@dataclass(frozen=True, slots=True)
class Other:
    """How another pull request with the same head came out."""

    number: int
    conclusion: Ending
    title: str


def check(review: Review, plan: Plan, subject: Subject, rulebook: Rulebook) -> Check:
    """The check run of a review."""
    introduced = [reported for reported in review.findings if reported.status == "introduced"]
    ordered = sorted(introduced, key=lambda reported: (not reported.gates, -LEVELS.index(reported.finding.level)))
    table = [*_table(ordered, subject, rulebook), *_way_out(ordered)]
    blocks = [_lead(review, subject), *subject.notes, *table, *_architecture(review, subject), *_rest(review, subject)]
    details = [
        f"{comment([reported], rulebook.rules[reported.finding.rule])}\n*Said only here: {reason}.*"
        for reported in ordered
        if (reason := plan.unsaid.get(reported.fingerprint, SAID)) != SAID
    ]
    return Check(
        conclusion=review.conclusion,
        title=title(review),
        summary=fit(blocks),
        text=fit(details, "---") if details else "",
        annotations=tuple(_annotation(reported, plan, rulebook) for reported in ordered[:MAX_ANNOTATIONS]),
    )


def trouble(reason: str, conclusion: Conclusion = "neutral") -> Check:
    """The check run of a review that came to no end, through the service's fault or (*failure*) the change's own."""
    if conclusion == "failure":
        effect = "The change brings this about, so it fails the check."
    else:
        effect = "Nothing is known about this change, and the check does not keep it from being merged."
    return Check(conclusion, "The review could not be finished", fit([_quoted(reason), effect, _AGAIN]))


def still(conclusion: Conclusion, title: str, reason: str) -> Check:
    """The check run of a review that came to no end, on a head whose verdict from before stands."""
    earlier = f"The verdict of the last review of the same head stands: {title}."
    return Check(conclusion, title, fit([earlier, "Another review could not be finished:", _quoted(reason), _AGAIN]))


def irrelevant(changed_files: int) -> Check:
    """The check run of a change without a file the rules look at."""
    files = "The only changed file is" if changed_files == 1 else f"None of the {changed_files} changed files is"
    what = "JavaScript, TypeScript, a manifest or a deployment file"
    words = f"{files} {'no ' if changed_files == 1 else ''}{what}: there is nothing to review."
    return Check("success", "Nothing to review", words if changed_files else "This pull request changes no file.")


def superseded() -> Check:
    """The check run of a review that was replaced while it was under way."""
    why = "The pull request changed while this run was under way: a push, another base, a re-run, or it was closed."
    return Check("cancelled", "Replaced", f"{why} The newest run counts.")


def together(own: Check, number: int, others: Sequence[Other]) -> Check:
    """The check run of a head that several open pull requests share: the worst verdict, every one named."""
    if not others:
        return own
    worst = max(others, key=lambda other: _ORDER[other.conclusion])
    rows = [f"- #{number}: {own.title}", *(f"- #{other.number}: {other.title}" for other in others)]
    names = ", ".join(f"#{n}" for n in sorted([number, *(other.number for other in others)]))
    shared = f"Several open pull requests have this head ({names}); the check shows the worst of them.\n\n"
    summary = fit([shared + "\n".join(rows), *own.summary.split("\n\n")])
    if _ORDER[worst.conclusion] <= _ORDER[own.conclusion]:
        return Check(own.conclusion, own.title, summary, own.text, own.annotations)
    return Check(worst.conclusion, f"#{worst.number}: {worst.title}"[:MAX_TITLE], summary, own.text, own.annotations)


def title(review: Review) -> str:
    """The verdict in one line."""
    introduced = [reported for reported in review.findings if reported.status == "introduced"]
    gating = sum(reported.gates for reported in introduced)
    if gating:
        return f"{_count(gating, 'finding')} {'keeps' if gating == 1 else 'keep'} this from being merged"
    failed = [problem for problem in review.problems if problem.kind == "failed"]
    if failed and review.conclusion == "failure":
        return "A file of this change could not be analysed"
    if failed:
        return "The analysis is incomplete"
    if introduced:
        one = len(introduced) == 1
        return (
            "1 finding, which does not fail the check" if one else f"{len(introduced)} findings, none fails the check"
        )
    fixed = f", {_count(len(review.fixed), 'finding')} fixed" if review.fixed else ""
    return f"Nothing to report{fixed}"


def fit(blocks: Sequence[str], rule: str = "", limit: int = MAX_BYTES) -> str:
    """Blocks of Markdown as far as they fit, lists and tables cut between rows, with the number of parts left out."""
    glue = f"\n\n{rule}\n\n" if rule else "\n\n"
    kept: list[str] = []
    room = limit - 200
    for index, block in enumerate(blocks):
        room -= _bytes(glue + block)
        if room < 0:
            rows = _rows_within(block, room + _bytes(block))
            left = f"{_count(len(blocks) - index, 'part')} left out or cut"
            kept += [*rows, f"*{left}: GitHub takes no more text. `reviewer diff` shows all of it.*"]
            break
        kept.append(block)
    return glue.join(kept)


def _rows_within(block: str, room: int) -> list[str]:
    """The first rows of a table or list, as one block; none of a block that must stay whole."""
    rows = block.split("\n")
    if any(row.startswith("```") for row in rows) or not rows[-1].startswith(("|", "- ")):
        return []
    sizes = accumulate(_bytes(row) + 1 for row in rows)
    fitting = [row for row, size in zip(rows, sizes, strict=True) if size <= room]
    return ["\n".join(fitting)] if len(fitting) > 2 else []


def _quoted(text: str) -> str:
    """Words of others as a block nothing in them can end."""
    shown = visible(text)[:MAX_REASON]
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{shown}\n{fence}"


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))


# -- parts of the summary --------------------------------------------------


def _lead(review: Review, subject: Subject) -> str:
    base, head = subject.merge_base[:7], subject.head[:7]
    compared = f"{_count(subject.changed_files, 'changed file')}, `{base}` to `{head}`."
    return f"**{title(review)}.** {compared}"


def _table(findings: Sequence[Reported], subject: Subject, rulebook: Rulebook) -> Iterator[str]:
    if not findings:
        return
    rows = ["| Finding | Where | Level, evidence | |", "|---|---|---|---|"]
    rows += [_row(reported, subject, rulebook) for reported in findings[:MAX_ROWS]]
    yield "\n".join(rows)
    if len(findings) > MAX_ROWS:
        yield f"*{len(findings) - MAX_ROWS} more are not in this table; `reviewer diff` shows all of them.*"


def _way_out(findings: Sequence[Reported]) -> Iterator[str]:
    """How a place that fails the check is excepted."""
    rule = next((r.finding.rule for r in findings if r.gates and is_script(r.finding.site.path)), None)
    if rule is not None:
        comment = f"// reviewer-disable-next-line {rule} -- why it is fine here"
        yield f"To except a place on purpose, say why in a comment above it: `{comment}`."
        return
    rule = next((r.finding.rule for r in findings if r.gates), None)
    if rule is not None:
        setting = f"rules: {{ {rule}: {{ level: warning }} }}"
        yield f"To accept it, set the rule's level in `.github/reviewer.yml` on the base branch: `{setting}`."


def _row(reported: Reported, subject: Subject, rulebook: Rulebook) -> str:
    finding = reported.finding
    name = message_of(finding, rulebook.rules[finding.rule]).title
    gates = "**fails the check**" if reported.gates else ""
    where = _link(reported, subject).replace("|", "\\|")
    return f"| {name} `{reported.id}` | {where} | {finding.level}, {finding.evidence} | {gates} |"


def _link(reported: Reported, subject: Subject) -> str:
    return _linked(reported.finding.site.path, reported.finding.site.line, subject)


def _linked(path: str, line: int | None, subject: Subject) -> str:
    place = f"{path}:{line}" if line is not None else path
    target = f"{subject.url}/blob/{subject.head}/{quote(path, errors='backslashreplace')}"
    anchor = f"#L{line}" if line is not None else ""
    return f"[{code(place)}]({target}{anchor})"


def _architecture(review: Review, subject: Subject) -> Iterator[str]:
    """What the change does to the profile of each application; it is information, and gates nothing."""

    def place(fact: Fact) -> str:
        return _linked(fact.path, fact.line, subject)

    for change in review.profile_delta:
        rows = [f"- {line}" for line in changes(change, place, code_place)]
        yield from _section(f"The architecture of {code(change.name)} changes (for information)", rows)


def _rest(review: Review, subject: Subject) -> Iterator[str]:
    suppressed = [reported for reported in review.findings if reported.status == "suppressed"]
    if suppressed:
        rows = [f"- {_link(r, subject)} `{r.finding.rule}`: {code(r.finding.suppression or '')}" for r in suppressed]
        yield from _section("Suppressed in the code", rows)
    yield from _section("Fixed by this change", [f"- `{f.rule}` in {code(f.path)}" for f in review.fixed])
    for kind, heading in (("failed", "Could not be analysed"), ("skipped", "Not analysed")):
        rows = [_problem(problem) for problem in review.problems if problem.kind == kind]
        yield from _section(heading, rows)


def _section(heading: str, rows: list[str]) -> Iterator[str]:
    if rows:
        more = [f"- and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else []
        yield "\n".join([f"### {heading}\n", *rows[:MAX_ROWS], *more])


def _problem(problem: Problem) -> str:
    place = f"{code(problem.path)}: " if problem.path else ""
    return f"- {place}{code(problem.message)}"


def _annotation(reported: Reported, plan: Plan, rulebook: Rulebook) -> Annotation:
    """All of a finding's message; where a comment says it, which is shown beside it, only what was seen."""
    finding = reported.finding
    message = message_of(finding, rulebook.rules[finding.rule])
    parts = [message.seen]
    if plan.unsaid.get(reported.fingerprint, SAID) != SAID:
        parts += [message.cost, f"When it is fine: {message.fine}", f"The alternative: {message.alternative}"]
    line = finding.site.line or 1
    return Annotation(
        path=finding.site.path,
        start_line=line,
        end_line=line,
        level=_LEVELS[finding.level],
        title=visible(f"{message.title} ({reported.id})")[:MAX_TITLE],
        message="\n".join(parts).encode()[:MAX_MESSAGE].decode(errors="ignore"),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
