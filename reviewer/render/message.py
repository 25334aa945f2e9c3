"""What a finding says: the four slots of its rule's page, filled with what was found."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from reviewer.core.finding import Arg, Finding
from reviewer.core.rulebook import SLOTS, Cite, Rule, Sentence, Spoken

MAX_CITES = 2
MAX_ECHO = 120
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_WORD = re.compile(r"[^\W_]+(?:['’.\-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Message:
    """The slots of a comment as Markdown, and the sources it cites."""

    title: str
    seen: str
    cost: str
    fine: str
    alternative: str
    cites: tuple[Cite, ...]

    def words(self) -> int:
        """How many words of prose the four slots have."""
        return len(_WORD.findall(" ".join((self.seen, self.cost, self.fine, self.alternative))))


def message_of(finding: Finding, rule: Rule) -> Message:
    """The message of one finding."""
    slots = {slot: _slot(getattr(rule.head.message, slot), finding.args) for slot in SLOTS}
    cites = tuple(cite for cite in rule.head.cites if holds(cite.when, finding.args))[:MAX_CITES]
    titles = (sentence.text for sentence in rule.head.message.title if holds(sentence.when, finding.args))
    return Message(next(titles, rule.head.title), cites=cites, **slots)


def holds(when: Mapping[str, object], args: Mapping[str, Arg]) -> bool:
    """Whether every argument a sentence asks for has the value it asks for."""
    return all(
        args.get(name) in wanted if isinstance(wanted, list) else name in args and args[name] == wanted
        for name, wanted in when.items()
    )


def _slot(spoken: list[Spoken], args: Mapping[str, Arg]) -> str:
    said = [text for item in spoken if (text := _said(item, args))]
    return " ".join(_PLACEHOLDER.sub(lambda match: _shown(args[match.group(1)]), text) for text in said)


def _said(item: Spoken, args: Mapping[str, Arg]) -> str | None:
    if isinstance(item, str):
        return item
    options = [item] if isinstance(item, Sentence) else item.first
    return next((sentence.text for sentence in options if holds(sentence.when, args)), None)


def _shown(value: Arg) -> str:
    if isinstance(value, tuple):
        return ", ".join(code(part) for part in value)
    return code(value) if isinstance(value, str) else str(value)


def code(text: str, most: int = MAX_ECHO) -> str:
    """Text of a repository as a code span nothing in it can end or reach out of, *most* characters of it."""
    text = visible(text)
    if len(text) > most:
        text = text[:most] + "…"
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{space}{text}{space}{fence}"


def visible(text: str) -> str:
    """The text with control, bidirectional and unassigned characters shown as escapes."""
    return "".join(
        char if char.isprintable() or unicodedata.category(char) == "Zs" else f"\\u{{{ord(char):x}}}" for char in text
    )
