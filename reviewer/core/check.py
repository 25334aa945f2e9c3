"""What a check is: a function over one application that yields findings and the premises they rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reviewer.core.app import App
from reviewer.core.finding import Arg, Evidence, Finding, Level, Site, Suggestion
from reviewer.core.project import Project
from reviewer.core.rulebook import Rule
from reviewer.core.symbols import Symbols


@dataclass(frozen=True, slots=True)
class Premise:
    """Something true of an application as a whole that a finding compares with, such as what most routes do."""

    text: str


@dataclass(frozen=True)
class Settings:
    """A rule as it is configured for one analysis."""

    rule: Rule
    options: Mapping[str, Any]
    names: Mapping[str, tuple[str, ...]]

    def symbols(self, name: str) -> Symbols:
        """A list of the page as symbols, shared lists included."""
        return Symbols.of(self.listed(name))

    def listed(self, name: str) -> list[str]:
        """A list of the page, with ``@names/x`` replaced by the shared list x."""
        texts: list[str] = []
        for text in (self.rule.head.symbols | self.rule.head.beside).get(name, []):
            texts += self.names[text.removeprefix("@names/")] if text.startswith("@names/") else [text]
        return texts

    def words(self) -> Iterator[tuple[bytes, ...]]:
        """What any script the rule could speak about must hold: all words of one of these sets.

        They follow from the symbols of the page, the shared lists it names, and options that hold symbols.
        """
        texts = [text for name in self.rule.head.symbols for text in self.listed(name)]
        for name, option in self.rule.head.options.items():
            texts += self.options[name] if option.symbols else []
        yield from Symbols.of(text for text in texts if "#" in text).words()
        for text in texts:
            if "#" not in text:
                first, *members = text.split(".")
                yield (first.encode(), *(f".{member}".encode() for member in members))

    def finding(
        self,
        app: App,
        sites: Iterable[Site],
        *,
        key: str,
        level: Level | None = None,
        evidence: Evidence = "high",
        args: Mapping[str, Arg] | None = None,
        premise: str | None = None,
        group: str | None = None,
        subjects: Iterable[str] = (),
        suggestion: Suggestion | None = None,
    ) -> Finding:
        """A finding of this rule in *app*."""
        return Finding(
            rule=self.rule.id,
            level=level or self.rule.head.level,
            evidence=evidence,
            sites=tuple(sites),
            key=key,
            package=app.root,
            args=args or {},
            novelty=self.rule.head.novelty,
            premise=premise,
            group=group,
            subjects=tuple(subject for subject in subjects if subject),
            suggestion=suggestion,
        )


Check = Callable[[App, Project, Settings], Iterable[Finding | Premise]]
