"""A review as text for a terminal: by file, with the line and a caret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from reviewer.core.finding import Problem, Reported, Review, Site
from reviewer.core.matrix import Profile
from reviewer.core.rulebook import Rule, Rulebook
from reviewer.render.message import message_of, visible
from reviewer.render.profile import changes, code_place, rows

LineOf = Callable[[str, int], str | None]

MAX_WIDTH = 100
MAX_SKIPPED = 5
LABEL_WIDTH = 20
_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}
_LABELS = (("seen", ""), ("cost", "What it costs here: "), ("fine", "Fine when: "), ("alternative", "Instead: "))
_CODE = re.compile(r"(`+)(.+?)\1")
_NOUNS = {"error": "errors", "warning": "warnings", "notice": "notices"}


def print_review(review: Review, rulebook: Rulebook, line_of: LineOf, console: Console) -> None:
    """Prints the whole review. *line_of* gives the text of a line of the head tree, or None."""
    said: set[str] = set()
    for path, findings in groupby(review.findings, key=lambda reported: reported.finding.site.path):
        console.print(Text(visible(path), style="bold underline"))
        for reported in findings:
            rule = rulebook.rules[reported.finding.rule]
            _print_finding(reported, rule, line_of, console, in_full=reported.cause not in said)
            said.add(reported.cause)
        console.print()
    for line in _closing(review):
        console.print(line, soft_wrap=True)


def _print_finding(reported: Reported, rule: Rule, line_of: LineOf, console: Console, in_full: bool) -> None:
    finding = reported.finding
    site = finding.site
    place = f"{site.line}:{site.column}" if site.line is not None else "-"
    head = Text.assemble(
        f"  {place}  ",
        (finding.level, _STYLES[finding.level]),
        (" (gates)" if reported.gates else "", "bold"),
        (" (suppressed)" if reported.status == "suppressed" else "", "dim"),
        f"  {rule.id}  ",
        (reported.id, "dim"),
    )
    console.print(head)
    _print_line(site, line_of, console)
    if not in_full:
        console.print(Text("    The same cause as above.", style="dim"))
        return
    console.print(Padding(Text(message_of(finding, rule).title, "bold"), (0, 2, 0, 4), expand=False))
    for row in _prose(reported, rule):
        console.print(Padding(row, (0, 2, 0, 4), expand=False))


def _print_line(site: Site, line_of: LineOf, console: Console) -> None:
    text = line_of(site.path, site.line) if site.line is not None else None
    if text is None:
        return
    indent = len(text) - len(text.lstrip())
    shown = visible(text.strip().replace("\t", " "))
    width = max(20, min(console.width, MAX_WIDTH) - 12)
    caret = len(visible(text[indent : max(indent, site.column - 1)].replace("\t", " ")))
    if len(shown) > width:
        start = max(0, min(caret - width // 2, len(shown) - width))
        shown, caret = shown[start : start + width], caret - start
    number = str(site.line)
    console.print(Text.assemble((f"    {number} | ", "dim"), shown), soft_wrap=True)
    console.print(Text.assemble((f"    {' ' * len(number)} | ", "dim"), " " * caret, ("^", "bold")), soft_wrap=True)


def _prose(reported: Reported, rule: Rule) -> Iterator[Text]:
    message = message_of(reported.finding, rule)
    for slot, label in _LABELS:
        yield Text(label, style="italic") + _marked(getattr(message, slot))
    for site in reported.finding.sites[1:]:
        place = f"{site.path}:{site.line}" if site.line is not None else site.path
        yield (
            Text(f"see {visible(place)}", style="dim")
            + Text(": " if site.message else "", "dim")
            + _marked(visible(site.message))
        )
    if reported.finding.suggestion is not None:
        yield Text("Suggested line: ", style="italic") + Text(
            visible(reported.finding.suggestion.replacement.strip()), "green"
        )
    for cite in message.cites:
        yield Text(f"{cite.title}, {cite.url} (checked {cite.checked})", style="dim")


def _marked(markdown: str) -> Text:
    """Markdown of ours as terminal text: code spans in bold, without their ticks."""
    text, at = Text(), 0
    for match in _CODE.finditer(markdown):
        text.append(markdown[at : match.start()].replace("**", ""))
        text.append(match.group(2).strip(" "), "bold")
        at = match.end()
    return text.append(markdown[at:].replace("**", ""))


def print_profiles(profiles: Sequence[Profile], failed: Sequence[Problem], console: Console) -> None:
    """Prints the architecture profile of each application, and what could not be analysed."""
    for profile in profiles:
        console.print(Text(visible(profile.name), style="bold underline"), Text(profile.measures.what), soft_wrap=True)
        for label, line in rows(profile, code_place):
            text = Text(f"  {label + ':' if label else '':<{LABEL_WIDTH}}", style="italic")
            console.print(_hanging(text, _marked(line), console))
        console.print()
    for problem in failed:
        console.print(Text(_problem_line(problem), style="bold red"), soft_wrap=True)
    if not profiles:
        console.print("No application to profile: no Next.js application or service, or a collection of examples.")


def _hanging(label: Text, text: Text, console: Console) -> Text:
    """A label, and a text that is wrapped beside it."""
    lines = text.wrap(console, max(20, min(console.width, MAX_WIDTH) - len(label.plain)))
    return label + Text(f"\n{' ' * len(label.plain)}").join(lines)


def _profile_delta(review: Review) -> Iterator[Text]:
    for change in review.profile_delta:
        yield Text(f"The architecture of {visible(change.name)} changes (for information):", style="bold")
        for line in changes(change, code_place, code_place):
            yield Text("  ") + _marked(line)


def _problem_line(problem: Problem) -> str:
    return f"{problem.kind.capitalize()}: {visible(problem.path) or '.'}: {visible(problem.message)}."


def _closing(review: Review) -> Iterator[Text]:
    yield from _profile_delta(review)
    for fixed in review.fixed:
        yield Text(f"Fixed: {visible(fixed.path)} no longer has {fixed.rule}.", style="green")
    failed = [problem for problem in review.problems if problem.kind == "failed"]
    skipped = [problem for problem in review.problems if problem.kind == "skipped"]
    for problem in (*failed, *skipped[:MAX_SKIPPED]):
        yield Text(_problem_line(problem), style="bold red" if problem.kind == "failed" else "dim")
    if len(skipped) > MAX_SKIPPED:
        yield Text(f"Skipped: and {len(skipped) - MAX_SKIPPED} more (--format json lists them all).", style="dim")
    yield Text(total(review), style="bold")


def total(review: Review) -> str:
    """The review in one line."""
    counts = [(sum(r.finding.level == level for r in review.findings), level) for level in _STYLES]
    parts = [f"{count} {level if count == 1 else _NOUNS[level]}" for count, level in counts if count]
    found = f"{len(review.findings)} finding{'' if len(review.findings) == 1 else 's'}"
    text = f"{found} ({', '.join(parts)})" if parts else "No findings"
    gating = sum(reported.gates for reported in review.findings)
    if gating:
        text += f", {gating} of them gating"
    if review.fixed:
        text += f", {len(review.fixed)} fixed"
    return f"{text}. {_incomplete(review.problems)}{_VERDICTS[review.verdict]}"


_VERDICTS = {
    "success": "Nothing stands in the way.",
    "failure": "This fails the check.",
    "incomplete": "The result is incomplete.",
}


def _incomplete(problems: Sequence[Problem]) -> str:
    skipped = sum(problem.kind == "skipped" for problem in problems)
    failed = len(problems) - skipped
    parts = [f"{count} {word}" for count, word in ((skipped, "skipped"), (failed, "failed")) if count]
    return f"Not analysed or only in part: {', '.join(parts)}. " if parts else ""
