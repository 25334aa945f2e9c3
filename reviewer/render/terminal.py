"""A review as text for a terminal: by file, with the line and a caret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from reviewer.core.finding import Problem, Reported, Review, Site, Suggestion
from reviewer.core.matrix import Profile
from reviewer.core.rulebook import Rule, Rulebook
from reviewer.render.message import message_of, visible
from reviewer.render.profile import changes, code_place, nothing, rows

LineOf = Callable[[str, int], str | None]

MAX_WIDTH = 100
MAX_SKIPPED = 5
MAX_SUGGESTED = 12  # lines of a replacement
LABEL_WIDTH = 20
_STYLES = {"error": "bold red", "warning": "yellow", "notice": "cyan"}
_LABELS = (("seen", ""), ("cost", "What it costs here: "), ("fine", "Fine when: "), ("alternative", "Instead: "))
_CODE = re.compile(r"(`+)(.+?)\1")
_PLACE = re.compile(r":\d+$")
_HELD_SPACE = "\ue000"  # of no repository's: visible() escapes it
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
    _print_delta(review, console)
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
    console.print(head, soft_wrap=True)
    _print_line(site, line_of, console)
    if not in_full:
        console.print(Text("    The same cause as above.", style="dim"))
        return
    _print_wrapped(Text("    "), Text(message_of(finding, rule).title, "bold"), console)
    for row in _prose(reported, rule, _has_styles(console)):
        _print_wrapped(Text("    "), row, console)


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


def _prose(reported: Reported, rule: Rule, styled: bool) -> Iterator[Text]:
    message = message_of(reported.finding, rule)
    for slot, label in _LABELS:
        yield Text.assemble((label, "italic"), _marked(getattr(message, slot), styled))
    for site in reported.finding.sites[1:]:
        place = f"{site.path}:{site.line}" if site.line is not None else site.path
        yield (
            Text(f"see {_unbroken(visible(place))}", style="dim")
            + Text(": " if site.message else "", "dim")
            + _marked(visible(site.message), styled)
        )
    if reported.finding.suggestion is not None:
        yield from _suggested(reported.finding.suggestion, reported.finding.site)
    for cite in message.cites:
        yield Text(f"{cite.title}, {cite.url} (checked {cite.checked})", style="dim")


def _suggested(suggestion: Suggestion, site: Site) -> Iterator[Text]:
    first, last = suggestion.line, suggestion.end_line
    lines = suggestion.replacement.split("\n")
    if (first == last and len(lines) > 1) or (last > first and suggestion.replacement):
        where = f"line {first}" if first == last else f"lines {first} to {last}"
        yield Text(f"Suggested for {where}:", style="italic")
        yield from (Text(visible(line.replace("\t", "  ")), style="green") for line in lines[:MAX_SUGGESTED])
        if len(lines) > MAX_SUGGESTED:
            yield Text(f"… and {len(lines) - MAX_SUGGESTED} more lines", style="dim")
    elif suggestion.replacement.strip():
        yield Text.assemble(("Suggested line: ", "italic"), (visible(suggestion.replacement.strip()), "green"))
    elif first == last:
        yield Text("Delete this line" if first == site.line else f"Delete line {first}", "green")
    else:
        yield Text(f"Delete lines {first} to {last}", "green")


def _has_styles(console: Console) -> bool:
    """Whether a console shows bold text as bold."""
    return console.is_terminal and console.color_system is not None


def _marked(markdown: str, styled: bool) -> Text:
    """Markdown of ours as terminal text: code in bold where that can be seen, else between its ticks.

    A place, ``path:line``, needs no mark and is never broken.
    """
    text, at = Text(), 0
    for match in _CODE.finditer(markdown):
        text.append(markdown[at : match.start()].replace("**", ""))
        inner = match.group(2).strip(" ")
        is_place = _PLACE.search(inner) is not None
        text.append(_unbroken(inner) if is_place else inner if styled else match.group(), "bold")
        at = match.end()
    return text.append(markdown[at:].replace("**", ""))


def _unbroken(text: str) -> str:
    """A text whose spaces are no places to wrap at."""
    return text.replace(" ", _HELD_SPACE)


def _print_wrapped(label: Text, text: Text, console: Console) -> None:
    """A label, and a text that is wrapped beside it at spaces only: what is longer than a line stays whole."""
    width = max(20, min(console.width, MAX_WIDTH) - cell_len(label.plain) - 2)
    for index, line in enumerate(_wrapped(text, width)):
        line.plain = line.plain.replace(_HELD_SPACE, " ")
        start = label if index == 0 else Text(" " * cell_len(label.plain))
        console.print(Text.assemble(start, line), soft_wrap=True)


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    plain, first, end = text.plain, 0, 0
    for match in re.finditer(r"[^ \n]+", plain):
        if end and cell_len(plain[first : match.end()]) > width:
            yield text[first:end]
            first = match.start()
        end = match.end()
    yield text[first:end]


def print_profiles(
    profiles: Sequence[Profile], failed: Sequence[Problem], console: Console, applications: int = 0
) -> None:
    """Prints the architecture profile of each application, and what could not be analysed.

    *applications* is the number of Next applications of the tree, which have no profiles in a collection.
    """
    for profile in profiles:
        console.print(Text(visible(profile.name), style="bold underline"), Text(profile.measures.what), soft_wrap=True)
        for label, line in rows(profile, code_place):
            start = Text(f"  {label + ':' if label else '':<{LABEL_WIDTH}}", style="italic")
            _print_wrapped(start, _marked(line, _has_styles(console)), console)
        console.print()
    for problem in failed:
        console.print(Text(_problem_line(problem), style="bold red"), soft_wrap=True)
    if not profiles and not failed:
        _print_wrapped(Text(), Text(nothing(applications)), console)


def _print_delta(review: Review, console: Console) -> None:
    for change in review.profile_delta:
        head = Text(f"The architecture of {visible(change.name)} changes (for information):", style="bold")
        console.print(head, soft_wrap=True)
        for line in changes(change, code_place, code_place):
            _print_wrapped(Text("  "), _marked(line, _has_styles(console)), console)


def _problem_line(problem: Problem) -> str:
    return f"{problem.kind.capitalize()}: {visible(problem.path) or '.'}: {visible(problem.message)}."


def _closing(review: Review) -> Iterator[Text]:
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
