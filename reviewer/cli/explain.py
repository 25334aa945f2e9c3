"""A rule's page for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markdown import Markdown

from reviewer.core.rulebook import Rule


def print_rule(rule: Rule) -> None:
    """Prints what a rule looks at, both sides of the trade-off, its options and its sources."""
    Console(highlight=False).print(Markdown("\n\n".join(_sections(rule))))


def _sections(rule: Rule) -> list[str]:
    head = rule.head
    sections = [
        f"# {head.title}",
        f"`{head.id}`, level {head.level} by default, reported once per "
        + {"site": "place", "delta": "cause", "touched": "place a change touches"}[head.novelty],
        f"## What it costs\n\n{rule.costs}",
        f"## When it is fine\n\n{rule.fine}",
    ]
    if head.options:
        rows = [f"- `{name}` (default `{option.default}`): {option.help}" for name, option in head.options.items()]
        sections.append("## Options\n\n" + "\n".join(rows))
    cites = [f"- {cite.title}, {cite.url}: {cite.supports} (checked {cite.checked})" for cite in head.cites]
    sections.append("## Sources\n\n" + "\n".join(cites))
    bad = [example.name for example in rule.examples if example.bad]
    good = [example.name for example in rule.examples if not example.bad]
    sections.append("## Reported\n\n" + "\n".join(f"- {name}" for name in bad))
    sections.append("## Not reported\n\n" + "\n".join(f"- {name}" for name in good))
    return sections
