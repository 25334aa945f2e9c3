"""A finding as the comment its pull request's author reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reviewer.core.finding import Anchor, Reported, Suggestion
from reviewer.core.rulebook import Rule
from reviewer.render.message import Message, code, message_of, visible

MAX_PLACES = 20
MAX_REPLACEMENT = 2_000
_LABELS = (("cost", "What it costs here."), ("fine", "When it is fine."), ("alternative", "The alternative."))


def comment(findings: Sequence[Reported], rule: Rule, at: Anchor | None = None) -> str:
    """One comment for all findings of one cause, the first of them in full. *at* is the line it is put on."""
    first = findings[0].finding
    message = message_of(first, rule)
    fails = ", fails the check" if any(finding.gates for finding in findings) else ""
    parts = [f"**{message.title}** ({first.level}, {first.evidence} evidence{fails}){_where(findings[0], at)}"]
    parts.append(message.seen)
    parts += [f"**{label}** {getattr(message, slot)}" for slot, label in _LABELS]
    if len(findings) > 1:
        parts.append(_places(findings[1:]))
    if first.suggestion is not None and len(findings) == 1:
        parts += _suggestion(first.suggestion, at)
    parts.append(_sources(message, rule))
    return "\n\n".join(parts) + "\n"


def _where(finding: Reported, at: Anchor | None) -> str:
    """The place of a finding, where the comment does not stand on it."""
    site = finding.finding.site
    return "" if at is not None and (site.path, site.line) == (at.path, at.line) else f" in {code(_place(finding))}"


def _places(findings: Sequence[Reported]) -> str:
    rows = [f"- {code(_place(finding))}" for finding in findings[:MAX_PLACES]]
    if len(findings) > MAX_PLACES:
        rows.append(f"- and {len(findings) - MAX_PLACES} more")
    return "The same at:\n\n" + "\n".join(rows)


def _place(finding: Reported) -> str:
    site = finding.finding.site
    return f"{site.path}:{site.line}" if site.line is not None else site.path


def _suggestion(suggestion: Suggestion, at: Anchor | None) -> Iterator[str]:
    """The block that applies a replacement, which GitHub applies to the line of the comment; elsewhere it is quoted.

    None where what it would write cannot be shown as it is.
    """
    replacement = suggestion.replacement
    shown = replacement.translate({ord("\n"): " ", ord("\t"): " "})
    if visible(shown) != shown or len(replacement) > MAX_REPLACEMENT:
        return
    fence = "```"
    while fence in replacement:
        fence += "`"
    lines = {suggestion.line, suggestion.end_line}
    applies = at is not None and at.path == suggestion.path and lines == {at.line}
    if not applies:
        place = code(f"{suggestion.path}:{suggestion.line}")
        if not replacement:
            yield f"**Instead**, delete {place}."
            return
        yield f"**Instead**, at {place}:"
    yield f"{fence}{'suggestion' if applies else ''}\n{replacement}\n{fence}"


def _sources(message: Message, rule: Rule) -> str:
    cites = [f"[{cite.title}]({cite.url}) (checked {cite.checked})" for cite in message.cites]
    label = "Source" if len(cites) == 1 else "Sources"
    return f"<sub>{label}: {' · '.join(cites)} · rule `{rule.id}`</sub>"
