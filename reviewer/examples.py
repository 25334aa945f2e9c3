"""Rule pages as tests: every example is a small repository with the lines a rule must report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reviewer.core.analyse import Engine, analyse
from reviewer.core.check import Check
from reviewer.core.config import Config
from reviewer.core.files import FactsCache
from reviewer.core.finding import Analysis, Finding, Level
from reviewer.core.rulebook import Example, Expectation, Rule, Rulebook
from reviewer.core.snapshot import snapshot_of
from reviewer.render.message import message_of


@dataclass(frozen=True, slots=True)
class Failure:
    """An example that does not hold; ``line`` is its heading in the page."""

    page: str
    line: int
    example: str
    message: str


def run_example(
    rule: Rule, example: Example, rulebook: Rulebook, checks: Mapping[str, Check], cache: FactsCache | None = None
) -> Analysis:
    """The analysis of an example under its rule alone; one that ships off is switched on, as a notice."""
    levels: dict[str, Level] = {rule.id: "notice"} if rule.head.level == "off" else {}
    config = Config(options={rule.id: example.options}, levels=levels)
    engine = Engine(rulebook, checks, config, frozenset({rule.id}))
    return analyse(snapshot_of(example.files), engine, cache)


def failures(
    rule: Rule, rulebook: Rulebook, checks: Mapping[str, Check], cache: FactsCache | None = None
) -> Iterator[Failure]:
    """Every way in which the examples of a page do not hold."""
    for example in rule.examples:
        analysis = run_example(rule, example, rulebook, checks, cache)
        spoken = tuple(finding for finding in analysis.findings if not finding.excluded)
        messages = [*_trouble(analysis), *_differences(rule, example, spoken)]
        if example.bad and not example.expected:
            messages.append("a Bad example marks the line it expects with '// expect'")
        if not example.bad and example.expected:
            messages.append("a Good example expects nothing")
        yield from (Failure(rule.path, example.line, example.name, message) for message in messages)


def _trouble(analysis: Analysis) -> Iterator[str]:
    for problem in analysis.problems:
        yield f"{problem.path}: {problem.kind}: {problem.message}"


def said(finding: Finding, rule: Rule) -> str:
    """Everything a finding tells its reader: the four slots, its places and its suggestion."""
    message = message_of(finding, rule)
    places = [f"{site.path}:{site.line} {site.message}" for site in finding.sites]
    suggested = [f"suggested: {finding.suggestion.replacement}"] if finding.suggestion is not None else []
    return "\n".join([message.seen, message.cost, message.fine, message.alternative, *places, *suggested])


def _differences(rule: Rule, example: Example, findings: tuple[Finding, ...]) -> Iterator[str]:
    left = list(findings)
    for expected in example.expected:
        match = next((f for f in left if _meets(f, expected)), None)
        if match is None:
            near = [f for f in left if (f.site.path, f.site.line) == (expected.path, expected.line)]
            found = f", found {near[0].level} {near[0].evidence}" if near else ""
            wanted = " ".join(word for word in (expected.level, expected.evidence) if word)
            yield f"{expected.path}:{expected.line}: expected {wanted or 'a finding'}{found}"
            left = [f for f in left if f not in near]
        else:
            left.remove(match)
            text = said(match, rule)
            for phrase in expected.says:
                if (phrase.removeprefix("!") in text) == phrase.startswith("!"):
                    yield f"{expected.path}:{expected.line}: expected to say {phrase!r}, says {text!r}"
    for finding in left:
        yield f"{finding.site.path}:{finding.site.line}: unexpected {finding.level} ({finding.key})"


def _meets(finding: Finding, expected: Expectation) -> bool:
    return (
        (finding.site.path, finding.site.line) == (expected.path, expected.line)
        and expected.level in (None, finding.level)
        and expected.evidence in (None, finding.evidence)
    )


def unset_check(rulebook: Rulebook, checks: Mapping[str, Check]) -> list[str]:
    """Names of checks that pages ask for and nobody wrote."""
    return sorted({rule.head.check for rule in rulebook.rules.values()} - checks.keys())
